"""The four-criteria front by example: a town as text, one question, its whole front."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from gtfs.front import (
    FAR,
    LEVELS,
    DoorEdges,
    FrontJourney,
    FrontLeg,
    FrontNetwork,
    FrontQuery,
    LegKind,
    Levels,
    RentalEdges,
    search_front,
    search_front_latest,
)
from gtfs.network import View, network_of
from gtfs.service_time import DAY_S
from gtfs.text import timetable_from_text

pytestmark = pytest.mark.timeout(600)  # the first search compiles

TOWN = timetable_from_text(
    """
    days 2026-11-23..2026-11-27 Europe/Berlin
    1: A 08:00 B 08:10 C 08:30
    2: B 08:12 C 08:20
    3: A 08:00 C 08:40
    1: A 09:00 B 09:10 C 09:30
    """
)
DAY = TOWN.first_day
EIGHT = 8 * 3600
A, B, C = (TOWN.stop_index[name] for name in "ABC")
STATION_A, STATION_C = 3, 4
ALWAYS = ((-DAY_S, 3 * DAY_S),)
TARIFF = Levels((300,), np.full(3, -1, np.int32), 7_200, 200, 1, ALWAYS)


def network(
    cents: dict[str, int], levels: Levels | None = TARIFF, view: View = View.AHEAD
) -> FrontNetwork:
    """Line 3 is long: 20 km; between stops of the others lies 1 km; 100 g a km."""
    day = network_of(TOWN, DAY, view)
    lines = [TOWN.route(TOWN.trip(trip).route).short_name for trip in day.trip]
    sizes = np.diff(day.data[day.offsets[2] : day.offsets[3]]).tolist()
    pattern_of = day.data[day.offsets[18] : day.offsets[19]].tolist()
    long = {pattern_of[i] for i, line in enumerate(lines) if line == "3"}
    metres = [i * (20_000 if p in long else 1_000) for p, n in enumerate(sizes) for i in range(n)]
    return FrontNetwork.of(
        day,
        mirrored=view is View.MIRRORED,
        trip_cents=np.array([cents[line] for line in lines], np.int32),
        trip_mg_per_m=np.full(len(lines), 100, np.int32),
        metres=np.array(metres, np.int32),
        levels=levels,
    )


def bikes(*, here: bool = True, dock: bool = True) -> RentalEdges:
    """A station at A and one at C, half an hour and 100 cents apart."""

    def one(value: int) -> np.ndarray:
        return np.array([value], np.int32)

    none = np.zeros(0, np.int32)
    takes = np.zeros((1, 5), np.bool_)
    takes[0, STATION_C] = dock
    return RentalEdges.of(
        3, 2, 1,
        start=one(0), end=one(STATION_C), kind=one(0), seconds=one(1_800), cents=one(100),
        mg=one(0), to_place=(none, none, none), to_stop=(none, none, none),
        available=np.array([[here, False]]), takes=takes,
    )  # fmt: skip


def from_a_to_c(n_nodes: int = 3, seconds: int = EIGHT) -> FrontQuery:
    access, egress = np.full(n_nodes, FAR, np.int32), np.full(n_nodes, FAR, np.int32)
    access[[A, *range(STATION_A, n_nodes)]] = 0
    egress[[C, *range(STATION_A, n_nodes)]] = 0
    return FrontQuery(seconds, access, egress)


def points(found: tuple[FrontJourney, ...]) -> list[tuple[str, int, int, int]]:
    """Arrival, transfers, cents, steps of 50 g."""
    return [
        (f"{j.arrives_s // 3600:02}:{j.arrives_s // 60 % 60:02}", j.transfers, j.cents, j.co2_steps)
        for j in found
    ]


ON_LEVELS = {"1": LEVELS, "2": LEVELS, "3": 210}
NO_BIKES = RentalEdges.none(3)


def test_a_ticket_carries_the_change_and_the_slow_line_is_cheaper():
    assert points(search_front(network(ON_LEVELS), NO_BIKES, from_a_to_c())) == [
        ("08:30", 0, 300, 4),
        ("08:40", 0, 210, 40),
        ("08:20", 1, 300, 4),
    ]


def test_a_pass_makes_the_two_ride_journey_as_cheap_as_any():
    free = {"1": 0, "2": 0, "3": 210}
    assert points(search_front(network(free), NO_BIKES, from_a_to_c())) == [
        ("08:30", 0, 0, 4),
        ("08:20", 1, 0, 4),
    ]


def test_a_ticket_that_expires_on_the_way_is_bought_twice_or_as_short_hops():
    brief = replace(TARIFF, transfer_s=900)
    assert points(search_front(network(ON_LEVELS, brief), NO_BIKES, from_a_to_c())) == [
        ("08:30", 0, 300, 4),
        ("08:40", 0, 210, 40),
        ("08:20", 1, 400, 4),
    ]


def test_a_short_hop_sold_from_nine_is_worth_an_hour():
    later = replace(TARIFF, short_stops=2, short_windows=((9 * 3600, 20 * 3600),))
    found = search_front(network({**ON_LEVELS, "3": 900}, later), NO_BIKES, from_a_to_c())
    assert points(found) == [("08:30", 0, 300, 4), ("09:30", 0, 200, 4), ("08:20", 1, 300, 4)]
    assert found[1].departs_s == 9 * 3600


@pytest.mark.parametrize(
    ("cents", "to_b", "to_c"), [((300, 440), 300, 440), ((440, 300), 300, 300)]
)
def test_a_ticket_is_of_the_cheapest_area_that_holds_all_its_stops(
    cents: tuple[int, int], to_b: int, to_c: int
):
    zones = np.zeros(3, np.int32)
    zones[[A, B]], zones[C] = 0b11, 0b10
    towns = replace(TARIFF, area_cents=cents, stop_areas=zones, short_stops=0)
    found = search_front(network(ON_LEVELS, towns), NO_BIKES, from_a_to_c())
    assert points(found)[-1] == ("08:20", 1, to_c, 4)
    at_b = np.array([FAR, 0, FAR], np.int32)
    ends = search_front(network(ON_LEVELS, towns), NO_BIKES, replace(from_a_to_c(), egress=at_b))
    assert points(ends) == [("08:10", 0, to_b, 2)]


def test_a_bike_emits_nothing_and_leaves_the_faster_bus_on_the_front():
    found = search_front(network(ON_LEVELS), bikes(), from_a_to_c(5))
    assert points(found) == [("08:30", 0, 100, 0), ("08:20", 1, 300, 4)]
    assert found[0].legs[1] == FrontLeg(
        LegKind.RENTAL, STATION_A, STATION_C, EIGHT, EIGHT + 1_800, 0, -1, -1
    )


@pytest.mark.parametrize("without", [bikes(here=False), bikes(dock=False)])
def test_an_empty_station_offers_no_bike_nor_does_a_full_one_take_it(without: RentalEdges):
    assert points(search_front(network(ON_LEVELS), without, from_a_to_c(5))) == [
        ("08:30", 0, 300, 4),
        ("08:40", 0, 210, 40),
        ("08:20", 1, 300, 4),
    ]


def test_an_availability_is_only_a_mask():
    empty = bikes().with_masks(np.array([[False, False]]), np.ones((1, 5), np.bool_))
    assert not empty.available.any()
    again = empty.with_masks(np.array([[True, False]]), np.ones((1, 5), np.bool_))
    assert again.data is empty.data
    assert points(search_front(network(ON_LEVELS), again, from_a_to_c(5)))[0][2] == 100


def test_a_walk_beats_what_is_slower_and_dearer():
    walk = replace(from_a_to_c(), direct_s=1_500)
    assert points(search_front(network(ON_LEVELS), NO_BIKES, walk)) == [
        ("08:25", -1, 0, 0),
        ("08:20", 1, 300, 4),
    ]


def test_arriving_by_leaves_as_late_as_each_price_allows():
    found = search_front_latest(
        network(ON_LEVELS, view=View.MIRRORED),
        network(ON_LEVELS, view=View.AROUND),
        NO_BIKES,
        from_a_to_c(seconds=9 * 3600 + 1_800),
    )
    assert [(j.departs_s // 60, *p) for j, p in zip(found, points(found), strict=True)] == [
        (540, "09:30", 0, 300, 4),
        (480, "08:40", 0, 210, 40),
    ]


def test_what_arrives_after_the_horizon_is_no_answer():
    short = replace(from_a_to_c(), horizon_s=25 * 60)
    assert points(search_front(network(ON_LEVELS), NO_BIKES, short)) == [("08:20", 1, 300, 4)]


def test_a_chain_of_more_rides_than_there_are_bounds_for_is_ridden_to_its_end():
    chain = timetable_from_text(
        """
        days 2026-11-23..2026-11-27 Europe/Berlin
        1: A 08:00 B 08:05
        2: B 08:06 C 08:10
        3: C 08:11 D 08:15
        4: D 08:16 E 08:20
        5: E 08:21 F 08:25
        6: F 08:26 G 08:30
        7: G 08:31 H 08:35
        """
    )
    day = network_of(chain, DAY, View.AHEAD)
    rides = FrontNetwork.of(
        day,
        mirrored=False,
        trip_cents=np.zeros(len(day.trip), np.int32),
        trip_mg_per_m=np.zeros(len(day.trip), np.int32),
        metres=np.zeros(14, np.int32),
        levels=None,
    )
    access, egress = np.full(8, FAR, np.int32), np.full(8, FAR, np.int32)
    access[chain.stop_index["A"]] = egress[chain.stop_index["H"]] = 0
    asked = FrontQuery(EIGHT, access, egress, max_rides=9)
    assert points(search_front(rides, RentalEdges.none(8), asked)) == [("08:35", 6, 0, 0)]


def test_a_ride_longer_than_bounds_can_say_is_ridden_to_its_end():
    """Nineteen hours; the seconds of a bound end after eighteen."""
    slow = timetable_from_text(
        """
        days 2026-11-23..2026-11-27 Europe/Berlin
        1: A 08:00 B 27:00
        2: B 27:05 C 27:30
        """
    )
    day = network_of(slow, DAY, View.AHEAD)
    free = np.zeros(len(day.trip), np.int32)
    rides = FrontNetwork.of(
        day, mirrored=False, trip_cents=free, trip_mg_per_m=free,
        metres=np.zeros(len(day.section("stops")), np.int32), levels=None,
    )  # fmt: skip
    asked = replace(from_a_to_c(), horizon_s=DAY_S)
    assert points(search_front(rides, NO_BIKES, asked)) == [("27:30", 1, 0, 0)]


def test_a_trip_of_the_level_tariff_needs_the_tariff():
    with pytest.raises(ValueError, match="no level tariff"):
        network(ON_LEVELS, None)


def test_a_bus_that_waits_long_is_caught_in_time():
    """Line 9 waits 20 minutes at B. Who comes by line 8 and boards there does not wait them.

    A bound that counts the wait for all who go on from B would give this journey up.
    """
    town = timetable_from_text(
        """
        days 2026-11-23..2026-11-27 Europe/Berlin
        9: A 08:00 B 08:10/08:30 C 08:41
        8: E 08:05 B 08:25
        """
    )
    day = network_of(town, DAY, View.AHEAD)
    free = np.zeros(len(day.trip), np.int32)
    plain = FrontNetwork.of(
        day, mirrored=False, trip_cents=free, trip_mg_per_m=free,
        metres=np.zeros(len(day.section("stops")), np.int32), levels=None,
    )  # fmt: skip
    access, egress = np.full(4, FAR, np.int32), np.full(4, FAR, np.int32)
    access[town.stop_index["E"]] = 0
    egress[town.stop_index["C"]] = 60
    just = FrontQuery(EIGHT, access, egress, horizon_s=42 * 60)
    assert points(search_front(plain, RentalEdges.none(4), just)) == [("08:42", 1, 0, 0)]
    assert search_front(plain, RentalEdges.none(4), replace(just, horizon_s=42 * 60 - 1)) == ()


def test_threads_that_share_a_network_answer_alike():
    shared = network(ON_LEVELS)
    questions = [from_a_to_c(5, EIGHT + 300 * (i % 12)) for i in range(200)]
    alone = [points(search_front(shared, bikes(), asked)) for asked in questions]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda asked: search_front(shared, bikes(), asked), questions))
    assert [points(one) for one in found] == alone


def test_a_second_rental_is_ridden_only_where_more_than_one_is_allowed():
    """Bike A to B's station, bus B to C, and from C's station a bike to the door."""
    edges = RentalEdges.of(
        3, 2, 1,
        start=np.array([0], np.int32), end=np.array([B], np.int32), kind=np.zeros(1, np.int32),
        seconds=np.array([600], np.int32), cents=np.array([100], np.int32),
        mg=np.zeros(1, np.int32),
        to_place=(np.array([C], np.int32), np.array([1], np.int32), np.array([0], np.int32)),
        to_stop=(np.zeros(0, np.int32),) * 3,
        available=np.ones((1, 2), np.bool_), takes=np.ones((1, 5), np.bool_),
    )  # fmt: skip
    access, egress = np.full(5, FAR, np.int32), np.full(5, FAR, np.int32)
    access[STATION_A] = 0
    one = np.array([1], np.int32)
    door = DoorEdges.of(3, place=one, kind=one * 0, seconds=one * 300, cents=one * 100, mg=one * 0)
    asked = FrontQuery(EIGHT, access, egress, door_edges=door)
    assert search_front(network(ON_LEVELS), edges, asked) == ()
    twice = replace(asked, rents_once=False)
    assert points(search_front(network(ON_LEVELS), edges, twice)) == [("08:25", 2, 400, 2)]
