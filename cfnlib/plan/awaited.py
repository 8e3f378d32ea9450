"""CreationPolicy: signals that a resource waits for once it is made.

Source: AWS CloudFormation user guide, CreationPolicy attribute: ResourceSignal has Count (default 1) and Timeout (an
ISO 8601 duration, default PT5M, at most twelve hours); it is honoured by instances, groups and wait conditions. For a
group, MinSuccessfulInstancesPercent says how many of the signals must be of success.
"""

from __future__ import annotations

import re
from math import ceil
from typing import TYPE_CHECKING, Any

from attrs import frozen

from cfnlib.diagnostic import Code
from cfnlib.plan.nodes import MapNode, Node
from cfnlib.template import Unknown, resolve

if TYPE_CHECKING:
    from cfnlib.diagnostic import Diagnostics
    from cfnlib.template import Instance, Scope

WAITING_TYPES = frozenset(
    {
        "AWS::EC2::Instance",
        "AWS::AutoScaling::AutoScalingGroup",
        "AWS::CloudFormation::WaitCondition",
        "CloudStack::VirtualMachine",
        "StackMate::WaitCondition",
    }
)
LONGEST_S = 43200.0
_MOST = 10_000
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.ASCII)
_UNITS_S = (86400.0, 3600.0, 60.0, 1.0)


@frozen
class Awaited:
    """How many signals a resource waits for, how long, and what share of them must be of success."""

    count: int = 1
    timeout_s: float = 300.0
    quorum: float = 1.0

    @property
    def needed(self) -> int:
        """How many signals of success are enough."""
        return ceil(self.count * self.quorum)


def awaited_by(
    instance: Instance, logical_id: str, type_name: str, quorum: float, diagnostics: Diagnostics
) -> Awaited | None:
    """What a resource of the template waits for; None when for nothing, or when what it says is wrong."""
    policy = instance.resources[logical_id].creation_policy
    signal = policy.get("ResourceSignal") if isinstance(policy, MapNode) else None
    if not isinstance(signal, MapNode):
        return None
    if type_name not in WAITING_TYPES:
        message = f"a {type_name} sends no signals: its CreationPolicy has no effect"
        diagnostics.add(Code.IGNORED, message, signal.span, logical_id=logical_id, path=("CreationPolicy",))
        return None
    scope = instance.scope(
        ref=lambda name: Unknown(frozenset({name})),
        get_att=lambda name, attribute: Unknown(frozenset({f"{name}.{attribute}"})),
    )
    faults = len(diagnostics.errors)
    count = _count(signal.get("Count"), scope)
    if count is None:
        message = f"Count must be known when the plan is made, a whole number from 0 to {_MOST}"
        _wrong(
            diagnostics, message, signal.get("Count"), logical_id, "Count", "give a number, or a Ref to a parameter"
        )
    timeout_s = _timeout_s(signal.get("Timeout"), scope)
    if timeout_s is None:
        message = "Timeout must be an ISO 8601 duration of at most twelve hours"
        _wrong(diagnostics, message, signal.get("Timeout"), logical_id, "Timeout", "fifteen minutes are PT15M")
    if count is None or timeout_s is None or len(diagnostics.errors) > faults:
        return None
    return Awaited(count, timeout_s, quorum) if count else None


def duration_s(text: str) -> float | None:
    """The seconds of an ISO 8601 duration of days, hours, minutes and seconds; None for what is none."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or not any(match.groups()) or text.strip().endswith("T"):
        return None
    return sum(float(part) * unit for part, unit in zip(match.groups(), _UNITS_S, strict=True) if part)


def _count(node: Node | None, scope: Scope) -> int | None:
    value = _plain(node, scope, 1)
    try:
        count = int(str(value))
    except ValueError:
        return None
    return count if 0 <= count <= _MOST else None


def _timeout_s(node: Node | None, scope: Scope) -> float | None:
    value = _plain(node, scope, "PT5M")
    found = duration_s(value) if isinstance(value, str) else None
    return found if found is not None and 0 < found <= LONGEST_S else None


def _plain(node: Node | None, scope: Scope, default: Any) -> Any:  # noqa: ANN401 - a value of the template
    value = None if node is None else resolve(node, scope)
    return default if value is None else value


def _wrong(diagnostics: Diagnostics, message: str, node: Node | None, logical_id: str, name: str, hint: str) -> None:
    span = node.span if node is not None else None
    path = ("CreationPolicy", "ResourceSignal", name)
    diagnostics.add(Code.WRONG_TYPE, message, span, logical_id=logical_id, path=path, hint=hint)
