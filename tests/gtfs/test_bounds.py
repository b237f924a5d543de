"""What bounds a search: never more than a journey really takes, and not nothing."""

from random import Random

import numpy as np

from gtfs.build import build
from gtfs.journey import Access, Query
from gtfs.network import View, network_of
from gtfs.text import timetable_from_text
from gtfs.trip_based_bounds import find_landmarks
from tests.gtfs.networks import DAYS, random_feed
from tests.gtfs.rounds import NEVER_S, one_to_all


def bounds(rows: np.ndarray, start: int, end: int) -> int:
    there, back = rows.reshape(2, -1, rows.shape[-1])
    return max(0, *(there[:, end] - there[:, start]), *(back[:, start] - back[:, end]))


def test_a_line_is_bounded_by_its_fastest_rides():
    timetable = timetable_from_text(
        """
        1: A 08:00 B 08:10 C 08:30
        1: A 09:00 B 09:12 C 09:28
        """
    )
    day = network_of(timetable, timetable.first_day, View.AHEAD)
    rows = find_landmarks(day.data, day.offsets).reshape(-1, day.n_stops)
    a, b, c = (timetable.stop_index[name] for name in "ABC")
    assert bounds(rows, a, b) == 600
    assert bounds(rows, a, c) == 600 + 960
    assert bounds(rows, b, c) == 960


def test_no_journey_is_faster_than_its_bound():
    for seed in range(40):
        random = Random(5_000_000 + seed)
        day = random.choice(DAYS)
        timetable = build(random_feed(random, day), max_footpath_m=0)
        network = network_of(timetable, day, View.AHEAD)
        rows = find_landmarks(network.data, network.offsets).reshape(-1, network.n_stops)
        for start in range(network.n_stops):
            source = (Access(timetable.stops[start].idx, 0),)
            query = Query(day, 0, source, source, walk_at_ends=True)
            for end, arrival in enumerate(one_to_all(timetable, query).tolist()):
                assert arrival == NEVER_S or bounds(rows, start, end) <= arrival
