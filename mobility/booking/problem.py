"""A rider reports that a leg cannot be used: what she then pays, and what becomes of the rest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from mobility import steps
from mobility.booking.advance import STEP
from mobility.booking.asks import ask_for
from mobility.booking.cancel import list_unused
from mobility.booking.covered import list_covered
from mobility.booking.errors import WrongStateError
from mobility.booking.leg_reports import (
    Kind,
    LegReport,
    Outcome,
    add_report,
    count_reports,
    end_voided,
    find_report,
    void,
)
from mobility.booking.rebooked import find_successor
from mobility.booking.ride import RIDING, find_leg
from mobility.booking.trip import GONE, Aim, Ask, BookingState, LegState, Trip, TripLeg
from mobility.booking.trips import get_trip, set_leg

FREE_FOR = timedelta(minutes=5)
"""How long after its start a vehicle that turns out to be broken costs nothing."""
MOST_A_DAY = 5
"""Reports of one rider within 24 hours that are believed; staff looks at those that follow."""
CHARGED = (BookingState.COMPLETED, BookingState.SETTLED)


@dataclass(frozen=True, slots=True)
class Problem:
    """What a rider says of a leg; ``cancel_rest`` gives back what is still unused of the trip."""

    kind: Kind
    note: str | None = None
    cancel_rest: bool = False


def judge(leg: TripLeg, kind: Kind, now: datetime, *, believed: bool) -> Outcome:
    """What follows from a report, by how far the leg has got.

    Raises:
        WrongStateError: there is nothing to report: not confirmed yet, over, or being unlocked.
    """
    if leg.pending(Ask.START):
        raise WrongStateError(f"leg {leg.id} is being started; ask again in a moment")
    if kind is Kind.WHEELCHAIR_REFUSED and _still_carries(leg, now):
        return Outcome.NOTED
    if leg.state not in (LegState.CONFIRMED, LegState.ACTIVE):
        raise WrongStateError(f"nothing can be reported of leg {leg.id}: it is {leg.state}")
    if leg.issued and now >= leg.departs_at:
        refused = kind is Kind.WHEELCHAIR_REFUSED and believed
        return Outcome.REFUNDED if refused else Outcome.NOTED
    if leg.issued or leg.state is LegState.CONFIRMED:
        return Outcome.GIVEN_BACK
    begun = leg.started_at or now
    return Outcome.FREE if believed and now <= begun + FREE_FOR else Outcome.CHARGED


def _still_carries(leg: TripLeg, now: datetime) -> bool:
    """A ticket whose ride is over by the clock, and that is valid: its bus may only come now."""
    valid = leg.held_until is not None and now < leg.held_until
    return not leg.scarce and leg.state is LegState.ENDED and valid


def _can_go_back(trip: Trip, leg: TripLeg, now: datetime) -> bool:
    return leg.state in GONE or (leg.id in list_unused(trip, now) and not leg.pending(Ask.START))


async def report_problem(
    tx: AsyncConnection, booking_id: str, leg_id: str, problem: Problem, now: datetime
) -> LegReport:
    """Record what a rider reports of a leg, and the step that carries out what follows from it.

    Reported again, the first report stands.

    Raises:
        NotFoundError: the booking has no such leg that a provider carries out.
        WrongStateError: nothing can be reported of it now.
    """
    trip = await get_trip(tx, booking_id, lock=True)
    leg = find_leg(trip, leg_id)
    if earlier := await find_report(tx, booking_id, leg_id):
        return earlier
    over = trip.state in CHARGED and _still_carries(leg, now)
    if trip.aim is not Aim.TRAVEL or not (over or trip.state in RIDING):
        raise WrongStateError(f"nothing can be reported of {booking_id}: it is {trip.state}")
    day_before = now - timedelta(days=1)
    believed = await count_reports(tx, trip.rider_id, day_before) < MOST_A_DAY
    outcome = judge(leg, problem.kind, now, believed=believed)
    covered = list_covered(trip.tickets, leg.id) if outcome.costs_nothing else []
    carries = outcome is Outcome.REFUNDED and await find_successor(tx, booking_id) is not None
    if carries or not all(_can_go_back(trip, each, now) for each in covered):
        outcome, covered = Outcome.NOTED, []
    report = LegReport(
        booking_id=booking_id,
        leg_id=leg_id,
        kind=problem.kind,
        note=problem.note,
        outcome=outcome,
        believed=believed,
        open=not believed or outcome in (Outcome.CHARGED, Outcome.NOTED),
        reported_at=now,
    )
    await add_report(tx, report, trip.rider_id)
    await _follow(tx, trip, leg, outcome, now)
    rest = list_unused(trip, now) if problem.cancel_rest else []
    for ticket in covered:
        await void(tx, trip.id, ticket.id, now)
    for other in dict.fromkeys([each.id for each in covered] + rest):
        if other != leg_id:
            await ask_for(tx, booking_id, other, Ask.CANCEL, now)
    await steps.enqueue(tx, kind=STEP, key=booking_id, run_at=now)
    return report


async def _follow(
    tx: AsyncConnection, trip: Trip, leg: TripLeg, outcome: Outcome, now: datetime
) -> None:
    if outcome is Outcome.GIVEN_BACK:
        await ask_for(tx, trip.id, leg.id, Ask.CANCEL, now)
        if not leg.scarce:
            await void(tx, trip.id, leg.id, now)
    if leg.scarce:  # also one that is given back, should it turn out to have been unlocked
        await set_leg(tx, trip.id, leg.id, end_by=min(now, leg.end_by or now))
    if outcome is Outcome.REFUNDED:
        await void(tx, trip.id, leg.id, now)
        await end_voided(tx, trip.id, leg.id, now)
