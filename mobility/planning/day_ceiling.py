"""What the city's ceiling of a day leaves a rider: so much at most a journey adds to her day.

Her trips are charged and settled as without it; what is beyond goes back afterwards. What a journey
adds is thus the lesser of its price and of what is left, which never puts a dearer one before a
cheaper one: of the journeys that were not the best before, none is with the ceiling. So the front
under it is the best of the front without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from gtfs.front import FrontJourney, LegKind
from mobility.cities.facts import DayCeiling
from mobility.planning.itinerary import RENTAL, Itinerary
from mobility.planning.paid_today import STARTS_WITHIN
from payments.money import Money
from providers.bus.fare_rules import UNKNOWN_CENTS


@dataclass(frozen=True, slots=True)
class UnderCeiling:
    """A rider's days under one ceiling."""

    ceiling: DayCeiling
    most: Money
    costs: Mapping[date, Money]
    """What her settled trips of a day cost, less what was given back; a day with none is absent."""

    def left_on(self, day: date) -> Money:
        """What further trips of a day cost together at most."""
        nothing = Money(0, self.most.currency)
        return max(self.most - self.costs.get(day, nothing), nothing)


Ceilings = tuple[UnderCeiling, ...]


def find_ceiling(ceilings: Ceilings, at: datetime) -> tuple[UnderCeiling, date] | None:
    """The ceiling that holds for what begins at a moment, and the day that it counts to."""
    found = ((under, under.ceiling.find_day(at)) for under in ceilings)
    return next(((under, day) for under, day in found if day is not None), None)


def counted(way: Itinerary, ceilings: Ceilings) -> Itinerary:
    """The same with what it costs once the ceiling counts, where that is less than its price.

    A journey with a leg that nobody sells cannot be booked and has no such price.
    """
    sold = [leg for leg in way.legs if leg.quote]
    if not ceilings or not sold or any(leg.unsold for leg in way.legs):
        return way
    last = max(leg.departs_at + STARTS_WITHIN * (leg.mode in RENTAL) for leg in sold)
    left = _find_left(ceilings, sold[0].departs_at, last)
    return way if left is None or way.price <= left else replace(way, after_ceiling=left)


def front_under(
    ceilings: Ceilings, found: Iterable[FrontJourney], zero: int, *, backwards: bool
) -> tuple[FrontJourney, ...]:
    """The front once the ceiling counts, from the front without it, at what each then costs.

    ``zero`` is the zero of the journeys' axis in POSIX seconds. Where midnight falls among them the
    journeys of both sides have each their own day's price, and one that only this makes worth
    while may be missing.
    """
    priced = [one._replace(cents=_cents_under(ceilings, one, zero)) for one in found]
    points = [_point(one, backwards=backwards) for one in priced]
    return tuple(
        one
        for one, point in zip(priced, points, strict=True)
        if not any(
            other != point and all(a <= b for a, b in zip(other, point, strict=True))
            for other in points
        )
    )


def _cents_under(ceilings: Ceilings, journey: FrontJourney, zero: int) -> int:
    if not 0 < journey.cents < UNKNOWN_CENTS:
        return journey.cents
    legs = [leg for leg in journey.legs if leg.kind is not LegKind.WALK]
    first = datetime.fromtimestamp(zero + legs[0].departs_s, UTC)
    last = max(
        datetime.fromtimestamp(zero + leg.departs_s, UTC)
        + STARTS_WITHIN * (leg.kind is LegKind.RENTAL)
        for leg in legs
    )
    left = _find_left(ceilings, first, last)
    return journey.cents if left is None else min(journey.cents, left.minor)


def _find_left(ceilings: Ceilings, first: datetime, last: datetime) -> Money | None:
    """What is left for legs that begin between two moments; None where midnight lies between."""
    found = find_ceiling(ceilings, first)
    if found is None or found != find_ceiling(ceilings, last):
        return None
    under, day = found
    return under.left_on(day)


def _point(journey: FrontJourney, *, backwards: bool) -> tuple[int, int, int, int]:
    """What journeys are compared by (docs/decisions/0022); less is better in each."""
    minute = -(journey.departs_s // 60) if backwards else -(-journey.arrives_s // 60)
    return (minute, journey.transfers, journey.cents, journey.co2_steps)
