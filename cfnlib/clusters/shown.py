"""What is said of a cluster and its machines, read from the stack: its status, its resources, its parameters.

A machine's state is that of its resource, as the last operation left it; the cloud is not asked.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from attrs import NOTHING, asdict, frozen

from cfnlib.clusters.config import SCHEMA
from cfnlib.clusters.declared import declared, schema_of
from cfnlib.stack import time_text
from cfnlib.state.model import ResourceStatus, StackStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cfnlib.state.model import Resource
    from cfnlib.state.model import Stack as StackState

_S = StackStatus
_MACHINES = frozenset({"AWS::EC2::Instance", "CloudStack::VirtualMachine"})
_LEADING = frozenset({"AWS::EC2::EIP", "AWS::EC2::EIPAssociation", "CloudStack::StaticNat"})
"""The types of what leads a public address to a machine."""


class ClusterState(Enum):
    """What a cluster is in the middle of, or at rest in."""

    LAUNCHING = "launching"
    RUNNING = "running"
    CHANGING = "changing"
    FAILED = "failed"
    DESTROYING = "destroying"
    DESTROYED = "destroyed"


STATES: Mapping[StackStatus, ClusterState] = {
    _S.REVIEW_IN_PROGRESS: ClusterState.LAUNCHING,
    _S.CREATE_IN_PROGRESS: ClusterState.LAUNCHING,
    _S.CREATE_FAILED: ClusterState.FAILED,
    _S.CREATE_COMPLETE: ClusterState.RUNNING,
    _S.ROLLBACK_IN_PROGRESS: ClusterState.DESTROYING,
    _S.ROLLBACK_FAILED: ClusterState.FAILED,
    _S.ROLLBACK_COMPLETE: ClusterState.FAILED,
    _S.DELETE_IN_PROGRESS: ClusterState.DESTROYING,
    _S.DELETE_FAILED: ClusterState.FAILED,
    _S.DELETE_COMPLETE: ClusterState.DESTROYED,
    _S.UPDATE_IN_PROGRESS: ClusterState.CHANGING,
    _S.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS: ClusterState.CHANGING,
    _S.UPDATE_COMPLETE: ClusterState.RUNNING,
    _S.UPDATE_FAILED: ClusterState.FAILED,
    _S.UPDATE_ROLLBACK_IN_PROGRESS: ClusterState.CHANGING,
    _S.UPDATE_ROLLBACK_FAILED: ClusterState.FAILED,
    _S.UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS: ClusterState.CHANGING,
    _S.UPDATE_ROLLBACK_COMPLETE: ClusterState.RUNNING,
}


class MachineState(Enum):
    """What a machine is in the middle of, or at rest in."""

    STARTING = "starting"
    RUNNING = "running"
    CHANGING = "changing"
    FAILED = "failed"
    STOPPING = "stopping"
    GONE = "gone"


_R = ResourceStatus
_MACHINE_STATES: Mapping[ResourceStatus, MachineState] = {
    _R.CREATE_IN_PROGRESS: MachineState.STARTING,
    _R.CREATE_FAILED: MachineState.FAILED,
    _R.CREATE_COMPLETE: MachineState.RUNNING,
    _R.UPDATE_IN_PROGRESS: MachineState.CHANGING,
    _R.UPDATE_FAILED: MachineState.FAILED,
    _R.UPDATE_COMPLETE: MachineState.RUNNING,
    _R.DELETE_IN_PROGRESS: MachineState.STOPPING,
    _R.DELETE_FAILED: MachineState.FAILED,
    _R.DELETE_COMPLETE: MachineState.GONE,
    _R.DELETE_SKIPPED: MachineState.GONE,
}


@frozen
class Machine:
    """A machine of a cluster. What is not known, or not there, is None."""

    name: str = declared(
        "The host name, which stays the same as long as the cluster lives.", default=NOTHING, type="string"
    )
    role: str = declared("What it is in the cluster.", default=NOTHING, type="string")
    state: str = declared(
        "What it is in the middle of, or at rest in.",
        default=NOTHING,
        type="string",
        enum=[one.value for one in MachineState],
    )
    reason: str | None = declared("Why it is in this state, where there is something to say.", type="string")
    machine_id: str | None = declared("The machine's id on the cloud.", type="string")
    private_address: str | None = declared("The address in the cluster's network.", type="string")
    public_address: str | None = declared("The address that is reached from outside.", type="string")

    def as_dict(self) -> dict[str, Any]:
        """The machine in JSON's types, without what is None."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@frozen
