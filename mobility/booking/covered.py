"""Which rides of a trip are on the ticket of another one of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from providers.bus.fares import FareUnknownError
from providers.bus.product import parse_product


class Ride(Protocol):
    """A leg on a ticket."""

    @property
    def id(self) -> str:
        """Of the leg."""

    @property
    def product(self) -> str | None:
        """What was sold (``providers.bus.product``)."""


R = TypeVar("R", bound=Ride)


def list_covered(rides: Sequence[R], leg_id: str) -> list[R]:
    """Those on the ticket of that ride; ``rides`` are all of a trip, as products count them."""
    number = next((n for n, each in enumerate(rides, 1) if each.id == leg_id), None)
    return [] if number is None else [each for each in rides if covered_by(each) == number]


def find_ticket(rides: Sequence[R], ride: R) -> R:
    """The ride whose ticket this one is on, or itself; ``rides`` are all of a trip."""
    return next((each for each in rides if ride in list_covered(rides, each.id)), ride)


def covered_by(ride: Ride) -> int | None:
    """The number of the ride on whose ticket this one is, from 1; None where it has its own.

    ``product.BEFORE`` where that is a ride of an earlier trip.
    """
    try:
        return parse_product(ride.product or "").covered_by
    except FareUnknownError:
        return None
