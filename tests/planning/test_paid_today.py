"""The day's cap reached: what the next ride adds is what is shown, frozen and chosen by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest

from gtfs.geo import LatLon
from mobility.planning.candidate import Candidate, cents_of
from mobility.planning.door_to_door import HORIZON_SECONDS, DoorToDoor
from mobility.planning.errors import BadSearchError
from mobility.planning.fleets.vehicle_offer import plan_vehicle
from mobility.planning.itinerary import Itinerary, Reason
from mobility.planning.offer import Offer
from mobility.planning.offers import make_offers, read_offers, reprice, write_offers
from mobility.planning.paid_today import Paid, PaidToday, read_paid
from mobility.planning.request import SearchRequest, Via
from payments.money import Money
from providers.values import Mode, ProviderId
from tests.planning.test_luebeck import TRIP, first, search
from tests.planning.test_via import WAHMSTRASSE
from tests.planning.world import NOW, TODAY, berlin, luebeck, luebeck_planner

RAD = ProviderId("demo-rad")


def paid(cents: int, plan_id: str = "rad-2026", day: date = TODAY) -> Paid:
    plan = next(p for p in luebeck().get_provider(RAD).pricing_plans() if p.id == plan_id)
    return (PaidToday(RAD, plan, day, Money(cents)),)


def bike_after(cents: int, **changes: object) -> Itinerary:
    return first(search(paid=paid(cents), **changes), Mode.BIKE)


@pytest.mark.parametrize(("cents", "price", "ceiling"), [(0, 100, 200), (850, 50, 50), (900, 0, 0)])
def test_a_bike_costs_what_the_cap_leaves(cents: int, price: int, ceiling: int) -> None:
    bike = bike_after(cents)
    (quote,) = [leg.quote for leg in bike.legs if leg.quote]
    assert (bike.price, quote.ceiling) == (Money(price), Money(ceiling))


def test_once_it_is_reached_the_longer_ride_is_free_and_the_front_knows() -> None:
    """Bus and bike together cost the bus alone; by bike all the way nothing does."""
    result = search(paid=paid(900))
    assert Reason.CHEAPEST in first(result, Mode.BIKE).reasons
    assert first(result, Mode.BUS, Mode.BIKE).price == Money(360)


@pytest.mark.parametrize("cents", [0, 830, 870, 900])
@pytest.mark.parametrize("backwards", [False, True])
def test_what_ways_are_chosen_by_is_what_they_are_sold_at(cents: int, *, backwards: bool) -> None:
    times = {"depart_at": None, "arrive_by": berlin("08:45")} if backwards else {}
    request = replace(TRIP, paid=paid(cents), **times)
    asked = DoorToDoor(luebeck_planner(), request, NOW)
    asked.measure_doors()
    found: Sequence[Candidate] = asked.all_ways.ask(int(asked.at.timestamp()), HORIZON_SECONDS)
    assert sum(one.has_rental for one in found) > 3
    sold = [asked.composer.front(*one.found, asked.doors.rides) for one in found]
    assert [one.cents for one in found] == [cents_of(way) for way in sold]


def test_the_cheapest_is_so_by_what_is_sold_where_midnight_lies_within_the_search() -> None:
    late = search(
        origin=LatLon(53.890285, 10.726276), destination=LatLon(53.877314, 10.645774),
        depart_at=berlin("22:11"), paid=paid(900),
    )  # fmt: skip
    prices = {way.price.minor: way.reasons for way in late.itineraries}
    assert Reason.CHEAPEST in prices[min(prices)]
    assert first(late, Mode.BIKE, Mode.BUS).price == Money(200)


@pytest.mark.parametrize(
    ("other", "departs"),
    [
        (paid(900, "pedelec-2026"), "08:00"),
        (paid(900, day=TODAY - timedelta(days=1)), "08:00"),
        (paid(900, day=TODAY + timedelta(days=1)), "23:20"),
        (paid(900), "23:35"),
    ],
)
def test_another_tariff_or_day_does_not_count_nor_a_ride_that_may_begin_after_midnight(
    other: Paid, departs: str
) -> None:
    way = first(search(paid=other, depart_at=berlin(departs)), Mode.BIKE)
    assert [leg.rental.type.id for leg in way.legs if leg.rental] == ["rad"]
    assert way.price == Money(100)


def test_two_rides_of_one_journey_share_what_is_left() -> None:
    asked = replace(TRIP, via=(Via(WAHMSTRASSE, timedelta(minutes=20)),), paid=paid(850))
    way = first(luebeck_planner().search(asked, NOW), Mode.BIKE)
    rads = [leg.quote for leg in way.legs if leg.rental and leg.rental.type.id == "rad"]
    assert [quote.price.minor for quote in rads if quote] == [50, 0]


def offer_of(way: Itinerary) -> Offer:
    (offered,) = make_offers(
        [way], passes=frozenset(), passengers=1, now=NOW, expires_at=NOW + timedelta(minutes=10),
        lacks=lambda _terms: (), city=luebeck(),
    )  # fmt: skip
    (offer,) = read_offers(write_offers([offered]))
    return offer


def test_at_booking_it_is_priced_for_that_rider() -> None:
    planner = luebeck_planner()
    full, free = offer_of(bike_after(0)), offer_of(bike_after(900))
    assert (full.price, free.price) == (Money(100), Money(0))
    for offer in (full, free):
        again = reprice(offer, frozenset(), planner, paid(900))
        assert (again.price, again.ceiling) == (free.price, free.ceiling)
        anew = reprice(offer, frozenset(), planner)
        assert (anew.price, anew.ceiling) == (full.price, full.ceiling)


def test_nothing_else_is_priced_anew() -> None:
    for way in search().itineraries:
        if way.kind != (Mode.WALK,):
            offer = offer_of(way)
            again = reprice(offer, frozenset(), luebeck_planner())
            assert replace(again, id=offer.id) == offer


def test_the_bike_in_front_of_me_too() -> None:
    planner = luebeck_planner()
    bike = next(v for v in planner.mirror.list_vehicles(RAD) if v.type_id == "rad")
    assert plan_vehicle(planner, bike.id, NOW).price == Money(100)
    assert plan_vehicle(planner, bike.id, NOW, paid(900)).price == Money(0)


def test_what_a_search_says_was_paid_is_read_by_the_tariffs_day() -> None:
    said = [("demo-rad", "rad-2026/2026-01", 900)]
    assert read_paid(luebeck(), said, NOW) == paid(900)
    by_night = berlin("23:30", TODAY - timedelta(days=1)) + timedelta(hours=1)
    assert read_paid(luebeck(), said, by_night) == paid(900)


@pytest.mark.parametrize(
    "said",
    [
        ("demo-rad", "rad-2026"),
        ("demo-auto", "klein-2026/2026-01"),
        ("nobody", "rad-2026/2026-01"),
        ("stadtverkehr-luebeck", "sh-tarif-2026-04-01"),
    ],
)
def test_a_tariff_that_caps_no_day_is_refused(said: tuple[str, str]) -> None:
    with pytest.raises(BadSearchError, match="caps the day"):
        read_paid(luebeck(), [(*said, 100)], NOW)


def test_without_a_word_of_it_nothing_changes() -> None:
    request = SearchRequest(TRIP.origin, TRIP.destination, TRIP.depart_at)
    assert request.paid == ()
    assert luebeck_planner().search(request, NOW) == search(paid=paid(0))
