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

GONE_STATES = frozenset({"destroyed", "expunging", "expunged"})
"""States of a thing that is listed and yet is no more. Source: CloudStack 4.19, a machine's and a volume's states."""


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
        return Verdict.DONE if is_gone(pending, record) else Verdict.UNCLEAR
    if read is None or record is None or pending.call.effect is Effect.CHANGES:
        return Verdict.UNCLEAR
    if read.state is None:
        return Verdict.DONE
    state = str(record.get(read.state, ""))
    if state in read.ready:
        return Verdict.DONE
    failed = state in read.failed or state.lower() in GONE_STATES
    return Verdict.FAILED if failed else Verdict.UNDER_WAY


def is_gone(pending: Pending, record: Mapping[str, Any] | None) -> bool:
    """Whether the thing does not exist, or is listed only as destroyed."""
    native = pending.resource.native
    field = native.read.state if native and native.read else None
    return record is None or (field is not None and str(record.get(field, "")).lower() in GONE_STATES)
