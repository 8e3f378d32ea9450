"""The EC2 API that the script talks to: one that runs already, or one that lives as long as the script does."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from runner.problem import Problem

_PATIENCE_S = 30.0
_ROOT = str(Path(__file__).resolve().parents[3])


class Bridge:
    """`url` is where the EC2 API is, `keys` the pair of the cloud that was started for it, if one was."""

    def __init__(self, url: str | None, folder: Path, profile: str | None) -> None:
        self._given = url or os.environ.get("CFNLIB_EC2_URL")
        self._folder = folder
        self._profile = profile
        self._process: subprocess.Popen[bytes] | None = None
        self.url = self._given or ""

    def __enter__(self) -> Self:
        if self._given is None:
            self._start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _start(self) -> None:
        place, log = self._folder / "bridge-url", self._folder / "bridge.log"
        command = [sys.executable, "-m", "compat.ec2", "--port", "0", "--url-file", str(place)]
        if self._profile is not None:
            command += ["--profile", self._profile]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([_ROOT, os.environ.get("PYTHONPATH", "")])}
        with log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - it is this project's own
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        until = time.monotonic() + _PATIENCE_S
        while not place.exists():
            if self._process.poll() is not None or time.monotonic() > until:
                said = log.read_text(encoding="utf-8", errors="replace").strip()
                self.__exit__()
                raise Problem(f"the EC2 API could not be started:\n{said or 'it says nothing'}")
            time.sleep(0.05)
        self.url = place.read_text(encoding="utf-8").strip()


def credentials(profile: str | None, bridge: Bridge) -> dict[str, str]:
    """The key pair for the script's environment: the one that is there, else that of the configured CloudStack."""
    key, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if key and secret:
        return {}
    sys.path.append(_ROOT)
    try:
        from cfnlib.config import Config, embedded_folder  # noqa: PLC0415 - only who has no keys set needs it
        from cfnlib.embedded import EmbeddedCloud  # noqa: PLC0415
    except ImportError:
        raise Problem(
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to your CloudStack API key and secret key"
        ) from None
    config = Config.load(profile)
    if config.key and config.secret:
        return {"AWS_ACCESS_KEY_ID": config.key, "AWS_SECRET_ACCESS_KEY": config.secret}
    if bridge.url and not config.embedded:
        raise Problem("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to your CloudStack API key and secret key")
    place = EmbeddedCloud(embedded_folder()).place()
    return {"AWS_ACCESS_KEY_ID": place["key"], "AWS_SECRET_ACCESS_KEY": place["secret"]}
