"""The scheduled ways that pass places on the way, moment by moment, for ``scheduled``'s pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from gtfs.ids import StopIdx
from gtfs.journey import Footpath, Journey, Ride, StayedRide
from gtfs.network import Usable
from gtfs.rides import calls_of
from gtfs.timetable import Timetable
from mobility.planning.candidate import Candidate, candidate
from mobility.planning.ground import Door
from mobility.planning.plain import PlainWays
from mobility.planning.via.sections import Part, Section, stays_aboard
from providers.values import Mode

LONGEST_BEYOND_SECONDS = 3 * 3600
"""Nobody stays so much longer at a place than wanted, as long as anything else goes."""
_BUS = (Mode.BUS,)
_Way = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class ViaWay:
    """A scheduled way as its finder knows it."""

    parts: _Way

    @property
    def _first(self) -> Journey:
        return next(part.journey for part in self.parts if part.journey is not None)

    @property
    def day(self) -> date:
        """The day on whose axis the first ride is."""
        return self._first.day

    @property
    def legs(self) -> tuple[Ride | Footpath, ...]:
        """The legs of the part with the first ride."""
        return self._first.legs


class ViaWays(PlainWays):
    """The scheduled ways that pass the places."""

    def __init__(
        self, whole: Section, sections: Sequence[Section], stays: Sequence[int], usable: Usable, *,
        backwards: bool,
    ) -> None:  # fmt: skip
        """Take the search without any place on the way too, and the seconds of each stay."""
        super().__init__(whole.timetable, whole.access, whole.egress, usable, backwards=backwards)
        self._whole = whole
        self._sections = sections
        self._stays = stays
        self._grows_back = backwards
        self._found: dict[int, list[Candidate]] = {}

    @property
    def lead_nowhere(self) -> bool:
        """Whether a section has neither a stop in reach nor a walk."""
        return any(section.leads_nowhere for section in self._sections)

    def ask(self, moment: int) -> list[Candidate]:
        """The ways on a front of a section that leave at a moment or later (arrive-by: by then)."""
        known = self._found.get(moment)
        if known is None:
            grown = self._grown_back(moment) if self._grows_back else self._grown(moment)
            ways = [
                self._candidate_of(self._closed_up(way))
                for way in grown
                if any(part.journey for part in way)
            ]
            ways += self._passing(moment)
            known = self._found[moment] = list({way.key: way for way in ways}.values())
        return known

    def _grown(self, moment: int) -> list[_Way]:
        ways: list[_Way] = [(part,) for part in self._sections[0].after(moment)]
        for section, stay_s in zip(self._sections[1:], self._stays, strict=True):
            ways = [
                (*way, part)
                for way in ways
                for part in section.after(way[-1].arrives, stay_s, way[-1])
            ]
        return ways

    def _grown_back(self, moment: int) -> list[_Way]:
        ways: list[_Way] = [(part,) for part in self._sections[-1].before(moment)]
        for section, stay_s in zip(self._sections[-2::-1], self._stays[::-1], strict=True):
            ways = [
                (part, *way)
                for way in ways
                for part in section.before(way[0].departs, stay_s, way[0])
            ]
        return ways

    def _closed_up(self, way: _Way) -> _Way:
        """The same with the walks at its beginning as late, those at its end as early as can be."""
        parts = list(way)
        ridden = [n for n, part in enumerate(parts) if part.journey]
        first, last = ridden[0], ridden[-1]
        for n in reversed(range(first)):
            leaves = parts[n + 1].departs - self._stays[n]
            parts[n] = parts[n].moved(leaves - parts[n].arrives)
        for n in range(last + 1, len(parts)):
            there = parts[n - 1].arrives + self._stays[n - 1]
            parts[n] = parts[n].moved(there - parts[n].departs)
        return tuple(parts)

    def _candidate_of(self, way: _Way) -> Candidate:
        aboard = sum(stays_aboard(before, after) for before, after in pairwise(way))
        aboard += sum(isinstance(ride, StayedRide) for part in way for ride in part.rides)
        rides = [
            (part.journey.day, ride.trip, ride.day_offset, ride.from_position, ride.to_position)
            for part in way
            if part.journey is not None
            for ride in part.rides
        ]
        return candidate(
            departs=way[0].departs,
            arrives=way[-1].arrives,
            transfers=len(rides) - aboard - 1,
            cents=0,
            co2_grams=0,
            kind=_BUS,
            walk_seconds=sum(part.walked_s for part in way),
            key=(way[0].departs, *rides),
            found=ViaWay(way),
            longest_wait=max(*(part.longest_wait for part in way), self._idle(way)),
        )

    def _idle(self, way: _Way) -> int:
        """The longest time beyond a stay that nobody would spend there; 0 if there is none."""
        beyond = (
            after.departs - before.arrives - stay
            for (before, after), stay in zip(pairwise(way), self._stays, strict=True)
        )
        return max((s for s in beyond if s > LONGEST_BEYOND_SECONDS), default=0)

    def _passing(self, moment: int) -> list[Candidate]:
        """Of the ways that need not pass the places those that do."""
        doors = [section.search.destination for section in self._sections[:-1]]
        if any(self._stays) or not all(door.stops for door in doors) or super().lead_nowhere:
            return []
        return [
            way._replace(found=ViaWay((Part(self._whole, way.departs, way.arrives, way.found),)))
            for way in super().ask(moment)
            if _passes(self._whole.timetable, way.found, doors)
        ]


def _passes(timetable: Timetable, journey: Journey, doors: Sequence[Door]) -> bool:
    """Whether a journey comes by the stops of each door, in order."""
    stops: list[StopIdx] = []
    for leg in journey.legs:
        if isinstance(leg, Footpath):
            stops += (leg.from_stop, leg.to_stop)
        else:
            stops += calls_of(timetable, leg)
    left = iter(stops)
    return all(any(stop in door.stops for stop in left) for door in doors)
