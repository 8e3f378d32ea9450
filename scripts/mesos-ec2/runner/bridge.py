"""The EC2 API that the script talks to: one that runs already, or one that lives as long as the script does."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from runner.boto import parsed
from runner.ending import undisturbed
from runner.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PATIENCE_S = 60.0
"""How long the EC2 API may take until it listens, in seconds: on a busy machine its imports take a while."""
_ANSWER_S = 10.0
_OWN = Path(__file__).resolve().parents[1]
_ROOT = _OWN.parents[1]
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_NO_KEYS = f"set {_KEYS[0]} and {_KEYS[1]} to your CloudStack API key and secret key"


class Bridge(NamedTuple):
    """Where the EC2 API is, and the variables with the keys for it that the script's environment lacks."""

    url: str
    keys: Mapping[str, str]


@contextmanager
def bridge(asked: str | None, folder: Path, profile: str | None) -> Iterator[Bridge]:
    """The EC2 API that is asked for or configured, else one that is started and ended. Raises `Problem`."""
    url = asked or os.environ.get("CFNLIB_EC2_URL") or _configured(profile)[0]
    if url is not None:
        _answers(url)
        yield Bridge(url, _keys(profile))
        return
    place, log = folder / "bridge-url", folder / "bridge.log"
    options = ["--port", "0", "--url-file", str(place)]
    if profile is not None:
        options += ["--profile", profile]
    command = [sys.executable, "-P", "-m", "runner.serving", str(folder), *options]
    path = os.pathsep.join(filter(None, [str(_OWN), str(_ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    process = None
    with os.fdopen(os.open(log, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:
        try:
            process = subprocess.Popen(  # noqa: S603 - it is this project's own
                command,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            _until_it_listens(process, place, log)
            shown = _shown(log)
            yield Bridge(place.read_text(encoding="utf-8").strip(), shown or _keys(profile))
        finally:
            with undisturbed():
                _end(process)


def _until_it_listens(process: subprocess.Popen[bytes], place: Path, log: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while not place.exists():
        if process.poll() is not None or time.monotonic() > until:
            said = log.read_text(encoding="utf-8", errors="replace").strip()
            missing = re.search(r"^ModuleNotFoundError: .*$", said, re.MULTILINE)
            if missing:
                said = f"{missing[0]}\nTo install what it needs: python3 -m pip install 'cfnlib[service,mesos-ec2]'"
            raise Problem(f"the EC2 API could not be started:\n{said or 'it says nothing'}")
        time.sleep(0.05)


def _end(process: subprocess.Popen[bytes] | None) -> None:
    if process is None or process.stdin is None:
        return
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdin.close()


def _answers(url: str) -> None:
    """See that something listens there: boto would try again and again, without a word."""
    parts = parsed(url)
    place = (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
    try:
        socket.create_connection(place, timeout=_ANSWER_S).close()
    except OSError as error:
        raise Problem(f"nothing answers at {url} ({error}); is the EC2 API (`cfnlib ec2`) running there?") from None


def _shown(log: Path) -> dict[str, str]:
    """The keys that an EC2 API in front of an embedded cloud shows: no other can be meant for it."""
    said = log.read_text(encoding="utf-8", errors="replace")
    found = dict(re.findall(r"^export (AWS_\w+)=(\S+)$", said, re.MULTILINE))
    return {name: found[name] for name in _KEYS} if set(_KEYS) <= found.keys() else {}


def _keys(profile: str | None) -> dict[str, str]:
    """The variables with the keys: none when they are set already, else the configured CloudStack's."""
    if all(os.environ.get(name) for name in _KEYS):
        return {}
    _, key, secret = _configured(profile)
    if not (key and secret):
        raise Problem(_NO_KEYS)
    return {_KEYS[0]: key, _KEYS[1]: secret}


def _configured(profile: str | None) -> tuple[str | None, str | None, str | None]:
    """The EC2 API, key and secret key of cfnlib's configuration. Raises `Problem` when that is wrong."""
    sys.path.append(str(_ROOT))
    try:
        from cfnlib.config import Config  # noqa: PLC0415 - who has all set does not need cfnlib
        from cfnlib.errors import CfnlibError  # noqa: PLC0415
    except ImportError as error:
        raise Problem(f"{error}: python3 -m pip install 'cfnlib[service,mesos-ec2]'") from None
    finally:
        sys.path.remove(str(_ROOT))
    try:
        config = Config.load(profile)
    except CfnlibError as error:
        if os.environ.get("CFNLIB_EC2_URL") and not os.environ.get("CLOUDSTACK_KEY"):
            raise Problem(_NO_KEYS) from None
        raise Problem(str(error)) from None
    return config.ec2_url, config.key, config.secret
