"""What the ceiling of a day leaves: the front under it, and the price that each journey says."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtfs.front import FrontJourney, FrontLeg, LegKind, search_front, search_front_latest
from gtfs.geo import LatLon
from gtfs.network import View
from mobility.planning.candidate import cents_of
from mobility.planning.day_ceiling import Ceilings, UnderCeiling, counted, front_under
from mobility.planning.door_to_door import HORIZON_SECONDS, DoorToDoor
from mobility.planning.request import SearchRequest, SearchResult, Via
from payments.money import Money
from providers.bus.fare_rules import UNKNOWN_CENTS
from providers.values import Mode
from tests.booking.test_day_ceiling import CEILING
from tests.gtfs.front_oracle import Point, front, latest, pareto
from tests.gtfs.front_worlds import query_of, random_question, random_setting
from tests.planning.test_luebeck import (
    HAUPTBAHNHOF,
    STRANDBAHNHOF,
    TECHNISCHE_HOCHSCHULE,
    TRIP,
    first,
    search,
)
from tests.planning.test_paid_today import paid
from tests.planning.test_via import WAHMSTRASSE
from tests.planning.world import NOW, TODAY, berlin, luebeck_planner

WORLDS = int(os.environ.get("FRONT_WORLDS", "500"))
BERLIN = replace(CEILING, day_zone="Europe/Berlin")
ALWAYS = cast("Any", SimpleNamespace(find_day=lambda _at: TODAY))


def leaving(cents: int, day: date = TODAY, ceiling: Any = BERLIN) -> Ceilings:
    """So much of a day's 8.00."""
    return (UnderCeiling(ceiling, Money(800), {day: Money(800 - cents)}),)


