"""The timetable as it is now: prepared beside the running searches, then put in place at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from gtfs.journey import Access, Query, search, search_latest
from gtfs.network import View, network_of
from gtfs.realtime_live import Live
from gtfs.realtime_patch import patched
from gtfs.realtime_values import Message, Updates
from gtfs.service_time import seconds_at, service_day
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
    """Build the networks of the day, in every direction that searches read them."""
    timetable = live.timetable
    day = service_day(now, timetable.tz)
    for view in View:
        network_of(timetable, day, view)
    if len(timetable.stop_table.id) < 2:
        return
    seconds = seconds_at(now, day, timetable.tz)
    here, there = ((Access(stop.idx, 0),) for stop in timetable.stops[:2])
    for walk_at_ends in (False, True):
        query = Query(day, seconds, here, there, walk_at_ends=walk_at_ends)
        search(timetable, query)
        search_latest(timetable, query)
