"""Jinja2 first: a text that becomes a template.

It runs only when asked for, before anything else is read, in Jinja2's sandbox and with every undefined name an error.
The sandbox keeps a template from the interpreter's inside but not from filling the memory, so the operators that
multiply are bounded, and so is the output. The lines of later diagnostics count in the rendered text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import StrictUndefined, TemplateSyntaxError
from jinja2.exceptions import SecurityError
from jinja2.sandbox import SandboxedEnvironment

from cfnlib.diagnostic import Code, Diagnostics, Span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2.runtime import Context

_LARGEST_POWER = 4096
_LARGEST_SEQUENCE = 1_000_000


class _Environment(SandboxedEnvironment):
    """The sandbox, with a bound on `*` and `**`."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Context, operator: str, left: object, right: object) -> object:
        for one, other in ((left, right), (right, left)):
            if (
                isinstance(one, (str, list, tuple))
                and isinstance(other, int)
                and len(one) * other > _LARGEST_SEQUENCE
            ):
                raise SecurityError(f"a repetition of more than {_LARGEST_SEQUENCE} items")
        if operator == "**" and isinstance(right, (int, float)) and right > _LARGEST_POWER:
            raise SecurityError(f"a power of more than {_LARGEST_POWER}")
        return super().call_binop(context, operator, left, right)


def render(
    text: str, variables: Mapping[str, object], file: str, *, max_bytes: int = 1_048_576
) -> tuple[str | None, Diagnostics]:
    """Render a template's text; None and one diagnostic, with its line, when that fails."""
    diagnostics = Diagnostics()
    environment = _Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
    parts: list[str] = []
    size = 0
    try:
        for part in environment.from_string(text).generate(dict(variables)):
            size += len(part)
            if size > max_bytes:
                diagnostics.add(
                    Code.TOO_LARGE,
                    f"the rendered text has more than {max_bytes} bytes",
                    Span(file, 1, 1, 1, 1),
                    hint="look for a loop that does not end, or raise the limit",
                )
                return None, diagnostics
            parts.append(part)
    except TemplateSyntaxError as error:
        line = error.lineno
        diagnostics.add(Code.SYNTAX, f"Jinja2: {error.message}", Span(file, line, 1, line, 1))
        return None, diagnostics
    except Exception as error:  # noqa: BLE001 - the text is a program and may raise whatever it likes
        line = _line_of(error)
        hint = (
            "pass the variable, or give it a default: {{ name | default('x') }}"
            if "undefined" in str(error)
            else None
        )
        diagnostics.add(Code.SYNTAX, f"Jinja2: {error}", Span(file, line, 1, line, 1), hint=hint)
        return None, diagnostics
    return "".join(parts), diagnostics


def _line_of(error: Exception) -> int:
    """The line of the template where a rendering failed. Jinja2 rewrites the traceback to the template's lines."""
    line = 1
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == "<template>":
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line
