"""Journeys as clients see them: plain values for JSON, shaped as ``journey_wire`` documents it.

Built without pydantic's models, because a search answers with hundreds of small objects; and with
text in place of members of enums, each of which would cost a microsecond to write.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from gtfs.geo import LatLon
from mobility.api.journey_wire import PlaceOut
from mobility.planning.accessibility import Accessibility
from mobility.planning.itinerary import Itinerary, Leg, Place
from mobility.planning.offers import OfferedJourney
from mobility.planning.request import Notice
from mobility.planning.ways import polyline
from payments.money import Money
from providers.values import Mode, Quote, Terms

Json = dict[str, object]
_WALK = Mode.WALK


def journey_out(offered: OfferedJourney, zone: ZoneInfo, currency: str) -> Json:
    """A journey with its offer, times in the city's zone."""
    itinerary, offer_id = offered.itinerary, offered.offer_id
    return {
        "id": _id(itinerary),
        "offer_id": offer_id,
        "offer_expires_at": _at(offered.expires_at, zone) if offer_id else None,
        "bookable": offered.bookable,
        "not_bookable_because": offered.not_bookable_because,
        "departs_at": _at(itinerary.departs_at, zone),
        "arrives_at": _at(itinerary.arrives_at, zone),
        "transfers": itinerary.transfers,
        "price": _price(itinerary, currency),
        "co2_grams": itinerary.co2_grams,
        "reasons": list(map(str, itinerary.reasons)),
        "legs": [leg_out(leg, zone) for leg in itinerary.legs],
    }


def leg_out(leg: Leg, zone: ZoneInfo) -> Json:
    """One leg."""
    ride, rental, quote, terms = leg.ride, leg.rental, leg.quote, leg.terms
    accessible, accessibility = _accessible(leg.accessibility)
    return {
        "mode": str(leg.mode),
        "from": _place(leg.origin),
        "to": _place(leg.destination),
        "departs_at": _at(leg.departs_at, zone),
        "arrives_at": _at(leg.arrives_at, zone),
        "distance_m": leg.metres,
        "co2_grams": leg.co2_grams,
        "provider_id": leg.provider_id,
        "line": ride.line if ride else None,
        "headsign": ride.headsign if ride else None,
        "color": ride.color or None if ride else None,
        "trip_id": ride.trip_id if ride else None,
        "vehicle_id": rental.vehicle.id if rental else None,
        "vehicle_type": rental.type.name if rental else None,
        "price": _leg_price(quote) if quote else None,
        "terms": _terms(terms) if terms else None,
        "geometry": _geometry(leg.geometry) if leg.geometry else None,
        "realtime": leg.realtime,
        "estimated": leg.estimated,
        "accessible": accessible,
        "accessibility": accessibility,
    }


def place_out(place: Place) -> PlaceOut:
    """A place as a document of its own shows it."""
    return PlaceOut.model_validate(_place(place))


def notice_out(notice: Notice, zone: ZoneInfo) -> Json:
    """A notice, its time in the city's zone."""
    price = notice.price
    return {
        "code": notice.code,
        "text": notice.text,
        "at": _at(notice.at, zone) if notice.at else None,
        "price": {"amount": price.minor, "currency": price.currency} if price else None,
        "url": notice.url,
        "provider_id": notice.provider_id,
    }


@lru_cache(maxsize=4096)
def _at(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).isoformat()


@lru_cache(maxsize=4096)
def _place(place: Place) -> Json:
    """A place; six decimals are a hand's breadth. Shared between answers: never changed."""
    return {
        "name": place.name,
        "lat": round(place.position.lat, 6),
        "lon": round(place.position.lon, 6),
        "stop_id": place.stop_id,
    }


@lru_cache(maxsize=256)
def _accessible(parts: Accessibility) -> tuple[str, Json]:
    return str(parts.whole), {
        "vehicle": parts.vehicle and str(parts.vehicle),
        "from_stop": parts.start and str(parts.start),
        "to_stop": parts.end and str(parts.end),
        "path": parts.path and str(parts.path),
        "source": parts.source or None,
    }


@lru_cache(maxsize=256)
def _terms(terms: Terms) -> Json:
    return {
        "minimum_age": terms.minimum_age or None,
        "driving_licence": terms.driving_licence,
        "text": terms.text,
    }


def _price(itinerary: Itinerary, currency: str) -> Json:
    quotes = [leg.quote for leg in itinerary.legs if leg.quote]
    known = all(quote.ceiling is None for quote in quotes)
    whole = known and not any(leg.unsold for leg in itinerary.legs)
    price = Money.total((quote.price for quote in quotes), currency)
    most = None if known else Money.total((q.ceiling or q.price for q in quotes), currency).minor
    return {
        "amount": price.minor,
        "currency": price.currency,
        "kind": "fixed" if whole else "estimate",
        "max": most,
    }


def _leg_price(quote: Quote) -> Json:
    return {
        "amount": quote.price.minor,
        "currency": quote.price.currency,
        "kind": "fixed" if quote.ceiling is None else "estimate",
        "max": quote.ceiling.minor if quote.ceiling else None,
        "lines": list(quote.lines),
        "tariff_version": quote.tariff_version,
    }


def _geometry(points: Sequence[LatLon]) -> Json:
    drawn = points if isinstance(points, polyline.Course) else polyline.Course.of(points)
    return {"points": drawn.encoded, "precision": polyline.PRECISION, "length": len(drawn)}


def _id(itinerary: Itinerary) -> str:
    """The same for the same journey in every answer."""
    legs = [
        f"{leg.mode} {leg.departs_at.timestamp()} {leg.arrives_at.timestamp()} "
        f"{leg.ride.trip_id if leg.ride else ''} {leg.rental.type.id if leg.rental else ''} "
        f"{leg.origin.stop_id} {leg.destination.stop_id}"
        for leg in itinerary.legs
        if leg.mode is not _WALK or len(itinerary.legs) == 1
    ]
    ends = f"{itinerary.departs_at.timestamp()} {itinerary.arrives_at.timestamp()}"
    said = "\n".join((ends, *legs))
    return "jny_" + hashlib.sha256(said.encode()).hexdigest()[:16]
