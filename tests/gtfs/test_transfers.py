"""Footpaths: what the feed names, what is generated, what is closed, what is forbidden."""

from math import ceil

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gtfs.feed import FeedStop, FeedTransfer, TransferKind
from gtfs.geo import LatLon, distance_m
from gtfs.transfers import NEVER_S, WalkRules, footpaths, names_every_footpath, near_pairs
from gtfs.walk_closure import closed_walks

METRE = 1 / 111_200  # a little short, so that rounding up gives round numbers


def stop(name: str, north_m: float, east_m: float = 0, parent: str | None = None) -> FeedStop:
    return FeedStop(name, name, LatLon(north_m * METRE, east_m * METRE), parent_id=parent)


def named(start: str, end: str, seconds: int | None) -> FeedTransfer:
    return FeedTransfer(start, end, TransferKind.MIN_TIME, seconds)


def walks(stops: list[FeedStop], transfers: list[FeedTransfer], rules: WalkRules) -> dict[str, int]:
    found, _ = footpaths(stops, transfers, rules)
    return {stops[a].id + stops[b].id: seconds for (a, b), seconds in found.by_pair().items()}


STRAIGHT = WalkRules(speed_mps=1.0, detour=1.0, max_m=250)


def test_neighbours_are_joined_by_a_straight_line_times_detour():
    stops = [stop("A", 0), stop("B", 100), stop("C", 1000)]
    assert walks(stops, [], STRAIGHT) == {"AB": 100, "BA": 100}
    winding = WalkRules(speed_mps=1.0, detour=1.5, max_m=250)
    assert walks(stops, [], winding) == {"AB": 150, "BA": 150}


def test_the_limit_is_of_the_way_walked():
    stops = [stop("A", 0), stop("B", 200)]
    assert walks(stops, [], WalkRules(1.0, 1.3, 250)) == {}


def test_a_named_footpath_keeps_its_time_and_its_direction():
    stops = [stop("A", 0), stop("B", 100)]
    assert walks(stops, [named("A", "B", 500)], STRAIGHT) == {"AB": 500, "BA": 100}


def test_a_named_footpath_without_a_time_is_walked():
    stops = [stop("A", 0), stop("B", 300)]
    assert walks(stops, [named("A", "B", None)], STRAIGHT) == {"AB": 300}


def test_a_forbidden_change_is_no_footpath():
    stops = [stop("A", 0), stop("B", 100)]
    forbidden = FeedTransfer("A", "B", TransferKind.IMPOSSIBLE, None)
    assert walks(stops, [forbidden], STRAIGHT) == {"BA": 100}


def test_of_a_stop_and_its_station_the_stop_says_what_is_forbidden_whatever_the_order():
    stops = [stop("A", 0, parent="S"), stop("B", 100, parent="S"), stop("C", 200, parent="S")]
    never = FeedTransfer("S", "S", TransferKind.IMPOSSIBLE, None)
    for told in ([named("A", "B", 60), never], [never, named("A", "B", 60)]):
        assert walks(stops, told, STRAIGHT) == {"AB": 60}
    but_one = FeedTransfer("A", "B", TransferKind.IMPOSSIBLE, None)
    for told in ([named("S", "S", 60), but_one], [but_one, named("S", "S", 60)]):
        assert "AB" not in walks(stops, told, STRAIGHT)


def test_neighbours_on_both_sides_of_the_date_line_are_joined():
    west, east = LatLon(-17, 179.9995), LatLon(-17, -179.9995)
    stops = [FeedStop("A", "A", west), FeedStop("B", "B", east), FeedStop("C", "C", LatLon(-17, 0))]
    seconds = ceil(distance_m(west, east))
    assert walks(stops, [], STRAIGHT) == {"AB": seconds, "BA": seconds}


def test_water_is_walked_around_where_a_third_stop_allows_it():
    stops = [stop("A", 0), stop("B", 100), stop("C", 50, 60)]
    west, east = stops[0].position, stops[1].position

    def walk(a: LatLon, b: LatLon) -> int | None:
        return None if {a, b} == {west, east} else ceil(distance_m(a, b))

    around = walks(stops, [], WalkRules(1.0, 1.0, 250, walk=walk))
    assert around["AB"] == around["AC"] + around["CB"]
    nowhere = WalkRules(1.0, 1.0, 110, walk=walk)
    assert "AB" not in walks(stops, [], nowhere)


def test_named_footpaths_are_closed_within_the_longest():
    stops = [stop("A", 0), stop("B", 5000), stop("C", 10_000)]
    rules = WalkRules(max_m=0)
    both = [named("A", "B", 60), named("B", "C", 90)]
    assert walks(stops, both, rules) == {"AB": 60, "BC": 90}
    assert walks(stops, [*both, named("C", "A", 150)], rules)["AC"] == 150


def test_a_transfer_of_a_day_joins_no_whole_city():
    stops = [stop(name, 200 * i) for i, name in enumerate("ABCDEFGHIJKLMNOP")]
    found = walks(stops, [named("A", "B", 86_400)], STRAIGHT)
    assert found.pop("AB") == 86_400
    assert max(found.values()) == 1_800


