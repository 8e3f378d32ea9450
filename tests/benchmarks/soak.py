"""The soak: many users at two processes of the service on one store, while one thing after another fails.

python tests/benchmarks/service.py soak [--minutes N] [--faults reset,kill,...] [--seed N]

Four accounts (an administrator's, one at the end of its limits, two of a domain) make, change, review, signal,
cancel, delete and look at stacks of six kinds through all doors. Faults come one at a time (`soak_faults.KINDS`),
with quiet between. Every error is judged: the caller's own doing, what the present fault can cause, or
neither, which is printed as UNEXPLAINED and counted. At the end everything is deleted, and what the cloud still has
is compared with what it had at the beginning. The memory of each process is printed every minute; the first process
is never killed.
"""

from __future__ import annotations

import signal
import statistics
import tempfile
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloud import running
from cs import CloudStack
from soak_doors import CallError, Doors, Person
from soak_faults import KINDS, Timeline, Trouble
from soak_judge import Judge
from soak_service import Serving
from soak_templates import KEY
from soak_users import User

if TYPE_CHECKING:
    import argparse

    from cloud import Cloud

JOB_S, ROUTER_S = 0.3, 0.5
THREADS_AN_ACCOUNT = 2
PAUSE_S = 0.15
QUIET_S = 6.0
DRAIN_S = 300.0


def soak(asked: argparse.Namespace) -> None:
    """Run it, and print what came of it."""
    with (
        tempfile.TemporaryDirectory(prefix="cfnlib-soak-") as folder,
        running(JOB_S, router_s=ROUTER_S, jitter=0.5, machines_of_user=3) as cloud,
    ):
        people = _people(cloud.place)
        serving = [Serving(name, Path(folder), cloud.place) for name in ("first", "second")]
        for one in serving:
            one.start()
        try:
            _Soak(asked, cloud, people, serving).run()
        finally:
            for one in serving:
                one.end()


def _people(place: dict[str, str]) -> list[Person]:
    """The accounts: those that the cloud has, and two of a new domain."""
    cloud = CloudStack(endpoint=place["endpoint"], key=place["key"], secret=place["secret"], trace=False)
    domain = cloud.createDomain(name="soak")["domain"]["id"]
    for name in ("anna", "bert"):
        about = {"firstname": name, "lastname": name, "email": f"{name}@example.org", "password": "x"}
        made = cloud.createAccount(username=name, accounttype=0, domainid=domain, **about)["account"]
        cloud.registerUserKeys(id=made["user"][0]["id"])
    found = []
    for user in cloud.listUsers(listall=True)["user"]:
        keys = cloud.getUserKeys(id=user["id"])["userkeys"]
        found.append(Person(user["account"], keys["apikey"], keys["secretkey"], user["account"] == "admin"))
    return found


