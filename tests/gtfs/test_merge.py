"""Several feeds as one timetable: ids apart, instants the same, whatever the zones do."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gtfs.fares import Amount, FareProduct, Fares
from gtfs.feed import Feed
from gtfs.merge import build_many, merge_feeds
from gtfs.service_time import instant
from gtfs.text import feed_from_text
from gtfs.timetable import Timetable

BERLIN = """
    days 2026-10-23..2026-11-03 Europe/Berlin
    stop A 53.86,10.68 Lübeck
    stop B 53.87,10.69 Burg
    station S A B
    1: A 08:00 B 08:10
"""
NEW_YORK = """
    days 2026-10-23..2026-11-03 America/New_York
    stop A 40.7,-74.0 Pier
    stop B 40.8,-74.0 Park
    1: A 08:00 B 26:10
"""
HELSINKI = """
    days 2026-10-23..2026-11-03 Europe/Helsinki
    stop A 60.1,24.9 Kamppi
    stop B 60.2,24.9 Pasila
    1: A 00:30 B 00:40
"""

Runs = set[tuple[str, datetime, datetime]]


def runs_of_feed(name: str, feed: Feed) -> Runs:
    """Every run of every trip as instants, from the definition."""
    tz = ZoneInfo(feed.tz_name)
    return {
        (f"{name}:{trip.route_id}",
         instant(day, trip.departures[0], tz), instant(day, trip.arrivals[-1], tz))
        for trip in feed.trips
        for day in feed.services[trip.service_id]
    }  # fmt: skip


def runs_of(timetable: Timetable) -> Runs:
    runs: Runs = set()
    table, events, patterns = timetable.trips, timetable.events, timetable.patterns
    for trip, pattern in enumerate(table.pattern.tolist()):
        size = int(patterns.stop0[pattern + 1] - patterns.stop0[pattern])
        start = int(patterns.event0[pattern] + (trip - patterns.trip0[pattern]) * size)
        for day in timetable.active_days:
            if timetable.active_services(day)[table.service[trip]]:
                run = (
                    timetable.routes.id[int(table.route[trip])],
                    instant(day, int(events.departure[start]), timetable.tz),
                    instant(day, int(events.arrival[start + size - 1]), timetable.tz),
                )
                assert run not in runs
                runs.add(run)
    return runs


def test_one_feed_stays_as_it_is():
    feed = feed_from_text(BERLIN)
    assert merge_feeds({"swl": feed}) is feed
    with pytest.raises(ValueError, match="no feed"):
        merge_feeds({})


def test_ids_carry_their_feed_and_names_do_not():
    merged = merge_feeds({"hl": feed_from_text(BERLIN), "ny": feed_from_text(NEW_YORK)})
    assert [(s.id, s.name, s.parent_id) for s in merged.stops] == [
        ("hl:A", "Lübeck", "hl:S"),
        ("hl:B", "Burg", "hl:S"),
        ("hl:S", "S", None),
        ("ny:A", "Pier", None),
        ("ny:B", "Park", None),
    ]
    assert [route.id for route in merged.routes] == ["hl:1", "ny:1"]
    assert {trip.route_id for trip in merged.trips} == {"hl:1", "ny:1"}


@pytest.mark.parametrize("other", [NEW_YORK, HELSINKI])
@pytest.mark.parametrize("other_is_first", [False, True])
def test_every_trip_runs_at_its_instants_over_both_clock_changes(other: str, other_is_first: bool):
    texts = {"other": other, "hl": BERLIN} if other_is_first else {"hl": BERLIN, "other": other}
    feeds = {name: feed_from_text(text) for name, text in texts.items()}
    expected = {run for name, feed in feeds.items() for run in runs_of_feed(name, feed)}
    assert runs_of(build_many(feeds, max_footpath_m=0)) == expected


def test_a_trip_keeps_its_id_for_the_difference_that_most_days_have():
    merged = merge_feeds({"hl": feed_from_text(BERLIN), "ny": feed_from_text(NEW_YORK)})
    own, copy = sorted((t for t in merged.trips if t.route_id == "ny:1"), key=lambda t: t.id)
    assert (own.id, own.departures[0]) == ("ny:1-1", 13 * 3600)
    assert (copy.id, copy.departures[0]) == ("ny:1-1@14:00:00", 14 * 3600)
    assert merged.services[own.service_id] == {date(2026, 10, 25) + timedelta(i) for i in range(7)}


def test_a_trip_before_the_axis_day_belongs_to_the_day_before():
    merged = merge_feeds({"hl": feed_from_text(BERLIN), "fi": feed_from_text(HELSINKI)})
    early = [trip for trip in merged.trips if trip.route_id == "fi:1"]
    assert min(trip.departures[0] for trip in early) == 23 * 3600 + 1800
    runs = sorted(run[1] for run in runs_of(build_many({"fi": feed_from_text(HELSINKI)})))
    assert runs[0] == datetime(2026, 10, 22, 21, 30, tzinfo=UTC)


def test_fares_stay_with_their_feed():
    product = FareProduct("day", "Tag", Amount(990, "EUR"))
    feed = feed_from_text(BERLIN)
    with_fares = replace(feed, fares=Fares(products=(product,)))
    merged = merge_feeds({"hl": with_fares, "ny": feed_from_text(NEW_YORK)})
    assert merged.fares.products == (FareProduct("hl:day", "Tag", Amount(990, "EUR")),)


@settings(max_examples=40)
@example("Australia/Sydney", "US/Alaska", date(2026, 10, 27), 113)
@example("Pacific/Kiritimati", "Pacific/Pago_Pago", date(2026, 1, 1), 0)
@given(
    st.sampled_from(
        ["Asia/Kathmandu", "Pacific/Kiritimati", "America/Santiago", "Africa/Casablanca"]
    ),
    st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "Pacific/Pago_Pago"]),
    st.dates(date(2026, 1, 1), date(2026, 12, 20)),
    st.integers(0, 40 * 60),
)
def test_instants_hold_for_any_two_zones(zone: str, axis: str, first: date, minute: int):
    span = f"{first}..{first + timedelta(days=12)}"
    clock = f"{minute // 60:02}:{minute % 60:02}"
    feeds = {
        "a": feed_from_text(f"days {span} {axis}\n1: A 08:00 B 08:10"),
        "z": feed_from_text(f"days {span} {zone}\n2: C {clock} D 49:00"),
    }
    expected = {run for name, feed in feeds.items() for run in runs_of_feed(name, feed)}
    timetable = build_many(feeds, max_footpath_m=0)
    assert runs_of(timetable) == expected
    for ids in (timetable.trips.id, timetable.services.id):
        assert len(set(ids)) == len(ids)
    assert int(timetable.events.departure.min()) >= 0


def test_agencies_without_an_id_stay_apart():
    hl, ny = feed_from_text(BERLIN), feed_from_text(NEW_YORK)
    feeds = {
        name: replace(
            feed,
            agencies=(replace(feed.agencies[0], id="", name=name),),
            routes=tuple(replace(route, agency_id="") for route in feed.routes),
        )
        for name, feed in (("hl", hl), ("ny", ny))
    }
    timetable = build_many(feeds)
    operators = {
        timetable.routes.id[i]: timetable.agencies.name[int(agency)]
        for i, agency in enumerate(timetable.routes.agency)
    }
    assert operators == {"hl:1": "hl", "ny:1": "ny"}


def test_a_feed_none_of_whose_trips_run_adds_its_stops():
    ny = feed_from_text(NEW_YORK)
    idle = replace(ny, services={service: frozenset() for service in ny.services})
    merged = merge_feeds({"hl": feed_from_text(BERLIN), "ny": idle})
    assert [trip.id for trip in merged.trips] == ["hl:1-1"]
    assert [stop.id for stop in merged.stops if stop.id.startswith("ny")] == ["ny:A", "ny:B"]
