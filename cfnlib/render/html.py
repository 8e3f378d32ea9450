"""Tables for notebooks: a stack with its resources and outputs, a plan with what it would do.

They carry their style in themselves and take the page's own ink, so they can be read on light and dark pages. What
comes in are the dicts that `Stack.as_dict` and `Plan.as_dict` give.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from cfnlib.render.looks import Look, Tone, look, short_type
from cfnlib.render.svg import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FOLD_ABOVE = 12
_MEMBER = re.compile(r"(.+)\[\d+\]")

_CHIPS = {
    Tone.GOOD: "#1f7a3f",
    Tone.WORKING: "#1f62b0",
    Tone.BAD: "#b3261e",
    Tone.GOING: "#8f5400",
    Tone.CHANGING: "#6b3fb5",
    Tone.QUIET: "#5b6472",
}
_TABLE = "border-collapse:collapse;margin:.3em 0;text-align:left"
_CELL = "padding:.15em .7em .15em 0;text-align:left;vertical-align:top"
_FAINT = "opacity:.72"


def stack_html(stack: Mapping[str, Any]) -> str:
    """A stack: its status, its resources (large groups folded) and its outputs."""
    parts = [f"<div><b>{clean(str(stack['name']))}</b> {_chip(str(stack['status']), spelled=True)}"]
    if stack.get("reason"):
        parts.append(f"<div>{clean(str(stack['reason']))}</div>")
    single, groups = _by_group(stack["resources"])
    heads = ("Resource", "Type", "Status", "Id", "Reason")
    parts.append(_table(heads, [_resource(row) for row in single]) if single else "")
    for name, rows in groups.items():
        counts = Counter(row["status"] for row in rows)
        chips = " ".join(f"{count} {_chip(status)}" for status, count in counts.most_common())
        size = f"{clean(name)} ×{len(rows)}"  # noqa: RUF001 - the sign for times is meant
        inner = _table(heads, [_resource(row) for row in rows])
        parts.append(f"<details><summary><b>{size}</b> {chips}</summary>{inner}</details>")
    if stack["outputs"]:
        outputs = [(f"<b>{clean(str(name))}</b>", _value(value)) for name, value in stack["outputs"].items()]
        parts.append(_table(("Output", "Value"), outputs))
    return "".join([*parts, "</div>"])


def plan_html(plan: Mapping[str, Any]) -> str:
    """A plan: what it does to each resource, and why. What stays as it is is only counted."""
    actions = [action for action in plan["actions"] if action["operation"] != "keep"]
    kept = len(plan["actions"]) - len(actions)
    counts = " ".join(f"{count} {_chip(name)}" for name, count in plan["counts"].items() if name != "keep")
    parts = [f"<div><b>{clean(str(plan['stack_name']))}</b> {counts or 'nothing to do'}"]
    single, groups = _by_group(actions)
    heads = ("", "Resource", "Type", "Why", "Changes")
    if single:
        parts.append(_table(heads, [_action(action) for action in single]))
    for name, members in groups.items():
        size = f"{clean(name)} ×{len(members)}"  # noqa: RUF001 - the sign for times is meant
        done = Counter(action["operation"] for action in members)
        chips = " ".join(f"{count} {_chip(operation)}" for operation, count in done.most_common())
        inner = _table(heads, [_action(action) for action in members])
        parts.append(f"<details><summary><b>{size}</b> {chips}</summary>{inner}</details>")
    if kept:
        parts.append(f'<div style="{_FAINT}">{kept} stay as they are</div>')
    for item in plan["diagnostics"]:
        place = f"{item['file']}:{item['line']}: " if item["file"] else ""
        parts.append(f"<div>{clean(place + item['code'] + ' ' + item['message'])}</div>")
    return "".join([*parts, "</div>"])


def _by_group(
    rows: Iterable[Mapping[str, Any]],
) -> tuple[list[Mapping[str, Any]], dict[str, list[Mapping[str, Any]]]]:
    """The rows that stand alone, and those of large groups. A member is called `Group[n]`."""
    rows = list(rows)
    sizes = Counter(_group(row) for row in rows)
    single: list[Mapping[str, Any]] = []
    groups: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        group = _group(row)
        (groups[group] if group and sizes[group] > FOLD_ABOVE else single).append(row)
    return single, groups


def _group(row: Mapping[str, Any]) -> str:
    """The group that a row is a member of by its logical id; empty when it is of none."""
    found = _MEMBER.fullmatch(str(row["logical_id"]))
    return found[1] if found else ""


def _resource(row: Mapping[str, Any]) -> Sequence[str]:
    return (
        f"<b>{clean(str(row['logical_id']))}</b>",
        clean(short_type(str(row["type"]))),
        _chip(str(row["status"])),
        f"<code>{clean(str(row['physical_id'] or ''))}</code>",
        clean(str(row.get("reason") or "")),
    )


def _action(action: Mapping[str, Any]) -> Sequence[str]:
    later = [name for name in action["known_after_creation"] if not name.startswith("_")]
    changes = []
    for change in action["changes"]:
        unknown = change["path"] in later
        after = f"<i style='{_FAINT}'>known later</i>" if unknown else f"<code>{_value(change['after'])}</code>"
        changes.append(f"{clean(change['path'])}: <code>{_value(change['before'])}</code> → {after}")
    rest = [name for name in later if name not in {change["path"] for change in action["changes"]}]
    if rest and action["operation"] != "create":
        changes.append(f"<i style='{_FAINT}'>known later: {clean(', '.join(rest))}</i>")
    return (
        _chip(str(action["operation"])),
        f"<b>{clean(str(action['logical_id']))}</b>",
        clean(short_type(str(action["type"]))),
        clean(str(action["reason"])),
        "<br>".join(changes),
    )


def _chip(state: str, *, spelled: bool = False) -> str:
    """A state as symbol and word on its colour; `spelled` gives CloudFormation's own word."""
    one: Look = look(state)
    style = f"background:{_CHIPS[one.tone]};color:#fff;border-radius:.6em;padding:0 .5em;white-space:nowrap"
    return f'<span style="{style}" title="{clean(state)}">{one.symbol} {clean(state if spelled else one.word)}</span>'


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table without the columns in which nothing stands."""
    rows = list(rows)
    used = [index for index in range(len(heads)) if any(row[index] not in {"", "<code></code>"} for row in rows)]
    head = "".join(f'<th style="{_CELL};{_FAINT}">{clean(heads[index])}</th>' for index in used)
    body = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{row[index]}</td>' for index in used) + "</tr>" for row in rows
    )
    return f'<table style="{_TABLE}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _value(value: object) -> str:
    if value is None:
        return "∅"
    text = str(value)
    if isinstance(value, str) and text.startswith(("http://", "https://")):
        return f'<a href="{clean(text)}">{clean(text)}</a>'
    return clean(text if len(text) <= 200 else f"{text[:200]}…")
