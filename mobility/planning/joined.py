"""One journey of the legs of several: rides in the same vehicle made one, priced as a whole."""

from __future__ import annotations

from collections.abc import Iterable

from mobility.planning import accessibility
from mobility.planning.day_ceiling import counted
from mobility.planning.itinerary import Itinerary, Leg
from mobility.planning.pricing import Pricer
from mobility.planning.request import SearchRequest


def joined(pricer: Pricer, parts: Iterable[Leg], request: SearchRequest) -> Itinerary:
    """One journey of legs that follow each other; who stays in a vehicle makes no change."""
    legs: list[Leg] = []
    for leg in parts:
        ridden_on = _ridden_on(legs[-1], leg) if legs else None
        if ridden_on is not None:
            legs[-1] = ridden_on
        else:
            legs.append(leg)
    whole = Itinerary(tuple(legs))
    priced = pricer.priced(whole, request.passes, request.passengers, request.paid)
    return counted(priced, request.ceilings)


def _ridden_on(before: Leg, after: Leg) -> Leg | None:
    """One leg of two where the rider stays in the vehicle; None where she does not."""
    first, second = before.ride, after.ride
    if first is None or second is None or first.trip_id != second.trip_id:
        return None
    if first.alight_index != second.board_index:
        return None
    return before._replace(
        destination=after.destination,
        arrives_at=after.arrives_at,
        metres=before.metres + after.metres,
        geometry=(*before.geometry, *after.geometry[1:]),
        co2_grams=before.co2_grams + after.co2_grams,
        ride=first._replace(alight_index=second.alight_index, to_zone=second.to_zone),
        accessibility=accessibility.joined(before.accessibility, after.accessibility),
    )
