"""The bike in front of me: an offer for one vehicle, without a journey."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from mobility.planning.accessibility import of_rental
from mobility.planning.compose import grams
from mobility.planning.errors import UnknownVehicleError
from mobility.planning.itinerary import Itinerary, Leg, Place, Rental
from mobility.planning.paid_today import Paid
from mobility.planning.search import Planner
from providers.values import Mode, ProviderId, Vehicle, VehicleId, VehicleType

PLANNED_SECONDS = 1800
"""How long a ride is taken to last when nobody says where it goes; its price is an estimate."""
_QR = re.compile(r"(?:.*[/=])?([a-z][a-z0-9-]{1,40})[:/]([^/:\s]{1,100})")


def plan_vehicle(planner: Planner, named: str, now: datetime, paid: Paid = ()) -> Itinerary:
    """Half an hour on the vehicle of that public id, or of the code on its frame, with its price.

    A code is ``provider:code``, or an address that ends in ``/provider/code``.

    Raises:
        UnknownVehicleError: there is no such vehicle, or it cannot be rented just now.
    """
    vehicle = planner.mirror.find_vehicle(VehicleId(named)) or _by_code(planner, named)
    if vehicle is None:
        raise UnknownVehicleError("there is no such vehicle here (any more); look for another one")
    kind = _type_of(planner, vehicle)
    rentable = planner.mirror.vehicles_near(vehicle.position, 1, list(Mode), now)
    if kind is None or all(other.ref != vehicle.ref for other in rentable):
        raise UnknownVehicleError("this vehicle cannot be rented just now; look for another one")
    pickup = (
        planner.mirror.find_station(vehicle.provider_id, vehicle.station_id)
        if vehicle.station_id
        else None
    )
    metres = planner.streets.metres(kind.mode, PLANNED_SECONDS)
    grams_per_km = planner.city.emissions.find_grams_per_km(kind.mode, electric=kind.electric)
    place = Place(pickup.name if pickup else planner.name_near(vehicle.position), vehicle.position)
    leg = Leg(
        mode=kind.mode,
        origin=place,
        destination=place,
        departs_at=now,
        arrives_at=now + timedelta(seconds=PLANNED_SECONDS),
        metres=metres,
        estimated=True,
        accessibility=of_rental(carries=kind.mode is Mode.CAR),
        rental=Rental(vehicle, kind, pickup, None),
        provider_id=vehicle.provider_id,
        co2_grams=grams(grams_per_km or 0, metres),
    )
    return planner.pricer.priced(Itinerary((leg,)), frozenset(), 1, paid)


def _by_code(planner: Planner, text: str) -> Vehicle | None:
    found = _QR.fullmatch(text)
    if found is None:
        return None
    provider_id, code = ProviderId(found[1]), found[2]
    return next(
        (
            vehicle
            for vehicle in planner.mirror.list_vehicles(provider_id)
            if code in {vehicle.ref, vehicle.id, vehicle.id.removeprefix(f"{provider_id}:")}
        ),
        None,
    )


def _type_of(planner: Planner, vehicle: Vehicle) -> VehicleType | None:
    stanza = planner.city.get_provider(vehicle.provider_id)
    return next((kind for kind in stanza.vehicle_types() if kind.id == vehicle.type_id), None)
