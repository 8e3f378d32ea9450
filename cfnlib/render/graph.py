"""The drawing of a graph: what stands on what, and how it is.

Time goes to the right: what stands in one column may be made at the same time. Many nodes that are alike (the members
of a group; things of one type with the same neighbours) become one box, which says how many of them are how.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

from cfnlib.render.layers import lay_out, topological
from cfnlib.render.looks import MOST_TELLING, Look, Tone, look, short_type
from cfnlib.render.svg import box_at, clean, fitted, sheet, text_at, text_width

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FOLD_ABOVE = 12
"""More alike nodes than this become one box."""

_HEIGHT = 44.0
_GAP = 14.0
_BETWEEN = 76.0
_MARGIN = 20.0
_NARROWEST, _WIDEST = 120.0, 236.0
_NAMED = 20


@frozen
class Node:
    """A box: `label` is its name, `kind` what it is, `state` a status or what a plan does with it.

    `group` is the key of the group that the node is a member of. `detail` is shown when the pointer rests on the box.
    `states` is for a folded box: how many nodes of each state it stands for; `count` says how many in all.
    """

    key: str
    label: str
    kind: str = ""
    state: str = ""
    group: str | None = None
    detail: str = ""
    states: Mapping[str, int] = field(factory=dict)
    count: int = 1

    @property
    def look(self) -> Look:
        """How the box looks; a folded one as the most telling of its nodes."""
        if not self.states:
            return look(self.state)
        looks = [look(state) for state in self.states]
        return min(looks, key=lambda one: MOST_TELLING.index(one.tone))

    @property
    def state_text(self) -> str:
        """The state in words: `created`; `998 created, 2 failed`."""
        if not self.states:
            return self.look.word
        words: Counter[str] = Counter()
        for state, count in self.states.items():
            words[look(state).word] += count
        return (
            ", ".join(f"{count} {word}" for word, count in words.most_common())
            if len(words) > 1
            else f"all {next(iter(words))}"
        )


def graph_svg(
    nodes: Sequence[Node], edges: Iterable[tuple[str, str]], *, title: str = "", fold_above: int = FOLD_ABOVE
) -> str:
    """Draw a graph as a standalone SVG. `edges` go from what is made first to what is made after it.

    Edges to keys that are not there are left out, and so are those that others imply. Raises `ValueError` when there
    is a cycle.
    """
    nodes, pairs = folded(nodes, list(edges), fold_above)
    by_key = {node.key: node for node in nodes}
    layout = lay_out(list(by_key), pairs, spacing=_HEIGHT + _GAP, thin=_GAP)
    widths: dict[int, float] = defaultdict(float)
    for node in nodes:
        widths[layout.columns[node.key]] = max(widths[layout.columns[node.key]], _width(node))
    lefts: dict[int, float] = {}
    at = _MARGIN
    for column in sorted(widths):
        lefts[column] = at
        at += widths[column] + _BETWEEN
    top = _MARGIN + (34.0 if title else 4.0)
    legend = _legend(nodes)
    wide = max(
        at - _BETWEEN + _MARGIN, _MARGIN * 2 + sum(width for _, width in legend), _MARGIN * 2 + text_width(title, 14)
    )
    middle = top + _HEIGHT / 2
    parts = [text_at(_MARGIN, _MARGIN + 12, title, "heading")] if title else []
    for (first, last), passes in layout.passes.items():
        points = [(lefts[layout.columns[first]] + widths[layout.columns[first]], middle + layout.heights[first])]
        for column, height in passes:
            points += [(lefts[column], middle + height), (lefts[column] + widths[column], middle + height)]
        points.append((lefts[layout.columns[last]], middle + layout.heights[last]))
        parts.append(_arrow(points))
    for node in nodes:
        column = layout.columns[node.key]
        parts.append(_box(node, lefts[column], top + layout.heights[node.key], widths[column]))
    below = top + max(layout.heights.values(), default=-_HEIGHT) + _HEIGHT + 18
    x = _MARGIN
    for part, width in legend:
        parts.append(f'<g transform="translate({x:.1f} {below:.1f})">{part}</g>')
        x += width
    if not nodes:
        parts.append(text_at(_MARGIN, below, "nothing", "muted"))
    return sheet(wide, below + 16 + _MARGIN, title or f"{len(nodes)} boxes", parts)


def folded(
    nodes: Sequence[Node], edges: Sequence[tuple[str, str]], above: int = FOLD_ABOVE
) -> tuple[list[Node], list[tuple[str, str]]]:
    """The graph with every large set of alike nodes made one node.

    A group's own node becomes one with its members where that leaves no cycle.
    """
    sets: dict[object, list[Node]] = defaultdict(list)
    before: dict[str, set[str]] = defaultdict(set)
    behind: dict[str, set[str]] = defaultdict(set)
    for first, last in edges:
        before[last].add(first)
        behind[first].add(last)
    for node in nodes:
        alike = (node.kind, frozenset(before[node.key]), frozenset(behind[node.key]))
        sets[node.group if node.group is not None else alike].append(node)
    own = {node.key: node for node in nodes}
    into: dict[str, str] = {}
    made: dict[str, Node] = {}
    for name, members in sets.items():
        if len(members) <= above:
            continue
        group = own.get(name) if isinstance(name, str) else None
        one = _folded(members, group)
        inner = {node.key: one.key for node in members}
        if group is not None and _acyclic(own, edges, {**into, **inner, group.key: one.key}):
            inner[group.key] = one.key
            one = evolve(one, kind=group.kind)
        into |= inner
        made[one.key] = one
    found: dict[str, Node] = {}
    for node in nodes:
        key = into.get(node.key, node.key)
        found.setdefault(key, made.get(key, node))
    pairs = dict.fromkeys((into.get(first, first), into.get(last, last)) for first, last in edges)
    return list(found.values()), [pair for pair in pairs if pair[0] != pair[1]]


def _folded(members: Sequence[Node], group: Node | None) -> Node:
    states = Counter(node.state for node in members)
    label = group.label if group is not None else members[0].group or _shared_name([node.label for node in members])
    bad = [f"{node.label}: {look(node.state).word}" for node in members if look(node.state).tone is Tone.BAD]
    named = [*bad[:_NAMED], *([f"and {len(bad) - _NAMED} more"] if len(bad) > _NAMED else [])]
    return Node(
        key=f"{members[0].key} and alike",
        label=f"{label} ×{len(members)}",  # noqa: RUF001 - the sign for times is meant
        kind=members[0].kind,
        detail="\n".join(named),
        states=states,
        count=len(members),
    )


def _shared_name(labels: Sequence[str]) -> str:
    """What names have in common: `Worker*` of Worker1, Worker2; the first name and an ellipsis else."""
    first, last = min(labels), max(labels)
    length = next(
        (index for index, (one, two) in enumerate(zip(first, last, strict=False)) if one != two), len(first)
    )
    shared = re.sub(r"[\d\[_-]+$", "", first[:length])
    return f"{shared}*" if shared else f"{first}…"


def _acyclic(own: Mapping[str, Node], edges: Iterable[tuple[str, str]], into: Mapping[str, str]) -> bool:
    after: dict[str, set[str]] = {into.get(key, key): set() for key in own}
    for first, last in edges:
        one, two = into.get(first, first), into.get(last, last)
        if one != two and one in after and two in after:
            after[two].add(one)
    try:
        topological(after)
    except ValueError:
        return False
    return True


# Drawing


def _width(node: Node) -> float:
    name = text_width(node.label, 12, bold=True) + 34
    below = text_width(_second_line(node), 11) + 22
    return min(max(name, below, _NARROWEST), _WIDEST)


def _second_line(node: Node) -> str:
    return node.state_text if node.count > 1 or not node.kind else f"{short_type(node.kind)} · {node.state_text}"


def _box(node: Node, x: float, y: float, width: float) -> str:
    tone = node.look.tone.value
    dashed = " dashed" if node.look.tone is Tone.QUIET else ""
    told = "\n".join(part for part in (f"{node.label} ({node.kind})", node.state_text, node.detail) if part)
    parts = [f"<title>{clean(told)}</title>"]
    if node.count > 1:
        parts += [box_at(x + offset, y + offset, width, _HEIGHT, tone) for offset in (6.0, 3.0)]
    parts.append(box_at(x, y, width, _HEIGHT, tone + dashed))
    parts.append(text_at(x + 10, y + 18, node.look.symbol, f"name {tone}-ink"))
    parts.append(text_at(x + 26, y + 18, fitted(node.label, width - 34, 12, bold=True), "name"))
    room = width - 20
    kind = _kind(node, room - text_width(node.state_text, 11))
    shown = fitted(node.state_text, room - text_width(kind, 11), 11)
    spans = (f'<tspan class="muted">{clean(kind)}</tspan>' if kind else "") + (
        f'<tspan class="{tone}-ink">{clean(shown)}</tspan>'
    )
    parts.append(f'<text x="{x + 10:.1f}" y="{y + 35:.1f}" class="small" xml:space="preserve">{spans}</text>')
    return f"<g>{''.join(parts)}</g>"


def _kind(node: Node, room: float) -> str:
    """What the node is, before its state: as much of the type's name as there is room for."""
    if node.count > 1 or not node.kind:
        return ""
    for name in (short_type(node.kind), node.kind.rpartition("::")[2]):
        if text_width(f"{name} · ", 11) <= room:
            return f"{name} · "
    return fitted(f"{node.kind.rpartition('::')[2]} · ", max(room, 0.0), 11)


