"""One action under way: which of its calls is next, and what is known of the one that was sent.

A task is moved on by the walk when something has come back. Each of its moves is written down before the next call is
made: the row's `Intent` holds all the calls, the index of the present one, and its job.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field

from cfnlib.schema.calls import Call, Effect
from cfnlib.schema.model import Existing
from cfnlib.state.model import Intent, Resource, ResourceStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cfnlib.plan.change import Action
    from cfnlib.schema.model import Facts, ResourceType

COMPLETE = {
    "CREATE": ResourceStatus.CREATE_COMPLETE,
    "UPDATE": ResourceStatus.UPDATE_COMPLETE,
    "DELETE": ResourceStatus.DELETE_COMPLETE,
}
FAILED = {
    "CREATE": ResourceStatus.CREATE_FAILED,
    "UPDATE": ResourceStatus.UPDATE_FAILED,
    "DELETE": ResourceStatus.DELETE_FAILED,
}
BEGUN = {
    "CREATE": ResourceStatus.CREATE_IN_PROGRESS,
    "UPDATE": ResourceStatus.UPDATE_IN_PROGRESS,
    "DELETE": ResourceStatus.DELETE_IN_PROGRESS,
}


@define
class Task:
    """An action under way on one row.

    `record` is the cloud's last description of the thing. `attempts` counts how often the present call was sent by
    this process, `looks` how often its unknown outcome was looked for, `retries` how often a refused removal was
    repeated. `settling` says that a job of an earlier process is waited for before the calls of this one begin.
    `heard` says that the signals it had to wait for have come.
    `sent_before` says whether the present call may have been sent already when it was last about to be.
    """

    action: Action
    resource: ResourceType
    row: Resource
    calls: list[Call] = field(factory=list)
    target: dict[str, Any] | None = None
    record: Mapping[str, Any] = field(factory=dict)
    deadline: float = 0.0
    attempts: int = 0
    looks: int = 0
    retries: int = 0
    settling: bool = False
    adopted: bool = False
    sent_before: bool = False
    heard: bool = False
    _bound: tuple[Call, str | None, Call] | None = None

    @property
    def key(self) -> str:
        """The action's key."""
        return self.action.key

    @property
    def verb(self) -> str:
        """CREATE, UPDATE or DELETE: what the row's intent says."""
        return self.row.intent.verb if self.row.intent else self.row.status.verb

    @property
    def step(self) -> int:
        """The index of the present call."""
        return self.row.intent.step if self.row.intent else 0

    @property
    def call(self) -> Call:
        """The present call, with the physical id put in."""
        present, physical_id = self.calls[self.step], self.row.physical_id
        bound = self._bound
        if bound is None or bound[0] is not present or bound[1] != physical_id:
            bound = self._bound = (present, physical_id, present.bound(physical_id))
        return bound[2]

    def begin(self, verb: str, calls: Sequence[Call], target: dict[str, Any] | None, now: float, reason: str) -> None:
        """Write the intent to make these calls.

        What is made has its properties from now on: one that is left half-made is removed by what it was to be.
        """
        self.calls = list(calls)
        self.target = target
        intent = Intent(verb, tuple(call.as_json() for call in self.calls), target=target)
        properties = target if verb == "CREATE" and target is not None else self.row.properties
        self.row = evolve(
            self.row,
            status=BEGUN[verb],
            reason=reason,
            intent=intent,
            started_at=now,
            ended_at=None,
            properties=properties,
        )

    def resume(self) -> None:
        """Take up the calls that an earlier process wrote down."""
        intent = self.row.intent
        if intent is not None:
            self.calls = [Call.from_json(plain) for plain in intent.calls]
            self.target = intent.target

    def prepared(self, call: Call) -> None:
        """Keep the present call as the driver prepared it (its choices are part of the intent)."""
        self.calls[self.step] = call
        if self.row.intent is not None:
            plain = tuple(one.as_json() for one in self.calls)
            self.row = evolve(self.row, intent=evolve(self.row.intent, calls=plain))

    def choose_again(self) -> None:
        """Go back to the present call as it was before the driver chose for it: somebody took what was chosen."""
        self.calls[self.step] = self.calls[self.step].unchosen()
        self.attempts = self.looks = 0
        if self.row.intent is not None:
            intent = evolve(self.row.intent, sent=False, job_id=None)
            self.row = evolve(self.row, physical_id=None, intent=intent)

    def sending(self) -> None:
        """Note that the present call may have been sent from now on."""
        self.attempts += 1
        if self.row.intent is not None:
            self.sent_before = self.row.intent.sent
            self.row = evolve(self.row, intent=evolve(self.row.intent, sent=True, job_id=None))

    def recalled(self) -> None:
        """Note that the present call was not sent after all."""
        if self.row.intent is not None:
            self.row = evolve(self.row, intent=evolve(self.row.intent, sent=self.sent_before))

    def answered(self, physical_id: str | None, job_id: str | None) -> None:
        """Note the answer's ids."""
        row = self.row
        if self.calls[self.step].effect is not Effect.CREATES or not physical_id:
            physical_id = row.physical_id
        intent = None if row.intent is None else evolve(row.intent, job_id=job_id)
        self.row = evolve(row, physical_id=physical_id, intent=intent)

    def advanced(self) -> bool:
        """Go to the next call; False when there is none."""
        intent = self.row.intent
        if intent is None or intent.step + 1 >= len(self.calls):
            return False
        self.attempts = self.looks = self.retries = 0
        self.row = evolve(self.row, intent=evolve(intent, step=intent.step + 1, sent=False, job_id=None))
        return True

    @property
    def waiting(self) -> bool:
        """Whether all its calls are made, and signals are waited for."""
        intent = self.row.intent
        return intent is not None and intent.verb == "CREATE" and intent.step > len(intent.calls)

    def wait(self, now: float, reason: str, attributes: dict[str, Any] | None) -> None:
        """Note that the thing is made, and that signals are waited for from now on."""
        intent = self.row.intent
        if intent is not None:
            intent = evolve(intent, step=len(intent.calls) + 1, sent=False, job_id=None)
        self.row = evolve(
            self.row,
            reason=reason,
            intent=intent,
            started_at=now,
            attributes=self.row.attributes if attributes is None else attributes,
        )

    def retarget(self, target: dict[str, Any]) -> None:
        """Note more of what the thing will have."""
        self.target = target
        if self.row.intent is not None:
            self.row = evolve(self.row, properties=target, intent=evolve(self.row.intent, target=target))

    def completed(self, now: float, attributes: dict[str, Any] | None) -> None:
        """Note that all is done."""
        verb = self.verb
        self.row = evolve(
            self.row,
            status=COMPLETE[verb],
            reason="",
            intent=None,
            ended_at=now,
            properties=self.row.properties if self.target is None else self.target,
            attributes=self.row.attributes if attributes is None else attributes,
        )

    def failed(self, now: float, reason: str, *, had_effect: bool) -> None:
        """Note the failure. The intent is kept where the call may have had an effect that must be found again."""
        verb = self.verb
        intent = self.row.intent if had_effect or verb == "UPDATE" else None
        self.row = evolve(self.row, status=FAILED[verb], reason=reason, intent=intent, ended_at=now)

    def existing(self, facts: Facts, properties: Mapping[str, Any] | None = None) -> Existing:
        """What the row says is there."""
        row = self.row
        given = row.properties if properties is None else properties
        return Existing(row.logical_id, row.name, row.physical_id or "", given, row.attributes, facts)
