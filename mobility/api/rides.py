"""Ride: unlock, lock, show the ticket."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict

from mobility import idempotency
from mobility.api.booking_view import BookingView
from mobility.api.bookings import ANSWER_WITHIN_S, show
from mobility.api.dependencies import IdempotencyKey, RiderDep, WiringDep
from mobility.api.openapi import problems
from mobility.booking.advance import advance_while_waiting
from mobility.booking.errors import LegRefusedError, NotFoundError, WrongStateError
from mobility.booking.queries import get_booking
from mobility.booking.ride import AFTER, ask_to_finish, ask_to_start, find_leg
from mobility.booking.trip import Ask, AskState, Trip
from mobility.db import transaction
from mobility.wiring import Wiring

router = APIRouter(prefix="/v1/bookings/{booking_id}/legs/{leg_id}", tags=["rides"])


class TicketView(BaseModel):
    """What is shown at inspection or opens the vehicle."""

    leg_id: str
    provider_id: str
    format: Literal["QR"]
    payload: str
    valid_until: datetime | None

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "leg_id": "leg_2ab3cd4ef5gh6ij7kl2mn3op4q",
                "provider_id": "stadtverkehr-luebeck",
                "format": "QR",
                "payload": "M1.eyJraWQiOiJ0MSJ9.c2lnbmF0dXJl",
                "valid_until": "2026-11-26T09:00:00Z",
            }
        }
    )


@router.post(
    "/start",
    response_model=BookingView,
    summary="Start a leg",
    responses=problems("wrong-state", "provider-refused", "idempotency-key-reused"),
)
async def start(
    booking_id: str,
    leg_id: str,
    request: Request,
    wiring: WiringDep,
    rider: RiderDep,
    key: IdempotencyKey = None,
) -> BookingView:
    """Unlock the vehicle, or begin the ride on a ticket. Asking again changes nothing."""
    await _claim(wiring, rider.rider_id, key, request)
    return await _ride(wiring, rider.rider_id, booking_id, leg_id, Ask.START)


@router.post(
    "/finish",
    response_model=BookingView,
    summary="Finish a leg",
    responses=problems("wrong-state", "provider-refused", "idempotency-key-reused"),
)
async def finish(
    booking_id: str,
    leg_id: str,
    request: Request,
    wiring: WiringDep,
    rider: RiderDep,
    key: IdempotencyKey = None,
) -> BookingView:
    """Lock the vehicle and end the ride; after the last leg the trip is settled."""
    await _claim(wiring, rider.rider_id, key, request)
    return await _ride(wiring, rider.rider_id, booking_id, leg_id, Ask.FINISH)


async def _claim(wiring: Wiring, rider_id: str, key: str | None, request: Request) -> None:
    async with transaction(wiring.engine) as tx:
        await idempotency.claim_key(tx, rider_id, key, request.url.path, wiring.clock())


async def _ride(
    wiring: Wiring, rider_id: str, booking_id: str, leg_id: str, ask: Ask
) -> BookingView:
    ask_to = ask_to_start if ask is Ask.START else ask_to_finish
    async with transaction(wiring.engine) as tx:
        await get_booking(tx, rider_id, booking_id)
        wanted = await ask_to(tx, booking_id, leg_id, wiring.clock())

    def decided(trip: Trip) -> bool:
        leg = find_leg(trip, leg_id)
        asked = leg.asked.get(ask)
        return leg.state is AFTER[ask] or (asked is not None and asked.state is AskState.REFUSED)

    if wanted:
        trip = await advance_while_waiting(
            wiring.desk, booking_id, until=decided, seconds=ANSWER_WITHIN_S
        )
        asked = find_leg(trip, leg_id).asked.get(ask)
        if asked is not None and asked.state is AskState.REFUSED:
            raise LegRefusedError(f"the provider refused to {ask} the leg: {asked.error}")
    return await show(wiring, rider_id, booking_id)


@router.get(
    "/ticket",
    response_model=TicketView,
    summary="Show a ticket",
    responses=problems("wrong-state"),
)
async def get_ticket(
    booking_id: str, leg_id: str, wiring: WiringDep, rider: RiderDep
) -> TicketView:
    """The ticket of a confirmed leg; its payload is drawn as a QR code."""
    async with transaction(wiring.engine) as tx:
        record = await get_booking(tx, rider.rider_id, booking_id)
    for leg in record.legs:
        if leg.id == leg_id and leg.provider_id is not None:
            if leg.access_code is None:
                raise WrongStateError(f"leg {leg_id} has no ticket: it is {leg.state}")
            return TicketView(
                leg_id=leg.id,
                provider_id=leg.provider_id,
                format="QR",
                payload=leg.access_code,
                valid_until=leg.hold_expires_at,
            )
    raise NotFoundError(f"booking {booking_id} has no leg {leg_id} with a ticket")
