"""Lines of text with a tone: coloured on a terminal (by rich, which heeds NO_COLOR), plain everywhere else.

What a line says never depends on where it goes. rich takes longer to import than most commands take to run, so it is
imported only when there is a terminal to colour.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple, TextIO

from cfnlib.render.looks import Tone, look

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

STYLES = {
    Tone.GOOD: "green",
    Tone.WORKING: "cyan",
    Tone.BAD: "bold red",
    Tone.GOING: "yellow",
    Tone.CHANGING: "magenta",
    Tone.QUIET: "dim",
}


class Piece(NamedTuple):
    """A part of a line, with the name of its style for rich."""

    text: str
    style: str = ""


def of_state(state: str, text: str | None = None) -> Piece:
    """A state in its colour; `text` says something else than the state itself."""
    return Piece(state if text is None else text, STYLES[look(state).tone])


def table(heads: Sequence[str], rows: Iterable[Sequence[Piece | str]]) -> list[list[Piece]]:
    """Rows as lines of aligned columns, two blanks apart. Columns in which nothing stands are left out."""
    filled = [[cell if isinstance(cell, Piece) else Piece(cell) for cell in row] for row in rows]
    used = [index for index in range(len(heads)) if any(row[index].text for row in filled)]
    widths = {index: max(len(heads[index]), *(len(row[index].text) for row in filled)) for index in used}
    lines = []
    for row in [[Piece(head, "bold") for head in heads], *filled]:
        line = []
        for index in used:
            gap = "" if index == used[-1] else " " * (widths[index] - len(row[index].text) + 2)
            line += [row[index], Piece(gap)]
        lines.append(line)
    return lines if filled else []


def write(lines: Iterable[Sequence[Piece] | str], stream: TextIO | None = None) -> None:
    """Write lines, to the standard output unless another stream is given."""
    stream = sys.stdout if stream is None else stream
    if not stream.isatty():
        for line in lines:
            stream.write(plain(line) + "\n")
        stream.flush()
        return
    from rich.console import Console  # noqa: PLC0415 - only where there are colours
    from rich.text import Text  # noqa: PLC0415

    console = Console(file=stream)
    for line in lines:
        pieces = [Piece(line)] if isinstance(line, str) else line
        text = Text.assemble(*((piece.text, piece.style) for piece in pieces))
        console.print(text, soft_wrap=True, highlight=False, markup=False, emoji=False)


def plain(line: Sequence[Piece] | str) -> str:
    """A line without its styles."""
    return line if isinstance(line, str) else "".join(piece.text for piece in line).rstrip()
