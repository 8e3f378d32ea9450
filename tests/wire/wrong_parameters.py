"""Requests with one parameter wrong, made from the model: for the tests of everything that reads requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cfnlib.wire.scalars import compiled

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from cfnlib.wire import Service

Pairs = list[tuple[str, str]]

SAMPLES = {"integer": "1", "long": "1", "float": "1.5", "double": "1.5", "boolean": "true", "blob": "YQ=="}
NOT_OF_TYPE = {
    "integer": ("many", "1.5", "", "99999999999"),
    "long": ("many", "99999999999999999999"),
    "float": ("much", ""),
    "double": ("much", "1e5e5"),
    "boolean": ("perhaps", "", "1"),
    "timestamp": ("yesterday", "2020-13-45T00:00:00Z", ""),
    "blob": ("*not base64*",),
    "structure": ("a text",),
    "list": ("a text",),
    "map": ("a text",),
}
NO_MATCH = ("!", "*", " ", "a b", "ä", "\x01", "/!", "x" * 11, "-", "")
LARGEST = {"integer": 2**31 - 1, "long": 2**63 - 1}
MOST_TEXT = 300_000
MOST_ELEMENTS = 1_100


def wire_name(service: Service, member: str, ref: dict[str, Any]) -> str:
    """A member's name in a request."""
    if service.protocol != "ec2":
        return ref.get("locationName", member)
    name = ref.get("locationName", member)
    return ref.get("queryName", name[0].upper() + name[1:])


def element_prefix(service: Service, shape: dict[str, Any], path: str) -> str:
    """What stands before a list's indices."""
    return path if service.protocol == "ec2" else f"{path}.{shape['member'].get('locationName', 'member')}"


def wrongs(
    service: Service,
    operation_name: str,
    good_pairs: Sequence[tuple[str, str]],
    *,
    open_shapes: Collection[str] = (),
) -> Iterator[tuple[str, Pairs]]:
    """(label, pairs) for each way in which one parameter of the operation can be wrong, the rest as in `good_pairs`.

    The label is the parameter's path and what is wrong, "StackName too long"; its last words are those of
    `FaultKind`. Constraints of `open_shapes` are left alone. A parameter within an element or a structure that
    `good_pairs` does not have stands there without its neighbours.
    """
    shape_name = service.operation(operation_name).input_shape
    if shape_name is None:
        return
    for path, what, pairs in _structure(service, shape_name, "", open_shapes):
        kept = [(name, value) for name, value in good_pairs if not _under(name, path) and not _above(name, path)]
        yield f"{path} {what}", [*kept, *(pair for pair in pairs if pair[0] not in dict(kept))]
    for name, value in good_pairs:
        if name not in {"Action", "Version"}:
            yield f"{name} given twice type", [*good_pairs, (name, value)]


def _under(name: str, path: str) -> bool:
    return name == path or name.startswith(f"{path}.")


def _above(name: str, path: str) -> bool:
    return path.startswith(f"{name}.")


Wrong = tuple[str, str, Pairs]
"""Path, what is wrong, and what stands at that path."""


def _structure(service: Service, shape_name: str, path: str, open_shapes: Collection[str]) -> Iterator[Wrong]:
    shape = service.shapes[shape_name]
    for member, ref in shape["members"].items():
        wire = wire_name(service, member, ref)
        where = f"{path}.{wire}" if path else wire
        if member in shape.get("required", ()):
            # The structure itself is there, with another of its members where it has one.
            others = (wire_name(service, key, other) for key, other in shape["members"].items() if key != member)
            neighbour = next(others, None)
            if not path:
                yield where, "missing", []
            elif neighbour is None:
                yield path, "missing", [(path, "")]
            else:
                yield where, "missing", [(f"{path}.{neighbour}", "")]
        yield from _node(service, ref["shape"], where, open_shapes)


def _node(service: Service, shape_name: str, path: str, open_shapes: Collection[str]) -> Iterator[Wrong]:
    shape = service.shapes[shape_name]
    kind = shape["type"]
    forgiven = service.protocol == "ec2" and kind == "list" and _is_plain(service, shape["member"]["shape"])
    for text in () if forgiven else NOT_OF_TYPE.get(kind, ()):
        if text or kind not in {"structure", "list", "map"}:
            yield path, "type", [(path, text)]
    if kind in {"string", "blob", *SAMPLES, "timestamp"}:
        yield path, "type", [(f"{path}.Part", "x")]
    if shape_name not in open_shapes:
        yield from ((path, what, pairs) for what, pairs in _unlawful(service, shape, path))
    if kind == "structure":
        yield from _structure(service, shape_name, path, open_shapes)
    elif kind == "list":
        prefix = element_prefix(service, shape, path)
        yield f"{prefix}.first", "type", [(f"{prefix}.first", "x")]
        yield from _node(service, shape["member"]["shape"], f"{prefix}.1", open_shapes)
    elif kind == "map":
        key, value = shape["key"].get("locationName", "key"), shape["value"].get("locationName", "value")
        yield f"{path}.entry.1.{value}", "missing", [(f"{path}.entry.1.{key}", "k")]
        yield f"{path}.entry.1.{key}", "missing", [(f"{path}.entry.1.{value}", "v")]
        yield from _node(service, shape["key"]["shape"], f"{path}.entry.1.{key}", open_shapes)
        yield from _node(service, shape["value"]["shape"], f"{path}.entry.1.{value}", open_shapes)


def _is_plain(service: Service, shape_name: str) -> bool:
    return service.shapes[shape_name]["type"] not in {"structure", "list", "map"}


def _unlawful(service: Service, shape: dict[str, Any], path: str) -> Iterator[tuple[str, Pairs]]:
    """Values of the right type outside each of their shape's constraints."""
    kind = shape["type"]
    if kind == "string":
        yield from ((what, [(path, text)]) for what, text in _unlawful_texts(shape))
    elif kind in {"integer", "long", "float", "double"}:
        if "min" in shape:
            yield "range", [(path, str(shape["min"] - 1))]
        if "max" in shape and shape["max"] < LARGEST.get(kind, shape["max"] + 1):
            yield "range", [(path, str(shape["max"] + 1))]
    elif kind == "list":
        item = service.shapes[shape["member"]["shape"]]
        sample = SAMPLES.get(item["type"], "x" if item["type"] == "string" else "")
        prefix = element_prefix(service, shape, path)
        if shape.get("max", MOST_ELEMENTS) < MOST_ELEMENTS:
            yield "too long", [(f"{prefix}.{index}", sample) for index in range(1, shape["max"] + 2)]
        if shape.get("min"):
            yield "too short", [(path, "")]


def _unlawful_texts(shape: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if shape.get("max", MOST_TEXT) < MOST_TEXT:
        yield "too long", "x" * (shape["max"] + 1)
    if shape.get("min"):
        yield "too short", "x" * (shape["min"] - 1)
    if shape.get("enum"):
        yield "enum", "NO-SUCH-VALUE"
    pattern = compiled(shape["pattern"]) if "pattern" in shape else None
    unlike = next((text for text in NO_MATCH if pattern and not pattern.fullmatch(text)), None)
    if unlike is not None:
        yield "pattern", unlike
