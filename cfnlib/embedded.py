"""The embedded cloud, and stacks on it.

With a directory, cloud and stacks outlive the process: the cloud's world is in `cloud.db`, the stacks are in
`stacks.db`. The world belongs to one process at a time, the one that holds the lock on `cloud.lock`; it serves the
cloud on a loopback port, and writes into `cloud.json` where. Any other process on the same directory uses that
server. When its holder ends, in whatever way, the next one to find nobody there takes the lock and goes on serving
the same world, under the same keys and, if it is still free, on the same port.

The cloud is started by the first call that needs one, so looking at stacks starts none.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from threading import RLock
from typing import TYPE_CHECKING, Any

from attrs import evolve

from cfnlib.config import Config
from cfnlib.errors import CloudError, UnreachableError
from cfnlib.state.open import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import TypeVar

    from cfnlib.drivers.base import Answer, Ended, Pending
    from cfnlib.drivers.cloudstack import CloudStackDriver
    from cfnlib.schema.calls import Call, Find
    from cfnlib.schema.model import Facts, ResourceType
    from cfnlib.simulator import Simulator
    from cfnlib.state.store import Store

    T = TypeVar("T")

_PATIENCE_S = 20.0
_BACKOFF_S = 0.05
"""Who serves the cloud is on this machine: it answers at once, or it is gone."""


def open_embedded(
    folder: Path | None, *, job_s: float = 0.0, config: Config | None = None, state_url: str | None = None
) -> tuple[EmbeddedDriver, Store, Callable[[], None]]:
    """A driver and a store on the embedded cloud of a directory (None: one in memory), and what ends it.

    `job_s` is how long each job takes, in seconds. `config` gives the zone and aliases, when the user set any, and
    `state_url` another store. Raises `CloudError` when the directory's cloud cannot be had, `StoreError` for a store
    that cannot be opened.
    """
    if folder is not None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    url = "sqlite:///:memory:" if folder is None else f"sqlite:///{folder.absolute() / 'stacks.db'}"
    cloud = EmbeddedCloud(folder, job_s=job_s)
    store = open_store(state_url or url)
    return EmbeddedDriver(cloud, config or Config()), store, cloud.close


class EmbeddedCloud:
    """The cloud of one directory. `place` says where it is served: by this process, or by another one."""

    def __init__(self, folder: Path | None, *, job_s: float = 0.0) -> None:
        self._folder = folder
        self._job_s = job_s
        self._lock = RLock()
        self._file: int | None = None
        self._simulator: Simulator | None = None

    def place(self) -> dict[str, str]:
        """Endpoint and keys of the cloud, which is started if nobody serves it. Raises `CloudError`."""
        until = time.monotonic() + _PATIENCE_S
        while True:
            with self._lock:
                if self._simulator is not None or self._take():
                    return self._served(self._simulator or self._serve())
            place = self._elsewhere()
            if place is not None:
                return place
            if time.monotonic() > until:
                raise CloudError(f"another process holds the cloud in {self._folder}, but does not serve it; end it")
            time.sleep(0.05)

    def close(self) -> None:
        """End the cloud, if this process serves it, and leave the directory to others."""
        with self._lock:
            if self._simulator is not None:
                self._simulator.stop()
                self._simulator = None
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _take(self) -> bool:
        """Take the directory, if nobody has it."""
        if self._folder is None:
            return True
        if self._file is None:
            self._file = os.open(self._folder / "cloud.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _serve(self) -> Simulator:
        from cfnlib.simulator import Capacity, Latency, Simulator  # noqa: PLC0415 - started only when it is needed

        before = self._written()
        port = int(before["endpoint"].split(":")[2].split("/")[0]) if before else 0
        state = None if self._folder is None else self._folder / "cloud.db"

        def started(port: int) -> Simulator:
            roomy = Capacity(host_cores=4096, host_memory_mib=1 << 24)
            return Simulator(Latency(job_s=self._job_s), state=state, port=port, capacity=roomy).start()

        try:
            self._simulator = started(port)
        except OSError:
            self._simulator = started(0)
        if self._folder is not None:
            new = self._folder / f"cloud.json.{os.getpid()}"
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                json.dump(self._served(self._simulator), file)
            new.replace(self._folder / "cloud.json")
        return self._simulator

    @staticmethod
    def _served(simulator: Simulator) -> dict[str, str]:
        return {"endpoint": simulator.endpoint, "key": simulator.admin.key, "secret": simulator.admin.secret}

    def _written(self) -> dict[str, str] | None:
        if self._folder is None:
            return None
        try:
            found: dict[str, str] = json.loads((self._folder / "cloud.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found

    def _elsewhere(self) -> dict[str, str] | None:
        """Where another process serves the cloud, if it does."""
        found = self._written()
        if found is None:
            return None
        host, port = found["endpoint"].removeprefix("http://").split("/")[0].split(":")
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            return None
        return found


class EmbeddedDriver:
    """A `CloudStackDriver` to wherever the embedded cloud is served just now."""

    def __init__(self, cloud: EmbeddedCloud, config: Config) -> None:
        self._cloud = cloud
        self._config = config
        self._lock = RLock()
        self._at: dict[str, str] | None = None
        self._driver: CloudStackDriver | None = None

    def facts(self) -> Facts:
        """See `Driver`."""
        return self._do(lambda driver: driver.facts())

    def lookup(self, kind: str, name: str) -> str:
        """See `Driver`."""
        return self._do(lambda driver: driver.lookup(kind, name))

    def prepare(self, call: Call) -> Call | None:
        """See `Driver`."""
        return self._do(lambda driver: driver.prepare(call))

    def submit(self, call: Call, until: float | None = None) -> Answer:
        """See `Driver`."""
        return self._do(lambda driver: driver.submit(call, until))

    def find(self, find: Find) -> list[Mapping[str, Any]]:
        """See `Driver`."""
        return self._do(lambda driver: driver.find(find))

    def poll(self, pending: Sequence[Pending]) -> list[Ended]:
        """See `Driver`."""
        return self._do(lambda driver: driver.poll(pending))

    def read(self, resource: ResourceType, physical_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """See `Driver`."""
        return self._do(lambda driver: driver.read(resource, physical_ids))

    def cancel(self, job_id: str) -> bool:
        """See `Driver`."""
        return self._do(lambda driver: driver.cancel(job_id))

    def close(self) -> None:
        """Give back the connections. The cloud goes on until it is closed itself."""
        with self._lock:
            if self._driver is not None:
                self._driver.close()
                self._driver = None

    def _do(self, work: Callable[[CloudStackDriver], T]) -> T:
        """Do it, again when the process that served the cloud has ended in the meantime: then nothing was sent."""
        try:
            return work(self._there())
        except UnreachableError:
            return work(self._there(anew=True))

    def _there(self, *, anew: bool = False) -> CloudStackDriver:
        with self._lock:
            if self._driver is not None and not anew:
                return self._driver
            from cfnlib.drivers.cloudstack import CloudStackDriver  # noqa: PLC0415 - looking at stacks needs no driver

            place = self._cloud.place()
            if self._driver is None or place != self._at:
                self._at = place
                near = evolve(self._config.with_cloud(**place), retry_backoff_s=_BACKOFF_S, proxy=None)
                self._driver = CloudStackDriver(near)
            return self._driver
