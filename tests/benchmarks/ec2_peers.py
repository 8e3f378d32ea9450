"""The same requests to our EC2 API, to ec2stack and to moto's server: what each of them can do.

python tests/benchmarks/ec2_peers.py [--moto PATH] [--ec2stack PATH]

For every action that EC2's usual clients ask for, one well-formed request is sent where it has its place in the life
of an account (`ec2_peers_walk`, `ec2_peers_vpc`), and its effect is looked for. Ours is asked by both versions of the
signature, and the worse verdict counts; ec2stack knows Version 2 only (what comes of Version 4 is told in a figure);
moto's server, which checks none, takes what is not signed by Version 4 for S3.

ec2stack 0.7.1 needs Python 2.7: `--ec2stack` names one that has it, else it is installed from PyPI for a 2.7 that is
found. Its cloud is an embedded one, as ours; both walk in a zone with security groups and in one without, each in a
new cloud, and the better verdict counts. moto (`moto_server` on the path, or --moto) is its own cloud.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

import boto3
from botocore.config import Config as BotoConfig

sys.path[:0] = [str(Path(__file__).parents[1] / name) for name in ("ec2", "clients27")]

from ec2_bridges import ec2_bridges  # noqa: E402 - the modules of the tests
from ec2_peers_vpc import vpc_things, vpn  # noqa: E402 - as above
from ec2_peers_walk import (  # noqa: E402 - as above
    Walk,
    addresses,
    ended,
    groups,
    images,
    key_pairs,
    launched,
    places,
    rest,
    spot,
    states,
    tags,
    volumes,
)
from python27 import installed, interpreter  # noqa: E402 - as above

from cfnlib.config import Config  # noqa: E402 - as above
from cfnlib.drivers.cloudstack.client import Client  # noqa: E402 - as above

if TYPE_CHECKING:
    from collections.abc import Iterator

EC2STACK = ("ec2stack==0.7.1", "werkzeug<1.0")
ZONES = ("Sandbox", "SandboxSG")
JOB_S = 0.02
VERSIONS = {"cfnlib": ("v2", "v4"), "ec2stack": ("v2", "v4"), "moto": ("v4",)}
"""By which versions each is asked; the last of ec2stack's is for a figure only."""
ORDER = {"works": 0, "partial": 1}


def client_of(url: str, key: str, secret: str, version: str) -> Any:
    """boto3, signing by a version."""
    return boto3.client(
        "ec2",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=BotoConfig(
            signature_version=version, parameter_validation=False, retries={"total_max_attempts": 1}, read_timeout=120
        ),
    )


def walked(ec2: Any, zone: str) -> dict[str, str]:
    """The verdict on each action, by its name."""
    walk = Walk(ec2, zone)
    places(walk)
    key_pairs(walk)
    group = groups(walk)
    machines = launched(walk, group)
    first = machines[0]
    tags(walk, first)
    volumes(walk, first)
    addresses(walk, first)
    vpc_things(walk, first)
    states(walk, first)
    images(walk, first)
    spot(walk)
    walk.step(
        "TerminateInstances", lambda _: walk.state(first) in {"shutting-down", "terminated", ""}, InstanceIds=[first]
    )
    ended(walk, group)
    rest(walk)
    vpn(walk)
    return walk.verdicts


def of_cfnlib(version: str) -> dict[str, str]:
    """Our own, in both kinds of zone."""
    found = []
    for zone in ZONES:
        with ec2_bridges(zone, job_s=JOB_S) as world:
            found.append(walked(client_of(world.urls[0], *world.user, version), zone))
    return better(*found)


def of_ec2stack(python: str, environ: dict[str, str], version: str) -> dict[str, str]:
    """ec2stack, in both kinds of zone."""
    found = []
    for zone in ZONES:
        with ec2_bridges(zone, job_s=JOB_S) as world, ec2stack(python, environ, world, zone) as url:
            found.append(walked(client_of(url, *world.user, version), zone))
    return better(*found)


def of_moto(path: str, version: str) -> dict[str, str]:
    """The server of moto."""
    with moto(path) as url:
        return walked(client_of(url, "key", "secret", version), "us-east-1a")


def better(*found: dict[str, str]) -> dict[str, str]:
    """For each action the best verdict."""
    return {name: min((one[name] for one in found), key=_rank) for name in found[0]}


def worse(*found: dict[str, str]) -> dict[str, str]:
    """For each action the worst verdict."""
    return {name: max((one[name] for one in found), key=_rank) for name in found[0]}


def _rank(said: str) -> int:
    return ORDER.get(said, 2)


