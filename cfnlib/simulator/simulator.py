"""The simulator as an object: start it, point a client at it, look at its world, make things go wrong."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, Self

from cfnlib.simulator.door import Door
from cfnlib.simulator.faults import Fault, Faults
from cfnlib.simulator.kernel import Kernel
from cfnlib.simulator.latency import Latency
from cfnlib.simulator.seed import Capacity, sow
from cfnlib.simulator.store import Store
from cfnlib.simulator.world import World

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterable
    from pathlib import Path


class Keys(NamedTuple):
    """What a client signs its requests with."""

    key: str
    secret: str


class Simulator:
    """An embedded CloudStack 4.19, served over HTTP on a loopback port.

    `state` is a file in which the world is kept across a restart or a kill (None: in memory only); `port` 0 chooses a
    free one; `seed` makes the uuids and addresses the same each time (the keys never are); `clock` gives seconds
    since the epoch. Use it as a context manager, or `start` and `stop` it.
    """

    def __init__(
        self,
        latency: Latency | None = None,
        faults: Iterable[Fault] = (),
        state: Path | None = None,
        port: int = 0,
        host: str = "127.0.0.1",
        capacity: Capacity | None = None,
        *,
        seed: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.latency = latency or Latency()
        self.faults = Faults(faults)
        self.world = World(clock, seed)
        self._store = Store(state) if state is not None else None
        self._host, self._port = host, port
        self._door: Door | None = None
        self._kernel = Kernel(self.world, self.latency, self.faults, self._store)
        if self._store is not None and self._store.load(self.world):
            self.world.go_on()
            self._kernel.jobs.resume()
        else:
            sow(self.world, capacity or Capacity())
            if self._store is not None:
                self._store.save(self.world)

    @property
    def requests(self) -> Counter[str]:
        """How many requests came for each command, refused ones too."""
        return self._kernel.requests

    @property
    def crashes(self) -> list[Exception]:
        """What went wrong in the simulator itself: each is a defect of it, answered with 530 as the real one does."""
        return self._kernel.crashes

    @property
    def admin(self) -> Keys:
        """The keys of the root admin."""
        return self._keys_of("admin")

    @property
    def user(self) -> Keys:
        """The keys of the ordinary account `user`."""
        return self._keys_of("user")

    @property
    def endpoint(self) -> str:
        """The URL of the API; the simulator must be running."""
        if self._door is None:
            raise RuntimeError("the simulator is not running: use it in a with statement, or call start() first")
        return f"http://{self._host}:{self._door.port}/client/api"

    def start(self) -> Self:
        """Begin to serve; returns itself."""
        if self._door is None:
            self._door = Door(self._kernel.answer, self._host, self._port)
            self._door.open()
        return self

    def stop(self) -> None:
        """Stop serving; what is stored stays. One with a state file cannot be started again: make another."""
        if self._door is not None:
            self._door.close()
            self._door = None
        if self._store is not None:
            self._store.close()
            self._store = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _keys_of(self, name: str) -> Keys:
        [user] = [one for one in self.world.live("user") if one["name"] == name][:1]
        return Keys(user["apikey"], user["secretkey"])
