"""The kernel against brute force, on thousands of small networks."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtfs.build import build
from gtfs.journey import Query, search, search_latest
from tests.gtfs.networks import DAYS, random_feed, random_query
from tests.gtfs.oracle import Oracle


def compare_forward(random: Random) -> int:
    day = random.choice(DAYS)
    feed = random_feed(random, day)
    timetable = build(feed, max_footpath_m=0)
    oracle = Oracle(feed, timetable, day, (-1, 0, 1))
    n_found = 0
    for _ in range(3):
        query = random_query(random, timetable, day)
        journeys = search(timetable, query)
        assert [(j.arrives_s, j.transfers) for j in journeys] == oracle.front(query)
        for journey in journeys:
            oracle.check(query, journey)
            assert journey.departs_s >= query.seconds
        n_found += len(journeys)
    return n_found


def compare_latest(random: Random) -> int:
    day = random.choice(DAYS)
    feed = random_feed(random, day)
    timetable = build(feed, max_footpath_m=0)
    oracle = Oracle(feed, timetable, day, (-2, -1, 0, 1))
    query = random_query(random, timetable, day)
    journeys = search_latest(timetable, query)
    assert [(j.departs_s, j.transfers) for j in journeys] == oracle.latest(query)
    for journey in journeys:
        oracle.check(query, journey)
        again = Query(
            query.day,
            journey.departs_s,
            query.sources,
            query.targets,
            max(journey.transfers, 0),
            query.walk_at_ends,
        )
        earliest = [a for a, t in oracle.front(again) if t <= journey.transfers]
        assert journey.arrives_s == min(earliest) <= query.seconds
    return len(journeys)


@pytest.mark.parametrize("block", range(4))
def test_departing_after_is_exact_on_2000_networks(block: int):
    found = [compare_forward(Random(block * 500 + seed)) for seed in range(500)]
    assert sum(found) > 500


@pytest.mark.parametrize("block", range(2))
def test_arriving_by_is_exact_on_600_networks(block: int):
    found = [compare_latest(Random(10_000 + block * 300 + seed)) for seed in range(300)]
    assert sum(found) > 100


@settings(max_examples=150, deadline=None)
@given(st.randoms(use_true_random=False))
def test_departing_after_is_exact(random: Random):
    compare_forward(random)
