"""The kernel against brute force, on thousands of small networks."""

import os
from collections.abc import Callable
from datetime import date
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtfs import trip_based_transfers
from gtfs.build import build
from gtfs.feed import Feed
from gtfs.journey import Access, profile, search, search_latest
from tests.gtfs.networks import DAYS, busy_feed, random_feed, random_query, with_in_seat, with_rules
from tests.gtfs.oracle import Oracle
from tests.gtfs.rounds import NEVER_S, front_by_rounds, one_to_all

NETWORKS = int(os.environ.get("NETWORKS", "1000"))
"""How many networks the three comparisons take together; by hand: NETWORKS=10000."""


Make = Callable[[Random, date], Feed]
"""A random network around a day."""


def with_seats(random: Random, day: date) -> Feed:
    return with_in_seat(random, random_feed(random, day))


def with_changes(random: Random, day: date) -> Feed:
    return with_rules(random, busy_feed(random, day))


def with_both(random: Random, day: date) -> Feed:
    return with_rules(random, with_seats(random, day))


def compare_forward(random: Random, make: Make = random_feed) -> int:
    day = random.choice(DAYS)
    feed = make(random, day)
    timetable = build(feed, max_footpath_m=0)
    oracle = Oracle(feed, timetable, day, (-1, 0, 1))
    n_found = 0
    for _ in range(3):
        query = random_query(random, timetable, day)
        journeys = search(timetable, query)
        front = [(j.arrives_s, j.transfers) for j in journeys]
        assert front == oracle.front(query) == front_by_rounds(timetable, query)
        for journey in journeys:
            oracle.check(query, journey)
            assert journey.departs_s >= query.seconds
        n_found += len(journeys)
    return n_found


def compare_latest(random: Random, make: Make = random_feed) -> int:
    day = random.choice(DAYS)
    feed = make(random, day)
    timetable = build(feed, max_footpath_m=0)
    oracle = Oracle(feed, timetable, day, (-2, -1, 0, 1))
    query = random_query(random, timetable, day, latest=True)
    journeys = search_latest(timetable, query)
    assert [(j.departs_s, j.transfers) for j in journeys] == oracle.latest(query)
    for journey in journeys:
        oracle.check(query, journey)
        again = query._replace(seconds=journey.departs_s, max_transfers=max(journey.transfers, 0))
        earliest = [a for a, t in oracle.front(again) if t <= journey.transfers]
        assert journey.arrives_s == min(earliest) <= query.seconds
    return len(journeys)


def compare_profile(random: Random, make: Make = random_feed) -> int:
    day = random.choice(DAYS)
    feed = make(random, day)
    timetable = build(feed, max_footpath_m=0)
    oracle = Oracle(feed, timetable, day, (-1, 0, 1))
    query = random_query(random, timetable, day)
    until_s = query.seconds + random.choice([0, 3600, 20_000, 90_000, 90_000])
    journeys = [j for j in profile(timetable, query, until_s) if j.transfers >= 0]
    found = [(j.departs_s, j.arrives_s, j.transfers) for j in journeys]
    assert sorted(found) == oracle.profile(query, until_s)
    for journey in journeys:
        oracle.check(query, journey)
    return len(journeys)


@pytest.mark.parametrize(
    ("compare", "share", "first"),
    [
        pytest.param(compare_forward, 0.3, 0, id="departing after"),
        pytest.param(compare_forward, 0.3, 500_000, id="departing after, too"),
        pytest.param(compare_latest, 0.2, 1_000_000, id="arriving by"),
        pytest.param(compare_profile, 0.2, 2_000_000, id="leaving within"),
    ],
)
def test_every_answer_is_that_of_brute_force_on_random_networks(
    compare: Callable[[Random], int], share: float, first: int
):
    found = 0
    for seed in range(first, first + int(NETWORKS * share)):
        try:
            found += compare(Random(seed))
        except AssertionError as error:
            raise AssertionError(f"{compare.__name__}(Random({seed}))") from error
    assert found > NETWORKS * share / 8


@pytest.mark.parametrize(
    ("compare", "share", "first"),
    [
        pytest.param(compare_forward, 0.2, 5_000_000, id="departing after"),
        pytest.param(compare_latest, 0.1, 6_000_000, id="arriving by"),
        pytest.param(compare_profile, 0.1, 7_000_000, id="leaving within"),
    ],
)
def test_staying_in_the_vehicle_is_no_change_for_brute_force_either(
    compare: Callable[[Random, Make], int], share: float, first: int
):
    found = 0
    for seed in range(first, first + int(NETWORKS * share)):
        try:
            found += compare(Random(seed), with_seats)
        except AssertionError as error:
            raise AssertionError(f"{compare.__name__}(Random({seed}), with_in_seat)") from error
    assert found > NETWORKS * share / 8


@pytest.mark.parametrize("make", [with_changes, with_both])
@pytest.mark.parametrize(
    ("compare", "share", "first"),
    [
        pytest.param(compare_forward, 0.2, 8_000_000, id="departing after"),
        pytest.param(compare_latest, 0.1, 9_000_000, id="arriving by"),
        pytest.param(compare_profile, 0.1, 10_000_000, id="leaving within"),
    ],
)
def test_changes_of_some_lines_and_trips_are_those_of_brute_force(
    compare: Callable[[Random, Make], int], share: float, first: int, make: Make
):
    found = 0
    for seed in range(first, first + int(NETWORKS * share)):
        try:
            found += compare(Random(seed), make)
        except AssertionError as error:
            raise AssertionError(f"{compare.__name__}(Random({seed}), {make.__name__})") from error
    assert found > NETWORKS * share / 8


def test_one_to_all_is_the_first_arrival_of_a_search_to_each():
    for seed in range(60):
        random = Random(3_000_000 + seed)
        day = random.choice(DAYS)
        feed = random_feed(random, day)
        timetable = build(with_changes(random, day) if seed % 2 else feed, max_footpath_m=0)
        query = random_query(random, timetable, day)
        query = query._replace(max_transfers=15, goes_by=None)
        arrivals = one_to_all(timetable, query).tolist()
        for stop in timetable.stops:
            found = search(timetable, query._replace(targets=(Access(stop.idx, 0),)))
            assert arrivals[stop.idx] == (found[-1].arrives_s if found else NEVER_S)


@pytest.mark.parametrize("compare", [compare_forward, compare_latest, compare_profile])
def test_no_answer_needs_that_a_trip_marks_those_after_it(
    compare: Callable[[Random], int], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(trip_based_transfers, "_MARKED_S", 0)
    monkeypatch.setattr(trip_based_transfers, "_MARKED", 1)
    assert sum(compare(Random(4_000_000 + seed)) for seed in range(150)) > 0


@settings(max_examples=150)
@given(st.randoms(use_true_random=False))
def test_departing_after_is_exact(random: Random):
    compare_forward(random)
