"""A stored plan as the changes of a change set.

Source: AWS CloudFormation API reference, ResourceChange: Replacement is True, False or Conditional; a value that is
known only when the change set is carried out is Dynamic.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ACTIONS = {"create": "Add", "update": "Modify", "replace": "Modify", "remove": "Remove", "forget": "Remove"}
_RECREATION = {"no interruption": "Never", "some interruptions": "Never", "replacement": "Always"}
_AFTERWARDS = "{{changeSet:KNOWN_AFTER_APPLY}}"


def changes_of(summary: Sequence[Mapping[str, Any]], *, values: bool = False) -> list[dict[str, Any]]:
    """The changes of a stored summary (`Action.as_dict` of each); `values` shows what was and what will be."""
    replaced = {item["logical_id"] for item in summary if item["operation"] == "replace"}
    return [
        {"Type": "Resource", "ResourceChange": _change(item, values=values)}
        for item in summary
        if item["operation"] in _ACTIONS
        and not (item["operation"] in {"remove", "forget"} and item["logical_id"] in replaced)
    ]


def _change(item: Mapping[str, Any], *, values: bool) -> dict[str, Any]:
    unknown = set(item.get("known_after_creation", ()))
    found: dict[str, Any] = {
        "Action": _ACTIONS[item["operation"]],
        "LogicalResourceId": item["logical_id"],
        "PhysicalResourceId": item.get("physical_id"),
        "ResourceType": item["type"],
        "Scope": [],
        "Details": [],
    }
    if item["operation"] in {"update", "replace"}:
        changes = item.get("changes", ())
        found["Scope"] = ["Properties"] if changes else []
        found["Details"] = [_detail(change, unknown, values=values) for change in changes]
        found["Replacement"] = _replacement(item, unknown)
    if item["operation"] == "forget":
        found["PolicyAction"] = "Retain"
    elif item["operation"] == "remove":
        found["PolicyAction"] = "Delete"
    elif item["operation"] == "replace":
        found["PolicyAction"] = "ReplaceAndDelete"
    return found


def _replacement(item: Mapping[str, Any], unknown: set[str]) -> str:
    if item["operation"] == "update":
        return "False"
    causes = [change for change in item.get("changes", ()) if _RECREATION.get(change["update"]) == "Always"]
    guessed = bool(causes) and all(_name(change) in unknown for change in causes)
    return "Conditional" if guessed else "True"


def _name(change: Mapping[str, Any]) -> str:
    return str(change["path"]).partition(".")[0]


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _detail(change: Mapping[str, Any], unknown: set[str], *, values: bool) -> dict[str, Any]:
    name = _name(change)
    target: dict[str, Any] = {
        "Attribute": "Properties",
        "Name": name,
        "RequiresRecreation": _RECREATION.get(change["update"], "Conditionally"),
    }
    if values:
        target |= {
            "Path": "/Properties/" + str(change["path"]).replace(".", "/"),
            "BeforeValue": _text(change["before"]),
            "AfterValue": _AFTERWARDS if name in unknown else _text(change["after"]),
        }
    evaluation = "Dynamic" if name in unknown else "Static"
    return {"Target": target, "Evaluation": evaluation, "ChangeSource": "DirectModification"}
