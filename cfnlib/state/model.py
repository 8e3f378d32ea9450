"""A stack, its resources and its events as frozen values, and the one table of legal status moves.

Statuses are CloudFormation's. A row of a resource is written three times for each call that is made: the intent,
the job's id, the end. `Intent` is what a later process needs to carry on: it holds every call of the operation as it
will be made, how many of them are done, and what is known of the one under way.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from cfnlib.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Mapping


class StackStatus(Enum):
    """The statuses of a stack, CloudFormation's."""

    REVIEW_IN_PROGRESS = "REVIEW_IN_PROGRESS"
    CREATE_IN_PROGRESS = "CREATE_IN_PROGRESS"
    CREATE_FAILED = "CREATE_FAILED"
    CREATE_COMPLETE = "CREATE_COMPLETE"
    ROLLBACK_IN_PROGRESS = "ROLLBACK_IN_PROGRESS"
    ROLLBACK_FAILED = "ROLLBACK_FAILED"
    ROLLBACK_COMPLETE = "ROLLBACK_COMPLETE"
    DELETE_IN_PROGRESS = "DELETE_IN_PROGRESS"
    DELETE_FAILED = "DELETE_FAILED"
    DELETE_COMPLETE = "DELETE_COMPLETE"
    UPDATE_IN_PROGRESS = "UPDATE_IN_PROGRESS"
    UPDATE_COMPLETE_CLEANUP_IN_PROGRESS = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    UPDATE_COMPLETE = "UPDATE_COMPLETE"
    UPDATE_FAILED = "UPDATE_FAILED"
    UPDATE_ROLLBACK_IN_PROGRESS = "UPDATE_ROLLBACK_IN_PROGRESS"
    UPDATE_ROLLBACK_FAILED = "UPDATE_ROLLBACK_FAILED"
    UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
    UPDATE_ROLLBACK_COMPLETE = "UPDATE_ROLLBACK_COMPLETE"

    @property
    def in_progress(self) -> bool:
        """Whether an operation holds the stack."""
        return self in _IN_PROGRESS

    @property
    def failed(self) -> bool:
        """Whether the last operation did not end as it was asked to."""
        return self in _FAILED


_S = StackStatus
_IN_PROGRESS = frozenset(
    {
        _S.CREATE_IN_PROGRESS,
        _S.ROLLBACK_IN_PROGRESS,
        _S.DELETE_IN_PROGRESS,
        _S.UPDATE_IN_PROGRESS,
        _S.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS,
        _S.UPDATE_ROLLBACK_IN_PROGRESS,
        _S.UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS,
    }
)
_FAILED = frozenset(
    {
        _S.CREATE_FAILED,
        _S.ROLLBACK_FAILED,
        _S.ROLLBACK_COMPLETE,
        _S.DELETE_FAILED,
        _S.UPDATE_FAILED,
        _S.UPDATE_ROLLBACK_FAILED,
        _S.UPDATE_ROLLBACK_COMPLETE,
    }
)
UPDATABLE = frozenset({_S.CREATE_COMPLETE, _S.UPDATE_COMPLETE, _S.UPDATE_ROLLBACK_COMPLETE, _S.UPDATE_FAILED})
"""The statuses from which an update may start."""

DELETED = frozenset({_S.DELETE_COMPLETE, _S.DELETE_FAILED})
"""The statuses in which a deletion ends."""

CANCELLABLE = frozenset({_S.CREATE_IN_PROGRESS, _S.UPDATE_IN_PROGRESS})
"""The statuses in which an operation can be asked to stop and go back; later it is on its way back, or through."""

