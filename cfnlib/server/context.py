"""What an action works with: who calls, the service, and the stacks that there are for this caller."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attrs import frozen

from cfnlib.errors import StackNotFoundError
from cfnlib.plan.name import account_number
from cfnlib.server.faults import SaidError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import TypeAlias

    from cfnlib.identity.keyring import Caller
    from cfnlib.server.service import Service
    from cfnlib.stacks import Stacks
    from cfnlib.state.model import Stack as StackState
    from cfnlib.state.model import StackSummary

    Params: TypeAlias = Mapping[str, Any]
    Result: TypeAlias = dict[str, Any]
    Action: TypeAlias = Callable[["Context", Params], Result]

WITH_ID = "Stack with id {} does not exist"
IN_BRACKETS = "Stack [{}] does not exist"
"""What CloudFormation says of a stack that is not there, which differs by operation; clients look for the texts."""


@frozen
class Context:
    """One request: the service, the caller, and the request's id."""

    service: Service
    caller: Caller
    request_id: str

    @property
    def mark(self) -> str:
        """The mark of the caller's account."""
        return self.service.mark(self.caller)

    @property
    def account_number(self) -> str:
        """The twelve digits of the caller's account."""
        return account_number(self.caller.domain_id, self.caller.account, self.caller.project_id)

    def find(self, name: str, words: str = IN_BRACKETS) -> StackState:
        """The stack of this name or id, as the caller may see it. Raises `SaidError` in the operation's `words`."""
        try:
            return self.service.find(self.caller, name)
        except StackNotFoundError:
            raise SaidError(words.format(name)) from None

    def look(self, name: str, words: str = IN_BRACKETS) -> StackSummary:
        """The same in short, for those who only show it."""
        try:
            return self.service.look(self.caller, name)
        except StackNotFoundError:
            raise SaidError(words.format(name)) from None

    @contextmanager
    def working_on(self, stack: StackState) -> Iterator[tuple[Stacks, Caller]]:
        """The stacks through which this one is worked on, and with whose keys that is."""
        worker = self.service.worker_of(self.caller, stack)
        with self.service.stacks(worker) as stacks:
            yield stacks, worker
