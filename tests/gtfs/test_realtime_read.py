"""What feeds send is hostile: nothing of it does more than be refused or passed over."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from google.transit import gtfs_realtime_pb2 as pb
from hypothesis import given, settings
from hypothesis import strategies as st

from gtfs import realtime_read
from gtfs.realtime_patch import patched
from gtfs.realtime_read import read_message
from gtfs.realtime_values import CallState, RealtimeError, Relation, TripRef, Updates
from gtfs.text import timetable_from_text
from tests.gtfs.realtime_text import NOW, message

GOOD = message("1-1 2026-11-25: B=+300 C=08:30\nalert stop=B: Umleitung\nvehicle V 1-1 53.8,10.7")
TOWN = timetable_from_text("1: A 08:00 B 08:10 C 08:20")


def feed(**header: int) -> pb.FeedMessage:
    made = pb.FeedMessage()
    made.header.gtfs_realtime_version = "2.0"
    for name, value in header.items():
        setattr(made.header, name, value)
    return made


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "no header"),
        (GOOD[:-3], "cut off"),
        (b"<html>busy</html>", "cut off"),
        (b'{"header": {}}', "cut off"),
        (feed(incrementality=1).SerializeToString(), "DIFFERENTIAL"),
        (pb.Position(latitude=1, longitude=2).SerializeToString(), "no header"),
    ],
)
def test_what_is_no_whole_message_is_refused(raw: bytes, why: str):
    with pytest.raises(RealtimeError, match=why):
        read_message(raw)


def test_a_message_of_many_megabytes_or_entities_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(realtime_read, "MAX_ENTITIES", 2)
    with pytest.raises(RealtimeError, match="3 entities"):
        read_message(GOOD)
    monkeypatch.setattr(realtime_read, "MAX_BYTES", 100)
    with pytest.raises(RealtimeError, match="bytes are more"):
        read_message(GOOD)


def test_a_good_message_is_read_whole():
    read = read_message(GOOD, prefix="x:")

    assert read.at == NOW.astimezone(UTC)
    assert [(u.trip.trip_id, [c.stop_id for c in u.calls]) for u in read.trips] == [
        ("x:1-1", ["x:B", "x:C"])
    ]
    assert [a.header for a in read.alerts] == [{"de": "Umleitung"}]
    assert [(v.id, v.trip) for v in read.vehicles] == [("V", TripRef("x:1-1"))]


def test_entities_that_make_no_sense_are_passed_over_and_counted():
    made = feed()
    made.entity.add(id="1").vehicle.position.latitude = 91
    made.entity.add(id="2").vehicle.position.latitude = float("nan")
    made.entity.add(id="3").alert.url.translation.add(text="javascript:alert(1)")
    made.entity.add(id="4", is_deleted=True).trip_update.trip.trip_id = "1-1"
    made.entity.add(id="5").shape.shape_id = "S"
    made.entity.add(id="6").trip_update.trip.trip_id = "first"
    made.entity.add(id="6").trip_update.trip.trip_id = "second"
    late = made.entity.add(id="7").trip_update.stop_time_update.add()
    late.arrival.time = 1 << 60

    read = read_message(made.SerializePartialToString())

    assert [update.trip.trip_id for update in read.trips] == ["second", ""]
    assert (read.alerts, read.vehicles) == ((), ())
    assert read.passed_over == {
        "vehicle_without_position": 2,
        "alert_without_text": 1,
        "deleted": 1,
        "shape": 1,
        "entity_id_repeated": 1,
        "time_out_of_range": 1,
    }


def test_dates_and_times_that_are_none_are_not_said():
    made = feed(timestamp=1 << 62)
    trip = made.entity.add(id="1").trip_update.trip
    trip.start_date, trip.start_time, trip.direction_id = "20261340", "8 Uhr", 7

    read = read_message(made.SerializePartialToString())

    assert (read.at, read.trips[0].trip) == (None, TripRef())


@settings(max_examples=60)
@given(st.randoms(use_true_random=False))
def test_broken_bytes_never_break_anything_else(random: Random):
    raw = bytearray(GOOD)
    for _ in range(random.randint(1, 6)):
        raw[random.randrange(len(raw))] = random.randrange(256)
    if random.random() < 0.3:
        del raw[random.randrange(len(raw)) :]

    try:
        read = read_message(bytes(raw))
    except RealtimeError:
        return
    now = patched(TOWN, Updates.of([read]), NOW)

    assert (now.timetable.events.departure >= -86_400).all()
    assert len(now.timetable.trips.id) <= 2


@settings(max_examples=80)
@given(st.data())
def test_whatever_is_said_trips_run_forwards(data: st.DataObject):  # noqa: C901
    made = feed(timestamp=int(NOW.timestamp()))
    numbers = st.integers(-(2**31), 2**31 - 1) | st.integers(-900, 900)
    times = st.integers(-(2**63), 2**63 - 1) | st.integers(
        *(int((NOW + timedelta(hours=h)).timestamp()) for h in (-30, 30))
    )
    for number in range(data.draw(st.integers(1, 3))):
        update = made.entity.add(id=str(number)).trip_update
        update.trip.trip_id = data.draw(st.sampled_from(["1-1", "X"]))
        update.trip.route_id = data.draw(st.sampled_from(["1", "9", ""]))
        update.trip.schedule_relationship = data.draw(st.sampled_from([r.value for r in Relation]))
        if data.draw(st.booleans()):
            update.trip.start_date = data.draw(st.sampled_from(["20261125", "20261124", "x"]))
        if data.draw(st.booleans()):
            update.trip.start_time = data.draw(
                st.sampled_from(["08:00:00", "32:00:00", "00:01:00"])
            )
        if data.draw(st.booleans()):
            update.delay = data.draw(numbers)
        for _ in range(data.draw(st.integers(0, 4))):
            call = update.stop_time_update.add(stop_id=data.draw(st.sampled_from("ABCZ")))
            call.schedule_relationship = data.draw(st.sampled_from([s.value for s in CallState]))
            if data.draw(st.booleans()):
                call.stop_sequence = data.draw(st.integers(0, 5))
            for event in (call.arrival, call.departure):
                if data.draw(st.booleans()):
                    event.delay = data.draw(numbers)
                if data.draw(st.booleans()):
                    event.time = data.draw(times)

    now = patched(TOWN, Updates.of([read_message(made.SerializeToString())]), NOW)

    table = now.timetable
    for trip in now.changes:
        p = int(table.trips.pattern[trip])
        n_calls = int(table.patterns.stop0[p + 1] - table.patterns.stop0[p])
        first = int(table.patterns.event0[p]) + (trip - int(table.patterns.trip0[p])) * n_calls
        rows = slice(first, first + n_calls)
        arrivals, departures = table.events.arrival[rows], table.events.departure[rows]
        assert (arrivals <= departures).all()
        assert (departures[:-1] <= arrivals[1:]).all()
    assert datetime.fromtimestamp(0, UTC) < (now.at or NOW)
