"""Footpaths: what the feed names, what is generated, what is closed, what is forbidden."""

from gtfs.feed import FeedStop, FeedTransfer, TransferKind
from gtfs.geo import LatLon, distance_m
from gtfs.transfers import NEVER_S, WalkRules, footpaths, names_every_footpath

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


def test_water_is_walked_around_where_a_third_stop_allows_it():
    stops = [stop("A", 0), stop("B", 100), stop("C", 50, 60)]
    west, east = stops[0].position, stops[1].position

    def blocked(a: LatLon, b: LatLon) -> bool:
        return {a, b} == {west, east}

    around = walks(stops, [], WalkRules(1.0, 1.0, 250, blocked=blocked))
    assert around["AB"] == around["AC"] + around["CB"]
    nowhere = WalkRules(1.0, 1.0, 110, blocked=blocked)
    assert "AB" not in walks(stops, [], nowhere)


def test_named_footpaths_are_closed_within_the_longest():
    stops = [stop("A", 0), stop("B", 5000), stop("C", 10_000)]
    rules = WalkRules(max_m=0)
    both = [named("A", "B", 60), named("B", "C", 90)]
    assert walks(stops, both, rules) == {"AB": 60, "BC": 90}
    assert walks(stops, [*both, named("C", "A", 150)], rules)["AC"] == 150


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
