"""The timetable as it is now: prepared beside the running searches, then put in place at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from gtfs.network import View, days_around, known_of, network_of
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
        for before in (Live.of(self.static), self.current):
            carry_over(before, live)
        if live.timetable is not self.static:
            known_of(live.timetable).planned = known_of(self.static)
        for prepare in self.before:
            prepare(live, now)
        return live

    def put(self, live: Live) -> None:
        """Let every search that begins from now on see this state."""
        self.current = live
        for tell in self.after:
            tell(live)


def carry_over(before: Live, after: Live) -> None:
    """Let a new state use the networks of days on which it and the state before are as planned."""
    touched = before.touched_days() | after.touched_days()
    source, target = known_of(before.timetable), known_of(after.timetable)
    with source.lock:
        networks = list(source.networks.items())
    held = (days_around(live.timetable, View.MIRRORED) for live in (before, after))
    around = [timedelta(days=offset) for offset in set().union(*held)]
    with target.lock:
        for key, network in networks:
            if not any(key[0] + offset in touched for offset in around):
                target.networks[key] = network


def warm(live: Live, now: datetime) -> None:
    """Build what searches of the day read, in both directions at the same time."""
    timetable = live.timetable
    day = service_day(now, timetable.tz)

    def build(view: View) -> None:
        network_of(live.static, day, view)  # what stays as planned is taken over from there
        network = network_of(timetable, day, view)
        if view is not View.AROUND:
            network.give_back(network.borrow(walk_at_ends=False), walk_at_ends=False)

    with ThreadPoolExecutor(2, "realtime") as threads:
        tasks: list[Future[Any]] = [
            threads.submit(build, view) for view in (View.MIRRORED, View.AHEAD, View.AROUND)
        ]
    for task in tasks:
        task.result()


def warm_next_day(live: Live, now: datetime, view: View) -> None:
    """Build what searches of the day after read, which are fewer, once the state is in place."""
    timetable = live.timetable
    day = service_day(now, timetable.tz) + timedelta(days=1)
    network_of(live.static, day, view)
    network_of(timetable, day, view).transfers(walk_at_ends=False)
