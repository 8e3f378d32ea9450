"""A cloud for the templates that the project brings, looked at through the cloud's own world."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path

from cfnlib import Stacks
from cfnlib.config import Config

TEMPLATES = Path(__file__).parents[2] / "templates"


class Cloud:
    """A simulated cloud, and stacks on it in one of its zones."""

    def __init__(self, simulator, folder) -> None:
        self.simulator = simulator
        self._folder = folder

    def stacks(self, zone="Sandbox"):
        """Stacks in a zone."""
        config = Config.load(
            environ={"HOME": str(self._folder)},
            endpoint=self.simulator.endpoint,
            key=self.simulator.admin.key,
            secret=self.simulator.admin.secret,
            zone=zone,
            state_url=f"sqlite:///{self._folder / f'{zone}.db'}",
        )
        return Stacks.from_config(config=config)

    def machines(self):
        """The machines of the cloud by name."""
        return {one["name"]: one for one in self.simulator.world.live("virtualmachine")}

    def user_data(self, name):
        """What a machine was given to run at its first boot."""
        return b64decode(self.machines()[name]["userdata"]).decode()
