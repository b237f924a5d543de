"""What riders should know of geofencing zones on the ways shown, and at the goal."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from gtfs.geo import LatLon
from mobility.cities.city import City
from mobility.planning.fleets.kinds import FREE_ENDS
from mobility.planning.fleets.view import FleetView
from mobility.planning.itinerary import Itinerary
from mobility.planning.request import Notice


def of_zones(
    shown: Sequence[Itinerary],
    fleets: FleetView,
    kinds: AbstractSet[int],
    goal: LatLon,
    city: City,
) -> list[Notice]:
    """Where a ride shown is slowed, and who of the usable ``kinds`` may not be left at the goal."""
    found = [_no_parking(fleets, number, goal, city) for number in sorted(kinds)]
    numbers = {(kind.provider_id, kind.type.id): n for n, kind in enumerate(fleets.kinds)}
    for leg in (leg for itinerary in shown for leg in itinerary.legs):
        if leg.rental is not None and leg.provider_id is not None:
            limits = fleets.zones.get(numbers[leg.provider_id, leg.rental.type.id])
            slowed = limits.slowest_on(leg.geometry) if limits else None
            if slowed is not None:
                name = city.get_provider(leg.provider_id).name
                text = (
                    f"{name}: {_in_zone(slowed[1])} gilt höchstens Tempo {slowed[0]}; "
                    "die gezeigte Fahrzeit rechnet damit."
                )
                found.append(Notice("zone_speed", text, provider_id=leg.provider_id))
    return list(dict.fromkeys(notice for notice in found if notice))


def _no_parking(fleets: FleetView, number: int, goal: LatLon, city: City) -> Notice | None:
    limits, kind = fleets.zones.get(number), fleets.kinds[number]
    if limits is None or kind.type.return_rule not in FREE_ENDS:
        return None
    zone = limits.no_parking_at(goal)
    if zone is None or not fleets.available[number].any():
        return None
    name = city.get_provider(kind.provider_id).name
    text = f"{name}: am Ziel ({_in_zone(zone)}) darf kein Fahrzeug abgestellt werden."
    return Notice("zone_no_parking", text, provider_id=kind.provider_id)


def _in_zone(name: str) -> str:
    return f"in der Zone „{name}“" if name else "in einem Teil des Gebiets"
