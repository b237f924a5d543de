"""The geofencing zones of ``rentals``: areas as polylines, rules by the index of a vehicle type."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gtfs.geo import LatLon
from mobility.api.motis.places_wire import Json
from mobility.planning.ways import polyline
from providers.stanza import ProviderStanza
from providers.zones import Zone, ZoneRule, Zones


def list_zones(stanza: ProviderStanza, zones: Zones, wanted: Callable[[Zone], bool]) -> list[Json]:
    """The wanted zones of a provider; of two the one with the higher ``z`` decides."""
    return [
        {
            "providerId": stanza.id,
            "providerGroupId": stanza.id,
            **({"name": zone.name} if zone.name else {}),
            "z": len(zones.zones) - number,
            "bbox": list(zone.area.bounds),
            "area": [
                [_ring(ring.coords) for ring in (polygon.exterior, *polygon.interiors)]
                for polygon in zone.area.geoms
            ],
            "rules": list_rules(stanza, zone.rules),
        }
        for number, zone in enumerate(zones.zones)
        if wanted(zone)
    ]


def list_rules(stanza: ProviderStanza, rules: Iterable[ZoneRule]) -> list[Json]:
    """The rules that are for vehicles of the provider here; no index means all of them."""
    numbers = {kind.id: number for number, kind in enumerate(stanza.vehicle_types())}
    return [
        {
            "vehicleTypeIdxs": sorted(numbers[name] for name in rule.type_ids & numbers.keys()),
            "rideStartAllowed": rule.may_start,
            "rideEndAllowed": rule.may_end,
            "rideThroughAllowed": rule.may_pass,
            **({} if only_stations is None else {"stationParking": only_stations}),
        }
        for rule in rules
        for only_stations in [
            True if rule.undocked_only and not rule.may_end else rule.only_stations
        ]
        if not rule.type_ids or rule.type_ids & numbers.keys()
    ]


def _ring(coords: Iterable[tuple[float, float]]) -> Json:
    points = [LatLon(lat, lon) for lon, lat in coords]
    return {
        "points": polyline.encode(points),
        "precision": polyline.PRECISION,
        "length": len(points),
    }
