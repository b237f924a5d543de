"""``numLegAlternatives``: other runs that replace one ride of a journey.

A replacement calls at the same two stops, or at others of their stations, leaves after the ride
before it has arrived, and arrives before the ride after it leaves. Where no ride is before or
after, an hour around the ride counts. The nearest in time are shown first.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from gtfs.departures import list_departures
from gtfs.ids import StopIdx
from gtfs.timetable import Timetable
from mobility.api.motis.legs import LegWriter
from mobility.api.motis.places_wire import Json, call_place, line_of, moment
from mobility.api.motis.runs import Run
from mobility.planning.itinerary import TRANSIT, Itinerary, Leg

_AROUND = timedelta(hours=1)
_LOOKED_AT = 80


def add_alternatives(writer: LegWriter, itinerary: Itinerary, shown: Json, most: int) -> None:
    """Add up to ``most`` alternatives to each ride of an itinerary that is written already."""
    legs = shown["legs"]
    assert isinstance(legs, list)
    rides = [number for number, leg in enumerate(itinerary.legs) if leg.mode in TRANSIT]
    for place, number in enumerate(rides):
        before = itinerary.legs[rides[place - 1]].arrives_at if place else None
        after = itinerary.legs[rides[place + 1]].departs_at if place + 1 < len(rides) else None
        leg = itinerary.legs[number]
        span = (before or leg.departs_at - _AROUND, after or leg.arrives_at + _AROUND)
        legs[number]["alternatives"] = [
            _written(writer, run, board, alight)
            for run, board, alight in _nearest(writer, leg, span, most)
        ]


def _nearest(
    writer: LegWriter, leg: Leg, span: tuple[datetime, datetime], most: int
) -> list[tuple[Run, int, int]]:
    found = [
        (run, board, alight)
        for run, board, alight in _replacements(writer, leg, span)
        if leg.ride is None or writer.network.now.trips.id[run.trip] != leg.ride.trip_id
    ]
    found.sort(key=lambda one: abs(one[0].calls[one[1]].departs_at - leg.departs_at))
    return sorted(found[:most], key=lambda one: one[0].calls[one[1]].departs_at)


def _replacements(
    writer: LegWriter, leg: Leg, span: tuple[datetime, datetime]
) -> Iterator[tuple[Run, int, int]]:
    timetable, planned = writer.network.now, writer.network.planned
    origins = _siblings(planned, leg.origin.stop_id)
    targets = _siblings(planned, leg.destination.stop_id)
    for departure in list_departures(timetable, origins, span[0], _LOOKED_AT):
        run = Run(writer.network, departure.trip, departure.day)
        for alight in range(departure.position + 1, len(run.calls)):
            call = run.calls[alight]
            if call.stop in targets and call.alights:
                if call.arrives_at <= span[1]:
                    yield run, departure.position, alight
                break


def _siblings(timetable: Timetable, stop_id: str | None) -> frozenset[StopIdx]:
    """The stop and the others of its station."""
    idx = timetable.stop_index.get(stop_id or "")
    if idx is None:
        return frozenset()
    station = timetable.stop(idx).station_id
    return frozenset(timetable.children_of(station) if station is not None else (idx,))


def _written(writer: LegWriter, run: Run, board: int, alight: int) -> list[Json]:
    """Footpath, ride, footpath: the footpaths are at the stop and take no time."""
    ride = writer.ride(run, board, alight)
    return [
        _at_stop(writer, run, board, arriving=False),
        ride,
        _at_stop(writer, run, alight, arriving=True),
    ]


def _at_stop(writer: LegWriter, run: Run, position: int, *, arriving: bool) -> Json:
    call = run.calls[position]
    at = moment(call.arrives_at if arriving else call.departs_at)
    version = writer.shown.version
    place = call_place(run.network.planned, call, version, first=False, last=False)
    return {
        "mode": "WALK",
        "from": place,
        "to": place,
        "duration": 0,
        "startTime": at,
        "endTime": at,
        "scheduledStartTime": at,
        "scheduledEndTime": at,
        "realTime": False,
        "scheduled": True,
        "distance": 0,
        "legGeometry": line_of((), version),
    }
