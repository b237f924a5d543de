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
from gtfs.ids import StopIdx, TripIdx
from gtfs.journey import Journey, Ride
from gtfs.stands import Met
from mobility.planning.candidate import Candidate
from mobility.planning.door_to_door import HORIZON_SECONDS, SLOWER_SECONDS, DoorToDoor
from mobility.planning.plain import Ints, PlainWays, walked_s
from mobility.planning.rank import rank
from mobility.planning.transit import MAX_WAIT_SECONDS

_Run = tuple[int, date, int]
"""A trip on its day, at a position of its calls."""
_Ride = tuple[StopIdx, TripIdx]
"""A trip, and where it is boarded or left."""
_ANY = TripIdx(-1)
"""The trip where nothing is ruled of trips: any is as well."""


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
    def ends(self) -> _Ride | None:
        """Where and with which trip a vehicle is left at the section's end; None on foot."""
        stop = self.alights_at
        return None if stop is None else (stop, self.rides[-1].trip)

    @property
    def begins(self) -> _Ride | None:
        """The same of the vehicle boarded at its beginning."""
        stop = self.boards_at
        return None if stop is None else (stop, self.rides[0].trip)

    @property
    def rides(self) -> list[Ride]:
        """The rides in order."""
        if self.journey is None:
            return []
        return [leg for leg in self.journey.legs if isinstance(leg, Ride)]

    @property
    def walked_s(self) -> int:
        """The seconds on foot."""
        return self.arrives - self.departs if self.journey is None else walked_s(self.journey)

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
        self._ways: dict[tuple[_Ride | None, int], PlainWays] = {}

    @property
    def leads_nowhere(self) -> bool:
        """Whether neither a walk nor a stop in reach leads out of it."""
        no_stop = not (self.access < FAR).any() or not (self.egress < FAR).any()
        return no_stop and self.on_foot_s >= FAR

    def after(self, moment: int, stay_s: int = 0, before: Part | None = None) -> list[Part]:
        """What leaves the door once the stay is over, where the part before has led to it."""
        ride = before.ends if before else None
        parts = self._leaving(moment, ride, stay_s)
        if before is not None and ride is not None and not stay_s:
            aboard = self._leaving(moment, None, 0)
            parts += [part for part in aboard if stays_aboard(before, part)]
        if self.on_foot_s < FAR:
            leaves = moment + stay_s
            parts.append(Part(self, leaves, leaves + self.on_foot_s))
        return parts

    def before(self, moment: int, stay_s: int = 0, after: Part | None = None) -> list[Part]:
        """What is at the door in time for the stay, before the part that goes on from it."""
        ride = after.begins if after else None
        parts = self._arriving(moment, ride, stay_s)
        if after is not None and ride is not None and not stay_s:
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

    def _leaving(self, moment: int, ride: _Ride | None, stay_s: int) -> list[Part]:
        return [self._left(way) for way in _ask(self._between(ride, stay_s), moment)]

    def _left(self, way: Candidate) -> Part:
        """The part without the stay and change before it, which the search counts as a way."""
        journey: Journey = way.found
        leaves_s = journey.legs[0].departs_s - int(self.access[journey.source])
        later = leaves_s - journey.departs_s
        journey = journey._replace(departs_s=leaves_s)
        return Part(self, way.departs + later, way.arrives, journey, way.longest_wait)

    def _arriving(self, moment: int, ride: _Ride | None, stay_s: int) -> list[Part]:
        ways = self._between(ride, stay_s, backwards=True)
        return [self._arrived(way) for way in _ask(ways, moment)]

    def _arrived(self, way: Candidate) -> Part:
        journey: Journey = way.found
        there_s = journey.legs[-1].arrives_s + int(self.egress[journey.target])
        earlier = journey.arrives_s - there_s
        journey = journey._replace(arrives_s=there_s)
        return Part(self, way.departs, way.arrives - earlier, journey, way.longest_wait)

    def _between(self, ride: _Ride | None, stay_s: int, *, backwards: bool = False) -> PlainWays:
        """The ways once the time at one door is up: the stay, or the change from (to) a ride."""
        if ride is not None and not len(self.timetable.transfer_rules.seconds):
            ride = (ride[0], _ANY)
        known = self._ways.get((ride, stay_s))
        if known is None:
            door = self.search.destination if backwards else self.search.origin
            plain = self.egress if backwards else self.access
            seconds = np.where(plain < FAR, plain + np.int32(stay_s), FAR).astype(np.int32)
            changing = None
            if ride is not None:
                changing = Met(*ride, frozenset(door.stops), stay_s)
                seconds[list(door.stops)] = stay_s
            ends = (self.access, seconds) if backwards else (seconds, self.egress)
            known = self._ways[ride, stay_s] = PlainWays(
                self.timetable, *ends, self.search.usable, backwards=backwards, changing=changing
            )
        return known


def _ask(ways: PlainWays, moment: int) -> list[Candidate]:
    return [] if ways.lead_nowhere else ways.ask(moment)
