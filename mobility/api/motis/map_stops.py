"""``map/stops``: the stops in a part of the map."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field

from gtfs.geo import LatLon
from mobility.api.dependencies import WiringDep
from mobility.api.motis.errors import MotisRoute, answer
from mobility.api.motis.modes import MotisMode, transit_modes
from mobility.api.motis.parameters import Listed, Parameters, Text, read_box, read_query
from mobility.api.motis.places_wire import station_place, stop_place
from mobility.api.motis.runs import modes_at
from mobility.api.motis.version_path import VersionDep

router = APIRouter(route_class=MotisRoute, include_in_schema=False)

MOST_STOPS = 5000


class MapStopsQuery(Parameters):
    """The parameters of ``map/stops``; the corners may be any two opposite ones."""

    low: Annotated[Text, Field(alias="min")]
    high: Annotated[Text, Field(alias="max")]
    grouped: bool = False
    modes: Listed[MotisMode] = (MotisMode.TRANSIT,)
    language: Listed[str] = ()


@router.get("/api/v{version:int}/map/stops")
async def get_map_stops(request: Request, version: VersionDep, wiring: WiringDep) -> Response:
    """All stops in a box that lines of the modes call at; grouped, stations instead of theirs."""
    query = read_query(request, MapStopsQuery)
    west, south, east, north = read_box(query.low, query.high)
    timetable, wanted = wiring.planner.timetable, transit_modes(query.modes)

    def inside(position: LatLon) -> bool:
        return west <= position.lon <= east and south <= position.lat <= north

    shown, stations = [], dict[str, None]()
    for stop in timetable.stops:
        if not wanted & modes_at(timetable, stop.idx):
            continue
        if query.grouped and stop.station_id is not None:
            stations[stop.station_id] = None
        elif inside(stop.position):
            shown.append(stop_place(timetable, stop.idx, version))
    shown += [
        station_place(timetable, station, version)
        for station in stations
        if inside(timetable.station_index[station].position)
    ]
    return answer(shown[:MOST_STOPS])
