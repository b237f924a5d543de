"""Ride: unlock and lock."""

from __future__ import annotations

from fastapi import APIRouter

from mobility.api.booking_view import BookingView
from mobility.api.bookings import ANSWER_WITHIN_S, show
from mobility.api.dependencies import RiderDep, WiringDep
from mobility.api.keyed import Keyed, KeyedDep
from mobility.api.openapi import problems
from mobility.booking.at_once import advance_while_waiting, take
from mobility.booking.errors import LegRefusedError
from mobility.booking.queries import get_booking
from mobility.booking.ride import BEFORE, ask_to_finish, ask_to_start, find_leg
from mobility.booking.trip import Ask, AskState, Trip
from mobility.db import transaction
from mobility.wiring import Wiring

router = APIRouter(prefix="/v1/bookings/{booking_id}/legs/{leg_id}", tags=["rides"])


@router.post(
    "/start",
    response_model=BookingView,
    summary="Start a leg",
    responses=problems("wrong-state", "provider-refused", "idempotency-key-reused"),
)
async def start(
    booking_id: str, leg_id: str, wiring: WiringDep, rider: RiderDep, keyed: KeyedDep
) -> BookingView:
    """Unlock the vehicle, or begin the ride on a ticket. Asking again changes nothing."""
    return await _ride(wiring, rider.rider_id, keyed, booking_id, leg_id, Ask.START)


@router.post(
    "/finish",
    response_model=BookingView,
    summary="Finish a leg",
    responses=problems("wrong-state", "provider-refused", "idempotency-key-reused"),
)
async def finish(
    booking_id: str, leg_id: str, wiring: WiringDep, rider: RiderDep, keyed: KeyedDep
) -> BookingView:
    """Lock the vehicle and end the ride; after the last leg the trip is settled."""
    return await _ride(wiring, rider.rider_id, keyed, booking_id, leg_id, Ask.FINISH)


async def _ride(
    wiring: Wiring, rider_id: str, keyed: Keyed, booking_id: str, leg_id: str, ask: Ask
) -> BookingView:
    ask_to = ask_to_start if ask is Ask.START else ask_to_finish
    async with transaction(wiring.engine) as tx:
        await keyed.claim(tx)
    async with transaction(wiring.engine) as tx:
        await get_booking(tx, rider_id, booking_id)
        wanted = await ask_to(tx, booking_id, leg_id, wiring.clock())
        taken = await take(tx, wiring.desk, booking_id) if wanted else None

    def decided(trip: Trip) -> bool:
        leg = find_leg(trip, leg_id)
        asked = leg.asked.get(ask)
        refused = asked is not None and asked.state is AskState.REFUSED
        return leg.state is not BEFORE[ask] or refused

    if wanted:
        trip = await advance_while_waiting(
            wiring.desk, booking_id, taken, until=decided, seconds=ANSWER_WITHIN_S
        )
        asked = find_leg(trip, leg_id).asked.get(ask)
        if asked is not None and asked.state is AskState.REFUSED:
            raise LegRefusedError(
                f"the provider refused to {ask} leg {leg_id}: {asked.error}; try it once more, "
                "or report what is wrong"
            )
    return await show(wiring, rider_id, booking_id)
