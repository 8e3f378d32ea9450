"""The service: how fast it answers beside moto's server, how soon it begins, how it carries many stacks at once.

python tests/benchmarks/service.py [look] [begin] [many] [soak] [--moto PATH] [--minutes N] [--seed N]

Cloud, service and moto's server are processes of their own on loopback. Each line printed is `name value`; nothing
here passes or fails. Without moto's server (`moto_server` on the path, or --moto) its figures are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

import boto3
import generated
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config as BotoConfig
from botocore.credentials import Credentials
from cloud import running
from many_stacks import IN_FLIGHT, bare
from soak import soak

VERSION = "2010-05-15"
STORED = 1000
ASKED = 200
ROUNDS = 12
CLIENTS = 2
STACKS, MACHINES = 200, 20
JOB_S = 10.0
SMALL = json.dumps(
    {"Resources": {"Key": {"Type": "AWS::EC2::KeyPair", "Properties": {"KeyName": {"Ref": "AWS::StackName"}}}}}
)


def figure(name: str, value: float) -> None:
    print(f"{name} {value:.4g}", flush=True)


@contextmanager
def service(place: dict[str, str], *more: str):
    """`cfnlib serve` in front of a cloud: its URL and its process."""
    with tempfile.TemporaryDirectory() as folder:
        environ = {
            **os.environ,
            "HOME": folder,
            "CLOUDSTACK_ENDPOINT": place["endpoint"],
            "CLOUDSTACK_KEY": place["key"],
            "CLOUDSTACK_SECRET": place["secret"],
            "CFNLIB_ZONE": "Sandbox",
        }
        command = [sys.executable, "-m", "cfnlib.cli", "serve", "--port", "0", *more]
        log = Path(folder) / "log"
        with log.open("w") as output, subprocess.Popen(command, env=environ, stdout=output, stderr=output) as process:
            try:
                for _ in range(300):
                    found = [word for word in log.read_text().split() if word.startswith("http://127.0.0.1:")]
                    if found:
                        break
                    time.sleep(0.1)
                yield found[0], process
            finally:
                process.terminate()
                process.wait(120)


@contextmanager
def moto(path: str):
    """Moto's server: its URL."""
    command = [path, "-H", "127.0.0.1", "-p", "5572"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(300):
                with suppress(OSError):
                    urlopen("http://127.0.0.1:5572/moto-api/", timeout=1).close()
                    break
                time.sleep(0.1)
            yield "http://127.0.0.1:5572", process
        finally:
            process.terminate()


def client_of(url: str, key: str = "key", secret: str = "secret"):
    return boto3.client(
        "cloudformation",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=BotoConfig(max_pool_connections=64, retries={"total_max_attempts": 1}),
    )


def look(asked: argparse.Namespace) -> None:
    """DescribeStacks and DescribeStackEvents with many stacks stored, asked of the two services turn by turn."""
    with ExitStack() as stack:
        cloud = stack.enter_context(running(0.0))
        url, process = stack.enter_context(service(cloud.place))
        sides = {"cfnlib": (url, process.pid, cloud.place["key"], cloud.place["secret"])}
        if asked.moto:
            url, process = stack.enter_context(moto(asked.moto))
            sides["moto"] = (url, process.pid, "key", "secret")
        for name, (url, _, key, secret) in sides.items():
            _store(name, url, key, secret)
        for label, params in (
            ("page", {"Action": "DescribeStacks"}),
            ("one", {"Action": "DescribeStacks", "StackName": "s{}"}),
            ("events", {"Action": "DescribeStackEvents", "StackName": "s{}"}),
        ):
            rates = {name: _looked(f"look_{label}_{name}", found) for name, found in _in_turn(sides, params).items()}
            if "moto" in rates:
                figure(f"look_{label}_times_as_many_as_moto", rates["cfnlib"] / rates["moto"])
        figure("look_cfnlib_resident_mib", _resident_mib(sides["cfnlib"][1]))


def _store(name: str, url: str, key: str, secret: str) -> None:
    client = client_of(url, key, secret)
    with ThreadPoolExecutor(1 if name == "moto" else 8) as pool:  # moto's server loses its way with more
        list(pool.map(lambda n: client.create_stack(StackName=f"s{n}", TemplateBody=SMALL), range(STORED)))
    client.get_waiter("stack_create_complete").wait(StackName=f"s{STORED - 1}", WaiterConfig={"Delay": 1})
    time.sleep(2.0)


def _in_turn(sides: dict[str, tuple], params: dict[str, str]) -> dict[str, list[tuple[list[float], float, float]]]:
    """For each side what each of its rounds took: the answers, the whole, and the processor's time."""
    found = {name: [] for name in sides}
    for number in range(ROUNDS):
        for name, (url, pid, key, secret) in sides.items():
            before = _cpu_seconds(pid)
            took, seconds = _asked(url, key, secret, params, range(number * ASKED, (number + 1) * ASKED))
            found[name].append((took, seconds, _cpu_seconds(pid) - before))
    return found


def _looked(name: str, rounds: list[tuple[list[float], float, float]]) -> float:
    """Print the figures of one side. Gives its requests a second."""
    took = sorted(one for answers, _, _ in rounds for one in answers)
    rate = len(took) / sum(seconds for _, seconds, _ in rounds)
    figure(f"{name}_cpu_ms", sum(cpu for _, _, cpu in rounds) / len(took) * 1000)
    figure(f"{name}_per_second", rate)
    figure(f"{name}_p50_ms", statistics.median(took) * 1000)
    figure(f"{name}_p99_ms", took[int(len(took) * 0.99) - 1] * 1000)
    return rate


def _asked(url: str, key: str, secret: str, params: dict[str, str], numbers: range) -> tuple[list[float], float]:
    """Ask of one stack after the other, over a few connections; each answer's time, and that of all."""
    named = [{name: value.format(number % STORED) for name, value in params.items()} for number in numbers]
    return _sent(url, [_presigned(url, key, secret, one) for one in named], CLIENTS)


def _sent(url: str, requests: list[bytes], clients: int) -> tuple[list[float], float]:
    """Send requests over so many connections; each answer's time, and that of all."""
    parts, took = urlsplit(url), []

    def work(first: int) -> None:
        one = None
        for request in requests[first::clients]:
            begun = time.perf_counter()
            if one is None:
                one = socket.create_connection((parts.hostname, parts.port), timeout=60)
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            one.sendall(request)
            if not _answer(one)[1]:
                one.close()
                one = None
            took.append(time.perf_counter() - begun)
        if one is not None:
            one.close()

    threads = [threading.Thread(target=work, args=[first]) for first in range(clients)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took, time.perf_counter() - begun


def _presigned(url: str, key: str, secret: str, params: dict[str, str]) -> bytes:
    """A request, signed beforehand: the client is to have little work while it is timed."""
    request = AWSRequest("GET", f"{url}/?{urlencode({**params, 'Version': VERSION})}")
    SigV4QueryAuth(Credentials(key, secret), "cloudformation", "us-east-1", expires=3600).add_auth(request)
    parts = urlsplit(request.url)
    return f"GET /?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: keep-alive\r\n\r\n".encode()


def _signed(url: str, key: str, secret: str, params: dict[str, str]) -> bytes:
    """The same with its parameters in the body, for what is too long for a line."""
    body = urlencode({**params, "Version": VERSION})
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Host": urlsplit(url).netloc}
    request = AWSRequest("POST", f"{url}/", headers, body)
    SigV4Auth(Credentials(key, secret), "cloudformation", "us-east-1").add_auth(request)
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    return "\r\n".join(["POST / HTTP/1.1", *lines, f"Content-Length: {len(body)}", "", body]).encode()


def _answer(one: socket.socket) -> tuple[bytes, bool]:
    """Read one answer, as cheaply as can be: the client is not what is measured. Says whether more may be asked."""
    found = b""
    while b"\r\n\r\n" not in found:
        found += one.recv(1 << 18) or b"\r\n\r\n"
    head, _, body = found.partition(b"\r\n\r\n")
    if b" 200 " not in head[:20]:
        raise RuntimeError(found[:500])
    length = int(next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))[15:])
    while len(body) < length:
        body += one.recv(1 << 18) or b" "
    return body, head.startswith(b"HTTP/1.1") and b"connection: close" not in head.lower()


