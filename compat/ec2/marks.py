"""What EC2 knows of a machine and CloudStack does not, kept on the machine itself.

Which reservation a machine belongs to, and its place there, is its name: `r-0123456789abcdef0-3` is the fourth
machine of that reservation. The name is given by the call that makes the machine, and CloudStack refuses a second
one of the same name; so a request that is sent twice with one client token makes nothing twice, whichever bridge it
comes to, and a bridge that dies leaves no machine without its reservation. Nor without its security groups, by which
scripts tell the machines of a cluster: their ids are in what the machine is shown as (`displayname`). The rest
(`Marks`) is in tags whose keys begin with `cfnlib:ec2:`, which DescribeTags does not show.

Source: CloudStack 4.19, deployVirtualMachine: names are unique in the network domain, at most 63 characters.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from attrs import fields, frozen

from compat.ec2.ids import DIGITS, ec2_id, has_form

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PREFIX = "cfnlib:ec2:"
"""What the keys of the bridge's own tags begin with."""

_NAME = re.compile(rf"(r-[0-9a-f]{{{DIGITS}}})-(\d+)")
_LONGEST = 255


@frozen
class Marks:
    """What is kept of a machine in tags.

    `type` and `image` are as the client named them; `groups` its security groups, each as its UUID, a blank and its
    name (CloudStack keeps them only in zones that have them); `token` the client's; `kept` the devices whose volumes
    stay when it is terminated; `devices` the names that its volumes were asked for under, as "1 /dev/sdv"; `spot` the
    id of the spot request, `spot_price` and `launch_group` what that asked for, `spot_state` "cancelled" when it was;
    `public` is "yes" when it is to have a public address.
    """

    type: str = ""
    image: str = ""
    groups: tuple[str, ...] = ()
    token: str = ""
    kept: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    spot: str = ""
    spot_price: str = ""
    launch_group: str = ""
    spot_state: str = ""
    public: str = ""

    def dooms(self, device_id: str) -> bool:
        """Whether the volume with this CloudStack device id goes with the machine.

        That is so for those that the launch asked for and did not keep; one that was attached later stays, and so do
        all when nothing is known of the launch.
        """
        return any(
            number == device_id and name not in self.kept
            for number, name in (text.split(" ", 1) for text in self.devices)
        )

    def as_tags(self) -> dict[str, str]:
        """The tags, without what is empty. A text that is too long for one tag goes into several."""
        found = {}
        for name in (field.name for field in fields(Marks)):
            value = getattr(self, name)
            text = value if isinstance(value, str) else "\n".join(value)
            for number, start in enumerate(range(0, len(text), _LONGEST)):
                found[f"{PREFIX}{name}{f'.{number}' if number else ''}"] = text[start : start + _LONGEST]
        return found


def marks_of(tags: Iterable[Mapping[str, Any]]) -> Marks:
    """What the tags of a machine, as CloudStack lists them, say."""
    own = {str(tag["key"])[len(PREFIX) :]: str(tag.get("value", "")) for tag in tags if is_mark(str(tag["key"]))}
    values: dict[str, Any] = {}
    for field in fields(Marks):
        text = own.get(field.name, "")
        number = 1
        while f"{field.name}.{number}" in own:
            text += own[f"{field.name}.{number}"]
            number += 1
        if text:
            values[field.name] = text if field.default == "" else tuple(text.split("\n"))
    return Marks(**values)


def is_mark(key: str) -> bool:
    """Whether a tag is the bridge's own."""
    return key.startswith(PREFIX)


def spot_request(machine: Mapping[str, Any], marks: Marks) -> str | None:
    """The id of a machine's spot request: the mark is that of its launch, the launch index tells them apart."""
    return ec2_id("spot", f"{marks.spot} {reservation_of(machine)[1]}") if marks.spot else None


def is_bare(machine: Mapping[str, Any]) -> bool:
    """Whether a machine lacks the tags of its launch, which one that this API did not launch does not."""
    launched = _NAME.fullmatch(str(machine.get("name", ""))) is not None
    return launched and not any(is_mark(str(tag["key"])) for tag in machine.get("tags") or ())


def new_reservation(account: str, token: str | None) -> str:
    """The id of a reservation: always the same for one client token of an account, else a new one."""
    text = uuid4().hex if token is None else sha256(f"{account}\n{token}".encode()).hexdigest()
    return f"r-{text[:DIGITS]}"


def display_name(name: str, groups: Iterable[str]) -> str:
    """What a machine is shown as on CloudStack: its name, and the ids of its security groups.

    It is given by the call that makes the machine, so its groups are known before it has its tags, or if it never
    gets them. Of too many groups nothing is said.
    """
    text = " ".join([name, *(ec2_id("securitygroup", uuid) for uuid in groups)])
    return text if len(text) <= _LONGEST else name


def groups_shown(machine: Mapping[str, Any]) -> list[str]:
    """The ids of the security groups that a machine was launched with, by what it is shown as."""
    name, *groups = str(machine.get("displayname", "")).split(" ")
    return groups if name == machine.get("name") and all(has_form("securitygroup", one) for one in groups) else []


def machine_name(reservation: str, index: int) -> str:
    """The name of the machine with this launch index (from 0) in a reservation."""
    return f"{reservation}-{index}"


def reservation_of(machine: Mapping[str, Any]) -> tuple[str, int]:
    """A machine's reservation and launch index; one that this bridge did not launch is a reservation of its own."""
    found = _NAME.fullmatch(str(machine.get("name", "")))
    if found is None:
        return ec2_id("reservation", str(machine["id"])), 0
    return found[1], int(found[2])
