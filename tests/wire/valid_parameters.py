"""Values that a model allows, for its operations' inputs and outputs: one of everything, and strategies."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from cfnlib.wire.scalars import compiled

if TYPE_CHECKING:
    from cfnlib.wire import Service

PATTERNED = (
    *("a" * size for size in (1, 5, 8, 9, 12, 20, 36, 64)),
    "123456",
    "123456789012",
    "1.0.0",
    "10.1.2.3",
    "eu-west-1",
    "r-ab12",
    "https://example.org/x",
    "AWS::EC2::Instance",
    "0123abcd-0123-0123-0123-0123456789ab",
    "fcap-0123456789abcdef0",
    "fcapassoc-0123456789abcdef0",
    "arn:aws:iam::123456789012:role/x",
    "arn:aws:cloudformation:eu:123456789012:stack/a/b",
    "arn:aws:cloudformation:eu:123456789012:type/hook/x",
    "arn:aws:cloudformation:eu:123456789012:type/x",
    "arn:aws:cloudformation:eu::type/x/0123456789ab/y",
    "arn:aws:cloudformation:eu:123456789012:type-configuration/x",
    "arn:aws:outposts:eu:123456789012:outpost/op-0123456789abcdef0",
    "arn:aws:secretsmanager:eu:123456789012:secret:x",
)
"""For each pattern of the models at least one text; a test of the strategies fails when a newer model has another."""

LIMITS = {"integer": 2**31 - 1, "long": 2**63 - 1}
MOST = 3
"""Elements of a list, and optional members of a structure, that a strategy gives unless the model wants more."""

LONGEST = 200
XML = st.characters(exclude_categories=["Cs", "Cn"], exclude_characters=[*map(chr, range(9)), *"\x0b\x0c"])
TEXT = st.text(XML.filter(lambda character: character >= " " or character in "\t\n\r"), max_size=30)

TIMES = st.integers(0, 7_258_118_400_000_000).map(lambda moment: datetime.fromtimestamp(moment / 1e6, UTC))
PLAIN = {
    "boolean": False,
    "double": 0.1,
    "float": 2.5,
    "timestamp": datetime(2026, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC),
    "blob": b"\x00\xff<",
}


def fitting(shape: dict[str, Any]) -> list[str]:
    """Texts of `PATTERNED` that the shape allows."""
    pattern = compiled(shape["pattern"])
    return [
        text
        for text in PATTERNED
        if (pattern is None or pattern.fullmatch(text))
        and shape.get("min", 0) <= len(text) <= shape.get("max", 10**9)
    ]


def is_empty(service: Service, name: str) -> bool:
    """A structure that has no members: it cannot be told from its absence in a request."""
    shape = service.shapes[name]
    if shape["type"] == "list":
        return is_empty(service, shape["member"]["shape"])
    return shape["type"] == "structure" and all(is_empty(service, ref["shape"]) for ref in shape["members"].values())


def filled(service: Service, name: str, depth: int = 0) -> Any:
    """A value of the shape `name` with every member, at all depths; near the top, lists have two elements."""
    shape = service.shapes[name]
    kind = shape["type"]
    if kind == "structure":
        return {
            member: filled(service, ref["shape"], depth + 1)
            for member, ref in shape["members"].items()
            if not is_empty(service, ref["shape"])
        }
    if kind == "list":
        count = max(shape.get("min", 0), min(2 if depth < 3 else 1, shape.get("max", 2)))
        return [filled(service, shape["member"]["shape"], depth + 1) for _ in range(count)]
    if kind == "map":
        return {
            filled(service, shape["key"]["shape"]): filled(service, shape["value"]["shape"], depth + 1),
        }
    if kind == "string":
        return _text(shape)
    if kind in {"integer", "long"}:
        return shape.get("max", shape.get("min", 0) + 7)
    return PLAIN[kind]


def _text(shape: dict[str, Any]) -> str:
    if shape.get("enum"):
        return shape["enum"][-1]
    if "pattern" in shape:
        return fitting(shape)[0]
    return "a<&>\"'é "[: shape.get("max", 9)].ljust(shape.get("min", 0), "x")


@cache
def _values(service: Service, name: str, *, lawful: bool) -> st.SearchStrategy[Any]:
    shape = service.shapes[name]
    kind = shape["type"]
    if kind == "structure":
        return _structure(service, name, lawful=lawful)
    if kind == "list":
        least = max(shape.get("min", 0) if lawful else 0, 1 if service.protocol == "ec2" and lawful else 0)
        most = max(least, min(MOST, shape.get("max", MOST)))
        return st.lists(_values(service, shape["member"]["shape"], lawful=lawful), min_size=least, max_size=most)
    if kind == "map":
        keys = _values(service, shape["key"]["shape"], lawful=lawful)
        return st.dictionaries(
            keys, _values(service, shape["value"]["shape"], lawful=lawful), min_size=1, max_size=MOST
        )
    return _plain_values(shape, lawful=lawful)


def _plain_values(shape: dict[str, Any], *, lawful: bool) -> st.SearchStrategy[Any]:
    kind = shape["type"]
    if kind == "string":
        return _texts(shape) if lawful else TEXT
    if kind in {"integer", "long"}:
        low = shape.get("min", -LIMITS[kind] - 1) if lawful else -LIMITS[kind] - 1
        return st.integers(low, shape.get("max", LIMITS[kind]) if lawful else LIMITS[kind])
    if kind == "timestamp":
        return TIMES if lawful else TIMES.map(lambda time: time.replace(microsecond=time.microsecond // 1000 * 1000))
    if kind == "blob":
        return st.binary(min_size=shape.get("min", 0), max_size=min(shape.get("max", 40), 40))
    return st.booleans() if kind == "boolean" else st.floats(allow_nan=False, width=32 if kind == "float" else 64)


def _texts(shape: dict[str, Any]) -> st.SearchStrategy[str]:
    if shape.get("enum"):
        return st.sampled_from(shape["enum"])
    if "pattern" in shape:
        return st.sampled_from(fitting(shape))
    least = shape.get("min", 0)
    most = max(least, min(shape.get("max", 30), LONGEST))
    return st.text(st.characters(exclude_categories=["Cs"]), min_size=least, max_size=most)


@st.composite
def _structure(draw: st.DrawFn, service: Service, name: str, *, lawful: bool) -> dict[str, Any]:
    """The required members and a few of the others; at least one, for one without any is not seen in a request."""
    shape = service.shapes[name]
    members = {key: ref["shape"] for key, ref in shape["members"].items() if not is_empty(service, ref["shape"])}
    required = [key for key in shape.get("required", ()) if key in members]
    optional = [key for key in members if key not in required]
    least = 0 if required or not optional else 1
    chosen = draw(st.lists(st.sampled_from(optional), unique=True, min_size=least, max_size=MOST)) if optional else []
    return {key: draw(_values(service, members[key], lawful=lawful)) for key in [*required, *chosen]}


def valid_params(service: Service, operation_name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Inputs of an operation that the model allows, by the names of its members."""
    name = service.operation(operation_name).input_shape
    return st.just({}) if name is None else _values(service, name, lawful=True)


def results(service: Service, operation_name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Outputs of an operation: of the right types, with texts that XML can carry and times in milliseconds."""
    name = service.operation(operation_name).output_shape
    return st.just({}) if name is None else _values(service, name, lawful=False)
