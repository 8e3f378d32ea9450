"""How one walk is in contact with the cloud: by threads that it may share with others, or all by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cfnlib.engine.crew import Crew
from cfnlib.engine.line import Line
from cfnlib.engine.polls import Polls

if TYPE_CHECKING:
    from cfnlib.drivers.base import Driver
    from cfnlib.engine.journal import Journal
    from cfnlib.engine.lookout import Watch
    from cfnlib.engine.settings import Settings


class Contact:
    """The line for a walk's calls, and the polls for their ends. `close` it when the walk ends.

    Without a crew the walk has one of its own; with `Settings.inline` everything is done in its own thread.
    """

    def __init__(self, crew: Crew | None, driver: Driver, journal: Journal, settings: Settings) -> None:
        clock = journal.clock
        self._own: Crew | None = None
        self.polls: Polls | Watch
        if settings.inline:
            self.line = Line(clock, lambda: journal.holds, lambda: journal.halted, None)
            self.polls = Polls(driver, self.line, clock, settings)
            return
        if crew is None:
            crew = self._own = Crew(settings.calls_in_flight)
        lane = crew.lane(journal.stack.account, settings.calls_in_flight)
        self.line = Line(clock, lambda: journal.holds, lambda: journal.halted, lane)
        self.polls = crew.watch(driver, settings, clock, self.line.deliver)

    def close(self) -> None:
        """Start nothing more; what is under way ends by itself."""
        self.line.close()
        self.polls.close()
        if self._own is not None:
            self._own.close()
