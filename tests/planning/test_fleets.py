"""Rented rides in a search: a bike only where one stands, a return only where a dock is free.

A world is two doors four kilometres apart, a bus stop between them, and what stands there.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import cache
from itertools import pairwise

import pytest

from gtfs.geo import LatLon
from gtfs.text import timetable_from_text
from gtfs.timetable import Timetable
from mobility.planning.accessibility import Accessible
from mobility.planning.itinerary import Itinerary, Reason
from mobility.planning.request import SearchRequest, SearchResult
from mobility.planning.search import Planner
from providers.mirror import Mirror
from providers.values import (
    Mode,
    ProviderId,
    Station,
    StationId,
    Vehicle,
    VehicleId,
    VehicleRef,
)
from tests.planning.test_luebeck import TRIP
from tests.planning.world import (
    NOW,
    berlin,
    fleets_of,
    luebeck,
    luebeck_planner,
    luebeck_timetable,
    mirror_of,
    planner_of,
    providers_of,
)

START, STOP, GOAL = LatLon(53.85, 10.64), LatLon(53.85, 10.66), LatLon(53.85, 10.68)
NEAR_START, NEAR_GOAL = LatLon(53.8503, 10.64), LatLon(53.8503, 10.68)


def station(name: str, position: LatLon, bikes: int, docks: int | None) -> Station:
    return Station(
        ProviderId("demo-rad"), StationId(name), name, position, 10, bikes, docks,
        renting=True, returning=True, as_of=NOW,
    )  # fmt: skip


def bike(name: str, at: Station, **more: object) -> Vehicle:
    plain = Vehicle(
        ProviderId("demo-rad"), VehicleRef(name), VehicleId(f"demo-rad:{name}"), "rad",
        at.position, at.id, reserved=False, disabled=False, range_m=None, as_of=NOW,
    )  # fmt: skip
    return replace(plain, **more)


def car(name: str, position: LatLon, range_m: int | None = None) -> Vehicle:
    return Vehicle(
        ProviderId("demo-auto"), VehicleRef(name), VehicleId(f"demo-auto:{name}"), "kleinwagen",
        position, None, reserved=False, disabled=False, range_m=range_m, as_of=NOW,
    )  # fmt: skip


HERE = station("Hier", NEAR_START, 1, 9)
HALT = station("Halt", STOP, 0, 10)
THERE = station("Dort", NEAR_GOAL, 0, 10)
BIKE = bike("r1", HERE)


@cache
def week() -> Timetable:
    return timetable_from_text(
        """
        days 2026-11-23..2026-11-29 Europe/Berlin
        stop A 53.85,10.66
        stop B 53.85,10.68
        1: A 08:20  B 08:24
        """
    )


def planner_with(vehicles: Iterable[Vehicle], stations: Iterable[Station] = ()) -> Planner:
    mirror = mirror_of(luebeck(), list(vehicles), list(stations), NOW)
    return Planner(luebeck(), week(), mirror, providers_of(luebeck()))


def rides(planner: Planner, *modes: Mode, **changes: object) -> list[Itinerary]:
    """The ways with a rented vehicle."""
    found = search_between(planner, *modes, **changes)
    return [way for way in found.itineraries if way.has_rental]


def search_between(planner: Planner, *modes: Mode, **changes: object) -> SearchResult:
    request = SearchRequest(START, GOAL, berlin("08:00"), modes=frozenset({Mode.WALK, *modes}))
    return planner.search(replace(request, **changes), NOW)


def text_of(way: Itinerary) -> str:
    return " ".join(f"{leg.mode} {leg.destination.name}" for leg in way.legs)


def test_walk_ride_walk() -> None:
    (way,) = rides(planner_with([BIKE], [HERE, THERE]), Mode.BIKE)
    assert text_of(way) == "walk Hier bike Dort walk B"
    leg = way.legs[1]
    assert leg.rental is not None
    assert (leg.rental.vehicle, leg.rental.pickup, leg.rental.dropoff) == (BIKE, HERE, THERE)
    assert (way.price.minor, way.co2_grams, leg.provider_id) == (100, 0, "demo-rad")


@pytest.mark.parametrize(
    ("vehicles", "stations"),
    [
        ([], [HERE, THERE]),
        ([replace(BIKE, reserved=True)], [HERE, THERE]),
        ([replace(BIKE, disabled=True)], [HERE, THERE]),
        ([BIKE], [replace(HERE, renting=False), THERE]),
        ([BIKE], [replace(HERE, vehicles_available=0, as_of=NOW + timedelta(seconds=1)), THERE]),
        ([BIKE], [HERE, replace(THERE, returning=False)]),
        ([BIKE], [HERE, replace(THERE, docks_available=0)]),
        ([BIKE], [HERE]),
        ([replace(BIKE, type_id="?")], [HERE, THERE]),
    ],
)
@pytest.mark.parametrize("arrive", [False, True])
def test_no_bike_or_no_dock_is_no_way(
    vehicles: list[Vehicle], stations: list[Station], arrive: bool
) -> None:
    """OTP#2735: in arrive-by a bike was offered at an empty station."""
    times = {"depart_at": None, "arrive_by": berlin("09:00")} if arrive else {}
    assert rides(planner_with(vehicles, stations), Mode.BIKE, **times) == []


