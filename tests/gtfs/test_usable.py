"""What a search may not use is as if it were not there."""

from dataclasses import replace
from datetime import date
from math import pi
from random import Random

import numpy as np
import pytest

from gtfs.build import build
from gtfs.geo import EARTH_RADIUS_M
from gtfs.journey import between, profile, search, search_latest
from gtfs.lanes import classes_of
from gtfs.network import EVERYTHING, SECTIONS, Usable, View, network_of, prepare
from gtfs.text import text_of, timetable_from_text
from gtfs.timetable import Timetable
from tests.gtfs.networks import DAYS, random_feed, random_query

WEDNESDAY = date(2026, 11, 25)

TOWN = """
    1: A 08:00 B 08:10
    2: A 08:05 B 08:20
    3: B 08:25 C 08:30
"""


def found(timetable: Timetable, usable: Usable, end: str = "B") -> list[str]:
    query = between(timetable, "A", end, WEDNESDAY, 27_000)._replace(usable=usable)
    return [text_of(timetable, journey) for journey in search(timetable, query)]


def with_wheelchair(timetable: Timetable, trips: dict[int, int], stops: dict[str, int]):
    for trip, value in trips.items():
        timetable.trips.wheelchair[trip] = value
    for stop, value in stops.items():
        timetable.stop_table.wheelchair[timetable.stop_index[stop]] = value
    return timetable


def test_a_route_left_out_does_not_run():
    town = timetable_from_text(TOWN)
    routes = {town.routes.short_name[i]: i for i in range(len(town.routes.id))}
    without = Usable(without_routes=frozenset({routes["1"]}))
    assert found(town, without) == ["08:05 | 2 A 08:05 B 08:20 | 08:20"]
    assert found(town, EVERYTHING) == ["08:00 | 1 A 08:00 B 08:10 | 08:10"]


def test_with_a_wheelchair_only_what_is_known_to_be_impossible_is_left_out():
    town = with_wheelchair(timetable_from_text(TOWN), {0: 2, 1: 0}, {"A": 1, "B": 0})
    assert found(town, Usable(wheelchair=True)) == ["08:05 | 2 A 08:05 B 08:20 | 08:20"]


def test_with_a_wheelchair_nobody_changes_where_it_is_impossible():
    town = with_wheelchair(timetable_from_text(TOWN), {}, {"B": 2})
    assert found(town, Usable(wheelchair=True), "C") == []
    assert len(found(town, EVERYTHING, "C")) == 1


@pytest.mark.parametrize(("most_m", "is_taken"), [(None, True), (100.1, True), (99.9, False)])
def test_nobody_walks_further_from_stop_to_stop_than_asked(most_m: float | None, is_taken: bool):
    town = timetable_from_text("""
        1: A 08:00 B 08:10
        2: C 08:15 D 08:20
        3: A 08:30 D 09:10
        walk B C 180
    """)
    for stop, metres in {"A": 0, "B": 5_000, "C": 5_100, "D": 9_000}.items():
        town.stop_table.lat[town.stop_index[stop]] = 53 + metres / (EARTH_RADIUS_M * pi / 180)
        town.stop_table.lon[town.stop_index[stop]] = 10
    usable = Usable(max_footpath_m=most_m)
    walks = ["08:00 | 1 A 08:00 B 08:10 | walk B 08:10 C 08:13 | 2 C 08:15 D 08:20 | 08:20"]
    taken = walks if is_taken else []
    assert found(town, usable, "D") == ["08:30 | 3 A 08:30 D 09:10 | 09:10", *taken]
    by_half_past_eight = between(town, "A", "D", WEDNESDAY, 30_600)._replace(usable=usable)
    latest = [text_of(town, each) for each in search_latest(town, by_half_past_eight)]
    assert [each for each in latest if "walk" in each] == taken


