"""For staff: a booking with all that was asked and paid for it, and giving all of it back."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.api.booking_view import Amount
from mobility.api.dependencies import Now, StaffDep, WiringDep
from mobility.api.keyed import KeyedDep
from mobility.api.openapi import problems
from mobility.api.operations import Reason
from mobility.booking.give_back import ask_to_give_back
from mobility.booking.goodwill import list_goodwill
from mobility.booking.payment_view import get_standing
from mobility.booking.trip import Aim, Ask, AskState, BookingState, LegState
from mobility.booking.trips import get_trip
from mobility.db import transaction
from mobility.tables import booking
from payments.operation import OperationState
from providers.values import Mode

router = APIRouter(prefix="/v1/operations/bookings", tags=["operations"])


class AskView(BaseModel):
    """What a provider was asked, and how far that is; `sent` may or may not have happened."""

    ask: Ask = Field(examples=["cancel"])
    state: AskState = Field(examples=["sent"])
    attempts: int = Field(examples=[7])
    asked_at: datetime = Field(examples=["2026-11-26T07:00:00Z"])
    error: str | None = Field(examples=["not read: no answer"])


class LegAsked(BaseModel):
    """A leg, and what its provider was asked."""

    id: str = Field(examples=["leg_4xk2s7qpm5u6w3a2c7t4e5n6ra"])
    mode: Mode = Field(examples=["bike"])
    provider_id: str | None = Field(examples=["demo-rad"])
    state: LegState = Field(examples=["confirmed"])
    asked: list[AskView]


class GoodwillView(BaseModel):
    """A refund that staff granted for a leg; `declined` is one that the processor refused."""

    leg_id: str = Field(examples=["leg_4xk2s7qpm5u6w3a2c7t4e5n6ra"])
    amount: Amount = Field(examples=[{"amount": 210, "currency": "EUR"}])
    state: OperationState = Field(examples=["done"])
    granted_at: datetime = Field(examples=["2026-11-26T09:00:00Z"])
    error: str | None = Field(examples=["refund_failed"])


class MoneyView(BaseModel):
    """The booking's payment."""

    state: str = Field(examples=["captured"])
    captured: Amount = Field(examples=[{"amount": 460, "currency": "EUR"}])
    refunded: Amount = Field(examples=[{"amount": 0, "currency": "EUR"}])
    outstanding: Amount = Field(examples=[{"amount": 0, "currency": "EUR"}])


class StuckBooking(BaseModel):
    """A booking as who must look at it needs it; the rider by pseudonym alone."""

    id: str = Field(examples=["bkg_4xk2s7qpm5u6w3a2c7t4e5n6ra"])
    rider_id: str = Field(examples=["rdr_4xk2s7qpm5u6w3a2c7t4e5n6ra"])
    state: BookingState = Field(examples=["needs_attention"])
    aim: Aim = Field(description="Where it is being brought to.", examples=["cancel"])
    created_at: datetime = Field(examples=["2026-11-26T06:50:00Z"])
    payment_id: str = Field(examples=["pay_4xk2s7qpm5u6w3a2c7t4e5n6ra"])
    payment: MoneyView
    legs: list[LegAsked]
    goodwill: list[GoodwillView]


async def show(tx: AsyncConnection, booking_id: str) -> StuckBooking:
    """A booking as staff sees it.

    Raises:
        NotFoundError: there is no such booking.
    """
    trip = await get_trip(tx, booking_id)
    payment_id = await tx.scalar(select(booking.c.payment_id).where(booking.c.id == booking_id))
    paid = await get_standing(tx, str(payment_id), trip.price.currency)
    return StuckBooking(
        id=trip.id,
        rider_id=trip.rider_id,
        state=trip.state,
        aim=trip.aim,
        created_at=trip.created_at,
        payment_id=str(payment_id),
        payment=MoneyView(
            state=paid.state,
            captured=Amount.of(paid.captured),
            refunded=Amount.of(paid.refunded),
            outstanding=Amount.of(paid.outstanding),
        ),
        legs=[
            LegAsked(
                id=leg.id,
                mode=leg.mode,
                provider_id=leg.provider_id,
                state=leg.state,
                asked=[
                    AskView(
                        ask=ask,
                        state=asked.state,
                        attempts=asked.attempts,
                        asked_at=asked.asked_at,
                        error=asked.error,
                    )
                    for ask, asked in leg.asked.items()
                ],
            )
            for leg in trip.legs
        ],
        goodwill=[
            GoodwillView(
                leg_id=leg_id,
                amount=Amount.of(refund.amount),
                state=refund.state,
                granted_at=refund.first_sent_at,
                error=refund.error_code,
            )
            for leg_id, refund in await list_goodwill(tx, booking_id)
        ],
    )


@router.get("/{booking_id}", summary="What was asked and paid for a booking")
async def show_booking(booking_id: str, wiring: WiringDep, _staff: StaffDep) -> StuckBooking:
    """Its state, every ask of a provider with its last error, and its payment."""
    async with transaction(wiring.engine) as tx:
        return await show(tx, booking_id)


@router.post(
    "/{booking_id}/release-and-refund",
    status_code=202,
    summary="End a stuck booking and give everything back",
    responses=problems("wrong-state", "idempotency-key-reused"),
)
async def release_and_refund(
    booking_id: str, body: Reason, wiring: WiringDep, staff: StaffDep, now: Now, keyed: KeyedDep
) -> StuckBooking:
    """Cancel what can be cancelled and let all money go, also for what was ridden; audited.

    A worker carries it out; asking again only tries again. While a vehicle is still ridden, or a
    provider refuses to cancel, the booking says `needs_attention`, with the money already back.
    """
    async with transaction(wiring.engine) as tx:
        await keyed.claim(tx)
        await ask_to_give_back(tx, booking_id, actor=staff.rider_id, reason=body.reason, now=now)
        return await show(tx, booking_id)
