"""The two doors of a search: what is reached on foot from them, and rides that end at the goal."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gtfs.front import FAR
from gtfs.geo import distance_m
from mobility.planning.fleets.door_rides import DoorRides, door_rides
from mobility.planning.fleets.door_rows import say_far
from mobility.planning.fleets.view import FleetView
from mobility.planning.ground import Door
from mobility.planning.request import SearchRequest
from mobility.planning.ways.reach import StreetWays
from providers.values import Mode

NEAREST_STOPS = 80
WALK_ONLY_SECONDS = 4500
"""A longer walk is not offered as a journey."""
WALK_TO_VEHICLE_SECONDS = 900
"""Nobody walks longer than this to a rented vehicle, or from one to the goal."""
Ints = npt.NDArray[np.int32]


class Doors(NamedTuple):
    """Both ends of a search as its kernels take them."""

    access: Ints
    """Seconds on foot from the start to every node, ``FAR`` where out of reach."""
    egress: Ints
    """The same from every node to the goal."""
    direct_s: int
    """On foot from door to door; ``FAR`` where that is no journey to offer."""
    rides: DoorRides


def measure(
    streets: StreetWays, fleets: FleetView, ends: tuple[Door, Door], request: SearchRequest,
    on: date, *, walk_seconds: int, kinds: AbstractSet[int],
) -> Doors:  # fmt: skip
    """What all questions of a search begin with; ``kinds`` of vehicle may be used."""
    start, goal = ends
    return Doors(
        _on_foot(streets, fleets, start, request, on, walk_seconds, outward=True),
        _on_foot(streets, fleets, goal, request, on, walk_seconds, outward=False),
        _direct_walk(streets, ends, request, on),
        door_rides(streets, fleets, kinds, goal.place.position, on),
    )


def _on_foot(
    streets: StreetWays, fleets: FleetView, door: Door, request: SearchRequest, on: date,
    max_seconds: int, *, outward: bool,
) -> Ints:  # fmt: skip
    """Seconds between a door and every node, the nearest stops alone."""
    seconds = streets.reach(
        door.place.position,
        Mode.WALK,
        fleets.nodes,
        on,
        max_seconds=max_seconds,
        outward=outward,
        wheelchair=request.wheelchair,
    )
    n_stops = len(fleets.geometry.stops)
    reached = say_far(seconds, FAR, n_stops, WALK_TO_VEHICLE_SECONDS)
    if reached > NEAREST_STOPS:
        stops = seconds[:n_stops]
        stops[np.argsort(stops, kind="stable")[NEAREST_STOPS:]] = FAR
    for stop in door.stops:
        seconds[stop] = 0
    return seconds


def _direct_walk(
    streets: StreetWays, ends: tuple[Door, Door], request: SearchRequest, on: date
) -> int:
    start, goal = (end.place.position for end in ends)
    if streets.seconds(Mode.WALK, distance_m(start, goal)) > WALK_ONLY_SECONDS:
        return FAR
    way = streets.leg(Mode.WALK, start, goal, on, wheelchair=request.wheelchair)
    most_m = request.max_direct_walk_m or request.max_walk_m
    if way is None or not 0 < way.seconds <= WALK_ONLY_SECONDS:
        return FAR
    if Mode.WALK not in request.modes or (most_m is not None and way.metres > most_m):
        return FAR
    return way.seconds
