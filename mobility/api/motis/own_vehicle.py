"""From door to door by one's own bicycle or car: times and ways through the streets, no price."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from mobility.api.motis.modes import MotisMode
from mobility.planning.itinerary import Itinerary, Leg
from mobility.planning.request import SearchRequest
from mobility.planning.search import Planner
from providers.values import Mode

_OWN = {MotisMode.BIKE: Mode.BIKE, MotisMode.CAR: Mode.CAR}
_NOTHING_TO_BOOK = "Mit dem eigenen Fahrzeug gibt es nichts zu buchen."


def own_vehicle(
    planner: Planner,
    request: SearchRequest,
    asked: Iterable[MotisMode],
    at_most_s: int,
    now: datetime,
) -> list[Itinerary]:
    """The way by each of these vehicles that are one's own, where streets lead there in time."""
    found = []
    for mode in dict.fromkeys(_OWN[m] for m in asked if m in _OWN):
        leg = _leg(planner, request, mode, now)
        if leg is not None and 0 < leg.seconds <= at_most_s:
            found.append(Itinerary((leg,)))
    return found


def _leg(planner: Planner, request: SearchRequest, mode: Mode, now: datetime) -> Leg | None:
    origin = planner.get_door(request.origin, "Start").place
    destination = planner.get_door(request.destination, "Ziel").place
    at = (request.arrive_by or request.depart_at or now).replace(microsecond=0)
    on = at.astimezone(planner.city.timezone).date()
    bounds = planner.city.bounds
    if origin.position not in bounds or destination.position not in bounds:
        return None
    way = planner.streets.leg(mode, origin.position, destination.position, on)
    if way is None:
        return None
    leaves = at - timedelta(seconds=way.seconds) if request.arrive_by else at
    grams = planner.city.emissions.find_grams_per_km(mode) or 0
    return Leg(
        mode=mode,
        origin=origin,
        destination=destination,
        departs_at=leaves,
        arrives_at=leaves + timedelta(seconds=way.seconds),
        metres=way.metres,
        estimated=True,
        geometry=way.geometry,
        crossings=way.crossings,
        unsold=_NOTHING_TO_BOOK,
        co2_grams=round(grams * way.metres / 1000),
    )
