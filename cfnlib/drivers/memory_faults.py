"""What can go wrong on the cloud in memory, as values that a test can write down or generate."""

from __future__ import annotations

from enum import Enum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from attrs import frozen

from cfnlib.errors import CloudError, JobFailedError

if TYPE_CHECKING:
    from cfnlib.schema.calls import Call


class Trouble(Enum):
    """What goes wrong with a call."""

    REFUSED = "the cloud refuses the call; nothing happens"
    JOB_FAILED = "the job fails; a machine stays behind in error, anything else is gone"
    JOB_LOST = "the cloud forgets the job, which goes on"
    CALL_LOST = "the call never arrives, and nobody can tell"
    ANSWER_LOST = "the call has its effect, and its answer is lost"
    SLOW = "the job takes longer, by `factor`"


@frozen
class Fault:
    """A trouble, and the calls it meets: those whose command and name match (`*` and `?` as in file names).

    Of the calls that match, `nth` picks by number, from 1 (None: all), and then `share` by chance.
    `error` is the class of the exception for REFUSED and JOB_FAILED.
    """

    trouble: Trouble
    command: str = "*"
    name: str = "*"
    nth: frozenset[int] | None = None
    share: float = 1.0
    factor: float = 10.0
    error: type[CloudError] | None = None

    def meets(self, call: Call) -> bool:
        """Whether the call is of those meant."""
        return fnmatchcase(call.command, self.command) and fnmatchcase(str(call.params.get("name", "")), self.name)

    def exception(self, command: str) -> CloudError:
        """What the cloud raises."""
        default = JobFailedError if self.trouble is Trouble.JOB_FAILED else CloudError
        text = "a fault of the schedule"
        return (self.error or default)(f"{command}: {text}", command=command, code=530, text=text)
