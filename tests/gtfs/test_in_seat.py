"""Staying in the vehicle while it goes on as another trip, by example."""

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

from gtfs.build import build
from gtfs.defects import Kind, Report
from gtfs.departures import list_departures
from gtfs.feed import FeedTransferRule, TransferKind
from gtfs.in_seat import find_links
from gtfs.journey import StayedRide, between, search
from gtfs.load import read_feed
from gtfs.network import Usable, View, network_of
from gtfs.service_time import parse_clock
from gtfs.text import feed_from_text, text_of
from gtfs.through import MOST_PARTS
from gtfs.timetable import Timetable
from gtfs.trip_columns import Services, TripColumns
from tests.gtfs.realtime_text import live

RABA = Path(__file__).parents[3] / "shared/feeds/raba/raba.zip"
DAY = date(2026, 11, 25)
TOWN = """
    days 2026-11-23..2026-11-29 Europe/Berlin
    1: A 08:00 B 08:10 C 08:20
    2: C 08:25 D 08:40 E 08:50
    3: C 08:30 E 08:45
    change C 600
"""
IN_SEAT, GET_OFF = TransferKind.IN_SEAT, TransferKind.NOT_IN_SEAT
Told = tuple[str, str, TransferKind]


def town(text: str = TOWN, blocks: str = "", told: tuple[Told, ...] = ()) -> Timetable:
    """A text's timetable; `blocks` names the block of each trip in order, `-` for none."""
    feed = feed_from_text(text)
    names = blocks.split() or ["-"] * len(feed.trips)
    trips = tuple(
        replace(trip, block_id=name.replace("-", ""))
        for trip, name in zip(feed.trips, names, strict=True)
    )
    rules = tuple(FeedTransferRule("", "", "", "", a, b, kind, None) for a, b, kind in told)
    return build(replace(feed, trips=trips, transfer_rules=rules), max_footpath_m=0)


def found(timetable: Timetable, start: str, end: str, at: str = "07:00") -> list[str]:
    """Journeys with their number of transfers; a leg that begins without getting on has a +."""
    query = between(timetable, start, end, DAY, parse_clock(f"{at}:00"))
    lines = []
    for journey in search(timetable, query):
        door, *legs, end_door = text_of(timetable, journey).split(" | ")
        marked = [
            f"+{text}" if isinstance(leg, StayedRide) else text
            for leg, text in zip(journey.legs, legs, strict=True)
        ]
        lines.append(" | ".join([door, *marked, end_door, str(journey.transfers)]))
    return lines


STAYED = "08:00 | 1 A 08:00 C 08:20 | +2 C 08:25 E 08:50 | 08:50 | 0"


def test_a_block_carries_its_riders_on_without_a_transfer():
    assert found(town(), "A", "E") == ["08:00 | 1 A 08:00 C 08:20 | 3 C 08:30 E 08:45 | 08:45 | 1"]
    joined = town(blocks="b b -")
    assert found(joined, "A", "E") == [
        STAYED,
        "08:00 | 1 A 08:00 C 08:20 | 3 C 08:30 E 08:45 | 08:45 | 1",
    ]
    assert found(joined, "A", "C") == ["08:00 | 1 A 08:00 C 08:20 | 08:20 | 0"]
    assert found(joined, "C", "D") == ["08:25 | 2 C 08:25 D 08:40 | 08:40 | 0"]


def test_a_rule_of_two_trips_joins_them_and_another_one_says_get_off():
    assert STAYED in found(town(told=(("1-1", "2-2", IN_SEAT),)), "A", "E")
    assert STAYED not in found(town(blocks="b b -", told=(("1-1", "2-2", GET_OFF),)), "A", "E")


def test_a_vehicle_that_begins_elsewhere_carries_nobody_there():
    text = TOWN.replace("2: C 08:25 D", "2: X 08:25 D")
    assert STAYED not in found(town(text, blocks="b b -"), "A", "E")


def test_trips_of_a_block_that_overlap_are_reported_and_not_joined():
    feed = feed_from_text(TOWN)
    trips = [replace(trip, block_id="b") for trip in feed.trips]
    report = Report()
    links = find_links(
        TripColumns.of(trips), Services.of(feed.services), feed.stops, feed.routes, (), report
    )
    assert links.from_trip.tolist() == []
    assert [(f.file, f.field, f.kind, f.problem) for f in report.findings] == [
        ("trips", "block_id", Kind.CONTRADICTION, "2 trips of block 'b' overlap")
    ]


def test_a_train_that_is_split_goes_on_as_both():
    joined = town(told=(("1-1", "2-2", IN_SEAT), ("1-1", "3-3", IN_SEAT)))
    assert found(joined, "A", "E") == ["08:00 | 1 A 08:00 C 08:20 | +3 C 08:30 E 08:45 | 08:45 | 0"]
    assert found(joined, "A", "D") == ["08:00 | 1 A 08:00 C 08:20 | +2 C 08:25 D 08:40 | 08:40 | 0"]


