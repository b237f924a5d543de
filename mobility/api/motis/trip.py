"""``trip``: one trip on its day, as an itinerary of a single leg."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field

from mobility.api.dependencies import WiringDep
from mobility.api.motis.current import network_of
from mobility.api.motis.errors import MotisRoute, NotThereError, answer
from mobility.api.motis.legs import LegWriter, Shown
from mobility.api.motis.parameters import Listed, Parameters, read_query
from mobility.api.motis.places_wire import moment
from mobility.api.motis.runs import find_run
from mobility.api.motis.version_path import VersionDep

router = APIRouter(route_class=MotisRoute, include_in_schema=False)


class TripQuery(Parameters):
    """The parameters of ``trip``; trips here are never interlined, names have one language."""

    trip_id: Annotated[str, Field(max_length=400)]
    with_scheduled_skipped_stops: bool = False
    detailed_legs: bool = True
    join_interlined_legs: bool = True
    language: Listed[str] = ()


@router.get("/api/v{version:int}/trip")
async def get_trip(request: Request, version: VersionDep, wiring: WiringDep) -> Response:
    """A trip as an itinerary."""
    query = read_query(request, TripQuery)
    run = find_run(network_of(wiring), query.trip_id)
    if run is None:
        raise NotThereError(
            "tripId: no trip of that id runs on its day; use the id of a leg or a stop time"
        )
    shown = Shown(
        version,
        draws_legs=query.detailed_legs,
        skipped_stops=query.with_scheduled_skipped_stops,
    )
    writer = LegWriter(wiring.city, run.network, shown)
    first, last = run.calls[0], run.calls[-1]
    return answer(
        {
            "duration": int((last.arrives_at - first.departs_at).total_seconds()),
            "startTime": moment(first.departs_at),
            "endTime": moment(last.arrives_at),
            "transfers": 0,
            "id": writer.id_of_run(run),
            "legs": [writer.ride(run, 0, len(run.calls) - 1)],
        }
    )
