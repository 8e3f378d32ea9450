"""Users of the soak: each thread has stacks of its own, which nobody else touches, so that it knows what to expect.

Before each call the stack is looked at; what is called then is what its status allows, and now and then what it does
not, which must be refused in the right words. When the outcome of a call is not known (its connection broke), the
stack is `blurred` for a while: what was asked may still come.
"""

from __future__ import annotations

import random
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

from attrs import define
from soak_doors import CallError, Doors, Person
from soak_templates import CLUSTER, POLICY, STACKS, WRONG

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from soak_judge import Judge, Trouble

AT_ONCE = 3
BLUR_S = 45.0
STUCK_S = 240.0
COMPLETE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE"}
UPDATABLE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}
GONE = r"does not exist|not-found|destroyed|431: .*(exist|find)|There is no"
NO_UPDATES = r"No updates are to be performed|nothing to change"
NO_HANDLE = r"NoSuchKey: The handle is not there any more"
MOVED_ON = r"state and can not be|cannot be called from|can't be|not-now|busy"


@define(eq=False)
class Held:
    """A stack of a user's. `going` is the operation under way: its verb, since when, and in what it may end."""

    name: str
    kind: str
    size: int = 1
    stack_id: str = ""
    status: str = ""
    going: tuple[str, float, frozenset[str]] | None = None
    told_stuck: bool = False
    blurred_until: float = 0.0
    protected: bool = False
    signalled: bool = False
    reviewed: str = ""

    @property
    def blurred(self) -> bool:
        """Whether something that was asked may still come."""
        return time.monotonic() < self.blurred_until


