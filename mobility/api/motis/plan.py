"""``/api/v1/plan`` to ``/api/v6/plan``: from one place to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from mobility.api.attribution import attributions_of
from mobility.api.dependencies import Now, OptionalRiderDep, WiringDep
from mobility.api.journey_view import notice_out
from mobility.api.motis.current import network_of
from mobility.api.motis.errors import MotisRoute, answer
from mobility.api.motis.filters import Filters
from mobility.api.motis.leg_alternatives import add_alternatives
from mobility.api.motis.legs import LegWriter, Shown
from mobility.api.motis.modes import MotisMode
from mobility.api.motis.parameters import Spot, read_place, read_query, unknown_names
from mobility.api.motis.places_wire import Json, place_of
from mobility.api.motis.plan_query import (
    STREET_MODES_HERE,
    WALK_OR_RENT,
    PlanQuery,
    not_honoured,
)
from mobility.api.motis.plan_search import Plan, find_plan, request_of
from mobility.api.motis.runs import Network
from mobility.api.motis.version_path import VersionDep
from mobility.api.motis.versions import Version
from mobility.api.rider_terms import of_rider
from mobility.api.search_answer import offer_journeys
from mobility.api.threads import search_long_in_thread
from mobility.identity.tokens import RiderIdentity
from mobility.planning.itinerary import Place
from mobility.planning.search import Planner

router = APIRouter(route_class=MotisRoute, include_in_schema=False)


class PlanOffset(BaseModel):
    """A way to or from a stop that the client has worked out itself."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)
    stop_id: Annotated[str, Field(min_length=1, max_length=200)]
    duration: Annotated[int, Field(ge=0, le=86_400)]
    mode: MotisMode = MotisMode.WALK


class PlanPostBody(BaseModel):
    """The body of ``POST plan``: everything else stands in the query."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)
    from_offsets: Annotated[list[PlanOffset], Field(max_length=1000)] = []
    to_offsets: Annotated[list[PlanOffset], Field(max_length=1000)] = []


@router.get("/api/v{version:int}/plan")
async def get_plan(
    request: Request, version: VersionDep, wiring: WiringDep, now: Now, rider: OptionalRiderDep
) -> Response:
    """Compute optimal connections."""
    return await _plan(request, version, wiring, now, rider, ())


@router.post("/api/v{version:int}/plan")
async def post_plan(
    request: Request,
    version: VersionDep,
    body: PlanPostBody,
    wiring: WiringDep,
    now: Now,
    rider: OptionalRiderDep,
) -> Response:
    """The same; offsets of the client's own are not used, and the answer says so."""
    sent = [
        name
        for name, offsets in (("fromOffsets", body.from_offsets), ("toOffsets", body.to_offsets))
        if offsets
    ]
    return await _plan(request, version, wiring, now, rider, sent)


async def _plan(
    request: Request,
    version: Version,
    wiring: WiringDep,
    now: Now,
    rider: RiderIdentity | None,
    sent: Sequence[str],
) -> Response:
    query = read_query(request, PlanQuery)
    planner = wiring.planner
    asked = request_of(query, planner, now)
    passes, paid, lacks, _ = await of_rider(wiring, rider, now, asked.depart_at or asked.arrive_by)
    asked = replace(asked, passes=passes, paid=paid)
    network = network_of(wiring)
    filters = Filters(query, version, network)
    found = await search_long_in_thread(find_plan, planner, query, asked, filters, now)
    offered = await offer_journeys(
        wiring, (*found.direct, *found.itineraries), asked, lacks=lacks, now=now
    )
    writer = LegWriter(
        planner.city,
        network,
        Shown(
            version,
            draws_legs=query.detailed_legs,
            draws_transfers=query.draws_transfers,
            fares=query.with_fares,
            skipped_stops=query.with_scheduled_skipped_stops,
        ),
    )
    written = [writer.journey(one) for one in offered]
    direct, itineraries = written[: len(found.direct)], written[len(found.direct) :]
    if query.num_leg_alternatives:
        for itinerary, shown in zip(found.itineraries, itineraries, strict=True):
            add_alternatives(writer, itinerary, shown, query.num_leg_alternatives)
    ends = [
        _end(text, name, planner, network, version)
        for text, name in ((query.from_place, "START"), (query.to_place, "END"))
    ]
    zone = planner.city.timezone
    return answer(
        {
            "requestParameters": {
                name: ",".join(request.query_params.getlist(name)) for name in request.query_params
            },
            "debugOutput": _debug(request, query, found, sent),
            "from": ends[0],
            "to": ends[1],
            "direct": direct,
            "itineraries": itineraries,
            "previousPageCursor": found.earlier.text() if found.earlier else "",
            "nextPageCursor": found.later.text() if found.later else "",
            "notices": [notice_out(notice, zone) for notice in found.notices],
            "attributions": attributions_of(planner.city),
        }
    )


def _end(text: str, name: str, planner: Planner, network: Network, version: Version) -> Json:
    """``from`` or ``to`` of the answer: as it was asked, with the level that was asked."""
    end = read_place(text, name)
    if isinstance(end, Spot):
        place = planner.get_door(end.position, name).place
        return place_of(Place(place.name, end.position), network.planned, version, level=end.level)
    return place_of(planner.get_door(end, name).place, network.planned, version)


def _debug(request: Request, query: PlanQuery, found: Plan, sent: Sequence[str]) -> dict[str, int]:
    """Counts, and a 1 for whatever was asked and changes nothing here."""
    named = [*not_honoured(request.query_params), *sent, *unknown_names(request, PlanQuery)]
    named += [
        f"{prefix}Modes={mode}"
        for prefix, modes, here in (
            ("direct", query.direct_modes, STREET_MODES_HERE),
            ("preTransit", query.pre_transit_modes, WALK_OR_RENT),
            ("postTransit", query.post_transit_modes, WALK_OR_RENT),
        )
        for mode in dict.fromkeys(modes)
        if mode not in here
    ]
    return {
        "direct": len(found.direct),
        "itineraries": len(found.itineraries),
        **{f"notHonoured:{name}": 1 for name in named},
    }
