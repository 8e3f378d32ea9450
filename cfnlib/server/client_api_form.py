"""CloudStack's forms: what a command is declared as, parameters as clients send them, answers as it writes them.

A command is declared once. Its parameters are checked by the same table that `listApis` shows, so what a client
discovers is what is taken. Other than CloudStack, a parameter that a command does not have is refused: a misspelt one
would otherwise be left out in silence.

Source: the recorded answers of CloudStack 4.19; its developer's guide, "Making API requests" (maps and lists).
"""

from __future__ import annotations

import difflib
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.sax.saxutils import escape

from attrs import frozen

from cfnlib.errors import CfnlibError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeAlias

    from cfnlib.server.context import Context

    Values: TypeAlias = Mapping[str, Any]
    Content: TypeAlias = dict[str, Any]
    Pairs: TypeAlias = Sequence[tuple[str, str]]

JSON_TYPE = "application/json;charset=utf-8"
XML_TYPE = "text/xml;charset=utf-8"
MAX_PAGE = 500
BAD_VALUE = 4350
BAD_PARAMETER = 9999
UNVERIFIED = "unable to verify user credentials and/or request signature"

_OF_EVERY_CALL = frozenset(
    {"command", "response", "apikey", "signature", "signatureversion", "expires", "sessionkey"}
)
_ELEMENT = re.compile(r"(?P<name>[^\[\]]+)\[(?P<index>\d{1,6})\](?:\.(?P<key>.+))?", re.DOTALL)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_MAX_INTEGER = 2**31 - 1
_MAX_SHOWN = 100