def test_with_footpaths_left_out_all_is_as_if_they_were_not_there():
    """Also where the others are not closed any more; the stops stand 157 km apart."""
    most = Usable(max_footpath_m=200_000.0)
    n_fewer = 0
    for seed in range(300):
        random, day = Random(seed), DAYS[seed % len(DAYS)]
        whole = build(random_feed(random, day), max_footpath_m=0)
        paths = whole.footpaths
        start = np.repeat(np.arange(len(paths.from0) - 1), np.diff(paths.from0))
        near = abs(start - paths.to) <= 1
        n_fewer += not near.all()
        sizes = np.bincount(start[near], minlength=len(paths.from0) - 1)
        from0 = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
        kept = replace(paths, from0=from0, to=paths.to[near], seconds=paths.seconds[near])
        less = replace(whole, footpaths=kept)
        for _ in range(4):
            query = random_query(random, whole, day)
            bounded = query._replace(usable=most)
            for ask in (search, search_latest):
                assert ask(whole, bounded) == ask(less, query), seed
    assert n_fewer > 50


def test_the_same_holds_for_arriving_by_and_for_a_window():
    town = with_wheelchair(timetable_from_text(TOWN), {0: 2}, {})
    query = between(town, "A", "B", WEDNESDAY, 27_000)._replace(usable=Usable(wheelchair=True))
    expected = ["08:05 | 2 A 08:05 B 08:20 | 08:20"]
    late = query._replace(seconds=32_000)
    assert [text_of(town, j) for j in search_latest(town, late)] == expected
    assert [text_of(town, j) for j in profile(town, query, 32_000)] == expected


def test_networks_are_kept_but_not_for_ever():
    town = timetable_from_text(TOWN)
    wanted = [Usable(frozenset({i})) for i in range(40)]
    first = network_of(town, WEDNESDAY, View.AHEAD, wanted[0])
    assert network_of(town, WEDNESDAY, View.AHEAD, wanted[0]) is first
    for usable in wanted:
        network_of(town, WEDNESDAY, View.AHEAD, usable)
    assert network_of(town, WEDNESDAY, View.AHEAD, wanted[0]) is not first


def test_trips_with_the_same_calls_share_lanes_in_whatever_pattern_they_stand():
    """As after realtime moved trips into patterns of their own."""
    text = "every 10 1: A 08:00..09:00 B +5 C +9"
    town = timetable_from_text(text)
    table = town.patterns
    assert len(table.stop0) == 2
    split = 3
    width = int(table.stop0[1])
    moved = replace(
        table,
        stop0=np.array([0, width, 2 * width], np.int32),
        trip0=np.array([0, split, table.trip0[1]], np.int32),
        event0=np.array([0, split * width, table.event0[1]], np.int32),
        stops=np.tile(table.stops, 2),
        boards=np.tile(table.boards, 2),
        alights=np.tile(table.alights, 2),
        pickup=np.tile(table.pickup, 2),
        drop_off=np.tile(table.drop_off, 2),
    )
    pattern = np.where(np.arange(len(town.trips.pattern)) < split, 0, 1).astype(np.int32)
    patched = replace(town, patterns=moved, trips=replace(town.trips, pattern=pattern))
    assert classes_of(patched).of_pattern.tolist() == [0, 0]
    ours, theirs = (prepare(t, WEDNESDAY, View.AHEAD) for t in (town, patched))
    for name in SECTIONS:
        assert ours.section(name).tolist() == theirs.section(name).tolist()


def test_no_trip_of_a_lane_overtakes_another():
    for seed in range(200):
        day = DAYS[seed % len(DAYS)]
        timetable = build(random_feed(Random(seed), day), max_footpath_m=0)
        for view in View:
            network = prepare(timetable, day, view)
            size, length = network.section("trips"), network.section("positions")
            event0 = network.section("event0")
            for lane in range(network.n_patterns):
                cells = slice(event0[lane], event0[lane + 1])
                arrivals = network.section("arrivals")[cells].reshape(size[lane], length[lane])
                departures = network.section("departures")[cells].reshape(length[lane], size[lane])
                assert (np.diff(arrivals, axis=0) >= 0).all()
                assert (np.diff(departures, axis=1) >= 0).all()
