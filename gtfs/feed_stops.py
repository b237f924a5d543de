"""Stops, stations, entrances and pathways from stops.txt and pathways.txt."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from gtfs.defects import Kind, Severity
from gtfs.feed import FeedStop, Pathway
from gtfs.geo import LatLon
from gtfs.records import Record

STOP, STATION, ENTRANCE, NODE, BOARDING_AREA = range(5)
_PATHWAY_MODES = tuple(range(1, 8))
_SAME_PLACE = 100_000  # parts of a degree: about a metre


@dataclass(frozen=True, slots=True)
class StopsOfFeed:
    """`stops` are platforms and stations, `entrances` all else that has an id and a position."""

    stops: tuple[FeedStop, ...]
    entrances: tuple[FeedStop, ...]


Found = dict[str, tuple[Record, int, FeedStop]]
"""Places by id: their row, location_type and value, the parent still unchecked."""


def places_of(rows: Sequence[Record]) -> Found:
    """Every place with an id and a position, its own or its parent's."""
    places: Found = {}
    unplaced: list[tuple[Record, int, FeedStop]] = []
    seen: set[str] = set()
    for row in rows:
        id_ = row.text("stop_id")
        if not id_:
            row.say("stop_id", Kind.MISSING_VALUE, "is empty", "ignored the row", Severity.ERROR)
        elif id_ in seen:
            row.say("stop_id", Kind.DUPLICATE, f"{id_!r} a second time", "ignored the row")
        else:
            seen.add(id_)
            kind = row.choice("location_type", range(5))
            position = _position(row)
            stop = _stop(row, id_, kind, position or LatLon(0, 0))
            if position is None:
                unplaced.append((row, kind, stop))
            else:
                places[id_] = (row, kind, stop)
    for row, kind, stop in unplaced:
        _place(row, kind, stop, places)
    return places


def stops_of(places: Found, called_at: Collection[str]) -> StopsOfFeed:
    """The places by what they are; one that is called at is a stop whatever its type.

    A stop without wheelchair_boarding has that of its station, as the reference says.
    """
    kinds: dict[str, int] = {}
    for id_, (row, kind, _) in places.items():
        kinds[id_] = kind
        if kind != STOP and id_ in called_at:
            problem = f"{id_!r} is called at"
            row.say("location_type", Kind.CONTRADICTION, problem, "took it as a stop")
            kinds[id_] = STOP
    stops: list[FeedStop] = []
    entrances: list[FeedStop] = []
    for id_, (row, _, stop) in places.items():
        adopted = _adopted(row, stop, kinds, places)
        if kinds[id_] in (STOP, STATION):
            stops.append(replace(adopted, is_station=kinds[id_] == STATION))
        else:
            entrances.append(adopted)
    platforms = [(row, stop) for id_, (row, _, stop) in places.items() if kinds[id_] == STOP]
    _say_unused([row for row, _ in platforms], called_at)
    _say_same_place(platforms)
    return StopsOfFeed(tuple(stops), tuple(entrances))


def _stop(row: Record, id_: str, kind: int, position: LatLon) -> FeedStop:
    name = row.text("stop_name")
    if not name and kind in (STOP, STATION) and "stop_name" in row.cells:
        row.say("stop_name", Kind.MISSING_VALUE, f"{id_!r} has no name", "took its id")
    return FeedStop(
        id=id_,
        name=name or id_,
        position=position,
        is_station=kind == STATION,
        parent_id=row.text("parent_station") or None,
        wheelchair=row.choice("wheelchair_boarding", (0, 1, 2)),
        zone_id=row.text("zone_id"),
        code=row.text("stop_code"),
        platform_code=row.text("platform_code"),
        level_id=row.text("level_id"),
    )


def _position(row: Record) -> LatLon | None:
    lat, lon = row.decimal("stop_lat"), row.decimal("stop_lon")
    if lat is None or lon is None or (lat == 0 and lon == 0):
        return None
    try:
        return LatLon(lat, lon)
    except ValueError:
        row.bad("stop_lat", f"{lat}, {lon} is not on the globe")
        return None


def _place(row: Record, kind: int, stop: FeedStop, places: Found) -> None:
    """Give a stop without a position that of its parent."""
    parent = places.get(stop.parent_id or "")
    problem = f"{stop.id!r} has no position"
    if parent is None:
        row.say("stop_lat", Kind.MISSING_VALUE, problem, "left it out", Severity.ERROR)
        return
    if kind not in (NODE, BOARDING_AREA):
        row.say("stop_lat", Kind.MISSING_VALUE, problem, "took that of its station")
    places[stop.id] = (row, kind, replace(stop, position=parent[2].position))


def _adopted(row: Record, stop: FeedStop, kinds: Mapping[str, int], places: Found) -> FeedStop:
    """The stop with a parent that can be one, and the parent's wheelchair_boarding."""
    if stop.parent_id is None:
        return stop
    kind = kinds[stop.id]
    wanted = STOP if kind == BOARDING_AREA else STATION
    if kinds.get(stop.parent_id) != wanted or kind == STATION:
        what = "stop" if wanted == STOP else "station"
        row.say(
            "parent_station", Kind.UNKNOWN_REFERENCE, f"{stop.parent_id!r} is no {what}",
            "took the stop on its own",
        )  # fmt: skip
        return replace(stop, parent_id=None)
    return replace(stop, wheelchair=stop.wheelchair or places[stop.parent_id][2].wheelchair)


def _say_unused(rows: Sequence[Record], called_at: Collection[str]) -> None:
    for row in rows:
        id_ = row.text("stop_id")
        if id_ not in called_at:
            problem = f"no trip calls at {id_!r}"
            row.say("stop_id", Kind.UNUSED, problem, "kept it", Severity.NOTE)


def _say_same_place(stops: Sequence[tuple[Record, FeedStop]]) -> None:
    """Two stops on their own within about a metre are often one that is entered twice."""
    at: dict[tuple[int, int], str] = {}
    for row, stop in stops:
        if stop.parent_id is not None:
            continue
        place = (
            round(stop.position.lat * _SAME_PLACE),
            round(stop.position.lon * _SAME_PLACE),
        )
        other = at.setdefault(place, stop.id)
        if other != stop.id:
            problem = f"{stop.id!r} lies where {other!r} does"
            row.say("stop_lat", Kind.DUPLICATE, problem, "kept both", Severity.NOTE)


def pathways_of(rows: Sequence[Record], places: Collection[str]) -> tuple[Pathway, ...]:
    """The ways inside stations whose ends are known."""
    pathways: list[Pathway] = []
    for row in rows:
        start, end = row.text("from_stop_id"), row.text("to_stop_id")
        mode = row.choice("pathway_mode", _PATHWAY_MODES, 1)
        unknown = next((id_ for id_ in (start, end) if id_ not in places), None)
        if unknown is not None:
            problem = f"stops.txt has no {unknown!r} with a position"
            column = "from_stop_id" if unknown == start else "to_stop_id"
            row.say(column, Kind.UNKNOWN_REFERENCE, problem, "ignored the row")
            continue
        pathways.append(
            Pathway(
                row.text("pathway_id"),
                start,
                end,
                mode,
                row.choice("is_bidirectional", (0, 1)) == 1,
                row.decimal("length"),
                row.number("traversal_time", 0),
                row.number("stair_count"),
            )
        )
    return tuple(pathways)
