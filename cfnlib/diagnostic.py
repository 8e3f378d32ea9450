"""What is wrong with a template, as values.

A fault in a template is never an exception by itself: it is a `Diagnostic` that is collected, so that all faults
are reported in one go. `Diagnostics.raise_if_errors` is the one place where a collection becomes an exception.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from cfnlib.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Span(NamedTuple):
    """A place in a source text. Lines and columns count from 1; the end is exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Severity(Enum):
    """How bad a diagnostic is: an error stops every operation, a warning stops none."""

    ERROR = "error"
    WARNING = "warning"


class Code(Enum):
    """Every kind of fault, with the stable code that scripts and searches use.

    E0xx the text, E1xx the template's structure, E2xx functions and references, E3xx resource types and their
    properties, E4xx parameters, E5xx what the cloud lacks; W as E.
    """

    SYNTAX = "E001"
    DUPLICATE_KEY = "E002"
    TOO_LARGE = "E003"
    TOO_DEEP = "E004"
    ALIAS_BOMB = "E005"
    UNKNOWN_TAG = "E006"

    STRUCTURE = "E101"
    UNKNOWN_SECTION = "E102"
    MISSING_SECTION = "E103"
    LIMIT = "E104"
    VERSION = "E105"
    LOGICAL_ID = "E106"
    UNSUPPORTED_SECTION = "E107"

    UNKNOWN_FUNCTION = "E201"
    FUNCTION_ARGUMENTS = "E202"
    UNKNOWN_REFERENCE = "E203"
    UNKNOWN_ATTRIBUTE = "E204"
    UNKNOWN_MAPPING = "E205"
    UNKNOWN_CONDITION = "E206"
    CYCLE = "E207"
    CONDITIONAL_REFERENCE = "E208"

    UNKNOWN_TYPE = "E301"
    UNKNOWN_PROPERTY = "E302"
    MISSING_PROPERTY = "E303"
    WRONG_TYPE = "E304"
    NOT_ALLOWED = "E305"
    EXCLUSIVE = "E306"

    PARAMETER_MISSING = "E401"
    PARAMETER_VALUE = "E402"
    PARAMETER_UNKNOWN = "E403"
    PARAMETER_DECLARATION = "E404"

    NOT_ON_CLOUD = "E501"
    NAME_TAKEN = "E502"

    MAYBE_ABSENT = "W208"
    IGNORED = "W301"
    LOWERED = "W302"
    UNUSED_PARAMETER = "W401"


class Diagnostic(NamedTuple):
    """One fault: what it is, where it stands, and what to type instead.

    `span` is None only for a fault that has no place in a text (a parameter given on the command line, say).
    `path` is the keys and indexes from the template's root to the place.
    """

    code: Code
    message: str
    span: Span | None = None
    logical_id: str | None = None
    path: tuple[str | int, ...] = ()
    hint: str | None = None

    @property
    def severity(self) -> Severity:
        """The severity that the code's first letter says."""
        return Severity.WARNING if self.code.value.startswith("W") else Severity.ERROR

    def __str__(self) -> str:
        parts = [f"{self.span}: " if self.span else "", self.code.value, " "]
        if self.logical_id:
            parts += [self.logical_id, ": "]
        parts.append(self.message)
        if self.hint:
            parts += ["\n  hint: ", self.hint]
        return "".join(parts)

    def as_dict(self) -> dict[str, object]:
        """The diagnostic in JSON's types, for `--json` and the service."""
        return {
            "severity": self.severity.value,
            "code": self.code.value,
            "message": self.message,
            "file": self.span.file if self.span else None,
            "line": self.span.line if self.span else None,
            "column": self.span.column if self.span else None,
            "logical_id": self.logical_id,
            "path": list(self.path),
            "hint": self.hint,
        }


class Diagnostics:
    """An ordered collection of diagnostics; the same fault at the same place is kept once."""

    def __init__(self, items: Iterable[Diagnostic] = ()) -> None:
        self._items: dict[Diagnostic, None] = dict.fromkeys(items)

    def add(
        self,
        code: Code,
        message: str,
        span: Span | None = None,
        *,
        logical_id: str | None = None,
        path: tuple[str | int, ...] = (),
        hint: str | None = None,
    ) -> None:
        """Collect one diagnostic."""
        self._items[Diagnostic(code, message, span, logical_id, path, hint)] = None

    def extend(self, others: Iterable[Diagnostic]) -> None:
        """Collect several."""
        self._items.update(dict.fromkeys(others))

    def __iter__(self) -> Iterator[Diagnostic]:
        def place(item: Diagnostic) -> tuple[str, int, int]:
            return (item.span.file, item.span.line, item.span.column) if item.span else ("", 0, 0)

        return iter(sorted(self._items, key=place))

    def __len__(self) -> int:
        return len(self._items)

    @property
    def errors(self) -> list[Diagnostic]:
        """The errors, in the order of their places."""
        return [item for item in self if item.severity is Severity.ERROR]

    @property
    def warnings(self) -> list[Diagnostic]:
        """The warnings, in the order of their places."""
        return [item for item in self if item.severity is Severity.WARNING]

    def raise_if_errors(self) -> None:
        """Raise `TemplateError` with all the diagnostics when at least one is an error."""
        if self.errors:
            raise TemplateError(list(self))