def begin(_: argparse.Namespace) -> None:
    """From CreateStack to the first call of CloudStack that makes something, on an idle service."""
    with running(0.0) as cloud, service(cloud.place) as (url, _process):
        client = client_of(url, cloud.place["key"], cloud.place["secret"])
        client.create_stack(StackName="warm", TemplateBody=SMALL)
        time.sleep(1.0)
        took = []
        for number in range(200):
            name = f"b{number}"
            begun = time.time()
            stack = client.create_stack(StackName=name, TemplateBody=SMALL)["StackId"]
            events: list[dict] = []
            while not any(one["ResourceType"] == "AWS::EC2::KeyPair" for one in events):
                events = client.describe_stack_events(StackName=stack)["StackEvents"]
            first = min(one["Timestamp"].timestamp() for one in events if one["ResourceType"] == "AWS::EC2::KeyPair")
            took.append(first - begun)
            time.sleep(0.02)
        figure("begin_p50_ms", statistics.median(took) * 1000)
        figure("begin_p99_ms", sorted(took)[int(len(took) * 0.99) - 1] * 1000)


def many(_: argparse.Namespace) -> None:
    """Many stacks created at once through the API, beside the cloud's own time for their machines.

    By one process, and by two behind one socket.
    """
    with running(JOB_S) as cloud:
        alone = bare(cloud.place, STACKS, MACHINES, None)["seconds"]
    figure("many_stacks", STACKS)
    figure("many_in_flight", IN_FLIGHT)
    figure("many_bare_seconds", alone)
    for count in (1, 2):
        seconds = _many(f"many_by_{count}", count)
        figure(f"many_by_{count}_over_bare", seconds / alone)


