"""Many stacks made at once by one process, beside what a bare client needs for the same machines.

python tests/benchmarks/many_stacks.py [stacks] [machines]

Each of the two works in a process of its own, on a fresh cloud in another process whose jobs take `JOB_S`. The bare
client submits the same deployVirtualMachine calls, 64 in flight, and asks listAsyncJobs until no job is left; its
networks are there before its time begins. Each line printed is `name value`; nothing here passes or fails.

With `--profile FILE` the process of the stacks is profiled, all its threads, into that file (for pstats).
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import resource
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import generated
from cloud import running

JOB_S = 10.0
IN_FLIGHT = 64


def figure(name: str, value: float) -> None:
    """Print one figure."""
    print(f"{name} {value:.4g}", flush=True)


def main() -> None:
    """Measure both, and compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("stacks", type=int, nargs="?", default=200)
    parser.add_argument("machines", type=int, nargs="?", default=20)
    parser.add_argument("--profile", default=None)
    parser.add_argument("--only", choices=["bare", "stacks"], default=None)
    parser.add_argument("--child", default=None, help="what this process is to do: of use to itself only")
    asked = parser.parse_args()
    if asked.child is not None:
        place = json.loads(asked.child)
        work = bare if place.pop("work") == "bare" else stacks
        print(json.dumps(work(place, asked.stacks, asked.machines, asked.profile)), flush=True)
        return
    found = {}
    for work in ("bare", "stacks") if asked.only is None else (asked.only,):
        with running(JOB_S) as cloud:
            found[work] = _in_child(work, cloud.place, asked)
            requests = cloud.requests()
        for name, value in found[work].items():
            figure(f"{work}_{name}", value)
        figure(f"{work}_requests", sum(requests.values()))
        figure(f"{work}_requests_listAsyncJobs", requests.get("listAsyncJobs", 0))
    if len(found) == 2:
        figure("many_stacks_over_bare_client", found["stacks"]["seconds"] / found["bare"]["seconds"])


def bare(place: dict[str, str], count: int, machines: int, _profile: str | None) -> dict[str, float]:
    """The machines alone, by a client that knows nothing of stacks."""
    from cfnlib.drivers.cloudstack import CloudStackDriver  # noqa: PLC0415 - only the child needs it

    driver = CloudStackDriver(_config(place, None))
    client, facts = driver.client, driver.facts()
    given = {
        "zoneid": facts.zone_id,
        "templateid": driver.lookup("template", generated.IMAGE),
        "serviceofferingid": driver.lookup("serviceoffering", generated.OFFERING),
    }
    networks = [
        client.call(
            "createNetwork",
            {
                "name": f"net{n}",
                "displaytext": "bare",
                "zoneid": facts.zone_id,
                "networkofferingid": facts.network_offering_id,
            },
        )["network"]["id"]
        for n in range(count)
    ]

    def deploy(number: int) -> str:
        more = {"name": f"bare-{number}", "networkids": networks[number // machines]}
        return client.call("deployVirtualMachine", given | more)["jobid"]

    begun = time.monotonic()
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        jobs = set(pool.map(deploy, range(count * machines)))
    submitted = time.monotonic() - begun
    while jobs:
        jobs &= {row["jobid"] for row in client.rows("listAsyncJobs", "asyncjobs")}
        time.sleep(0.1)
    return {"seconds": time.monotonic() - begun, "submitted_after_seconds": submitted, **_used()}


def stacks(place: dict[str, str], count: int, machines: int, profile: str | None) -> dict[str, float]:
    """The same machines as stacks: one driver, one crew, a thread each."""
    from cfnlib.drivers.cloudstack import CloudStackDriver  # noqa: PLC0415 - only the child needs it
    from cfnlib.engine.crew import Crew  # noqa: PLC0415 - as above
    from cfnlib.stacks import Stacks  # noqa: PLC0415 - as above
    from cfnlib.state.open import open_store  # noqa: PLC0415 - as above

    profiles: list[cProfile.Profile] = []
    if profile is not None:
        _profile_threads(profiles)
    with tempfile.TemporaryDirectory() as folder:
        driver = CloudStackDriver(_config(place, folder))
        store = open_store(f"sqlite:///{Path(folder) / 'state.db'}")
        crew = Crew(IN_FLIGHT)
        ends: list[str] = []

        def create(number: int) -> None:
            each = Stacks(driver, store, crew=crew)
            ends.append(each.create(f"s{number}", generated.cluster(machines)).status)

        begun = time.monotonic()
        threads = [threading.Thread(target=create, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.monotonic() - begun
        crew.close()
        store.close()
        if ends.count("CREATE_COMPLETE") != count:
            raise RuntimeError(f"of {count} stacks {ends.count('CREATE_COMPLETE')} were made; see above")
    if profile is not None:
        time.sleep(1.0)
        total = pstats.Stats(*profiles)
        total.dump_stats(profile)
    return {"seconds": seconds, **_used()}


def _config(place: dict[str, str], folder: str | None):
    from cfnlib.config import Config  # noqa: PLC0415 - only the child needs it

    return Config.load(environ={} if folder is None else {"HOME": folder}, zone="Sandbox", **place)


def _used() -> dict[str, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"cpu_seconds": used.ru_utime + used.ru_stime, "peak_mib": used.ru_maxrss / 1024}


def _profile_threads(profiles: list[cProfile.Profile]) -> None:
    """Profile every thread that is started from now on, by its own processor time."""
    run = threading.Thread.run

    def profiled(thread: threading.Thread) -> None:
        profile = cProfile.Profile(time.thread_time)
        profiles.append(profile)
        profile.runcall(run, thread)

    threading.Thread.run = profiled


def _in_child(work: str, place: dict[str, str], asked: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, __file__, str(asked.stacks), str(asked.machines)]
    command += ["--child", json.dumps({**place, "work": work})]
    if asked.profile is not None and work == "stacks":
        command += ["--profile", asked.profile]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(ran.stdout)


if __name__ == "__main__":
    main()
