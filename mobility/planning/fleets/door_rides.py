"""Rides on rented vehicles that end at the goal's own door, wherever it is."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from gtfs.front import DoorEdges
from gtfs.front_layout import DOOR_ROW
from gtfs.geo import LatLon
from mobility.planning.fleets.door_rows import fill_rows
from mobility.planning.fleets.kinds import LOCK_SECONDS, RIDE_SECONDS, UNLOCK_SECONDS, rows_of
from mobility.planning.fleets.view import FleetView, Standing
from mobility.planning.ways.reach import StreetWays
from mobility.planning.ways.water import degrees_of

Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class DoorRides:
    """The rides as the kernel takes them, and the metres of each."""

    edges: DoorEdges
    metres: Ints
    n_stops: int

    def kind_of(self, ride: int) -> int:
        """The kind of the ride that the kernel calls ``ride``, a complement."""
        return int(self.edges.rows[~ride, 1])

    def slot_of(self, ride: int) -> int:
        """The slot where it begins."""
        return int(self.edges.rows[~ride, 0]) - self.n_stops

    def metres_of(self, ride: int) -> int:
        """Its length."""
        return int(self.metres[~ride])


def door_rides(
    ways: StreetWays, fleets: FleetView, kinds: AbstractSet[int], goal: LatLon, on: date
) -> DoorRides:
    """From every vehicle of the kinds that may be left there, as far as its range reaches."""
    standing = fleets.standing(kinds)
    most, n_stops = sum(len(some.slots) for some in standing), len(fleets.geometry.stops)
    rows, metres = np.empty((most, DOOR_ROW), np.int32), np.empty(most, np.int32)
    of_kind, n = rows_of(fleets.kinds), 0
    for some in standing:
        allowed = np.zeros(len(fleets.kinds), np.bool_)
        for number in some.kinds:
            zones = fleets.zones.get(number)
            allowed[number] = zones is None or zones.may_be_left_at(goal)
        moving = ways.reach(
            goal, some.mode, fleets.geometry.slots, on, max_seconds=RIDE_SECONDS, outward=False
        )
        n = fill_rows(
            moving, _held_up(fleets, some, moving, goal), some.slots, some.numbers, some.ranges,
            allowed, of_kind.metres, of_kind.mg_per_m, of_kind.prices.by_minute,
            of_kind.prices.by_km, of_kind.prices.per_cent, UNLOCK_SECONDS + LOCK_SECONDS, n_stops,
            rows, metres, n,
        )  # fmt: skip
    return DoorRides(DoorEdges(rows[:n]), metres[:n], n_stops)


def _held_up(fleets: FleetView, some: Standing, moving: Ints, goal: LatLon) -> Ints:
    """Of each vehicle the seconds by which limits lengthen its ride, -1 where it may not go."""
    held = np.zeros(len(some.slots), np.int32)
    for number in some.kinds:
        zones = fleets.zones.get(number)
        if zones is None or not zones.hinders:
            continue
        near = np.flatnonzero((some.numbers == number) & (moving[some.slots] >= 0))
        slots = some.slots[near]
        held[near] = zones.held_up(
            fleets.geometry.slots.degrees[slots], degrees_of([goal]), np.arange(len(near)),
            np.zeros(len(near), np.int32), fleets.kinds[number].metres[moving[slots]],
        )  # fmt: skip
    return held
