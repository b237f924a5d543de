"""A live timetable answers as one does that was built anew with the same changes in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from random import Random

from google.transit import gtfs_realtime_pb2 as pb
from hypothesis import given, settings
from hypothesis import strategies as st

from gtfs.build import build
from gtfs.feed import Feed, FeedTrip
from gtfs.journey import Journey, Query, search, search_latest
from gtfs.realtime_patch import patched
from gtfs.realtime_read import read_message
from gtfs.realtime_values import Updates
from gtfs.service_time import day_zero
from gtfs.timetable import Timetable
from tests.gtfs.networks import DAYS, busy_feed, random_feed, random_query, with_rules

_ONE = timedelta(days=1)


@dataclass
class Change:
    """One run as it is to be: `calls` None for one that does not run."""

    trip: FeedTrip
    day: date
    changed: FeedTrip | None


def changes_of(random: Random, feed: Feed, day: date) -> list[Change]:
    """Some runs around the day: cancelled, late, early, with calls left out, or added."""
    runs = [
        (trip, running)
        for trip in feed.trips
        for running in (day - _ONE, day, day + _ONE)
        if running in feed.services[trip.service_id]
    ]
    chosen = random.sample(runs, min(len(runs), random.randint(1, 5)))
    return [Change(trip, running, _changed(random, trip)) for trip, running in chosen]


def _changed(random: Random, trip: FeedTrip) -> FeedTrip | None:
    if random.random() < 0.25:
        return None
    delay, arrivals, departures = random.choice([-120, 0, 300]), [], []
    last = -(10**6)
    for arrival, departure in zip(trip.arrivals, trip.departures, strict=True):
        delay += random.choice([0, 0, 60, 600, -60])
        last = max(last, arrival + delay)
        arrivals.append(last)
        last = max(last, departure + delay)
        departures.append(last)
    runs = [random.random() > 0.15 for _ in trip.stop_ids]
    if not any(runs):
        return None
    return replace(
        trip,
        arrivals=tuple(arrivals),
        departures=tuple(departures),
        boards=tuple(b and r for b, r in zip(trip.boards, runs, strict=True)),
        alights=tuple(a and r for a, r in zip(trip.alights, runs, strict=True)),
        note="".join("x" if not r else "." for r in runs),
    )


def message_of(changes: Sequence[Change], timetable: Timetable) -> bytes:
    """What a feed says of these changes, every time an instant."""
    feed = pb.FeedMessage()
    feed.header.gtfs_realtime_version = "2.0"
    for number, change in enumerate(changes):
        update = feed.entity.add(id=str(number)).trip_update
        update.trip.trip_id = change.trip.id
        update.trip.start_date = f"{change.day:%Y%m%d}"
        if change.changed is None:
            update.trip.schedule_relationship = update.trip.CANCELED
            continue
        zero = int(day_zero(change.day, timetable.tz).timestamp())
        for i, stop in enumerate(change.trip.stop_ids):
            call = update.stop_time_update.add(stop_sequence=i, stop_id=stop)
            if change.changed.note[i] == "x":
                call.schedule_relationship = call.SKIPPED
            else:
                call.arrival.time = zero + change.changed.arrivals[i]
                call.departure.time = zero + change.changed.departures[i]
    return feed.SerializeToString()


def rebuilt(feed: Feed, changes: Sequence[Change]) -> Feed:
    """The feed with every changed run as a trip of its own, of one day, with the same rules."""
    services, trips = dict(feed.services), []
    ids: dict[str, list[str]] = {"": [""]}
    for trip in feed.trips:
        mine = [change for change in changes if change.trip is trip]
        service = f"{trip.service_id} {trip.id}"
        services[service] = feed.services[trip.service_id] - {change.day for change in mine}
        trips.append(replace(trip, service_id=service))
        ids[trip.id] = [trip.id]
        for change in mine:
            if change.changed is not None:
                only = f"{service} {change.day}"
                services[only] = frozenset({change.day})
                ids[trip.id].append(only)
                trips.append(replace(change.changed, id=only, service_id=only, note=""))
    rules = tuple(
        replace(rule, from_trip_id=before, to_trip_id=after)
        for rule in feed.transfer_rules
        for before in ids[rule.from_trip_id]
        for after in ids[rule.to_trip_id]
    )
    return replace(feed, services=services, trips=tuple(trips), transfer_rules=rules)


def found(journeys: Sequence[Journey]) -> list[tuple[int, int]]:
    """Of two that arrive together either may be found, whenever it leaves."""
    return [(j.arrives_s, j.transfers) for j in journeys]


def latest(timetable: Timetable, query: Query) -> list[tuple[int, int, int]]:
    return [(j.departs_s, j.arrives_s, j.transfers) for j in search_latest(timetable, query)]


def compare(random: Random, make: Callable[[Random, date], Feed] = random_feed) -> int:
    """How many answers are other ones than without realtime; all are compared."""
    day = random.choice(DAYS)
    feed = make(random, day)
    static = build(feed, max_footpath_m=0)
    changes = changes_of(random, feed, day)
    anew = build(rebuilt(feed, changes), max_footpath_m=0)
    now = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)

    live = patched(static, Updates.of([read_message(message_of(changes, static))]), now)

    assert (live.summary.trips_matched, live.summary.unmatched) == (len(changes), {})
    n_other = 0
    for _ in range(4):
        query = random_query(random, static, day)._replace(came_by=None, goes_by=None)
        expected = found(search(anew, query))
        assert found(search(live.timetable, query)) == expected
        assert latest(live.timetable, query) == latest(anew, query)
        n_other += expected != found(search(static, query))
    return n_other


def test_a_live_timetable_is_the_one_built_anew_on_200_networks():
    assert sum(compare(Random(50_000 + seed)) for seed in range(200)) > 60


def test_rules_for_changes_hold_in_a_live_timetable_too():
    def make(random: Random, day: date) -> Feed:
        return with_rules(random, busy_feed(random, day))

    assert sum(compare(Random(60_000 + seed), make) for seed in range(200)) > 30


@settings(max_examples=50)
@given(st.randoms(use_true_random=False))
def test_a_live_timetable_is_the_one_built_anew(random: Random):
    compare(random)
