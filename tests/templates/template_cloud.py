"""A cloud for the templates that the project brings, looked at as any client of CloudStack looks at it."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path

from cs import CloudStack

from cfnlib.config import Config
from cfnlib.stacks import Stacks

TEMPLATES = Path(__file__).parents[2] / "templates"
KINDS = (
    "listVirtualMachines",
    "listPublicIpAddresses",
    "listFirewallRules",
    "listVolumes",
    "listSecurityGroups",
    "listNetworks",
    "listSSHKeyPairs",
)


class Cloud:
    """A simulated cloud, and stacks on it in one of its zones."""

    def __init__(self, simulator, folder) -> None:
        self.simulator = simulator
        self._folder = folder
        keys = simulator.admin
        self._client = CloudStack(endpoint=simulator.endpoint, key=keys.key, secret=keys.secret)

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

    def list(self, command, **parameters: object):
        """The items of a listing."""
        return getattr(self._client, command)(fetch_list=True, **parameters)

    def held(self):
        """The ids of all that the cloud holds, by kind."""
        return {command: {one.get("id") or one["name"] for one in self.list(command)} for command in KINDS}

    def machines(self):
        """The machines of the cloud by name."""
        return {one["name"]: one for one in self.list("listVirtualMachines")}

    def address(self, name):
        """The address of a machine in its network."""
        return self.machines()[name]["nic"][0]["ipaddress"]

    def programs(self):
        """What each machine was given to run at its first boot, by the machine's name."""
        return {name: self._user_data(one["id"]) for name, one in self.machines().items()}

    def _user_data(self, machine_id) -> str:
        answer = self._client.getVirtualMachineUserData(virtualmachineid=machine_id)
        return b64decode(answer["virtualmachineuserdata"]["userdata"]).decode()
