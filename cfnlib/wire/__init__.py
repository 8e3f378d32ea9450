"""AWS's Query protocols, the server's side, driven by botocore's service models.

`parse` makes typed Python of a request's parameters, `render` and `render_error` make answers, `Service` knows the
operations. Nothing here knows HTTP, signatures or stacks. Importing this costs nothing of botocore; loading a service
does.
"""

from __future__ import annotations

from cfnlib.wire.answer import render, render_error
from cfnlib.wire.faults import (
    Fault,
    FaultKind,
    InvalidParametersError,
    UnknownOperationError,
    UnknownVersionError,
    UnwritableResultError,
    WireError,
    ec2_refusal,
    validation_text,
)
from cfnlib.wire.model import ModelError, Operation, Paging, Service
from cfnlib.wire.read import parse
from cfnlib.wire.write import Lasting

__all__ = [
    "Fault",
    "FaultKind",
    "InvalidParametersError",
    "Lasting",
    "ModelError",
    "Operation",
    "Paging",
    "Service",
    "UnknownOperationError",
    "UnknownVersionError",
    "UnwritableResultError",
    "WireError",
    "ec2_refusal",
    "parse",
    "render",
    "render_error",
    "validation_text",
]
