"""``rentals``: who rents what, and where it stands; ``map/rentals`` is its older name."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field

from gtfs.geo import LatLon, distance_m
from mobility.api.dependencies import Now, WiringDep
from mobility.api.motis.errors import BadQueryError, MotisRoute, answer
from mobility.api.motis.modes import FORM_FACTORS, RETURN_CONSTRAINTS, propulsion_of
from mobility.api.motis.parameters import (
    Count,
    Listed,
    Parameters,
    Spot,
    Text,
    read_box,
    read_place,
    read_query,
)
from mobility.api.motis.places_wire import Json
from mobility.api.motis.rental_zones import list_rules, list_zones
from mobility.wiring import Wiring
from providers.stanza import ProviderStanza
from providers.values import Station, Vehicle, VehicleType
from providers.zones import Zone

router = APIRouter(route_class=MotisRoute, include_in_schema=False)

MOST_ROWS = 5000
_UNRESTRICTED: Json = {
    "vehicleTypeIdxs": [],
    "rideStartAllowed": True,
    "rideEndAllowed": True,
    "rideThroughAllowed": True,
}


class RentalsQuery(Parameters):
    """The parameters of ``rentals``."""

    low: Annotated[Text | None, Field(alias="min")] = None
    high: Annotated[Text | None, Field(alias="max")] = None
    point: Text | None = None
    radius: Count | None = None
    provider_groups: Listed[str] = ()
    providers: Listed[str] = ()
    with_providers: bool = True
    with_stations: bool = True
    with_vehicles: bool = True
    with_zones: bool = True


class Area:
    """The part of the map that was asked for; without one, everywhere."""

    def __init__(self, query: RentalsQuery, wiring: Wiring) -> None:
        """Read the box and the circle.

        Raises:
            BadQueryError: one is only half given, or cannot be read.
            UnknownStopError: ``point`` names no stop.
        """
        if (query.low is None) != (query.high is None):
            raise BadQueryError("min and max belong together: give both corners of the box")
        if (query.point is None) != (query.radius is None):
            raise BadQueryError("point and radius belong together: give both")
        self._box = read_box(query.low, query.high) if query.low and query.high else None
        self._circle: tuple[LatLon, int] | None = None
        if query.point is not None and query.radius is not None:
            spot = read_place(query.point, "point")
            at = spot if isinstance(spot, Spot) else None
            position = at.position if at else wiring.planner.get_door(str(spot), "").place.position
            self._circle = (position, query.radius)
        self.everywhere = self._box is None and self._circle is None

    def meets(self, zone: Zone) -> bool:
        """Whether a zone's box reaches into it."""
        west, south, east, north = zone.area.bounds
        if self._box is not None:
            from_west, from_south, to_east, to_north = self._box
            if west > to_east or east < from_west or south > to_north or north < from_south:
                return False
        if self._circle is None:
            return True
        middle, radius = self._circle
        nearest = LatLon(min(max(middle.lat, south), north), min(max(middle.lon, west), east))
        return distance_m(middle, nearest) <= radius

    def __contains__(self, position: LatLon) -> bool:
        if self._box is not None:
            west, south, east, north = self._box
            if not (west <= position.lon <= east and south <= position.lat <= north):
                return False
        if self._circle is None:
            return True
        return distance_m(self._circle[0], position) <= self._circle[1]


@router.get("/api/v1/rentals")
async def get_rentals(request: Request, wiring: WiringDep, now: Now) -> Response:
    """Providers, and where an area or some of them are named, their stations and vehicles."""
    return _rentals(request, wiring, now)


@router.get("/api/v1/map/rentals")
async def get_map_rentals(request: Request, wiring: WiringDep, now: Now) -> Response:
    """The same under its older name."""
    return _rentals(request, wiring, now)


def _rentals(request: Request, wiring: Wiring, now: datetime) -> Response:
    query = read_query(request, RentalsQuery)
    area = Area(query, wiring)
    named = {*query.providers, *query.provider_groups}
    stanzas = [
        stanza
        for stanza in wiring.city.providers
        if stanza.vehicle_type and (not named or stanza.id in named)
    ]
    vehicles, stations = _standing(wiring, stanzas, area, now)
    zones = [
        zone
        for stanza in stanzas
        for zone in list_zones(stanza, wiring.mirror.zones_of(stanza.provider_id), area.meets)
    ]
    if not area.everywhere:
        here = {str(vehicle.provider_id) for vehicle in vehicles}
        here |= {str(station.provider_id) for station in stations}
        here |= {str(zone["providerId"]) for zone in zones}
        stanzas = [stanza for stanza in stanzas if stanza.id in here]
    listed = bool(named) or not area.everywhere
    types = {stanza.id: {k.id: k for k in stanza.vehicle_types()} for stanza in stanzas}
    return answer(
        {
            "providerGroups": [
                _group(stanza, with_providers=query.with_providers) for stanza in stanzas
            ],
            "providers": [_provider(stanza, wiring) for stanza in stanzas]
            if query.with_providers
            else [],
            "stations": [
                _station(station, vehicles, types[station.provider_id])
                for station in stations[:MOST_ROWS]
            ]
            if listed and query.with_stations
            else [],
            "vehicles": [
                _vehicle(vehicle, types[vehicle.provider_id][vehicle.type_id])
                for vehicle in vehicles[:MOST_ROWS]
                if vehicle.station_id is None
            ]
            if listed and query.with_vehicles
            else [],
            "zones": zones if listed and query.with_zones else [],
        }
    )


