"""Book, look at and cancel a trip."""

from __future__ import annotations

import asyncio
import json
from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from mobility import idempotency
from mobility.api.booking_view import Amount, BookingView, view
from mobility.api.cursors import make_cursor, read_cursor
from mobility.api.dependencies import IdempotencyKey, Now, RiderDep, WiringDep
from mobility.api.errors import MEDIA_TYPE, domain_response, find_problem
from mobility.api.openapi import problems
from mobility.api.payment_methods import MethodId, require_own_method
from mobility.api.rider_terms import paid_today
from mobility.booking.advance import advance_while_waiting
from mobility.booking.book import BookingRequest, ProviderTerms, prepare_booking
from mobility.booking.cancel import ask_to_cancel, preview
from mobility.booking.collect import refuse_debtors
from mobility.booking.errors import (
    FAILURES,
    BookingFailedError,
    KeyMissingError,
    OfferChangedError,
    OfferExpiredError,
    TooEarlyError,
)
from mobility.booking.moves import OVER
from mobility.booking.payment_view import get_standing
from mobility.booking.queries import BookingRecord, get_booking, list_bookings
from mobility.booking.trip import Aim, Ask, BookingState, Trip
from mobility.booking.trips import get_trip
from mobility.db import transaction
from mobility.identity.eligibility import meets
from mobility.identity.passes import held_passes
from mobility.identity.riders import lock_rider
from mobility.planning.book_ahead import find_booking_opens_at
from mobility.planning.offer import Offer
from mobility.planning.offers import find_offer, reprice, save_offer
from mobility.planning.paid_today import Paid
from mobility.wiring import Wiring
from payments.money import Money
from providers.values import ProviderId, Terms

router = APIRouter(prefix="/v1/bookings", tags=["bookings"])

ANSWER_WITHIN_S = 9.0
"""The contract's ten seconds, less what it takes to answer."""


class SpendCeiling(BaseModel):
    """An amount in minor units that is not to be exceeded."""

    amount: int = Field(ge=0, le=10_000_000, examples=[1500])
    currency: str = Field(pattern=r"^[A-Z]{3}$", examples=["EUR"])


class NewBooking(BaseModel):
    """What to book, and how it is paid."""

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
    why_not: str | None = Field(default=None, examples=[None])
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
    loop = asyncio.get_running_loop()
    deadline = loop.time() + ANSWER_WITHIN_S
    async with transaction(wiring.engine) as tx:
        stored = await idempotency.find(tx, mine)
    if stored is not None and stored.status is not None:
        return _answer(stored.status, stored.body)
    booking_id = stored.body if stored is not None else await _prepare(wiring, mine, body, now)
    await advance_while_waiting(
        wiring.desk, booking_id, until=_decided, seconds=deadline - loop.time()
    )
    async with transaction(wiring.engine) as tx:
        record = await get_booking(tx, rider.rider_id, booking_id)
        if record.aim == Aim.FAIL:
            status, answer = _failed(request, record)
        else:
            standing = await get_standing(tx, record.payment_id, record.price.currency)
            shown = view(record, standing, wiring.clock())
            status, answer = 201, shown.model_dump(mode="json")
        if status == 201 and record.state == BookingState.HELD:
            return _answer(status, answer)
        await idempotency.complete(tx, mine, status, answer)
    return _answer(status, answer)


def _answer(status: int, body: object) -> Response:
    return JSONResponse(body, status, media_type=MEDIA_TYPE if status >= 400 else None)


def _decided(trip: Trip) -> bool:
    return trip.aim is not Aim.TRAVEL or trip.state is not BookingState.HELD


def _failed(request: Request, record: BookingRecord) -> tuple[int, object]:
    kind = FAILURES.get(record.failure_type or "", BookingFailedError)
    error = kind(record.id, record.failure_detail or "the booking failed")
    problem = find_problem(error)
    if problem is None:
        raise error
    response = domain_response(request.scope, error, problem)
    return problem.status, json.loads(bytes(response.body))


