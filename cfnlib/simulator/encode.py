"""Answers as CloudStack writes them: JSON, or XML where no `response=json` was asked for."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from xml.sax.saxutils import escape

from cfnlib.simulator.scenario import FREE_FORM

VERSION = "4.19.0.0-SNAPSHOT"
_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class Rendered:
    """The part of an answer about one thing, with its JSON text: a long list is not encoded anew each time."""

    __slots__ = ("_text", "value")

    def __init__(self, value: dict[str, Any]) -> None:
        self.value = value
        self._text: str | None = None

    @property
    def text(self) -> str:
        """The JSON text, made when it is first asked for."""
        if self._text is None:
            self._text = _encoder.encode(self.value)
        return self._text


def json_text(envelope: str, content: dict[str, Any]) -> str:
    """An answer in JSON. Rendered parts may stand in a list right under the envelope."""
    parts = []
    for key, value in content.items():
        if isinstance(value, list) and value and isinstance(value[0], Rendered):
            parts.append(f'"{key}":[{",".join([one.text for one in value])}]')
        else:
            parts.append(f'"{key}":{_encoder.encode(value)}')
    return f'{{"{envelope}":{{{",".join(parts)}}}}}'


def xml_text(envelope: str, content: dict[str, Any]) -> str:
    """An answer in XML: a list is its element repeated, an empty one nothing, a map is written as Java prints it."""
    inner = "".join(_xml(key, value) for key, value in content.items())
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return f'{head}<{envelope} cloud-stack-version="{VERSION}">{inner}</{envelope}>'


def _xml(key: str, value: Any) -> str:  # noqa: ANN401 (any JSON value)
    if isinstance(value, Rendered):
        value = value.value
    if isinstance(value, list):
        return "".join(_xml(key, one) for one in value)
    if isinstance(value, dict) and key not in FREE_FORM:
        return f"<{key}>{''.join(_xml(name, inner) for name, inner in value.items())}</{key}>"
    if isinstance(value, dict):
        text = "{" + ", ".join(f"{name}={inner}" for name, inner in value.items()) + "}"
    elif isinstance(value, bool):
        text = "true" if value else "false"
    else:
        text = str(value)
    return f"<{key}>{escape(text)}</{key}>"


def when(moment: float) -> str:
    """A time as answers show it: seconds since the epoch to ``2026-11-22T20:23:48+0000``."""
    return _when(int(moment))


@lru_cache(maxsize=4096)
def _when(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
