"""Hold a booking for longer, once: while it is paid, or until its rider has come to the vehicle."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility import steps
from mobility.booking.advance import STEP
from mobility.booking.asks import ask_for, forget_refusal
from mobility.booking.errors import WrongStateError
from mobility.booking.extension import apply_extension
from mobility.booking.riding import NO_SHOW_AFTER
from mobility.booking.trip import Aim, Ask, BookingState, LegState
from mobility.booking.trips import get_trip, set_leg
from mobility.tables import booking

WAITING = (BookingState.HELD, BookingState.AWAITING_PAYMENT)
CERTAIN = (BookingState.CONFIRMED, BookingState.ACTIVE)


async def ask_to_extend(
    tx: AsyncConnection, booking_id: str, longer: timedelta, now: datetime
) -> None:
    """Record that a rider has a booking held for longer, and the step that asks the providers.

    What an operator refused may be asked again; who has extended before is not asked twice.
    A vehicle that is confirmed waits for its rider by our own clock: nobody need be asked.

    Raises:
        WrongStateError: it was done before, or nothing of the booking is held, or it is not certain
            yet and rebooks another one, whose tickets become valid meanwhile.
    """
    trip = await get_trip(tx, booking_id, lock=True)
    before = await tx.scalar(select(booking.c.extended_to).where(booking.c.id == booking_id))
    if before is not None:
        raise WrongStateError(f"booking {booking_id} has been held for longer once already")
    begun = any(leg.ridden for leg in trip.provided)
    waits = trip.state in WAITING and now < trip.expires_at
    if trip.aim is not Aim.TRAVEL or begun or not (waits or trip.state in CERTAIN):
        raise WrongStateError(f"booking {booking_id} cannot be held for longer: it is {trip.state}")
    if waits and trip.locked is not None:
        raise WrongStateError(f"booking {booking_id} rebooks one that is not held for longer")
    vehicles = [leg for leg in trip.provided if leg.scarce]
    kept = [leg for leg in vehicles if leg.state is LegState.CONFIRMED]
    if not waits and not kept:
        raise WrongStateError(f"no vehicle of booking {booking_id} waits for its rider")
    until = trip.expires_at + longer
    await tx.execute(update(booking).where(booking.c.id == booking_id).values(extended_to=until))
    for leg in vehicles:
        if leg.state is LegState.HELD:
            await forget_refusal(tx, booking_id, leg.id, Ask.EXTEND)
            await ask_for(tx, booking_id, leg.id, Ask.EXTEND, now)
    for leg in kept:
        end = leg.departs_at + NO_SHOW_AFTER + longer
        await set_leg(tx, booking_id, leg.id, kept_until=end)
    if waits:
        await apply_extension(tx, booking_id)
    await steps.enqueue(tx, kind=STEP, key=booking_id, run_at=now)