def _many(name: str, count: int) -> float:
    """Print the figures of so many processes. Gives the seconds from the first request to the last stack's end."""
    template = generated.cluster(MACHINES)
    with ExitStack() as stack:
        cloud = stack.enter_context(running(JOB_S))
        more = ("--workers", str(STACKS), "--processes", str(count))
        url, process = stack.enter_context(service(cloud.place, *more))
        client = client_of(url, cloud.place["key"], cloud.place["secret"])
        client.list_stacks()
        time.sleep(3.0)  # until all of them serve
        pids = sorted(_children(process.pid)) or [process.pid]
        keys = (url, cloud.place["key"], cloud.place["secret"])
        create = {"Action": "CreateStack", "TemplateBody": template}
        requests = [_signed(*keys, {**create, "StackName": f"m{number}"}) for number in range(STACKS)]
        look = {"Action": "ListStacks", "StackStatusFilter.member.1": "CREATE_IN_PROGRESS"}
        looking = _presigned(*keys, look)
        begun = time.monotonic()
        figure(f"{name}_submitted_after_seconds", _sent(url, requests, 16)[1])
        with socket.create_connection(urlsplit(url).netloc.split(":"), timeout=60) as one:
            more = True
            while more:
                time.sleep(0.1)
                one.sendall(looking)
                more = b"<StackName>" in _answer(one)[0]
        seconds = time.monotonic() - begun
        pages = client.get_paginator("list_stacks").paginate()
        states = Counter(one["StackStatus"] for page in pages for one in page["StackSummaries"])
        for pid in pids:
            figure(f"{name}_resident_mib", _resident_mib(pid))
            figure(f"{name}_cpu_seconds", _cpu_seconds(pid))
        calls = cloud.requests()
    figure(f"{name}_complete", states["CREATE_COMPLETE"])
    figure(f"{name}_seconds", seconds)
    figure(f"{name}_requests_listAsyncJobs", calls.get("listAsyncJobs", 0))
    return seconds


def _children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", nargs="*", default=["look", "begin", "many", "soak"])
    parser.add_argument("--moto", default=shutil.which("moto_server"))
    parser.add_argument("--minutes", type=float, default=10.0, help="of the soak (default: 10)")
    parser.add_argument("--seed", type=int, default=0, help="of the soak's choices (default: 0)")
    parser.add_argument("--faults", default="", help="of the soak, by name with commas between (default: all)")
    asked = parser.parse_args()
    for name in asked.what:
        {"look": look, "begin": begin, "many": many, "soak": soak}[name](asked)


if __name__ == "__main__":
    main()
