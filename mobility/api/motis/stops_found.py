"""Which stops a query means: a stop id with what belongs to it, or all around a position."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gtfs.geo import LatLon, distance_m
from gtfs.ids import StopIdx
from gtfs.timetable import Timetable
from mobility.api.motis.errors import BadQueryError, NotThereError
from mobility.api.motis.parameters import read_spot, read_stop_id
from mobility.api.motis.places_wire import Json, station_place, stop_place
from mobility.api.motis.versions import Version

MOST_RADIUS_M = 5000


@dataclass(frozen=True, slots=True)
class FoundStops:
    """The stops, and the place that stands for them."""

    stops: frozenset[StopIdx]
    place: Json


def find_stops(
    timetable: Timetable,
    version: Version,
    *,
    stop_id: str | None,
    center: str | None,
    radius_m: int | None,
    exact: bool,
) -> FoundStops:
    """The stops of an id, else those around ``center``.

    Raises:
        BadQueryError: neither is given, or ``center`` without a radius.
        NotThereError: there is no such stop.
    """
    if stop_id is not None:
        known = _find_id(timetable, read_stop_id(stop_id, "stopId"))
        if known is not None:
            return _around_id(timetable, version, stop_id, known, radius_m, exact=exact)
        if center is None:
            raise NotThereError(
                "stopId: there is no such stop; geocode or map/stops say which there are"
            )
    if center is None:
        raise BadQueryError("stopId is missing; give it, or center with radius")
    if radius_m is None:
        raise BadQueryError("radius is missing: center needs one, in metres")
    spot = read_spot(center, "center")
    stops = _within(timetable, spot.position, radius_m)
    if not exact:
        stops = _with_siblings(timetable, stops)
    nearest = min(
        stops, key=lambda s: distance_m(spot.position, timetable.stop(s).position), default=None
    )
    if nearest is None:
        raise NotThereError("there is no stop within the radius; choose a larger one")
    return FoundStops(frozenset(stops), stop_place(timetable, nearest, version))


def _find_id(timetable: Timetable, stop_id: str) -> tuple[StopIdx, ...] | None:
    try:
        return timetable.children_of(stop_id)
    except KeyError:
        return None


def _around_id(
    timetable: Timetable,
    version: Version,
    stop_id: str,
    known: tuple[StopIdx, ...],
    radius_m: int | None,
    *,
    exact: bool,
) -> FoundStops:
    station = timetable.station_index.get(stop_id)
    if station is not None:
        place, position = station_place(timetable, stop_id, version), station.position
    else:
        place = stop_place(timetable, known[0], version)
        position = timetable.stop(known[0]).position
    stops = set(known)
    if radius_m:
        stops |= _within(timetable, position, radius_m)
    if not exact:
        stops = _with_siblings(timetable, stops)
    return FoundStops(frozenset(stops), place)


def _within(timetable: Timetable, position: LatLon, radius_m: int) -> set[StopIdx]:
    reach = min(radius_m, MOST_RADIUS_M)
    return {s.idx for s in timetable.stops if distance_m(position, s.position) <= reach}


def _with_siblings(timetable: Timetable, stops: Iterable[StopIdx]) -> set[StopIdx]:
    """These, and the other stops of their stations."""
    found = set(stops)
    for station in {timetable.stop(stop).station_id for stop in found} - {None}:
        assert station is not None
        found |= set(timetable.children_of(station))
    return found
