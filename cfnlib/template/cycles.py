"""Cycles in a graph of names, each told once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cfnlib.diagnostic import Span


def find_cycles(edges: Mapping[str, Mapping[str, Span]]) -> list[tuple[list[str], Span]]:
    """The cycles of a graph, as the names in order (the first repeated at the end) and the place of the first edge.

    `edges` maps a name to the names it needs and the places where it says so. A name stands in one reported cycle at
    most, so that a knot of many cycles is one report to untie and not dozens.
    """
    found = []
    reported: set[str] = set()
    done: set[str] = set()
    for root in edges:
        if root in done:
            continue
        trail: list[str] = []
        position: dict[str, int] = {}
        waiting: list[tuple[str, Iterator[str]]] = []

        def enter(
            name: str,
            trail: list[str] = trail,
            position: dict[str, int] = position,
            waiting: list[tuple[str, Iterator[str]]] = waiting,
        ) -> None:
            position[name] = len(trail)
            trail.append(name)
            waiting.append((name, iter(edges.get(name, ()))))

        enter(root)
        while waiting:
            name, rest = waiting[-1]
            for needed in rest:
                if needed in position:
                    cycle = trail[position[needed] :]
                    if not reported.intersection(cycle):
                        reported.update(cycle)
                        found.append(_in_order(cycle, edges))
                elif needed not in done:
                    enter(needed)
                    break
            else:
                waiting.pop()
                trail.pop()
                del position[name]
                done.add(name)
    return found


def _in_order(cycle: list[str], edges: Mapping[str, Mapping[str, Span]]) -> tuple[list[str], Span]:
    """Begin a cycle with the edge that stands first in the text."""
    spans = [edges[name][cycle[(index + 1) % len(cycle)]] for index, name in enumerate(cycle)]
    first = spans.index(min(spans))
    return [*cycle[first:], *cycle[:first], cycle[first]], spans[first]
