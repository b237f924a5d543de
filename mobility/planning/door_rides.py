"""Rides on rented vehicles that end at the goal's own door, wherever it is."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from gtfs.front import DoorEdges
from gtfs.geo import LatLon
from mobility.planning.fleet_kinds import FREE_ENDS, RIDE_SECONDS, Rides
from mobility.planning.fleet_map import FleetView
from mobility.planning.reach import StreetWays

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
    """From every vehicle of the kinds that need no station, as far as its range reaches."""
    free = [
        (number, *fleets.standing(number))
        for number in sorted(kinds)
        if fleets.kinds[number].type.return_rule in FREE_ENDS
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
        near = moving >= 0
        rides = Rides.of(kind, moving[near])
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
