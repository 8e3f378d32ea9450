"""The log: a line a request, as JSON or as text, on standard error.

What a line may hold is listed here, and no header, query or body is among it: secrets travel there.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

ACCESS = "cfnlib.access"
FIELDS = ("request_id", "door", "method", "path", "action", "account", "status", "code", "ms", "bytes", "peer")
"""What is told of a request, in this order."""


class JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        said: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        said |= getattr(record, "fields", {})
        if record.exc_info:
            said["trace"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=True, default=str)


class TextLines(logging.Formatter):
    """A record as a line for people."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, with no character that could make a second one of it."""
        said = " ".join(
            f"{name}={value}" for name, value in getattr(record, "fields", {}).items() if value is not None
        )
        text = f"{record.levelname} {record.name} {record.getMessage()} {said}".rstrip()
        text = text.encode("unicode_escape").decode("ascii")
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def setup_logging(level: int | str = logging.INFO, *, as_json: bool = True) -> None:
    """Send the log to standard error. Calls the root logger's set-up its own: for programs, not for libraries."""
    out = logging.StreamHandler(sys.stderr)
    out.setFormatter(JsonLines() if as_json else TextLines())
    logging.basicConfig(level=level, handlers=[out], force=True)
    for noisy in ("waitress", "waitress.queue", "urllib3", "botocore"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
