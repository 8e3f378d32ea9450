"""What is known of each of the 598 commands of CloudStack 4.19, without running any.

Source: `listApis` of a 4.19 server and the recordings, distilled by `cfnlib.simulator.distil`.
"""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

from attrs import frozen

DATA = Path(__file__).with_name("data")
ROLE_LETTER = {"Admin": "A", "ResourceAdmin": "D", "DomainAdmin": "D", "User": "U"}
# The order in which the server looks at a command's parameters is that of its class, which metadata does not show.
# Here it is where the recordings tell; other commands are looked at in the alphabetical order of `listApis`.
FIRST_PARAMETERS = {"deployVirtualMachine": ("zoneid", "serviceofferingid", "templateid")}


@frozen
class Parameter:
    """One parameter: `type` is CloudStack's word (uuid, string, list, map, boolean, integer, long, date ...)."""

    name: str
    type: str
    required: bool
    max_length: int
    related: tuple[str, ...]


@frozen
class Command:
    """One command. `answer` is the element its answer is wrapped in, `job_class` the class its job names."""

    name: str
    is_async: bool
    roles: str
    parameters: dict[str, Parameter]
    fields: list[Any]
    since: str | None
    answer: str
    job_class: str
    instance_type: str | None
    shows_instance: bool

    def allowed(self, role: str) -> bool:
        """Whether an account of that role type (Admin, DomainAdmin, User) may call it."""
        return ROLE_LETTER.get(role, "U") in self.roles

    def job_class_for(self, role: str) -> str:
        """The class a job of this command names when such an account calls it."""
        if role == "Admin":
            return self.job_class
        return self.job_class.removesuffix("ByAdmin").replace(".command.admin.", ".command.user.", 1)


def read_data(name: str) -> Any:  # noqa: ANN401 (any JSON value)
    """One of the data files beside this module."""
    with gzip.open(DATA / name, "rt", encoding="utf-8") as file:
        return json.load(file)


@cache
def commands() -> dict[str, Command]:
    """All commands by name."""
    return {name: _command(name, fact) for name, fact in read_data("commands.json.gz").items()}


def _command(name: str, fact: dict[str, Any]) -> Command:
    parameters = [
        Parameter(one[0], one[1], bool(one[2]), one[3], tuple(one[4].split(",")) if len(one) > 4 else ())
        for one in fact["params"]
    ]
    first = FIRST_PARAMETERS.get(name, ())
    parameters.sort(key=lambda one: first.index(one.name) if one.name in first else len(first))
    guess = f"user.{name[:1].upper()}{name[1:]}Cmd"
    return Command(
        name=name,
        is_async=bool(fact["async"]),
        roles=fact["roles"],
        parameters={one.name: one for one in parameters},
        fields=fact["fields"],
        since=fact.get("since"),
        answer=fact.get("answer", name.lower() + "response"),
        job_class="org.apache.cloudstack.api.command." + fact.get("job", guess),
        instance_type=fact.get("instance"),
        shows_instance=bool(fact.get("shows_instance")),
    )


def described(command: Command, role: str) -> dict[str, Any]:
    """The entry of `listApis` for a command. The name stands for the descriptions, which are not carried."""
    visible = {name: one for name, one in commands().items() if one.allowed(role)}
    return {
        "name": command.name,
        "description": command.name,
        "isasync": command.is_async,
        "params": [
            {
                "name": one.name,
                "description": one.name,
                "type": one.type,
                "length": one.max_length,
                "required": one.required,
            }
            | ({"related": ",".join(name for name in one.related if name in visible)} if one.related else {})
            for one in command.parameters.values()
        ],
        "response": [_described_field(field) for field in command.fields],
    } | ({"since": command.since} if command.since else {})


def _described_field(field: list[Any]) -> dict[str, Any]:
    inner = {"response": [_described_field(one) for one in field[2]]} if len(field) > 2 else {}
    return {"name": field[0], "description": field[0], "type": field[1]} | inner
