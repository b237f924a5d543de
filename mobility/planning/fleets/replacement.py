"""Another vehicle in place of one that cannot be ridden, at the tariff that was booked."""

from __future__ import annotations

from datetime import datetime

from gtfs.geo import LatLon
from mobility.planning.accessibility import of_rental
from mobility.planning.itinerary import Itinerary, Leg, Place, Rental
from mobility.planning.offer import OfferLeg
from mobility.planning.paid_today import Paid
from mobility.planning.search import Planner
from providers.values import Mode, Vehicle, VehicleType

WITHIN_M = 1000
"""How far away another vehicle may stand."""


def plan_replacement(
    planner: Planner, booked: OfferLeg, here: LatLon, now: datetime, paid: Paid = ()
) -> Itinerary | None:
    """The same ride, from now on, on the nearest other vehicle of that operator and tariff.

    Under the same pricing plan it costs what the booked one would have cost, however long it is
    ridden. None when there is no such vehicle around.
    """
    by_id = {
        kind.id: kind
        for kind in planner.city.get_provider(booked.provider_id or "").vehicle_types()
    }
    plan_id = _plan_id(by_id.get(booked.vehicle_type_id or ""))
    for vehicle in planner.mirror.vehicles_near(here, WITHIN_M, [booked.mode], now):
        kind = by_id.get(vehicle.type_id) if vehicle.provider_id == booked.provider_id else None
        if kind and _plan_id(kind) == plan_id and vehicle.ref != booked.vehicle_ref:
            leg = _leg(planner, booked, vehicle, kind, now)
            return planner.pricer.priced(Itinerary((leg,)), frozenset(), 1, paid)
    return None


def _plan_id(kind: VehicleType | None) -> str | None:
    return kind.pricing_plan_id if kind else None


def _leg(
    planner: Planner, booked: OfferLeg, vehicle: Vehicle, kind: VehicleType, now: datetime
) -> Leg:
    pickup = (
        planner.mirror.find_station(vehicle.provider_id, vehicle.station_id)
        if vehicle.station_id
        else None
    )
    name = pickup.name if pickup else planner.name_near(vehicle.position)
    return Leg(
        mode=kind.mode,
        origin=Place(name, vehicle.position),
        destination=Place(booked.destination_name, booked.destination),
        departs_at=now,
        arrives_at=now + (booked.arrives_at - booked.departs_at),
        metres=booked.distance_m,
        estimated=True,
        accessibility=of_rental(carries=kind.mode is Mode.CAR),
        rental=Rental(vehicle, kind, pickup, None),
        provider_id=vehicle.provider_id,
    )
