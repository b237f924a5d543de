"""Changes between some lines and trips: what the feed rules, by example."""

from dataclasses import replace
from datetime import date
from time import process_time

import numpy as np
import pytest

from gtfs import change_bounds
from gtfs.build import build
from gtfs.change_rules import list_rules
from gtfs.defects import Kind, Report
from gtfs.feed import Feed, FeedTransferRule, TransferKind
from gtfs.front import FAR, FrontNetwork, FrontQuery, LegKind, RentalEdges, search_front
from gtfs.journey import Access, Query, between, profile, search, search_latest
from gtfs.network import View, network_of
from gtfs.service_time import parse_clock
from gtfs.text import feed_from_text, text_of, timetable_from_text
from gtfs.timetable import Timetable
from gtfs.trip_columns import Services, TripColumns
from tests.gtfs.realtime_text import live

DAY = date(2026, 11, 25)
TOWN = """
    station Hbf B B2
    1: A 08:00 B 08:10
    2: B 08:12 C 08:20
    2: B 08:22 C 08:30
    3: B2 08:14 C 08:25
    walk B B2 60
    change B 60
"""
BY_FIRST_2 = "1 A 08:00 B 08:10 | 2 B 08:12 C 08:20"
BY_SECOND_2 = "1 A 08:00 B 08:10 | 2 B 08:22 C 08:30"
BY_3 = "1 A 08:00 B 08:10 | walk B 08:10 B2 08:11 | 3 B2 08:14 C 08:25"


def found(timetable: Timetable, start: str = "A", end: str = "C", at: str = "07:00") -> list[str]:
    query = between(timetable, start, end, DAY, parse_clock(f"{at}:00"))
    return [" | ".join(text_of(timetable, j).split(" | ")[1:-1]) for j in search(timetable, query)]


@pytest.mark.parametrize(
    ("rules", "way"),
    [
        ("", BY_FIRST_2),
        ("rule B B 1 2 never", BY_3),
        ("rule B B - 2-2 never", BY_3),
        ("rule B B 1 2 300 | rule B B2 1 3 never", BY_SECOND_2),
        ("rule Hbf Hbf 1 - never", ""),
        ("rule Hbf Hbf 1 - never | rule B B 1 2 usual", BY_FIRST_2),
        ("rule Hbf Hbf 1 2 never | rule Hbf Hbf 1-1 - never | rule B B 1-1 2-3 0", BY_SECOND_2),
        ("rule B B 1 2 121 | rule B B2 1 - 241", BY_SECOND_2),
        ("rule B B 1-1 2-2 never | rule B B 1-1 2 timed", BY_3),
        ("rule B B 1 - never | rule B B - 2 timed", BY_3),
        ("rule B B2 1 3 500", BY_FIRST_2),
    ],
)
def test_the_most_specific_rule_holds(rules: str, way: str):
    timetable = timetable_from_text(TOWN + "\n".join(rules.split(" | ")))
    assert found(timetable) == ([way] if way else [])


def test_a_timed_change_waits_for_riders_however_short_it_is():
    town = TOWN + "2: B 08:10 C 08:18\n3: B2 08:10 C 08:19\nchange B 600\n"
    assert found(timetable_from_text(town))[0] == BY_3
    timed = timetable_from_text(town + "rule B B 1 2 timed")
    assert found(timed) == ["1 A 08:00 B 08:10 | 2 B 08:10 C 08:18"]
    across = timetable_from_text(town + "rule B B2 1 3 timed")
    assert found(across) == ["1 A 08:00 B 08:10 | walk B 08:10 B2 08:10 | 3 B2 08:10 C 08:19"]


def test_a_rule_is_for_those_who_change_not_for_those_who_come_on_foot():
    timetable = timetable_from_text(TOWN + "rule Hbf Hbf 1 - never\nrule Hbf Hbf - 2 never")
    assert found(timetable, "B2", "C") == ["walk B2 08:11 B 08:12 | 2 B 08:12 C 08:20"]
    assert found(timetable, "A", "B2") == ["1 A 08:00 B 08:10 | walk B 08:10 B2 08:11"]
    assert found(timetable, "B", "B2") == ["walk B 07:00 B2 07:01"]


def test_every_search_holds_to_a_rule():
    timetable = timetable_from_text(TOWN + "rule B B 1 2 never")
    stop = timetable.stop_index
    for walk in (True, False):
        doors = ((Access(stop["A"], 0),), (Access(stop["C"], 0),))
        query = Query(DAY, parse_clock("07:00:00"), *doors, 7, walk)
        ways = [search(timetable, query), profile(timetable, query, query.seconds + 7200)]
        ways.append(search_latest(timetable, query._replace(seconds=parse_clock("09:00:00"))))
        for journeys in ways:
            assert [text_of(timetable, j) for j in journeys] == [f"08:00 | {BY_3} | 08:25"]
    journeys = _front(timetable)
    assert [(leg.kind, leg.start, leg.end) for leg in journeys[0].legs[1:-1]] == [
        (LegKind.RIDE, stop["A"], stop["B"]),
        (LegKind.WALK, stop["B"], stop["B2"]),
        (LegKind.RIDE, stop["B2"], stop["C"]),
    ]


