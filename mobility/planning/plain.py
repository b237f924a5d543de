"""Buses and ferries for themselves: the front over departure, arrival and transfers.

What else there is does not matter here, so nothing drives them out (motis#1234), and since a day's
departures are always the same, pages neither skip nor repeat. What they cost is found afterwards.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import repeat
from operator import attrgetter

import numpy as np
import numpy.typing as npt

from gtfs.front import FAR
from gtfs.journey import Access, Footpath, Journey, Query, Ride, profile, search, search_latest
from gtfs.network import Usable
from gtfs.service_time import day_zero, service_day
from gtfs.stands import Met
from gtfs.timetable import Timetable
from mobility.planning.candidate import Candidate
from providers.values import Mode

MAX_TRANSFERS = 4
HOUR_SECONDS = 3600
Ints = npt.NDArray[np.int32]
_BUS = (Mode.BUS,)


class PlainWays:
    """The scheduled ways between the stops around two doors."""

    def __init__(
        self, timetable: Timetable, access: Ints, egress: Ints, usable: Usable, *,
        backwards: bool, changing: Met | None = None,
    ) -> None:  # fmt: skip
        """Take the seconds by stop to and from the doors, ``FAR`` where out of reach.

        ``changing`` is the ride after which (backwards: before which) the ways begin (end).
        """
        self._timetable = timetable
        self._sources, self._targets = _reached(access), _reached(egress)
        self._usable = usable
        self._backwards = backwards
        self._changing = changing
        self._days: dict[date, tuple[Query, int]] = {}
        self._asked: dict[int, list[Candidate]] = {}

    @property
    def lead_nowhere(self) -> bool:
        """Whether one of the doors has no stop in reach."""
        return not self._sources or not self._targets

    def ask(self, moment: int) -> list[Candidate]:
        """The front that leaves at a moment or later (arrive-by: arrives by then), unpriced.

        ``moment`` is in POSIX seconds; each ``found`` is the kernel's journey.
        """
        known = self._asked.get(moment)
        if known is None:
            known = self._asked[moment] = self._find(moment)
        return known

    def _find(self, moment: int) -> list[Candidate]:
        query, zero = self._day(moment)
        kernel = search_latest if self._backwards else search
        return [self._candidate(journey, zero) for journey in kernel(self._timetable, query)]

    def _day(self, moment: int) -> tuple[Query, int]:
        """The query of a moment, and the zero of its service day in POSIX seconds."""
        day = service_day(datetime.fromtimestamp(moment, UTC), self._timetable.tz)
        known = self._days.get(day)
        if known is None:
            ends = (self._sources, self._targets)
            query = Query(day, 0, *ends, max_transfers=MAX_TRANSFERS, usable=self._usable)
            if self._backwards:
                query = query._replace(goes_by=self._changing)
            else:
                query = query._replace(came_by=self._changing)
            known = self._days[day] = (query, int(day_zero(day, self._timetable.tz).timestamp()))
        query, zero = known
        return query._replace(seconds=moment - zero), zero

    def slowest(self, moment: int, slower_s: int) -> int | None:
        """Seconds from a moment within which a way is not that much slower than the fastest.

        None where nothing goes within a day.
        """
        found = [] if self.lead_nowhere else self.ask(moment)
        if not found:
            return None
        if self._backwards:
            return moment - max(way.departs for way in found) + slower_s
        return min(way.arrives for way in found) - moment + slower_s

    def _candidate(self, journey: Journey, zero: int) -> Candidate:
        wait_s = 0
        before = journey.legs[0].departs_s
        rides = []
        for leg in journey.legs:
            wait_s = max(wait_s, leg.departs_s - before)
            before = leg.arrives_s
            if isinstance(leg, Ride):
                rides.append((leg.trip, leg.from_position, leg.to_position))
        departs = zero + journey.departs_s
        return Candidate(
            departs,
            zero + journey.arrives_s,
            journey.transfers,
            0,
            0,
            _BUS,
            walked_s(journey),
            (departs, *rides),
            journey,
            has_transit=True,
            longest_wait=wait_s,
        )


def walked_s(journey: Journey) -> int:
    """The seconds on foot of a journey, from door to door."""
    between = (leg.arrives_s - leg.departs_s for leg in journey.legs if isinstance(leg, Footpath))
    out_s = journey.legs[0].departs_s - journey.departs_s
    return out_s + sum(between) + journey.arrives_s - journey.legs[-1].arrives_s


class HourlyWays(PlainWays):
    """The same, departing: an hour's departures are asked for at once, which the next ones share.

    Of ways that are equal in departure, arrival and transfers it may know another one.
    """

    _hour: tuple[int, list[Candidate]] | None = None

    def _find(self, moment: int) -> list[Candidate]:
        """Of all departures from here on the best of each number of transfers, as far as any is."""
        best: dict[int, Candidate] = {}
        for way in self._departing(moment):
            known = best.get(way.transfers)
            if way.departs >= moment and (known is None or way.arrives < known.arrives):
                best[way.transfers] = way
        front: list[Candidate] = []
        for _, way in sorted(best.items()):
            if not front or way.arrives < front[-1].arrives:
                front.append(way)
        return front

    def _departing(self, moment: int) -> list[Candidate]:
        """All that could be on the front of a moment: an hour's departures, and the front after it.

        The latest departure first, so that of equal arrivals it is met first.
        """
        if self._hour is not None:
            first, ways = self._hour
            if first <= moment <= first + HOUR_SECONDS:
                return ways
        query, zero = self._day(moment)
        until_s = query.seconds + HOUR_SECONDS
        found = [
            *search(self._timetable, query._replace(seconds=until_s + 1)),
            *profile(self._timetable, query, until_s),
        ]
        ways = [self._candidate(journey, zero) for journey in found]
        ways.sort(key=attrgetter("departs"), reverse=True)
        self._hour = (moment, ways)
        return ways


def _reached(seconds: Ints) -> tuple[Access, ...]:
    """The stops in reach; made as tuples, for there are dozens."""
    stops = np.flatnonzero(seconds < FAR)
    pairs = zip(stops.tolist(), seconds[stops].tolist(), strict=True)
    return tuple(map(tuple.__new__, repeat(Access), pairs))
