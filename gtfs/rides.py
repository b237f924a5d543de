"""Rides on trips of the timetable, and the walks between them: what journeys are made of.

The values are tuples with names: a search hands over a dozen of them in a few microseconds.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gtfs.geo import LatLon
from gtfs.ids import StopIdx, TripIdx
from gtfs.lanes import classes_of
from gtfs.network import DayNetwork
from gtfs.timetable import Timetable


class Ride(NamedTuple):
    """A part of one trip; positions count its calls from 0; `day_offset` -1: yesterday's trip."""

    trip: TripIdx
    day_offset: int
    from_stop: StopIdx
    to_stop: StopIdx
    from_position: int
    to_position: int
    departs_s: int
    arrives_s: int


class StayedRide(Ride):
    """A ride in the vehicle of the ride before it, which one has not left: no transfer."""

    __slots__ = ()


class Footpath(NamedTuple):
    """A walk between two stops."""

    from_stop: StopIdx
    to_stop: StopIdx
    departs_s: int
    arrives_s: int


def rides_of(timetable: Timetable, network: DayNetwork, ride: Ride) -> tuple[Ride, ...]:
    """The rides of a network's ride: several where it is on a through-trip."""
    throughs = network.throughs
    if ride.trip < throughs.first:
        return (ride,)
    patterns, events, classes = timetable.patterns, timetable.events, classes_of(timetable)
    rides: list[Ride] = []
    for trip, day_offset, shift, board, alight in throughs.split(
        ride.trip, ride.from_position, ride.to_position
    ):
        call, event = int(patterns.stop0[timetable.trips.pattern[trip]]), int(classes.event0[trip])
        rides.append(
            (StayedRide if rides else Ride)(
                TripIdx(trip),
                day_offset,
                StopIdx(int(patterns.stops[call + board])),
                StopIdx(int(patterns.stops[call + alight])),
                board,
                alight,
                int(events.departure[event + board]) + shift,
                int(events.arrival[event + alight]) + shift,
            )
        )
    return tuple(rides)


def calls_of(timetable: Timetable, ride: Ride) -> tuple[StopIdx, ...]:
    """The stops of a ride in order, both ends included."""
    patterns = timetable.patterns
    first = int(patterns.stop0[timetable.trips.pattern[ride.trip]])
    stops = patterns.stops[first + ride.from_position : first + ride.to_position + 1]
    return tuple(StopIdx(stop) for stop in stops.tolist())


def intermediate_stops(timetable: Timetable, ride: Ride) -> tuple[StopIdx, ...]:
    """The stops between boarding and alighting."""
    return calls_of(timetable, ride)[1:-1]


def course(timetable: Timetable, ride: Ride) -> NDArray[np.float64]:
    """The way of a ride: its part of the trip's shape, else straight from stop to stop.

    (n, 2) degrees of latitude and longitude, its ends at the two stops.
    """
    stops = timetable.stop_table
    first = int(timetable.patterns.stop0[timetable.trips.pattern[ride.trip]])
    called = timetable.patterns.stops[first + ride.from_position : first + ride.to_position + 1]
    path = int(timetable.trips.path[ride.trip])
    if path < 0:
        return np.column_stack((stops.lat[called], stops.lon[called]))
    table = timetable.paths
    call, point = int(table.call0[path]), int(table.shape_point0[table.shape[path]])
    start = point + int(table.call_point[call + ride.from_position])
    end = point + int(table.call_point[call + ride.to_position]) + 1
    line = np.empty((end - start + 2, 2), np.float64)
    line[1:-1, 0], line[1:-1, 1] = table.lat[start:end], table.lon[start:end]
    for row, stop in ((0, called[0]), (-1, called[-1])):
        line[row, 0], line[row, 1] = stops.lat[stop], stops.lon[stop]
    (first, second), (last_but_one, last) = line[:2].tolist(), line[-2:].tolist()
    return line[first == second : len(line) - (last == last_but_one)]


def geometry(timetable: Timetable, ride: Ride) -> tuple[LatLon, ...]:
    """The points of a ride's ``course``."""
    return tuple(LatLon(lat, lon) for lat, lon in course(timetable, ride).tolist())