def test_the_platforms_of_a_station_are_joined_however_far():
    stops = [stop("A", 0, parent="S"), stop("B", 400, parent="S")]
    assert walks(stops, [], WalkRules(1.0, 1.0, 100)) == {"AB": 400, "BA": 400}


def test_a_rule_for_a_station_holds_for_its_platforms():
    stops = [stop("A", 0, parent="S"), stop("B", 5, parent="S")]
    found, change = footpaths(stops, [named("S", "S", 120)], STRAIGHT)
    assert found.by_pair() == {(0, 1): 120, (1, 0): 120}
    assert change.tolist() == [120, 120]


def test_change_times():
    stops = [stop("A", 0), stop("B", 1000), stop("C", 2000)]
    rules = [named("A", "A", 90), FeedTransfer("B", "B", TransferKind.IMPOSSIBLE, None)]
    assert footpaths(stops, rules, WalkRules(change_s=30))[1].tolist() == [90, NEVER_S, 30]


def test_a_timed_change_at_one_stop_takes_no_time():
    timed = FeedTransfer("A", "A", TransferKind.TIMED, None)
    assert footpaths([stop("A", 0)], [timed], WalkRules(change_s=30))[1].tolist() == [0]


def test_a_rule_for_a_stop_comes_before_one_for_its_station_in_whatever_order():
    stops = [stop("A", 0, parent="S"), stop("B", 5, parent="S")]
    told = [named("A", "B", 30), named("A", "S", 60), named("S", "S", 120)]
    for transfers in (told, told[::-1]):
        found, change = footpaths(stops, transfers, STRAIGHT)
        assert (found.by_pair(), change.tolist()) == ({(0, 1): 30, (1, 0): 120}, [60, 120])


def test_a_feed_that_joins_all_neighbours_names_every_footpath():
    stops = [stop("A", 0), stop("B", 90), stop("C", 1000)]
    assert names_every_footpath(stops, [named("A", "B", 75), named("B", "A", 75)])
    assert not names_every_footpath(stops, [named("A", "C", 75)])
    assert not names_every_footpath(stops, [])


def test_positions_are_near_far_from_the_equator_too():
    stops = [
        FeedStop("A", "A", LatLon(69.65, 18.95)),
        FeedStop("B", "B", LatLon(69.65, 18.955)),
    ]
    metres = distance_m(stops[0].position, stops[1].position)
    assert 190 < metres < 200
    assert set(walks(stops, [], STRAIGHT)) == {"AB", "BA"}


@given(
    st.integers(2, 7),
    st.dictionaries(st.tuples(st.integers(0, 6), st.integers(0, 6)), st.integers(0, 200)),
    st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6))),
    st.integers(0, 300),
)
def test_closing_is_all_shortest_paths_within_the_bound(
    n: int,
    drawn: dict[tuple[int, int], int],
    never: set[tuple[int, int]],
    bound: int,
):
    given_walks = {(a, b): s for (a, b), s in drawn.items() if a != b and max(a, b) < n}
    given_walks = {pair: s for pair, s in given_walks.items() if pair not in never}
    best = {pair: s for pair, s in given_walks.items() if s <= bound}
    for via in range(n):
        for a in range(n):
            for b in range(n):
                there, on = best.get((a, via)), best.get((via, b))
                if a != b and there is not None and on is not None and there + on <= bound:
                    best[a, b] = min(best.get((a, b), bound), there + on)
    expected = {pair: s for pair, s in best.items() if pair not in never} | given_walks
    keys = sorted((a * n + b, s) for (a, b), s in given_walks.items())
    banned = np.array([a * n + b for a, b in never if max(a, b) < n], np.int64)
    table = np.array(keys, np.int64).reshape(-1, 2)
    found, seconds = closed_walks(n, table[:, 0], table[:, 1], banned, bound)
    pairs = [(key // n, key % n) for key in found.tolist()]
    assert dict(zip(pairs, seconds.tolist(), strict=True)) == expected
    assert found.tolist() == sorted(found.tolist())


@given(
    st.lists(st.tuples(st.floats(-0.004, 0.004), st.floats(-0.004, 0.004)), max_size=15),
    st.floats(1, 600),
)
def test_near_pairs_are_all_pairs_within_the_limit(
    places: list[tuple[float, float]], limit_m: float
):
    stops = [FeedStop(str(i), "", LatLon(60 + lat, lon)) for i, (lat, lon) in enumerate(places)]
    expected = {
        (a, b)
        for b in range(len(stops))
        for a in range(b)
        if distance_m(stops[a].position, stops[b].position) <= limit_m
    }
    found = [tuple(pair) for pair in near_pairs(stops, limit_m).tolist()]
    assert len(found) == len(set(found))
    beyond = {
        (a, b)
        for a, b in set(found) ^ expected
        if abs(distance_m(stops[a].position, stops[b].position) - limit_m) > 1e-6
    }
    assert beyond == set()
