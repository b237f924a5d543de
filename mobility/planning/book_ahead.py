"""How long before its ride a vehicle may be booked: a booked one stands idle for everyone else."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from mobility.cities.facts import Rules
from mobility.planning.itinerary import RENTAL, Leg
from mobility.planning.offer import OfferLeg


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


def say_booking_opens(opens_at: datetime, rules: Rules, zone: ZoneInfo) -> str:
    """The same in words for the rider, in the city's time."""
    local = opens_at.astimezone(zone)
    return (
        f"Ein Leihfahrzeug lässt sich frühestens {rules.rental_book_ahead_minutes} Minuten vor "
        f"seiner Abfahrt buchen: für diese Reise ab dem {local.day:02}.{local.month:02}."
        f"{local.year} um {local.hour:02}:{local.minute:02} Uhr."
    )
