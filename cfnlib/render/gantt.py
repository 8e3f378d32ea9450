"""What ran when, beside the critical path.

The first lane lays the steps of the critical path end to end: what the work would take with nothing else in the way.
Below it, a bar for each thing that was made, from its beginning to its end; those on the critical path are marked.
Members of a group, when they are many, share a row.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from math import floor, log10
from typing import TYPE_CHECKING

from attrs import frozen

from cfnlib.render.looks import MOST_TELLING, clock_text, look
from cfnlib.render.svg import box_at, clean, fitted, sheet, text_at, text_width

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FOLD_ABOVE = 12

_ROW = 24.0
_BAR = 14.0
_MARGIN = 20.0
_CHART = 660.0
_TEXT = 76.0
_LEAST_LABEL, _MOST_LABEL = 90.0, 260.0
_MARK = "◆ "


@frozen
class Bar:
    """One thing that was done. `end_s` None: it is not done yet. Times are seconds from any common beginning."""

    key: str
    label: str
    start_s: float
    end_s: float | None
    state: str = ""
    group: str | None = None

    def length_s(self, now_s: float) -> float:
        """How long it took, or has been taking until now."""
        return max((now_s if self.end_s is None else self.end_s) - self.start_s, 0.0)


@frozen
class _Row:
    label: str
    bars: tuple[Bar, ...]
    critical: bool

    @property
    def start_s(self) -> float:
        return min(bar.start_s for bar in self.bars)


def gantt_svg(
    bars: Iterable[Bar], critical_path: Sequence[str] = (), *, title: str = "", now_s: float | None = None
) -> str:
    """Draw bars as a standalone SVG. `critical_path` are keys of bars, first to last.

    `now_s` is where bars without an end are cut; None means the latest time that is known.
    """
    bars = list(bars)
    if not bars:
        return sheet(320, 80, title or "nothing", [text_at(_MARGIN, 46, f"{title}: nothing was done", "muted")])
    begin_s = min(bar.start_s for bar in bars)
    known = [bar.start_s if bar.end_s is None else bar.end_s for bar in bars]
    end_s = max([*known, *([now_s] if now_s is not None and any(bar.end_s is None for bar in bars) else [])])
    critical = [bar for key in critical_path for bar in bars if bar.key == key]
    rows = _rows(bars, set(critical_path))
    labels = max(text_width(row.label, 12, bold=row.critical) + 18 * row.critical for row in rows) + 16
    left = _MARGIN + min(max(labels, _LEAST_LABEL), _MOST_LABEL)
    scale = _CHART / max(end_s - begin_s, 0.001)
    top = _MARGIN + (38 if title else 8)
    lanes = len(rows) + (1.5 if critical else 0)
    bottom = top + lanes * _ROW
    parts = [text_at(_MARGIN, _MARGIN + 12, title, "heading")] if title else []
    parts += _axis(left, top - 6, bottom, end_s - begin_s, scale)
    y = top
    if critical:
        parts += _critical_lane(critical, left, y, scale, end_s)
        y += _ROW * 1.5
    places: dict[str, tuple[float, float, float]] = {}
    drawn = []
    for row in rows:
        drawn.append(_row(row, left, y, begin_s, end_s, scale))
        for bar in row.bars:
            x = left + (bar.start_s - begin_s) * scale
            places[bar.key] = (x, x + max(bar.length_s(end_s) * scale, 3.0), y + _ROW / 2)
        y += _ROW
    parts += [*_links([places[bar.key] for bar in critical]), *drawn]
    return sheet(left + _CHART + _TEXT + _MARGIN, bottom + 26 + _MARGIN, title or "what ran when", parts)


def _rows(bars: Sequence[Bar], critical: set[str]) -> list[_Row]:
    groups: dict[str, list[Bar]] = defaultdict(list)
    for bar in bars:
        if bar.group is not None:
            groups[bar.group].append(bar)
    large = {name: members for name, members in groups.items() if len(members) > FOLD_ABOVE}
    found = [_Row(bar.label, (bar,), bar.key in critical) for bar in bars if bar.group not in large]
    for name, members in large.items():
        label = f"{name} ×{len(members)}"  # noqa: RUF001 - the sign for times is meant
        found.append(_Row(label, tuple(members), any(bar.key in critical for bar in members)))
    return sorted(found, key=lambda row: row.start_s)


def _axis(left: float, top: float, bottom: float, total_s: float, scale: float) -> list[str]:
    step_s = _step(total_s)
    parts = []
    number = 0
    while number * step_s <= total_s * 1.0001:
        x = left + number * step_s * scale
        parts.append(f'<line x1="{x:.1f}" y1="{top:.1f}" x2="{x:.1f}" y2="{bottom + 4:.1f}" class="grid"/>')
        parts.append(text_at(x, bottom + 20, _tick(number * step_s, step_s), "small muted", anchor="middle"))
        number += 1
    return parts


def _step(total_s: float) -> float:
    """A round distance of the marks: some five to ten of them."""
    rough = max(total_s, 0.001) / 8
    if rough > 20:
        return next(
            (step for step in (30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400) if step >= rough), 86400.0
        )
    size = 10.0 ** floor(log10(rough))
    return next(factor * size for factor in (1, 2, 5, 10) if factor * size >= rough)


def _tick(at_s: float, step_s: float) -> str:
    if step_s >= 30:
        return clock_text(at_s) if at_s else "0"
    digits = max(0, -floor(log10(step_s)))
    return f"{at_s:.{digits}f} s" if at_s else "0"


def _critical_lane(critical: Sequence[Bar], left: float, y: float, scale: float, now_s: float) -> list[str]:
    total_s = sum(bar.length_s(now_s) for bar in critical)
    parts = [text_at(left - 10, y + 16, "critical path", "name", anchor="end")]
    x = left
    for bar in critical:
        width = bar.length_s(now_s) * scale
        told = f"<title>{clean(f'{bar.label}: {clock_text(bar.length_s(now_s))}')}</title>"
        parts.append(f"<g>{told}{box_at(x, y + 4, max(width - 1, 1.0), _BAR + 3, 'working', radius=2)}")
        inner = fitted(bar.label, width - 10, 11)
        if width > 34 and inner != "…":
            parts.append(text_at(x + 5, y + 16.5, inner, "small working-ink"))
        parts.append("</g>")
        x += width
    parts.append(text_at(x + 6, y + 16, clock_text(total_s), "small name"))
    return parts


def _row(row: _Row, left: float, y: float, begin_s: float, now_s: float, scale: float) -> str:
    looks = [look(bar.state) for bar in row.bars]
    told = min(looks, key=lambda one: MOST_TELLING.index(one.tone))
    start = row.start_s
    end = max(bar.start_s + bar.length_s(now_s) for bar in row.bars)
    x, width = left + (start - begin_s) * scale, max((end - start) * scale, 3.0)
    words = Counter(one.word for one in looks)
    said = ", ".join(f"{count} {word}" for word, count in words.most_common()) if len(row.bars) > 1 else told.word
    name = (_MARK if row.critical else "") + row.label
    bold = "name" if row.critical else ""
    spoken = f"{row.label}: {said}, from {clock_text(start - begin_s)} for {clock_text(end - start)}"
    parts = [
        f"<title>{clean(spoken)}</title>",
        text_at(left - 10, y + 16, fitted(name, _MOST_LABEL - 10, 12, bold=row.critical), bold, anchor="end"),
    ]
    if len(row.bars) == 1:
        parts.append(box_at(x, y + 5, width, _BAR, f"{told.tone.value}{' hot' if row.critical else ''}", radius=3))
    else:
        parts.append(box_at(x, y + 5, width, _BAR, told.tone.value, radius=3))
        parts += _density(row, x, y, begin_s, now_s, scale, left)
    note = f"{told.symbol} {clock_text(end - start)}"
    parts.append(text_at(x + width + 6, y + 16, note, f"small {told.tone.value}-ink"))
    return f"<g>{''.join(parts)}</g>"


def _density(row: _Row, x: float, y: float, begin_s: float, now_s: float, scale: float, left: float) -> list[str]:
    """How many of a row's things were under way at once, as heights inside their common bar."""
    changes: Counter[int] = Counter()
    for bar in row.bars:
        first = int((bar.start_s - begin_s) * scale)
        last = max(int((bar.start_s + bar.length_s(now_s) - begin_s) * scale), first + 1)
        changes[first] += 1
        changes[last] -= 1
    steps: list[tuple[float, int]] = []
    most = count = 0
    for at in sorted(changes):
        count += changes[at]
        most = max(most, count)
        steps.append((max(left + at, x), count))
    if most == 0:
        return []
    floor_y = y + 5 + _BAR - 1
    path = [f"M{steps[0][0]:.1f} {floor_y:.1f}"]
    for place, many in steps:
        path.append(f"H{place:.1f}V{floor_y - many / most * (_BAR - 3):.1f}")
    tone = min((look(bar.state).tone for bar in row.bars), key=MOST_TELLING.index)
    return [f'<path d="{"".join(path)}V{floor_y:.1f}Z" class="{tone.value}-bar" fill-opacity="0.55"/>']


def _links(places: Sequence[tuple[float, float, float]]) -> list[str]:
    """From the end of each step of the critical path to the beginning of the next."""
    parts = []
    for (_, end, y), (start, _, next_y) in pairwise(places):
        if abs(next_y - y) < 1:
            continue
        down = 1 if next_y > y else -1
        foot = next_y - down * (_BAR / 2 + 1)
        x = max(start + 4, min(end, start + 4))
        parts.append(f'<path d="M{end:.1f} {y + down * (_BAR / 2):.1f}L{x:.1f} {foot - down * 5:.1f}" class="edge"/>')
        parts.append(f'<path d="M{x:.1f} {foot:.1f}l-4 {-down * 7}h8z" class="tip"/>')
    return parts
