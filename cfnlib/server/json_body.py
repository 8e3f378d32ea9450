"""A request's body as JSON, read strictly: one document, no name twice in an object, only numbers that JSON has.

Two readers of a lenient text may see different things in it; here a text that is not wholly in order is refused.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NoReturn

from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from cfnlib.server.problems import refused

if TYPE_CHECKING:
    from werkzeug import Request

MAX_BYTES = 1 << 20
MAX_DEPTH = 32

_JSON = "application/json"
_MARKS = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)
"""Texts, to be passed over, and the brackets between them."""


def read_json(request: Request) -> object:
    """The document in a request's body. Raises `ProblemError`."""
    kind, options = request.mimetype, request.mimetype_params
    if kind != _JSON:
        said = f"The body is {kind}" if kind else "The body's type is not said"
        raise refused(415, "unsupported-media-type", f"{said}; send {_JSON}.", headers={"Accept-Post": _JSON})
    if options.get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
        raise refused(415, "unsupported-media-type", "JSON is sent in UTF-8.")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise refused(415, "unsupported-media-type", "Send the body without a content encoding.")
    body = _bytes(request)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise refused(400, "invalid-json", f"The body is no UTF-8: byte {error.start}.") from None
    if _too_deep(text):
        raise refused(400, "invalid-json", f"The body is nested deeper than {MAX_DEPTH}.")
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except ValueError as error:  # JSONDecodeError is one, and so is a number with thousands of digits
        raise refused(400, "invalid-json", f"The body is no JSON: {error}.") from None


def _bytes(request: Request) -> bytes:
    """The body, which may have been read before: a signature is over all of it."""
    request.max_content_length = MAX_BYTES
    try:
        body = request.get_data()
    except RequestEntityTooLarge:
        body = None
    except ClientDisconnected:
        raise refused(400, "invalid-json", "The body ended before its end.") from None
    if body is None or len(body) > MAX_BYTES:
        raise refused(413, "too-large", f"The body has more than {MAX_BYTES} bytes.")
    return body


def _too_deep(text: str) -> bool:
    depth = 0
    for found in _MARKS.finditer(text):
        if found[0] in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif found[0] in "]}":
            depth -= 1
    return False


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the name {ascii(name)[:60]} stands twice in an object")
        found[name] = value
    return found


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")
