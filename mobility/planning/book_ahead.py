"""When a journey may be booked: its rented legs not too long ahead, none that has left.

A booked vehicle stands idle for everyone else.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from mobility.cities.facts import Rules
from mobility.planning.itinerary import RENTAL, TRANSIT, Leg
from mobility.planning.offer import OfferLeg

SomeLeg = TypeVar("SomeLeg", Leg, OfferLeg)
RENTAL_LATE = timedelta(minutes=10)
"""How long after its departure a vehicle is still booked; soon after that it is given back unused
(``booking.riding.NO_SHOW_AFTER``)."""


def rental_too_early(departs_at: datetime, now: datetime, rules: Rules) -> datetime | None:
    """From when a rented vehicle can be booked for a ride that departs then; None if it can now."""
    opens_at = departs_at - timedelta(minutes=rules.rental_book_ahead_minutes)
    return opens_at if now < opens_at else None


def find_booking_opens_at(
    legs: Iterable[Leg | OfferLeg], now: datetime, rules: Rules
) -> datetime | None:
    """From when all rented legs of a journey can be booked together; None if they can now."""
    opening = [
        opens_at
        for leg in legs
        if leg.mode in RENTAL and (opens_at := rental_too_early(leg.departs_at, now, rules))
    ]
    return max(opening, default=None)


def find_left(legs: Iterable[SomeLeg], now: datetime) -> SomeLeg | None:
    """The first leg that cannot be booked any more, as its departure is over."""
    for leg in legs:
        over = (leg.mode in TRANSIT and leg.departs_at < now) or (
            leg.mode in RENTAL and leg.departs_at + RENTAL_LATE < now
        )
        if over:
            return leg
    return None


def say_left(leg: Leg, zone: ZoneInfo) -> str:
    """The same in words for the rider, in the city's time."""
    local = leg.departs_at.astimezone(zone)
    return (
        f"Die Abfahrt am {local:%d.%m.%Y} um {local:%H:%M} Uhr ({leg.origin.name}) ist vorbei: "
        "bitte mit einer späteren Zeit suchen."
    )


def say_booking_opens(opens_at: datetime, rules: Rules, zone: ZoneInfo) -> str:
    """The same in words for the rider, in the city's time."""
    local = opens_at.astimezone(zone)
    return (
        f"Ein Leihfahrzeug lässt sich frühestens {rules.rental_book_ahead_minutes} Minuten vor "
        f"seiner Abfahrt buchen: für diese Reise ab dem {local.day:02}.{local.month:02}."
        f"{local.year} um {local.hour:02}:{local.minute:02} Uhr."
    )