def _arrow(points: Sequence[tuple[float, float]]) -> str:
    """A smooth line through the points, level at each of them, with a tip at the end."""
    (x, y), rest = points[0], points[1:]
    steps = [f"M{x:.1f} {y:.1f}"]
    end_x, end_y = rest[-1]
    for index, (next_x, next_y) in enumerate(rest):
        to_x = next_x - 6 if index == len(rest) - 1 else next_x
        if abs(next_y - y) < 0.05:
            steps.append(f"L{to_x:.1f} {next_y:.1f}")
        else:
            half = (x + to_x) / 2
            steps.append(f"C{half:.1f} {y:.1f} {half:.1f} {next_y:.1f} {to_x:.1f} {next_y:.1f}")
        x, y = next_x, next_y
    tip = f"M{end_x:.1f} {end_y:.1f}l-8 -4v8z"
    return f'<path d="{"".join(steps)}" class="edge"/><path d="{tip}" class="tip"/>'


def _legend(nodes: Iterable[Node]) -> list[tuple[str, float]]:
    """What the tones mean, of those that occur: each as drawing and width."""
    seen: dict[tuple[Tone, str, str], int] = defaultdict(int)
    for node in nodes:
        for state, count in (node.states or {node.state: 1}).items():
            one = look(state)
            seen[one.tone, one.symbol, one.word] += count
    found = []
    for (tone, symbol, word), count in seen.items():
        text = f"{symbol} {word} ({count})"
        part = box_at(0, 0, 12, 12, tone.value, radius=3) + text_at(18, 10.5, text, f"small {tone.value}-ink")
        found.append((part, text_width(text, 11) + 40))
    return found
