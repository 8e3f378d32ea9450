"""Jobs of stack commands, whose ids are all that there is of them.

CloudStack's clients ask for the end of an asynchronous command by its job's id. An operation on a stack is in the
store already, so nothing more is kept: a job's id is a UUID that holds what the operation does, its token (which the
store keeps with the stack and with each event), a digest of the stack's id, and a digest that only this service can
make. That last one tells an id of ours from one of the management server without asking anybody, and nobody can make
the service look for what is not there. UUIDs of version 8 are free to hold what one likes (RFC 9562, section 5.8).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from cfnlib.errors import StackNotFoundError
from cfnlib.server.client_api_form import when
from cfnlib.server.client_api_shown import stack_content
from cfnlib.state.model import StackStatus

if TYPE_CHECKING:
    from cfnlib.server.client_api_form import Content
    from cfnlib.server.context import Context
    from cfnlib.server.service import Service
    from cfnlib.state.model import StackSummary

PENDING, SUCCEEDED, FAILED = 0, 1, 2
_COMMANDS = ("createStack", "updateStack", "deleteStack")
_S = StackStatus
_WANTED = {
    "createStack": _S.CREATE_COMPLETE,
    "updateStack": _S.UPDATE_COMPLETE,
    "deleteStack": _S.DELETE_COMPLETE,
}
_TOKEN_BITS, _STACK_BITS, _MAC_BITS = 32, 48, 40
_REMEMBERED = 10_000


class Job(NamedTuple):
    """What a job's id says: the command, the token of its operation, and a digest of the stack's id."""

    command: str
    token: str
    stack_digest: int


def new_token() -> str:
    """A token for an operation that is to have a job."""
    return f"cs-{secrets.token_hex(_TOKEN_BITS // 8)}"


class Jobs:
    """Makes ids of jobs, and says how jobs stand."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._secret = service.secret_for("jobs")
        self._lock = Lock()
        self._stacks: OrderedDict[int, str] = OrderedDict()

    def id_of(self, command: str, stack_id: str, token: str) -> str:
        """The id of the job of an operation."""
        digest = _digest(stack_id)
        self._remember(digest, stack_id)
        number = (_COMMANDS.index(command) << _TOKEN_BITS) | int(token.removeprefix("cs-"), 16)
        number = (number << _STACK_BITS) | digest
        number = (number << _MAC_BITS) | self._mac(number)
        high, middle, low = number >> 74, (number >> 62) & 0xFFF, number & (2**62 - 1)
        return str(uuid.UUID(int=(high << 80) | (8 << 76) | (middle << 64) | (2 << 62) | low))

    def read(self, job_id: str) -> Job | None:
        """What an id says; None for one that this service has not made."""
        try:
            found = uuid.UUID(job_id)
        except ValueError:
            return None
        if found.version != 8 or str(found) != job_id.lower():
            return None
        number = ((found.int >> 80) << 74) | ((found.int >> 64 & 0xFFF) << 62) | (found.int & (2**62 - 1))
        number, mac = number >> _MAC_BITS, number & (2**_MAC_BITS - 1)
        kind = number >> (_STACK_BITS + _TOKEN_BITS)
        if mac != self._mac(number) or kind >= len(_COMMANDS):
            return None
        token = number >> _STACK_BITS & (2**_TOKEN_BITS - 1)
        return Job(_COMMANDS[kind], f"cs-{token:0{_TOKEN_BITS // 4}x}", number & (2**_STACK_BITS - 1))

    def result(self, context: Context, job_id: str, job: Job) -> Content:
        """What `queryAsyncJobResult` answers. Raises `StackNotFoundError` when the caller may not see the stack."""
        stack = self._stack(context, job)
        status, reason, ended = self._state(job, stack)
        caller = context.caller
        content: Content = {
            "account": caller.account,
            "domainid": caller.domain_id,
            "domainpath": caller.domain_path,
            "userid": caller.user_id,
            "cmd": job.command,
            "jobstatus": status,
            "jobprocstatus": 0,
            "jobresultcode": 0 if status != FAILED else 530,
        }
        if status == SUCCEEDED:
            deleted = job.command == "deleteStack"
            content["jobresulttype"] = "object"
            content["jobresult"] = {"success": True} if deleted else {"stack": stack_content(stack)}
        elif status == FAILED:
            content["jobresulttype"] = "object"
            content["jobresult"] = {"errorcode": 530, "errortext": reason}
        content |= {"jobinstancetype": "Stack", "jobinstanceid": stack.stack_id}
        if job.command == "createStack":
            content["created"] = when(stack.created_at)
        if ended is not None:
            content["completed"] = when(ended)
        return {**content, "jobid": job_id}

    def _state(self, job: Job, stack: StackSummary) -> tuple[int, str, float | None]:
        """How a job stands, why it failed, and when it ended."""
        if job.command == "deleteStack":
            return _deletion(stack)
        if stack.terms.token == job.token:
            if stack.status.in_progress:
                return PENDING, "", None
            return _ended(job, stack.name, stack.status.value, stack.reason, stack.updated_at)
        # Another operation has followed; what became of this one is in its events.
        for event in self._service.store.events_back(stack.stack_id):
            if event.token == job.token and event.physical_id == stack.stack_id:
                return _ended(job, stack.name, event.status, event.reason, event.at)
        return FAILED, f"stack {stack.name}: another operation has taken the place of {job.command}", None

    def _stack(self, context: Context, job: Job) -> StackSummary:
        with self._lock:
            known = self._stacks.get(job.stack_digest)
        if known is not None:
            return self._service.look(context.caller, known)
        # Another process has begun the operation, or this one before it was started anew.
        for account in (context.mark, None):
            after: str | None = None
            while True:
                found, after = self._service.store.page(account, deleted=True, after=after, limit=500)
                for stack in found:
                    if _digest(stack.stack_id) == job.stack_digest and self._service.sees(context.caller, stack):
                        self._remember(job.stack_digest, stack.stack_id)
                        return stack
                if after is None:
                    break
        raise StackNotFoundError("there is no such job")

    def _remember(self, digest: int, stack_id: str) -> None:
        with self._lock:
            self._stacks[digest] = stack_id
            self._stacks.move_to_end(digest)
            if len(self._stacks) > _REMEMBERED:
                self._stacks.popitem(last=False)

    def _mac(self, number: int) -> int:
        said = number.to_bytes(11, "big")
        return int.from_bytes(hmac.digest(self._secret, said, hashlib.sha256)[: _MAC_BITS // 8], "big")


def _digest(stack_id: str) -> int:
    return int.from_bytes(hashlib.sha256(stack_id.encode()).digest()[: _STACK_BITS // 8], "big")


def _deletion(stack: StackSummary) -> tuple[int, str, float | None]:
    """How a deletion stands: it may have been asked of an operation under way, and then has no token of its own."""
    if stack.status is _S.DELETE_COMPLETE:
        return SUCCEEDED, "", stack.deleted_at
    if stack.status.in_progress:
        return PENDING, "", None
    reason = f": {stack.reason}" if stack.reason else ""
    return FAILED, f"stack {stack.name} is {stack.status.value}{reason}", stack.updated_at


def _ended(job: Job, name: str, status: str, reason: str, at: float | None) -> tuple[int, str, float | None]:
    if status == _WANTED[job.command].value:
        return SUCCEEDED, "", at
    return FAILED, f"stack {name} is {status}" + (f": {reason}" if reason else ""), at
