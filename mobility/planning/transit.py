"""Every scheduled journey that leaves, or arrives, within a window.

The kernel answers for one moment; a window is asked from moment to moment: after each answer the
next moment is one second after the earliest departure found (for arrive-by, before the latest
arrival), so that no Pareto journey of the window is missed and none is found twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from gtfs.ids import StopIdx
from gtfs.journey import Access, Journey, Query, Ride, search, search_latest
from gtfs.service_time import instant, seconds_at, service_day
from gtfs.timetable import Timetable

MAX_TRANSFERS = 4
MAX_WAIT_SECONDS = 4500
"""Who would wait longer between two rides travels later instead (motis#753)."""
_MOMENTS = 40
"""Moments asked at most in one window."""


@dataclass(frozen=True, slots=True)
class Doors:
    """Seconds from the one door to stops, and from stops to the other."""

    out: Mapping[int, int]
    back: Mapping[int, int]

    def query(self, at: datetime, timetable: Timetable) -> Query:
        """The kernel's question for one moment."""
        day = service_day(at, timetable.tz)
        return Query(
            day=day,
            seconds=seconds_at(at, day, timetable.tz),
            sources=tuple(Access(StopIdx(stop), s) for stop, s in self.out.items()),
            targets=tuple(Access(StopIdx(stop), s) for stop, s in self.back.items()),
            max_transfers=MAX_TRANSFERS,
        )

    @property
    def lead_nowhere(self) -> bool:
        """Whether one of the doors has no stop in reach."""
        return not self.out or not self.back


@dataclass(frozen=True, slots=True)
class Found:
    """The journeys of a window, and the first (arrive-by: last) beyond what was asked."""

    journeys: tuple[Journey, ...]
    beyond: Journey | None
    """The next one after the window (arrive-by: before it); None if there is none within a day."""
    cut: datetime | None
    """Where the list was cut short because it held enough; the next page begins there."""


def departs_at(journey: Journey, timetable: Timetable) -> datetime:
    """When the traveller leaves the door."""
    return instant(journey.day, journey.departs_s, timetable.tz)


def arrives_at(journey: Journey, timetable: Timetable) -> datetime:
    """When the traveller is at the other door."""
    return instant(journey.day, journey.arrives_s, timetable.tz)


def list_departing(
    timetable: Timetable, doors: Doors, first: datetime, until: datetime, enough: int
) -> Found:
    """The Pareto journeys that leave the door in [first, until).

    Once ``enough`` are found the window ends before the next departure.
    """
    return _scan(_Scan(timetable, doors, 1), first.timestamp(), until.timestamp(), enough)


def list_arriving(
    timetable: Timetable, doors: Doors, after: datetime, last: datetime, enough: int
) -> Found:
    """The Pareto journeys that arrive at the door in (after, last], from the latest backwards."""
    return _scan(_Scan(timetable, doors, -1), -last.timestamp(), -after.timestamp(), enough)


@dataclass(frozen=True, slots=True)
class _Scan:
    """One direction of time: places on its axis grow from moment to moment."""

    timetable: Timetable
    doors: Doors
    sign: int

    def ask(self, place: float) -> tuple[Journey, ...]:
        kernel = search if self.sign > 0 else search_latest
        return kernel(self.timetable, self.doors.query(self.moment(place), self.timetable))

    def moment(self, place: float) -> datetime:
        return datetime.fromtimestamp(self.sign * place, UTC)

    def place(self, journey: Journey) -> float:
        edge = departs_at if self.sign > 0 else arrives_at
        return self.sign * edge(journey, self.timetable).timestamp()


def _scan(scan: _Scan, start: float, stop: float, enough: int) -> Found:
    found: dict[object, Journey] = {}
    if scan.doors.lead_nowhere:
        return Found((), None, None)
    place = start
    for _ in range(_MOMENTS):
        answer = scan.ask(place)
        if not answer:
            return Found(tuple(found.values()), None, None)
        following = min(answer, key=scan.place)
        place = scan.place(following)
        good = [journey for journey in answer if not _waits(journey)]
        if place >= stop and following in good:
            return Found(tuple(found.values()), following, None)
        fresh = {_key(j): j for j in good if scan.place(j) < stop and _key(j) not in found}
        better = [key for key, old in found.items() if _beaten(old, fresh.values())]
        if len(found) >= enough and fresh and not better:
            kept = tuple(j for j in found.values() if scan.place(j) < place)
            return Found(kept, following, scan.moment(place))
        for key in better:
            del found[key]
        found |= fresh
        place += 1
    return Found(tuple(found.values()), None, scan.moment(place))


def _waits(journey: Journey) -> bool:
    """Whether there is a long wait between two legs."""
    return any(
        after.departs_s - before.arrives_s > MAX_WAIT_SECONDS
        for before, after in pairwise(journey.legs)
    )


def _beaten(old: Journey, fresh: Iterable[Journey]) -> bool:
    """Whether a journey of the same day's axis is as good in all three and another one."""
    return any(
        new.day == old.day
        and new.departs_s >= old.departs_s
        and new.arrives_s <= old.arrives_s
        and new.transfers <= old.transfers
        for new in fresh
    )


def _key(journey: Journey) -> object:
    rides = tuple(
        (
            journey.day + timedelta(days=leg.day_offset),
            leg.trip,
            leg.from_position,
            leg.to_position,
        )
        for leg in journey.legs
        if isinstance(leg, Ride)
    )
    return (journey.source, journey.target, rides)