def points(journeys: tuple[FrontJourney, ...]) -> list[Point]:
    return sorted((-(-j.arrives_s // 60), j.transfers, j.cents, j.co2_steps) for j in journeys)


def journey(point: Point) -> FrontJourney:
    minute, transfers, cents, steps = point
    leg = FrontLeg(LegKind.RIDE, -1, -2, 0, 60 * minute, 0, 0, 1)
    return FrontJourney(0, 60 * minute, transfers, cents, steps, 0, (leg,))


PRICES = st.one_of(st.integers(0, 40), st.integers(UNKNOWN_CENTS, UNKNOWN_CENTS + 3))
SMALL = st.integers(0, 6)


@given(
    st.sets(st.tuples(SMALL, st.integers(-1, 2), PRICES, SMALL), max_size=30), st.integers(0, 40)
)
def test_the_front_of_mapped_prices_is_the_mapped_front_without_what_is_then_beaten(
    every: set[Point], left: int
) -> None:
    found = tuple(map(journey, pareto(every)))
    mapped = {
        (minute, transfers, cents if cents >= UNKNOWN_CENTS else min(cents, left), steps)
        for minute, transfers, cents, steps in every
    }
    ceilings = leaving(left, ceiling=ALWAYS)
    assert points(front_under(ceilings, found, 0, backwards=False)) == pareto(mapped)


def test_the_kernels_front_under_a_ceiling_is_that_of_all_journeys_there_are() -> None:
    """Every journey of a small world is priced, lowered to what is left, and only then compared."""
    dropped = 0
    for seed in range(9_000_000, 9_000_000 + WORLDS):
        random = Random(seed)
        setting = random_setting(random)
        asked = random_question(random, setting)
        network = setting.network(View.AHEAD)
        found = search_front(network, setting.rentals, query_of(setting, asked))
        left = random.choice([0, *(one.cents for one in found)])
        mine = front_under(leaving(left, ceiling=ALWAYS), found, 0, backwards=False)
        assert points(mine) == front(setting.world, asked, partial(min, left)), f"seed {seed}"
        dropped += len(mine) < len(found)
    assert dropped > WORLDS // 100


def test_arriving_by_too() -> None:
    dropped = 0
    for seed in range(9_500_000, 9_500_000 + WORLDS // 2):
        random = Random(seed)
        setting = random_setting(random, (-2, -1, 0, 1))
        asked = random_question(random, setting, latest=True)
        views = (setting.network(View.MIRRORED), setting.network(View.AROUND))
        found = search_front_latest(*views, setting.rentals, query_of(setting, asked))
        left = random.choice([0, *(one.cents for one in found)])
        mine = front_under(leaving(left, ceiling=ALWAYS), found, 0, backwards=True)
        said = sorted((-(j.departs_s // 60), j.transfers, j.cents, j.co2_steps) for j in mine)
        assert said == latest(setting.world, asked, partial(min, left)), f"seed {seed}"
        dropped += len(mine) < len(found)
    assert dropped


@pytest.mark.parametrize(
    "times", [{"depart_at": berlin("08:00")}, {"depart_at": None, "arrive_by": berlin("10:00")}]
)
@pytest.mark.parametrize("origin", [HAUPTBAHNHOF, TECHNISCHE_HOCHSCHULE])
def test_with_nothing_left_the_front_is_that_of_a_town_where_all_is_free(
    origin: LatLon, times: dict[str, Any]
) -> None:
    """In Lübeck, where buses are free with a pass and bikes once their own day's cap is reached."""
    modes = frozenset({Mode.BUS, Mode.BIKE, Mode.WALK})
    priced = SearchRequest(origin, STRANDBAHNHOF, modes=modes, **times)
    bikes = (*paid(900), *paid(2000, "pedelec-2026"))
    free = replace(priced, passes=frozenset({"deutschlandticket"}), paid=bikes)
    mine = asked(replace(priced, ceilings=leaving(0)))
    assert points(mine) == points(asked(free))
    assert 10 < len(mine) < len(asked(priced))


def asked(request: SearchRequest) -> tuple[FrontJourney, ...]:
    search = DoorToDoor(luebeck_planner(), request, NOW)
    search.measure_doors()
    found = search.all_ways.ask(int(search.at.timestamp()), HORIZON_SECONDS)
    return tuple(one.found.journey for one in found)


@pytest.mark.parametrize("cents", [0, 80, 250, 800])
@pytest.mark.parametrize("backwards", [False, True])
def test_what_ways_are_chosen_by_is_what_they_cost_in_the_end(
    cents: int, *, backwards: bool
) -> None:
    times = {"depart_at": None, "arrive_by": berlin("08:45")} if backwards else {}
    request = replace(TRIP, ceilings=leaving(cents), **times)  # type: ignore[arg-type]
    asked = DoorToDoor(luebeck_planner(), request, NOW)
    asked.measure_doors()
    found = asked.all_ways.ask(int(asked.at.timestamp()), HORIZON_SECONDS)
    ways = [asked.composer.front(*one.found, asked.doors.rides) for one in found]
    assert [one.cents for one in found] == [cents_of(way) for way in ways]
    assert [cents_of(way) for way in ways] == [min(way.price.minor, cents) for way in ways]


@pytest.mark.parametrize("clock", ["23:25", "23:28"])
def test_so_it_is_where_midnight_divides_what_is_found(clock: str) -> None:
    """Some begin on the day of which nothing is left, some perhaps after it."""
    search = DoorToDoor(
        luebeck_planner(), replace(TRIP, depart_at=berlin(clock), ceilings=leaving(0)), NOW
    )
    search.measure_doors()
    found = search.all_ways.ask(int(search.at.timestamp()), HORIZON_SECONDS)
    ways = [search.composer.front(*one.found, search.doors.rides) for one in found]
    assert [one.cents for one in found] == [cents_of(way) for way in ways]
    assert {way.after_ceiling is None for way in ways if way.price} == {True, False}


def test_a_way_that_nobody_sells_whole_has_no_such_price() -> None:
    way = first(search(), Mode.BUS, Mode.BIKE)
    ride = next(n for n, leg in enumerate(way.legs) if leg.ride)
    unsold = way.legs[ride]._replace(quote=None, unsold="Niemand verkauft diese Fahrt.")
    way = replace(way, legs=(*way.legs[:ride], unsold, *way.legs[ride + 1 :]))
    assert counted(way, leaving(0)) == way


def ends(result: SearchResult, *kind: Mode) -> tuple[Money, Money | None]:
    way = first(result, *kind)
    return way.price, way.after_ceiling


def test_a_journey_says_its_price_and_what_of_it_is_left() -> None:
    found = search(ceilings=leaving(250))
    assert ends(found, Mode.CAR) == (Money(547), Money(250))
    assert ends(found, Mode.BUS) == (Money(360), Money(250))
    assert ends(found, Mode.BIKE) == (Money(100), None)
    assert ends(search(ceilings=leaving(0)), Mode.BIKE) == (Money(100), Money(0))
    assert ends(search(ceilings=leaving(100)), Mode.BIKE) == (Money(100), None)


@pytest.mark.parametrize(
    ("departs", "mode", "said"),
    [
        ("22:30", Mode.BIKE, Money(0)),
        ("23:25", Mode.BIKE, Money(0)),
        ("23:35", Mode.BIKE, None),
        ("23:35", Mode.CAR, None),
    ],
)
def test_a_ride_that_may_begin_after_midnight_says_nothing(
    departs: str, mode: Mode, said: Money | None
) -> None:
    found = search(ceilings=leaving(0), depart_at=berlin(departs))
    assert first(found, mode).after_ceiling == said


def test_past_midnight_the_next_days_money_is_what_is_left() -> None:
    tomorrow = TODAY + timedelta(days=1)
    (today,) = leaving(0)
    both = replace(today, costs={TODAY: Money(800), tomorrow: Money(780)})
    for departs, left in (("23:10", 0), ("00:20", 20)):
        day = TODAY if left == 0 else tomorrow
        found = search(
            ceilings=(both,), depart_at=berlin(departs, day), modes=frozenset({Mode.CAR})
        )
        assert first(found, Mode.CAR).after_ceiling == Money(left)


def test_a_day_before_the_ceiling_holds_is_left_alone() -> None:
    later = replace(BERLIN, valid_from=TODAY + timedelta(days=1))
    assert search(ceilings=leaving(0, ceiling=later)) == search()


def test_past_a_place_the_whole_way_is_counted_once() -> None:
    """Two rides of 1.00 with 1.50 left: each alone would be below it."""
    request = replace(TRIP, via=(Via(WAHMSTRASSE, timedelta(minutes=20)),), ceilings=leaving(150))
    way = first(luebeck_planner().search(request, NOW), Mode.BIKE)
    assert (way.price, way.after_ceiling) == (Money(200), Money(150))
