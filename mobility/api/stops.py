"""What leaves a stop next."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gtfs.departures import Departure, list_departures
from mobility.api.attribution import ATTRIBUTIONS_EXAMPLE, AttributionOut, attributions_of
from mobility.api.dependencies import Now, WiringDep
from mobility.api.journey_view import place_out
from mobility.api.journey_wire import PlaceOut
from mobility.api.openapi import problems
from mobility.cities.trip_notes import TimesKnown, read_trip_note
from mobility.planning.compose import mode_of
from mobility.planning.request import check_instant
from mobility.planning.search import Planner
from providers.values import Mode

router = APIRouter(prefix="/v1/stops", tags=["stops"])


class DepartureOut(BaseModel):
    """A vehicle that leaves."""

    line: str = Field(examples=["1"])
    headsign: str = Field(examples=["Dorothea-Erxleben-Straße"])
    mode: Mode = Field(examples=["bus"])
    color: str | None = Field(description="Six hex digits.", examples=["00B0EA"])
    departs_at: datetime = Field(examples=["2026-11-28T08:25:09+01:00"])
    realtime: bool = Field(description="Whether the time is live.", examples=[False])
    stop: PlaceOut
    trip_id: str = Field(examples=["1-0-saturday-075500"])
    note: str | None = Field(
        description="What riders should know of its times.",
        examples=["Samstag: aus dem Werktagsfahrplan abgeleitet"],
    )
    times_known: TimesKnown | None = Field(
        description="How far its times are known; null where the operator's feed has them all.",
        examples=["derived"],
    )


class DepartureBoard(BaseModel):
    """What leaves a stop, or a station's stops, soonest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "stop": {
                    "name": "Technische Hochschule",
                    "lat": 53.83785,
                    "lon": 10.700335,
                    "stop_id": "station-technische-hochschule",
                },
                "departures": [
                    {
                        "line": "1",
                        "headsign": "Dorothea-Erxleben-Straße",
                        "mode": "bus",
                        "color": "00B0EA",
                        "departs_at": "2026-11-28T08:25:09+01:00",
                        "realtime": False,
                        "stop": {
                            "name": "Technische Hochschule",
                            "lat": 53.837723,
                            "lon": 10.700286,
                            "stop_id": "osm-1274897063",
                        },
                        "trip_id": "1-0-saturday-075500",
                        "note": "Samstag: aus dem Werktagsfahrplan abgeleitet, einzelne Fahrten "
                        "können anders fahren",
                        "times_known": "derived",
                    }
                ],
                "attributions": ATTRIBUTIONS_EXAMPLE,
            }
        }
    )
    stop: PlaceOut
    departures: list[DepartureOut]
    attributions: list[AttributionOut] = Field(
        description="To be named wherever this is shown.", examples=[ATTRIBUTIONS_EXAMPLE]
    )


@router.get("/{stop_id}/departures", responses=problems(404, 422, 429), summary="List departures")
async def list_stop_departures(
    stop_id: Annotated[str, Path(min_length=1, max_length=200)],
    wiring: WiringDep,
    now: Now,
    at: Annotated[AwareDatetime | None, Query(description="Now when absent.")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> DepartureBoard:
    """The next departures from a stop, or from all stops of a station."""
    planner = wiring.planner
    door = planner.get_door(stop_id, "")
    if at is not None:
        check_instant(at, now)
    found = await to_thread.run_sync(
        list_departures, planner.timetable, door.stops, at or now, limit
    )
    return DepartureBoard(
        stop=place_out(door.place),
        departures=[_departure(d, planner) for d in found],
        attributions=attributions_of(wiring.city),
    )


def _departure(departure: Departure, planner: Planner) -> DepartureOut:
    trip = planner.timetable.trip(departure.trip)
    route = planner.timetable.route(trip.route)
    known, note = read_trip_note(trip.note)
    return DepartureOut(
        line=departure.line,
        headsign=departure.headsign,
        mode=mode_of(route),
        color=route.color or None,
        departs_at=departure.planned.astimezone(planner.city.timezone),
        realtime=False,
        stop=place_out(planner.get_stop(departure.stop)),
        trip_id=trip.id,
        note=note or None,
        times_known=known,
    )
