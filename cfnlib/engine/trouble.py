"""What to do when a call or its job went wrong: the one place that decides between looking, repeating and failing."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from cfnlib.errors import (
    CapacityError,
    CfnlibError,
    CloudError,
    ConflictError,
    InUseError,
    InvalidRequestError,
    JobFailedError,
    NotFoundError,
    UnknownOutcomeError,
    UnreachableError,
)
from cfnlib.schema.calls import Effect

if TYPE_CHECKING:
    from cfnlib.drivers.base import Driver
    from cfnlib.engine.settings import Settings
    from cfnlib.engine.task import Task
    from cfnlib.schema.calls import Call

_TRY_AGAIN = (InUseError, JobFailedError, ConflictError, CapacityError)
_REFUSED = (InvalidRequestError, JobFailedError, ConflictError)


class Remedy(Enum):
    """What follows from an error."""

    LOOK = "look at the cloud for what the call may have done"
    DONE = "what the call should do is so already"
    REPEAT = "make the call again, after a while"
    CHOOSE = "let the driver choose again, for what it chose was taken"
    CHECK = "see whether what the refused call should do is so already"
    FAIL = "the action has failed"


def remedy(task: Task, error: CfnlibError, settings: Settings) -> Remedy:
    """What to do about the error of a task's present call.

    A call whose outcome is unknown is looked for, and so is one that is refused as a conflict when an earlier try of
    it may have had its effect. What cannot be removed because it is still in use (the last machine of a network is
    just going, say) is tried again for a while, and so is what another thing has still to make room for. Everything
    else has failed.
    """
    call, again = task.call, task.retries < len(settings.retry_s)
    if isinstance(error, UnreachableError):
        return Remedy.REPEAT if again else Remedy.FAIL
    if _was_taken(task, error) and again:
        return Remedy.CHOOSE
    if unsure(task, error) and call.check is not None:
        return Remedy.LOOK
    removes = call.effect is Effect.REMOVES
    if removes and isinstance(error, NotFoundError):
        return Remedy.DONE
    if again and isinstance(error, _TRY_AGAIN if removes else InUseError) and (removes or call.patient):
        return Remedy.REPEAT
    return Remedy.CHECK if _may_be_so(task, error) else Remedy.FAIL


def _may_be_so(task: Task, error: CfnlibError) -> bool:
    """Whether a change may be refused because nothing is left to change.

    An update that goes back from one that failed half-way does not know how far that one came; nor does a removal
    know how far the making of a thing came that is half-made.
    """
    call, intent = task.call, task.row.intent
    sent = intent is not None and intent.verb != "CREATE" and intent.sent
    changes = call.effect is Effect.CHANGES and call.check is not None and not call.exclusive
    return sent and changes and isinstance(error, _REFUSED)


def is_so(driver: Driver, call: Call) -> bool:
    """Whether the cloud shows what a call should do; no when it does not say."""
    try:
        return call.check is not None and bool(driver.find(call.check))
    except CloudError:
        return False


def _was_taken(task: Task, error: CfnlibError) -> bool:
    """Whether a free address that the driver chose went to somebody else before the call; a refusal has no effect."""
    refused = isinstance(error, ConflictError | CapacityError) and task.attempts == 1
    return refused and bool(task.call.chosen)


def unsure(task: Task, error: CfnlibError) -> bool:
    """Whether the present call may have had an effect that nobody has seen yet."""
    if task.row.intent is None or not task.row.intent.sent:
        return False
    return isinstance(error, UnknownOutcomeError) or (isinstance(error, ConflictError) and task.attempts > 1)
