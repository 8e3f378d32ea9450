"""A directed acyclic graph of names. It knows nothing of stacks."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


class Dag:
    """Nodes, and for each the nodes that it comes after. Names that are not nodes are ignored as predecessors.

    Raises `ValueError`, which names the cycle, when there is one.
    """

    def __init__(self, after: Mapping[str, Iterable[str]]) -> None:
        self.after: dict[str, frozenset[str]] = {
            node: frozenset(name for name in names if name in after and name != node) for node, names in after.items()
        }
        before: dict[str, list[str]] = {node: [] for node in after}
        for node, names in self.after.items():
            for name in names:
                before[name].append(node)
        self.before: dict[str, tuple[str, ...]] = {node: tuple(names) for node, names in before.items()}
        try:
            self.order: tuple[str, ...] = tuple(TopologicalSorter(self.after).static_order())
        except CycleError as error:
            raise ValueError(" -> ".join(error.args[1])) from error

    def reversed(self) -> Dag:
        """The graph with every arrow turned round."""
        return Dag(self.before)

    def layers(self) -> list[list[str]]:
        """The nodes by the length of the longest path that leads to them."""
        depth: dict[str, int] = {}
        for node in self.order:
            depth[node] = max((depth[name] + 1 for name in self.after[node]), default=0)
        found: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
        for node in self.after:
            found[depth[node]].append(node)
        return found

    def critical_path(self, weight: Callable[[str], float]) -> tuple[float, tuple[str, ...]]:
        """The longest path by the sum of its nodes' weights: the least time in which all can be done."""
        best: dict[str, tuple[float, str | None]] = {}
        for node in self.order:
            length, via = max(((best[name][0], name) for name in self.after[node]), default=(0.0, None))
            best[node] = (length + weight(node), via)
        if not best:
            return 0.0, ()
        path: list[str] = []
        at: str | None = max(best, key=lambda node: best[node][0])
        total = best[at][0] if at else 0.0
        while at is not None:
            path.append(at)
            at = best[at][1]
        return total, tuple(reversed(path))
