"""What goes wrong in the soak, one thing at a time, with quiet between; and what each of them may cause.

An error counts as a fault's only when it came while that fault was there (or just after), and is of a form that this
fault can cause: a killed process explains a connection that breaks, not a stack that fails.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from typing import TYPE_CHECKING

from attrs import define, frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloud import Cloud
    from soak_service import Serving

AFTER_S = 4.0
"""How long after its end a fault may still show: clients wait for answers, connections are found to be broken."""

LEASE_S = 30.0
"""How long a process that ended holds its stacks."""


@frozen
class Kind:
    """A fault, and what it may cause.

    `faults` are of the cloud (see `cfnlib.simulator.Fault`). `calls`: calls of the service may be answered that the
    cloud cannot be asked. `stacks`: operations may fail. `cuts`: connections to the process that is concerned may
    break, and its answers may be late.
    """

    name: str
    faults: tuple[dict, ...] = ()
    seconds: float = 6.0
    calls: bool = False
    stacks: bool = False
    cuts: bool = False


def _of(command: str, kind: str, share: float | None = None, **more: object) -> dict:
    return {"command": command, "kind": kind, "share": share, **more}


KINDS = (
    Kind("reset", (_of("*", "reset", 0.1),), calls=True, stacks=True),
    Kind("kill", cuts=True),
    Kind("job", (_of("*", "job", 0.3),), stacks=True),
    Kind("drop_answer", (_of("*", "drop_answer", 0.1),), calls=True, stacks=True),
    Kind("stop", seconds=LEASE_S + 5.0, cuts=True),
    Kind("full", stacks=True),
    Kind("error", (_of("create*", "error", 0.3), _of("deploy*", "error", 0.3)), stacks=True),
    Kind("html", (_of("*", "html", 0.1),), calls=True, stacks=True),
    Kind("kill", cuts=True),
    Kind("hang", (_of("*", "hang", 0.3, hang_s=1.5),), calls=True, stacks=True),
    Kind("vanish", (_of("*", "vanish", 0.2),), stacks=True),
    Kind("outage", (_of("*", "reset"),), calls=True, stacks=True),
    Kind("truncate", (_of("*", "truncate", 0.1),), calls=True, stacks=True),
    Kind("frozen", calls=True, stacks=True),
)


@define
class Window:
    """A fault while it lasts; `ended` is None until then. `whom` is the process that is concerned, if one is."""

    kind: Kind
    begun: float
    ended: float | None = None
    whom: str | None = None

    def touches(self, since: float, until: float, after_s: float = AFTER_S) -> bool:
        """Whether it was there in that time, or just before."""
        return self.begun <= until and (self.ended is None or since <= self.ended + after_s)


class Timeline:
    """Which faults there were, and when (`time.monotonic`)."""

    def __init__(self) -> None:
        self.windows: list[Window] = []

    def of(self, since: float, until: float, after_s: float = AFTER_S) -> list[Window]:
        """The faults of a time."""
        return [one for one in list(self.windows) if one.touches(since, until, after_s)]


class Trouble(threading.Thread):
    """Makes things go wrong, one after the other, until it is told to stop; then everything is whole again."""

    def __init__(
        self,
        timeline: Timeline,
        cloud: Cloud,
        serving: list[Serving],
        *,
        seed: int,
        quiet_s: float,
        names: Iterable[str],
    ) -> None:
        super().__init__(name="trouble", daemon=True)
        self._timeline = timeline
        self._cloud = cloud
        self._serving = serving
        self._chance = random.Random(seed)
        self._quiet_s = quiet_s
        self._kinds = [one for one in KINDS if one.name in set(names)]
        self.over = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        """Go through the kinds again and again; which process is stopped changes, the first one is never killed."""
        try:
            turn = 0
            while self._kinds and not self.over.wait(self._quiet_s):
                kind = self._kinds[turn % len(self._kinds)]
                self._strike(kind, turn // len(self._kinds))
                turn += 1
        except BaseException as error:  # noqa: BLE001 - it is told at the end
            self.error = error

    def _strike(self, kind: Kind, lap: int) -> None:
        whom = None
        if kind.name == "kill":
            whom = self._serving[-1]
        elif kind.name == "stop":
            whom = self._serving[lap % len(self._serving)]
        window = Window(kind, time.monotonic(), whom=whom.name if whom else None)
        self._timeline.windows.append(window)
        try:
            if kind.name == "kill":
                whom.kill()
                self.over.wait(self._chance.uniform(0.0, 3.0))
                whom.start()
            elif kind.name == "stop":
                self._hold(whom, kind.seconds)
            elif kind.name == "frozen":
                self._hold(self._cloud, kind.seconds)
            else:
                seeded = [{**one, "seed": self._chance.randrange(1 << 30)} for one in kind.faults]
                self._cloud.go_wrong(*seeded, full=kind.name == "full")
                self.over.wait(kind.seconds)
                self._cloud.go_wrong()
        finally:
            window.ended = time.monotonic()

    def _hold(self, whom: Serving | Cloud, seconds: float) -> None:
        whom.signal(signal.SIGSTOP)
        try:
            self.over.wait(seconds)
        finally:
            whom.signal(signal.SIGCONT)
