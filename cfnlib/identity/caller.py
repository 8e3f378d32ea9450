"""Who calls, once that is known."""

from __future__ import annotations

from attrs import field, frozen

from cfnlib.plan.name import account_number


@frozen
class Caller:
    """A user of CloudStack, with the keys to act as that user.

    `role` is User, DomainAdmin or Admin; `domain_path` as ROOT/eng; `project_id` the project that is worked in, None
    for the account's own things.
    """

    access_key: str
    secret: str = field(repr=False)
    user_id: str = ""
    user: str = ""
    account: str = ""
    domain_id: str = ""
    domain_path: str = ""
    role: str = "User"
    project_id: str | None = None

    @property
    def account_number(self) -> str:
        """The twelve digits that stand for the account where AWS's forms want a number."""
        return account_number(self.domain_id, self.account, self.project_id)