STACK_MOVES: dict[StackStatus, frozenset[StackStatus]] = {
    _S.REVIEW_IN_PROGRESS: frozenset({_S.CREATE_IN_PROGRESS, _S.DELETE_IN_PROGRESS}),
    _S.CREATE_IN_PROGRESS: frozenset(
        {_S.CREATE_COMPLETE, _S.CREATE_FAILED, _S.ROLLBACK_IN_PROGRESS, _S.DELETE_IN_PROGRESS}
    ),
    _S.CREATE_FAILED: frozenset({_S.DELETE_IN_PROGRESS, _S.ROLLBACK_IN_PROGRESS}),
    _S.CREATE_COMPLETE: frozenset({_S.UPDATE_IN_PROGRESS, _S.DELETE_IN_PROGRESS}),
    _S.ROLLBACK_IN_PROGRESS: frozenset({_S.ROLLBACK_COMPLETE, _S.ROLLBACK_FAILED, _S.DELETE_IN_PROGRESS}),
    _S.ROLLBACK_FAILED: frozenset({_S.DELETE_IN_PROGRESS, _S.ROLLBACK_IN_PROGRESS}),
    _S.ROLLBACK_COMPLETE: frozenset({_S.DELETE_IN_PROGRESS}),
    _S.DELETE_IN_PROGRESS: frozenset({_S.DELETE_COMPLETE, _S.DELETE_FAILED}),
    _S.DELETE_FAILED: frozenset({_S.DELETE_IN_PROGRESS}),
    _S.DELETE_COMPLETE: frozenset(),
    _S.UPDATE_IN_PROGRESS: frozenset(
        {
            _S.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS,
            _S.UPDATE_COMPLETE,
            _S.UPDATE_FAILED,
            _S.UPDATE_ROLLBACK_IN_PROGRESS,
            _S.DELETE_IN_PROGRESS,
        }
    ),
    _S.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS: frozenset({_S.UPDATE_COMPLETE, _S.DELETE_IN_PROGRESS}),
    _S.UPDATE_COMPLETE: frozenset({_S.UPDATE_IN_PROGRESS, _S.DELETE_IN_PROGRESS}),
    _S.UPDATE_FAILED: frozenset({_S.UPDATE_IN_PROGRESS, _S.UPDATE_ROLLBACK_IN_PROGRESS, _S.DELETE_IN_PROGRESS}),
    _S.UPDATE_ROLLBACK_IN_PROGRESS: frozenset(
        {
            _S.UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS,
            _S.UPDATE_ROLLBACK_COMPLETE,
            _S.UPDATE_ROLLBACK_FAILED,
            _S.DELETE_IN_PROGRESS,
        }
    ),
    _S.UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS: frozenset({_S.UPDATE_ROLLBACK_COMPLETE, _S.DELETE_IN_PROGRESS}),
    _S.UPDATE_ROLLBACK_FAILED: frozenset({_S.UPDATE_ROLLBACK_IN_PROGRESS, _S.DELETE_IN_PROGRESS}),
    _S.UPDATE_ROLLBACK_COMPLETE: frozenset({_S.UPDATE_IN_PROGRESS, _S.DELETE_IN_PROGRESS}),
}


class ResourceStatus(Enum):
    """The statuses of a resource, CloudFormation's."""

    CREATE_IN_PROGRESS = "CREATE_IN_PROGRESS"
    CREATE_FAILED = "CREATE_FAILED"
    CREATE_COMPLETE = "CREATE_COMPLETE"
    UPDATE_IN_PROGRESS = "UPDATE_IN_PROGRESS"
    UPDATE_FAILED = "UPDATE_FAILED"
    UPDATE_COMPLETE = "UPDATE_COMPLETE"
    DELETE_IN_PROGRESS = "DELETE_IN_PROGRESS"
    DELETE_FAILED = "DELETE_FAILED"
    DELETE_COMPLETE = "DELETE_COMPLETE"
    DELETE_SKIPPED = "DELETE_SKIPPED"

    @property
    def verb(self) -> str:
        """CREATE, UPDATE or DELETE."""
        return self.value.split("_", maxsplit=1)[0]


MADE = frozenset({ResourceStatus.CREATE_COMPLETE, ResourceStatus.UPDATE_COMPLETE})
"""The statuses of a resource that is as it was asked to be."""


@frozen
class Intent:
    """What an operation is about to do to a resource, written before it is done.

    `calls` are all the calls of the operation (as `Call.as_json` gives them), `step` is the index of the one under
    way, `sent` whether it may have been sent already, `job_id` its job once known. `target` is the properties it
    will have. With `sent` and no `job_id` the outcome is unknown: look before calling again.
    """

    verb: str
    calls: tuple[dict[str, Any], ...]
    step: int = 0
    sent: bool = False
    job_id: str | None = None
    target: dict[str, Any] | None = None


@frozen
class Resource:
    """A thing of a stack: one row. A replacement makes a row of the next `generation` beside the old one.

    `name` is the deterministic name on the cloud. `properties` are those it was last given. `depends_on` are
    the logical ids that it was made after (and so must be removed before). Times are seconds since the epoch.
    """

    logical_id: str
    generation: int
    type: str
    name: str
    status: ResourceStatus
    physical_id: str | None = None
    reason: str = ""
    properties: dict[str, Any] = field(factory=dict)
    attributes: dict[str, Any] = field(factory=dict)
    depends_on: tuple[str, ...] = ()
    group: str | None = None
    deletion_policy: str = "Delete"
    replace_policy: str = "Delete"
    intent: Intent | None = None
    started_at: float = 0.0
    ended_at: float | None = None

    @property
    def key(self) -> tuple[str, int]:
        """What tells a row from the others of the stack."""
        return (self.logical_id, self.generation)


@frozen
class Terms:
    """What is asked of a stack beside its template and parameters.

    `tags` are put on everything in the stack that can have tags. `token` is the client's own mark of the last
    operation. `timeout_s` is how long a creation may take, None: as long as it needs. `retained` are the logical ids
    that the deletion of a stack leaves where they are, `skipped` those that a continued rollback leaves as they are.
    `policy` is the stack policy (JSON) that the update under way must keep to, None when it may do everything.
    """

    tags: dict[str, str] = field(factory=dict)
    capabilities: tuple[str, ...] = ()
    notification_arns: tuple[str, ...] = ()
    role_arn: str | None = None
    token: str | None = None
    timeout_s: float | None = None
    retained: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    policy: str | None = None


