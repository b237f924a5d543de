"""Rented rides: a bike only where one stands, a return only where a dock is free."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from gtfs.geo import LatLon
from gtfs.text import timetable_from_text
from mobility.planning.access import Access
from mobility.planning.itinerary import Accessible
from mobility.planning.rental import Fleet, RentalWay
from mobility.planning.request import SearchRequest, SearchResult
from mobility.planning.search import Planner
from mobility.planning.streets import StreetProfile, Streets
from providers.values import (
    Mode,
    ProviderId,
    ReturnRule,
    Station,
    StationId,
    Vehicle,
    VehicleId,
    VehicleRef,
    VehicleType,
)
from tests.planning.test_luebeck import TRIP
from tests.planning.world import (
    NOW,
    TODAY,
    berlin,
    fleets_of,
    luebeck,
    luebeck_planner,
    luebeck_timetable,
    mirror_of,
    planner_of,
    providers_of,
)

RAD = ProviderId("rad")
START, GOAL = LatLon(53.8600, 10.6800), LatLon(53.8600, 10.7200)
STOP = LatLon(53.8600, 10.7000)
STREETS = Streets(
    [],
    lambda _on: (),
    {
        Mode.WALK: StreetProfile(4.5, 1.3),
        Mode.BIKE: StreetProfile(14, 1.3),
        Mode.CAR: StreetProfile(24, 1.4),
    },
)
ACCESS = Access(STREETS, [STOP])


def station(name: str, position: LatLon, bikes: int, docks: int | None, **more: bool) -> Station:
    return Station(
        RAD, StationId(name), name, position, 10, bikes, docks,
        renting=more.get("renting", True), returning=more.get("returning", True), as_of=NOW,
    )  # fmt: skip


def vehicle(name: str, position: LatLon, at: str | None, **more: object) -> Vehicle:
    plain = Vehicle(
        RAD, VehicleRef(name), VehicleId(name), "rad", position, StationId(at) if at else None,
        reserved=False, disabled=False, range_m=None, as_of=NOW,
    )  # fmt: skip
    return replace(plain, **more)


def fleet(
    vehicles: Iterable[Vehicle],
    stations: Iterable[Station] = (),
    rule: ReturnRule = ReturnRule.ANY_STATION,
    mode: Mode = Mode.BIKE,
) -> Fleet:
    kind = VehicleType("rad", mode, "Rad", electric=False, return_rule=rule, pricing_plan_id="rad")
    return Fleet(RAD, {"rad": kind}, tuple(vehicles), tuple(stations))


def direct(of: Fleet, mode: Mode = Mode.BIKE) -> list[RentalWay]:
    return ACCESS.rentals_direct(of, mode, (START, GOAL), TODAY, 900)


NEAR_START, NEAR_GOAL = LatLon(53.8603, 10.6800), LatLon(53.8603, 10.7200)
HERE = station("Hier", NEAR_START, 1, 9)
THERE = station("Dort", NEAR_GOAL, 0, 10)
BIKE = vehicle("r1", NEAR_START, "Hier")


def test_walk_ride_walk() -> None:
    (way,) = direct(fleet([BIKE], [HERE, THERE]))
    assert (way.pickup, way.dropoff, way.vehicles) == (HERE, THERE, (BIKE,))
    assert way.walk_to_seconds == way.walk_from_seconds > 0
    assert way.seconds == way.walk_to_seconds + way.ride_seconds + way.walk_from_seconds


@pytest.mark.parametrize(
    "of",
    [
        fleet([], [HERE, THERE]),
        fleet([replace(BIKE, reserved=True)], [HERE, THERE]),
        fleet([replace(BIKE, disabled=True)], [HERE, THERE]),
        fleet([BIKE], [replace(HERE, renting=False), THERE]),
        fleet([BIKE], [HERE, replace(THERE, returning=False)]),
        fleet([BIKE], [HERE, replace(THERE, docks_available=0)]),
        fleet([BIKE], [HERE]),
        fleet([replace(BIKE, type_id="?")], [HERE, THERE]),
        fleet([BIKE], [HERE, THERE], ReturnRule.ROUNDTRIP_STATION),
    ],
)
def test_no_bike_or_no_dock_is_no_way(of: Fleet) -> None:
    assert direct(of) == []
    assert ACCESS.stops_by_bike(of, Mode.BIKE, START, TODAY, 900, outward=True) == {}


def test_an_unknown_number_of_docks_does_not_forbid_the_return() -> None:
    assert direct(fleet([BIKE], [HERE, replace(THERE, docks_available=None)]))


def test_a_free_floating_car_is_left_at_the_goal() -> None:
    car = vehicle("a1", NEAR_START, None)
    (way,) = direct(fleet([car], rule=ReturnRule.FREE_FLOATING, mode=Mode.CAR), Mode.CAR)
    assert (way.pickup, way.dropoff, way.walk_from_seconds) == (None, None, 0)


def test_a_car_without_the_range_stays() -> None:
    car = vehicle("a1", NEAR_START, None, range_m=1000)
    assert direct(fleet([car], rule=ReturnRule.FREE_FLOATING, mode=Mode.CAR), Mode.CAR) == []


def test_by_bike_to_the_bus_and_from_the_bus() -> None:
    at_stop = station("Halt", STOP, 1, 5)
    bikes = [BIKE, vehicle("r2", STOP, "Halt")]
    of = fleet(bikes, [HERE, at_stop, THERE])
    out = ACCESS.stops_by_bike(of, Mode.BIKE, START, TODAY, 900, outward=True)
    back = ACCESS.stops_by_bike(of, Mode.BIKE, GOAL, TODAY, 900, outward=False)
    assert (out[0].pickup, out[0].dropoff) == (HERE, at_stop)
    assert (back[0].pickup, back[0].dropoff) == (at_stop, THERE)


def search_with(planner: Planner, **changes: object) -> SearchResult:
    return planner.search(replace(TRIP, **changes), NOW)


def test_a_changed_fleet_shows_in_the_next_search() -> None:
    vehicles, stations = fleets_of(luebeck(), NOW)
    taken = [replace(v, reserved=True) for v in vehicles]
    planner = Planner(
        luebeck(),
        luebeck_timetable(),
        mirror_of(luebeck(), taken, stations, NOW),
        providers_of(luebeck()),
    )
    modes = {leg.mode for i in search_with(planner).itineraries for leg in i.legs}
    assert modes == {Mode.BUS, Mode.WALK}


def test_riders_are_spread_over_the_bikes_of_a_station() -> None:
    planner = luebeck_planner()
    request = SearchRequest(
        TRIP.origin, TRIP.destination, berlin("08:00"), modes=frozenset({Mode.BIKE})
    )
    seen = {
        leg.rental.vehicle.ref
        for offset in range(5)
        for i in planner.search(request, NOW + timedelta(milliseconds=offset)).itineraries
        for leg in i.legs
        if leg.rental
    }
    assert len(seen) == 5


def test_searches_in_many_threads_agree() -> None:
    planner = planner_of(luebeck(), luebeck_timetable())
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: planner.search(TRIP, NOW), range(12)))
    assert all(result == found[0] for result in found)


def test_what_is_known_of_stops_and_vehicles_passes_through() -> None:
    week = timetable_from_text(
        """
        days 2026-11-23..2026-11-29 Europe/Berlin
        stop A 53.8660,10.6707
        stop B 53.8377,10.7003
        1: A 08:05  B 08:20
        """
    )
    result = search_with(planner_of(luebeck(), week), wheelchair=True)
    rides = [leg for i in result.itineraries for leg in i.legs if leg.ride]
    assert {leg.accessible for leg in rides} == {Accessible.UNKNOWN}
    assert "accessibility_unknown" in {notice.code for notice in result.notices}
    assert not any(leg.mode is Mode.BIKE for i in result.itineraries for leg in i.legs)
    unsold = [leg.unsold for leg in rides]
    assert all(unsold), "nobody in Lübeck sells tickets of Text Transit"