async def _prepare(
    wiring: Wiring, mine: idempotency.Request, body: NewBooking, now: datetime
) -> str:
    """Check the offer for this rider and record the booking; returns its id."""
    offer = await find_offer(wiring.redis, wiring.settings.redis_prefix, body.offer_id)
    if offer is None:
        raise OfferExpiredError(f"there is no offer {body.offer_id} (any more); search again")
    opens_at = find_booking_opens_at(offer.legs, now, wiring.city.rules)
    if opens_at is not None:
        raise TooEarlyError(f"{offer.id} can be booked from {opens_at.isoformat()}")
    _refuse_reported(wiring, offer)
    today = now.astimezone(wiring.city.timezone).date()
    async with transaction(wiring.engine) as tx:
        passes = await held_passes(tx, wiring.vault, mine.rider_id, _days(offer, wiring), now)
        person = await wiring.vault.get_person(tx, mine.rider_id)
        paid = await paid_today(tx, wiring, mine.rider_id, now)
    await _same_price(wiring, offer, passes, paid)
    if offer.ceiling:
        await require_own_method(wiring, mine.rider_id, body.payment_method)

    def lacks(terms: Terms) -> tuple[str, ...]:
        return meets(terms, person, today)

    def terms_of(provider_id: ProviderId) -> ProviderTerms:
        stanza = wiring.stanzas[provider_id]
        return ProviderTerms(
            wiring.providers[provider_id],
            stanza.commission_percent,
            stanza.pricing_plans() if stanza.vehicle_type else (),
            wiring.city.rules.longest_ride(),
        )

    ceiling = body.spend_ceiling
    wanted = BookingRequest(
        rider_id=mine.rider_id,
        offer=offer,
        payment_method=body.payment_method,
        spend_ceiling=None if ceiling is None else Money(ceiling.amount, ceiling.currency),
        lacks=lacks,
        paid=paid,
    )
    async with transaction(wiring.engine) as tx:
        await lock_rider(tx, mine.rider_id)
        await refuse_debtors(tx, mine.rider_id)
        hold = timedelta(seconds=wiring.settings.hold_seconds)
        booking_id = await prepare_booking(tx, wanted, terms_of, hold=hold, now=wiring.clock())
        earlier = await idempotency.begin(tx, mine, booking_id, now)
        if earlier is not None:
            await tx.rollback()
            booking_id = str(earlier.body)
    return booking_id


def _days(offer: Offer, wiring: Wiring) -> list[date]:
    """The local days on which the offer's rides on a line begin."""
    zone = wiring.city.timezone
    return [leg.departs_at.astimezone(zone).date() for leg in offer.legs if leg.fare_ride]


def _refuse_reported(wiring: Wiring, offer: Offer) -> None:
    for leg in offer.legs:
        if leg.provider_id is None or leg.vehicle_ref is None:
            continue
        if wiring.mirror.is_hidden(leg.provider_id, leg.vehicle_ref):
            raise OfferExpiredError(f"the {leg.mode} was reported as not usable; search again")


async def _same_price(wiring: Wiring, offer: Offer, passes: frozenset[str], paid: Paid) -> None:
    """Refuse an offer whose price is another one with this rider's passes and day so far."""
    other = reprice(offer, passes, wiring.planner, paid)
    if other.price == offer.price and other.ceiling == offer.ceiling:
        return
    await save_offer(wiring.redis, wiring.settings.redis_prefix, other)
    price = other.price
    missing = bool(set(offer.passes) - passes)
    raise OfferChangedError(other.id, price.minor, price.currency, passes_missing=missing)


@router.get("", response_model=BookingPage, summary="List my bookings", responses=problems(400))
async def list_mine(
    wiring: WiringDep,
    rider: RiderDep,
    now: Now,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> BookingPage:
    """The rider's bookings, the newest first, page by page."""
    before = read_cursor(cursor)
    async with transaction(wiring.engine) as tx:
        records = await list_bookings(tx, rider.rider_id, limit=limit, before=before)
        shown = [
            view(r, await get_standing(tx, r.payment_id, r.price.currency), now) for r in records
        ]
    last = records[-1] if len(records) == limit else None
    return BookingPage(
        bookings=shown,
        next_cursor=None if last is None else make_cursor(last.created_at, last.id),
    )


@router.get("/{booking_id}", response_model=BookingView, summary="Show a booking")
async def get_one(booking_id: str, wiring: WiringDep, rider: RiderDep) -> BookingView:
    """A booking of mine as it stands."""
    return await show(wiring, rider.rider_id, booking_id)


async def show(wiring: Wiring, rider_id: str, booking_id: str) -> BookingView:
    """The client's view of a rider's booking as it stands now."""
    async with transaction(wiring.engine) as tx:
        record = await get_booking(tx, rider_id, booking_id)
        return view(
            record, await get_standing(tx, record.payment_id, record.price.currency), wiring.clock()
        )


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
        why_not=terms.why_not,
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
    booking_id: str,
    request: Request,
    wiring: WiringDep,
    rider: RiderDep,
    now: Now,
    key: IdempotencyKey = None,
) -> BookingView:
    """Give back what has not been ridden; asking again changes nothing."""
    async with transaction(wiring.engine) as tx:
        await idempotency.claim_key(tx, rider.rider_id, key, request.url.path, now)
        await get_booking(tx, rider.rider_id, booking_id)
        await ask_to_cancel(tx, booking_id, now)
    await advance_while_waiting(wiring.desk, booking_id, until=_over, seconds=ANSWER_WITHIN_S)
    return await show(wiring, rider.rider_id, booking_id)


def _over(trip: Trip) -> bool:
    if trip.aim is Aim.TRAVEL:
        return all(leg.pending(Ask.CANCEL) is None for leg in trip.provided)
    return trip.state in (*OVER, BookingState.NEEDS_ATTENTION)
