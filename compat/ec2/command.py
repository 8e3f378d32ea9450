"""`python -m compat.ec2` and `cfnlib ec2`: the EC2 API, until it is told to stop."""

from __future__ import annotations

import argparse
import logging
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve

from cfnlib.config import Config, embedded_folder
from cfnlib.embedded import EmbeddedCloud
from cfnlib.errors import CfnlibError
from cfnlib.identity.gate import Gate
from cfnlib.identity.keyring import AdminKeyring
from cfnlib.server.opening import keyring_of
from cfnlib.web import Door, Listening, Server, Stop, memory, setup_logging
from compat.ec2.door import Bridge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cfnlib.identity.keyring import Keyring

_DESCRIPTION = r"""\ The EC2 API in front of a CloudStack: of the configured one (as for the command line), or of the
embedded one when none is configured. Clients sign with their own CloudStack API key and secret key."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT. Gives the exit status: 0, or 3 when the cloud or the port cannot be had."""
    given = _parser().parse_args(arguments)
    setup_logging(logging.INFO if given.verbose else logging.WARNING, as_json=given.log_format == "json")
    memory.begin()
    stop = Stop()
    try:
        with ExitStack() as stack:
            config, keyring, shown = _cloud(given, stack)
            bridge = Bridge(
                config,
                Gate(keyring),
                public_addresses=given.public_addresses,
                requests_per_s=given.requests_per_s,
            )
            stack.callback(bridge.close)
            server = Server(
                Door(bridge.handle, name="ec2", refuse=bridge.refuse),
                Listening(host=given.host, port=given.port),
                threads=given.threads,
            )
            server.start()
            stack.callback(server.stop)
            _tell(server.url, shown, given.url_file)
            memory.loaded()
            while not stop.wait(memory.GIVE_BACK_S):
                memory.give_back()
    except CfnlibError as error:
        sys.stderr.write(f"cfnlib ec2: {error}\n")
        return 3
    return 0


def _cloud(
    given: argparse.Namespace, stack: ExitStack
) -> tuple[Callable[[], Config], Keyring, tuple[str, str] | None]:
    """Where the cloud is (asked again for each request), who knows the callers, and keys that may be shown."""
    overrides = {"zone": given.zone, "region": given.region, "state_url": "sqlite:///:memory:"}
    config = Config.load(given.profile, mapping=given.mapping, **overrides)
    if not config.embedded:
        return (lambda: config), keyring_of(config, given.keys), None
    folder = embedded_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    cloud = EmbeddedCloud(folder)
    stack.callback(cloud.close)
    place = cloud.place()
    near = partial(_near, config, cloud)
    return near, AdminKeyring(near), (place["key"], place["secret"])


def _near(config: Config, cloud: EmbeddedCloud) -> Config:
    """The settings for wherever the embedded cloud is served just now."""
    return evolve(config.with_cloud(**cloud.place()), retry_backoff_s=0.05, proxy=None)


def _tell(url: str, shown: tuple[str, str] | None, url_file: Path | None) -> None:
    lines = [f"cfnlib ec2: listening at {url}"]
    if shown is not None:
        lines += [f"export AWS_ACCESS_KEY_ID={shown[0]}", f"export AWS_SECRET_ACCESS_KEY={shown[1]}"]
    lines.append(f"export AWS_ENDPOINT_URL_EC2={url}")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
    if url_file is not None:
        new = url_file.with_name(f"{url_file.name}.new")
        new.write_text(url, encoding="utf-8")
        new.replace(url_file)


def _rate(text: str) -> float:
    """A number of requests a second."""
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text}: it must be more than 0")
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("cfnlib ec2", description=_DESCRIPTION)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8773, help="port, 0 for any free one (default: 8773)")
    parser.add_argument("--threads", type=int, default=16, metavar="N", help="requests at once (default: 16)")
    parser.add_argument("--profile", metavar="NAME", help="section of ~/.cloudstack.ini")
    parser.add_argument(
        "--mapping", type=Path, metavar="FILE", help="names for images, types, zones (~/.cfnlib.yaml)"
    )
    parser.add_argument("--zone", metavar="NAME", help="the zone of what names none")
    parser.add_argument("--region", metavar="NAME", help="the name of the one region")
    parser.add_argument(
        "--keys", type=Path, metavar="FILE", help="key file; without it the cloud is asked for secrets"
    )
    parser.add_argument(
        "--public-addresses",
        action="store_true",
        help="give each launched machine a public address, in zones without security groups",
    )
    parser.add_argument(
        "--requests-per-second",
        dest="requests_per_s",
        type=_rate,
        metavar="N",
        help="how often an account may ask, on average (default: as often as it likes)",
    )
    parser.add_argument("--url-file", type=Path, metavar="FILE", help="written as soon as it listens: where")
    parser.add_argument("--log-format", choices=("json", "text"), default="text", help="(default: text)")
    parser.add_argument("--verbose", action="store_true", help="log every request")
    return parser
