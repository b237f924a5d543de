"""Geofencing zones in a search: where a rented ride may begin, end and pass, and how fast.

The worlds are those of ``test_fleets``: two doors on one parallel, some way apart, and what stands
between them; ways are estimated as straight lines here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise

import pytest

from gtfs.geo import LatLon, distance_m
from mobility.planning.errors import UnknownVehicleError
from mobility.planning.fleets.kinds import LOCK_SECONDS, UNLOCK_SECONDS
from mobility.planning.fleets.vehicle_offer import plan_vehicle
from mobility.planning.fleets.zones import MOST_TIMES
from mobility.planning.itinerary import Itinerary
from mobility.planning.request import Notice
from mobility.planning.search import Planner
from providers.values import Mode, ProviderId, Station, StationId
from providers.zones import Zone, ZoneRule, Zones
from tests.planning.test_fleets import (
    BIKE,
    GOAL,
    HERE,
    NEAR_START,
    STOP,
    THERE,
    car,
    moved,
    planner_with,
    rides,
    search_between,
    text_of,
)
from tests.planning.world import NOW, TODAY, berlin
from tests.providers.zone_boxes import Box, rule, zone

AUTO, RAD = ProviderId("demo-auto"), ProviderId("demo-rad")
CAR = car("a1", NEAR_START)
HALFWAY = Station(
    RAD, StationId("Mitte"), "Mitte", STOP, 10, 0, 10, renting=True, returning=True, as_of=NOW
)
AT_START: Box = (10.639, 53.849, 10.641, 53.851)
AT_GOAL: Box = (10.679, 53.849, 10.681, 53.851)
BETWEEN: Box = (10.655, 53.80, 10.665, 53.90)
"""A strip across every way from the start to the goal, 656 m wide."""
CITY: Box = (10.5, 53.7, 11.0, 54.0)


@cache
def world() -> Planner:
    """Both fleets as they stand at first; tests change nothing but the zones."""
    return planner_with([BIKE, CAR], [HERE, HALFWAY, THERE])


def planner_in(
    provider_id: ProviderId,
    zones: Iterable[Zone],
    *global_rules: ZoneRule,
    planner: Planner | None = None,
) -> Planner:
    planner = planner or world()
    for one in (AUTO, RAD):
        say(planner, one, Zones())
    say(planner, provider_id, Zones(tuple(zones), global_rules))
    return planner


def say(planner: Planner, provider_id: ProviderId, zones: Zones) -> None:
    """The operator pushes zones."""
    mirror = planner.mirror
    mirror._put_zones(provider_id, mirror._fleets[provider_id], zones)


def by_car(planner: Planner, **changes: object) -> list[str]:
    return [text_of(way) for way in rides(planner, Mode.CAR, **changes)]


def by_bike(planner: Planner, **changes: object) -> list[str]:
    return [text_of(way) for way in rides(planner, Mode.BIKE, **changes)]


def riding_s(way: Itinerary) -> int:
    """Seconds in motion on the rented vehicle."""
    leg = next(leg for leg in way.legs if leg.rental)
    return leg.seconds - UNLOCK_SECONDS - LOCK_SECONDS


def test_a_car_is_not_left_where_a_ride_may_not_end() -> None:
    assert by_car(planner_in(AUTO, []))
    closed = planner_in(AUTO, [zone(AT_GOAL, rule("no end"))])
    assert by_car(closed) == []
    assert by_car(closed, depart_at=None, arrive_by=berlin("09:00")) == []


def test_where_undocked_rides_are_closed_bikes_go_from_station_to_station() -> None:
    """`ride_allowed` of GBFS 2 speaks of rides that begin or end outside of stations."""
    undocked = replace(rule("no start no end"), undocked_only=True)
    assert by_bike(planner_in(RAD, [zone(CITY, undocked)]))
    assert by_bike(planner_in(RAD, [zone(CITY, rule("no start no end"))])) == []
    assert by_car(planner_in(AUTO, [zone(AT_START, undocked)])) == []
    assert by_car(planner_in(AUTO, [zone(AT_GOAL, undocked)])) == []


def test_a_zone_for_another_kind_does_not_matter() -> None:
    assert by_car(planner_in(AUTO, [zone(AT_GOAL, rule("no end", "kompakt"))]))
    assert by_car(planner_in(RAD, [zone(AT_GOAL, rule("no end"))]))


def test_a_car_that_may_not_be_left_at_the_goal_is_left_at_a_stop_near_it() -> None:
    past_stop = LatLon(53.85, 10.6605)
    at_it: Box = (10.6604, 53.849, 10.6606, 53.851)
    planner = planner_in(AUTO, [zone(at_it, rule("no end"))])
    assert by_car(planner, destination=past_stop) == [
        f"walk {planner.name_near(NEAR_START)} car A walk A"
    ]


def test_a_car_is_not_taken_where_a_ride_may_not_begin() -> None:
    closed = planner_in(AUTO, [zone(AT_START, rule("no start"))])
    assert by_car(closed) == []
    with pytest.raises(UnknownVehicleError, match="cannot be rented just now"):
        plan_vehicle(closed, CAR.id, NOW)
    assert closed.mirror.vehicles_in((10.6, 53.8, 10.7, 53.9), [Mode.CAR], NOW) == ()


def test_a_car_that_is_moved_out_of_the_zone_is_taken() -> None:
    own = planner_in(AUTO, [zone(AT_START, rule("no start"))], planner=planner_with([CAR]))
    assert by_car(own) == []
    moved(own.mirror, replace(CAR, position=LatLon(53.852, 10.64)))
    assert by_car(own)


def test_zones_that_are_others_on_each_day_do_not_pile_up() -> None:
    days = [TODAY + timedelta(days=n) for n in range(MOST_TIMES + 10)]
    daily = [
        zone(AT_GOAL, rule("no end"), start=berlin("08:00", day), end=berlin("09:00", day))
        for day in days[1:]
    ]
    planner = planner_in(AUTO, daily)
    for day in (*days, TODAY):
        assert bool(by_car(planner, depart_at=berlin("07:30", day))) is (day == TODAY)
    fleets = planner.fleets
    assert len(fleets._views) == MOST_TIMES
    assert len(fleets._zones._made) <= MOST_TIMES * len(fleets._kinds)


def test_a_station_is_no_end_where_a_ride_may_not_end() -> None:
    assert by_bike(planner_in(RAD, []))
    assert by_bike(planner_in(RAD, [zone(AT_GOAL, rule("no end"))])) == []


def test_where_vehicles_are_parked_at_stations_a_station_is_an_end() -> None:
    at_stations = zone(CITY, rule("no end stations"))
    assert by_bike(planner_in(RAD, [at_stations])) == by_bike(planner_in(RAD, []))
    assert by_car(planner_in(AUTO, [zone(CITY, rule("stations"))])) == []


def test_a_bike_is_not_taken_from_a_station_where_a_ride_may_not_begin() -> None:
    assert by_bike(planner_in(RAD, [zone(AT_START, rule("no start"))])) == []


def test_of_zones_over_each_other_the_first_decides() -> None:
    closed, open_ = zone(CITY, rule("no end")), zone(AT_GOAL, rule())
    assert by_car(planner_in(AUTO, [open_, closed]))
    assert by_car(planner_in(AUTO, [closed, open_])) == []


def test_outside_of_the_operating_area_no_ride_ends() -> None:
    outside = rule("no start no end")
    assert by_car(planner_in(AUTO, [zone(CITY, rule())], outside))
    assert by_car(planner_in(AUTO, [zone(AT_START, rule())], outside)) == []


def test_a_ride_does_not_go_through_a_closed_zone() -> None:
    closed = [zone(BETWEEN, rule("no pass"))]
    assert by_bike(planner_in(RAD, closed)) == []
    assert by_car(planner_in(AUTO, closed)) == []
    beside = [zone((10.655, 53.86, 10.665, 53.90), rule("no pass"))]
    assert by_bike(planner_in(RAD, beside))
    assert by_car(planner_in(AUTO, beside))


def test_a_hole_in_a_closed_zone_is_open() -> None:
    whole = zone(BETWEEN, rule("no pass"))
    hole = zone((10.65, 53.84, 10.67, 53.86), rule())
    ringed = replace(whole, area=whole.area.difference(hole.area))
    assert by_car(planner_in(AUTO, [ringed]))


def test_a_closed_zone_may_be_left_and_entered_where_that_is_allowed() -> None:
    ends = [zone(AT_START, rule("no pass")), zone(AT_GOAL, rule("no pass"))]
    assert by_bike(planner_in(RAD, ends))
    assert by_car(planner_in(AUTO, ends))
    assert by_bike(planner_in(RAD, [zone(CITY, rule("no pass"))]))


def test_outside_of_the_operating_area_no_ride_passes() -> None:
    apart = [zone((10.6, 53.8, 10.65, 53.9), rule()), zone((10.67, 53.8, 10.7, 53.9), rule())]
    assert by_car(planner_in(AUTO, apart, rule("no pass"))) == []
    joined = [*apart, zone(BETWEEN, rule()), zone((10.6, 53.8, 10.7, 53.9), rule())]
    assert by_car(planner_in(AUTO, joined, rule("no pass")))


def longer_s(before: Itinerary, kmh: float, own_kmh: float) -> float:
    """By how much a limit between two meridians lengthens a ride, by the way that is drawn."""
    leg = next(leg for leg in before.legs if leg.rental)
    west, _, east, _ = BETWEEN
    inside = whole = 0.0
    for a, b in pairwise(leg.geometry):
        first, last = sorted((a.lon, b.lon))
        share = max(min(last, east) - max(first, west), 0) / (last - first)
        whole += distance_m(a, b)
        inside += share * distance_m(a, b)
    return inside * leg.metres / whole * 3.6 * (1 / kmh - 1 / own_kmh)


def test_a_limit_of_speed_makes_the_ride_longer_and_dearer() -> None:
    (before,) = rides(planner_in(AUTO, []), Mode.CAR)
    (after,) = rides(planner_in(AUTO, [zone(BETWEEN, rule(kmh=8))]), Mode.CAR)
    assert riding_s(after) - riding_s(before) == pytest.approx(longer_s(before, 8, 24), abs=3)
    minutes = [-(-way.legs[-1].seconds // 60) for way in (before, after)]
    assert after.price.minor - before.price.minor == 19 * (minutes[1] - minutes[0])
    assert after.legs[-1].metres == before.legs[-1].metres
    assert after.co2_grams == before.co2_grams


def test_a_limit_holds_between_stations_too() -> None:
    (before,) = rides(planner_in(RAD, []), Mode.BIKE)
    (after,) = rides(planner_in(RAD, [zone(BETWEEN, rule(kmh=7))]), Mode.BIKE)
    assert riding_s(after) - riding_s(before) == pytest.approx(longer_s(before, 7, 14), abs=3)
    (same,) = rides(planner_in(RAD, [zone(BETWEEN, rule(kmh=25))]), Mode.BIKE)
    assert riding_s(same) == riding_s(before)


def test_at_no_speed_there_is_no_way_through() -> None:
    assert by_car(planner_in(AUTO, [zone(BETWEEN, rule(kmh=0))])) == []


def test_a_zone_has_its_days() -> None:
    fair = [zone(AT_GOAL, rule("no end"), start=at(2), end=at(4))]
    days = [bool(by_car(planner_in(AUTO, fair), depart_at=at(day, 8))) for day in (0, 2, 3)]
    assert days == [True, False, False]
    planner = planner_in(AUTO, fair)
    assert by_car(planner)
    assert by_car(planner, depart_at=at(3, 8)) == []
    assert by_car(planner)


def at(days: int, hour: int = 0) -> datetime:
    """So many days after today."""
    return berlin(f"{hour:02}:00", TODAY + timedelta(days=days))


def test_what_is_open_for_a_part_of_the_day_is_not_counted_on() -> None:
    closed = zone(CITY, rule("no end"))
    by_day = zone(AT_GOAL, rule(), start=berlin("07:00"), end=berlin("19:00"))
    assert by_car(planner_in(AUTO, [by_day, closed])) == []


def test_zones_that_are_pushed_show_in_the_next_search() -> None:
    planner = planner_in(AUTO, [])
    assert by_car(planner)
    say(planner, AUTO, Zones((zone(AT_GOAL, rule("no end")),)))
    assert by_car(planner) == []
    assert by_bike(planner)
    say(planner, AUTO, Zones())
    assert by_car(planner)


def test_what_was_worked_out_of_other_zones_and_other_fleets_stays() -> None:
    planner = planner_in(RAD, [zone(BETWEEN, rule(kmh=7))], planner=planner_with([BIKE], [HERE]))
    first = planner.fleets.view(TODAY)
    say(planner, AUTO, Zones((zone(AT_GOAL, rule("no end")),)))
    second = planner.fleets.view(TODAY)
    assert second.zones[0] is first.zones[0]
    assert set(second.zones) > set(first.zones)
    assert second.geometry is first.geometry
    moved(planner.mirror, replace(BIKE, reserved=True))
    third = planner.fleets.view(TODAY)
    assert third.rentals is second.rentals
    assert third.allowed is second.allowed


def test_a_slot_that_is_empty_again_lies_in_no_zone() -> None:
    planner = planner_in(AUTO, [zone(CITY, rule("no start"))], planner=planner_with([CAR]))
    fleet = planner.mirror._fleets[AUTO]
    assert by_car(planner) == []
    planner.mirror._drop_vehicles(fleet, [CAR.ref])
    assert by_car(planner) == []
    say(planner, AUTO, Zones())
    moved(planner.mirror, CAR)
    assert by_car(planner)


def notices(planner: Planner, *modes: Mode) -> list[Notice]:
    found = search_between(planner, *modes).notices
    return [notice for notice in found if notice.code.startswith("zone_")]


def test_riders_read_why_a_ride_takes_longer() -> None:
    planner = planner_in(RAD, [zone(BETWEEN, rule(kmh=7), name="Wallanlagen")])
    assert notices(planner, Mode.BIKE) == [
        Notice(
            "zone_speed",
            "Demo-Rad Lübeck (Demo): in der Zone „Wallanlagen“ gilt höchstens Tempo 7; "
            "die gezeigte Fahrzeit rechnet damit.",
            provider_id=RAD,
        )
    ]
    assert notices(planner, Mode.CAR) == []


def test_riders_read_why_no_car_takes_them_to_the_door() -> None:
    planner = planner_in(AUTO, [zone(AT_GOAL, rule("no end"), name="Markt")])
    assert notices(planner, Mode.CAR) == [
        Notice(
            "zone_no_parking",
            "Demo-Auto Lübeck (Demo): am Ziel (in der Zone „Markt“) darf kein Fahrzeug "
            "abgestellt werden.",
            provider_id=AUTO,
        )
    ]
    assert notices(planner, Mode.BIKE) == []


def test_a_station_in_a_zone_that_is_closed_to_passing_is_reached() -> None:
    planner = planner_in(RAD, [zone(BETWEEN, rule("no pass"))])
    assert by_bike(planner, destination=STOP)
    assert by_bike(planner, destination=GOAL) == []
