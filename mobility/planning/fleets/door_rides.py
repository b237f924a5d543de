"""Rides on rented vehicles that end at the goal's own door, wherever it is."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from gtfs.front import DoorEdges
from gtfs.geo import LatLon
from mobility.planning.fleets.kind_zones import NOT_ALLOWED
from mobility.planning.fleets.kinds import FREE_ENDS, RIDE_SECONDS, Rides
from mobility.planning.fleets.view import FleetView
from mobility.planning.ways.reach import StreetWays
from mobility.planning.ways.water import Floats, degrees_of

Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class DoorRides:
    """The rides as the kernel takes them, and the metres of each."""

    edges: DoorEdges
    metres: Ints

    def kind_of(self, ride: int) -> int:
        """The kind of the ride that the kernel calls ``ride``, a complement."""
        return int(self.edges.kind[~ride])

    def slot_of(self, ride: int) -> int:
        """The slot where it begins."""
        return int(self.edges.place[~ride])

    def metres_of(self, ride: int) -> int:
        """Its length."""
        return int(self.metres[~ride])


def door_rides(
    ways: StreetWays, fleets: FleetView, kinds: AbstractSet[int], goal: LatLon, on: date
) -> DoorRides:
    """From every vehicle of the kinds that may be left there, as far as its range reaches."""
    door = degrees_of([goal])
    free = [
        (number, *fleets.standing(number))
        for number in sorted(kinds)
        if fleets.kinds[number].type.return_rule in FREE_ENDS
        and fleets.available[number].any()
        and (number not in fleets.zones or fleets.zones[number].may_be_left_at(goal))
    ]
    ridden = {
        mode: ways.reach(
            goal, mode, fleets.geometry.slots, on, max_seconds=RIDE_SECONDS, outward=False
        )
        for mode in {fleets.kinds[number].mode for number, _, _ in free}
    }
    number = _joined(np.full(len(slots), n, np.int32) for n, slots, _ in free)
    place = _joined(slots for _, slots, _ in free)
    far = _joined(ranges for _, _, ranges in free)
    moving = _joined(ridden[fleets.kinds[n].mode][slots] for n, slots, _ in free)
    held = _joined(
        _held_up(fleets, n, slots, ridden[fleets.kinds[n].mode][slots], door)
        for n, slots, _ in free
    )
    near = np.flatnonzero((moving >= 0) & (held != NOT_ALLOWED))
    rides = Rides.of(fleets.kinds, number[near], moving[near], held[near])
    kept = np.flatnonzero(rides.metres <= far[near])
    near = near[kept]
    return DoorRides(
        DoorEdges(
            place[near],
            number[near],
            rides.seconds[kept],
            rides.cents[kept],
            rides.mg[kept],
        ),
        rides.metres[kept],
    )


def _joined(parts: Iterable[Ints]) -> Ints:
    return np.concatenate([np.zeros(0, np.int32), *parts])


def _held_up(fleets: FleetView, number: int, slots: Ints, moving: Ints, door: Floats) -> Ints:
    held = np.zeros(len(slots), np.int32)
    if number in fleets.zones:
        near = np.flatnonzero(moving >= 0)
        starts = fleets.geometry.slots.degrees[slots[near]]
        metres = fleets.kinds[number].metres[moving[near]]
        one = np.zeros(len(near), np.int32)
        held[near] = fleets.zones[number].held_up(starts, door, np.arange(len(near)), one, metres)
    return held
