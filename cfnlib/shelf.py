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


def account_mark(scope: str, domain_id: str, account: str, project_id: str | None = None) -> str:
    """What marks the stacks of an account, or of a project, on the cloud at this endpoint."""
    return f"{scope} project/{project_id}" if project_id else f"{scope} {domain_id}/{account}"


def adopt(store: Store, driver: Driver, scope: str) -> int:
    """Mark the stacks of a store that have no mark as those of the driver's account; gives how many there were.

    For a store that holds the stacks of one cloud alone, as the embedded one's does: at first they were not marked.
    """
    if not scope or not store.count(""):
        return 0
    facts = driver.facts()
    return store.adopt(account_mark(scope, facts.domain_id, facts.account, facts.project_id))


class Shelf:
    """The stacks of one endpoint (`scope`) in a store; an empty scope: it holds no others.

    `account` is the mark of the account whose stacks alone are meant; None: it is asked of the cloud when needed.
    """

    def __init__(self, store: Store, driver: Driver, scope: str, account: str | None = None) -> None:
        self._store = store
        self._driver = driver
        self.scope = scope
        self._account = account

    def account(self) -> str:
        """The mark of what is made with the present keys. Asks the cloud, once, when it was not said."""
        if self._account is not None:
            return self._account
        if not self.scope:
            return ""
        facts = self._driver.facts()
        return account_mark(self.scope, facts.domain_id, facts.account, facts.project_id)

    def all(self, *, deleted: bool = False) -> list[Stack]:
        """The stacks of the endpoint, oldest first."""
        return [stack for stack in self._store.stacks(deleted=deleted, account=self._account) if self._has(stack)]

    def find(self, name: str) -> Stack:
        """The stack of this name or id. Raises `StackNotFoundError`."""
        if self._account is not None:
            return self._store.stack(name, self._account)
        if not self.scope:
            return self._store.stack(name)
        named = [stack for stack in self.all() if stack.name == name]
        if not named:
            named = [stack for stack in self.all(deleted=True) if stack.stack_id == name]
        if len(named) > 1:
            named = [stack for stack in named if stack.account == self.account()]
        if not named:
            raise StackNotFoundError(f"there is no stack {name} on {self.scope}{self._nobodys()}")
        return named[0]

    def mine(self, name: str) -> Stack:
        """The same, to be worked on. Raises `StackError` when the keys are not those of the stack's account."""
        stack = self.find(name)
        if self.scope and stack.account != self.account():
            owner = stack.account.rpartition("/")[2]
            raise StackError(f"stack {stack.name} belongs to the account {owner}; use the keys of that account")
        return stack

    def _nobodys(self) -> str:
        """What to say of stacks that the first versions of cfnlib made, which did not mark them."""
        count = self._store.count("")
        if not count:
            return ""
        them = "stack that is" if count == 1 else "stacks that are"
        return f"; the store has {count} {them} marked as nobody's, see cfnlib.Stacks.adopt"

    def _has(self, stack: Stack) -> bool:
        return not self.scope or stack.account.startswith(f"{self.scope} ")
