"""``geocode`` and ``reverse-geocode``: places by what people type, and around a position."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from pydantic import Field

from gtfs.geo import distance_m
from gtfs.timetable import Timetable
from mobility.api.dependencies import WiringDep
from mobility.api.motis.errors import MotisRoute, answer
from mobility.api.motis.modes import MotisMode, transit_modes
from mobility.api.motis.parameters import (
    Listed,
    Parameters,
    Text,
    read_box,
    read_query,
    read_spot,
)
from mobility.api.motis.places_wire import Json
from mobility.api.motis.runs import modes_at
from mobility.cities.city import City
from mobility.planning.places.index import FoundPlace

router = APIRouter(route_class=MotisRoute, include_in_schema=False)

MOST_RESULTS = 50
REVERSE_M = 1000
"""How far a place may be to be an answer for a position."""
_STOP_KINDS = frozenset({"stop", "platform"})
_ADDRESS_KINDS = frozenset({"address", "street"})


class LocationType(StrEnum):
    """What a match is."""

    ADDRESS = "ADDRESS"
    PLACE = "PLACE"
    STOP = "STOP"


Results = Annotated[int, Field(ge=1, le=2**31 - 1)]


class GeocodeQuery(Parameters):
    """The parameters of ``geocode``; language and placeBias change nothing."""

    text: Text
    language: Listed[str] = ()
    type: Listed[LocationType] = ()
    mode: Listed[MotisMode] = ()
    place: Text | None = None
    place_bias: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)] = 1.0
    num_results: Results = 10
    low: Annotated[Text | None, Field(alias="min")] = None
    high: Annotated[Text | None, Field(alias="max")] = None


class ReverseQuery(Parameters):
    """The parameters of ``reverse-geocode``."""

    place: Text
    type: Listed[LocationType] = ()
    num_results: Results = 5


@router.get("/api/v1/geocode")
async def get_geocode(request: Request, wiring: WiringDep) -> Response:
    """What a text may mean, best first."""
    query = read_query(request, GeocodeQuery)
    planner = wiring.planner
    near = read_spot(query.place, "place").position if query.place else None
    box = read_box(query.low, query.high) if query.low and query.high else None
    wanted = transit_modes(query.mode) if query.mode else None
    most = min(query.num_results, MOST_RESULTS)
    filtered = bool(box or wanted or query.type)
    found = await to_thread.run_sync(
        planner.places.search, query.text, near, most * 5 if filtered else most
    )
    matches = []
    for match in found:
        position = match.place.position
        if box and not (box[0] <= position.lon <= box[2] and box[1] <= position.lat <= box[3]):
            continue
        shown = _match(match.place, planner.city, planner.timetable, match.score)
        shown["tokens"] = [list(part) for part in match.typed]
        if _wanted(shown, query.type, wanted):
            matches.append(shown)
    return answer(matches[:most])


@router.get("/api/v1/reverse-geocode")
async def get_reverse_geocode(request: Request, wiring: WiringDep) -> Response:
    """The places nearest to a position."""
    query = read_query(request, ReverseQuery)
    planner = wiring.planner
    position = read_spot(query.place, "place").position
    most = min(query.num_results, MOST_RESULTS)
    found = await to_thread.run_sync(
        planner.places.reverse, position, most * 5 if query.type else most, REVERSE_M
    )
    matches = [
        _match(
            one.place, planner.city, planner.timetable, -distance_m(position, one.place.position)
        )
        for one in found
    ]
    return answer([match for match in matches if _wanted(match, query.type, None)][:most])


def _type_of(place: FoundPlace) -> LocationType:
    if place.kind in _STOP_KINDS:
        return LocationType.STOP
    return LocationType.ADDRESS if place.kind in _ADDRESS_KINDS else LocationType.PLACE


def _wanted(match: Json, types: Sequence[LocationType], modes: frozenset[MotisMode] | None) -> bool:
    if types and match["type"] not in types:
        return False
    served = match.get("modes")
    return modes is None or not isinstance(served, list) or bool(modes & set(served))


def _match(place: FoundPlace, city: City, timetable: Timetable, score: float) -> Json:
    """One match. Its id is the stop's, else the position, which every other question takes."""
    lat, lon = round(place.position.lat, 6), round(place.position.lon, 6)
    shown: Json = {
        "type": _type_of(place),
        "category": place.kind,
        "tokens": [],
        "name": place.name,
        "id": place.stop_id or f"{lat},{lon}",
        "lat": lat,
        "lon": lon,
        "tz": timetable.tz_name,
        "areas": [{"name": city.title, "adminLevel": 6, "matched": False, "default": True}],
        "score": score,
    }
    if place.street:
        shown["street"] = place.street
    if place.house_number:
        shown["houseNumber"] = place.house_number
    if place.stop_id is not None:
        stops = timetable.children_of(place.stop_id)
        shown["modes"] = sorted({mode for stop in stops for mode in modes_at(timetable, stop)})
    return shown