@contextmanager
def ec2stack(python: str, environ: dict[str, str], world: Any, zone: str) -> Iterator[str]:
    """ec2stack in front of a cloud, configured by its own program, its user registered; gives its URL."""
    place, port = urlsplit(world.simulator.endpoint), free_port()
    near = Config(endpoint=world.simulator.endpoint, key=world.admin.key, secret=world.admin.secret)
    cloud = Client(near)
    vpcs = cloud.rows("listVPCOfferings", "vpcoffering")
    types = cloud.rows("listServiceOfferings", "serviceoffering")
    disks = [row["name"] for row in cloud.rows("listDiskOfferings", "diskoffering") if row["iscustomized"]]
    cloud.close()
    names = {row["name"] for row in types}
    answers = [
        "127.0.0.1",
        str(port),
        place.hostname,
        str(place.port),
        "http",
        place.path,
        disks[0],
        zone,
        vpcs[0]["id"],
    ]
    answers += ["No", "No"] if "m1.small" in names else ["Yes", "m1.small", min(names), "No", "No"]
    with tempfile.TemporaryDirectory() as home:
        around = {**environ, "HOME": home}
        run = (
            "import sys; sys.argv = ['ec2stack-configure', '-a', 'True']; from ec2stack.configure import main; main()"
        )
        subprocess.run(
            [python, "-c", run],
            input="\n".join(answers) + "\n",
            env=around,
            text=True,
            check=True,
            capture_output=True,
        )
        serve = (
            "import ec2stack; from werkzeug.serving import run_simple; "
            f"run_simple('127.0.0.1', {port}, ec2stack.create_app(), threaded=True)"
        )
        with subprocess.Popen([python, "-c", serve], env=around, stdout=subprocess.DEVNULL, stderr=log()) as process:
            try:
                until_there(port, process)
                url = f"http://127.0.0.1:{port}/"
                said = {"AWSAccessKeyId": world.user.key, "AWSSecretKey": world.user.secret}
                urlopen(url, urlencode({"Action": "RegisterSecretKey", **said}).encode(), timeout=30).close()
                yield url
            finally:
                process.terminate()


@contextmanager
def moto(path: str) -> Iterator[str]:
    """The server of moto; gives its URL."""
    port = free_port()
    command = [path, "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            until_there(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def log() -> Any:
    """Where a peer's own complaints go: nowhere, or into the file that PEERS_LOG names."""
    name = os.environ.get("PEERS_LOG")
    return Path(name).open("a") if name else subprocess.DEVNULL


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def until_there(port: int, process: subprocess.Popen) -> None:
    """Wait until a server listens. Raises `RuntimeError`."""
    for _ in range(300):
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError("a server did not start")


def python_of(path: str | None) -> tuple[str, dict[str, str]] | str:
    """A Python that has ec2stack, and its environment; or why there is none."""
    if path is not None:
        first = Path(path).read_bytes()[:200].split(b"\n")[0]
        return (first[2:].decode().split()[0] if first.startswith(b"#!") else path), dict(os.environ)
    python, why = interpreter()
    if python is None:
        return why
    folder, why = installed(python, EC2STACK)
    if folder is None:
        return why
    return python, {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}


def main() -> None:
    """Walk everywhere, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moto", metavar="PATH", default=shutil.which("moto_server"), help="moto's server")
    parser.add_argument(
        "--ec2stack", metavar="PATH", help="a Python 2.7 that has ec2stack, or its program `ec2stack`"
    )
    asked = parser.parse_args()
    peers = {"cfnlib": of_cfnlib}
    found = python_of(asked.ec2stack)
    if isinstance(found, str):
        print(f"ec2stack is left out: {found}")
    else:
        peers["ec2stack"] = lambda version: of_ec2stack(*found, version)
    if asked.moto:
        peers["moto"] = lambda version: of_moto(asked.moto, version)
    else:
        print("moto is left out: there is no moto_server; name it with --moto")
    with ThreadPoolExecutor(len(peers)) as pool:
        walks = {name: [pool.submit(of, version) for version in VERSIONS[name]] for name, of in peers.items()}
    found = {name: [walk.result() for walk in both] for name, both in walks.items()}
    show({name: worse(*both) if name == "cfnlib" else both[0] for name, both in found.items()})
    if "ec2stack" in found:
        figure("ec2_peers_ec2stack_version_4_works", found["ec2stack"][1], "works")


def show(verdicts: dict[str, dict[str, str]]) -> None:
    """Print the table and its figures."""
    print(f"| {' | '.join(['action', *verdicts])} |")
    print(f"|{'---|' * (len(verdicts) + 1)}")
    actions = sorted(verdicts["cfnlib"])
    for action in actions:
        print(f"| {' | '.join([action, *(said[action] for said in verdicts.values())])} |")
    print(f"ec2_peers_actions {len(actions)}")
    for name, said in verdicts.items():
        for word in ORDER:
            figure(f"ec2_peers_{name}_{word}", said, word)


def figure(name: str, said: dict[str, str], word: str) -> None:
    """Print how many verdicts are this one."""
    print(f"{name} {list(said.values()).count(word)}")


if __name__ == "__main__":
    main()