class User(threading.Thread):
    """One thread of calls. `others` are ids of others' stacks, which it must not see."""

    def __init__(
        self,
        number: int,
        person: Person,
        urls: dict[str, str],
        judge: Judge,
        others: dict[str, str],
        stop: threading.Event,
        *,
        pause_s: float,
        seed: int,
    ) -> None:
        super().__init__(name=f"user-{number}", daemon=True)
        self.person = person
        self._prefix = f"{person.account}-{number}-"
        self._doors = {name: Doors(url, person) for name, url in urls.items()}
        self._judge = judge
        self._others = others
        self._over = stop
        self._pause_s = pause_s
        self._chance = random.Random(seed)
        self._count = 0
        self.held: list[Held] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        """Make calls until it is enough."""
        try:
            while not self._over.wait(self._chance.expovariate(1.0 / self._pause_s)):
                self.step()
        except BaseException as error:  # noqa: BLE001 - it is told at the end
            self.error = error

    # One call

    def call(
        self,
        action: str,
        make: Callable[[Doors], Any],
        fine: Sequence[str] = (),
        *,
        passed: bool = False,
        whom: str | None = None,
    ) -> tuple[Any, Trouble | None]:
        """Make a call at one of the processes, and have it judged."""
        whom = whom or self._chance.choice(list(self._doors))
        since = time.monotonic()
        try:
            found, trouble = make(self._doors[whom]), None
        except CallError as error:
            found, trouble = None, error.trouble
        self._judge.call(action, whom, since, trouble, fine, passed=passed)
        return found, trouble

    def ask(self, held: Held, action: str, make: Callable[[Doors], Any], fine: Sequence[str] = ()) -> Any:
        """A call that changes a stack; its answer, or None. Without an answer the stack is blurred."""
        if held.blurred:
            fine = (*fine, MOVED_ON, GONE, NO_UPDATES, "AlreadyExists", "TokenAlreadyExists", "exists", "Protection")
        found, trouble = self.call(action, make, fine)
        if trouble is None:
            return found
        if trouble.status == 0 or trouble.status >= 500:
            held.blurred_until = time.monotonic() + BLUR_S
        if held.going is not None:  # it may not have begun
            verb, since, ends = held.going
            held.going = (verb, since, ends | {held.status})
        return None

    def step(self) -> None:
        """One thing that users do."""
        if self._chance.random() < 0.25:
            self._look_around()
        if len(self.held) < AT_ONCE and self._chance.random() < 0.5:
            self._make()
            return
        if self.held:
            held = self._chance.choice(self.held)
            if self.look(held):
                self._act(held)

    # Making

    def _make(self) -> None:
        self._count += 1
        kind = self._chance.choice(["key", "key", "group", "site", "waiting", "signalled", "cluster"])
        held = Held(f"{self._prefix}{self._count}", kind)
        self.held.append(held)
        if kind == "cluster":
            self._begin(held, "create", {"CREATE_COMPLETE"})
            body = {"name": held.name, "template": CLUSTER, "agents": 1}
            found = self.ask(held, "POST /clusters", lambda doors: doors.rest("POST", "/clusters", body))
            held.stack_id = found["stack_id"] if found is not None else ""
            return
        how = self._chance.choice(["query", "query", "token", "review", "client_api"])
        given = {"StackName": held.name, "TemplateBody": STACKS[kind]}
        if how == "review":
            held.reviewed = f"c{self._count}"
            more = {"ChangeSetName": held.reviewed, "ChangeSetType": "CREATE"}
            found = self.ask(held, "CreateChangeSet", lambda doors: doors.query("create_change_set", **given, **more))
            held.stack_id = found["StackId"] if found is not None else ""
            return
        self._begin(held, "create", {"CREATE_COMPLETE"})
        if how == "client_api":
            mine = {"name": held.name, "templatebody": given["TemplateBody"]}
            found = self.ask(held, "client_api createStack", lambda doors: doors.cloudstack("createStack", **mine))
            held.stack_id = found["id"] if found is not None else ""
            return
        token = str(uuid.uuid4())
        for _ in range(2 if how == "token" else 1):  # the same once more is no second stack
            found = self.ask(
                held,
                "CreateStack",
                lambda doors: doors.query("create_stack", **given, ClientRequestToken=token),
            )
            if found is None:
                continue
            if held.stack_id and found["StackId"] != held.stack_id:
                self._judge.wrong(f"{held.name} was made twice under one token")
            held.stack_id = found["StackId"]

    def _begin(self, held: Held, verb: str, ends: set[str]) -> None:
        held.going, held.told_stuck = (verb, time.monotonic(), frozenset(ends)), False

    # Looking

    def look(self, held: Held) -> bool:
        """See how a stack stands, and judge what has ended; False when it is not there (any more)."""
        which = held.stack_id or held.name
        found, trouble = self.call(
            "DescribeStacks", lambda doors: doors.query("describe_stacks", StackName=which), (GONE,)
        )
        if trouble is not None:
            if trouble.status == 400:
                self._missing(held)
            return False
        [stack] = found["Stacks"]
        held.stack_id, held.status = stack["StackId"], stack["StackStatus"]
        reason = stack.get("StackStatusReason", "")
        if held.status.endswith("IN_PROGRESS"):
            self._mind_the_time(held)
            return True
        if held.going is not None:
            verb, since, ends = held.going
            held.going = None
            good = held.status in ends or (held.blurred and held.status in COMPLETE)
            if not good:
                reason = f"{reason}; {self._first_failure(held)}"
                good = self.person.account == "user" and "limit" in reason.lower()  # whose account has one
            self._judge.end(f"{verb} {held.kind}", held.name, since, held.status, reason, good=good)
        if held.status == "DELETE_COMPLETE":
            self.held.remove(held)
            return False
        return True

    def _missing(self, held: Held) -> None:
        """A stack that is not there: rightly, unless its making was confirmed."""
        if held.stack_id:
            self._judge.wrong(f"{held.name} is not there by its id {held.stack_id}")
        if not held.blurred:
            self.held.remove(held)

    def _mind_the_time(self, held: Held) -> None:
        if held.going is None:
            held.going = ("blurred", time.monotonic(), frozenset())
        verb, since, _ = held.going
        if time.monotonic() - since > STUCK_S and not held.told_stuck:
            held.told_stuck = True
            self._judge.wrong(f"{verb} of {held.name} ({held.kind}) is {held.status} for {STUCK_S:g} s")

    def _first_failure(self, held: Held) -> str:
        found, _ = self.call(
            "DescribeStackEvents", lambda doors: doors.query("describe_stack_events", StackName=held.stack_id)
        )
        for event in reversed(found["StackEvents"] if found else []):
            if event["ResourceStatus"].endswith("_FAILED"):
                return f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}"
        return "no event tells a failure"

    # Acting

    def _act(self, held: Held) -> None:
        status = held.status
        if status == "REVIEW_IN_PROGRESS":
            self._execute(held, "create", {"CREATE_COMPLETE"})
        elif status == "CREATE_IN_PROGRESS":
            self._while_creating(held)
        elif status == "UPDATE_IN_PROGRESS" and self._chance.random() < 0.3:
            self._cancel(held)
        elif status.endswith("IN_PROGRESS"):
            self._too_early(held)
        elif status in UPDATABLE and self._chance.random() < 0.7:
            self._change(held)
        elif status == "UPDATE_ROLLBACK_FAILED" and self._chance.random() < 0.7:
            self._begin(held, "continue", {"UPDATE_ROLLBACK_COMPLETE"})
            self.ask(
                held,
                "ContinueUpdateRollback",
                lambda doors: doors.query("continue_update_rollback", StackName=held.stack_id),
            )
        else:
            self.remove(held)

    def _while_creating(self, held: Held) -> None:
        if held.kind == "waiting" and not held.signalled and self._chance.random() < 0.7:
            self._report(held)
        elif held.kind == "signalled" and not held.signalled:
            given = {"LogicalResourceId": "Web", "UniqueId": "1", "Status": "SUCCESS"}
            fine = (r"No such resource|does not exist|can not be|not in|IN_PROGRESS",)
            found, trouble = self.call(
                "SignalResource",
                lambda doors: doors.query("signal_resource", StackName=held.stack_id, **given),
                fine,
            )
            held.signalled = trouble is None and found is not None
        elif self._chance.random() < 0.1:
            self.remove(held)
        else:
            self._too_early(held)

    def _report(self, held: Held) -> None:
        """A machine reports to its handle, whose URL its user data would have."""
        which = {"StackName": held.stack_id, "LogicalResourceId": "Handle"}
        found, _ = self.call(
            "DescribeStackResource", lambda doors: doors.query("describe_stack_resource", **which), (GONE,)
        )
        url = (found or {}).get("StackResourceDetail", {}).get("PhysicalResourceId", "")
        if not url.startswith("http"):
            return
        whom = next(name for name, doors in self._doors.items() if doors.is_at(url))
        fails = self._chance.random() < 0.2
        said = {"Status": "FAILURE" if fails else "SUCCESS", "UniqueId": "1", "Reason": "so", "Data": "x"}
        _, trouble = self.call("PUT wait handle", lambda doors: doors.report(url, **said), (NO_HANDLE,), whom=whom)
        held.signalled = trouble is None
        if trouble is not None and trouble.status == 404:
            self._no_handle(held)
        if fails and held.going is not None:  # it may have been heard although nobody answered
            verb, since, ends = held.going
            held.going = (verb, since, ends | {"ROLLBACK_COMPLETE"})

    def _no_handle(self, held: Held) -> None:
        """A handle is not there: rightly, when the stack's making has failed since it was looked at."""
        found, _ = self.call(
            "DescribeStacks", lambda doors: doors.query("describe_stacks", StackName=held.stack_id), (GONE,)
        )
        status = found["Stacks"][0]["StackStatus"] if found is not None else ""
        if status in {"CREATE_IN_PROGRESS", "CREATE_COMPLETE"}:
            self._judge.wrong(f"the handle of {held.name} is not there, which is {status}")

    def _execute(self, held: Held, verb: str, ends: set[str]) -> None:
        name = held.reviewed or "none"
        which = {"StackName": held.stack_id, "ChangeSetName": name}
        found, _ = self.call(
            "DescribeChangeSet", lambda doors: doors.query("describe_change_set", **which), ("ChangeSetNotFound",)
        )
        if found is None:
            self.remove(held)
            return
        if found["Status"] == "CREATE_COMPLETE":
            self._begin(held, verb, ends)
            self.ask(held, "ExecuteChangeSet", lambda doors: doors.query("execute_change_set", **which))
        elif found["Status"] == "FAILED":
            self.ask(held, "DeleteChangeSet", lambda doors: doors.query("delete_change_set", **which))

    def _change(self, held: Held) -> None:
        what = self._chance.choice(["update", "update", "review", "policy", "protect", "refused"])
        given = {"StackName": held.stack_id}
        ends = {"UPDATE_COMPLETE"}
        size = 3 - held.size
        values = [{"ParameterKey": "Size", "ParameterValue": str(size)}]
        if what == "policy":
            self.ask(
                held, "SetStackPolicy", lambda doors: doors.query("set_stack_policy", **given, StackPolicyBody=POLICY)
            )
        elif what == "protect":
            self._protect(held)
        elif what == "refused":
            body = {"UsePreviousTemplate": True, "Parameters": [{"ParameterKey": "None", "ParameterValue": "1"}]}
            fine = ("ValidationError",)
            self.call("UpdateStack refused", lambda doors: doors.query("update_stack", **given, **body), fine)
        elif what == "review" and held.kind != "cluster":
            self._count += 1
            held.reviewed = f"c{self._count}"
            body = {"ChangeSetName": held.reviewed, "UsePreviousTemplate": True, "Parameters": values}
            found = self.ask(held, "CreateChangeSet", lambda doors: doors.query("create_change_set", **given, **body))
            if found is not None:
                held.size = size
                self._execute(held, "update", ends)
        else:
            held.size = size
            self._begin(held, "update", ends)
            self._update(held, values)

    def _update(self, held: Held, values: list[dict[str, str]]) -> None:
        which = {"StackName": held.stack_id}
        if held.kind == "cluster":
            body = {"name": held.name, "agents": held.size}
            self._begin(held, "update", {"UPDATE_COMPLETE", held.status})  # which it may be already
            path = f"/clusters/{held.name}"
            self.ask(held, "PUT /clusters/ID", lambda doors: doors.rest("PUT", path, body), (NO_UPDATES,))
        elif self._chance.random() < 0.3:
            body = {"parameters": [{"Size": str(held.size)}]}
            self.ask(
                held,
                "client_api updateStack",
                lambda doors: doors.cloudstack("updateStack", id=held.stack_id, **body),
                (NO_UPDATES,),
            )
        else:
            self.ask(
                held,
                "UpdateStack",
                lambda doors: doors.query("update_stack", **which, UsePreviousTemplate=True, Parameters=values),
                (NO_UPDATES,),
            )

    def _cancel(self, held: Held) -> None:
        which = {"StackName": held.stack_id}
        self.ask(held, "CancelUpdateStack", lambda doors: doors.query("cancel_update_stack", **which), (MOVED_ON,))
        if held.going is not None:
            verb, since, ends = held.going
            held.going = (verb, since, ends | {"UPDATE_ROLLBACK_COMPLETE"})

    def _protect(self, held: Held) -> None:
        wanted = {"StackName": held.stack_id, "EnableTerminationProtection": not held.protected}
        found = self.ask(
            held,
            "UpdateTerminationProtection",
            lambda doors: doors.query("update_termination_protection", **wanted),
        )
        if found is not None:
            held.protected = wanted["EnableTerminationProtection"]
            if held.protected:
                which = {"StackName": held.stack_id}
                _, trouble = self.call(
                    "DeleteStack refused", lambda doors: doors.query("delete_stack", **which), ("Protection",)
                )
                if trouble is None:
                    self._judge.wrong(f"{held.name} is protected, and its deletion was not refused")

    def _too_early(self, held: Held) -> None:
        """What a stack's status does not allow; it may have come to its end meanwhile, when nothing is to change."""
        if held.kind == "waiting" and held.status == "CREATE_IN_PROGRESS" and not held.signalled:
            given = {"StackName": held.stack_id, "UsePreviousTemplate": True}
            _, trouble = self.call(
                "UpdateStack too early", lambda doors: doors.query("update_stack", **given), (MOVED_ON, NO_UPDATES)
            )
            if trouble is None:
                self._judge.wrong(f"{held.name} was updated while it was {held.status}")
            return
        self._read(held)

    def remove(self, held: Held) -> None:
        """Ask for a stack to be deleted, in one of the ways that there are."""
        if held.protected or held.blurred:
            given = {"StackName": held.stack_id, "EnableTerminationProtection": False}
            found = self.ask(
                held,
                "UpdateTerminationProtection",
                lambda doors: doors.query("update_termination_protection", **given),
                (GONE, "DELETE_COMPLETE", MOVED_ON),
            )
            held.protected = held.protected and found is None
            if held.protected:
                return
        self._begin(held, "delete", {"DELETE_COMPLETE"})
        how = self._chance.random()
        if held.kind == "cluster":
            path = f"/clusters/{held.name}"
            self.ask(held, "DELETE /clusters/ID", lambda doors: doors.rest("DELETE", path), (GONE,))
        elif how < 0.3:
            which = held.stack_id
            self.ask(
                held,
                "client_api deleteStack",
                lambda doors: doors.cloudstack("deleteStack", id=which),
                (GONE,),
            )
        else:
            self.ask(held, "DeleteStack", lambda doors: doors.query("delete_stack", StackName=held.stack_id))

    # Reading

    def _read(self, held: Held) -> None:
        which = {"StackName": held.stack_id or held.name}
        operation = self._chance.choice(
            [
                "describe_stack_events",
                "list_stack_resources",
                "describe_stack_resources",
                "get_template",
                "get_template_summary",
                "get_stack_policy",
                "list_change_sets",
            ]
        )
        self.call(operation, lambda doors: doors.query(operation, **which), () if held.stack_id else (GONE,))

    def _look_around(self) -> None:
        what = self._chance.randrange(9)
        if what == 0:
            self._list()
        elif what == 1 and not self.person.sees_all:
            self._look_at_others()
        elif what == 2:
            self.call("client_api listZones", lambda doors: doors.cloudstack("listZones"), passed=True)
        elif what == 3:
            self.call("client_api listStacks", lambda doors: doors.cloudstack("listStacks"))
        elif what == 4:
            self.call("GET /clusters", lambda doors: doors.rest("GET", "/clusters"))
        elif what == 5:
            self.call("GetCallerIdentity", lambda doors: doors.identity())
        elif what == 6:
            self.call("ValidateTemplate", lambda doors: doors.query("validate_template", TemplateBody=STACKS["site"]))
        elif what == 7:
            given = {"StackName": f"{self._prefix}wrong", "TemplateBody": WRONG}
            self.call("CreateStack refused", lambda doors: doors.query("create_stack", **given), ("KeyPear",))
        elif self.held:
            self._read(self._chance.choice(self.held))

    def _list(self) -> None:
        found, _ = self.call("ListStacks", lambda doors: doors.pages("list_stacks"))
        names = [one["StackName"] for page in found or [] for one in page["StackSummaries"]]
        strange = [name for name in names if not name.startswith(f"{self.person.account}-")]
        if strange:
            self._judge.wrong(f"{self.person.account} sees stacks of others: {strange[:3]}")

    def _look_at_others(self) -> None:
        theirs = [one for account, one in self._others.items() if account != self.person.account]
        if theirs:
            which = self._chance.choice(theirs)
            _, trouble = self.call(
                "DescribeStacks of others", lambda doors: doors.query("describe_stacks", StackName=which), (GONE,)
            )
            if trouble is None:
                self._judge.wrong(f"{self.person.account} sees {which}")
