"""Offers: frozen, kept under one key a search, priced anew for other passes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from redis.asyncio import Redis

from mobility.planning.book_ahead import (
    RENTAL_LATE,
    find_booking_opens_at,
    find_left,
    rental_too_early,
)
from mobility.planning.errors import UnknownVehicleError
from mobility.planning.fleets.vehicle_offer import plan_vehicle
from mobility.planning.offer import Offer, OfferLeg, TripCalls
from mobility.planning.offers import (
    Lacks,
    OfferedJourney,
    find_offer,
    make_offers,
    read_offers,
    reprice,
    save_offer,
    save_offers,
    write_offers,
)
from mobility.planning.pricing import fare_ride_of
from payments.money import Money
from providers.values import Mode, Terms, VehicleId
from tests.planning.test_luebeck import TRIP
from tests.planning.world import NOW, berlin, luebeck, luebeck_planner

EXPIRES = NOW + timedelta(minutes=10)


def lacks_nothing(_terms: Terms) -> tuple[str, ...]:
    return ()


def lacks_a_licence(terms: Terms) -> tuple[str, ...]:
    return ("Führerschein fehlt: bitte im Profil angeben.",) if terms.driving_licence else ()


def offered(lacks: Lacks = lacks_nothing, **changes: object) -> tuple[OfferedJourney, ...]:
    request = replace(TRIP, **changes)
    return make_offers(
        luebeck_planner().search(request, NOW).itineraries,
        passes=request.passes,
        passengers=request.passengers,
        now=NOW,
        expires_at=EXPIRES,
        lacks=lacks,
        city=luebeck(),
    )


def offer_of(journeys: tuple[OfferedJourney, ...], *kind: Mode) -> Offer:
    return read_offers(write_offers(j for j in journeys if j.itinerary.kind == kind))[0]


def test_everything_but_a_walk_is_bookable() -> None:
    for journey in offered(window=timedelta(minutes=20)):
        walk = journey.itinerary.kind == (Mode.WALK,)
        assert (journey.offer_id is None, journey.bookable) == (walk, not walk)
        assert (journey.not_bookable_because is not None) == walk


def test_who_lacks_a_licence_is_told_and_may_still_look() -> None:
    car = next(j for j in offered(lacks_a_licence) if j.itinerary.kind == (Mode.CAR,))
    assert not car.bookable
    assert car.not_bookable_because == "Führerschein fehlt: bitte im Profil angeben."
    assert car.offer_id is not None


def test_a_vehicle_cannot_be_booked_weeks_ahead() -> None:
    journeys = offered(depart_at=berlin("08:00", date(2026, 12, 24)))
    assert {j.bookable for j in journeys if j.itinerary.has_rental} == {False}
    bike = next(j for j in journeys if j.itinerary.kind == (Mode.BIKE,))
    ride = next(leg for leg in bike.itinerary.legs if leg.rental)
    opens = (ride.departs_at - timedelta(hours=1)).astimezone(luebeck().timezone)
    assert bike.not_bookable_because == (
        "Ein Leihfahrzeug lässt sich frühestens 60 Minuten vor seiner Abfahrt buchen: "
        f"für diese Reise ab dem 24.12.2026 um {opens:%H:%M} Uhr."
    )
    assert bike.itinerary.price == Money(100)
    assert bike.offer_id is not None
    assert next(j for j in journeys if j.itinerary.kind == (Mode.BUS,)).bookable


def test_what_has_left_cannot_be_booked() -> None:
    journeys = offered(depart_at=NOW - timedelta(hours=1))
    assert {j.bookable for j in journeys} == {False}
    bike = next(j for j in journeys if j.itinerary.kind == (Mode.BIKE,))
    leg = next(leg for leg in bike.itinerary.legs if leg.rental)
    local = leg.departs_at.astimezone(luebeck().timezone)
    assert bike.not_bookable_because == (
        f"Die Abfahrt am {local:%d.%m.%Y} um {local:%H:%M} Uhr ({leg.origin.name}) ist vorbei: "
        "bitte mit einer späteren Zeit suchen."
    )
    car = next(j for j in journeys if j.itinerary.kind == (Mode.CAR,))
    assert "Uhr (bei " in (car.not_bookable_because or "")


@pytest.mark.parametrize(
    ("mode", "ago", "left"),
    [
        (Mode.BUS, timedelta(0), False),
        (Mode.BUS, timedelta(seconds=1), True),
        (Mode.BIKE, RENTAL_LATE, False),
        (Mode.BIKE, RENTAL_LATE + timedelta(seconds=1), True),
        (Mode.WALK, timedelta(days=1), False),
    ],
)
def test_a_vehicle_waits_for_a_while_and_a_bus_does_not(
    mode: Mode, ago: timedelta, *, left: bool
) -> None:
    leg = replace(offer_of(offered(), Mode.BIKE).legs[0], mode=mode, departs_at=NOW - ago)
    assert find_left([leg], NOW) == (leg if left else None)


@pytest.mark.parametrize(
    ("ahead", "opens_in"),
    [
        (timedelta(0), None),
        (timedelta(minutes=60), None),
        (timedelta(minutes=60, seconds=1), timedelta(seconds=1)),
        (timedelta(days=29), timedelta(days=28, hours=23)),
    ],
)
def test_a_vehicle_can_be_booked_an_hour_before(
    ahead: timedelta, opens_in: timedelta | None
) -> None:
    opens_at = rental_too_early(NOW + ahead, NOW, luebeck().rules)
    assert opens_at == (None if opens_in is None else NOW + opens_in)


def test_of_two_vehicles_the_later_one_decides() -> None:
    legs = offer_of(offered(), Mode.BIKE).legs
    later = tuple(replace(leg, departs_at=leg.departs_at + timedelta(hours=3)) for leg in legs)
    rules = luebeck().rules
    assert find_booking_opens_at(legs, NOW, rules) is None
    ride = next(leg for leg in later if leg.mode is Mode.BIKE)
    assert find_booking_opens_at([*legs, *later], NOW, rules) == ride.departs_at - timedelta(
        hours=1
    )


def test_an_offer_names_the_vehicle_and_where_it_stands() -> None:
    legs = offer_of(offered(), Mode.BIKE).legs
    ride = next(leg for leg in legs if leg.mode is Mode.BIKE)
    assert ride.provider_id == "demo-rad"
    assert ride.station_id is not None
    assert str(ride.vehicle_ref).startswith(str(ride.station_id))
    assert ride.quote is not None


async def test_offers_of_a_search_lie_under_one_key(redis: Redis, redis_prefix: str) -> None:
    journeys = offered()
    await save_offers(redis, redis_prefix, journeys, 600)
    assert len(await redis.keys(f"{redis_prefix}offers:*")) == 1
    for offer in read_offers(write_offers(journeys)):
        assert await find_offer(redis, redis_prefix, offer.id) == offer


def test_an_offer_is_written_as_the_journey_it_was_made_of() -> None:
    journeys = [j for j in offered() if j.offer_id]
    for journey, offer in zip(journeys, read_offers(write_offers(journeys)), strict=True):
        for leg, kept in zip(journey.itinerary.legs, offer.legs, strict=True):
            ride, rental = leg.ride, leg.rental
            assert kept == OfferLeg(
                mode=leg.mode,
                origin=leg.origin.position,
                destination=leg.destination.position,
                origin_name=leg.origin.name,
                destination_name=leg.destination.name,
                departs_at=leg.departs_at,
                arrives_at=leg.arrives_at,
                distance_m=leg.metres,
                co2_grams=leg.co2_grams,
                provider_id=leg.provider_id,
                quote=leg.quote,
                terms=leg.terms,
                vehicle_ref=rental.vehicle.ref if rental else None,
                vehicle_id=rental.vehicle.id if rental else None,
                vehicle_type_id=rental.type.id if rental else None,
                station_id=rental.vehicle.station_id if rental else None,
                line=ride.line if ride else None,
                headsign=ride.headsign if ride else None,
                product=leg.product,
                fare_ride=fare_ride_of(ride, leg.departs_at, leg.arrives_at) if ride else None,
                trip=TripCalls(ride.trip_id, ride.board_index, ride.alight_index) if ride else None,
            )


async def test_an_offer_is_forgotten_in_time(redis: Redis, redis_prefix: str) -> None:
    offer = offer_of(offered(), Mode.BUS)
    await save_offer(redis, redis_prefix, offer, 600)
    (key,) = await redis.keys(f"{redis_prefix}offers:*")
    assert 0 < await redis.ttl(key) <= 600


@pytest.mark.parametrize(
    "offer_id",
    [
        "",
        "off_",
        "off_" + "a" * 26,
        "bkg_" + "a" * 26,
        "off_" + "A" * 26,
        "off_é",
        "off_" + "1" * 26,
    ],
)
async def test_an_unknown_offer_is_none(redis: Redis, redis_prefix: str, offer_id: str) -> None:
    assert await find_offer(redis, redis_prefix, offer_id) is None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('"co2_grams":', True),
        ('"colour":"blue","co2_grams":', True),
        ('"grams_of_co2":', False),
    ],
)
async def test_an_offer_of_another_version_is_read_or_unknown(
    redis: Redis, redis_prefix: str, written: str, read: bool
) -> None:
    offer = offer_of(offered(), Mode.BUS)
    await save_offer(redis, redis_prefix, offer, 600)
    (key,) = await redis.keys(f"{redis_prefix}offers:*")
    stored = (await redis.get(key)).decode()
    await redis.set(key, stored.replace('"co2_grams":', written))
    assert await find_offer(redis, redis_prefix, offer.id) == (offer if read else None)


def test_with_a_pass_the_same_journey_gets_a_new_price_and_id() -> None:
    offer = offer_of(offered(), Mode.BUS)
    other = reprice(offer, frozenset({"deutschlandticket"}), luebeck_planner())
    assert (offer.price, other.price) == (Money(360), Money(0))
    assert other.id != offer.id
    assert other.expires_at == offer.expires_at
    assert other.passes == ("deutschlandticket",)
    assert [leg.departs_at for leg in other.legs] == [leg.departs_at for leg in offer.legs]
    back = reprice(other, frozenset(), luebeck_planner())
    assert back == replace(offer, id=back.id)


def test_the_bike_in_front_of_me() -> None:
    planner = luebeck_planner()
    bike = next(v for v in planner.mirror.list_vehicles("demo-rad") if v.type_id == "rad")
    by_id = plan_vehicle(planner, bike.id, NOW)
    assert by_id == plan_vehicle(planner, f"https://demo.example/q/demo-rad/{bike.ref}", NOW)
    (leg,) = by_id.legs
    assert (leg.rental and leg.rental.vehicle, by_id.price) == (bike, Money(100))
    assert leg.quote is not None
    assert leg.quote.ceiling is not None


def test_half_an_hour_by_the_car_in_front_of_me_is_not_free_of_emissions() -> None:
    planner = luebeck_planner()
    car = next(v for v in planner.mirror.list_vehicles("demo-auto") if v.type_id == "kleinwagen")
    (leg,) = plan_vehicle(planner, car.id, NOW).legs
    assert leg.co2_grams == round(230 * leg.metres / 1000) > 0


@pytest.mark.parametrize("named", ["", "demo-rad:nothing", "nobody:rad-01-01", "x" * 400, "://"])
def test_an_unknown_vehicle_is_refused(named: str) -> None:
    with pytest.raises(UnknownVehicleError):
        plan_vehicle(luebeck_planner(), named, NOW)


def test_a_stale_vehicle_is_refused() -> None:
    planner = luebeck_planner()
    bike = planner.mirror.list_vehicles("demo-rad")[0]
    with pytest.raises(UnknownVehicleError):
        plan_vehicle(planner, VehicleId(bike.id), NOW + timedelta(minutes=30))
