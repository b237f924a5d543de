"""The first and the last connection of a service day.

A connection is of the service day of its first ride (GTFS), so a bus at 25:10 is of the evening
before. Some feeds give night buses the next morning's date instead: what leaves before 03:00 by the
clock is of the evening before as well. Of a day counts what leaves from 03:00 on and is there by
06:00 of the next morning; the plain kernel answers moment by moment, so first and last are exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gtfs.journey import Ride
from gtfs.service_time import instant
from mobility.planning.candidate import Candidate
from mobility.planning.errors import BadSearchError
from mobility.planning.itinerary import Reason
from mobility.planning.request import FUTURE, PAST, DayEnd, Notice, SearchRequest
from mobility.planning.scheduled import PlainPage
from mobility.planning.transit import ALL, Ask, list_departing

NIGHT_ENDS = time(3)
"""On this side of the hour that the clocks leave out or repeat."""
_THERE_BY = time(6)
_SLICE_SECONDS = 3600
_DAYS_AHEAD = 7
_DAY = timedelta(days=1)
_WEEKDAYS = ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag")
_WHICH = {DayEnd.FIRST: "erste", DayEnd.LAST: "letzte"}


def at_its_day(request: SearchRequest, zone: ZoneInfo, now: datetime) -> SearchRequest:
    """The same with the day that is meant, searched from its beginning; else the request itself.

    Raises:
        BadSearchError: a time beside it, or a day too far away.
    """
    if request.of_day is None:
        if request.day is not None:
            raise BadSearchError("a date goes with when: first or last")
        return request
    if request.depart_at is not None or request.arrive_by is not None:
        raise BadSearchError("give a time, or when and date, not both")
    today = service_day_at(now, zone)
    day = today if request.day is None else request.day
    if not today - PAST <= day <= today + FUTURE:
        raise BadSearchError(
            f"{day} is too far away: ask for a day from {today - PAST} to {today + FUTURE}"
        )
    return replace(request, day=day, depart_at=datetime.combine(day, NIGHT_ENDS, zone))


def service_day_at(at: datetime, zone: ZoneInfo) -> date:
    """The service day that people mean at an instant: by night it is still the evening's."""
    local = at.astimezone(zone)
    return local.date() if local.time() >= NIGHT_ENDS else local.date() - _DAY


@dataclass(frozen=True, slots=True)
class DayEnds:
    """One service day of one search."""

    ask: Ask
    day: date
    zone: ZoneInfo
    """The city's, by whose clock it is night."""
    feed_zone: ZoneInfo
    """That of the timetable's seconds."""
    direct_s: int
    """What takes as long as the walk is no connection."""

    def list_end(self, end: DayEnd) -> PlainPage:
        """The ways that leave first (last), all at the same second; none: the next day's first."""
        for first, until in self._slices(end):
            ways = [
                way for way in list_departing(self.ask, first, until, ALL).ways if self._is(way)
            ]
            if ways:
                pick = min if end is DayEnd.FIRST else max
                departs = pick(way.departs for way in ways)
                why = () if end is DayEnd.FIRST else (Reason.LAST_WAY_HOME,)
                same = tuple(w._replace(reasons=why) for w in ways if w.departs == departs)
                return PlainPage(same, departs, departs + 1)
        return self._next_day()

    def _slices(self, end: DayEnd) -> Iterator[tuple[int, int]]:
        begin, until = self._at(self.day, NIGHT_ENDS), self._at(self.day + _DAY, _THERE_BY)
        starts = range(begin, until, _SLICE_SECONDS)
        for start in starts if end is DayEnd.FIRST else reversed(starts):
            yield start, min(start + _SLICE_SECONDS, until)

    def _is(self, way: Candidate) -> bool:
        there_by = self._at(self.day + _DAY, _THERE_BY)
        on_day = self._service_day(way) == self.day
        return on_day and way.arrives <= there_by and way.seconds < self.direct_s

    def _service_day(self, way: Candidate) -> date:
        """By its first ride."""
        ride = next(leg for leg in way.found.legs if isinstance(leg, Ride))
        day: date = way.found.day + timedelta(days=ride.day_offset)
        leaves = instant(way.found.day, ride.departs_s, self.feed_zone).astimezone(self.zone)
        by_night = leaves.date() == day and leaves.time() < NIGHT_ENDS
        return day - _DAY if by_night else day

    def _next_day(self) -> PlainPage:
        begin = self._at(self.day, NIGHT_ENDS)
        for ahead in range(1, _DAYS_AHEAD + 1):
            first, until = (self._at(self.day + n * _DAY, NIGHT_ENDS) for n in (ahead, ahead + 1))
            found = list_departing(self.ask, first, until, 1)
            ways = tuple(way for way in found.ways if way.seconds < self.direct_s)
            if ways:
                return PlainPage(ways, begin, found.cut or until, jumped=True)
        return PlainPage((), begin, self._at(self.day + _DAY, NIGHT_ENDS))

    def _at(self, day: date, clock: time) -> int:
        return int(datetime.combine(day, clock, self.zone).timestamp())


def say_end(end: DayEnd, day: date, departs: datetime | None, zone: ZoneInfo) -> Notice:
    """Which connection it is that is shown; None: that there is none on the day."""
    named = f"{_WEEKDAYS[day.weekday()]}, {day:%d.%m.%Y}"
    if departs is None:
        return Notice("none_that_day", f"Am {named}, fährt hier nichts.")
    local = departs.astimezone(zone)
    night = f" (in der Nacht zum {local:%d.%m.})" * (local.date() > day)
    text = f"Die {_WHICH[end]} Verbindung am {named}: ab {_say_clock(local)}{night}."
    return Notice(f"{end}_of_day", text, at=departs)


def _say_clock(local: datetime) -> str:
    """By the clock; in the hour that is there twice, with which of both is meant."""
    said = f"{local:%H:%M} Uhr"
    if local.replace(fold=0).utcoffset() == local.replace(fold=1).utcoffset():
        return said
    return f"{said} {'Winterzeit' if local.fold else 'Sommerzeit'}"