def test_a_bike_that_was_heard_of_after_its_station_said_it_is_empty_is_there() -> None:
    empty = replace(HERE, vehicles_available=0, as_of=NOW - timedelta(seconds=1))
    assert rides(planner_with([BIKE], [empty, THERE]), Mode.BIKE)


def test_an_unknown_number_of_docks_does_not_forbid_the_return() -> None:
    assert rides(planner_with([BIKE], [HERE, replace(THERE, docks_available=None)]), Mode.BIKE)


def test_a_free_floating_car_is_left_at_the_goal() -> None:
    (way,) = rides(planner_with([car("a1", NEAR_START)]), Mode.CAR)
    assert way.kind == (Mode.CAR,)
    assert way.legs[-1].destination.position == GOAL


def test_a_car_without_the_range_stays() -> None:
    assert rides(planner_with([car("a1", NEAR_START, range_m=1000)]), Mode.CAR) == []


def test_by_bike_to_the_bus() -> None:
    planner = planner_with([BIKE], [HERE, HALT])
    (way,) = rides(planner, Mode.BIKE, Mode.BUS)
    assert text_of(way) == "walk Hier bike Halt bus B"


def test_a_car_after_the_bus() -> None:
    """motis#844: car sharing was not combined with the bus."""
    far = LatLon(53.85, 10.80)
    planner = planner_with([car("a1", LatLon(53.8502, 10.68))])
    ways = rides(planner, Mode.CAR, Mode.BUS, origin=STOP, destination=far)
    assert [way.kind for way in ways] == [(Mode.BUS, Mode.CAR)]


def moved(mirror: Mirror, *vehicles: Vehicle) -> None:
    mirror._put_vehicles(mirror._fleets[vehicles[0].provider_id], vehicles)


def test_what_is_told_of_a_vehicle_shows_in_the_next_search() -> None:
    planner = planner_with([BIKE, car("a1", GOAL)], [HERE, THERE])
    assert [way.kind for way in rides(planner, Mode.BIKE, Mode.CAR)] == [(Mode.BIKE,)]
    moved(planner.mirror, replace(BIKE, reserved=True))
    assert rides(planner, Mode.BIKE, Mode.CAR) == []
    moved(planner.mirror, car("a1", NEAR_START))
    assert [way.kind for way in rides(planner, Mode.BIKE, Mode.CAR)] == [(Mode.CAR,)]
    moved(planner.mirror, BIKE)
    kinds = {way.kind for way in rides(planner, Mode.BIKE, Mode.CAR)}
    assert kinds == {(Mode.BIKE,), (Mode.CAR,)}


def test_a_station_that_runs_full_takes_nothing_more() -> None:
    planner = planner_with([BIKE], [HERE, THERE])
    assert rides(planner, Mode.BIKE)
    fleet = planner.mirror._fleets[ProviderId("demo-rad")]
    planner.mirror._put_stations(fleet, [replace(THERE, docks_available=0)])
    assert rides(planner, Mode.BIKE) == []


def test_a_station_that_closes_and_opens_again_has_its_bikes_back() -> None:
    planner = planner_with([BIKE], [HERE, THERE])
    fleet = planner.mirror._fleets[ProviderId("demo-rad")]
    assert rides(planner, Mode.BIKE)
    planner.mirror._put_stations(fleet, [replace(HERE, renting=False)])
    assert rides(planner, Mode.BIKE) == []
    planner.mirror._put_stations(fleet, [HERE])
    assert rides(planner, Mode.BIKE)
    planner.mirror._drop_stations(ProviderId("demo-rad"), fleet, [HERE.id])
    assert rides(planner, Mode.BIKE) == []
    planner.mirror._put_stations(fleet, [HERE])
    assert rides(planner, Mode.BIKE)


