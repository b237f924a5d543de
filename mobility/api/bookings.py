"""Book, look at and cancel a trip."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from mobility import idempotency
from mobility.api.booking_flow import (
    answer_when_decided,
    check_offer,
    record_booking,
    repeat,
)
from mobility.api.booking_view import Amount, BookingView, view
from mobility.api.cursors import make_cursor, read_cursor
from mobility.api.dependencies import IdempotencyKey, Now, RiderDep, WiringDep
from mobility.api.keyed import KeyedDep
from mobility.api.openapi import problems
from mobility.api.payment_methods import MethodId
from mobility.booking.at_once import Taken, advance_while_waiting
from mobility.booking.cancel import ask_to_cancel, preview
from mobility.booking.collect import refuse_debtors
from mobility.booking.errors import (
    KeyMissingError,
    OfferExpiredError,
)
from mobility.booking.moves import OVER
from mobility.booking.payment_view import get_standing
from mobility.booking.queries import get_booking, list_bookings
from mobility.booking.trip import Aim, Ask, BookingState, Trip
from mobility.booking.trips import get_trip
from mobility.db import transaction
from mobility.identity.riders import lock_rider
from mobility.planning.offers import find_offer
from mobility.wiring import Wiring
from payments.money import Money

router = APIRouter(prefix="/v1/bookings", tags=["bookings"])

ANSWER_WITHIN_S = 9.0
"""The contract's ten seconds, less what it takes to answer."""


class SpendCeiling(BaseModel):
    """An amount in minor units that is not to be exceeded."""

    model_config = ConfigDict(extra="forbid")
    amount: int = Field(ge=0, le=10_000_000, examples=[1500])
    currency: str = Field(pattern=r"^[A-Z]{3}$", examples=["EUR"])


class NewBooking(BaseModel):
    """What to book, and how it is paid."""

    model_config = ConfigDict(extra="forbid")
    offer_id: str = Field(min_length=1, max_length=80, examples=["off_2ab3cd4ef5gh6ij7kl2mn3op4q"])
    payment_method: MethodId
    spend_ceiling: SpendCeiling | None = Field(
        default=None,
        description="What is taken from the payment method at most. A ride that costs more by its "
        "tariff is shown as outstanding, and is not charged without the rider.",
    )


class BookingPage(BaseModel):
    """Bookings, the newest first."""

    bookings: list[BookingView]
    next_cursor: str | None = None


class CancellationView(BaseModel):
    """What cancelling now would mean."""

    possible: bool = Field(examples=[True])
    why_not: str | None = Field(default=None, description="In German.", examples=[None])
    refund: Amount = Field(examples=[{"amount": 460, "currency": "EUR"}])
    kept: Amount = Field(examples=[{"amount": 0, "currency": "EUR"}])


@router.post(
    "",
    status_code=201,
    response_model=BookingView,
    summary="Book an offer",
    responses=problems(
        "idempotency-key-missing",
        "payment-declined",
        "arrears",
        "not-eligible",
        "booked-already",
        "vehicle-taken",
        "provider-refused",
        "too-late",
        "too-early",
        "offer-changed",
        "idempotency-key-reused",
        "offer-expired",
        "ceiling-too-low",
        "nothing-to-book",
        "not-sold",
        "unknown-payment-method",
        "debit-not-possible",
        "provider-not-answering",
    ),
)
async def create_booking(
    body: NewBooking,
    request: Request,
    wiring: WiringDep,
    rider: RiderDep,
    now: Now,
    key: IdempotencyKey = None,
) -> Response:
    """Hold every vehicle of the offer, authorise its price, confirm all, issue tickets last.

    Answers when that is decided, within ten seconds; what is then still open shows in ``state``
    and ``next_actions``. When one part fails everything is undone and nothing is charged.
    """
    if key is None:
        raise KeyMissingError("POST /v1/bookings needs an Idempotency-Key header: one per booking")
    mine = idempotency.Request(
        rider.rider_id,
        key,
        idempotency.fingerprint("POST", request.url.path, await request.body()),
    )
    deadline = asyncio.get_running_loop().time() + ANSWER_WITHIN_S
    async with transaction(wiring.engine) as tx:
        stored = await idempotency.find(tx, mine)
    if stored is not None and stored.status is not None:
        return repeat(stored)
    booking_id, taken = (
        (stored.body, None) if stored is not None else await _prepare(wiring, mine, body, now)
    )
    return await answer_when_decided(wiring, request, mine, booking_id, taken, deadline)


