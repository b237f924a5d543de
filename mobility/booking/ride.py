"""Start and finish a leg: unlock and lock a vehicle, or begin and end a ride on a ticket."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from mobility import steps
from mobility.booking.advance import STEP
from mobility.booking.asks import ask_for, forget_refusal
from mobility.booking.errors import NotFoundError, WrongStateError
from mobility.booking.rebooked import find_successor, list_given_up
from mobility.booking.trip import Aim, Ask, BookingState, LegState, Trip, TripLeg
from mobility.booking.trips import get_trip

BEFORE = {Ask.START: LegState.CONFIRMED, Ask.FINISH: LegState.ACTIVE}
AFTER = {Ask.START: LegState.ACTIVE, Ask.FINISH: LegState.ENDED}
RIDING = (BookingState.CONFIRMED, BookingState.ACTIVE, BookingState.NEEDS_ATTENTION)


async def ask_to_start(tx: AsyncConnection, trip_id: str, leg_id: str, now: datetime) -> bool:
    """Record that the rider wants to start a leg; see ``_ask_to``."""
    return await _ask_to(tx, trip_id, leg_id, Ask.START, now)


async def ask_to_finish(tx: AsyncConnection, trip_id: str, leg_id: str, now: datetime) -> bool:
    """Record that the rider wants to finish a leg; see ``_ask_to``."""
    return await _ask_to(tx, trip_id, leg_id, Ask.FINISH, now)


async def _ask_to(tx: AsyncConnection, trip_id: str, leg_id: str, ask: Ask, now: datetime) -> bool:
    """Record the wish; False when it has been fulfilled before.

    Raises:
        NotFoundError: the booking has no such leg that a provider carries out.
        WrongStateError: the leg is not in the state that it needs.
    """
    trip = await get_trip(tx, trip_id, lock=True)
    leg = find_leg(trip, leg_id)
    if leg.state is AFTER[ask] or (ask is Ask.START and leg.state is LegState.ENDED):
        return False
    begins = ask is Ask.START
    off = begins and (trip.aim is not Aim.TRAVEL or trip.state not in RIDING)
    if off or leg.state is not BEFORE[ask]:
        waits = ask is Ask.FINISH and leg.state is LegState.CONFIRMED
        raise WrongStateError(
            f"leg {leg_id} is not being ridden; start it first"
            if waits
            else f"cannot {ask} leg {leg_id}: it is {leg.state} and the booking is {trip.state}"
        )
    successor = await find_successor(tx, trip.id) if begins or not leg.scarce else None
    if successor is not None and leg in list_given_up(trip, successor.from_leg):
        raise WrongStateError(
            f"leg {leg_id} is being rebooked as {successor.booking_id}; "
            "pay that, or cancel it to go on with this one"
        )
    if leg.pending(Ask.CANCEL):
        raise WrongStateError(f"cannot {ask} leg {leg_id}: it is being cancelled")
    if ask in leg.asked:
        await forget_refusal(tx, trip.id, leg_id, ask)
    await ask_for(tx, trip.id, leg_id, ask, now)
    await steps.enqueue(tx, kind=STEP, key=trip.id, run_at=now)
    return True


def find_leg(trip: Trip, leg_id: str) -> TripLeg:
    """The leg of that id that a provider carries out.

    Raises:
        NotFoundError: there is none.
    """
    for leg in trip.provided:
        if leg.id == leg_id:
            return leg
    raise NotFoundError(f"booking {trip.id} has no leg {leg_id} to ride")
