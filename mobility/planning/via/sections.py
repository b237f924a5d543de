"""One section of a search by way of other places: from one door to the next, by bus or on foot.

Where the rider comes by vehicle to a stop on the way (arrive-by: goes on by vehicle from it), the
section begins (ends) at that very platform: she needs the timetable's time to change there, unless
she stays longer anyway, or stays aboard.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from gtfs.front import FAR
from gtfs.ids import StopIdx
from gtfs.journey import Journey, Ride
from mobility.planning.candidate import Candidate
from mobility.planning.door_to_door import HORIZON_SECONDS, SLOWER_SECONDS, DoorToDoor
from mobility.planning.plain import Ints, PlainWays
from mobility.planning.rank import rank
from mobility.planning.transit import MAX_WAIT_SECONDS

_Run = tuple[int, date, int]
"""A trip on its day, at a position of its calls."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A way through one section; times are POSIX seconds."""

    section: Section
    departs: int
    arrives: int
    journey: Journey | None = None
    """None on foot."""
    longest_wait: int = 0

    @property
    def alights_at(self) -> StopIdx | None:
        """The stop of the section's end where a vehicle is left; None where one walks there."""
        if self.journey is None or self.section.egress[self.journey.target]:
            return None
        return self.journey.target

    @property
    def boards_at(self) -> StopIdx | None:
        """The stop of the section's beginning where a vehicle is boarded, as above."""
        if self.journey is None or self.section.access[self.journey.source]:
            return None
        return self.journey.source

    @property
    def rides(self) -> list[Ride]:
        """The rides in order."""
        if self.journey is None:
            return []
        return [leg for leg in self.journey.legs if isinstance(leg, Ride)]

    def moved(self, seconds: int) -> Part:
        """The same walk at another time."""
        return Part(self.section, self.departs + seconds, self.arrives + seconds)


def stays_aboard(before: Part, after: Part) -> bool:
    """Whether the second part begins in the vehicle in which the first one ends."""
    return None is not _end(before) == _begin(after)


def _end(part: Part) -> _Run | None:
    if part.journey is None or part.alights_at is None:
        return None
    ride = part.rides[-1]
    return (ride.trip, part.journey.day + timedelta(days=ride.day_offset), ride.to_position)


def _begin(part: Part) -> _Run | None:
    if part.journey is None or part.boards_at is None:
        return None
    ride = part.rides[0]
    return (ride.trip, part.journey.day + timedelta(days=ride.day_offset), ride.from_position)


