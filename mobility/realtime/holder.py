"""The timetable as it is now: prepared beside the running searches, then put in place at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from gtfs.network import View, network_of
from gtfs.realtime_live import Live
from gtfs.realtime_patch import patched
from gtfs.realtime_values import Message, Updates
from gtfs.service_time import service_day
from gtfs.timetable import Timetable

Prepare = Callable[[Live, datetime], None]


class LiveTimetable:
    """Holds ``current``, which is replaced as a whole: who reads it once sees one state.

    Safe to be read from any thread; ``make`` is to be called from one at a time.
    """

    def __init__(self, static: Timetable) -> None:
        """Begin with the planned timetable."""
        self.static = static
        self.current = Live.of(static)
        self.before: list[Prepare] = [warm]
        """What to do with a new state before any search sees it, in the preparing thread."""
        self.after: list[Callable[[Live], None]] = []
        """Whom to tell of a new state; they must be quick."""

    def make(self, messages: Sequence[Message], now: datetime) -> Live:
        """The state that these messages describe, with everything that searches need of it.

        Blocking. Without messages it is the planned timetable.
        """
        if not messages:
            return Live.of(self.static)
        live = patched(self.static, Updates.of(messages), now)
        for prepare in self.before:
            prepare(live, now)
        return live

    def put(self, live: Live) -> None:
        """Let every search that begins from now on see this state."""
        self.current = live
        for tell in self.after:
            tell(live)


def warm(live: Live, now: datetime) -> None:
    """Build what searches of the day read, in every direction; changes of both at the same time."""
    timetable = live.timetable
    day = service_day(now, timetable.tz)
    networks = {view: network_of(timetable, day, view) for view in View}
    with ThreadPoolExecutor(2, "realtime") as threads:
        for view in (View.AHEAD, View.MIRRORED):
            threads.submit(networks[view].transfers, walk_at_ends=False)
