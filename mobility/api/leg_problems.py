"""Report that a leg cannot be used."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from msgspec.json import encode
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gtfs.geo import LatLon
from mobility.api.booking_view import BookingView
from mobility.api.bookings import ANSWER_WITHIN_S, show
from mobility.api.dependencies import Now, RiderDep, WiringDep
from mobility.api.journey_view import JourneyWriter
from mobility.api.journey_wire import JourneyOut
from mobility.api.keyed import KeyedDep
from mobility.api.openapi import problems
from mobility.api.replacements import offer_replacement
from mobility.booking.at_once import advance_while_waiting
from mobility.booking.leg_reports import Kind, Outcome, find_report
from mobility.booking.moves import OVER
from mobility.booking.problem import Problem, report_problem
from mobility.booking.queries import LegRecord, get_booking
from mobility.booking.ride import find_leg
from mobility.booking.trip import Ask, AskState, BookingState, LegState, Trip
from mobility.db import transaction
from mobility.planning.offers import OfferedJourney
from mobility.wiring import Wiring

router = APIRouter(tags=["rides"])
GOING_ON = (LegState.CONFIRMED, LegState.ACTIVE)
RiderKind = Literal["vehicle_missing", "vehicle_broken", "wheelchair_refused", "other"]
HIDES = (Kind.VEHICLE_MISSING, Kind.VEHICLE_BROKEN)
OTHER_WAYS = (
    "Gerade gibt es nichts Gleiches zum selben Preis; ob dich ein anderer Weg ohne Mehrkosten "
    "ans Ziel bringt, zeigt die Umbuchung."
)
NONE_THERE = "Gerade gibt es nichts Passendes zum selben Preis; die Suche zeigt, was sonst fährt."
NoteText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$"),
]


class Here(BaseModel):
    """Where the rider is."""

    model_config = ConfigDict(extra="forbid")
    lat: float = Field(ge=-90, le=90, examples=[53.8659])
    lon: float = Field(ge=-180, le=180, examples=[10.6707])


class ProblemIn(BaseModel):
    """What is the matter with a leg."""

    model_config = ConfigDict(extra="forbid")
    kind: RiderKind = Field(examples=["vehicle_broken"])
    note: NoteText | None = Field(default=None, examples=["Die Kette ist ab."])
    cancel_rest: bool = Field(
        default=False, description="Give back what is still unused of the booking, too."
    )
    position: Here | None = Field(
        default=None, description="Where another vehicle is looked for; else where the leg begins."
    )


class ReportView(BaseModel):
    """What followed from a report."""

    leg_id: str = Field(examples=["leg_2ab3cd4ef5gh6ij7kl2mn3op4q"])
    kind: Kind = Field(examples=["vehicle_broken"])
    outcome: Outcome = Field(
        description="`given_back`: not used, costs nothing. `free`: ended soon after its start, "
        "costs nothing (more than 500 m ridden, or 10 minutes beyond the report, is charged "
        "after all). `charged`: ended, charged "
        "as ridden, staff looks. `refunded`: the ticket is paid back. `noted`: staff decides.",
        examples=["free"],
    )
    open: bool = Field(description="Staff is to look at it.", examples=[False])


class ProblemAnswer(BaseModel):
    """The booking as it stands now, and what can be had instead."""

    report: ReportView
    booking: BookingView
    replacement: JourneyOut | None = Field(
        description="An offer that costs no more than the leg it replaces. Null: there is none.",
        examples=[None],
    )
    no_replacement_because: str | None = Field(examples=[NONE_THERE])


@router.post(
    "/v1/bookings/{booking_id}/legs/{leg_id}/problem",
    response_model=ProblemAnswer,
    summary="Report that a leg cannot be used",
    responses=problems("wrong-state", "idempotency-key-reused"),
)
async def report(
    booking_id: str,
    leg_id: str,
    body: ProblemIn,
    wiring: WiringDep,
    rider: RiderDep,
    now: Now,
    keyed: KeyedDep,
) -> ProblemAnswer:
    """A vehicle is missing or broken, or a bus took no wheelchair: what she pays, and what else.

    The vehicle is offered to nobody until its operator says something new of it. Where the leg then
    costs nothing, the booking's next action `rebook` leads on by any way at the locked price.
    Asked again, the first report stands; after five in a day staff looks at every further one
    first.
    """
    problem = Problem(Kind(body.kind), body.note or None, cancel_rest=body.cancel_rest)
    async with transaction(wiring.engine) as tx:
        await keyed.claim(tx)
        record = await get_booking(tx, rider.rider_id, booking_id)
        told = await report_problem(tx, booking_id, leg_id, problem, now)
    leg = next(leg for leg in record.legs if leg.id == leg_id)
    if leg.report is None and told.kind in HIDES and told.believed:
        await _hide(wiring, leg, now)
    await advance_while_waiting(
        wiring.desk, booking_id, until=lambda trip: _followed(trip, leg_id), seconds=ANSWER_WITHIN_S
    )
    found = await offer_replacement(
        wiring,
        rider,
        leg,
        here=LatLon(body.position.lat, body.position.lon) if body.position else None,
        passengers=record.passengers,
        wheelchair=told.kind is Kind.WHEELCHAIR_REFUSED,
        now=now,
    )
    writer = JourneyWriter(wiring.city.timezone, wiring.city.currency)
    async with transaction(wiring.engine) as tx:
        told = await find_report(tx, booking_id, leg_id) or told
    booking = await show(wiring, rider.rider_id, booking_id)
    other_ways = any(each.action == "rebook" for each in booking.next_actions)
    none_because = OTHER_WAYS if other_ways else NONE_THERE
    return ProblemAnswer(
        report=ReportView(leg_id=leg_id, kind=told.kind, outcome=told.outcome, open=told.open),
        booking=booking,
        replacement=None if found is None else _journey(writer, found),
        no_replacement_because=none_because if found is None else None,
    )


def _journey(writer: JourneyWriter, found: OfferedJourney) -> JourneyOut:
    return JourneyOut.model_validate_json(encode(writer.journey(found)))


async def _hide(wiring: Wiring, leg: LegRecord, now: datetime) -> None:
    if leg.provider_id is not None and leg.detail is not None and leg.detail.vehicle_ref:
        await wiring.snapshots.hide_vehicle(leg.provider_id, leg.detail.vehicle_ref, now)


def _followed(trip: Trip, leg_id: str) -> bool:
    """Whether it is decided what became of the leg, and of the trip where that was its last."""
    leg = find_leg(trip, leg_id)
    if leg.state in (LegState.ENDED, LegState.CANCELLED):
        going_on = [each for each in trip.provided if each.state in GOING_ON]
        waiting = any(each.pending(Ask.CANCEL) for each in going_on)
        return not waiting if going_on else trip.state in (*OVER, BookingState.NEEDS_ATTENTION)
    asked = leg.asked.get(Ask.FINISH if leg.state is LegState.ACTIVE else Ask.CANCEL)
    return not leg.scarce or (asked is not None and asked.state is AskState.REFUSED)