class Shown:
    """A cluster as it is shown, in JSON's types. A list of clusters leaves out the last three."""

    id: str = declared(
        "The cluster's id: its name and the last part of its stack's id.", default=NOTHING, type="string"
    )
    name: str = declared("The cluster's name, and that of its stack.", default=NOTHING, type="string")
    kind: str = declared("What it is, as its template says.", default=NOTHING, type="string")
    state: str = declared(
        "What it is in the middle of, or at rest in.",
        default=NOTHING,
        type="string",
        enum=[one.value for one in ClusterState],
    )
    status: str = declared("The stack's status, as CloudFormation says it.", default=NOTHING, type="string")
    stack_id: str = declared("The stack's id.", default=NOTHING, type="string")
    revision: int = declared("How many changes were begun.", default=NOTHING, type="integer")
    reason: str | None = declared("Why it is in this status, where there is something to say.", type="string")
    created_at: str | None = declared("When its launch began.", type="string", format="date-time")
    updated_at: str | None = declared("When it was last changed.", type="string", format="date-time")
    deleted_at: str | None = declared("When it was destroyed.", type="string", format="date-time")
    config: Mapping[str, Any] | None = declared("What it was asked to be, with the defaults.", **SCHEMA)
    machines: Sequence[Mapping[str, Any]] | None = declared(
        "Its machines, by role and number.", type="array", items=schema_of(Machine)
    )
    outputs: Mapping[str, Any] | None = declared("The values of the template's outputs, by name.", type="object")

    def as_dict(self) -> dict[str, Any]:
        """The cluster in JSON's types, without what is None."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def shown(state: StackState, kind: str, **more: object) -> Shown:
    """A stack that is a cluster, as a list shows it; `more` are fields of `Shown`."""
    return Shown(
        id=cluster_id_of(state.stack_id),
        name=state.name,
        kind=kind,
        state=STATES[state.status].value,
        status=state.status.value,
        stack_id=state.stack_id,
        revision=state.revision,
        reason=state.reason or None,
        created_at=time_text(state.created_at),
        updated_at=time_text(state.updated_at),
        deleted_at=time_text(state.deleted_at),
        **more,  # type: ignore[arg-type]  # each is what `Shown` declares
    )


def machines_of(rows: Sequence[Resource], roles: Mapping[str, str]) -> list[Machine]:
    """The machines among a stack's resources, by role and number."""
    latest = {row.logical_id: row for row in sorted(rows, key=lambda row: row.generation)}
    machines = [row for row in latest.values() if row.type in _MACHINES]
    public = _public_addresses(rows)
    found = []
    for role, group in roles.items():
        members = [row for row in machines if group in {row.group, row.logical_id}]
        found += [_machine(role, row, public) for row in sorted(members, key=_number)]
    return found


def cluster_id_of(stack_id: str) -> str:
    """The id of the cluster that a stack is: the stack's name, by which it is found, and what its own id ends in."""
    return "-".join(stack_id.split("/")[-2:])


def _machine(role: str, row: Resource, public: Mapping[str, str]) -> Machine:
    known = row.attributes
    return Machine(
        name=row.name,
        role=role,
        state=_MACHINE_STATES[row.status].value,
        reason=row.reason or None,
        machine_id=row.physical_id,
        private_address=known.get("PrivateIp") or known.get("ipaddress") or None,
        public_address=public.get(row.physical_id or "") or known.get("PublicIp") or None,
    )


def _public_addresses(rows: Sequence[Resource]) -> dict[str, str]:
    """The public addresses that lead to machines, by the machine's id on the cloud."""
    addresses: dict[str, str] = {}
    for row in rows:
        address = row.attributes.get("PublicIp") or row.attributes.get("ipaddress")
        if isinstance(address, str) and row.type not in _MACHINES:
            addresses |= {key: address for key in (row.physical_id, address) if key}
    found: dict[str, str] = {}
    for row in rows:
        if row.type in _LEADING:
            given = row.properties
            machine = given.get("InstanceId") or given.get("virtualmachineid")
            by = given.get("AllocationId") or given.get("EIP") or given.get("ipaddressid") or row.physical_id
            if isinstance(machine, str) and isinstance(by, str) and by in addresses:
                found[machine] = addresses[by]
    return found


def _number(row: Resource) -> tuple[int, str]:
    number = row.logical_id.rpartition("[")[2].removesuffix("]")
    return (int(number) if number.isdecimal() else 0, row.logical_id)
