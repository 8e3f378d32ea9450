"""How a state looks: its word, its symbol and its tone. Colour never stands alone.

A state is a resource's or a stack's status (`CREATE_COMPLETE`) or what a plan does (`create`). An unknown one is
shown as it is, in the quiet tone.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Tone(Enum):
    """What a state means to who looks at it."""

    GOOD = "good"
    WORKING = "working"
    BAD = "bad"
    GOING = "going"
    CHANGING = "changing"
    QUIET = "quiet"


class Look(NamedTuple):
    """The word for a state, a symbol of one character, and the tone."""

    word: str
    symbol: str
    tone: Tone


_PAST = {"CREATE": "created", "UPDATE": "updated", "DELETE": "deleted"}
_PRESENT = {"CREATE": "creating", "UPDATE": "updating", "DELETE": "deleting"}
_PLANNED = {
    "create": Look("to create", "+", Tone.GOOD),
    "update": Look("to update", "~", Tone.CHANGING),
    "replace": Look("to replace", "±", Tone.CHANGING),
    "remove": Look("to remove", "-", Tone.BAD),
    "forget": Look("to let go", "○", Tone.GOING),
    "keep": Look("as it is", "=", Tone.QUIET),
    "waiting": Look("waiting", "·", Tone.QUIET),
}
_SPECIAL = {
    "DELETE_COMPLETE": Look("deleted", "-", Tone.QUIET),
    "DELETE_SKIPPED": Look("let go", "○", Tone.QUIET),
    "DELETE_IN_PROGRESS": Look("deleting", "…", Tone.GOING),
    "ROLLBACK_IN_PROGRESS": Look("rolling back", "…", Tone.GOING),
    "UPDATE_ROLLBACK_IN_PROGRESS": Look("rolling back", "…", Tone.GOING),
    "ROLLBACK_COMPLETE": Look("rolled back", "✗", Tone.BAD),
    "UPDATE_ROLLBACK_COMPLETE": Look("rolled back", "✗", Tone.BAD),
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": Look("cleaning up", "…", Tone.WORKING),
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": Look("cleaning up", "…", Tone.GOING),
    "REVIEW_IN_PROGRESS": Look("in review", "·", Tone.QUIET),
}


def look(state: str) -> Look:
    """The look of a state; one that is not known is shown by its own name. An empty one is waiting."""
    if state in _SPECIAL:
        return _SPECIAL[state]
    if state in _PLANNED or not state:
        return _PLANNED[state or "waiting"]
    verb = state.split("_", maxsplit=1)[0]
    if state.endswith("_FAILED"):
        what = "rollback" if "ROLLBACK" in state else verb.lower()
        return Look(f"{what} failed", "✗", Tone.BAD)
    if state.endswith("_IN_PROGRESS"):
        return Look(_PRESENT.get(verb, verb.lower()), "…", Tone.WORKING)
    if state.endswith("_COMPLETE"):
        return Look(_PAST.get(verb, verb.lower()), "✓", Tone.GOOD)
    return Look(state, "·", Tone.QUIET)


MOST_TELLING = (Tone.BAD, Tone.WORKING, Tone.GOING, Tone.CHANGING, Tone.QUIET, Tone.GOOD)
"""Which tone speaks for many: one failure among a thousand shows."""


def short_type(name: str) -> str:
    """A resource type without the part that all share: `EC2::Instance` for `AWS::EC2::Instance`."""
    return name.removeprefix("AWS::")


def clock_text(seconds: float) -> str:
    """A duration for people: `8 ms`, `0.4 s`, `12 s`, `3:07`, `1:02:03`."""
    if seconds < 0.095:
        return f"{max(round(seconds * 1000), 0)} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
