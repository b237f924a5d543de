"""``refresh-itinerary``: the same journey again, by the timetable of now, with a fresh offer.

Walks keep the time they took; rides are looked up by trip and stop. What was rented is not
refreshed: a vehicle is there or it is not, and a new search says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from gtfs.geo import LatLon
from gtfs.ids import StopIdx
from gtfs.journey import Footpath, Journey, StayedRide
from gtfs.journey import Ride as TimetableRide
from gtfs.service_time import day_zero, service_day
from gtfs.through import goes_on
from mobility.api.dependencies import Now, OptionalRiderDep, WiringDep
from mobility.api.motis.current import network_of
from mobility.api.motis.errors import BadQueryError, MotisRoute, answer
from mobility.api.motis.itinerary_id import ItineraryId, LegId, unpack
from mobility.api.motis.leg_alternatives import add_alternatives
from mobility.api.motis.legs import LegWriter, Shown
from mobility.api.motis.modes import MotisMode
from mobility.api.motis.parameters import Parameters, Text, read_query
from mobility.api.motis.runs import Network, Run, find_run
from mobility.api.motis.version_path import VersionDep
from mobility.api.motis.versions import Version
from mobility.api.rider_terms import of_rider
from mobility.api.search_answer import offer_journeys
from mobility.identity.tokens import RiderIdentity
from mobility.planning.compose import Composer
from mobility.planning.itinerary import Itinerary, Place
from mobility.planning.request import SearchRequest, check_instant
from mobility.planning.search import Planner
from mobility.wiring import Wiring

router = APIRouter(route_class=MotisRoute, include_in_schema=False)

_NOT_RENTED = "itineraryId: a journey with a rented vehicle is not refreshed; search again"
_OUT_OF_ORDER = "itineraryId: its legs do not follow each other; use an id as it was given out"
_LONGEST_WALK_S = 3 * 3600


class RefreshQuery(Parameters):
    """The parameters that change something; those of ``plan`` beside them are read and left."""

    itinerary_id: Annotated[str, Field(max_length=8000)] | None = None
    require_display_name_match: bool = True
    detailed_transfers: bool | None = None
    detailed_legs: bool = True
    with_fares: bool = False
    with_scheduled_skipped_stops: bool = False
    num_leg_alternatives: Annotated[int, Field(ge=0, le=20)] = 0
    language: Text = ""


class RefreshBody(BaseModel):
    """The body of ``POST refresh-itinerary``."""

    id: ItineraryId


@router.get("/api/v{version:int}/refresh-itinerary")
async def get_refreshed(
    request: Request, version: VersionDep, wiring: WiringDep, now: Now, rider: OptionalRiderDep
) -> Response:
    """A journey by its id."""
    query = read_query(request, RefreshQuery)
    if query.itinerary_id is None:
        raise BadQueryError("itineraryId is missing")
    return await _refreshed(unpack(query.itinerary_id), query, version, wiring, now, rider)


@router.post("/api/v{version:int}/refresh-itinerary")
async def post_refreshed(
    request: Request,
    version: VersionDep,
    body: RefreshBody,
    wiring: WiringDep,
    now: Now,
    rider: OptionalRiderDep,
) -> Response:
    """A journey by its legs."""
    query = read_query(request, RefreshQuery)
    return await _refreshed(body.id, query, version, wiring, now, rider)


async def _refreshed(
    asked: ItineraryId,
    query: RefreshQuery,
    version: Version,
    wiring: Wiring,
    now: datetime,
    rider: RiderIdentity | None,
) -> Response:
    starts_at = _at(asked.legs[0].sched_start)
    check_instant(starts_at, now)
    passes, _, lacks, _ = await of_rider(wiring, rider, now, starts_at)
    planner = wiring.planner
    network = network_of(wiring)
    again = Again(planner, network, passes, match_names=query.require_display_name_match)
    found = await to_thread.run_sync(again.itinerary, asked.legs)
    ends = found.legs[0].origin.position, found.legs[-1].destination.position
    request = SearchRequest(*ends, passes=passes)
    (offered,) = await offer_journeys(wiring, (found,), request, lacks=lacks, now=now)
    transfers = (
        query.detailed_legs if query.detailed_transfers is None else query.detailed_transfers
    )
    shown = Shown(
        version,
        draws_legs=query.detailed_legs,
        draws_transfers=transfers,
        fares=query.with_fares,
        skipped_stops=query.with_scheduled_skipped_stops,
    )
    writer = LegWriter(planner.city, network, shown)
    written = writer.journey(offered)
    if query.num_leg_alternatives:
        add_alternatives(writer, found, written, query.num_leg_alternatives)
    return answer(written)


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


class Again:
    """Makes a journey of what its id says."""

    def __init__(
        self, planner: Planner, network: Network, passes: frozenset[str], *, match_names: bool
    ) -> None:
        """Take what all legs share, and the passes they are priced with."""
        self._planner = planner
        self._network = network
        self._passes = passes
        self._match_names = match_names

    def itinerary(self, legs: Sequence[LegId]) -> Itinerary:
        """The journey as it is now.

        Raises:
            BadQueryError: the legs are none that were given out, or no longer possible.
        """
        if any(leg.mode is MotisMode.RENTAL for leg in legs):
            raise BadQueryError(_NOT_RENTED)
        rides = [number for number, leg in enumerate(legs) if leg.trip_id]
        if not rides:
            return self._walk(legs)
        before, after = legs[: rides[0]], legs[rides[-1] + 1 :]
        if len(before) > 1 or len(after) > 1:
            raise BadQueryError(_OUT_OF_ORDER)
        found = self._middle(legs[rides[0] : rides[-1] + 1])
        out = sum(_walked_s(leg) for leg in before)
        back = sum(_walked_s(leg) for leg in after)
        start = self._place(before[0], start=True) if before else None
        end = self._place(after[0], start=False) if after else None
        return self._composed(found, (start, end), out, back)

    def _middle(self, legs: Sequence[LegId]) -> list[TimetableRide | Footpath]:
        """Rides and the walks between them, times in Unix seconds."""
        found: list[TimetableRide | Footpath] = []
        before: tuple[Run, TimetableRide] | None = None
        for leg in legs:
            if leg.trip_id:
                this = self._ride(leg)
                stays = before is not None and _stays(before, this)
                found.append(StayedRide(*this[1]) if stays else this[1])
                before = this
                continue
            before = None
            last = found[-1].arrives_s
            stops = (self._stop(leg.from_id), self._stop(leg.to_id))
            found.append(Footpath(*stops, last, last + _walked_s(leg)))
        return found

    def _ride(self, leg: LegId) -> tuple[Run, TimetableRide]:
        run = find_run(self._network, leg.trip_id)
        if run is None or run.cancelled:
            raise BadQueryError("itineraryId: a trip of it no longer runs; search again")
        timetable = self._network.now
        route = timetable.route(timetable.trip(run.trip).route)
        if self._match_names and leg.display_name not in {route.short_name, route.long_name}:
            raise BadQueryError(
                "itineraryId: a line of it has another name now; "
                "send requireDisplayNameMatch=false to allow that"
            )
        board = _call_at(run, leg.from_id, leg.sched_start, 0)
        alight = _call_at(run, leg.to_id, leg.sched_end, board + 1)
        start, end = run.calls[board], run.calls[alight]
        return run, TimetableRide(
            trip=run.trip,
            day_offset=0,
            from_stop=start.stop,
            to_stop=end.stop,
            from_position=board,
            to_position=alight,
            departs_s=int(start.departs_at.timestamp()),
            arrives_s=int(end.arrives_at.timestamp()),
        )

    def _stop(self, stop_id: str) -> StopIdx:
        idx = self._network.planned.stop_index.get(stop_id)
        if idx is None:
            raise BadQueryError("itineraryId: a stop of it is no longer there; search again")
        return idx

    def _place(self, leg: LegId, *, start: bool) -> Place:
        position = LatLon(leg.from_lat, leg.from_lon) if start else LatLon(leg.to_lat, leg.to_lon)
        stop_id = leg.from_id if start else leg.to_id
        if position not in self._planner.city.bounds:
            raise BadQueryError("itineraryId: it lies outside the area; search again")
        if stop_id:
            return self._planner.get_door(stop_id, "").place
        return self._planner.get_door(position, "Start" if start else "Ziel").place

    def _composer(self, ends: tuple[Place, Place], day: date) -> Composer:
        planner = self._planner
        request = SearchRequest(ends[0].position, ends[1].position, passes=self._passes)
        return Composer(
            planner, planner.scene, planner.fleets.view(day), request, ends=ends, on=day, pick=0
        )

    def _composed(
        self,
        found: Sequence[TimetableRide | Footpath],
        ends: tuple[Place | None, Place | None],
        out_s: int,
        back_s: int,
    ) -> Itinerary:
        if any(after.departs_s < before.arrives_s for before, after in pairwise(found)):
            raise BadQueryError("itineraryId: a change in it can no longer be made; search again")
        zone = self._network.now.tz
        day = service_day(_at(found[0].departs_s), zone)
        zero = int(day_zero(day, zone).timestamp())
        legs = tuple(_on_axis(leg, zero) for leg in found)
        source, target = legs[0].from_stop, legs[-1].to_stop
        journey = Journey(
            day=day,
            departs_s=legs[0].departs_s - out_s,
            arrives_s=legs[-1].arrives_s + back_s,
            transfers=sum(not isinstance(leg, Footpath | StayedRide) for leg in legs) - 1,
            legs=legs,
            source=source,
            target=target,
        )
        doors = (
            ends[0] or self._planner.get_stop(source),
            ends[1] or self._planner.get_stop(target),
        )
        return self._composer(doors, day).plain(journey, out_s, back_s)

    def _walk(self, legs: Sequence[LegId]) -> Itinerary:
        """A journey of one walk, at its time."""
        if len(legs) != 1 or legs[0].mode is not MotisMode.WALK:
            raise BadQueryError("itineraryId: only walks and rides on lines are refreshed")
        leg = legs[0]
        places = (self._place(leg, start=True), self._place(leg, start=False))
        on = service_day(_at(leg.sched_start), self._network.now.tz)
        return self._composer(places, on).walk(_at(leg.sched_start), max(_walked_s(leg), 1))


def _on_axis(leg: TimetableRide | Footpath, zero: int) -> TimetableRide | Footpath:
    """The same with its times counted from ``zero``."""
    departs_s, arrives_s = leg.departs_s - zero, leg.arrives_s - zero
    if isinstance(leg, Footpath):
        return Footpath(leg.from_stop, leg.to_stop, departs_s, arrives_s)
    return leg._replace(departs_s=departs_s, arrives_s=arrives_s)


def _stays(before: tuple[Run, TimetableRide], after: tuple[Run, TimetableRide]) -> bool:
    """Whether one rides to the end of a run, and stays in the vehicle as it begins another one."""
    (run, ride), (then, next_ride) = before, after
    if ride.to_position != len(run.calls) - 1 or next_ride.from_position != 0:
        return False
    return goes_on(run.timetable, (run.trip, run.day), (then.trip, then.day))


def _walked_s(leg: LegId) -> int:
    """How long a walk takes, in seconds."""
    seconds = leg.sched_end - leg.sched_start
    if leg.mode is not MotisMode.WALK or not 0 <= seconds <= _LONGEST_WALK_S:
        raise BadQueryError(_OUT_OF_ORDER)
    return seconds


def _call_at(run: Run, stop_id: str, planned_s: int, first: int) -> int:
    """The position of the call at a stop, of several the one planned nearest to that second."""
    stops = run.network.planned
    positions = [
        n for n in range(first, len(run.calls)) if stops.stop(run.calls[n].stop).id == stop_id
    ]
    if not positions:
        raise BadQueryError("itineraryId: a trip of it no longer calls at its stop; search again")
    return min(
        positions,
        key=lambda n: abs(int(run.calls[n].planned_departure.timestamp()) - planned_s),
    )
