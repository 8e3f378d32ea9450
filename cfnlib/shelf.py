"""Which of the stacks in a store are meant: one store may hold those of several clouds and accounts.

A stack belongs to the endpoint and the account that it was made with. It is looked up among those of the
configured endpoint, without asking the cloud; before anything is done to it, the keys must be those of its own
account. With other keys its things would not be found, and what is not found counts as gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.errors import StackError, StackNotFoundError

if TYPE_CHECKING:
    from cfnlib.drivers.base import Driver
    from cfnlib.state.model import Stack
    from cfnlib.state.store import Store


class Shelf:
    """The stacks of one endpoint (`scope`) in a store; an empty scope: it holds no others."""

    def __init__(self, store: Store, driver: Driver, scope: str) -> None:
        self._store = store
        self._driver = driver
        self._scope = scope

    def account(self) -> str:
        """The mark of what is made with the present keys. Asks the cloud, once."""
        if not self._scope:
            return ""
        facts = self._driver.facts()
        return f"{self._scope} {facts.domain_id}/{facts.account}"

    def all(self, *, deleted: bool = False) -> list[Stack]:
        """The stacks of the endpoint, oldest first."""
        return [stack for stack in self._store.stacks(deleted=deleted) if self._has(stack)]

    def find(self, name: str) -> Stack:
        """The stack of this name or id. Raises `StackNotFoundError`."""
        if not self._scope:
            return self._store.stack(name)
        named = [stack for stack in self.all() if stack.name == name]
        if not named:
            named = [stack for stack in self.all(deleted=True) if stack.stack_id == name]
        if len(named) > 1:
            named = [stack for stack in named if stack.account == self.account()]
        if not named:
            raise StackNotFoundError(f"there is no stack {name} on {self._scope}")
        return named[0]

    def mine(self, name: str) -> Stack:
        """The same, to be worked on. Raises `StackError` when the keys are not those of the stack's account."""
        stack = self.find(name)
        if self._scope and stack.account != self.account():
            owner = stack.account.rpartition("/")[2]
            raise StackError(f"stack {stack.name} belongs to the account {owner}; use the keys of that account")
        return stack

    def _has(self, stack: Stack) -> bool:
        return not self._scope or stack.account.startswith(f"{self._scope} ")
