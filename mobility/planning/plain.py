"""Buses and ferries for themselves: the front over departure, arrival and transfers.

What else there is does not matter here, so nothing drives them out (motis#1234), and since a day's
departures are always the same, pages neither skip nor repeat. What they cost is found afterwards.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import numpy.typing as npt

from gtfs.front import FAR
from gtfs.ids import StopIdx
from gtfs.journey import Access, Footpath, Journey, Query, Ride, search, search_latest
from gtfs.network import Usable
from gtfs.service_time import day_zero, service_day
from gtfs.timetable import Timetable
from mobility.planning.candidate import Candidate, candidate
from providers.values import Mode

MAX_TRANSFERS = 4
Ints = npt.NDArray[np.int32]
_BUS = (Mode.BUS,)


class PlainWays:
    """The scheduled ways between the stops around two doors."""

    def __init__(
        self, timetable: Timetable, access: Ints, egress: Ints, usable: Usable, *, backwards: bool
    ) -> None:
        """Take the seconds by stop to and from the doors, ``FAR`` where out of reach."""
        self._timetable = timetable
        self._tz = timetable.tz
        self._sources, self._targets = _reached(access), _reached(egress)
        self._usable = usable
        self._backwards = backwards
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
            query, zero = self._day(service_day(datetime.fromtimestamp(moment, UTC), self._tz))
            kernel = search_latest if self._backwards else search
            found = kernel(self._timetable, query._replace(seconds=moment - zero))
            known = self._asked[moment] = [self._candidate(journey, zero) for journey in found]
        return known

    def _day(self, day: date) -> tuple[Query, int]:
        """A query from the zero of a day, and that zero in POSIX seconds."""
        known = self._days.get(day)
        if known is None:
            ends = (self._sources, self._targets)
            query = Query(day, 0, *ends, max_transfers=MAX_TRANSFERS, usable=self._usable)
            known = self._days[day] = (query, int(day_zero(day, self._tz).timestamp()))
        return known

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
        wait_s, before = 0, None
        rides = []
        for leg in journey.legs:
            if before is not None:
                wait_s = max(wait_s, leg.departs_s - before)
            before = leg.arrives_s
            if isinstance(leg, Ride):
                rides.append((leg.trip, leg.from_position, leg.to_position))
        return candidate(
            departs=zero + journey.departs_s,
            arrives=zero + journey.arrives_s,
            transfers=journey.transfers,
            cents=0,
            co2_grams=0,
            kind=_BUS,
            walk_seconds=sum(
                leg.arrives_s - leg.departs_s for leg in journey.legs if isinstance(leg, Footpath)
            ),
            key=(zero + journey.departs_s, *rides),
            found=journey,
            longest_wait=wait_s,
        )


def _reached(seconds: Ints) -> tuple[Access, ...]:
    stops = np.flatnonzero(seconds < FAR)
    both = zip(stops.tolist(), seconds[stops].tolist(), strict=True)
    return tuple(Access(StopIdx(stop), s) for stop, s in both)
