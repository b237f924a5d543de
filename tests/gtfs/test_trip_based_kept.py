"""Changes taken over from the planned network are those that are found without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, date, datetime
from itertools import product
from random import Random

import numpy as np
from google.transit import gtfs_realtime_pb2 as pb
from hypothesis import given, settings
from hypothesis import strategies as st

from gtfs.build import build
from gtfs.feed import Feed
from gtfs.network import DayNetwork, View, prepare
from gtfs.realtime_patch import patched
from gtfs.realtime_read import read_message
from gtfs.realtime_values import Updates
from gtfs.trip_based_kept import find_kept
from gtfs.trip_based_transfers import Transfers
from tests.gtfs.networks import DAYS, busy_feed, random_feed, with_in_seat, with_rules
from tests.gtfs.test_realtime_rebuilt import changes_of, message_of


def full(random: Random, day: date) -> Feed:
    return with_rules(random, busy_feed(random, day))


def chained(random: Random, day: date) -> Feed:
    return with_in_seat(random, random_feed(random, day))


def added(raw: bytes, random: Random, feed: Feed, day: date) -> bytes:
    """The message with a copy of a trip at another time too."""
    message = pb.FeedMessage.FromString(raw)
    update = message.entity.add(id="added").trip_update
    update.trip.trip_id = random.choice(feed.trips).id
    update.trip.schedule_relationship = update.trip.DUPLICATED
    update.trip_properties.trip_id = "another"
    update.trip_properties.start_date = f"{day:%Y%m%d}"
    update.trip_properties.start_time = f"{random.randrange(26):02}:{random.randrange(60):02}:00"
    return message.SerializeToString()


def same(found: Transfers, expected: Transfers) -> bool:
    names = [column.name for column in fields(Transfers)]
    return all(np.array_equal(getattr(found, name), getattr(expected, name)) for name in names)


def n_kept(network: DayNetwork, planned: DayNetwork) -> int:
    found = find_kept(
        (network.data, network.offsets), (planned.data, planned.offsets), planned.throughs.first
    )
    return int((found.before >= 0).sum())


def compare(random: Random, make: Callable[[Random, date], Feed]) -> tuple[int, int]:
    """How many trips kept their changes, of how many, in several states of one timetable."""
    day = random.choice(DAYS)
    feed = make(random, day)
    static = build(feed, max_footpath_m=0)
    now = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
    planned = {view: prepare(static, day, view) for view in View}
    kept = of = 0
    for _ in range(4):
        raw = message_of(changes_of(random, feed, day), static)
        raw = added(raw, random, feed, day) if random.random() < 0.3 else raw
        live = patched(static, Updates.of([read_message(raw)]), now).timetable
        for view, walk_at_ends in product(View, (False, True)):
            alone = prepare(live, day, view)
            network = prepare(live, day, view, planned=planned[view])
            expected = alone.transfers(walk_at_ends=walk_at_ends)
            assert same(network.transfers(walk_at_ends=walk_at_ends), expected)
            kept, of = kept + n_kept(network, planned[view]), of + len(network.trip)
    return kept, of


def total(make: Callable[[Random, date], Feed], first_seed: int) -> tuple[int, int]:
    kept, of = np.sum([compare(Random(first_seed + n), make) for n in range(15)], axis=0)
    return int(kept), int(of)


def test_some_trips_keep_their_changes_and_not_all():
    for make, seed in ((random_feed, 1_000), (busy_feed, 2_000), (full, 3_000)):
        kept, of = total(make, seed)
        assert of / 10 < kept < of


@settings(max_examples=30)
@given(st.randoms(use_true_random=False))
def test_changes_that_are_taken_over_are_those_that_are_found(random: Random):
    compare(random, random.choice([random_feed, busy_feed, full, chained]))


def test_where_nothing_changed_all_changes_are_taken_over():
    random = Random(5)
    static = build(busy_feed(random, DAYS[0]), max_footpath_m=0)
    planned = prepare(static, DAYS[0], View.AHEAD)

    network = prepare(static, DAYS[0], View.AHEAD, planned=planned)

    assert n_kept(network, planned) == len(network.trip)
    assert same(network.transfers(walk_at_ends=False), planned.transfers(walk_at_ends=False))
