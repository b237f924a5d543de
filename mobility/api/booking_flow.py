"""From an offer to the answer of a request that books it; shared by all requests that do."""

from __future__ import annotations

import asyncio
import json
from datetime import date, datetime, timedelta

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility import idempotency
from mobility.api.booking_view import view
from mobility.api.errors import MEDIA_TYPE, domain_response, find_problem
from mobility.api.payment_methods import require_own_method
from mobility.api.rider_terms import paid_today
from mobility.booking.at_once import Taken, advance_while_waiting, take
from mobility.booking.book import (
    BookingRequest,
    ProviderTerms,
    prepare_booking,
    refuse_booked_already,
)
from mobility.booking.errors import (
    FAILURES,
    BookingFailedError,
    OfferChangedError,
    OfferExpiredError,
    TooEarlyError,
)
from mobility.booking.payment_view import get_standing
from mobility.booking.queries import BookingRecord, get_booking
from mobility.booking.trip import Aim, BookingState, Trip
from mobility.db import transaction
from mobility.identity.eligibility import meets
from mobility.identity.passes import held_passes
from mobility.planning.book_ahead import find_booking_opens_at
from mobility.planning.offer import Offer
from mobility.planning.offers import reprice, save_offer
from mobility.planning.paid_today import Paid
from mobility.wiring import Wiring
from payments.money import Money
from providers.values import ProviderId, Terms


async def check_offer(
    wiring: Wiring,
    rider_id: str,
    offer: Offer,
    payment_method: str,
    *,
    spend_ceiling: Money | None = None,
    now: datetime,
) -> BookingRequest:
    """What is to be booked of an offer, for this rider.

    Raises:
        TooEarlyError, OfferExpiredError, OfferChangedError, UnknownMethodError
    """
    opens_at = find_booking_opens_at(offer.legs, now, wiring.city.rules)
    if opens_at is not None:
        raise TooEarlyError(f"{offer.id} can be booked from {opens_at.isoformat()}")
    _refuse_reported(wiring, offer)
    today = now.astimezone(wiring.city.timezone).date()
    async with transaction(wiring.engine) as tx:
        passes = await held_passes(tx, wiring.vault, rider_id, _days(offer, wiring), now)
        person = await wiring.vault.get_person(tx, rider_id)
        paid = await paid_today(tx, wiring, rider_id, now)
    await _same_price(wiring, offer, passes, paid)
    if offer.ceiling:
        await require_own_method(wiring, rider_id, payment_method)

    def lacks(terms: Terms) -> tuple[str, ...]:
        return meets(terms, person, today)

    return BookingRequest(
        rider_id=rider_id,
        offer=offer,
        payment_method=payment_method,
        spend_ceiling=spend_ceiling,
        lacks=lacks,
        paid=paid,
    )


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
    if offer.in_place_of is not None:
        raise OfferExpiredError(f"the price of {offer.id} is another one now; look again")
    await save_offer(wiring.redis, wiring.settings.redis_prefix, other)
    missing = bool(set(offer.passes) - passes)
    raise OfferChangedError(other.id, other.price, passes_missing=missing)


async def record_booking(
    tx: AsyncConnection,
    wiring: Wiring,
    mine: idempotency.Request,
    wanted: BookingRequest,
    now: datetime,
) -> tuple[str, Taken | None]:
    """Record a booking under the request's key, and take its step.

    Returns:
        Its id, or that of the key's first one, whose step is another request's.

    Raises:
        BookedAlreadyError, and what ``prepare_booking`` raises.
    """

    def terms_of(provider_id: ProviderId) -> ProviderTerms:
        stanza = wiring.stanzas[provider_id]
        return ProviderTerms(
            wiring.providers[provider_id],
            stanza.commission_percent,
            stanza.pricing_plans() if stanza.vehicle_type else (),
            wiring.city.rules.longest_ride(),
        )

    hold = timedelta(seconds=wiring.settings.hold_seconds)
    booking_id = await prepare_booking(tx, wanted, terms_of, hold=hold, now=wiring.clock())
    earlier = await idempotency.begin(tx, mine, booking_id, now)
    if earlier is not None:
        await tx.rollback()
        return str(earlier.body), None
    await refuse_booked_already(tx, mine.rider_id, wanted.offer, booking_id)
    return booking_id, await take(tx, wiring.desk, booking_id)


def repeat(stored: idempotency.StoredAnswer) -> Response:
    """The answer that the first request with the key got."""
    return _answer(stored.status or 201, stored.body)


async def answer_when_decided(
    wiring: Wiring,
    request: Request,
    mine: idempotency.Request,
    booking_id: str,
    taken: Taken | None,
    deadline: float,
) -> Response:
    """Work on a booking until it is decided, at most until then by the event loop's clock."""
    seconds = deadline - asyncio.get_running_loop().time()
    await advance_while_waiting(wiring.desk, booking_id, taken, until=_decided, seconds=seconds)
    async with transaction(wiring.engine) as tx:
        record = await get_booking(tx, mine.rider_id, booking_id)
        if record.aim == Aim.FAIL:
            status, answer = _failed(request, record)
        else:
            standing = await get_standing(tx, record.payment_id, record.price.currency)
            shown = view(record, standing, wiring.realtime.current, wiring.clock())
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
