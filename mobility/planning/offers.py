"""Offers: journeys frozen with their prices until they expire, one Redis key a search.

An offer's id is the search's 15 random bytes and the offer's number in one more, so that it leads
to the key under which the whole search lies.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from msgspec.json import encode
from pydantic import TypeAdapter, ValidationError
from redis.asyncio import Redis

from mobility.cities.city import City
from mobility.planning.book_ahead import (
    find_booking_opens_at,
    find_left,
    say_booking_opens,
    say_left,
)
from mobility.planning.itinerary import Itinerary, Leg, Ride
from mobility.planning.offer import InPlaceOf, Offer, OfferLeg
from mobility.planning.paid_today import Paid, find_paid, plus
from mobility.planning.pricing import Pricer
from mobility.planning.search import Planner
from providers.bus.fares import FareRide, FareUnknownError
from providers.values import Mode, ProviderId, Terms

OFFER_SECONDS = 600
_WALK = Mode.WALK
_TOKEN_BYTES = 15
_ID_CHARACTERS = 26


def _base32(some: bytes) -> str:
    return base64.b32encode(some).decode().rstrip("=").lower()


_NUMBERS = tuple(_base32(bytes([number])) for number in range(256))
"""What they end with, by the offer's number."""
_OFFERS = TypeAdapter(tuple[Offer, ...])
Json = dict[str, object]
Lacks = Callable[[Terms], tuple[str, ...]]
"""What stands against a provider's terms, in the rider's language; empty when nothing does."""


Stopped = Callable[[ProviderId, Mode], "str | None"]
"""Why legs of a provider and mode are not sold at the moment, in the rider's language."""


class OfferedJourney(NamedTuple):
    """A journey, its offer if it can be booked, or why it cannot."""

    itinerary: Itinerary
    offer_id: str | None
    expires_at: datetime
    passengers: int
    passes: tuple[str, ...]
    bookable: bool
    not_bookable_because: str | None


def make_offers(
    itineraries: Sequence[Itinerary],
    *,
    passes: AbstractSet[str],
    passengers: int,
    now: datetime,
    expires_at: datetime,
    lacks: Lacks,
    city: City,
    stopped: Stopped | None = None,
) -> tuple[OfferedJourney, ...]:
    """Freeze the journeys of one search.

    A rider who does not meet a provider's terms still gets the offer, marked as not bookable with
    what would make it so: who signs in, or completes the profile, may book it. So is a journey
    whose vehicle cannot be booked yet (``Rules.rental_book_ahead_minutes``), of which a leg is
    not sold at the moment, or has left.
    """
    search_id = _search_id(secrets.token_bytes(_TOKEN_BYTES))
    with_passes = tuple(sorted(passes))
    result = []
    for number, itinerary in enumerate(itineraries):
        offer_id: str | None = search_id + _NUMBERS[number]
        because = _unsold(itinerary)
        if because is not None:
            offer_id = None
        else:
            reasons = dict.fromkeys(_untimely(itinerary, now, city))
            if stopped is not None:
                reasons |= dict.fromkeys(_stopped(itinerary, stopped))
            for leg in itinerary.legs:
                if leg.terms:
                    reasons |= dict.fromkeys(lacks(leg.terms))
            because = " ".join(reasons) or None
        terms = (offer_id, expires_at, passengers, with_passes)
        result.append(OfferedJourney(itinerary, *terms, because is None, because))
    return tuple(result)


def _unsold(itinerary: Itinerary) -> str | None:
    """Why a journey cannot be offered."""
    walks = True
    for leg in itinerary.legs:
        if leg.unsold:
            return leg.unsold
        walks = walks and leg.mode is _WALK
    return "Zu Fuß gibt es nichts zu buchen." if walks else None


def _untimely(itinerary: Itinerary, now: datetime, city: City) -> tuple[str, ...]:
    left = find_left(itinerary.legs, now)
    if left is not None:
        return (say_left(left, city.timezone),)
    opens_at = find_booking_opens_at(itinerary.legs, now, city.rules)
    return (say_booking_opens(opens_at, city.rules, city.timezone),) if opens_at else ()


