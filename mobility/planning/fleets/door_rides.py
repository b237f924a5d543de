"""Rides on rented vehicles that end at the goal's own door, wherever it is."""

from __future__ import annotations

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
        and (number not in fleets.zones or fleets.zones[number].may_be_left_at(goal))
    ]
    ridden = {
        mode: ways.reach(
            goal, mode, fleets.geometry.slots, on, max_seconds=RIDE_SECONDS, outward=False
        )
        for mode in {fleets.kinds[number].mode for number, slots, _ in free if len(slots)}
    }
    parts: list[tuple[Ints, ...]] = [(np.zeros(0, np.int32),) * 6]
    for number, slots, ranges in free:
        if not len(slots):
            continue
        kind = fleets.kinds[number]
        moving = ridden[kind.mode][slots]
        held = _held_up(fleets, number, slots, moving, door)
        near = (moving >= 0) & (held != NOT_ALLOWED)
        rides = Rides.of(kind, moving[near], held[near])
        columns = (
            slots[near],
            np.full(len(rides.metres), number, np.int32),
            rides.seconds,
            rides.cents,
            rides.mg,
            rides.metres,
        )
        parts.append(tuple(column[rides.metres <= ranges[near]] for column in columns))
    place, kind_column, seconds, cents, mg, metres = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    return DoorRides(DoorEdges(place, kind_column, seconds, cents, mg), metres)


def _held_up(fleets: FleetView, number: int, slots: Ints, moving: Ints, door: Floats) -> Ints:
    held = np.zeros(len(slots), np.int32)
    if number in fleets.zones:
        near = np.flatnonzero(moving >= 0)
        starts = fleets.geometry.slots.degrees[slots[near]]
        metres = fleets.kinds[number].metres[moving[near]]
        one = np.zeros(len(near), np.int32)
        held[near] = fleets.zones[number].held_up(starts, door, np.arange(len(near)), one, metres)
    return held
