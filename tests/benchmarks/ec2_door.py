"""The EC2 API: a launch of many machines beside the cloud's own time, and DescribeInstances beside moto's server.

python tests/benchmarks/ec2_door.py [--moto PATH]

Cloud, EC2 API and moto's server are processes of their own on loopback; the client is boto3. Without moto's server
(`moto_server` on the path, or --moto) its figures are left out.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import boto3
from botocore.config import Config as BotoConfig
from cloud import running

from cfnlib.config import Config
from cfnlib.drivers.cloudstack.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable

JOB_S = 10.0
LAUNCHED = 200
DESCRIBED = 1000
ROUNDS = 15


def figure(name: str, value: float) -> None:
    print(f"{name} {value:.4g}", flush=True)


@contextmanager
def bridge(place: dict[str, str]):
    """The EC2 API in front of a cloud, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        url_file = Path(folder) / "url"
        environ = {
            **os.environ,
            "HOME": folder,
            "CLOUDSTACK_ENDPOINT": place["endpoint"],
            "CLOUDSTACK_KEY": place["key"],
            "CLOUDSTACK_SECRET": place["secret"],
        }
        command = [
            sys.executable,
            "-m",
            "compat.ec2",
            "--port",
            "0",
            "--zone",
            "Sandbox",
            "--url-file",
            str(url_file),
        ]
        with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL) as process:
            try:
                yield _when_there(url_file.read_text)
            finally:
                process.terminate()


@contextmanager
def moto(path: str):
    with subprocess.Popen(
        [path, "-H", "127.0.0.1", "-p", "5571"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            url = "http://127.0.0.1:5571"
            _when_there(lambda: urlopen(f"{url}/moto-api/", timeout=1).close())
            yield url
        finally:
            process.terminate()


def _when_there(look):
    for _ in range(300):
        with suppress(OSError):
            found = look()
            if found != "":
                return found
        time.sleep(0.1)
    raise RuntimeError("a server did not start")


def client_of(url: str, key: str = "key", secret: str = "secret"):
    return boto3.client(
        "ec2",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=BotoConfig(parameter_validation=False),
    )


def native_launch(place: dict[str, str], count: int) -> float:
    """How long the cloud itself takes: the same machines, submitted 32 at a time, until all of them run."""
    client = Client(Config(state_url="sqlite:///:memory:").with_cloud(**place))
    zone = next(row for row in client.rows("listZones", "zone") if row["name"] == "Sandbox")
    offering = client.rows("listServiceOfferings", "serviceoffering")[0]
    template = client.rows("listTemplates", "template", {"templatefilter": "featured"})[0]
    network = _network(client, zone["id"])
    begun = time.perf_counter()
    with ThreadPoolExecutor(32) as pool:
        for number in range(count):
            params = {
                "name": f"native-{number}",
                "zoneid": zone["id"],
                "serviceofferingid": offering["id"],
                "templateid": template["id"],
                "networkids": network,
            }
            pool.submit(client.call, "deployVirtualMachine", params)
    while client.rows("listAsyncJobs", "asyncjobs"):
        time.sleep(0.2)
    took = time.perf_counter() - begun
    with ThreadPoolExecutor(32) as pool:
        for row in client.rows("listVirtualMachines", "virtualmachine"):
            pool.submit(client.call, "destroyVirtualMachine", {"id": row["id"], "expunge": True})
    while client.rows("listAsyncJobs", "asyncjobs"):
        time.sleep(0.2)
    client.close()
    return took


def _network(client: Client, zone: str) -> str:
    offerings = client.rows(
        "listNetworkOfferings",
        "networkoffering",
        {"state": "Enabled", "guestiptype": "Isolated", "forvpc": False, "supportedservices": "SourceNat"},
    )
    answer = client.call(
        "createNetwork",
        {
            "name": "bench",
            "displaytext": "bench",
            "zoneid": zone,
            "networkofferingid": offerings[0]["id"],
            "gateway": "10.1.0.1",
            "netmask": "255.255.0.0",
        },
    )
    return answer.get("network", answer)["id"]


def launch(place: dict[str, str]) -> None:
    native = native_launch(place, LAUNCHED)
    figure("ec2_launch_machines", LAUNCHED)
    figure("ec2_launch_native_seconds", native)
    with bridge(place) as url:
        ec2 = client_of(url, place["key"], place["secret"])
        begun = time.perf_counter()
        found = ec2.run_instances(
            ImageId="ami-4517dc2c", InstanceType="m1.small", MinCount=LAUNCHED, MaxCount=LAUNCHED
        )
        answered = time.perf_counter() - begun
        reservation = [{"Name": "reservation-id", "Values": [found["ReservationId"]]}]
        while True:
            reservations = ec2.describe_instances(Filters=reservation)["Reservations"]
            states = [one["State"]["Name"] for one in reservations[0]["Instances"]]
            if states.count("running") == LAUNCHED:
                break
            time.sleep(0.2)
        took = time.perf_counter() - begun
    figure("ec2_launch_answer_seconds", answered)
    figure("ec2_launch_seconds", took)
    figure("ec2_launch_over_native", took / native)


def describe(name: str, ec2, requests: Callable[[], int]) -> None:
    """DescribeInstances, when nothing is done any more for the launches before it: `requests` made to the cloud."""
    for _ in range(DESCRIBED // 250):
        ec2.run_instances(ImageId="ami-4517dc2c", InstanceType="m1.small", MinCount=250, MaxCount=250)
    seen = -1
    while (now := requests()) != seen:
        seen = now
        time.sleep(1.0)
    took = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        found = ec2.describe_instances()
        took.append(time.perf_counter() - begun)
    count = sum(len(one["Instances"]) for one in found["Reservations"])
    if count < DESCRIBED:
        raise RuntimeError(f"{name}: {count} machines")
    figure(f"ec2_describe_{name}_machines", count)
    figure(f"ec2_describe_{name}_median_seconds", statistics.median(took))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--moto", default=shutil.which("moto_server"))
    asked = parser.parse_args()
    with running(JOB_S) as cloud:
        launch(cloud.place)
    with ExitStack() as stack:
        cloud = stack.enter_context(running(0.05))
        url = stack.enter_context(bridge(cloud.place))
        asked_of = client_of(url, cloud.place["key"], cloud.place["secret"])
        describe("cfnlib", asked_of, lambda: sum(cloud.requests().values()))
    if asked.moto:
        with moto(asked.moto) as url:
            describe("moto", client_of(url), lambda: 0)


if __name__ == "__main__":
    main()
