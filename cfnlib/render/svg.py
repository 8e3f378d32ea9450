"""The small parts of an SVG picture: escaped text, measured text, the sheet with its colours."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import east_asian_width

from attrs import frozen

from cfnlib.render.looks import Tone

if TYPE_CHECKING:
    from collections.abc import Iterable

FONT = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif"
_NARROW = frozenset("iIjl|!.,:;'`ftr()[]{}/\\ -")
_WIDE = frozenset("mwMW@%&")

# Fill of the box, its line, and the ink of the state's word: light, dark. Each ink has at least 4.5 : 1 on its fill
# and on the ground.
_COLOURS = {
    Tone.GOOD: (("#e9f6ec", "#2e8b4d", "#1b6b36"), ("#15301f", "#4fae6f", "#7fd49b")),
    Tone.WORKING: (("#e8f1fc", "#2f74c9", "#1c569f"), ("#14283f", "#5a9be8", "#92c0f5")),
    Tone.BAD: (("#fdecea", "#c83a2f", "#a52a20"), ("#3d1a18", "#ef6f64", "#ffa198")),
    Tone.GOING: (("#fff3e0", "#c77700", "#8a5000"), ("#38280f", "#e0a040", "#f2c070")),
    Tone.CHANGING: (("#f3edfb", "#7d4fc0", "#6337a8"), ("#291f3d", "#a986e0", "#c8b0f2")),
    Tone.QUIET: (("#f3f4f6", "#8a929e", "#4d5663"), ("#23272e", "#7b8492", "#b3bbc7")),
}
_GROUND = (
    ("#ffffff", "#d5d9e0", "#1d2430", "#59626f", "#9aa3b0"),
    ("#16191e", "#343a44", "#e8ebf0", "#a3acb9", "#707a88"),
)


@frozen(repr=False)
class Drawing:
    """A picture as SVG text; a notebook shows it, `save` writes it to a file."""

    svg: str
    title: str

    def save(self, path: str | Path) -> Path:
        """Write the picture to a file, and give its path."""
        path = Path(path)
        path.write_text(self.svg, encoding="utf-8")
        return path

    def _repr_svg_(self) -> str:
        return self.svg

    def __str__(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<drawing: {self.title}>"


def text_width(text: str, size: float = 12.0, *, bold: bool = False) -> float:
    """About how many pixels a text takes in a sans-serif font of this size; never much less than it does."""
    ems = 0.0
    for character in text:
        if character in _NARROW:
            ems += 0.36
        elif character in _WIDE:
            ems += 0.90
        elif east_asian_width(character) in {"W", "F"}:
            ems += 1.0
        elif character.isupper():
            ems += 0.70
        else:
            ems += 0.57
    return ems * size * (1.17 if bold else 1.0)


def fitted(text: str, width: float, size: float = 12.0, *, bold: bool = False) -> str:
    """The text, with its middle left out when it is wider than `width`: the ends of long names tell them apart."""
    if text_width(text, size, bold=bold) <= width:
        return text
    for kept in range(len(text) - 1, 1, -1):
        head = (kept + 1) // 2
        short = f"{text[:head]}…{text[len(text) - (kept - head) :]}"
        if text_width(short, size, bold=bold) <= width:
            return short
    return "…"


def clean(text: str) -> str:
    """The text escaped for SVG and HTML, without the control characters that XML cannot hold."""
    kept = (character if character >= " " and character not in "\ufffe\uffff" else " " for character in text)
    return escape("".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in kept))


def text_at(x: float, y: float, text: str, classes: str = "", *, anchor: str = "") -> str:
    """A text element."""
    extra = (f' class="{classes}"' if classes else "") + (f' text-anchor="{anchor}"' if anchor else "")
    return f'<text x="{x:.1f}" y="{y:.1f}"{extra}>{clean(text)}</text>'


def box_at(
    x: float, y: float, width: float, height: float, classes: str, *, radius: float = 6.0, extra: str = ""
) -> str:
    """A rectangle."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.0):.1f}" height="{height:.1f}" rx="{radius:g}" '
        f'class="{classes}"{extra}/>'
    )


def sheet(width: float, height: float, title: str, parts: Iterable[str]) -> str:
    """A whole picture: the parts on their own ground, with the colours for light and dark."""
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="cfnlib" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" font-family="{FONT}" font-size="12" '
        f'style="max-width:100%;height:auto" '
        f'aria-label="{clean(title)}">\n<title>{clean(title)}</title>\n<style>{_style()}</style>\n'
        f"{box_at(0.5, 0.5, width - 1, height - 1, 'ground', radius=8)}\n{body}\n</svg>\n"
    )


def _style() -> str:
    """The colours. Every rule is below the picture's own class: an SVG inside a page shares the page's rules."""
    light, dark = (_rules(index) for index in (0, 1))
    shared = (
        "svg.cfnlib .name{font-weight:600}"
        "svg.cfnlib .small{font-size:11px}"
        "svg.cfnlib .heading{font-size:14px;font-weight:600}"
        "svg.cfnlib .edge{fill:none;stroke-width:1.3}"
        "svg.cfnlib .hot{stroke-width:2.4}"
        "svg.cfnlib .dashed{stroke-dasharray:4 3}"
    )
    return f"{shared}{light}@media (prefers-color-scheme:dark){{{dark}}}"


def _rules(index: int) -> str:
    ground, line, ink, muted, edge = _GROUND[index]
    rules = [
        f"svg.cfnlib .ground{{fill:{ground};stroke:{line}}}",
        f"svg.cfnlib text{{fill:{ink}}}",
        f"svg.cfnlib .muted{{fill:{muted}}}",
        f"svg.cfnlib .edge{{stroke:{edge}}}",
        f"svg.cfnlib .tip{{fill:{edge}}}",
        f"svg.cfnlib .grid{{stroke:{line};stroke-width:1}}",
        f"svg.cfnlib .edge.hot{{stroke:{ink}}}",
    ]
    for tone, pair in _COLOURS.items():
        fill, stroke, word = pair[index]
        rules += [
            f"svg.cfnlib .{tone.value}{{fill:{fill};stroke:{stroke}}}",
            f"svg.cfnlib .{tone.value}-ink{{fill:{word}}}",
            f"svg.cfnlib .{tone.value}-bar{{fill:{stroke}}}",
        ]
    return "".join(rules)
