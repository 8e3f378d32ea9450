"""Where the boxes of a layered drawing stand, and the way of each arrow between them.

The steps are those of Sugiyama's method: a node's column is the length of the longest path that leads to it; an arrow
over several columns gets a place in each of them; each column is ordered by the mean places of its neighbours, to and
fro, and the order with the fewest crossings is kept; then the heights are fitted. The fit is exact: the heights that
are nearest to the neighbours' means (least squares) and keep the order and the distances are those of an isotonic
regression, which merging neighbours that want to pass each other finds in one pass.

Arrows that others imply (A to C beside A to B to C) are left out: they say nothing and cross everything.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Edge = tuple[str, str]

_SWEEPS = 12
_FITS = 11
_MANY = 4000


class Slot(NamedTuple):
    """Something with a place in a column: a node, or (with `number` > 0) where an arrow passes through."""

    name: str
    number: int = 0


class Layout(NamedTuple):
    """Column and height (of the middle) of each node, and for each arrow the heights where it passes columns.

    `passes` holds (column, height) for the columns strictly between the ends of the arrow.
    """

    columns: dict[str, int]
    heights: dict[str, float]
    passes: dict[tuple[str, str], list[tuple[int, float]]]


def lay_out(names: Sequence[str], edges: Iterable[Edge], *, spacing: float, thin: float) -> Layout:
    """Lay out a graph. `spacing` is the least distance of two nodes in a column, `thin` that of arrows that pass.

    Edges to names that are not there are ignored. Raises `ValueError` when there is a cycle.
    """
    after = _after(names, edges)
    order = topological(after)
    columns: dict[str, int] = {}
    for name in order:
        columns[name] = max((columns[one] + 1 for one in after[name]), default=0)
    lean = reduced(after, order)
    kept = [(one, name) for name in names for one in lean[name]]
    chains: dict[Edge, list[Slot]] = {}
    grid: list[list[Slot]] = [[] for _ in range(max(columns.values(), default=-1) + 1)]
    for name in names:
        grid[columns[name]].append(Slot(name))
    neighbours: dict[Slot, tuple[list[Slot], list[Slot]]] = defaultdict(lambda: ([], []))
    for number, (first, last) in enumerate(kept, 1):
        chain = [Slot(first)]
        for column in range(columns[first] + 1, columns[last]):
            slot = Slot(f"{column}", number)
            grid[column].append(slot)
            chain.append(slot)
        chain.append(Slot(last))
        chains[first, last] = chain
        for left, right in pairwise(chain):
            neighbours[left][1].append(right)
            neighbours[right][0].append(left)
    _put_in_order(grid, neighbours)
    heights = _fit(grid, neighbours, spacing, thin)
    return Layout(
        columns,
        {name: heights[Slot(name)] for name in names},
        {
            edge: [(columns[edge[0]] + step, heights[slot]) for step, slot in enumerate(chain) if slot.number]
            for edge, chain in chains.items()
        },
    )


def topological(after: Mapping[str, Iterable[str]]) -> list[str]:
    """The names so that each comes after those it names. Raises `ValueError` when there is a cycle."""
    missing = {name: len(set(before)) for name, before in after.items()}
    followers: dict[str, list[str]] = {name: [] for name in after}
    for name, before in after.items():
        for one in set(before):
            followers[one].append(name)
    order = [name for name, count in missing.items() if not count]
    for name in order:
        for one in followers[name]:
            missing[one] -= 1
            if not missing[one]:
                order.append(one)  # the list is the queue that is being read
    if len(order) < len(missing):
        raise ValueError("the graph has a cycle")
    return order


def reduced(after: Mapping[str, Iterable[str]], order: Sequence[str]) -> dict[str, list[str]]:
    """The graph without the edges that others imply. Sets of ancestors are kept as bits of one number a node."""
    bit = {name: 1 << number for number, name in enumerate(order)}
    above: dict[str, int] = {}
    found: dict[str, list[str]] = {}
    for name in order:
        before = list(after[name])
        implied = 0
        for one in before:
            implied |= above[one]
        found[name] = [one for one in before if not implied & bit[one]]
        above[name] = implied
        for one in before:
            above[name] |= bit[one]
    return found


def _after(names: Sequence[str], edges: Iterable[Edge]) -> dict[str, list[str]]:
    after: dict[str, dict[str, None]] = {name: {} for name in names}
    for first, last in edges:
        if first != last and first in after and last in after:
            after[last][first] = None
    return {name: list(before) for name, before in after.items()}


# Order


def _put_in_order(grid: list[list[Slot]], neighbours: Mapping[Slot, tuple[list[Slot], list[Slot]]]) -> None:
    sweeps = _SWEEPS if sum(map(len, grid)) < _MANY else 2
    best, fewest = [list(column) for column in grid], _crossings(grid, neighbours)
    for sweep in range(sweeps):
        side = sweep % 2
        numbers = range(1, len(grid)) if side == 0 else range(len(grid) - 2, -1, -1)
        for number in numbers:
            place = {slot: index for index, slot in enumerate(grid[number - 1 if side == 0 else number + 1])}
            own = {slot: index for index, slot in enumerate(grid[number])}
            grid[number].sort(key=lambda slot: (_mean(neighbours[slot][side], place, own[slot]), own[slot]))
        count = _crossings(grid, neighbours)
        if count < fewest:
            best, fewest = [list(column) for column in grid], count
    grid[:] = best


def _mean(slots: Sequence[Slot], place: Mapping[Slot, int], otherwise: int) -> float:
    return sum(place[slot] for slot in slots) / len(slots) if slots else float(otherwise)


def _crossings(grid: Sequence[Sequence[Slot]], neighbours: Mapping[Slot, tuple[list[Slot], list[Slot]]]) -> int:
    """How many pairs of arrows cross, counted column by column with a tree of sums."""
    count = 0
    for left, right in pairwise(grid):
        place = {slot: index for index, slot in enumerate(right)}
        sums = [0] * (len(right) + 1)
        seen = 0
        for slot in left:
            ends = sorted(place[one] for one in neighbours[slot][1])
            for end in ends:
                index, below = end + 1, 0
                while index:
                    below += sums[index]
                    index &= index - 1
                count += seen - below
            for end in ends:
                seen += 1
                index = end + 1
                while index <= len(right):
                    sums[index] += 1
                    index += index & -index
    return count


# Heights


def _fit(
    grid: Sequence[Sequence[Slot]],
    neighbours: Mapping[Slot, tuple[list[Slot], list[Slot]]],
    spacing: float,
    thin: float,
) -> dict[Slot, float]:
    gaps = [_gaps(column, spacing, thin) for column in grid]
    heights: dict[Slot, float] = {}
    for column, gap in zip(grid, gaps, strict=True):
        total = sum(gap)
        at = -total / 2
        for slot, step in zip(column, [0.0, *gap], strict=False):
            at += step
            heights[slot] = at
    for turn in range(_FITS):
        numbers = range(len(grid)) if turn % 2 == 0 else range(len(grid) - 1, -1, -1)
        for number in numbers:
            column = grid[number]
            wanted, weights = [], []
            for slot in column:
                near = [one for side in neighbours[slot] for one in side]
                wanted.append(sum(heights[one] for one in near) / len(near) if near else heights[slot])
                weights.append(0.2 if not near else 4.0 if slot.number else 1.0)
            heights.update(zip(column, spread(wanted, weights, gaps[number]), strict=True))
    lowest = min(heights.values(), default=0.0)
    return {slot: height - lowest for slot, height in heights.items()}


def _gaps(column: Sequence[Slot], spacing: float, thin: float) -> list[float]:
    return [
        thin
        if first.number and second.number
        else spacing
        if not (first.number or second.number)
        else (spacing + thin) / 2
        for first, second in pairwise(column)
    ]


def spread(wanted: Sequence[float], weights: Sequence[float], gaps: Sequence[float]) -> list[float]:
    """The places nearest to the wanted ones (weighted least squares) that keep the order and the gaps.

    `gaps[n]` is the least distance of places n and n + 1.
    """
    offsets = [0.0]
    for gap in gaps:
        offsets.append(offsets[-1] + gap)
    blocks: list[tuple[float, float, int]] = []  # mean, weight, how many
    for value, weight, offset in zip(wanted, weights, offsets, strict=False):
        mean, total, count = value - offset, weight, 1
        while blocks and blocks[-1][0] >= mean:
            before, heavy, many = blocks.pop()
            mean = (before * heavy + mean * total) / (heavy + total)
            total += heavy
            count += many
        blocks.append((mean, total, count))
    means = [mean for mean, _, count in blocks for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=False)]