class ApiRefusedError(CfnlibError):
    """A call is refused. `code` is CloudStack's errorcode and the HTTP status, `detail` its cserrorcode, if any."""

    def __init__(self, code: int, detail: int | None, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.detail = detail


@frozen
class Param:
    """A parameter of a command: `type` is string, uuid, integer, boolean, list or map; `length` in characters."""

    name: str
    type: str
    description: str
    required: bool = False
    length: int = 255
    related: str = ""


@frozen
class Field:
    """A field of an answer; `fields` are those of a list's elements."""

    name: str
    type: str
    description: str
    fields: tuple[Field, ...] = ()


class Call(NamedTuple):
    """A call of a command: who calls on which service, and the parameters' values by name, as their types say."""

    context: Context
    values: Values


@frozen
class Command:
    """A command: `run` does it. What it returns is what stands in the answer's envelope."""

    name: str
    description: str
    params: tuple[Param, ...]
    fields: tuple[Field, ...]
    run: Callable[[Call], Content]
    is_async: bool = False
    related: str = ""


def envelope_of(command: str) -> str:
    """The name that the answer of a command is wrapped in."""
    plain = command.isascii() and command.isalnum() and len(command) <= _MAX_SHOWN
    return f"{command.lower()}response" if plain else "errorresponse"


# What a call says


def values_of(command: Command, pairs: Pairs) -> dict[str, Any]:
    """The values of a call's parameters; those that were not given are left out. Raises `ApiRefusedError`."""
    raw = _gathered(command, pairs)
    known = {param.name for param in command.params}
    for name in raw:
        if name not in known:
            near = difflib.get_close_matches(name[:_MAX_SHOWN], known, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; it takes {', '.join(sorted(known))}"
            raise _wrong(command, f"There is no parameter {name[:_MAX_SHOWN]}{hint}")
    found = {}
    for param in command.params:
        value = raw.get(param.name)
        if value is None or value == "":
            if param.required:
                text = f"Unable to execute API command {command.name.lower()} due to missing parameter {param.name}"
                raise ApiRefusedError(431, BAD_PARAMETER, text)
        else:
            found[param.name] = _converted(command, param, value)
    return found


def _gathered(command: Command, pairs: Pairs) -> dict[str, Any]:
    """The parameters as texts, or by index and key where they are maps or lists; names without regard to case."""
    raw: dict[str, Any] = {}
    for given, value in pairs:
        match = _ELEMENT.fullmatch(given)
        name = (match["name"] if match else given).lower()
        if name in _OF_EVERY_CALL:
            continue
        if _CONTROL.search(value) or _CONTROL.search(given):
            raise _wrong(command, f"Parameter {name[:_MAX_SHOWN]!r} contains illegal ASCII non-printable characters")
        if match is None:
            if name in raw:
                raise _wrong(command, f"Parameter {name[:_MAX_SHOWN]} is given more than once")
            raw[name] = value
            continue
        elements = raw.setdefault(name, {})
        if not isinstance(elements, dict):
            raise _wrong(command, f"Parameter {name[:_MAX_SHOWN]} is given in two ways")
        element = elements.setdefault(int(match["index"]), {})
        if (match["key"] or "") in element:
            raise _wrong(command, f"Parameter {given[:_MAX_SHOWN]} is given more than once")
        element[match["key"] or ""] = value
    return raw


def _converted(command: Command, param: Param, raw: Any) -> Any:  # noqa: ANN401 - a text, or elements by index
    if param.type == "map":
        return _map(command, param, raw)
    if param.type == "list":
        return _list(command, param, raw)
    if not isinstance(raw, str):
        raise _wrong(command, f"Parameter {param.name} is a single value: give it as {param.name}=...")
    if len(raw) > param.length:
        raise _wrong(command, f"Value greater than max allowed length {param.length} for param: {param.name}")
    if param.type == "integer":
        return _integer(command, param, raw)
    if param.type == "boolean":
        if raw.lower() not in {"true", "false"}:
            raise _wrong(command, f"Invalid parameter {param.name} value={raw}: it is true or false")
        return raw.lower() == "true"
    if param.type == "uuid" and raw != "-1" and not _UUID.fullmatch(raw):
        raise not_there(command.name, param.name, raw)
    return raw


def _integer(command: Command, param: Param, raw: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,10}", raw) or abs(int(raw)) > _MAX_INTEGER:
        text = f"Invalid parameter {param.name} value={raw} due to incorrect integer value format"
        raise _wrong(command, text)
    return int(raw)


def _list(command: Command, param: Param, raw: Any) -> list[str]:  # noqa: ANN401 - as above
    """A list, given as `name=a,b` or as `name[0]=a&name[1]=b`."""
    if isinstance(raw, str):
        return [one.strip() for one in raw.split(",") if one.strip()]
    if any(set(element) != {""} for element in raw.values()):
        raise _wrong(command, f"Parameter {param.name} is a list: give it as {param.name}=a,b")
    return [raw[index][""] for index in sorted(raw)]


def _map(command: Command, param: Param, raw: Any) -> dict[str, str]:  # noqa: ANN401 - as above
    """A map, given as `name[0].key=k&name[0].value=v` (`name` may stand for `key`) or as `name[0].k=v`."""
    how = f"give it as {param.name}[0].key=...&{param.name}[0].value=..., or as {param.name}[0].NAME=VALUE"
    if isinstance(raw, str) or any("" in element for element in raw.values()):
        raise _wrong(command, f"Parameter {param.name} is a map: {how}")
    found: dict[str, str] = {}
    for index in sorted(raw):
        element = raw[index]
        entries = element
        for key in ("key", "name"):
            if set(element) == {key, "value"}:
                entries = {element[key]: element["value"]}
        for name, value in entries.items():
            if name in found:
                raise _wrong(command, f"Parameter {param.name} has {name[:_MAX_SHOWN]} more than once")
            found[name] = value
    return found


def _wrong(command: Command, text: str) -> ApiRefusedError:
    start = f"Unable to execute API command {command.name.lower()} due to invalid value. "
    return ApiRefusedError(431, BAD_PARAMETER, start + text)


def not_there(command: str, param: str, value: str) -> ApiRefusedError:
    """A parameter names, by its id, something that is not there, or not for this caller."""
    return ApiRefusedError(
        431,
        BAD_PARAMETER,
        f"Unable to execute API command {command.lower()} due to invalid value. Invalid parameter {param} value="
        f"{value[:_MAX_SHOWN]} due to incorrect long value format, or entity does not exist or due to incorrect "
        "parameter annotation for the field in api cmd class.",
    )


def page_of(values: Values, element: str, found: Sequence[Any], shown: Callable[[Any], Content]) -> Content:
    """The page of a list that is asked for, and how many there are in all; empty when there are none.

    Source: CloudStack 4.19: a page has 500 at most, and a size needs a page's number.
    """
    page, size = values.get("page"), values.get("pagesize")
    if size is not None and page is None:
        raise ApiRefusedError(431, BAD_PARAMETER, '"page" parameter is required when "pagesize" is specified')
    if size is not None and size > MAX_PAGE:
        raise ApiRefusedError(431, BAD_VALUE, f"Page size can't exceed max allowed page size value: {MAX_PAGE}")
    if (page is not None and page < 1) or (size is not None and size < 1):
        raise ApiRefusedError(431, BAD_VALUE, "page and pagesize are counted from 1")
    size = size or MAX_PAGE
    start = ((page or 1) - 1) * size
    chosen = [shown(one) for one in found[start : start + size]]
    if not found:
        return {}
    return {"count": len(found), **({element: chosen} if chosen else {})}


# What is answered


def when(moment: float) -> str:
    """A time as CloudStack shows it; `moment` is in seconds since the epoch."""
    return datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def error_content(error: ApiRefusedError, *, as_json: bool) -> Content:
    """What stands in the envelope of an error."""
    content: Content = {"uuidList": []} if as_json else {}
    content["errorcode"] = error.code
    if error.detail is not None:
        content["cserrorcode"] = error.detail
    content["errortext"] = str(error)
    return content


def body_of(envelope: str, content: Content, *, as_json: bool) -> bytes:
    """An answer as it is sent."""
    if as_json:
        return json.dumps({envelope: content}, ensure_ascii=True, separators=(",", ":")).encode()
    inner = "".join(xml_of(name, value) for name, value in content.items())
    return f'<?xml version="1.0" encoding="UTF-8"?><{envelope}>{inner}</{envelope}>'.encode()


def xml_of(name: str, value: Any) -> str:  # noqa: ANN401 - any JSON value
    """A value in CloudStack's XML: a list is its element repeated, an empty one nothing."""
    if isinstance(value, list):
        return "".join(xml_of(name, one) for one in value)
    if isinstance(value, dict):
        return f"<{name}>{''.join(xml_of(key, one) for key, one in value.items())}</{name}>"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"<{name}>{escape(_NOT_IN_XML.sub(chr(0xFFFD), text))}</{name}>"
