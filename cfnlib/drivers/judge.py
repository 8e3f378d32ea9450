"""What a thing's own record says about a call that was made for it, when there is no job to ask.

A job's id may be lost with the process that started it, and a cloud forgets its jobs after a while. The thing stays.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from cfnlib.schema.calls import Effect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfnlib.drivers.base import Pending
    from cfnlib.schema.model import ResourceType


class Verdict(Enum):
    """How a call ended, as far as the thing shows it."""

    DONE = "done"
    FAILED = "failed"
    UNDER_WAY = "under way"
    UNCLEAR = "unclear"


def judge(pending: Pending, record: Mapping[str, Any] | None) -> Verdict:
    """Judge by the thing's record, None when it is not listed.

    A change is UNCLEAR, because a thing is ready before a change as well as after it. So is a thing in a state that
    its type does not name (a machine made but not started), and a thing still there though it was to be removed.
    """
    native = pending.resource.native
    read = native.read if native else None
    if pending.call.effect is Effect.REMOVES:
        return Verdict.DONE if is_gone(pending.resource, record) else Verdict.UNCLEAR
    if read is None or record is None or pending.call.effect is Effect.CHANGES:
        return Verdict.UNCLEAR
    if read.state is None:
        return Verdict.DONE
    state = str(record.get(read.state, ""))
    if state in (pending.call.ready or read.ready):
        return Verdict.DONE
    failed = state in read.failed or state in read.gone
    return Verdict.FAILED if failed else Verdict.UNDER_WAY


def is_gone(resource: ResourceType, record: Mapping[str, Any] | None) -> bool:
    """Whether the thing does not exist, or is listed and yet is no more."""
    read = resource.native.read if resource.native else None
    if record is None or read is None or read.state is None:
        return record is None
    return str(record.get(read.state, "")) in read.gone
