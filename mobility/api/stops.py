"""What leaves a stop next, as it is now."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gtfs.departures import Departure, list_departures
from gtfs.ids import StopIdx
from gtfs.realtime_live import Live
from gtfs.realtime_values import Alert
from mobility.api.attribution import ATTRIBUTIONS_EXAMPLE, AttributionOut, attributions_of
from mobility.api.dependencies import Now, WiringDep
from mobility.api.journey_view import place_out
from mobility.api.journey_wire import PlaceOut
from mobility.api.openapi import problems
from mobility.cities.city import City
from mobility.cities.trip_notes import TimesKnown, read_trip_note
from mobility.planning.itinerary import Place
from mobility.planning.modes import mode_of
from mobility.planning.request import check_instant
from providers.values import Mode

router = APIRouter(prefix="/v1/stops", tags=["stops"])


class AlertOut(BaseModel):
    """What an operator tells riders of a stop, a line or a trip."""

    id: str = Field(examples=["detour-17"])
    header: str = Field(examples=["Umleitung"])
    description: str | None = Field(examples=["Der Halt Holstentor wird nicht bedient."])
    url: str | None = Field(examples=[None])
    effect: str = Field(description="As in GTFS-Realtime.", examples=["DETOUR"])
    severity: str = Field(description="As in GTFS-Realtime.", examples=["WARNING"])


class DepartureOut(BaseModel):
    """A vehicle that leaves, or would if it were not cancelled."""

    line: str = Field(examples=["1"])
    headsign: str = Field(examples=["Dorothea-Erxleben-Straße"])
    mode: Mode = Field(examples=["bus"])
    color: str | None = Field(description="Six hex digits.", examples=["00B0EA"])
    departs_at: datetime = Field(
        description="As far as is known now; as planned where it is cancelled.",
        examples=["2026-11-28T08:25:09+01:00"],
    )
    scheduled_at: datetime | None = Field(
        description="As planned; null for a trip that was not planned.",
        examples=["2026-11-28T08:25:09+01:00"],
    )
    delay_seconds: int | None = Field(
        description="Null where no live time is known; negative when early.", examples=[None]
    )
    realtime: bool = Field(description="Whether the time is live.", examples=[False])
    cancelled: bool = Field(
        description="The trip does not run, or does not call here.", examples=[False]
    )
    stop: PlaceOut
    platform: str | None = Field(description="Where to wait, if it has a name.", examples=["2"])
    trip_id: str = Field(examples=["1-0-saturday-075500"])
    note: str | None = Field(
        description="What riders should know of its times.",
        examples=["Samstag: aus dem Werktagsfahrplan abgeleitet"],
    )
    times_known: TimesKnown | None = Field(
        description="How far its times are known; null where the operator's feed has them all.",
        examples=["derived"],
    )
    alert_ids: list[str] = Field(
        description="Which of the board's alerts concern it.", examples=[["detour-17"]]
    )


_EXAMPLE: dict[str, Any] = {
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
            "departs_at": "2026-11-28T08:27:09+01:00",
            "scheduled_at": "2026-11-28T08:25:09+01:00",
            "delay_seconds": 120,
            "realtime": True,
            "cancelled": False,
            "stop": {
                "name": "Technische Hochschule",
                "lat": 53.837723,
                "lon": 10.700286,
                "stop_id": "osm-1274897063",
            },
            "platform": "2",
            "trip_id": "1-0-saturday-075500",
            "note": "Samstag: aus dem Werktagsfahrplan abgeleitet, einzelne Fahrten "
            "können anders fahren",
            "times_known": "derived",
            "alert_ids": ["detour-17"],
        }
    ],
    "alerts": [
        {
            "id": "detour-17",
            "header": "Umleitung",
            "description": "Der Halt Holstentor wird nicht bedient.",
            "url": "https://www.sv-luebeck.de",
            "effect": "DETOUR",
            "severity": "WARNING",
        }
    ],
    "realtime_at": "2026-11-28T08:20:00+01:00",
    "attributions": ATTRIBUTIONS_EXAMPLE,
}


class DepartureBoard(BaseModel):
    """What leaves a stop, or a station's stops, soonest first."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})
    stop: PlaceOut
    departures: list[DepartureOut]
    alerts: list[AlertOut] = Field(
        description="Of the stop and of the lines and trips listed.", examples=[_EXAMPLE["alerts"]]
    )
    realtime_at: datetime | None = Field(
        description="Of when the live data is; null where there is none.",
        examples=["2026-11-28T08:20:00+01:00"],
    )
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
    """The next departures from a stop, or from all stops of a station, late and cancelled ones too.

    A late trip stands where it leaves now, a cancelled one where it should have left.
    """
    door = wiring.planner.get_door(stop_id, "")
    if at is not None:
        check_instant(at, now)
    live = wiring.realtime.current
    return await to_thread.run_sync(
        _board, wiring.city, live, door.place, door.stops, at or now, limit
    )


def _board(
    city: City,
    live: Live,
    place: Place,
    stops: tuple[StopIdx, ...],
    at: datetime,
    limit: int,
) -> DepartureBoard:
    departures = list_departures(live, stops, at, limit)
    alerts: dict[str, Alert] = {}
    for stop in stops:
        alerts |= {alert.id: alert for alert in live.alerts_for(at, stop=stop)}
    shown = []
    for departure in departures:
        told = live.alerts_for(
            departure.at, stop=departure.stop, trip=departure.trip, day=departure.day
        )
        alerts |= {alert.id: alert for alert in told}
        shown.append(_departure(departure, city, live, [alert.id for alert in told]))
    return DepartureBoard(
        stop=place_out(place),
        departures=shown,
        alerts=[_alert(alert, city.languages) for alert in alerts.values()],
        realtime_at=live.at and live.at.astimezone(city.timezone),
        attributions=attributions_of(city),
    )


def _departure(departure: Departure, city: City, live: Live, alert_ids: list[str]) -> DepartureOut:
    timetable = live.timetable
    trip = timetable.trip(departure.trip)
    route = timetable.route(trip.route)
    stop = timetable.stop(departure.stop)
    known, note = read_trip_note(trip.note)
    planned = departure.planned
    return DepartureOut(
        line=departure.line,
        headsign=departure.headsign,
        mode=mode_of(route),
        color=route.color or None,
        departs_at=departure.at.astimezone(city.timezone),
        scheduled_at=planned and planned.astimezone(city.timezone),
        delay_seconds=None if departure.cancelled else departure.delay_s,
        realtime=departure.realtime,
        cancelled=departure.cancelled,
        stop=place_out(Place(stop.name, stop.position, stop.id)),
        platform=_platform(live, departure.stop),
        trip_id=trip.id,
        note=note or None,
        times_known=known,
        alert_ids=alert_ids,
    )


def _platform(live: Live, stop: StopIdx) -> str | None:
    return live.timetable.stop_table.platform[stop] or None


def _alert(alert: Alert, languages: tuple[str, ...]) -> AlertOut:
    def text(texts: dict[str, str]) -> str | None:
        """In the first of the city's languages that there is, else in any."""
        return next(
            (texts[language] for language in (*languages, "", *texts) if language in texts), None
        )

    return AlertOut(
        id=alert.id,
        header=text(dict(alert.header)) or text(dict(alert.description)) or "",
        description=text(dict(alert.description)),
        url=text(dict(alert.url)),
        effect=alert.effect,
        severity=alert.severity,
    )