class _Soak:
    def __init__(self, asked: argparse.Namespace, cloud: Cloud, people: list[Person], serving: list[Serving]) -> None:
        self.asked, self.cloud, self.people, self.serving = asked, cloud, people, serving
        self.timeline = Timeline()
        self.judge = Judge(self.timeline)
        self.stop = threading.Event()
        self.sizes: dict[str, list[tuple[float, float]]] = {one.name: [] for one in serving}
        self.begun = time.monotonic()

    def run(self) -> None:
        before = self.cloud.things()
        others = self._standing()
        users = [self._user(number, others) for number in range(THREADS_AN_ACCOUNT * len(self.people))]
        names = self.asked.faults.split(",") if self.asked.faults else [one.name for one in KINDS]
        trouble = Trouble(self.timeline, self.cloud, self.serving, seed=self.asked.seed, quiet_s=QUIET_S, names=names)
        self._show_sizes()
        for one in (*users, trouble):
            one.start()
        self._watch(self.begun + self.asked.minutes * 60, [*users, trouble])
        trouble.over.set()
        trouble.join()
        self.cloud.go_wrong()
        for one in self.serving:
            one.signal(signal.SIGCONT)
        self.stop.set()
        for one in users:
            one.join()
        self._show_sizes()
        self._drain()
        self._report([*users, trouble], before)

    def _standing(self) -> dict[str, str]:
        """A stack of each account that stays until the end, for others not to see."""
        found = {}
        for person in self.people:
            doors = Doors(self.serving[0].url, person)
            name = f"{person.account}-standing"
            found[person.account] = doors.query("create_stack", StackName=name, TemplateBody=KEY)["StackId"]
        return found

    def _user(self, number: int, others: dict[str, str]) -> User:
        person = self.people[number % len(self.people)]
        urls = {one.name: one.url for one in self.serving}
        seed = self.asked.seed * 1000 + number
        return User(number, person, urls, self.judge, others, self.stop, pause_s=PAUSE_S, seed=seed)

    def _watch(self, until: float, threads: list[Any]) -> None:
        while (left_s := until - time.monotonic()) > 0:
            self.stop.wait(min(60.0, left_s))
            self._show_sizes()
            if any(one.error is not None for one in threads):
                return

    def _show_sizes(self) -> None:
        after_s = time.monotonic() - self.begun
        for one in self.serving:
            try:
                mib, threads, files = one.size()
            except OSError:  # it is killed just now
                continue
            self.sizes[one.name].append((after_s, mib))
            print(
                f"soak_size {one.name} after_s {after_s:.0f} resident_mib {mib:.1f} threads {threads} files {files} "
                f"starts {one.starts}",
                flush=True,
            )

    def _drain(self) -> None:
        """Delete everything, again and again while something is left, as an operator would."""
        begun = time.monotonic()
        left = ["?"]
        while left and time.monotonic() - begun < DRAIN_S:
            left = []
            for person in self.people:
                left += self._remove_all(Doors(self.serving[-1].url, person))
            time.sleep(1.0)
        print(f"soak_drained_after_s {time.monotonic() - begun:.0f}", flush=True)
        for one in left:
            self.judge.wrong(f"not deleted: {one}")

    def _remove_all(self, doors: Doors) -> list[str]:
        left = []
        for page in doors.pages("list_stacks"):
            for stack in page["StackSummaries"]:
                status, which = stack["StackStatus"], stack["StackId"]
                if status == "DELETE_COMPLETE":
                    continue
                left.append(f"{stack['StackName']} {status} {stack.get('StackStatusReason', '')}")
                if not status.startswith("DELETE_IN"):
                    with suppress(CallError):  # it is gone meanwhile, or is tried again
                        doors.query(
                            "update_termination_protection", StackName=which, EnableTerminationProtection=False
                        )
                        doors.query("delete_stack", StackName=which)
        return left

    def _report(self, threads: list[Any], before: dict[str, list[str]]) -> None:
        for one in threads:
            if one.error is not None:
                place = "".join(traceback.format_exception(one.error)[-2:])
                self.judge.wrong(f"{one.name} ended: {place}")
        self._judge_what_is_left(before)
        self._show_sizes()
        judge = self.judge
        for title, counts in (
            ("calls", judge.calls),
            ("refused_as_they_must", judge.refused),
            ("errors_of_faults", judge.of_faults),
            ("operations", judge.ends),
        ):
            print(f"soak_{title} {counts.total()}")
            for name, count in sorted(counts.items()):
                print(f"  {count:6} {name}")
        faults = [one.kind.name for one in self.timeline.windows]
        print(f"soak_faults {len(faults)}: {' '.join(faults)}")
        for one in self.serving:
            if one.starts == 1:
                print(f"soak_memory {one.name} {_slope(self.sizes[one.name])}")
            print(f"soak_stop {one.name} seconds {one.end():.1f}")
        print(f"soak_unexplained {len(judge.unexplained)}", flush=True)

    def _judge_what_is_left(self, before: dict[str, list[str]]) -> None:
        """Nothing may be left on the cloud, and no trace in a log."""
        after = self.cloud.things()
        for text in after.pop("crashes"):
            self.judge.wrong(f"the embedded cloud itself failed: {text}")
        for kind, things in after.items():
            for thing in sorted(set(things) - set(before.get(kind, ()))):
                self.judge.wrong(f"left on the cloud: {kind} {thing}")
        for one in self.serving:
            for trace, count in one.traces().items():
                self.judge.wrong(f"{count} traces in the log of {one.name}: {trace}")


def _slope(sizes: list[tuple[float, float]]) -> str:
    """What the memory was, and how it went in the second half, in MiB a minute."""
    first, last = sizes[0], sizes[-1]
    half = [one for one in sizes if one[0] >= last[0] / 2]
    slope = statistics.linear_regression([one[0] / 60 for one in half], [one[1] for one in half]).slope
    return f"start_mib {first[1]:.1f} end_mib {last[1]:.1f} second_half_mib_per_minute {slope:.2f}"
