"""Rebook a trip at the price that was locked.

One whose next leg is cancelled or will be missed, or whose rider could not use a leg.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from fastapi import APIRouter, Request, Response
from msgspec.json import encode
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility import idempotency
from mobility.api.booking_flow import (
    answer_when_decided,
    check_offer,
    record_booking,
    repeat,
)
from mobility.api.booking_view import Amount, BookingView, find_disturbed
from mobility.api.bookings import ANSWER_WITHIN_S
from mobility.api.dependencies import IdempotencyKey, Now, RiderDep, WiringDep
from mobility.api.journey_view import JourneyWriter, notice_out
from mobility.api.journey_wire import JourneyOut, NoticeOut
from mobility.api.openapi import problems
from mobility.api.payment_methods import MethodId
from mobility.api.rebooking_options import Options, ceiling_of, most_ceiling, offer_options
from mobility.booking.at_once import Taken
from mobility.booking.errors import (
    AlreadyRebookedError,
    BookingError,
    KeyMissingError,
    NoOptionError,
    NothingToRebookError,
    OfferExpiredError,
    WrongStateError,
)
from mobility.booking.queries import BookingRecord, get_booking, get_method
from mobility.booking.rebooked import (
    Rebooks,
    find_deadline,
    has_gone_on,
    list_given_up,
    lock_price,
)
from mobility.booking.ride import find_leg
from mobility.booking.trips import get_trip, lock_booking
from mobility.db import transaction
from mobility.identity.riders import lock_rider
from mobility.identity.tokens import RiderIdentity
from mobility.planning.offer import InPlaceOf, Offer
from mobility.planning.offers import find_offer
from mobility.rebooking.disturbance import Disturbance
from mobility.wiring import Wiring
from payments.money import Money

router = APIRouter(prefix="/v1/bookings", tags=["bookings"])
DEARER_EVERY = timedelta(days=7)
"""How often a rider goes on at our expense by her own word alone, that a leg could not be used."""


_WHY_NOT: dict[type[Exception], str] = {
    AlreadyRebookedError: "Diese Fahrt ist schon umgebucht.",
    NothingToRebookError: "Es ist kein Ausfall und kein verpasster Anschluss bekannt; was noch "
    "nicht begonnen hat, kann storniert werden.",
    WrongStateError: "Diese Buchung ist noch nicht bestätigt oder schon vorbei.",
    NoOptionError: "Gerade führt kein anderer Weg zu diesem Preis ans Ziel; die Suche zeigt, was "
    "sonst fährt.",
}


class RebookIn(BaseModel):
    """What to take instead."""

    model_config = ConfigDict(extra="forbid")
    offer_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=80,
        description="One of `GET …/rebooking`; when absent, the first of them to arrive.",
        examples=["off_2ab3cd4ef5gh6ij7kl2mn3op4q"],
    )
    payment_method: MethodId | None = Field(
        default=None, description="When absent, the one that the trip was booked with."
    )


class OptionView(BaseModel):
    """Another way to go on, and what its rider pays at most, unless she rides beyond its `max`."""

    journey: JourneyOut
    you_pay: Amount = Field(examples=[{"amount": 0, "currency": "EUR"}])


class RebookingView(BaseModel):
    """What rebooking now would mean."""

    possible: bool = Field(examples=[True])
    why_not: str | None = Field(default=None, description="In German.", examples=[None])
    from_name: str | None = Field(
        default=None, description="Where it begins.", examples=["Lübeck ZOB/Hauptbahnhof"]
    )
    departs_from: datetime | None = Field(
        default=None, description="When the rider can be there.", examples=["2026-11-26T07:22:00Z"]
    )
    given_up: list[str] = Field(
        description="The legs that are given back then; they cost nothing.",
        examples=[["leg_2ab3cd4ef5gh6ij7kl2mn3op4q"]],
    )
    locked_price: Amount | None = Field(
        default=None,
        description="What of the trip's price they are; for the rest of the way no more is paid.",
        examples=[{"amount": 360, "currency": "EUR"}],
    )
    options: list[OptionView] = Field(description="The first to arrive comes first.")
    notices: list[NoticeOut] = Field(description="What else there is, such as the next bus.")


class Rest(NamedTuple):
    """What of a trip is rebooked."""

    disturbance: Disturbance
    given_up: tuple[str, ...]
    locked: Money
    most: Money
    """What another way may cost at most; what it costs beyond ``locked`` we bear."""
    certain_by: datetime | None
    """When a ticket becomes valid that is given up and could be used."""


async def _find_rest(
    tx: AsyncConnection, wiring: Wiring, record: BookingRecord, now: datetime, *, lock: bool = False
) -> Rest:
    """What of a trip can be rebooked now.

    Raises:
        AlreadyRebookedError, NothingToRebookError
        WrongStateError: it is not confirmed yet, or over.
    """
    if lock:
        await lock_booking(tx, record.id)
        record = await get_booking(tx, record.rider_id, record.id)
    trip = await get_trip(tx, record.id)
    if record.rebooked_as is not None:
        raise AlreadyRebookedError(record.id, record.rebooked_as)
    disturbance = find_disturbed(record, wiring.realtime.current, now)
    going_on = record.aim == "travel" and record.state in ("confirmed", "active")
    if not going_on and disturbance is None:
        raise WrongStateError(f"booking {record.id} is {record.state}; there is nothing to rebook")
    given_up = list_given_up(trip, disturbance.first_leg_id) if disturbance else []
    reported = disturbance.reported if disturbance else ()
    if disturbance is None or not (given_up or reported):
        raise NothingToRebookError(
            f"no carrier says that a leg of {record.id} is cancelled or will be missed; "
            "what has not begun can be cancelled"
        )
    disturbed = find_leg(trip, disturbance.leg_id)
    locked = lock_price(trip, given_up, [find_leg(trip, each) for each in reported])
    dearer = not reported or not await has_gone_on(tx, record.rider_id, now - DEARER_EVERY)
    most = most_ceiling(wiring, locked) if dearer else locked
    certain_by = find_deadline(given_up, disturbed, by_word=bool(reported))
    return Rest(disturbance, tuple(leg.id for leg in given_up), locked, most, certain_by)


@router.get("/{booking_id}/rebooking", response_model=RebookingView, summary="How could I go on?")
async def preview_rebooking(
    booking_id: str, wiring: WiringDep, rider: RiderDep, now: Now
) -> RebookingView:
    """Ways to go on when a leg is cancelled or will be missed, and what they would cost."""
    async with transaction(wiring.engine) as tx:
        record = await get_booking(tx, rider.rider_id, booking_id)
        try:
            rest = await _find_rest(tx, wiring, record, now)
        except (AlreadyRebookedError, NothingToRebookError, WrongStateError) as error:
            return RebookingView(
                possible=False, why_not=_WHY_NOT[type(error)], given_up=[], options=[], notices=[]
            )
    found = await offer_options(wiring, rider, record, rest.disturbance, rest.most, now)
    writer = JourneyWriter(wiring.city.timezone, wiring.city.currency)
    return RebookingView(
        possible=bool(found.journeys),
        why_not=None if found.journeys else _WHY_NOT[NoOptionError],
        from_name=rest.disturbance.origin_name,
        departs_from=rest.disturbance.at,
        given_up=list(rest.given_up),
        locked_price=Amount.of(rest.locked),
        options=[
            OptionView(
                journey=JourneyOut.model_validate_json(encode(writer.journey(one))),
                you_pay=Amount.of(min(rest.locked, ceiling_of(one.itinerary))),
            )
            for one in found.journeys
        ],
        notices=[
            NoticeOut.model_validate(notice_out(notice, wiring.city.timezone))
            for notice in found.notices
        ],
    )


def _no_option(wiring: Wiring, found: Options) -> BookingError:
    """With what else there is, such as when the next bus goes."""
    zone = wiring.city.timezone
    reasons = tuple(
        f"{one.text} ({one.at.astimezone(zone):%d.%m. %H:%M})" if one.at else one.text
        for one in found.notices
    )
    return NoOptionError(
        "there is no other way that costs as little; search for what else there is", reasons
    )


@router.post(
    "/{booking_id}/rebook",
    status_code=201,
    response_model=BookingView,
    summary="Go on another way at the locked price",
    responses=problems(
        "idempotency-key-missing",
        "payment-declined",
        "not-eligible",
        "booked-already",
        "vehicle-taken",
        "provider-refused",
        "too-late",
        "too-early",
        "wrong-state",
        "nothing-to-rebook",
        "already-rebooked",
        "no-option",
        "idempotency-key-reused",
        "offer-expired",
        "not-sold",
        "unknown-payment-method",
        "provider-not-answering",
    ),
)
async def rebook(
    booking_id: str,
    request: Request,
    wiring: WiringDep,
    rider: RiderDep,
    now: Now,
    body: RebookIn | None = None,
    key: IdempotencyKey = None,
) -> Response:
    """Book another way for the rest of the trip; once it is confirmed, the legs it replaces go.

    They cost nothing then, and the new booking no more than they did: what its providers ask
    beyond is given back after the ride. If it fails, the trip stays as it was.
    """
    if key is None:
        raise KeyMissingError("rebooking needs an Idempotency-Key header: one per rebooking")
    mine = idempotency.Request(
        rider.rider_id,
        key,
        idempotency.fingerprint("POST", request.url.path, await request.body()),
    )
    deadline = asyncio.get_running_loop().time() + ANSWER_WITHIN_S
    async with transaction(wiring.engine) as tx:
        record = await get_booking(tx, rider.rider_id, booking_id)
        stored = await idempotency.find(tx, mine)
    if stored is None:
        try:
            prepared = await _prepare(wiring, rider, mine, record, body or RebookIn(), now)
        except AlreadyRebookedError:
            async with transaction(
                wiring.engine
            ) as tx:  # by this very request, sent twice at once?
                stored = await idempotency.find(tx, mine)
            if stored is None:
                raise
    if stored is not None and stored.status is not None:
        return repeat(stored)
    new_id, taken = (str(stored.body), None) if stored is not None else prepared
    return await answer_when_decided(wiring, request, mine, new_id, taken, deadline)


async def _prepare(
    wiring: Wiring,
    rider: RiderIdentity,
    mine: idempotency.Request,
    record: BookingRecord,
    body: RebookIn,
    now: datetime,
) -> tuple[str, Taken | None]:
    """Record the booking that is to take the place of the trip's rest; its id, its step taken."""
    async with transaction(wiring.engine) as tx:
        rest = await _find_rest(tx, wiring, record, now)
        method = body.payment_method or await get_method(tx, record.id)
    offer = await _choose(wiring, rider, record, rest, body.offer_id, now)
    wanted = await check_offer(wiring, rider.rider_id, offer, method, now=now)
    async with transaction(wiring.engine) as tx:
        # alone, so that of two trips rebooked at once the second sees that she has gone on
        await lock_rider(tx, rider.rider_id, alone=True)
        rest = await _find_rest(tx, wiring, record, now, lock=True)
        if offer.ceiling > rest.most:
            raise OfferExpiredError(f"less of {record.id} is given up now than before; look again")
        first = rest.disturbance.first_leg_id
        rebooks = Rebooks(record.id, first, rest.locked, rest.certain_by)
        return await record_booking(tx, wiring, mine, replace(wanted, rebooks=rebooks), now)


async def _choose(
    wiring: Wiring,
    rider: RiderIdentity,
    record: BookingRecord,
    rest: Rest,
    offer_id: str | None,
    now: datetime,
) -> Offer:
    prefix = wiring.settings.redis_prefix
    if offer_id is None:
        found = await offer_options(wiring, rider, record, rest.disturbance, rest.most, now)
        offer_id = next((one.offer_id for one in found.journeys), None)
        if offer_id is None:
            raise _no_option(wiring, found)
    offer = await find_offer(wiring.redis, prefix, offer_id)
    meant = InPlaceOf(record.id, rest.disturbance.first_leg_id)
    if offer is None or offer.in_place_of != meant:
        raise OfferExpiredError(
            f"{offer_id} is not (any more) a way to go on with {record.id}; look again"
        )
    return offer