async def _prepare(
    wiring: Wiring, mine: idempotency.Request, body: NewBooking, now: datetime
) -> tuple[str, Taken | None]:
    """Check the offer for this rider and record the booking; returns its id, and its step taken."""
    offer = await find_offer(wiring.redis, wiring.settings.redis_prefix, body.offer_id)
    if offer is None:
        raise OfferExpiredError(f"there is no offer {body.offer_id} (any more); search again")
    ceiling = body.spend_ceiling
    wanted = await check_offer(
        wiring,
        mine.rider_id,
        offer,
        body.payment_method,
        spend_ceiling=None if ceiling is None else Money(ceiling.amount, ceiling.currency),
        now=now,
    )
    async with transaction(wiring.engine) as tx:
        await lock_rider(tx, mine.rider_id)
        await refuse_debtors(tx, mine.rider_id)
        return await record_booking(tx, wiring, mine, wanted, now)


@router.get("", response_model=BookingPage, summary="List my bookings", responses=problems(400))
async def list_mine(
    wiring: WiringDep,
    rider: RiderDep,
    now: Now,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> BookingPage:
    """The rider's bookings, the newest first, page by page."""
    before, live = read_cursor("bookings", cursor), wiring.realtime.current
    async with transaction(wiring.engine) as tx:
        records = await list_bookings(tx, rider.rider_id, limit=limit, before=before)
        shown = [
            view(r, await get_standing(tx, r.payment_id, r.price.currency), live, now)
            for r in records
        ]
    last = records[-1] if len(records) == limit else None
    return BookingPage(
        bookings=shown,
        next_cursor=None if last is None else make_cursor("bookings", last.created_at, last.id),
    )


@router.get("/{booking_id}", response_model=BookingView, summary="Show a booking")
async def get_one(booking_id: str, wiring: WiringDep, rider: RiderDep) -> BookingView:
    """A booking of mine as it stands."""
    return await show(wiring, rider.rider_id, booking_id)


async def show(wiring: Wiring, rider_id: str, booking_id: str) -> BookingView:
    """The client's view of a rider's booking as it stands now."""
    async with transaction(wiring.engine) as tx:
        record = await get_booking(tx, rider_id, booking_id)
        standing = await get_standing(tx, record.payment_id, record.price.currency)
        return view(record, standing, wiring.realtime.current, wiring.clock())


@router.get(
    "/{booking_id}/cancellation",
    response_model=CancellationView,
    summary="What would I get back?",
)
async def preview_cancellation(
    booking_id: str, wiring: WiringDep, rider: RiderDep, now: Now
) -> CancellationView:
    """What cancelling now would give back, before anything is cancelled."""
    async with transaction(wiring.engine) as tx:
        await get_booking(tx, rider.rider_id, booking_id)
        terms = preview(await get_trip(tx, booking_id), now)
    return CancellationView(
        possible=terms.why_not is None,
        why_not=terms.why_not.told if terms.why_not else None,
        refund=Amount.of(terms.refund),
        kept=Amount.of(terms.kept),
    )


@router.post(
    "/{booking_id}/cancel",
    response_model=BookingView,
    summary="Cancel a booking",
    responses=problems("wrong-state", "idempotency-key-reused"),
)
async def cancel(
    booking_id: str, wiring: WiringDep, rider: RiderDep, now: Now, keyed: KeyedDep
) -> BookingView:
    """Give back what has not been ridden; asking again changes nothing."""
    async with transaction(wiring.engine) as tx:
        await keyed.claim(tx)
        await get_booking(tx, rider.rider_id, booking_id)
        await ask_to_cancel(tx, booking_id, now)
    await advance_while_waiting(wiring.desk, booking_id, until=_over, seconds=ANSWER_WITHIN_S)
    return await show(wiring, rider.rider_id, booking_id)


def _over(trip: Trip) -> bool:
    if trip.aim is Aim.TRAVEL:
        return all(leg.pending(Ask.CANCEL) is None for leg in trip.provided)
    return trip.state in (*OVER, BookingState.NEEDS_ATTENTION)
