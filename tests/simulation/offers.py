"""What a rider may book in a simulated world."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from mobility.planning.offer import Offer, OfferLeg
from payments.money import Money
from providers.values import Mode, ProviderId, Quote, StationId, VehicleRef
from tests.providers.city import HBF, KOBERG

TICKETS = {"single:1:child": 160, "single:1:adult": 250, "single:3:adult": 440}
"""Dearer and cheaper ones, at the tariff's prices in cents."""
BIKE, BUS = ProviderId("demo-rad"), ProviderId("demo-bus")


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


def _on(bus: OfferLeg, product: str) -> OfferLeg:
    assert bus.quote is not None
    price = Money(TICKETS.get(product, 0))
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
    )
