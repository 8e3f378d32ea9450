"""Plays a recorded scenario against a simulator and tells in what the answers differ.

Two differences count as the same one if command, path and kind agree; where in which scenario does not matter.
"""

# What is test machinery is read by its name, and takes what it is given.
# ruff: noqa: D102

from __future__ import annotations

import re
import socket
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import urlencode, urlsplit

from cfnlib.simulator import Latency, Simulator
from cfnlib.simulator.scenario import parsed, shape_of
from cfnlib.simulator.signature import sign

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = Any  # what a JSON text may hold
HAS_NUMBERS = re.compile(r"\d+")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Clock:
    """A clock that goes on only when told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Difference(NamedTuple):
    """`kind`: status, type, missing (recorded only), extra (simulated only), json type, error."""

    command: str
    kind: str
    path: str
    detail: str
    where: str

    @property
    def key(self) -> tuple[str, str, str]:
        return self.command, self.kind, self.path


def look_up(answers: list[Any], symbol: dict[str, Any]) -> str:
    value = answers[symbol["step"]]
    for part in symbol["path"]:
        value = value[part]
    return str(value)


def resolved(answers: list[Any], value: Json) -> str:
    if isinstance(value, str):
        return value
    return "".join(part if isinstance(part, str) else look_up(answers, part) for part in value)


class Replay:
    """One scenario on one fresh simulator, with a clock of its own: a job ends when it is asked for."""

    def __init__(self, name: str, steps: list[dict[str, Any]]) -> None:
        self.name = name
        self.steps = steps
        self.clock = Clock()
        latency = Latency(job_s=5.0, router_s=1.0)
        self.simulator = Simulator(latency, clock=self.clock, seed=1)
        self.answers: list[Any] = []

    def __enter__(self) -> Self:
        self.simulator.start()
        where = urlsplit(self.simulator.endpoint)
        self.connection = HTTPConnection(where.hostname or "", where.port)
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()
        self.simulator.stop()

    def differences(self) -> Iterator[Difference]:
        for number, step in enumerate(self.steps):
            self.clock.now += 0.01
            try:
                parameters = {key: resolved(self.answers, value) for key, value in step["parameters"].items()}
            except (KeyError, IndexError, TypeError) as error:
                self.answers.append(None)
                where = f"{self.name}[{number}]"
                yield Difference(step["parameters"]["command"], "unreachable", "", repr(error), where)
                continue
            status, kind, text = self.play(step, parameters)
            body = parsed(kind, text)
            self.answers.append(body)
            yield from self.compare(number, step, status, kind, body)

    def play(self, step: dict[str, Any], parameters: dict[str, str]) -> tuple[int, str, str]:
        signed = self.signed(parameters, step.get("caller", "admin"))
        reply = self.send(step, signed)
        if parameters.get("command") == "queryAsyncJobResult":
            while b'"jobstatus":0,"jobprocstatus"' in reply[2].encode():
                self.clock.now += 1.0
                reply = self.send(step, signed)
        return reply

    def send(self, step: dict[str, Any], signed: dict[str, str]) -> tuple[int, str, str]:
        form = urlencode(signed)
        if step["method"] == "POST":
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            self.connection.request("POST", step["path"], body=form, headers=headers)
        else:
            self.connection.request("GET", f"{step['path']}?{form}")
        answer = self.connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read().decode()

    def signed(self, parameters: dict[str, str], caller: str) -> dict[str, str]:
        if caller == "nobody":
            return parameters
        [user] = [one for one in self.simulator.world.live("user") if one["name"] == caller]
        full = parameters | {"apiKey": user["apikey"]}
        return full | {"signature": sign(full, user["secretkey"])}

    def compare(self, number: int, step: dict[str, Any], status: int, kind: str, body: Json) -> Iterator[Difference]:
        command = step["parameters"].get("command", "")
        if command == "queryAsyncJobResult":
            command = self.job_command(step, body)
        where = f"{self.name}[{number}]"
        if status != step["status"]:
            yield Difference(
                command, "status", "", f"recorded {step['status']}, simulated {status}: {body}"[:400], where
            )
            return
        if kind != step["type"]:
            yield Difference(command, "type", "", f"recorded {step['type']}, simulated {kind}", where)
        recorded, simulated = step["shape"], shape_of(body)
        for path in recorded.keys() - simulated.keys():
            if not hidden_by_absence(path, simulated, recorded):
                yield Difference(command, "missing", path, recorded[path], where)
        for path in simulated.keys() - recorded.keys():
            if not hidden_by_absence(path, recorded, simulated):
                yield Difference(command, "extra", path, simulated[path], where)
        for path in recorded.keys() & simulated.keys():
            if recorded[path] != simulated[path]:
                yield Difference(
                    command, "json type", path, f"recorded {recorded[path]}, simulated {simulated[path]}", where
                )
        yield from self.compare_errors(command, step, body, where)

    def compare_errors(self, command: str, step: dict[str, Any], body: Json, where: str) -> Iterator[Difference]:
        if "error" not in step or not isinstance(body, dict):
            return
        content = next(iter(body.values()))
        content = content.get("jobresult", content)
        for key in step["error"]:
            recorded, simulated = step["error"][key], content.get(key)
            simulated = simulated[0] if isinstance(simulated, list) else simulated
            if key == "errortext":
                recorded, simulated = stable(str(recorded)), stable(str(simulated))
            if recorded != simulated:
                yield Difference(command, "error", key, f"recorded {recorded!r}, simulated {simulated!r}", where)

    def job_command(self, step: dict[str, Any], body: Json) -> str:
        try:
            uuid = body["queryasyncjobresultresponse"]["jobid"]
        except (KeyError, TypeError):
            return "queryAsyncJobResult"
        job = self.simulator.world.get("job", uuid)
        return f"job of {job['command']}" if job else str(step["parameters"])


def hidden_by_absence(path: str, other: dict[str, str], own: dict[str, str]) -> bool:
    """Whether the difference at a path is already told by one nearer to the root."""
    parent = path.rpartition(".")[0]
    while parent:
        if parent not in other and parent in own:
            return True
        parent = parent[:-2] if parent.endswith("[]") else parent.rpartition(".")[0]
    return path.endswith("[]") and path[:-2] not in other


def stable(text: str) -> str:
    """A text without what differs from run to run."""
    return HAS_NUMBERS.sub("#", UUID.sub("<uuid>", text))
