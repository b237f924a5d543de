"""What is read as columns, and written by a kernel, is what the library and plain Python make."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest
from google.protobuf.message import DecodeError
from google.transit import gtfs_realtime_pb2 as pb
from hypothesis import given, settings
from hypothesis import strategies as st

from gtfs.ids import TripIdx
from gtfs.realtime_match import Matcher
from gtfs.realtime_read import _Reader, read_message
from gtfs.realtime_times import run_times
from gtfs.realtime_values import CallUpdate, Message, RealtimeError, TimedCalls
from gtfs.text import timetable_from_text

ZERO = 1_764_025_200
TOWN = timetable_from_text("1: A 08:00 B 08:10 C 08:20 D 08:30")
PLANNED = [28_800, 29_400, 30_000, 30_600]


def feed(random: Random) -> pb.FeedMessage:
    """Updates of the trip, most of them plain."""
    made = pb.FeedMessage()
    made.header.gtfs_realtime_version = "2.0"
    for number in range(random.randint(1, 3)):
        update = made.entity.add(id=str(number)).trip_update
        update.trip.trip_id = "1-1"
        delay = random.choice([-100_000, -60, 0, 60, 600, 86_400, 86_401])
        for position in range(random.choice([0, 0, 0, 1, 2]), random.choice([4, 4, 4, 3])):
            delay += random.choice([0, 0, 0, 60, -60, -700])
            call = update.stop_time_update.add(stop_sequence=position)
            call.stop_id = "ABCD"[position] if random.random() < 0.98 else random.choice("AXä")
            call.arrival.time = ZERO + PLANNED[position] + delay
            call.departure.time = call.arrival.time + random.choice([0, 0, 0, 30])
            if random.random() < 0.03:
                call.schedule_relationship = random.choice([1, 2])
            if random.random() < 0.03:
                call.arrival.uncertainty = 30
            if random.random() < 0.03:
                call.ClearField(random.choice(["stop_sequence", "stop_id", "departure"]))
    return made


def as_library(raw: bytes, prefix: str) -> Message | None:
    """The message as it is read without columns; None if it is refused."""
    try:
        whole = pb.FeedMessage.FromString(raw)
    except DecodeError:
        return None
    if not whole.HasField("header") or whole.header.incrementality:
        return None
    return _Reader(prefix).read(whole.header, list(whole.entity), lambda _place: None)


def times_said(call: CallUpdate) -> tuple[object, ...]:
    """All of a call; where it says a time, nothing else of an event counts for a planned run."""
    events = [
        event and (("time", event.time) if event.time else event)
        for event in (call.arrival, call.departure)
    ]
    return (*call[:3], *events, *call[5:])


def agree(raw: bytes, prefix: str = "") -> int:
    """How many updates are read as columns; all say what they say to the library."""
    expected = as_library(raw, prefix)
    if expected is None:
        with pytest.raises(RealtimeError):
            read_message(raw, prefix)
        return 0
    found = read_message(raw, prefix)
    assert [update.trip for update in found.trips] == [update.trip for update in expected.trips]
    for update, plain in zip(found.trips, expected.trips, strict=True):
        assert list(map(times_said, update.calls)) == list(map(times_said, plain.calls))
    return sum(isinstance(update.calls, TimedCalls) for update in found.trips)


def test_messages_are_read_as_the_library_reads_them():
    read = [agree(feed(Random(n)).SerializeToString(), random_prefix(n)) for n in range(300)]

    assert 200 < sum(read) < 600


def random_prefix(n: int) -> str:
    return ("", "x:", "ä:")[n % 3]


@settings(max_examples=300)
@given(st.randoms(use_true_random=False))
def test_broken_bytes_are_read_as_the_library_reads_them(random: Random):
    raw = bytearray(feed(random).SerializeToString())
    for _ in range(random.randint(1, 3)):
        raw[random.randrange(len(raw))] = random.randrange(256)
    agree(bytes(raw))


@settings(max_examples=300)
@given(st.randoms(use_true_random=False))
def test_what_is_said_twice_is_left_to_the_library(random: Random):
    """A message within a message may come in two parts; those of each level are put together."""

    def twice(number: int, content: bytes) -> bytes:
        cut = bytes([number << 3 | 2])
        return b"".join(cut + varint(len(part)) + part for part in (content, content))

    call = feed(random).entity[0].trip_update.stop_time_update[0]
    update = pb.TripUpdate(trip=pb.TripDescriptor(trip_id="1-1")).SerializeToString()
    inner = call.SerializeToString()
    inner += random.choice([b"", twice(2, call.arrival.SerializeToString()), twice(4, b"B")])
    update += b"\x12" + varint(len(inner)) + inner
    entity = b"\x0a\x011" + random.choice(
        [twice(3, update), b"\x1a" + varint(len(update)) + update]
    )
    raw = b"\x0a\x05\x0a\x032.0" + b"\x12" + varint(len(entity)) + entity
    agree(raw + random.choice([b"", b"\x0a\x02\x18\x05", b"\x9b\x06\x9c\x06"]))


def varint(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([number & 127 | 128, number >> 7])


@settings(max_examples=300)
@given(st.randoms(use_true_random=False))
def test_times_by_the_kernel_are_those_of_the_rules(random: Random):
    matcher = Matcher(TOWN, datetime(2025, 11, 25, tzinfo=UTC))
    calls = matcher.calls(TripIdx(0))
    for update in read_message(feed(random).SerializeToString()).trips:
        if not isinstance(update.calls, TimedCalls):
            continue
        plain = matcher.index.plan.times(TripIdx(0), update.calls, ZERO)
        said = matcher.find_calls(calls, update.calls, ZERO, "")
        by_rules = run_times(calls.arrivals, calls.departures, said, ZERO, None)
        if plain is not None:
            assert plain.tolist() == [by_rules.arrivals, by_rules.departures]
            assert len(said) == len(update.calls)
            assert (by_rules.repaired, by_rules.far) == (0, 0)


def test_all_calls_as_planned_to_the_last_have_their_times_by_the_kernel():
    matcher = Matcher(TOWN, datetime(2025, 11, 25, tzinfo=UTC))
    made = pb.FeedMessage()
    made.header.gtfs_realtime_version = "2.0"
    update = made.entity.add(id="1").trip_update
    update.trip.trip_id = "1-1"
    for position in (2, 3):
        call = update.stop_time_update.add(stop_sequence=position, stop_id="ABCD"[position])
        call.arrival.time = call.departure.time = ZERO + PLANNED[position] - 900

    said = read_message(made.SerializeToString()).trips[0].calls

    assert isinstance(said, TimedCalls)
    plain = matcher.index.plan.times(TripIdx(0), said, ZERO)
    assert plain is not None
    assert plain.tolist() == 2 * [[28_800, 29_100, 29_100, 29_700]]
