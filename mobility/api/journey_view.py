"""Journeys as clients see them: plain values for JSON, shaped as ``journey_wire`` documents it.

Built without pydantic's models, because a search answers with hundreds of small objects. What the
legs of an answer share, such as the places where they meet, is put into words once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import Raw
from msgspec.json import encode

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


class JourneyWriter:
    """Writes the journeys of one answer, times in the city's zone.

    Values are what ``msgspec`` encodes: parts that several legs share are encoded already.
    """

    def __init__(self, zone: ZoneInfo, currency: str) -> None:
        """Take the zone of all times, and the currency of what costs nothing."""
        self._zone = zone
        self._currency = currency
        self._places: dict[int, tuple[Raw, Place]] = {}
        self._parts: dict[Accessibility, tuple[str, Raw]] = {}

    def journey(self, offered: OfferedJourney) -> Json:
        """A journey with its offer."""
        itinerary, offer_id = offered.itinerary, offered.offer_id
        legs, zone = itinerary.legs, self._zone
        return {
            "id": _id(legs),
            "offer_id": offer_id,
            "offer_expires_at": offered.expires_at.astimezone(zone) if offer_id else None,
            "bookable": offered.bookable,
            "not_bookable_because": offered.not_bookable_because,
            "departs_at": legs[0].departs_at.astimezone(zone),
            "arrives_at": legs[-1].arrives_at.astimezone(zone),
            "transfers": itinerary.transfers,
            "price": _price(itinerary, self._currency),
            "co2_grams": itinerary.co2_grams,
            "reasons": itinerary.reasons,
            "legs": [self._leg(leg) for leg in legs],
        }

    def _leg(self, leg: Leg) -> Json:
        ride, rental, quote, terms = leg.ride, leg.rental, leg.quote, leg.terms
        accessible, accessibility = self._accessible(leg.accessibility)
        return {
            "mode": leg.mode,
            "from": self._place(leg.origin),
            "to": self._place(leg.destination),
            "departs_at": leg.departs_at.astimezone(self._zone),
            "arrives_at": leg.arrives_at.astimezone(self._zone),
            "distance_m": leg.metres,
            "co2_grams": leg.co2_grams,
            "provider_id": leg.provider_id,
            "line": ride.line if ride else None,
            "headsign": ride.headsign if ride else None,
            "color": ride.color or None if ride else None,
            "trip_id": ride.trip_id if ride else None,
            "stay_seated": leg.stay_seated,
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

    def _place(self, place: Place) -> Raw:
        """By identity, which is the cheaper question; the entry keeps its place from going."""
        known = self._places.get(id(place))
        if known is None:
            known = self._places[id(place)] = (_encoded(place), place)
        return known[0]

    def _accessible(self, parts: Accessibility) -> tuple[str, Raw]:
        known = self._parts.get(parts)
        if known is None:
            known = self._parts[parts] = (parts.whole, Raw(encode(_accessibility(parts))))
        return known


def place_out(place: Place) -> PlaceOut:
    """A place as a document of its own shows it."""
    return PlaceOut.model_validate(_place(place))


def notice_out(notice: Notice, zone: ZoneInfo) -> Json:
    """A notice, its time in the city's zone."""
    price = notice.price
    return {
        "code": notice.code,
        "text": notice.text,
        "at": notice.at.astimezone(zone) if notice.at else None,
        "price": {"amount": price.minor, "currency": price.currency} if price else None,
        "url": notice.url,
        "provider_id": notice.provider_id,
    }


@lru_cache(maxsize=4096)
def _encoded(place: Place) -> Raw:
    return Raw(encode(_place(place)))


def _place(place: Place) -> Json:
    """A place; six decimals are a hand's breadth."""
    return {
        "name": place.name,
        "lat": round(place.position.lat, 6),
        "lon": round(place.position.lon, 6),
        "stop_id": place.stop_id,
    }


def _accessibility(parts: Accessibility) -> Json:
    return {
        "vehicle": parts.vehicle,
        "from_stop": parts.start,
        "to_stop": parts.end,
        "path": parts.path,
        "source": parts.source or None,
    }


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
    price = Money.total([quote.price for quote in quotes], currency)
    most = None if known else Money.total([q.ceiling or q.price for q in quotes], currency).minor
    said: Json = {
        "amount": price.minor,
        "currency": price.currency,
        "kind": "fixed" if whole else "estimate",
        "max": most,
    }
    if itinerary.after_ceiling is not None:
        said["after_day_ceiling"] = itinerary.after_ceiling.minor
    return said


def _leg_price(quote: Quote) -> Json:
    return {
        "amount": quote.price.minor,
        "currency": quote.price.currency,
        "kind": "fixed" if quote.ceiling is None else "estimate",
        "max": quote.ceiling.minor if quote.ceiling else None,
        "lines": quote.lines,
        "tariff_version": quote.tariff_version,
    }


def _geometry(points: Sequence[LatLon]) -> Json:
    drawn = points if isinstance(points, polyline.Course) else polyline.Course.of(points)
    return {"points": drawn.encoded, "precision": polyline.PRECISION, "length": len(drawn)}


def _id(legs: Sequence[Leg]) -> str:
    """The same for the same journey in every answer."""
    said = [f"{legs[0].departs_at.timestamp()} {legs[-1].arrives_at.timestamp()}"]
    for leg in legs:
        if leg.mode is _WALK and len(legs) > 1:
            continue
        ride, rental = leg.ride, leg.rental
        said.append(
            f"{leg.mode} {leg.departs_at.timestamp()} {leg.arrives_at.timestamp()} "
            f"{ride.trip_id if ride else ''} {rental.type.id if rental else ''} "
            f"{leg.origin.stop_id} {leg.destination.stop_id}"
        )
    return "jny_" + hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]
