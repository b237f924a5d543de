"""Buses and ferries for themselves: the front over departure, arrival and transfers.

What else there is does not matter here, so nothing drives them out (motis#1234), and since a day's
departures are always the same, pages neither skip nor repeat. What they cost is found afterwards.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from gtfs.front import FAR
from gtfs.ids import StopIdx
from gtfs.journey import Access, Footpath, Journey, Query, Ride, search, search_latest
from gtfs.network import Usable
from gtfs.service_time import day_zero, seconds_at, service_day
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
        self._sources, self._targets = _reached(access), _reached(egress)
        self._usable = usable
        self._backwards = backwards

    @property
    def lead_nowhere(self) -> bool:
        """Whether one of the doors has no stop in reach."""
        return not self._sources or not self._targets

    def ask(self, moment: int) -> list[Candidate]:
        """The front that leaves at a moment or later (arrive-by: arrives by then), unpriced.

        ``moment`` is in POSIX seconds; each ``found`` is the kernel's journey.
        """
        at = datetime.fromtimestamp(moment, UTC)
        day = service_day(at, self._timetable.tz)
        query = Query(
            day=day,
            seconds=seconds_at(at, day, self._timetable.tz),
            sources=self._sources,
            targets=self._targets,
            max_transfers=MAX_TRANSFERS,
            usable=self._usable,
        )
        found = (search_latest if self._backwards else search)(self._timetable, query)
        zero = int(day_zero(day, self._timetable.tz).timestamp())
        return [self._candidate(journey, zero) for journey in found]

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
