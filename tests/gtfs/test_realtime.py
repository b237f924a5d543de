"""A day with realtime in it, and what searches make of it."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from gtfs.build import build
from gtfs.ids import TripIdx
from gtfs.journey import between, search, search_latest
from gtfs.load import read_feed
from gtfs.realtime_live import Kind, Live
from gtfs.realtime_patch import patched
from gtfs.realtime_read import read_message
from gtfs.realtime_values import Reason, Run, Updates
from gtfs.service_time import format_clock, parse_clock
from gtfs.text import text_of, timetable_from_text
from gtfs.timetable import Timetable
from tests.gtfs.realtime_text import NOW, live

RABA = Path(__file__).parents[3] / "shared/feeds/raba"
DAY = date(2026, 11, 25)
TOWN = """
    days 2026-11-23..2026-11-29 Europe/Berlin
    1: A 08:00 B 08:10/08:12 C 08:20 D 08:30
    1: A 08:30 B 08:40/08:42 C 08:50 D 09:00
    2: C 08:25 E 08:40
    2: C 08:55 E 09:10
    N: A 24:30 B 24:50 C 25:10
    change C 60
"""


@pytest.fixture(scope="module")
def town() -> Timetable:
    return timetable_from_text(TOWN)


def found(
    timetable: Timetable, start: str, end: str, at: str, day: date = DAY, *, by: bool = False
) -> list[str]:
    """Journeys as text, fewest changes first."""
    seconds = parse_clock(f"{at}:00")
    kernel = search_latest if by else search
    journeys = kernel(timetable, between(timetable, start, end, day, seconds))
    return [text_of(timetable, journey) for journey in journeys]


def runs_of(timetable: Timetable, trip_id: str, day: date = DAY) -> list[str]:
    """`A 08:00 B 08:10/08:12 …` for every trip of that id that runs on the day."""
    active = timetable.active_services(day)
    lines = []
    for i, id_ in enumerate(timetable.trips.id):
        if id_ == trip_id and active[timetable.trips.service[i]]:
            lines.append(" ".join(calls_as_text(timetable, TripIdx(i))))
    return lines


def calls_as_text(timetable: Timetable, trip: TripIdx) -> list[str]:
    patterns, p = timetable.patterns, int(timetable.trips.pattern[trip])
    stops = range(int(patterns.stop0[p]), int(patterns.stop0[p + 1]))
    first = int(patterns.event0[p]) + (trip - int(patterns.trip0[p])) * len(stops)
    lines = []
    for i, place in enumerate(stops):
        arrives, departs = (
            format_clock(int(column[first + i])).removesuffix(":00")
            for column in (timetable.events.arrival, timetable.events.departure)
        )
        rule = {(True, False): ":in", (False, True): ":out", (False, False): ":no"}.get(
            (bool(patterns.boards[place]), bool(patterns.alights[place])), ""
        )
        stop = timetable.stop_table.id[int(patterns.stops[place])]
        lines.append(f"{stop}{rule} {arrives if arrives == departs else f'{arrives}/{departs}'}")
    return lines


def misses(now: Live) -> dict[str, int]:
    return {reason.name: n for reason, n in now.summary.unmatched.items()}


def test_without_messages_nothing_changes(town: Timetable):
    now = live(town)

    assert (now.timetable is town, now.runs, now.summary.trip_updates) == (True, {}, 0)


def test_a_delay_holds_for_the_calls_after_it(town: Timetable):
    now = live(town, "1-1 2026-11-25: B=+120/+180")

    assert runs_of(now.timetable, "1-1") == ["A 08:00 B 08:12/08:15 C 08:23 D 08:33"]
    assert runs_of(now.timetable, "1-1", DAY + timedelta(days=1)) == [
        "A 08:00 B 08:10/08:12 C 08:20 D 08:30"
    ]


def test_a_missed_connection_changes_the_journey(town: Timetable):
    assert found(town, "A", "E", "08:00") == [
        "08:00 | 1 A 08:00 C 08:20 | 2 C 08:25 E 08:40 | 08:40"
    ]

    late = live(town, "1-1 2026-11-25: A=+0 B=+360")

    assert found(late.timetable, "A", "E", "08:00") == [
        "08:00 | 1 A 08:00 C 08:26 | 2 C 08:55 E 09:10 | 09:10"
    ]
    assert found(late.timetable, "A", "E", "08:45", by=True) == [
        "00:30 | N A 00:30 C 01:10 | 2 C 08:25 E 08:40 | 08:40"
    ]


def test_a_connection_that_waits_is_kept(town: Timetable):
    now = live(town, "1-1 2026-11-25: B=+360\n2-3 2026-11-25: C=+300")

    assert found(now.timetable, "A", "E", "08:00") == [
        "08:00 | 1 A 08:00 C 08:26 | 2 C 08:30 E 08:45 | 08:45"
    ]


def test_a_cancelled_trip_does_not_run_on_that_day_alone(town: Timetable):
    now = live(town, "cancel 1-1 2026-11-25")

    assert runs_of(now.timetable, "1-1") == []
    assert len(runs_of(now.timetable, "1-1", DAY + timedelta(days=1))) == 1
    assert now.runs == {Run(town_trip(town, "1-1"), DAY): None}
    assert found(now.timetable, "A", "B", "08:00") == ["08:30 | 1 A 08:30 B 08:40 | 08:40"]


def test_at_a_skipped_call_nobody_boards_or_alights_and_positions_stay(town: Timetable):
    now = live(town, "1-1 2026-11-25: B=+60 C=skip")

    assert runs_of(now.timetable, "1-1") == ["A 08:00 B 08:11/08:13 C:no 08:21 D 08:31"]
    assert found(now.timetable, "A", "C", "08:00") == ["08:30 | 1 A 08:30 C 08:50 | 08:50"]
    assert now.timetable.patterns.pickup[-4:].tolist() == [0, 0, 1, 0]
    assert now.timetable.patterns.drop_off[-4:].tolist() == [0, 0, 1, 0]


def test_a_trip_whose_calls_are_all_skipped_is_cancelled(town: Timetable):
    now = live(town, "1-1 2026-11-25: A=skip B=skip C=skip D=skip")

    assert (runs_of(now.timetable, "1-1"), now.summary.cancelled) == ([], 1)


def test_no_data_ends_a_delay(town: Timetable):
    now = live(town, "1-1 2026-11-25: A=+300 C=?")

    assert runs_of(now.timetable, "1-1") == ["A 08:05 B 08:15/08:17 C 08:20 D 08:30"]
    assert now.changes[only(now)].no_data == {2, 3}


def test_the_trips_delay_without_calls(town: Timetable):
    now = live(town, "1-1 2026-11-25 late 90")

    assert runs_of(now.timetable, "1-1") == ["A 08:01:30 B 08:11:30/08:13:30 C 08:21:30 D 08:31:30"]


def test_calls_may_come_in_any_order_by_sequence_or_by_stop(town: Timetable):
    now = live(town, "1-1 2026-11-25: #2=+300 A=+60 #1=+120")

    assert runs_of(now.timetable, "1-1") == ["A 08:01 B 08:12/08:14 C 08:25 D 08:35"]


def test_times_that_run_backwards_are_repaired_and_counted(town: Timetable):
    now = live(town, "1-1 2026-11-25: B=08:20/08:21 C=08:05")

    assert runs_of(now.timetable, "1-1") == ["A 08:00 B 08:20/08:21 C 08:21 D 08:31"]
    assert now.summary.repaired == 2


def test_a_bus_ahead_of_its_time_was_ahead_before(town: Timetable):
    now = live(town, "1-1 2026-11-25: C=07:58")

    assert runs_of(now.timetable, "1-1") == ["A 07:58 B 07:58 C 07:58 D 08:08"]
    assert now.summary.repaired == 0


def test_times_days_away_are_not_believed(town: Timetable):
    now = live(town, "1-1 2026-11-25: B=+300 C=99:00\n1-2 2026-11-25 late 999999")

    assert runs_of(now.timetable, "1-1") == ["A 08:00 B 08:15/08:17 C 08:25 D 08:35"]
    assert runs_of(now.timetable, "1-2") == runs_of(town, "1-2")
    assert now.summary.far == 3


def test_another_platform(town: Timetable):
    now = live(town, "1-1 2026-11-25: C=>E")

    assert runs_of(now.timetable, "1-1") == ["A 08:00 B 08:10/08:12 E 08:20 D 08:30"]


def test_a_new_trip(town: Timetable):
    now = live(town, "new X1 route=2 2026-11-25 headsign=Extra: C=08:21/08:22 E=08:31")

    assert runs_of(now.timetable, "X1") == ["C 08:21/08:22 E 08:31"]
    assert found(now.timetable, "A", "E", "08:00") == [
        "08:00 | 1 A 08:00 C 08:20 | 2 C 08:22 E 08:31 | 08:31"
    ]
    trip = only(now)
    assert (now.timetable.trip(trip).headsign, now.changes[trip].kind) == ("Extra", Kind.ADDED)
    assert now.scheduled_times(trip) is None


def test_the_old_way_to_add_a_trip_and_one_without_its_day(town: Timetable):
    now = live(town, "add X1 route=2: C=08:22 E=08:31")

    assert runs_of(now.timetable, "X1") == ["C 08:22 E 08:31"]


def test_a_copy_of_a_trip_and_its_twin_for_older_readers(town: Timetable):
    now = live(
        town,
        "double 1-1 2026-11-25 id=1-9 start=10:00:00: B=+60\n"
        "add 1-9 route=1 2026-11-25: A=10:00 D=10:30",
    )

    assert runs_of(now.timetable, "1-9") == ["A 10:00 B 10:11/10:13 C 10:21 D 10:31"]
    assert len(runs_of(now.timetable, "1-1")) == 1
    assert now.scheduled_times(only(now)) == (
        [36_000, 36_600, 37_200, 37_800],
        [36_000, 36_720, 37_200, 37_800],
    )


def test_a_replacement_takes_another_way(town: Timetable):
    now = live(town, "replace 1-1 2026-11-25: A=08:00 E=08:11 D=08:25")

    assert runs_of(now.timetable, "1-1") == ["A 08:00 E 08:11 D 08:25"]
    assert now.trip_of(Run(town_trip(town, "1-1"), DAY)) == only(now)
    assert now.changes[only(now)].kind is Kind.REPLACED


def test_of_two_updates_of_one_run_the_newer_counts(town: Timetable):
    newer = "1-1 2026-11-25 at=2026-11-25T07:29+01:00: A=+60"
    older = "1-1 2026-11-25 at=2026-11-25T07:20+01:00: A=+600"

    for order in ((newer, older), (older, newer)):
        now = live(town, *order)
        assert runs_of(now.timetable, "1-1") == ["A 08:01 B 08:11/08:13 C 08:21 D 08:31"]
        assert (now.summary.repeated, now.summary.trips_matched) == (1, 2)


def test_what_nobody_knows_is_counted_and_named(town: Timetable):
    now = live(
        town,
        "9-9 2026-11-25: A=+60\n1-1 2026-12-24: A=+60\nnew X route=9: A=08:00 B=09:00\n"
        "new Y route=1: A=08:00\n1-2 2026-11-25: Z=+60 B=+60\ncancel 8-8",
    )

    assert misses(now) == {
        "UNKNOWN_TRIP": 2,
        "NOT_THAT_DAY": 1,
        "UNKNOWN_ROUTE": 1,
        "TOO_FEW_CALLS": 1,
        "UNKNOWN_STOP": 1,
    }
    assert [(miss.reason, miss.id) for miss in now.unmatched if miss.id.startswith("1-2")] == [
        (Reason.UNKNOWN_STOP, "1-2 Z")
    ]
    assert runs_of(now.timetable, "1-2") == ["A 08:30 B 08:41/08:43 C 08:51 D 09:01"]


NIGHT = DAY - timedelta(days=1)
AFTER_MIDNIGHT = NOW.replace(hour=0, minute=20)


@pytest.mark.parametrize(
    ("named", "day"),
    [
        ("cancel N-5 2026-11-24", NIGHT),
        ("cancel N-5 2026-11-25 start=00:30:00", NIGHT),
        ("cancel N-5 2026-11-25 start=24:30:00", DAY),
        ("cancel N-5 2026-11-25", DAY),
        ("cancel N-5", NIGHT),
        ("cancel route=N start=24:30:00 2026-11-24", NIGHT),
        ("cancel route=N start=00:30:00", NIGHT),
    ],
)
def test_otp_5718_a_cancelled_trip_after_midnight_is_gone_on_its_service_day(
    town: Timetable, named: str, day: date
):
    now = live(town, named, now=AFTER_MIDNIGHT)

    assert now.runs == {Run(town_trip(town, "N-5"), day): None}
    gone = found(now.timetable, "A", "C", "00:00", day + timedelta(days=1))
    assert gone == ["08:00 | 1 A 08:00 C 08:20 | 08:20"]


@pytest.mark.parametrize("day", ["", "2026-11-24", "2026-11-25"])
def test_times_tell_the_service_day_of_a_trip_after_midnight(town: Timetable, day: str):
    text = f"N-5 {day}: B=00:55" if day != "2026-11-24" else "N-5 2026-11-24: B=24:55"

    now = live(town, text, now=AFTER_MIDNIGHT)

    assert runs_of(now.timetable, "N-5", NIGHT) == ["A 24:30 B 24:55 C 25:15"]
    assert now.summary.moved_days == (day == "2026-11-25")


def test_a_run_of_a_frequency_is_named_by_its_start(tmp_path: Path):
    files = {
        "agency.txt": "agency_id,agency_name,agency_url,agency_timezone\nA,A,http://a,Europe/Berlin",
        "stops.txt": "stop_id,stop_name,stop_lat,stop_lon\nA,A,53,10\nB,B,53.1,10",
        "routes.txt": "route_id,agency_id,route_short_name,route_long_name,route_type\n1,A,1,,3",
        "trips.txt": "route_id,service_id,trip_id\n1,S,T",
        "stop_times.txt": "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
        "T,00:00:00,00:00:00,A,5\nT,00:10:00,00:10:00,B,9",
        "calendar_dates.txt": "service_id,date,exception_type\nS,20261125,1",
        "frequencies.txt": "trip_id,start_time,end_time,headway_secs\nT,08:00:00,09:00:00,1200",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content + "\n", encoding="utf-8")
    timetable = build(read_feed(tmp_path)[0])

    now = live(
        timetable,
        "T 2026-11-25 start=08:20:00: #9=+300\nunscheduled T 2026-11-25 start=08:43:00: A=08:43\n"
        "T 2026-11-25 start=08:55:00: A=+60\nT 2026-11-25: A=+60",
    )

    assert runs_of(now.timetable, "T@08:20:00") == ["A 08:20 B 08:35"]
    assert runs_of(now.timetable, "T@08:40:00") == ["A 08:43 B 08:53"]
    assert misses(now) == {"UNKNOWN_TRIP": 2}


@pytest.mark.peer
def test_motis_1562_all_of_raba_matches():
    if not RABA.exists():
        pytest.skip("needs ../shared/feeds/raba")
    timetable = build(read_feed(RABA / "raba.zip")[0])
    messages = [
        read_message((RABA / f"raba-{name}.pb").read_bytes())
        for name in ("trip-updates", "vehicle-positions")
    ]
    assert messages[0].at is not None

    now = patched(timetable, Updates.of(messages), messages[0].at)

    summary = now.summary
    assert (summary.trips_matched, summary.trip_updates, summary.unmatched) == (9, 9, {})
    assert (summary.vehicles_matched, summary.vehicles_with_trip) == (1, 1)
    assert (summary.changed, summary.vehicles, summary.passed_over) == (9, 22, {})


def town_trip(town: Timetable, trip_id: str) -> TripIdx:
    return TripIdx(list(town.trips.id).index(trip_id))


def only(now: Live) -> TripIdx:
    (trip,) = now.changes
    return trip