def _standing(
    wiring: Wiring, stanzas: Iterable[ProviderStanza], area: Area, now: datetime
) -> tuple[list[Vehicle], list[Station]]:
    """What stands in the area of providers whose data is fresh."""
    vehicles: list[Vehicle] = []
    stations: list[Station] = []
    for stanza in stanzas:
        if not wiring.mirror.fresh(stanza.provider_id, now):
            continue
        kinds = {kind.id for kind in stanza.vehicle_type}
        vehicles += [
            vehicle
            for vehicle in wiring.mirror.list_vehicles(stanza.provider_id)
            if vehicle.type_id in kinds and vehicle.position in area
        ]
        stations += [
            station
            for station in wiring.mirror.list_stations(stanza.provider_id)
            if station.position in area
        ]
    return vehicles, stations


def _factors(kinds: Iterable[VehicleType]) -> list[str]:
    return list(dict.fromkeys(FORM_FACTORS[kind.mode] for kind in kinds))


def _group(stanza: ProviderStanza, *, with_providers: bool) -> Json:
    return {
        "id": stanza.id,
        "name": stanza.name,
        "providers": [stanza.id] if with_providers else [],
        "formFactors": _factors(stanza.vehicle_types()),
    }


def _provider(stanza: ProviderStanza, wiring: Wiring) -> Json:
    bounds = wiring.city.bounds
    return {
        "id": stanza.id,
        "name": stanza.name,
        "groupId": stanza.id,
        "operator": stanza.name,
        "bbox": [bounds.west, bounds.south, bounds.east, bounds.north],
        "vehicleTypes": [
            {
                "id": kind.id,
                "name": kind.name,
                "formFactor": FORM_FACTORS[kind.mode],
                "propulsionType": propulsion_of(kind),
                "returnConstraint": RETURN_CONSTRAINTS[kind.return_rule],
                "returnConstraintGuessed": False,
            }
            for kind in stanza.vehicle_types()
        ],
        "formFactors": _factors(stanza.vehicle_types()),
        "defaultRestrictions": _UNRESTRICTED,
        "globalGeofencingRules": list_rules(
            stanza, wiring.mirror.zones_of(stanza.provider_id).global_rules
        ),
    }


def _station(
    station: Station, vehicles: Collection[Vehicle], types: dict[str, VehicleType]
) -> Json:
    lat, lon = round(station.position.lat, 6), round(station.position.lon, 6)
    here = [v.type_id for v in vehicles if v.station_id == station.id and _free(v)]
    docks = station.docks_available
    return {
        "id": station.id,
        "providerId": station.provider_id,
        "providerGroupId": station.provider_id,
        "name": station.name,
        "lat": lat,
        "lon": lon,
        "isRenting": station.renting,
        "isReturning": station.returning,
        "numVehiclesAvailable": station.vehicles_available,
        "formFactors": _factors(types.values()),
        "vehicleTypesAvailable": {kind: here.count(kind) for kind in sorted(set(here))},
        "vehicleDocksAvailable": {} if docks is None else dict.fromkeys(sorted(types), docks),
        "bbox": [lon, lat, lon, lat],
    }


def _free(vehicle: Vehicle) -> bool:
    return not vehicle.reserved and not vehicle.disabled


def _vehicle(vehicle: Vehicle, kind: VehicleType) -> Json:
    return {
        "id": vehicle.id,
        "providerId": vehicle.provider_id,
        "providerGroupId": vehicle.provider_id,
        "typeId": kind.id,
        "lat": round(vehicle.position.lat, 6),
        "lon": round(vehicle.position.lon, 6),
        "formFactor": FORM_FACTORS[kind.mode],
        "propulsionType": propulsion_of(kind),
        "returnConstraint": RETURN_CONSTRAINTS[kind.return_rule],
        "isReserved": vehicle.reserved,
        "isDisabled": vehicle.disabled,
    }