def _front(timetable: Timetable):
    day = network_of(timetable, DAY, View.AHEAD)
    free = np.zeros(len(day.trip), np.int32)
    metres = np.zeros(len(day.section("stops")), np.int32)
    front = FrontNetwork.of(
        day, mirrored=False, trip_cents=free, trip_mg_per_m=free, metres=metres, levels=None
    )
    access, egress = (np.full(len(timetable.stops), FAR, np.int32) for _ in "ae")
    access[timetable.stop_index["A"]] = egress[timetable.stop_index["C"]] = 0
    query = FrontQuery(parse_clock("07:30:00"), access, egress)
    return search_front(front, RentalEdges.none(len(timetable.stops)), query)


def test_a_late_trip_and_one_at_another_platform_keep_their_rules():
    rules = "rule Hbf B 1 2-2 never\nrule B2 B2 1-1 3 timed\nchange B2 600"
    planned = timetable_from_text(TOWN + rules)
    assert found(planned) == [BY_3]
    late = live(planned, "1-1 2026-11-25: B=+90").timetable
    assert found(late) == [
        "1 A 08:00 B 08:11:30 | walk B 08:11:30 B2 08:12:30 | 3 B2 08:14 C 08:25"
    ]
    moved = live(planned, "1-1 2026-11-25: B=>B2").timetable
    assert found(moved) == ["1 A 08:00 B2 08:10 | 3 B2 08:14 C 08:25"]


def test_a_feed_without_rules_has_no_stands():
    network = network_of(timetable_from_text(TOWN), DAY)
    assert (dict(network.stands.at), network.n_stops) == ({}, 4)


def reported(feed: Feed) -> list[tuple[Kind, str]]:
    report = Report()
    trips, services = TripColumns.of(feed.trips), Services.of(feed.services)
    list_rules(trips, services, feed.stops, feed.routes, feed.transfer_rules, report)
    return [(defect.kind, defect.action) for defect in report.findings]


def test_rules_that_contradict_each_other_are_reported_and_the_longer_one_holds():
    text = TOWN + "rule B B 1 2 timed\nrule B B 1 2 300\nrule B B 1 2 300\nrule B B2 1 3 never"
    assert reported(feed_from_text(text)) == [(Kind.CONTRADICTION, "took the longer one")] * 2
    assert found(timetable_from_text(text)) == [BY_SECOND_2]


def test_a_rule_for_a_trip_of_another_line_is_reported_and_ignored():
    feed = feed_from_text(TOWN)
    rule = FeedTransferRule("B", "B", "3", "2", "1-1", "", TransferKind.IMPOSSIBLE, None)
    feed = replace(feed, transfer_rules=(rule,))
    assert reported(feed) == [(Kind.CONTRADICTION, "ignored the row")]
    assert found(build(feed, max_footpath_m=0)) == [BY_FIRST_2]


def hub(n_trips: int) -> Feed:
    """So many trips each way through a hub, with a rule of its own for each and for its line."""
    lines = [
        f"L{n % 300}: S{n % 40} {6 + n // 240}:{n // 4 % 60:02} H {7 + n // 240}:{n // 4 % 60:02} "
        f"T{n % 40} {8 + n // 240}:{n // 4 % 60:02}"
        for n in range(n_trips)
    ]
    feed = feed_from_text("\n".join(lines))
    ids = [trip.id for trip in feed.trips]
    rules = [
        FeedTransferRule("H", "H", "", "", a, b, TransferKind.MIN_TIME, 60)
        for a, b in zip(ids, reversed(ids), strict=True)
    ]
    rules += [
        FeedTransferRule("H", "H", f"L{n}", "", "", "", TransferKind.MIN_TIME, n)
        for n in range(300)
    ]
    return replace(feed, transfer_rules=tuple(rules))


def test_a_hub_with_thousands_of_rules_is_cut_to_what_a_network_can_hold():
    feed = hub(3000)
    before = process_time()
    assert reported(feed) == [(Kind.UNSUPPORTED, "ignored 3000 of 3300 there")]
    network = network_of(build(feed, max_footpath_m=0), DAY)
    assert process_time() - before < 20
    assert (len(network.stands.at), len(network.stands.walk_to) < 300_000) == (1, True)
    few = hub(150)
    assert reported(few) == []
    assert len(network_of(build(few, max_footpath_m=0), DAY).stands.stop) > 150


def test_rules_at_too_many_pairs_of_stops_are_cut(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("gtfs.change_rules.MOST_PAIRS", 5)
    feed = feed_from_text(TOWN + "rule Hbf Hbf 1 2 never\nrule Hbf Hbf 1 3 never")
    assert reported(feed) == [(Kind.UNSUPPORTED, "ignored 1 of them")]
    monkeypatch.setattr(change_bounds, "MOST_WAYS", 4)
    assert reported(feed)[1:] == [(Kind.UNSUPPORTED, "ignored 3 of 4 there")]


def test_too_many_trips_that_rules_name_are_cut_at_the_stops_with_most(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(change_bounds, "MOST_TRIPS", 2)
    feed = feed_from_text(TOWN + "rule B B 1-1 2-2 never\nrule B B2 1-1 3-4 0\nrule B B 1 2-3 0")
    assert reported(feed) == [(Kind.UNSUPPORTED, "ignored 3 of 3 there")]
    feed = feed_from_text(TOWN + "rule B B 1-1 2 never\nrule B2 B2 - 3-4 never")
    assert reported(feed) == []
