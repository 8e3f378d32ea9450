"""Whole answers: a result or an error in the envelope of its protocol."""

from __future__ import annotations

from json import dumps
from typing import TYPE_CHECKING, Any

from cfnlib.wire.faults import UnwritableResultError
from cfnlib.wire.plain import escaped
from cfnlib.wire.write import to_json, writer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.wire.model import Operation, Service

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


def render(
    service: Service,
    operation_name: str,
    result: Mapping[str, Any],
    *,
    request_id: str,
    json: bool = False,
    namespace: str | None = None,
) -> bytes:
    """An answer's body: the result of an operation, by the names of the model's members.

    A member that is None is left out of XML; in JSON what is absent is null, an empty list or an empty map, since
    clients of that form index without asking. Times are datetimes with a zone or seconds since the epoch. `namespace`
    stands for the model's own (see `Service.namespace_of`).

    Raises UnwritableResultError for a member that the model does not have and for a value of another type, and
    UnknownOperationError.
    """
    operation = service.operation(operation_name)
    if operation.output_shape is None and result:
        raise UnwritableResultError(f"{operation_name} has no output, but there is {', '.join(result)}")
    if json:
        return _json(service, operation, result, request_id)
    xmlns = service.namespace if namespace is None else namespace
    out = [f'<{operation_name}Response xmlns="{escaped(xmlns)}">']
    if service.protocol == "ec2":
        out.insert(0, DECLARATION)
        out.append(f"<requestId>{escaped(request_id)}</requestId>")
        if operation.output_shape is None:
            # Source: EC2's API reference, "Response elements" of the operations that only succeed or fail.
            out.append("<return>true</return>")
        else:
            writer(service, operation.output_shape)(result, out.append)
    else:
        if operation.output_shape is not None:
            wrapper = operation.result_wrapper or f"{operation_name}Result"
            out.append(f"<{wrapper}>")
            writer(service, operation.output_shape)(result, out.append)
            out.append(f"</{wrapper}>")
        out.append(f"<ResponseMetadata><RequestId>{escaped(request_id)}</RequestId></ResponseMetadata>")
    out.append(f"</{operation_name}Response>")
    return "".join(out).encode()


def render_error(
    service: Service,
    code: str,
    message: str,
    *,
    request_id: str,
    json: bool = False,
    type: str = "Sender",  # noqa: A002 - the element's own name
    namespace: str | None = None,
) -> bytes:
    """An error's body. `type` is "Sender" for the client's fault and "Receiver" for the service's; EC2 has none."""
    if json:
        return _dumped({"Error": {"Code": code, "Message": message, "Type": type}, "RequestId": request_id})
    said = f"<Code>{escaped(code)}</Code><Message>{escaped(message)}</Message>"
    if service.protocol == "ec2":
        body = (
            f"{DECLARATION}<Response><Errors><Error>{said}</Error></Errors>"
            f"<RequestID>{escaped(request_id)}</RequestID></Response>"
        )
    else:
        xmlns = service.namespace if namespace is None else namespace
        body = (
            f'<ErrorResponse xmlns="{escaped(xmlns)}"><Error><Type>{escaped(type)}</Type>{said}</Error>'
            f"<RequestId>{escaped(request_id)}</RequestId></ErrorResponse>"
        )
    return body.encode()


def _json(service: Service, operation: Operation, result: Mapping[str, Any], request_id: str) -> bytes:
    if service.protocol == "ec2":
        raise UnwritableResultError("EC2 answers in XML only")
    body: dict[str, Any] = {}
    if operation.output_shape is not None:
        wrapper = operation.result_wrapper or f"{operation.name}Result"
        body[wrapper] = to_json(service, operation.output_shape, result)
    body["ResponseMetadata"] = {"RequestId": request_id}
    return _dumped({f"{operation.name}Response": body})


def _dumped(value: Mapping[str, Any]) -> bytes:
    return dumps(value, separators=(",", ":")).encode()