def _stopped(itinerary: Itinerary, stopped: Stopped) -> tuple[str, ...]:
    """Why legs of it are not sold at the moment."""
    whys = (stopped(leg.provider_id, leg.mode) for leg in itinerary.legs if leg.provider_id)
    return tuple(why for why in whys if why)


def write_offers(offered: Iterable[OfferedJourney], in_place_of: InPlaceOf | None = None) -> bytes:
    """The offers among the journeys of one search as JSON, as ``Offer`` would be written.

    Without making one of each journey first: a search has hundreds of values to write.
    """
    return encode(
        [
            {
                "id": journey.offer_id,
                "expires_at": journey.expires_at,
                "passengers": journey.passengers,
                "passes": journey.passes,
                "legs": [_leg(leg) for leg in journey.itinerary.legs],
                "in_place_of": in_place_of,
            }
            for journey in offered
            if journey.offer_id
        ]
    )


def read_offers(written: bytes | str) -> tuple[Offer, ...]:
    """What ``write_offers`` wrote."""
    return _OFFERS.validate_json(written)


def _leg(leg: Leg) -> Json:
    """An ``OfferLeg``: what booking needs of a leg; ways through the streets stay behind."""
    written: Json = {
        "mode": leg.mode,
        "origin": leg.origin.position,
        "destination": leg.destination.position,
        "origin_name": leg.origin.name,
        "destination_name": leg.destination.name,
        "departs_at": leg.departs_at,
        "arrives_at": leg.arrives_at,
        "distance_m": leg.metres,
        "co2_grams": leg.co2_grams,
    }
    ride, rental = leg.ride, leg.rental
    if leg.provider_id is not None:
        written |= {"provider_id": leg.provider_id, "quote": leg.quote, "terms": leg.terms}
    if rental is not None:
        written |= {
            "vehicle_ref": rental.vehicle.ref,
            "vehicle_id": rental.vehicle.id,
            "vehicle_type_id": rental.type.id,
            "station_id": rental.vehicle.station_id,
        }
    if ride is not None:
        written |= {
            "line": ride.line,
            "headsign": ride.headsign,
            "product": leg.product,
            "fare_ride": _fare_ride(leg, ride),
            "trip": {
                "trip_id": ride.trip_id,
                "board_index": ride.board_index,
                "alight_index": ride.alight_index,
            },
        }
    return written


def _fare_ride(leg: Leg, ride: Ride) -> Json:
    """The fields of ``pricing.fare_ride_of``."""
    return {
        "agency_id": ride.agency_id,
        "route_id": ride.route_id,
        "stops": ride.hops,
        "from_zone": ride.from_zone,
        "to_zone": ride.to_zone,
        "departs_at": leg.departs_at,
        "arrives_at": leg.arrives_at,
        "stays": leg.stay_seated,
    }


class WrittenOffers(NamedTuple):
    """The offers of one search as they are kept."""

    key: str
    value: bytes


def write_to_keep(
    prefix: str, offered: Sequence[OfferedJourney], in_place_of: InPlaceOf | None = None
) -> WrittenOffers | None:
    """The offers of one search, to be kept under one key; None where there are none."""
    first = next((journey.offer_id for journey in offered if journey.offer_id), None)
    return WrittenOffers(_key(prefix, first), write_offers(offered, in_place_of)) if first else None


async def keep_offers(redis: Redis, written: WrittenOffers | None, seconds: int) -> None:
    """Keep them for so long."""
    if written is not None:
        await redis.set(written.key, written.value, ex=seconds)


async def save_offers(
    redis: Redis, prefix: str, offered: Sequence[OfferedJourney], seconds: int = OFFER_SECONDS
) -> None:
    """Keep the offers of one search for so long, under one key; nothing where there are none."""
    await keep_offers(redis, write_to_keep(prefix, offered), seconds)