def test_a_bike_told_of_before_its_station_waits_for_it() -> None:
    planner = planner_with([BIKE], [THERE])
    assert rides(planner, Mode.BIKE) == []
    planner.mirror._put_stations(planner.mirror._fleets[ProviderId("demo-rad")], [HERE])
    assert rides(planner, Mode.BIKE)


def test_of_the_bikes_at_a_station_one_is_offered_that_reaches_the_goal() -> None:
    empty = bike("r2", HERE, range_m=100)
    for pick in range(3):
        planner = planner_with([replace(BIKE, range_m=20_000), empty], [HERE, THERE])
        found = planner.search(
            SearchRequest(START, GOAL, berlin("08:00"), modes=frozenset({Mode.BIKE})),
            NOW + timedelta(milliseconds=pick),
        )
        offered = [leg.rental.vehicle.ref for leg in found.itineraries[0].legs if leg.rental]
        assert offered == ["r1"]
    assert rides(planner_with([empty], [HERE, THERE]), Mode.BIKE) == []
    assert rides(planner_with([empty, bike("r3", HERE)], [HERE, THERE]), Mode.BIKE)


def test_telling_the_same_again_changes_nothing() -> None:
    planner = planner_with([BIKE], [HERE, THERE])
    before = planner.fleets.view(NOW.date())
    moved(planner.mirror, replace(BIKE, as_of=NOW + timedelta(minutes=1)))
    assert planner.fleets.view(NOW.date()) is before


def test_who_will_not_walk_far_is_not_sent_on_foot() -> None:
    planner = planner_with([])
    near = LatLon(53.85, 10.662)
    far = planner.search(SearchRequest(START, GOAL, berlin("08:00"), max_walk_m=400), NOW)
    assert all(way.kind != (Mode.WALK,) for way in far.itineraries)
    assert {notice.code for notice in far.notices} & {"no_stop_near", "no_way"}
    short = planner.search(SearchRequest(STOP, near, berlin("08:00"), max_walk_m=400), NOW)
    assert [way.kind for way in short.itineraries] == [(Mode.WALK,)]


def test_a_ride_that_nobody_sells_is_not_the_cheapest() -> None:
    planner = planner_with([car("a1", LatLon(53.8502, 10.66))])
    found = planner.search(SearchRequest(STOP, GOAL, berlin("08:15")), NOW)
    said = {way.kind: way.reasons for way in found.itineraries}
    assert Reason.CHEAPEST not in said[(Mode.BUS,)]


def test_only_what_has_changed_is_measured_again() -> None:
    planner = planner_with([BIKE, car("a1", GOAL)], [HERE, THERE])
    before = planner.fleets.view(NOW.date())
    moved(planner.mirror, replace(BIKE, reserved=True))
    masked = planner.fleets.view(NOW.date())
    assert masked.geometry is before.geometry
    assert masked.rentals is before.rentals
    moved(planner.mirror, car("a1", NEAR_START))
    after = planner.fleets.view(NOW.date())
    assert after.geometry is not before.geometry


def search_with(planner: Planner, **changes: object) -> SearchResult:
    return planner.search(replace(TRIP, **changes), NOW)


def test_without_vehicles_there_are_buses_and_walks() -> None:
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
    result = search_with(
        planner_of(luebeck(), week()), origin=STOP, destination=GOAL, wheelchair=True
    )
    legs = [leg for i in result.itineraries for leg in i.legs if leg.ride]
    assert {leg.accessible for leg in legs} == {Accessible.UNKNOWN}
    assert "accessibility_unknown" in {notice.code for notice in result.notices}
    assert not any(leg.mode is Mode.BIKE for i in result.itineraries for leg in i.legs)
    assert all(leg.unsold for leg in legs), "nobody in Lübeck sells tickets of Text Transit"


@pytest.mark.parametrize("max_walk_m", [0, 100, 300])
@pytest.mark.parametrize("backwards", [False, True])
def test_nobody_is_sent_further_to_a_vehicle_between_two_rides_either(
    max_walk_m: int, *, backwards: bool
) -> None:
    at = berlin("12:00")
    when = {"depart_at": None, "arrive_by": at} if backwards else {"depart_at": at}
    start, goal = LatLon(53.90101, 10.738945), LatLon(53.861619, 10.635832)
    asked = SearchRequest("osm-416535340", goal, max_walk_m=max_walk_m, **when)
    for request in (asked, replace(asked, origin=start), replace(asked, wheelchair=True)):
        for way in luebeck_planner().search(request, NOW).itineraries:
            for before, after in pairwise(way.legs):
                near = [leg for leg in (before, after) if leg.mode is Mode.WALK]
                if before.rental or after.rental:
                    assert all(leg.metres <= max_walk_m for leg in near), way
