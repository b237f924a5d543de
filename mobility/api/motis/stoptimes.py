"""``stoptimes``: what leaves or reaches a stop, before or after a moment, page by page."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from pydantic import Field

from gtfs.ids import RouteIdx
from gtfs.timetable import Timetable
from mobility.api.dependencies import Now, WiringDep
from mobility.api.motis.alerts import alerts_of
from mobility.api.motis.board import BoardQuery, Event, list_events
from mobility.api.motis.current import network_of
from mobility.api.motis.cursors import Cursor, read_cursor
from mobility.api.motis.errors import MotisRoute, answer
from mobility.api.motis.legs import LegWriter, Shown
from mobility.api.motis.modes import MotisMode, mode_of_route, transit_modes
from mobility.api.motis.parameters import (
    Count,
    Instant,
    Listed,
    Parameters,
    Text,
    in_zone,
    read_query,
)
from mobility.api.motis.places_wire import Json, allowed, call_place
from mobility.api.motis.runs import Run
from mobility.api.motis.stops_found import FoundStops, find_stops
from mobility.api.motis.version_path import VersionDep
from mobility.planning.request import check_instant

router = APIRouter(route_class=MotisRoute, include_in_schema=False)

DEFAULT_EVENTS, MOST_EVENTS = 10, 500
MOST_WINDOW = timedelta(days=1)
_SECOND = timedelta(seconds=1)


class StopTimesQuery(Parameters):
    """The parameters of ``stoptimes``; language changes nothing.

    Of the realtime modes, REALTIME_ANNOTATION_ONLY is answered as REALTIME.
    """

    stop_id: Text | None = None
    center: Text | None = None
    time: Instant | None = None
    arrive_by: bool = False
    both: bool = False
    direction: Literal["EARLIER", "LATER"] | None = None
    window: Count | None = None
    mode: Listed[MotisMode] = (MotisMode.TRANSIT,)
    n: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    radius: Count | None = None
    exact_radius: bool = False
    fetch_stops: bool = False
    page_cursor: Annotated[str, Field(max_length=40)] | None = None
    with_scheduled_skipped_stops: bool = False
    realtime_mode: Literal["OFF", "REALTIME_ANNOTATION_ONLY", "REALTIME"] = "REALTIME"
    language: Listed[str] = ()
    with_alerts: bool = True


@router.get("/api/v{version:int}/stoptimes")
async def get_stop_times(
    request: Request, version: VersionDep, wiring: WiringDep, now: Now
) -> Response:
    """Departures or arrivals of a stop, sorted by time."""
    query = read_query(request, StopTimesQuery)
    planner = wiring.planner
    network = network_of(wiring, realtime=query.realtime_mode != "OFF")
    found = find_stops(
        network.planned,
        version,
        stop_id=query.stop_id,
        center=query.center,
        radius_m=query.radius,
        exact=query.exact_radius,
    )
    at = in_zone(query.time, planner.city.timezone) if query.time else now
    check_instant(at, now)
    asked = _board(query, found, network.planned, at)
    writer = LegWriter(
        planner.city, network, Shown(version, skipped_stops=query.with_scheduled_skipped_stops)
    )

    def written() -> tuple[list[Event], list[Json]]:
        events = list_events(network.live, asked)
        return events, [_stop_time(event, writer, query) for event in events]

    events, stop_times = await to_thread.run_sync(written)
    looked = asked.window or timedelta()
    first = events[0].at if events else asked.at - looked
    last = events[-1].at + _SECOND if events else asked.at + looked
    if not asked.later:
        last = asked.at
    else:
        first = asked.at
    return answer(
        {
            "stopTimes": stop_times,
            "place": found.place,
            "previousPageCursor": Cursor(earlier=True, at=first).text(),
            "nextPageCursor": Cursor(earlier=False, at=last).text(),
        }
    )


def _board(
    query: StopTimesQuery, found: FoundStops, timetable: Timetable, at: datetime
) -> BoardQuery:
    cursor = read_cursor(query.page_cursor)
    later = query.direction == "LATER" if query.direction else not query.arrive_by
    count = query.n
    if count is None:
        count = DEFAULT_EVENTS if query.window is None else 0
    wanted = transit_modes(query.mode)
    routes = [
        number
        for number in range(len(timetable.routes.id))
        if mode_of_route(timetable.route(RouteIdx(number))) in wanted
    ]
    window = None
    if query.window is not None:
        window = min(timedelta(seconds=min(query.window, 86_400)), MOST_WINDOW)
    return BoardQuery(
        stops=found.stops,
        at=cursor.at if cursor else _whole_second(at),
        later=not cursor.earlier if cursor else later,
        arrivals=query.both or query.arrive_by,
        departures=query.both or not query.arrive_by,
        count=min(count, MOST_EVENTS),
        window=window,
        routes=routes,
        skipped=query.with_scheduled_skipped_stops,
    )


def _whole_second(at: datetime) -> datetime:
    """Cursors hold whole seconds, so the first page begins on one."""
    return at.replace(microsecond=0)


def _stop_time(event: Event, writer: LegWriter, query: StopTimesQuery) -> Json:
    run = Run(writer.network, event.trip, event.day, cancelled=event.cancelled)
    calls, version = run.calls, writer.shown.version
    call, last = calls[event.position], len(calls) - 1
    timetable, trip = run.timetable, run.timetable.trip(event.trip)

    def places(numbers: range) -> list[Json]:
        return [
            call_place(run.network.planned, calls[n], version, first=n == 0, last=n == last)
            for n in numbers
        ]

    (shown_place,) = places(range(event.position, event.position + 1))
    shown: Json = {
        "place": shown_place,
        "mode": version.mode(mode_of_route(timetable.route(trip.route))),
        "realTime": run.is_live,
        **writer.of_trip(run),
        "pickupDropoffType": allowed(call.alights if event.arrival else call.boards),
        "cancelled": event.cancelled or call.cancelled,
        "tripCancelled": event.trip_cancelled,
        "bikesAllowed": writer.bikes_allowed(run),
        "wheelchairAccessible": writer.wheelchair(run),
        "reservation": "NONE",
    }
    if query.with_alerts:
        shown["place"] = shown_place | {"alerts": alerts_of(run, event.position)}
    if query.fetch_stops and event.arrival:
        shown["previousStops"] = places(range(event.position))
    elif query.fetch_stops:
        shown["nextStops"] = places(range(event.position + 1, last + 1))
    return shown