async def save_offer(redis: Redis, prefix: str, offer: Offer, seconds: int = OFFER_SECONDS) -> None:
    """Keep a single offer, such as one priced anew."""
    await redis.set(_key(prefix, offer.id), encode([offer]), ex=seconds)


async def find_offer(redis: Redis, prefix: str, offer_id: str) -> Offer | None:
    """The offer; None if it was never made, or is forgotten. It may have expired.

    None as well where another version of this program wrote it in a form that this one cannot read:
    whoever searches again gets one that it can.
    """
    try:
        key = _key(prefix, offer_id)
    except ValueError:
        return None
    stored = await redis.get(key)
    if stored is None:
        return None
    try:
        offers = read_offers(stored)
    except ValidationError:
        return None
    return next((offer for offer in offers if offer.id == offer_id), None)


def reprice(offer: Offer, passes: AbstractSet[str], planner: Planner, paid: Paid = ()) -> Offer:
    """The same journey, until the same moment, under a new id, with prices for another rider.

    Prices are those with other passes, and after what was paid under tariffs that cap a day. Where
    a fare is unknown with those passes, rides keep the prices they have.
    """
    fresh = replace(
        offer,
        id=_search_id(secrets.token_bytes(_TOKEN_BYTES)) + _NUMBERS[0],
        passes=tuple(sorted(passes)),
    )
    try:
        same = set(offer.passes) == set(passes)
        legs = offer.legs if same else _repriced(offer, passes, planner.pricer)
    except FareUnknownError:
        fresh, legs = replace(fresh, passes=offer.passes), offer.legs
    return replace(fresh, legs=_after(legs, paid, planner.pricer))


def _after(legs: Sequence[OfferLeg], paid: Paid, pricer: Pricer) -> tuple[OfferLeg, ...]:
    """The legs with the rentals under a day's cap priced after what was paid."""
    priced: list[OfferLeg] = []
    for leg in legs:
        plan_id = pricer.find_capped_plan(leg)
        if plan_id is None or leg.provider_id is None:
            priced.append(leg)
            continue
        already = find_paid(paid, leg.provider_id, plan_id, leg.departs_at)
        quote = pricer.quote_rental(leg, already) or leg.quote
        priced.append(replace(leg, quote=quote))
        if quote is not None:
            paid = plus(paid, leg.provider_id, plan_id, quote.price)
    return tuple(priced)


def _repriced(offer: Offer, passes: AbstractSet[str], pricer: Pricer) -> tuple[OfferLeg, ...]:
    rides: list[tuple[int, ProviderId, FareRide]] = [
        (index, leg.provider_id, leg.fare_ride)
        for index, leg in enumerate(offer.legs)
        if leg.provider_id is not None and leg.fare_ride is not None
    ]
    products = pricer.products([(p, ride) for _, p, ride in rides], passes, offer.passengers)
    legs = list(offer.legs)
    for (index, _, _), product in zip(rides, products, strict=True):
        leg = legs[index]
        quote = pricer.quote_ride(leg, product, offer.passengers)
        legs[index] = replace(leg, product=product, quote=quote)
    return tuple(legs)


def _search_id(token: bytes) -> str:
    """What the ids of a search's offers begin with: 15 bytes are 24 letters exactly."""
    return "off_" + _base32(token)


def _key(prefix: str, offer_id: str) -> str:
    """The key of the search that an offer's id names. Raises ValueError for what is no such id."""
    kind, _, text = offer_id.partition("_")
    if kind != "off" or len(text) != _ID_CHARACTERS or text != text.lower():
        raise ValueError(f"{offer_id[:40]!r} is not an offer's id")
    try:
        raw = base64.b32decode(text.upper() + "======")
    except binascii.Error as error:
        raise ValueError(f"{offer_id[:40]!r} is not an offer's id") from error
    return f"{prefix}offers:{raw[:_TOKEN_BYTES].hex()}"
