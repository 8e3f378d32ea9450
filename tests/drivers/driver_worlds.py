"""The clouds on which the drivers' contract is tested: in memory, the embedded one, and a recorded one."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from attrs import frozen
from vcr.cassette import Cassette
from vcr.record_mode import RecordMode
from vcr.request import Request

from cfnlib.config import Config
from cfnlib.drivers.base import Pending
from cfnlib.drivers.cloudstack import Client, CloudStackDriver
from cfnlib.drivers.cloudstack.transport import Response
from cfnlib.drivers.memory import MemoryDriver
from cfnlib.drivers.memory_cloud import MemoryCloud
from cfnlib.drivers.memory_faults import Fault, Trouble
from cfnlib.simulator import Fault as SimulatorFault
from cfnlib.simulator import Latency, Simulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cfnlib.drivers.base import Answer, Driver, Ended
    from cfnlib.schema.calls import Call
    from cfnlib.schema.model import ResourceType

CASSETTES = Path(__file__).parent / "cassettes"
ENDPOINT = "http://127.0.0.1:8080/client/api"
TEMPLATE = "CentOS 5.6 (64-bit) no GUI (Simulator)"
_NOISE = {"apiKey", "signature", "signatureVersion", "expires", "response", "page", "pagesize", "displayname"}


@frozen
class World:
    """A cloud and the road to it. `trouble` makes the next call of a command go wrong; None where it cannot."""

    driver: Driver
    tick: Callable[[], None]
    trouble: Callable[[str, str], None] | None
    network: str = "net-look"
    machine: str = "look-1"
    absent: str = "look"
    key_pair: str = "kp1"

    def settle(self, *pending: Pending) -> dict[str, Ended]:
        """Poll until every one of these has ended."""
        found: dict[str, Ended] = {}
        for _ in range(500):
            found |= {end.key: end for end in self.driver.poll([item for item in pending if item.key not in found])}
            if len(found) == len(pending):
                return found
            self.tick()
        raise AssertionError(f"never ended: {[item.key for item in pending if item.key not in found]}")

    def make(self, resource: ResourceType, call: Call, physical_id: str | None = None) -> tuple[Answer, Ended | None]:
        """Make a call and wait for its end; None when the answer is the end."""
        answer = self.driver.submit(call)
        if answer.job_id is None:
            return answer, None
        item = Pending("it", resource, call, answer.job_id, answer.physical_id or physical_id)
        return answer, self.settle(item)["it"]


@contextmanager
def memory() -> Iterator[World]:
    cloud = MemoryCloud()
    kinds = {
        "job": Trouble.JOB_FAILED,
        "drop": Trouble.ANSWER_LOST,
        "vanish": Trouble.JOB_LOST,
        "lose": Trouble.CALL_LOST,
    }

    def trouble(command: str, what: str) -> None:
        cloud.faults[:] = [Fault(kinds[what], command, nth=frozenset({1}))]

    yield World(MemoryDriver(cloud), lambda: cloud.clock.sleep(1.0), trouble)


@contextmanager
def simulator() -> Iterator[World]:
    kinds = {"job": "job", "drop": "drop_answer", "vanish": "vanish", "lose": "reset"}
    with Simulator(latency=Latency(job_s=0.02), seed=1) as cloud:
        driver = CloudStackDriver(Config(endpoint=cloud.endpoint, key=cloud.user.key, secret=cloud.user.secret))

        def trouble(command: str, what: str) -> None:
            cloud.faults.clear()
            cloud.faults.add(SimulatorFault(command, kinds[what], nth=1))

        yield World(driver, lambda: time.sleep(0.01), trouble)
        driver.close()


def _parameters(request) -> dict[str, str]:
    sent = urlsplit(request.uri).query if request.method == "GET" else (request.body or b"").decode()
    return {key: value for key, value in parse_qsl(sent, keep_blank_values=True) if key not in _NOISE}


def same_call(ours, recorded) -> None:
    """A recorded call is ours when it has our parameters, but for what only narrows a listing of the provider."""
    asked, answered = _parameters(ours), _parameters(recorded)
    if asked["command"].startswith("list"):
        for name in ("zoneid", "allocatedonly"):
            if name not in answered:
                asked.pop(name, None)
    assert asked == answered


class Player:
    """Answers calls with what was recorded."""

    def __init__(self, cassette: str) -> None:
        self._cassette = Cassette.load(
            path=str(CASSETTES / cassette), match_on=[same_call], record_mode=RecordMode.NONE
        )

    def send(self, method, form, _retry, _until=None):
        """Answer a call."""
        played = self._cassette.play_response(Request(method, f"{ENDPOINT}?{form}", None, {}))
        headers = {name.lower(): values[0] for name, values in played["headers"].items()}
        return Response(played["status"]["code"], headers, played["body"]["string"])

    def close(self) -> None:
        """There is nothing to close."""


@contextmanager
def recorded(cassette: str = "machine.yaml") -> Iterator[World]:
    config = Config(endpoint=ENDPOINT, key="a key", secret="a secret")
    driver = CloudStackDriver(Client(config, sender=Player(cassette)))
    yield World(driver, lambda: None, None)
    driver.close()


WORLDS = {"memory": memory, "simulator": simulator, "recorded": recorded}
