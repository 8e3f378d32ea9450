"""A recorded scenario as data: calls whose ids are symbols, and the shape of what was answered.

A *shape* is a mapping from path to JSON type: ``{"zone[].id": "string"}``; the elements of a list share one path. An
id that appeared in an answer is written in later calls as ``{"step": 3, "path": ["zone", 0, "id"]}``: the value which
stood at that path in the answer to step 3. A replay looks the value up in its own answers, so that a scenario can be
played against any cloud of the same make.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterator

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# Fields whose inner keys are data, not structure: the shape stops at them.
FREE_FORM = frozenset(
    {"details", "resourcedetails", "storagecapabilities", "params", "otherdeployparams", "counterparam"}
)
# Who made the call is not recorded (keys were removed); these are the calls not made by the root admin.
CALLERS: dict[str, dict[str, tuple[int, ...]]] = {
    "s11_accounts_limits_jobs": {"alice": (7, 8, 9, 10, 18, 19, 21, 23, 25, 26, 29, 30)},
}


class Exchange(NamedTuple):
    """One request and its answer. `body` is the parsed answer, None where it is neither JSON nor XML."""

    method: str
    path: str
    parameters: dict[str, str]
    status: int
    content_type: str
    text: str
    body: Any


def exchange(interaction: dict[str, Any]) -> Exchange:
    """Read one interaction of a vcrpy cassette."""
    request, response = interaction["request"], interaction["response"]
    url = urlsplit(request["uri"])
    query = request["body"] or url.query
    text = response["body"]["string"]
    headers = {name.lower(): value[0] for name, value in response["headers"].items()}
    kind = headers.get("content-type", "")
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    for secret in ("apiKey", "signature"):
        parameters.pop(secret, None)
    return Exchange(
        request["method"], url.path, parameters, response["status"]["code"], kind, text, parsed(kind, text)
    )


def parsed(content_type: str, text: str) -> Any:  # noqa: ANN401 (any JSON value)
    """The answer as JSON values; XML becomes nested dicts of lists of strings."""
    if "json" in content_type:
        return json.loads(text)
    if "xml" in content_type:
        root = ET.fromstring(text)  # noqa: S314 (a recording, or the simulator's own answer)
        return {root.tag: _element(root)}
    return None


def _element(element: ET.Element) -> Any:  # noqa: ANN401 (a string or nested dicts)
    if not len(element):
        return element.text or ""
    found: dict[str, list[Any]] = {}
    for child in element:
        found.setdefault(child.tag, []).append(_element(child))
    return found


def shape_of(value: object, path: str = "") -> dict[str, str]:
    """The field paths of an answer and the JSON type at each. An empty list is `empty`, joined types are `a|b`."""
    shape: dict[str, set[str]] = {}
    for at, kind in _walk(value, path):
        shape.setdefault(at, set()).add(kind)
    for at, kinds in shape.items():
        if len(kinds) > 1:
            kinds.discard("empty")
            if kinds >= {"integer", "number"}:
                kinds.discard("integer")
        shape[at] = kinds
    return {at: "|".join(sorted(kinds)) for at, kinds in sorted(shape.items())}


def _walk(value: object, path: str) -> Iterator[tuple[str, str]]:
    name = path.rpartition(".")[2]
    if isinstance(value, dict):
        yield path, "object"
        if name not in FREE_FORM:
            for key, inner in value.items():
                yield from _walk(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        yield path, "list" if value else "empty"
        for inner in value:
            yield from _walk(inner, path + "[]")
    else:
        kinds = {bool: "boolean", int: "integer", float: "number", str: "string"}
        yield path, kinds.get(type(value), "null")


def is_pending(one: Exchange) -> bool:
    """Whether this is a look at a job that had not ended yet."""
    if one.parameters.get("command") != "queryAsyncJobResult" or not isinstance(one.body, dict):
        return False
    content = one.body.get("queryasyncjobresultresponse")
    return isinstance(content, dict) and content.get("jobstatus") == 0


def observations(exchanges: list[Exchange]) -> Iterator[tuple[str, str, Any]]:
    """What the answers tell of a command beyond its metadata: (command, what, value)."""
    jobs: dict[str, str] = {}
    for one in exchanges:
        command = one.parameters.get("command", "")
        if not isinstance(one.body, dict) or not command:
            continue
        [(key, content)] = one.body.items()
        if key not in {command.lower() + "response", "errorresponse"}:
            yield command, "answer", key
        if not isinstance(content, dict):
            continue
        if command == "queryAsyncJobResult":
            name = jobs.get(content.get("jobid", ""))
            if name:
                yield name, "job", content["cmd"].removeprefix("org.apache.cloudstack.api.command.")
                if content.get("jobinstancetype"):
                    yield name, "instance", content["jobinstancetype"]
                if content.get("jobinstanceid"):
                    yield name, "shows_instance", 1
        elif content.get("jobid"):
            jobs[content["jobid"]] = command


def distilled(name: str, exchanges: list[Exchange]) -> list[dict[str, Any]]:
    """The steps of a scenario; consecutive looks at a pending job are left to whoever replays it."""
    seen: dict[str, dict[str, Any]] = {}
    steps: list[dict[str, Any]] = []
    for one in exchanges:
        if is_pending(one):
            continue
        number = len(steps)
        steps.append(
            {
                "method": one.method,
                "path": one.path,
                "parameters": {key: _symbolic(value, seen) for key, value in one.parameters.items()},
                "status": one.status,
                "type": one.content_type,
                "shape": shape_of(one.body),
            }
            | _error(one)
            | _caller(name, number, one)
        )
        if one.body is not None:
            _remember(one.body, [], number, seen)
    return steps


def _error(one: Exchange) -> dict[str, Any]:
    if not isinstance(one.body, dict) or not one.body:
        return {}
    content = next(iter(one.body.values()))
    if isinstance(content, dict) and isinstance(content.get("jobresult"), dict):
        content = content["jobresult"]
    if not isinstance(content, dict) or "errorcode" not in content:
        return {}
    keys = ("errorcode", "cserrorcode", "errortext")
    first = {
        key: content[key][0] if isinstance(content[key], list) else content[key] for key in keys if key in content
    }
    return {"error": first}


def _caller(name: str, number: int, one: Exchange) -> dict[str, Any]:
    for caller, numbers in CALLERS.get(name, {}).items():
        if number in numbers:
            return {"caller": caller}
    unsigned = one.status == 401 and one.parameters.get("command") not in {
        None,
        "noSuch",
        "noSuchCommand",
        "LISTZONES",
    }
    return {"caller": "nobody"} if unsigned or not one.parameters else {}


def _symbolic(value: str, seen: dict[str, dict[str, Any]]) -> Any:  # noqa: ANN401 (text or symbols)
    if value in seen:
        return [seen[value]]
    parts: list[Any] = []
    position = 0
    for match in UUID.finditer(value):
        if match.group() in seen:
            parts += [value[position : match.start()], seen[match.group()]]
            position = match.end()
    if not parts:
        return value
    return [part for part in [*parts, value[position:]] if part != ""]


def _remember(value: object, path: list[Any], step: int, seen: dict[str, dict[str, Any]]) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _remember(inner, [*path, key], step, seen)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _remember(inner, [*path, index], step, seen)
    elif isinstance(value, str) and value not in seen and (UUID.fullmatch(value) or value.startswith("redacted-")):
        seen[value] = {"step": step, "path": path}
