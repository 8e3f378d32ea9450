"""Where machines report to wait handles: URLs that the service has signed, one for each handle.

Whoever has the URL may say that something is done, or failed, to this one handle of this one stack, and nothing else.

Source: AWS CloudFormation user guide, "Wait condition signal JSON format"; cfn-signal sends it by PUT with an empty
Content-Type, so the type is not looked at; at most 4,096 bytes of data.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING
from urllib.parse import unquote

from cfnlib.errors import StackNotFoundError
from cfnlib.identity.urls import check_url
from cfnlib.server.faults import SaidError
from cfnlib.server.service import SIGNAL_PATH
from cfnlib.state.model import Signal, StackStatus

if TYPE_CHECKING:
    from cfnlib.identity.request import SignedRequest
    from cfnlib.server.service import Service

MAX_BYTES = 4096
_HANDLES = {"AWS::CloudFormation::WaitConditionHandle", "StackMate::WaitConditionHandle"}
_OVER = {StackStatus.DELETE_IN_PROGRESS, StackStatus.DELETE_COMPLETE}


def take_signal(service: Service, request: SignedRequest) -> None:
    """Keep what a machine says to a handle. Raises `RefusedError` for a URL that is not ours, and `SaidError`."""
    if request.method not in {"PUT", "POST"}:
        raise SaidError("A wait handle takes PUT and POST", "MethodNotAllowed", 405)
    check_url(request.raw_path, request.raw_query, service.secret_for("signal"))
    stack_id, _, handle = unquote(request.raw_path.removeprefix(SIGNAL_PATH)).rpartition("/")
    signal = _signal(request.body)
    try:
        state = service.store.stack(stack_id)
    except StackNotFoundError:
        raise SaidError("The stack of this handle is not there any more", "NoSuchKey", 404) from None
    rows = service.store.resources(state.stack_id)
    there = any(row.logical_id == handle and row.type in _HANDLES for row in rows)
    if not there or state.status in _OVER:
        raise SaidError("The handle is not there any more", "NoSuchKey", 404)
    service.store.add_signal(state.stack_id, handle, signal)


def _signal(body: bytes) -> Signal:
    if len(body) > MAX_BYTES:
        raise SaidError(f"A signal has at most {MAX_BYTES} bytes", "EntityTooLarge", 413)
    try:
        said = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise SaidError("A signal is a JSON object with Status, Reason, UniqueId and Data") from None
    if not isinstance(said, dict):
        raise SaidError("A signal is a JSON object with Status, Reason, UniqueId and Data")
    status = said.get("Status", "SUCCESS")
    if status not in ("SUCCESS", "FAILURE"):
        raise SaidError("Status is SUCCESS or FAILURE")
    texts = [_text(said, name) for name in ("UniqueId", "Reason", "Data")]
    return Signal(texts[0] or str(uuid.uuid4()), status, texts[1], texts[2])


def _text(said: dict[str, object], name: str) -> str:
    """A member as a text: what is no text is kept as JSON."""
    value = said.get(name)
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
