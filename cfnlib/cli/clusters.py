"""`cfnlib cluster`: clusters of machines, each a stack made from a cluster's template."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cfnlib.cli.cloud import open_stacks, parameters_of
from cfnlib.cli.commands import operate
from cfnlib.cli.show import FOLD_ABOVE, Printer, as_document
from cfnlib.cli.text import Piece, of_state, table, write
from cfnlib.cli.usage import UsageError
from cfnlib.clusters import ClusterConfig, ClusterConfigError, Clusters
from cfnlib.clusters.config import OPTIONS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from cfnlib.cli.live import Watch
    from cfnlib.clusters import Cluster, Machine
    from cfnlib.stack import Stack
    from cfnlib.stacks import Stacks


def launch(arguments: argparse.Namespace) -> int:
    """Make a cluster."""
    with _by_option():
        config = ClusterConfig.from_dict(_config(arguments))

    def work(stacks: Stacks, watch: Watch) -> Stack:
        with _by_option():
            made = Clusters(stacks).launch(config, on_plan=watch.planned, on_event=watch.happened)
        return made.stack

    return operate(arguments, work, _document)


def resize(arguments: argparse.Namespace) -> int:
    """Make a cluster larger or smaller."""

    def work(stacks: Stacks, watch: Watch) -> Stack:
        cluster = Clusters(stacks)[arguments.name]
        with _by_option():
            if arguments.add is not None:
                cluster.add_nodes(arguments.add, on_plan=watch.planned, on_event=watch.happened)
            elif arguments.remove is not None:
                cluster.remove_nodes(arguments.remove, on_plan=watch.planned, on_event=watch.happened)
            else:
                cluster.resize(arguments.agents, on_plan=watch.planned, on_event=watch.happened)
        return cluster.stack

    return operate(arguments, work, _document)


def destroy(arguments: argparse.Namespace) -> int:
    """Remove a cluster."""

    def work(stacks: Stacks, watch: Watch) -> Stack:
        cluster = Clusters(stacks)[arguments.name]
        watch.planned(stacks.plan_delete(cluster.stack_id))
        return cluster.destroy(on_event=watch.happened).stack

    return operate(arguments, work, _document)


def status(arguments: argparse.Namespace) -> int:
    """Show a cluster."""
    with open_stacks(arguments) as stacks:
        cluster = Clusters(stacks)[arguments.name]
        if arguments.json:
            as_document(cluster.as_dict())
        else:
            _show(cluster, every=arguments.all)
    return 0


def list_clusters(arguments: argparse.Namespace) -> int:
    """List the clusters."""
    with open_stacks(arguments) as stacks:
        found = [cluster.summary() for cluster in Clusters(stacks).list()]
    if arguments.json:
        as_document(found)
        return 0
    rows = [
        (
            Piece(one["name"], "bold"),
            one["kind"],
            of_state(one["status"], one["state"]),
            one.get("updated_at") or one["created_at"],
            one.get("reason", ""),
        )
        for one in found
    ]
    write(table(("cluster", "kind", "state", "changed at", "reason"), rows) or ["there are no clusters"])
    return 0


# What is given


def _config(arguments: argparse.Namespace) -> dict[str, Any]:
    """The configuration of --config, with what stands on the command line in its stead."""
    found = _from_file(arguments.config) if arguments.config is not None else {}
    found["name"] = arguments.name
    for option in ("kind", *OPTIONS):
        value = getattr(arguments, option)
        if value is not None:
            found[option] = value
    if arguments.template is not None:
        found["template"] = arguments.template.read_text(encoding="utf-8")
    given = parameters_of(arguments)
    if given:
        found["parameters"] = {**found.get("parameters", {}), **given}
    for pair in arguments.tag:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"--tag {pair}: write it as --tag Key=Value")
        found["tags"] = {**found.get("tags", {}), key: value}
    return found


def _from_file(path: Path) -> dict[str, Any]:
    from cfnlib.diagnostic import Code  # noqa: PLC0415 - only with --config
    from cfnlib.errors import TemplateError  # noqa: PLC0415
    from cfnlib.source import load, read_text  # noqa: PLC0415

    text, faults = read_text(path)
    node = None
    if text is not None:
        node, faults = load(text, str(path))
    wrong = [item for item in faults.errors if item.code is not Code.STRUCTURE]
    if wrong:
        raise TemplateError(wrong)
    found = None if node is None else node.plain()
    if not isinstance(found, dict):
        raise UsageError(f"--config {path}: give a mapping, as {{agents: 5}}")
    return found


@contextmanager
def _by_option() -> Iterator[None]:
    """Say what is wrong with a configuration by the options of the command line."""
    try:
        yield
    except ClusterConfigError as error:
        raise UsageError("\n        ".join(_said(fault.path, fault.message) for fault in error.faults)) from None


def _said(path: Sequence[str | int], message: str) -> str:
    if not path:
        return message
    first, *rest = (str(part) for part in path)
    if first == "name":
        return f"NAME {message}"
    options = {"parameters": "-p", "tags": "--tag"}
    return " ".join([options.get(first, f"--{first.replace('_', '-')}"), *rest, message])


# What is shown


def _document(stack: Stack) -> dict[str, Any]:
    return Clusters(stack.stacks)[stack.stack_id].as_dict()


def _show(cluster: Cluster, *, every: bool) -> None:
    write(
        [[Piece(cluster.name, "bold"), Piece(f"  {cluster.kind}  "), of_state(cluster.status, cluster.state.value)]]
    )
    if cluster.reason:
        write([f"  {cluster.reason}"])
    heads = ("machine", "role", "state", "address", "public address", "id", "reason")
    roles = dict.fromkeys(machine.role for machine in cluster.machines)
    rows: list[Sequence[Piece | str]] = []
    for role in roles:
        machines = [machine for machine in cluster.machines if machine.role == role]
        rows += [_row(machine) for machine in machines] if every or len(machines) <= FOLD_ABOVE else _folded(machines)
    write(table(heads, rows))
    if cluster.outputs:
        write([""])
        Printer(as_json=False).outputs(cluster.outputs)


def _row(machine: Machine) -> Sequence[Piece | str]:
    return (
        Piece(machine.name, "bold"),
        machine.role,
        _state(machine.state),
        machine.private_address or "",
        machine.public_address or "",
        machine.machine_id or "",
        machine.reason or "",
    )


def _folded(machines: Sequence[Machine]) -> list[Sequence[Piece | str]]:
    """The machines of a role as one, but those that failed."""
    counts = Counter(machine.state for machine in machines)
    said = ", ".join(f"{count} {state}" for state, count in counts.most_common())
    name = f"{machines[0].name}..{machines[-1].name.rpartition('-')[2]}"
    failed = [_row(machine) for machine in machines if machine.state == "failed"]
    return [
        (Piece(name, "bold"), machines[0].role, _state(counts.most_common(1)[0][0], said), "", "", "", ""),
        *failed,
    ]


_LOOKS = {
    "starting": "CREATE_IN_PROGRESS",
    "running": "CREATE_COMPLETE",
    "changing": "UPDATE_IN_PROGRESS",
    "failed": "CREATE_FAILED",
    "stopping": "DELETE_IN_PROGRESS",
    "gone": "DELETE_COMPLETE",
}


def _state(state: str, text: str | None = None) -> Piece:
    return of_state(_LOOKS[state], state if text is None else text)
