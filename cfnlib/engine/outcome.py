"""How a phase of a plan ended."""

from __future__ import annotations

from attrs import define, field


@define
class Outcome:
    """How a phase ended: the failures that count (logical id and reason), and whether it was asked to stop.

    `halted` says that it has not ended: another process is to go on with it.
    """

    failures: list[tuple[str, str]] = field(factory=list)
    stopped: bool = False
    halted: bool = False

    @property
    def ok(self) -> bool:
        """Whether everything was done."""
        return not (self.failures or self.stopped or self.halted)
