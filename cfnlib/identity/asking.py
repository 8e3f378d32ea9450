"""What is asked of the cloud about a caller, and how its errors become refusals.

What the cloud says of itself goes to the log, and not to who calls.

Source: CloudStack 4.19, listApis by role: getUser is a root administrator's, listDomains an administrator's,
getUserKeys, listUsers, listAccounts and listProjects are everybody's. Account.Type: 0 is a user, 1 a root
administrator, 2 a domain administrator.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attrs import evolve

from cfnlib.drivers.cloudstack.client import Client
from cfnlib.errors import AuthenticationError, CfnlibError, InvalidRequestError, NotAllowedError, NotFoundError
from cfnlib.identity.caller import Caller
from cfnlib.identity.refusal import Refusal, RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cfnlib.config import Config

MAX_WAIT_S = 20.0
"""How long an answer may take: a client waits for it."""

_NO = (NotAllowedError, NotFoundError, InvalidRequestError)
_ROLES = {1: "Admin", 2: "DomainAdmin"}
_log = logging.getLogger(__name__)


@contextmanager
def cloud(config: Config, key: str | None, secret: str | None, *, whose: str = "caller") -> Iterator[Client]:
    """The cloud, asked with somebody's keys.

    `whose` is "caller", whose keys may be wrong, or "administrator", whose keys may not. Raises `RefusedError`.
    """
    asking = evolve(
        config,
        key=key,
        secret=secret,
        project_id=None,
        timeout_s=min(config.timeout_s, MAX_WAIT_S),
        retry=min(config.retry, 1),
    )
    client = Client(asking)
    try:
        yield client
    except RefusedError:
        raise
    except AuthenticationError as error:
        if whose == "caller":
            raise unknown(key or "") from None
        raise _unavailable(error, "it refuses the service's own keys") from None
    except NotAllowedError as error:
        raise _unavailable(error, "it does not allow the question with the keys that were used") from None
    except CfnlibError as error:
        raise _unavailable(error, "it does not answer as it should") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _unavailable(error, "its answer cannot be understood") from None
    finally:
        client.close()


def unknown(access_key: str) -> RefusedError:
    """Nobody has this key."""
    return RefusedError(
        Refusal.UNKNOWN_KEY, f"the access key {access_key[:6]}... is not known, or not valid any more"
    )


def caller_by_admin(client: Client, access_key: str) -> Caller:
    """Whose a key is, with the secret, asked with a root administrator's keys. Raises `RefusedError`."""
    try:
        user = client.call("getUser", {"userapikey": access_key}).get("user") or {}
    except (NotFoundError, InvalidRequestError):
        raise unknown(access_key) from None
    if user.get("apikey", access_key) != access_key or not user.get("id") or not _enabled(user):
        raise unknown(access_key)
    known, secret = keys_of(client, str(user["id"]))
    if known != access_key:
        raise unknown(access_key)
    accounts = client.rows("listAccounts", "account", {"id": user.get("accountid"), "listall": True})
    account = _first(accounts, user.get("accountid"))
    if not _enabled(account):
        raise unknown(access_key)
    return _caller(client, access_key, secret, user, account)


def caller_by_self(client: Client, access_key: str, secret: str) -> Caller:
    """Whose a pair is, asked with that pair itself. Raises `RefusedError`."""
    users = client.rows("listUsers", "user")
    found = [row for row in users if row.get("apikey") == access_key]
    if not found:  # the listing shows no keys
        found = [row for row in users if not row.get("apikey") and _has(client, row, access_key)]
    if not found:
        raise unknown(access_key)
    accounts = client.rows("listAccounts", "account", {"id": found[0].get("accountid")})
    return _caller(client, access_key, secret, found[0], _first(accounts, found[0].get("accountid")))


def keys_of(client: Client, user_id: str) -> tuple[str, str]:
    """The pair of a user. Raises `RefusedError` when there is none, or no such user."""
    try:
        keys = client.call("getUserKeys", {"id": user_id}).get("userkeys") or {}
    except (NotFoundError, InvalidRequestError):
        keys = {}
    if not keys.get("apikey") or not keys.get("secretkey"):
        raise RefusedError(Refusal.UNKNOWN_KEY, f"the user {user_id} has no keys")
    return str(keys["apikey"]), str(keys["secretkey"])


def domains_below(client: Client, domain_id: str) -> frozenset[str]:
    """The domain of who asks, a domain administrator, and all below it."""
    rows = client.rows("listDomains", "domain", {"listall": True})
    top = next((f"{row['path']}/" for row in rows if row.get("id") == domain_id), None)
    below = [] if top is None else [str(row["id"]) for row in rows if str(row.get("path", "")).startswith(top)]
    return frozenset({domain_id, *below})


def is_member(client: Client, project_id: str) -> bool:
    """Whether who asks may see a project."""
    try:
        rows = client.rows("listProjects", "project", {"id": project_id, "listall": True})
    except _NO:
        return False
    return any(row.get("id") == project_id for row in rows)


def _caller(
    client: Client, access_key: str, secret: str, user: Mapping[str, Any], account: Mapping[str, Any]
) -> Caller:
    role = _ROLES.get(int(user.get("accounttype", -1)))
    if role is None and user.get("accounttype") is None:
        role = user["roletype"] if user.get("roletype") in _ROLES.values() else None
    return Caller(
        access_key,
        secret,
        user_id=str(user["id"]),
        user=str(user.get("username", "")),
        account=str(user["account"]),
        domain_id=str(user["domainid"]),
        domain_path=str(account.get("domainpath") or _path_of(client, user)),
        role=role or "User",
    )


def _path_of(client: Client, user: Mapping[str, Any]) -> str:
    """The path of a user's domain; who may not list domains sees its name."""
    try:
        domains = client.rows("listDomains", "domain", {"id": user.get("domainid")})
    except _NO:
        domains = []
    return str((domains[0].get("path") if domains else None) or user.get("domain", ""))


def _has(client: Client, user: Mapping[str, Any], access_key: str) -> bool:
    try:
        return keys_of(client, str(user["id"]))[0] == access_key
    except (RefusedError, NotAllowedError):
        return False


def _first(rows: list[dict[str, Any]], row_id: object) -> dict[str, Any]:
    return next((row for row in rows if row.get("id") == row_id), {})


def _enabled(row: Mapping[str, Any]) -> bool:
    return str(row.get("state", "enabled")).lower() == "enabled"


def _unavailable(error: Exception, why: str) -> RefusedError:
    shown = str(error) if isinstance(error, CfnlibError) else type(error).__name__  # else it may hold anything
    _log.warning("the cloud cannot be asked who calls: %s: %s", why, shown)
    return RefusedError(Refusal.UNAVAILABLE, f"the cloud cannot be asked who calls: {why}")
