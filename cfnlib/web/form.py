"""A request as its signature sees it, and its parameters as a service sees them.

Source: Amazon EC2 API reference, "Query requests"; waitress 3.0, REQUEST_URI is the target of the request line as
sent.
"""

from __future__ import annotations

import gzip
import zlib
from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from cfnlib.errors import CfnlibError
from cfnlib.identity.request import SignedRequest
from cfnlib.web.head import origin_form

if TYPE_CHECKING:
    from werkzeug import Request

MAX_FIELDS = 20_000
_FORM = "application/x-www-form-urlencoded"


class FormError(CfnlibError):
    """The parameters of a request cannot be read."""


def signed_request_of(request: Request) -> SignedRequest:
    """The request as it was sent."""
    target = str(request.environ.get("REQUEST_URI") or request.environ.get("RAW_URI") or "")
    if not target:
        query = request.query_string.decode("latin-1")
        target = request.environ.get("PATH_INFO", "/") + (f"?{query}" if query else "")
    path, query = origin_form(target)
    headers = tuple((name.lower(), value) for name, value in request.headers.items())
    return SignedRequest(request.method, path, query, headers, request.get_data())


def form_of(request: Request, *, max_fields: int = MAX_FIELDS, max_bytes: int = 1 << 23) -> list[tuple[str, str]]:
    """The parameters: those of the query, then those of a body that is a form (or says not what it is).

    Raises `FormError` for what is no UTF-8, has too many fields, or is larger than `max_bytes` when unpacked.
    """
    pairs = _read(request.query_string, max_fields)
    if request.mimetype in {"", _FORM}:
        pairs += _read(_body(request, max_bytes), max_fields)
    if len(pairs) > max_fields:
        raise _too_many(max_fields)
    return pairs


def _body(request: Request, max_bytes: int) -> bytes:
    body, packed = request.get_data(), request.headers.get("Content-Encoding", "").strip().lower()
    if packed in {"gzip", "x-gzip"}:
        return _unpacked(body, max_bytes)
    if packed not in {"", "identity"}:
        raise FormError(f"A Content-Encoding of {packed[:32]!r} is not understood: send gzip, or none")
    if len(body) > max_bytes:
        raise FormError(f"The body is larger than {max_bytes} bytes")
    return body


def _read(text: bytes, max_fields: int) -> list[tuple[str, str]]:
    if not text:
        return []
    try:
        return parse_qsl(text.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=max_fields)
    except UnicodeDecodeError:
        raise FormError("The parameters are not encoded in UTF-8") from None
    except ValueError:
        raise _too_many(max_fields) from None


def _too_many(most: int) -> FormError:
    return FormError(f"The request has more than {most} parameters")


def _unpacked(body: bytes, most: int) -> bytes:
    try:
        with gzip.GzipFile(fileobj=BytesIO(body)) as file:
            found = file.read(most + 1)
    except (OSError, EOFError, zlib.error):
        raise FormError("The body is said to be packed by gzip, and is not") from None
    if len(found) > most:
        raise FormError(f"The body is larger than {most} bytes")
    return found
