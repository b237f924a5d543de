"""Book an offer: everything it holds, as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import exists, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility import steps
from mobility.booking.advance import STEP
from mobility.booking.errors import (
    BookedAlreadyError,
    CeilingTooLowError,
    NotEligibleError,
    NothingToBookError,
    OfferExpiredError,
)
from mobility.booking.longest import LONGEST_RIDE, find_bound
from mobility.booking.moves import OVER
from mobility.booking.rebooked import Rebooks, find_ceiling_left
from mobility.booking.trip import GONE, Aim, Ask, BookingState, LegState
from mobility.booking.trips import OFFER_LEG
from mobility.ids import leg_id as id_of_leg
from mobility.ids import new_id
from mobility.planning.book_ahead import find_left
from mobility.planning.offer import InPlaceOf, Offer, OfferLeg
from mobility.planning.paid_today import Paid, find_paid, plus
from mobility.sale_stops import refuse_stopped
from mobility.tables import booking, leg, provider_operation
from payments.money import Money
from providers import tariff
from providers.port import Provider
from providers.values import Mode, PricingPlan, ProviderId, Quote, Terms


@dataclass(frozen=True, slots=True)
class BookingRequest:
    """What a rider wants booked."""

    rider_id: str
    offer: Offer
    payment_method: str
    spend_ceiling: Money | None
    lacks: Callable[[Terms], tuple[str, ...]]
    """What this rider lacks for a provider's terms, in the rider's language."""
    paid: Paid = ()
    """Today, by tariffs that cap the rider's day."""
    rebooks: Rebooks | None = None


@dataclass(frozen=True, slots=True)
class ProviderTerms:
    """What of a provider's contract goes into a booked leg."""

    provider: Provider
    commission_percent: Decimal
    plans: tuple[PricingPlan, ...] = ()
    longest_ride: Mapping[Mode, timedelta] = field(default_factory=dict)
    """How long a vehicle of a mode may be ridden before we end it."""


async def prepare_booking(
    tx: AsyncConnection,
    request: BookingRequest,
    terms: Callable[[ProviderId], ProviderTerms],
    *,
    hold: timedelta,
    now: datetime,
) -> str:
    """Record a booking with its legs and the step that carries it out; returns its id.

    Nothing is held or paid yet: that is ``advance``'s, in this process or another.

    Raises:
        OfferExpiredError, NothingToBookError, NotEligibleError, CeilingTooLowError
        NotSoldError: the sale of a leg is stopped at the moment.
    """
    offer, rebooks = request.offer, request.rebooks
    _check(request, now)
    if rebooks is not None:
        request = await _under_her_ceiling(tx, request, rebooks)
    await refuse_stopped(
        tx, [(leg.provider_id, leg.mode) for leg in offer.legs if leg.provider_id is not None]
    )
    booking_id = new_id("bkg")
    expires_at = now + hold
    if rebooks is not None and rebooks.certain_by is not None:
        expires_at = min(expires_at, rebooks.certain_by)
    ceiling = offer.ceiling
    if request.spend_ceiling is not None:
        ceiling = min(ceiling, request.spend_ceiling)
    await tx.execute(
        booking.insert(),
        {
            "id": booking_id,
            "rider_id": request.rider_id,
            "offer_id": offer.id,
            "state": BookingState.HELD,
            "aim": Aim.TRAVEL,
            "payment_id": new_id("pay"),
            "payment_method": request.payment_method,
            "passengers": offer.passengers,
            "currency": offer.price.currency,
            "price_minor": offer.price.minor,
            "ceiling_minor": ceiling.minor,
            "spend_ceiling_minor": (
                None if request.spend_ceiling is None else request.spend_ceiling.minor
            ),
            "created_at": now,
            "expires_at": expires_at,
            "rebooked_from": None if rebooks is None else rebooks.booking_id,
            "rebooked_leg_id": None if rebooks is None else rebooks.leg_id,
            "locked_minor": None if rebooks is None else rebooks.locked.minor,
        },
    )
    rows, paid = [], request.paid
    for position, offered in enumerate(offer.legs):
        bounds = _bounds(replace(request, paid=paid), offered, terms)
        rows.append(_leg_row(booking_id, position, offered, terms) | bounds)
        if offered.provider_id is not None and offered.quote is not None:
            plan_id = _plan_id(offered.quote)
            paid = plus(paid, offered.provider_id, plan_id, offered.quote.price)
    await tx.execute(leg.insert(), rows)
    await steps.enqueue(tx, kind=STEP, key=booking_id, run_at=now)
    return booking_id


async def _under_her_ceiling(
    tx: AsyncConnection, request: BookingRequest, rebooks: Rebooks
) -> BookingRequest:
    """Under the ceiling of the trip before: beyond the locked price she pays what was not held."""
    left = await find_ceiling_left(tx, rebooks)
    if left is None:
        return request
    most = request.offer.ceiling + (left - min(left, rebooks.locked))
    return replace(request, spend_ceiling=most)


