"""Have a booking held for longer."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter

from mobility.api.booking_view import BookingView
from mobility.api.bookings import ANSWER_WITHIN_S, show
from mobility.api.dependencies import Now, RiderDep, WiringDep
from mobility.api.keyed import KeyedDep
from mobility.api.openapi import problems
from mobility.booking.at_once import advance_while_waiting
from mobility.booking.errors import LegRefusedError
from mobility.booking.extend import ask_to_extend
from mobility.booking.queries import get_booking
from mobility.booking.trip import Ask, AskState, LegState, Trip
from mobility.db import transaction

router = APIRouter(prefix="/v1/bookings", tags=["bookings"])


@router.post(
    "/{booking_id}/extend-hold",
    response_model=BookingView,
    summary="Have a booking held for longer",
    responses=problems("wrong-state", "provider-refused", "idempotency-key-reused"),
)
async def extend_hold(
    booking_id: str, wiring: WiringDep, rider: RiderDep, now: Now, keyed: KeyedDep
) -> BookingView:
    """Once, by the city's minutes: while it is paid, or until the rider has come to the vehicle.

    A provider that holds for one time only refuses, and everything stays as it was.
    """
    longer = timedelta(minutes=wiring.city.rules.hold_extension_minutes)
    async with transaction(wiring.engine) as tx:
        new = await keyed.claim(tx)
        await get_booking(tx, rider.rider_id, booking_id)
        if new:
            await ask_to_extend(tx, booking_id, longer, now)
    trip = await advance_while_waiting(
        wiring.desk, booking_id, until=_decided, seconds=ANSWER_WITHIN_S
    )
    for leg in trip.provided:
        asked = leg.asked.get(Ask.EXTEND)
        if asked is not None and asked.state is AskState.REFUSED:
            raise LegRefusedError(f"{leg.provider_id} does not hold for longer: {asked.error}")
    return await show(wiring, rider.rider_id, booking_id)


def _decided(trip: Trip) -> bool:
    held = (leg for leg in trip.provided if leg.state is LegState.HELD)
    return all(leg.pending(Ask.EXTEND) is None for leg in held)