class Section:
    """What one section's doors can reach."""

    def __init__(self, search: DoorToDoor) -> None:
        """Take the search from the one door to the other."""
        search.measure_doors()
        self.search = search
        self.timetable = search.timetable
        stops = len(search.scene.stops)
        self.access: Ints = search.doors.access[:stops]
        self.egress: Ints = search.doors.egress[:stops]
        self.on_foot_s = search.doors.direct_s
        self._ways: dict[tuple[StopIdx | None, int], tuple[PlainWays, Ints]] = {}

    @property
    def leads_nowhere(self) -> bool:
        """Whether neither a walk nor a stop in reach leads out of it."""
        no_stop = not (self.access < FAR).any() or not (self.egress < FAR).any()
        return no_stop and self.on_foot_s >= FAR

    def after(self, moment: int, stay_s: int = 0, before: Part | None = None) -> list[Part]:
        """What leaves the door once the stay is over, where the part before has led to it."""
        stop = before.alights_at if before else None
        parts = self._leaving(moment, stop, stay_s)
        if before is not None and stop is not None and not stay_s:
            aboard = self._leaving(moment, None, 0)
            parts += [part for part in aboard if stays_aboard(before, part)]
        if self.on_foot_s < FAR:
            leaves = moment + stay_s
            parts.append(Part(self, leaves, leaves + self.on_foot_s))
        return parts

    def before(self, moment: int, stay_s: int = 0, after: Part | None = None) -> list[Part]:
        """What is at the door in time for the stay, before the part that goes on from it."""
        stop = after.boards_at if after else None
        parts = self._arriving(moment, stop, stay_s)
        if after is not None and stop is not None and not stay_s:
            aboard = self._arriving(moment, None, 0)
            parts += [part for part in aboard if stays_aboard(part, after)]
        if self.on_foot_s < FAR:
            there = moment - stay_s
            parts.append(Part(self, there - self.on_foot_s, there))
        return parts

    def front(self, moment: int) -> tuple[Candidate, ...]:
        """The best of everything from the one door to the other, from (by) a moment on."""
        search = self.search
        if search.backwards:
            slow = [moment - part.departs for part in self._arriving(moment, None, 0)]
        else:
            slow = [part.arrives - moment for part in self._leaving(moment, None, 0)]
        horizon_s = min(min(slow, default=HORIZON_SECONDS) + SLOWER_SECONDS, HORIZON_SECONDS)
        found = search.all_ways.ask(moment, horizon_s)
        good = [way for way in found if way.longest_wait <= MAX_WAIT_SECONDS]
        return rank((), good, latest_first=search.backwards)

    def _leaving(self, moment: int, stop: StopIdx | None, stay_s: int) -> list[Part]:
        ways, access = self._between(stop, stay_s, backwards=False)
        return [self._left(way, access) for way in _ask(ways, moment)]

    def _left(self, way: Candidate, access: Ints) -> Part:
        """The part without the stay and change before it, which ``access`` counts as a way."""
        journey: Journey = way.found
        later = int(access[journey.source] - self.access[journey.source])
        journey = journey._replace(departs_s=journey.departs_s + later)
        return Part(self, way.departs + later, way.arrives, journey, way.longest_wait)

    def _arriving(self, moment: int, stop: StopIdx | None, stay_s: int) -> list[Part]:
        ways, egress = self._between(stop, stay_s, backwards=True)
        return [self._arrived(way, egress) for way in _ask(ways, moment)]

    def _arrived(self, way: Candidate, egress: Ints) -> Part:
        journey: Journey = way.found
        earlier = int(egress[journey.target] - self.egress[journey.target])
        journey = journey._replace(arrives_s=journey.arrives_s - earlier)
        return Part(self, way.departs, way.arrives - earlier, journey, way.longest_wait)

    def _between(
        self, stop: StopIdx | None, stay_s: int, *, backwards: bool
    ) -> tuple[PlainWays, Ints]:
        """The ways once the time at one door is up, and the seconds by stop that it counts."""
        known = self._ways.get((stop, stay_s))
        if known is None:
            door = self.search.destination if backwards else self.search.origin
            plain = self.egress if backwards else self.access
            seconds = np.where(plain < FAR, plain + np.int32(stay_s), FAR).astype(np.int32)
            if stop is not None:
                for other in door.stops:
                    pair = (other, stop) if backwards else (stop, other)
                    seconds[other] = max(self._change_s(*pair), stay_s)
            ends = (self.access, seconds) if backwards else (seconds, self.egress)
            ways = PlainWays(self.timetable, *ends, self.search.usable, backwards=backwards)
            known = self._ways[stop, stay_s] = (ways, seconds)
        return known

    def _change_s(self, start: StopIdx, end: StopIdx) -> int:
        """The timetable's time to change between two stops; ``FAR`` where it knows of none."""
        if start == end:
            return int(self.timetable.stop_table.change_s[start])
        walks = self.timetable.footpaths
        here = slice(int(walks.from0[start]), int(walks.from0[start + 1]))
        there = np.flatnonzero(walks.to[here] == end)
        return int(walks.seconds[here][there[0]]) if len(there) else FAR


def _ask(ways: PlainWays, moment: int) -> list[Candidate]:
    return [] if ways.lead_nowhere else ways.ask(moment)
