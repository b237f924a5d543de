"""What a rider may book in a simulated world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from mobility.planning.offer import Offer, OfferLeg, TripCalls
from payments.money import Money
from providers.bus.fares import FareRide
from providers.bus.product import parse_product
from providers.values import Mode, ProviderId, Quote, StationId, VehicleRef
from tests.providers.city import HBF, KOBERG

TICKETS = {"single:1:child": 160, "single:1:adult": 250, "single:3:adult": 440}
"""Dearer and cheaper ones, at the tariff's prices in cents."""
BIKE, BUS, CAR = ProviderId("demo-rad"), ProviderId("demo-bus"), ProviderId("demo-auto")


def bike_and_bus(now: datetime) -> Offer:
    """By bike for ten minutes, then by bus: what is held is more than what it will cost."""
    return _offer(now, _bike(now), _bus(now, 20))


def bike_ride(now: datetime) -> Offer:
    """By bike for ten minutes."""
    return _offer(now, _bike(now))


def two_buses(now: datetime) -> Offer:
    """One bus in twenty minutes and one in an hour: fixed prices, taken when tickets are issued."""
    return _offer(now, _bus(now, 20), _bus(now, 60))


def one_ticket(now: datetime) -> Offer:
    """Two buses, the second on the ticket of the first."""
    return _offer(now, _bus(now, 20), _on(_bus(now, 60), "single:1:adult:covered-1"))


def on_a_pass(now: datetime) -> Offer:
    """Two buses, of which the rider has paid by her pass: nothing is charged."""
    return _offer(now, *(_on(_bus(now, at), "single:1:adult:pass") for at in (20, 60)))


def for_two(now: datetime) -> Offer:
    """Two buses for two persons."""
    return carrying(two_buses(now), 2)


def for_three_with_a_pass(now: datetime) -> Offer:
    """Two buses for three persons, of whom one has a pass."""
    return carrying(on_a_pass(now), 3)


def car_and_bus(now: datetime) -> Offer:
    """By car for ten minutes, then by bus."""
    return _offer(now, _car(now), _bus(now, 20))


def bike_car_and_bus(now: datetime) -> Offer:
    """By bike, then by car, then by bus: two meters and a ticket."""
    return _offer(now, _bike(now), _car(now), _bus(now, 40))


def bus_between_vehicles(now: datetime) -> Offer:
    """By car to two buses on one ticket, and on by bike."""
    return _offer(now, _car(now), *one_ticket(now).legs, _bike(now))


OFFERS: dict[Callable[[datetime], Offer], int] = {
    **dict.fromkeys((bike_and_bus, bike_ride, two_buses, one_ticket), 4),
    **dict.fromkeys((on_a_pass, for_two, for_three_with_a_pass, car_and_bus), 1),
    **dict.fromkeys((bike_car_and_bus, bus_between_vehicles), 2),
}
"""What a crowd books, and how often."""


def tariff_price(product: str, passengers: int) -> int:
    """What a ride costs that many persons, in cents; nothing on the ticket of another."""
    read = parse_product(product)
    if read.covered_by is not None:
        return 0
    return TICKETS[f"{read.base}:{read.rider}"] * max(passengers - read.free, 0)


def carrying(offer: Offer, passengers: int) -> Offer:
    """The same rides for so many persons; a vehicle is still one."""
    legs = tuple(
        leg if leg.product is None else _on(leg, leg.product, passengers) for leg in offer.legs
    )
    return replace(offer, passengers=passengers, legs=legs)


def rides_on(now: datetime, chance: Random) -> Offer:
    """What instead of a bus that does not come: dearer or cheaper, or on the ticket one has."""
    bus = _bus(now, chance.choice((5, 12, 30)))
    other = _on(bus, chance.choice(list(TICKETS)))
    on_it = _on(bus, "single:1:adult:covered-0")
    bike = replace(_bike(now), vehicle_ref=VehicleRef(chance.choice(("hbf-01", "hbf-02"))))
    return _offer(now, *chance.choice(((other,), (on_it,), (bike,), (bike, other))))


def dearer_bus(now: datetime) -> Offer:
    """One in twelve minutes."""
    return _offer(now, _on(_bus(now, 12), "single:3:adult"))


def _on(bus: OfferLeg, product: str, passengers: int = 1) -> OfferLeg:
    assert bus.quote is not None
    price = Money(tariff_price(product, passengers))
    return replace(bus, product=product, quote=replace(bus.quote, price=price))


def _offer(now: datetime, *legs: OfferLeg) -> Offer:
    return Offer("off_1", now + timedelta(minutes=10), 1, (), legs)


def _bike(now: datetime) -> OfferLeg:
    at = now.replace(microsecond=0)
    return OfferLeg(
        mode=Mode.BIKE,
        origin=HBF,
        destination=KOBERG,
        origin_name="Hauptbahnhof",
        destination_name="Koberg",
        departs_at=at,
        arrives_at=at + timedelta(minutes=10),
        distance_m=2000,
        co2_grams=0,
        provider_id=BIKE,
        quote=Quote(Money(150), Money(400), "basis/2026-01", ("geschätzt",), Decimal(19)),
        vehicle_ref=VehicleRef("hbf-01"),
        station_id=StationId("hbf"),
    )


def _car(now: datetime) -> OfferLeg:
    return replace(
        _bike(now),
        mode=Mode.CAR,
        provider_id=CAR,
        quote=Quote(Money(250), Money(600), "klein/2026-01", ("geschätzt",), Decimal(19)),
        vehicle_ref=VehicleRef("car-1"),
        station_id=None,
    )


def _bus(now: datetime, minutes: int) -> OfferLeg:
    at = now.replace(microsecond=0) + timedelta(minutes=minutes)
    return replace(
        _bike(now),
        mode=Mode.BUS,
        departs_at=at,
        arrives_at=at + timedelta(minutes=10),
        provider_id=BUS,
        quote=Quote(Money(250), None, "sh-tarif-2026-04-01", ("einfach",), Decimal(7)),
        vehicle_ref=None,
        station_id=None,
        product="single:1:adult",
        fare_ride=FareRide(BUS, "1", 3, None, None, at, at + timedelta(minutes=10)),
        trip=TripCalls("1-1", 0, 3),
    )
