"""A result to XML or JSON, as the model has it.

Each shape is made once into a function that appends to a list of texts; what is left at the time of an answer is a
walk over the result's own members. A member that the model does not know raises: it would otherwise be missing at the
client without a word; save one whose name begins with an underscore, which is for who made the result.

An answer in an older version has no lists that came later, as EC2 itself does it: what reads XML as boto 2 does takes
the end of an item in such a list for the end of the thing that the list belongs to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cfnlib.wire.faults import UnwritableResultError
from cfnlib.wire.plain import PLAIN, seconds, unfit

if TYPE_CHECKING:
    from cfnlib.wire.model import Service, Shape

Append = Callable[[str], None]
WriteXml = Callable[[Any, Append], None]


class Lasting(dict[str, Any]):
    """A structure that is answered again and again, and never changed: its XML is written once and kept in it."""

    __slots__ = ("texts",)

    def __init__(self, members: Mapping[str, Any]) -> None:
        super().__init__(members)
        self.texts: dict[str, str] = {}


def writer(service: Service, name: str) -> WriteXml:
    """What writes the inside of an element of the shape `name`."""
    found: WriteXml | None = service.writers.get(name)
    return found or _XmlMaking(service).node(name)


class _XmlMaking:
    """Makes the functions that write the inside of an element, and keeps them in `Service.writers`, by shape.

    Two threads may make the same one at once; either is as good.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self.made: dict[str, WriteXml] = dict(service.writers)
        self.item = "item" if service.protocol == "ec2" else "member"

    def node(self, name: str) -> WriteXml:
        if name not in self.made:

            def itself(value: Any, append: Append) -> None:  # noqa: ANN401 - any value of the shape
                self.made[name](value, append)

            self.made[name] = itself  # for a shape within itself
            shape = self.service.shapes[name]
            kind = shape["type"]
            if kind == "structure":
                self.made[name] = self.structure(name, shape)
            elif kind == "list":
                self.made[name] = self.list(name, shape)
            elif kind == "map":
                self.made[name] = self.map(name, shape)
            else:
                self.made[name] = _plain_xml(name, PLAIN[kind])
            self.service.writers[name] = self.made[name]
        return self.made[name]

    def structure(self, name: str, shape: Shape) -> WriteXml:
        members, later = self.members(shape), self.later_lists(name, shape)

        def write(value: Any, append: Append) -> None:  # noqa: ANN401 - checked below
            if type(value) is Lasting:
                text = value.texts.get(name)
                if text is None:
                    parts: list[str] = []
                    write(dict(value), parts.append)
                    text = value.texts[name] = "".join(parts)
                append(text)
                return
            if not isinstance(value, Mapping):
                raise unfit(name, "structure", value)
            for key, inner in value.items():
                if key in members:
                    if inner is not None and key not in later:
                        start, end, write_inner = members[key]
                        append(start)
                        write_inner(inner, append)
                        append(end)
                elif key[:1] != "_":
                    raise UnwritableResultError(f"{name} has no member {key!r}")

        return write

    def members(self, shape: Shape) -> dict[str, tuple[str, str, WriteXml]]:
        """What stands before and behind each member, and what writes it."""
        found: dict[str, tuple[str, str, WriteXml]] = {}
        for member, ref in shape["members"].items():
            below = self.service.shapes[ref["shape"]]
            tag = ref.get("locationName", member)
            if below["type"] == "list" and below.get("flattened"):
                tag = below["member"].get("locationName", tag)
                found[member] = ("", "", self.flat(ref["shape"], below, tag))
            else:
                found[member] = (f"<{tag}>", f"</{tag}>", self.node(ref["shape"]))
        return found

    def later_lists(self, name: str, shape: Shape) -> frozenset[str]:
        """The members that are lists and that the same structure of the older model does not have."""
        older = self.service.older.shapes.get(name) if self.service.older else None
        if older is None or older["type"] != "structure":
            return frozenset()
        before = {ref.get("locationName", member) for member, ref in older["members"].items()}
        return frozenset(
            member
            for member, ref in shape["members"].items()
            if self.service.shapes[ref["shape"]]["type"] == "list" and ref.get("locationName", member) not in before
        )

    def list(self, name: str, shape: Shape) -> WriteXml:
        return self.flat(name, shape, shape["member"].get("locationName", self.item))

    def flat(self, name: str, shape: Shape, tag: str) -> WriteXml:
        write_inner = self.node(shape["member"]["shape"])
        start, end = f"<{tag}>", f"</{tag}>"

        def write(value: Any, append: Append) -> None:  # noqa: ANN401 - checked below
            for inner in _checked_list(name, value):
                append(start)
                write_inner(inner, append)
                append(end)

        return write

    def map(self, name: str, shape: Shape) -> WriteXml:
        key_tag = shape["key"].get("locationName", "key")
        value_tag = shape["value"].get("locationName", "value")
        write_key, write_value = self.node(shape["key"]["shape"]), self.node(shape["value"]["shape"])

        def write(value: Any, append: Append) -> None:  # noqa: ANN401 - checked below
            if not isinstance(value, Mapping):
                raise unfit(name, "map", value)
            for key, inner in value.items():
                append(f"<entry><{key_tag}>")
                write_key(key, append)
                append(f"</{key_tag}><{value_tag}>")
                write_value(inner, append)
                append(f"</{value_tag}></entry>")

        return write


def _checked_list(name: str, value: Any) -> Sequence[Any]:  # noqa: ANN401 - it is what is checked
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise unfit(name, "list", value)
    return value


def _plain_xml(name: str, to_text: Callable[[str, Any], str]) -> WriteXml:
    def write(value: Any, append: Append) -> None:  # noqa: ANN401 - checked by to_text
        append(to_text(name, value))

    return write


ABSENT: dict[str, Callable[[], Any]] = {"list": list, "map": dict}
"""What JSON has for a member that is not there, where it is not null."""


def to_json(service: Service, name: str, value: Any) -> Any:  # noqa: ANN401 - a value of the shape, a value for json
    """A value of the shape `name` as JSON has it: times as seconds since the epoch, bytes in base64."""
    shape = service.shapes[name]
    kind = shape["type"]
    if kind == "structure":
        return _json_structure(service, name, shape, value)
    if kind == "list":
        return [to_json(service, shape["member"]["shape"], inner) for inner in _checked_list(name, value)]
    if kind == "map":
        if not isinstance(value, Mapping):
            raise unfit(name, "map", value)
        return {str(key): to_json(service, shape["value"]["shape"], inner) for key, inner in value.items()}
    if kind == "timestamp":
        return round(seconds(name, value), 3)
    text = PLAIN[kind](name, value)
    return text if kind == "blob" else value


def _json_structure(service: Service, name: str, shape: Shape, value: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    if not isinstance(value, Mapping):
        raise unfit(name, "structure", value)
    members = shape["members"]
    for key in value:
        if key not in members:
            raise UnwritableResultError(f"{name} has no member {key!r}")
    result = {}
    for member, ref in members.items():
        inner = value.get(member)
        if inner is None:
            result[member] = ABSENT.get(service.shapes[ref["shape"]]["type"], lambda: None)()
        else:
            result[member] = to_json(service, ref["shape"], inner)
    return result