def test_a_trip_goes_on_as_one_of_the_day_after():
    text = """
        days 2026-11-23..2026-11-29 Europe/Berlin
        1: A 23:30 B 24:10
        2: B 00:15 C 00:30
    """
    assert found(town(text, told=(("1-1", "2-2", IN_SEAT),)), "A", "C") == [
        "23:30 | 1 A 23:30 B 24:10 | +2 B 24:15 C 24:30 | 24:30 | 0"
    ]


def test_a_vehicle_that_goes_to_and_fro_all_day_makes_short_through_trips():
    runs = [
        f"1: A {h:02}:00 B {h:02}:10 C {h:02}:20\n1: C {h:02}:30 B {h:02}:40 A {h:02}:50"
        for h in range(6, 22)
    ]
    shuttle = town("\n".join(runs), blocks=" ".join("b" for _ in range(32)))
    parts = network_of(shuttle, DAY, View.AHEAD).throughs.parts
    assert max(map(len, parts)) == 3
    assert found(shuttle, "B", "A", "06:05") == ["06:40 | 1 B 06:40 A 06:50 | 06:50 | 0"]


def test_who_would_sit_in_a_standing_vehicle_for_over_half_an_hour_changes():
    text = "1: A 08:00 B 08:10\n2: B {} C 09:00"
    named = (("1-1", "2-2", IN_SEAT),)
    assert found(town(text.format("08:40"), "b b"), "A", "C") == [
        "08:00 | 1 A 08:00 B 08:10 | +2 B 08:40 C 09:00 | 09:00 | 0"
    ]
    changed = ["08:00 | 1 A 08:00 B 08:10 | 2 B 08:41 C 09:00 | 09:00 | 1"]
    assert found(town(text.format("08:41"), "b b"), "A", "C") == changed
    assert found(town(text.format("08:41"), told=named), "A", "C") == changed


def test_vehicles_that_are_split_again_and_again_do_not_multiply():
    layers = range(8, 20)
    text = "\n".join(
        f"{side}: S{h} {h:02}:00 {side}{h} {h:02}:20 S{h + 1} {h:02}:50"
        for h in layers
        for side in "xy"
    )
    told = tuple(
        (f"{a}-{2 * n + 1 + (a == 'y')}", f"{b}-{2 * n + 3 + (b == 'y')}", IN_SEAT)
        for n in range(len(layers) - 1)
        for a in "xy"
        for b in "xy"
    )
    parts = network_of(town(text, told=told), DAY, View.AHEAD).throughs.parts
    assert max(map(len, parts)) == MOST_PARTS
    n_trips, n_days = 2 * len(layers), 3
    assert len(parts) <= n_days * n_trips * 2 ** (MOST_PARTS - 1)


def test_who_may_not_use_a_trip_does_not_stay_in_it():
    joined = town(blocks="b b -")
    route = {joined.routes.short_name[i]: i for i in range(3)}
    query = between(joined, "A", "E", DAY, parse_clock("07:00:00"))
    usable = Usable(without_routes=frozenset({route["2"]}))
    assert [j.transfers for j in search(joined, query._replace(usable=usable))] == [1]


def test_the_board_of_a_stop_shows_each_departure_once():
    at = datetime.fromisoformat("2026-11-25T08:00+01:00")
    joined = town(blocks="b b -")
    shown = list_departures(joined, [joined.stop_index["C"]], at, 3)
    assert [(d.line, d.seconds) for d in shown[:2]] == [("2", 30_300), ("3", 30_600)]


def test_a_late_vehicle_goes_on_as_late_as_its_next_trip_says():
    joined = town(blocks="b b -")
    late = live(joined, "1-1 2026-11-25: C=+240").timetable
    assert found(late, "A", "E")[0] == (
        "08:00 | 1 A 08:00 C 08:24 | +2 C 08:25 E 08:50 | 08:50 | 0"
    )
    both = live(joined, "1-1 2026-11-25: C=+600\n2-2 2026-11-25: C=+600").timetable
    assert found(both, "A", "E")[0] == "08:00 | 1 A 08:00 C 08:30 | +2 C 08:35 E 09:00 | 09:00 | 0"


def test_nobody_is_carried_on_by_a_trip_that_was_missed_or_cut_short():
    joined = town(blocks="b b -")
    for message in (
        "1-1 2026-11-25: C=+600",
        "1-1 2026-11-25: C=skip",
        "2-2 2026-11-25: C=skip",
        "cancel 2-2 2026-11-25",
    ):
        lines = found(live(joined, message).timetable, "A", "E")
        assert not any(line.startswith("08:00") and "+2" in line for line in lines)


def test_a_real_feed_of_shuttles_has_its_pairs():
    timetable = build(read_feed(RABA)[0])
    day = timetable.active_days[len(timetable.active_days) // 2]
    network = network_of(timetable, day, View.AHEAD)
    assert len(timetable.in_seat.from_trip) > 200
    assert sum(len(parts) <= 3 for parts in network.throughs.parts) > 200
