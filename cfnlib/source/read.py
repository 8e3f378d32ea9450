"""From a file or a text to nodes: the checks that come before YAML and JSON, and the choice between the two."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cfnlib.diagnostic import Code, Diagnostics, Span
from cfnlib.source.limits import DEFAULT_LIMITS, Limits
from cfnlib.source.nodes import ListNode, MapNode, Node
from cfnlib.source.offsets import span_at

if TYPE_CHECKING:
    from collections.abc import Mapping

_BYTE_ORDER_MARK = "\ufeff"


def load(text: str, file: str = "<text>", limits: Limits = DEFAULT_LIMITS) -> tuple[Node | None, Diagnostics]:
    """Read a template's text. JSON when it begins with `{`, YAML otherwise.

    The node is None when nothing could be read: then the diagnostics have the error. With a node there may be errors
    too (duplicate keys, unknown tags, a root that is no map), collected to the end of the text.
    """
    diagnostics = Diagnostics()
    beginning = Span(file, 1, 1, 1, 1)
    try:
        size_bytes = len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError as error:
        diagnostics.add(Code.SYNTAX, "half a character (a lone surrogate)", span_at(text, error.start, file))
        return None, diagnostics
    if size_bytes > limits.max_bytes:
        diagnostics.add(
            Code.TOO_LARGE,
            f"the text has {size_bytes} bytes, more than the {limits.max_bytes} that are read",
            beginning,
            hint="split the template into nested stacks, or raise the limit",
        )
        return None, diagnostics
    text = text.removeprefix(_BYTE_ORDER_MARK)
    begin = text.lstrip()[:1]
    if not begin:
        diagnostics.add(Code.SYNTAX, "the text is empty", beginning, hint="a template has at least Resources")
        return None, diagnostics
    if begin == "{":
        from cfnlib.source.json_text import load_json  # noqa: PLC0415 - a YAML template needs no JSON

        root, found = load_json(text, file, limits)
    else:
        from cfnlib.source.yaml_text import load_yaml  # noqa: PLC0415 - a JSON template needs no PyYAML

        root, found = load_yaml(text, file, limits)
    if root is None and not found:
        diagnostics.add(
            Code.SYNTAX, "the text has only comments", beginning, hint="a template has at least Resources"
        )
    elif root is not None and not isinstance(root, MapNode):
        said = "a list" if isinstance(root, ListNode) else "a single value"
        diagnostics.add(
            Code.STRUCTURE,
            f"the text is {said}, a template is a map of sections",
            root.span,
            hint="begin with 'Resources:'; is this file a template?",
        )
    diagnostics.extend(found)
    return root, diagnostics


def read_text(
    path: str | os.PathLike[str],
    limits: Limits = DEFAULT_LIMITS,
    variables: Mapping[str, object] | None = None,
) -> tuple[str | None, Diagnostics]:
    """Read a file's text, rendered through Jinja2 when its name ends in .j2 or `variables` are given.

    None when it is too large, no UTF-8 or can't be rendered. Raises OSError when the file can't be read.
    """
    file = os.fspath(path)
    diagnostics = Diagnostics()
    with open(file, "rb") as stream:  # noqa: PTH123 - pathlib is not free to import
        data = stream.read(limits.max_bytes + 1)
    if len(data) > limits.max_bytes:
        diagnostics.add(
            Code.TOO_LARGE,
            f"the file has more than the {limits.max_bytes} bytes that are read",
            Span(file, 1, 1, 1, 1),
            hint="split the template into nested stacks, or raise the limit",
        )
        return None, diagnostics
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        place = span_at(data[: error.start].decode() + "?", len(data[: error.start].decode()), file)
        diagnostics.add(
            Code.SYNTAX,
            f"no valid UTF-8: the byte 0x{data[error.start]:02X} ({error.reason})",
            place,
            hint="save the file in UTF-8",
        )
        return None, diagnostics
    text = text.replace("\r\n", "\n")
    if variables is not None or file.endswith(".j2"):
        from cfnlib.source.jinja_text import render  # noqa: PLC0415 - Jinja2 is loaded only when asked for

        return render(text, variables or {}, file, max_bytes=limits.max_bytes)
    return text, diagnostics


def load_file(
    path: str | os.PathLike[str],
    limits: Limits = DEFAULT_LIMITS,
    variables: Mapping[str, object] | None = None,
) -> tuple[Node | None, Diagnostics]:
    """`read_text` and `load` in one. Raises OSError when the file can't be read."""
    text, diagnostics = read_text(path, limits, variables)
    if text is None:
        return None, diagnostics
    return load(text, os.fspath(path), limits)
