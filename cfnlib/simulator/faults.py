"""Things that go wrong on purpose: which calls they befall, and how."""

from __future__ import annotations

import random
import threading
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final, Literal, get_args

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Kind = Literal["job", "error", "never", "vanish", "hang", "reset", "html", "truncate", "drop_answer"]
KINDS: Final = frozenset(get_args(Kind))


def _positive(_: object, attribute: object, value: int | None) -> None:
    if value is not None and value < 1:
        raise ValueError(f"{getattr(attribute, 'name', 'value')} of a fault counts from 1, not {value}")


def _known(_: object, __: object, value: str) -> None:
    if value not in KINDS:
        raise ValueError(f"no such kind of fault: {value!r}; there are {', '.join(sorted(KINDS))}")


@frozen
class Fault:
    """A fault of calls of `command` (a pattern: ``list*``) whose parameters match the patterns in `match`.

    `kind`: "job" the call's job fails; "error" the call is refused with `errorcode`; "never" its job never ends;
    "vanish" its job is carried out but cannot be found; "hang" the answer comes `hang_s` late; "reset" the connection
    is reset before the call has an effect; "drop_answer" the call has its effect and the connection is closed without
    an answer; "html" a page of HTML with status `status` instead of an answer, without effect; "truncate" the call
    has its effect and half of the answer arrives.

    It befalls the `nth` matching call only (from 1), `every` so many, a random `share` of them (0 to 1, from `seed`);
    without these all of them; and at most `times` in all.
    """

    command: str
    kind: Kind = field(default="job", validator=_known)
    nth: int | None = field(default=None, validator=_positive)
    every: int | None = field(default=None, validator=_positive)
    share: float | None = None
    times: int | None = None
    seed: int = 0
    errorcode: int = 530
    cserrorcode: int | None = 9999
    text: str = "Injected fault"
    match: Mapping[str, str] = field(factory=dict)
    hang_s: float = 60.0
    status: int = 503

    def concerns(self, command: str, parameters: Mapping[str, str]) -> bool:
        """Whether a call is one of those this fault counts."""
        if not fnmatchcase(command, self.command):
            return False
        return all(fnmatchcase(parameters.get(name, ""), pattern) for name, pattern in self.match.items())


class Faults:
    """The faults in force; safe to change from any thread while requests are served."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._faults: list[_Counted] = [_Counted(one) for one in faults]

    def add(self, *faults: Fault) -> None:
        """Put further faults in force; each begins to count now."""
        with self._lock:
            self._faults += [_Counted(one) for one in faults]

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        with self._lock:
            self._faults.clear()

    def befalling(self, command: str, parameters: Mapping[str, str]) -> Fault | None:
        """The fault of this call: the first in force that strikes. Every fault that counts the call counts it."""
        if not self._faults:
            return None
        with self._lock:
            struck = [one.fault for one in self._faults if one.strikes(command, parameters)]
        return struck[0] if struck else None


class _Counted:
    """A fault, how many calls it has seen and how often it struck."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self._seen = 0
        self._struck = 0
        self._random = random.Random(fault.seed)

    def strikes(self, command: str, parameters: Mapping[str, str]) -> bool:
        fault = self.fault
        if not fault.concerns(command, parameters):
            return False
        self._seen += 1
        if fault.times is not None and self._struck >= fault.times:
            return False
        if fault.nth is not None:
            strikes = self._seen == fault.nth
        elif fault.every is not None:
            strikes = self._seen % fault.every == 0
        elif fault.share is not None:
            strikes = self._random.random() < fault.share
        else:
            strikes = True
        self._struck += strikes
        return strikes