async def refuse_booked_already(
    tx: AsyncConnection, rider_id: str, offer: Offer, booking_id: str
) -> None:
    """Refuse the booking of an offer if its rider has a vehicle of it in another booking.

    The provider would only say that it is taken, as if by somebody else. Whether one that is on its
    way back to it can be had is its provider's to say. The rider's row is locked.

    Raises:
        BookedAlreadyError
    """
    wanted = [
        (each.provider_id, each.vehicle_ref) for each in offer.legs if each.vehicle_ref is not None
    ]
    if not wanted:
        return
    goes_back = exists().where(
        provider_operation.c.booking_id == leg.c.booking_id,
        provider_operation.c.leg_id == leg.c.id,
        provider_operation.c.kind == Ask.CANCEL,
    )
    hers = (
        select(leg.c.booking_id, leg.c.mode, booking.c.state)
        .join(booking, booking.c.id == leg.c.booking_id)
        .where(
            booking.c.rider_id == rider_id,
            booking.c.id != booking_id,
            booking.c.state.not_in(OVER),
            booking.c.aim == Aim.TRAVEL,
            ~goes_back,
            leg.c.state.not_in([*GONE, LegState.ENDED]),
            tuple_(leg.c.provider_id, leg.c.detail["vehicle_ref"].astext).in_(wanted),
        )
    )
    found = (await tx.execute(hers.limit(1))).one_or_none()
    if found is not None:
        raise BookedAlreadyError(found.booking_id, found.mode, found.state)


def _check(request: BookingRequest, now: datetime) -> None:
    offer = request.offer
    rebooks, meant_for = request.rebooks, offer.in_place_of
    asked_for = None if rebooks is None else InPlaceOf(rebooks.booking_id, rebooks.leg_id)
    if asked_for != meant_for:
        raise OfferExpiredError(f"{offer.id} is not an offer for this; search again")
    if now >= offer.expires_at:
        raise OfferExpiredError(f"{offer.id} ran out at {offer.expires_at:%H:%M:%S} UTC")
    provided = [leg for leg in offer.legs if leg.provider_id is not None]
    left = find_left(provided, now)
    if left is not None:
        what = f"line {left.line}" if left.line else f"the {left.mode}"
        raise OfferExpiredError(
            f"the departure of {what} from {left.origin_name} at {left.departs_at:%H:%M:%S} UTC "
            "is over; search again"
        )
    if not provided:
        raise NothingToBookError(f"{offer.id} is a walk")
    lacking = tuple(
        reason for leg in provided if leg.terms is not None for reason in request.lacks(leg.terms)
    )
    if lacking:
        raise NotEligibleError(tuple(dict.fromkeys(lacking)))
    asked = request.spend_ceiling
    if asked is not None and asked.currency != offer.price.currency:
        raise CeilingTooLowError(
            f"the ceiling is in {asked.currency}, the price in {offer.price.currency}"
        )
    if asked is not None and (asked < offer.price or (not asked and offer.ceiling)):
        raise CeilingTooLowError(
            f"the trip is expected to cost {offer.price}, above the ceiling of "
            f"{asked}; raise it or leave it out"
        )


def _bounds(
    request: BookingRequest, offered: OfferLeg, terms: Callable[[ProviderId], ProviderTerms]
) -> dict[str, object]:
    """How long a vehicle may be ridden; the other legs are taken to cost what is expected.

    Those before it are in the ``paid`` of the request, where a tariff caps the rider's day.
    """
    if offered.provider_id is None or offered.quote is None:
        return {"most_minutes": None, "most_minor": None, "most_because": None}
    contract = terms(offered.provider_id)
    plan = tariff.find_plan(contract.plans, offered.quote.tariff_version)
    longest = contract.longest_ride.get(offered.mode, LONGEST_RIDE)
    ceiling = request.spend_ceiling
    left = None if ceiling is None else ceiling - (request.offer.price - offered.quote.price)
    if not contract.provider.scarce:
        return {"most_minutes": None, "most_minor": None, "most_because": None}
    plan_id = _plan_id(offered.quote)
    paid = find_paid(request.paid, offered.provider_id, plan_id, offered.departs_at)
    bound = find_bound(plan, longest, left, offered.distance_m, paid)
    return {
        "most_minutes": bound.minutes,
        "most_minor": None if left is None else left.minor,
        "most_because": bound.because,
    }


def _plan_id(quote: Quote) -> str:
    return quote.tariff_version.split("/")[0]


def _leg_row(
    booking_id: str,
    position: int,
    offered: OfferLeg,
    terms: Callable[[ProviderId], ProviderTerms],
) -> dict[str, object]:
    leg_id = id_of_leg(booking_id, position)
    row: dict[str, object] = {
        "booking_id": booking_id,
        "id": leg_id,
        "position": position,
        "mode": offered.mode,
        "provider_id": offered.provider_id,
        "scarce": False,
        "state": LegState.PLANNED,
        "order_key": leg_id,
        "tariff_version": None,
        "product": None,
        "quoted_minor": 0,
        "ceiling_minor": 0,
        "vat_percent": Decimal(0),
        "commission_percent": Decimal(0),
        "co2_grams": offered.co2_grams,
        "departs_at": offered.departs_at,
        "arrives_at": offered.arrives_at,
        "detail": OFFER_LEG.dump_python(offered, mode="json"),
        "price_lines": [],
    }
    if offered.provider_id is None or offered.quote is None:
        return row
    contract = terms(offered.provider_id)
    quote = offered.quote
    return row | {
        "scarce": contract.provider.scarce,
        "tariff_version": quote.tariff_version,
        "product": offered.product,
        "quoted_minor": quote.price.minor,
        "ceiling_minor": (quote.ceiling or quote.price).minor,
        "vat_percent": quote.vat_percent,
        "commission_percent": contract.commission_percent,
        "price_lines": list(quote.lines),
    }