@frozen
class Stack:
    """A stack: what it was made from, and where it stands.

    `revision` grows with every operation that is started. `template` is what the running or last operation wants,
    `previous_template` what to go back to while an update may still fail. `request` is what someone else asks of the
    operation under way: `cancel` or `delete`; `asked` are the fields of `Terms` that a deletion was asked for with.
    Parameters hold what the user gave (secrets too: the store must be as
    private as the keys are). `shown_parameters` are the values and defaults as texts, secret ones masked;
    `output_notes` gives an output's description and export name, where it has any, by its name.

    `account` marks whose it is, `owner` is the user (CloudStack's id) with whose keys it is worked on, `project_id`
    the project it is in, None for the account's own. `protected` (against deletion) and `policy` (the stack policy,
    JSON) are, like `request` and `asked`, not the operation's: they may be changed while one is under way.
    """

    stack_id: str
    name: str
    status: StackStatus
    template: str
    template_file: str = "<text>"
    parameters: dict[str, Any] = field(factory=dict)
    reason: str = ""
    revision: int = 0
    outputs: dict[str, Any] = field(factory=dict)
    previous_template: str | None = None
    previous_parameters: dict[str, Any] | None = None
    previous_terms: Terms | None = None
    terms: Terms = field(factory=Terms)
    shown_parameters: dict[str, str] = field(factory=dict)
    output_notes: dict[str, dict[str, str]] = field(factory=dict)
    on_failure: str = "ROLLBACK"
    description: str = ""
    account: str = ""
    owner: str = ""
    project_id: str | None = None
    protected: bool = False
    policy: str | None = None
    request: str | None = None
    asked: dict[str, Any] = field(factory=dict)
    created_at: float = 0.0
    updated_at: float | None = None
    deleted_at: float | None = None

    def moved(self, status: StackStatus, reason: str = "") -> Stack:
        """The stack in another status. Raises `StackError` for a move that the table does not have."""
        if status is not self.status and status not in STACK_MOVES[self.status]:
            raise StackError(f"stack {self.name}: no way from {self.status.value} to {status.value}")
        return evolve(self, status=status, reason=reason)

    def begun_anew(self, status: StackStatus, asked: Mapping[str, Any]) -> Stack:
        """The stack at the beginning of another operation, which was asked for with these fields of `Terms`."""
        given: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in asked.items()}
        terms = evolve(evolve(self.terms, token=None, retained=(), skipped=()), **given)
        return evolve(self.moved(status), revision=self.revision + 1, terms=terms)

    def gives_way(self, request: str | None) -> bool:
        """Whether the operation that ends in this status is followed by a deletion at once, which was asked for."""
        return request == "delete" and not self.status.in_progress and self.status not in DELETED


@frozen
class StackSummary:
    """A stack as lists and descriptions show it: without its template and what the user gave for its parameters.

    Each field is that of `Stack` with the same name.
    """

    stack_id: str
    name: str
    status: StackStatus
    reason: str
    description: str
    revision: int
    account: str
    owner: str
    project_id: str | None
    created_at: float
    updated_at: float | None
    deleted_at: float | None
    outputs: dict[str, Any]
    output_notes: dict[str, dict[str, str]]
    shown_parameters: dict[str, str]
    terms: Terms
    on_failure: str
    protected: bool
    request: str | None


@frozen
class Event:
    """Something that happened to a stack or to one of its resources, in the order of `sequence` within the stack.

    `token` is the client's mark (`Terms.token`) of the operation that it belongs to.
    """

    stack_id: str
    stack_name: str
    logical_id: str
    physical_id: str | None
    type: str
    status: str
    reason: str
    at: float
    sequence: int = 0
    token: str | None = None


@frozen
class ChangeSet:
    """A stored plan: what to make of the stack, for the revision that it was made for.

    `kind` is CREATE (of a stack under review) or UPDATE. `status` is CREATE_COMPLETE, or FAILED when there was
    nothing to change; `execution` is AVAILABLE, UNAVAILABLE or EXECUTE_COMPLETE.
    `shown_parameters` are as those of the stack.
    """

    change_set_id: str
    name: str
    stack_id: str
    stack_revision: int
    template: str
    template_file: str
    parameters: dict[str, Any]
    summary: list[dict[str, Any]]
    created_at: float
    status: str = "CREATE_COMPLETE"
    reason: str = ""
    kind: str = "UPDATE"
    execution: str = "AVAILABLE"
    description: str = ""
    on_failure: str = "ROLLBACK"
    terms: Terms = field(factory=Terms)
    shown_parameters: dict[str, str] = field(factory=dict)


@frozen
class Signal:
    """A word from inside a machine to a wait condition's handle."""

    unique_id: str
    status: str
    reason: str = ""
    data: str = ""


def status_event(stack: Stack, now: float) -> Event:
    """The event that tells of a stack's status."""
    kind = "AWS::CloudFormation::Stack"
    return Event(
        stack.stack_id,
        stack.name,
        stack.name,
        stack.stack_id,
        kind,
        stack.status.value,
        stack.reason,
        now,
        token=stack.terms.token,
    )
