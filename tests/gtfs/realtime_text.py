"""GTFS-Realtime messages from a few lines of text, as bytes on the wire.

    1-1 2026-11-25: B=+300            five minutes late from B on
    1-1 2026-11-25: B=08:12/08:14 C=skip D=? #4=-60
    1-2 late 120
    cancel 1-3 2026-11-25
    replace 1-1 2026-11-25: A=08:00 X=08:20
    new X1 route=1 2026-11-25: A=08:03 C=08:20
    double 1-1 2026-11-25 id=1-9 start=09:30:00
    vehicle V7 1-1 2026-11-25 53.5,10.5 stop=B
    alert route=1 stop=B from=2026-11-25T08:00+01:00: Umleitung

Words before the colon: what becomes of the trip, its id, its day, `start=`, `route=`, `direction=`,
`id=`, `at=` (an instant). A call is a stop or `#sequence`, and a delay in seconds, a time of the
day, `arrival/departure` (either may be left out), `skip`, `?`, or `>STOP` for another platform.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from google.transit import gtfs_realtime_pb2 as pb

from gtfs.realtime_live import Live
from gtfs.realtime_patch import patched
from gtfs.realtime_read import read_message
from gtfs.realtime_values import Updates
from gtfs.service_time import instant, parse_clock
from gtfs.timetable import Timetable

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime.fromisoformat("2026-11-25T07:30+01:00")
_RELATIONS = {
    "cancel": "CANCELED",
    "delete": "DELETED",
    "replace": "REPLACEMENT",
    "new": "NEW",
    "add": "ADDED",
    "double": "DUPLICATED",
    "unscheduled": "UNSCHEDULED",
}


def live(timetable: Timetable, *texts: str, now: datetime = NOW) -> Live:
    """The timetable with one message of each text in it."""
    return patched(timetable, Updates.of(read_message(message(text, now)) for text in texts), now)


def message(text: str, at: datetime = NOW) -> bytes:
    """One FULL_DATASET message."""
    feed = pb.FeedMessage()
    feed.header.gtfs_realtime_version = "2.0"
    feed.header.timestamp = int(at.timestamp())
    for number, line in enumerate(filter(None, map(str.strip, text.splitlines()))):
        entity = feed.entity.add(id=str(number))
        head, _, tail = line.partition(": ")
        words = head.split()
        if words[0] == "alert":
            _alert(entity.alert, words[1:], tail)
        elif words[0] == "vehicle":
            _vehicle(entity.vehicle, words[1:])
        else:
            _trip_update(entity.trip_update, words, tail.split())
    return feed.SerializeToString()


def _trip_update(update: Any, words: Sequence[str], calls: Sequence[str]) -> None:
    words = list(words)
    if words[0] in _RELATIONS:
        update.trip.schedule_relationship = pb.TripDescriptor.ScheduleRelationship.Value(
            _RELATIONS[words.pop(0)]
        )
    day = _trip(update.trip, words)
    if "late" in words:
        update.delay = int(words[words.index("late") + 1])
    for word in words:
        name, _, value = word.partition("=")
        if name == "id":
            update.trip_properties.trip_id = value
            if update.trip.start_time:
                update.trip_properties.start_time = update.trip.start_time
                update.trip.ClearField("start_time")
        elif name == "headsign":
            update.trip_properties.trip_headsign = value
        elif name == "at":
            update.timestamp = int(datetime.fromisoformat(value).timestamp())
    for call in calls:
        _call(update.stop_time_update.add(), call, day)


def _trip(trip: Any, words: list[str]) -> date:
    day = NOW.date()
    if words and "=" not in words[0]:
        trip.trip_id = words.pop(0)
    for word in words:
        name, _, value = word.partition("=")
        if name == "route":
            trip.route_id = value
        elif name == "direction":
            trip.direction_id = int(value)
        elif name == "start":
            trip.start_time = value
        elif len(word) == 10 and word[4] == "-":
            day = date.fromisoformat(word)
            trip.start_date = word.replace("-", "")
    return day


def _call(call: Any, text: str, day: date) -> None:
    place, _, said = text.partition("=")
    if place.startswith("#"):
        call.stop_sequence = int(place[1:])
    else:
        call.stop_id = place
    if said == "skip":
        call.schedule_relationship = call.SKIPPED
    elif said == "?":
        call.schedule_relationship = call.NO_DATA
    elif said.startswith(">"):
        call.stop_time_properties.assigned_stop_id = said[1:]
    else:
        arrival, slash, departure = said.partition("/")
        for event, value in ((call.arrival, arrival), (call.departure, departure or arrival)):
            if value and not (slash and event is call.departure and not departure):
                _event(event, value, day)
        if slash and not departure:
            call.ClearField("departure")


def _event(event: Any, text: str, day: date) -> None:
    if text[0] in "+-":
        event.delay = int(text)
    else:
        seconds = parse_clock(text if text.count(":") == 2 else f"{text}:00")
        event.time = int(instant(day, seconds, BERLIN).timestamp())


def _alert(alert: Any, words: Sequence[str], header: str) -> None:
    alert.header_text.translation.add(text=header, language="de")
    selector = alert.informed_entity.add()
    for word in words:
        name, _, value = word.partition("=")
        if name == "from":
            alert.active_period.add(start=int(datetime.fromisoformat(value).timestamp()))
        elif name == "until":
            alert.active_period[-1].end = int(datetime.fromisoformat(value).timestamp())
        elif name == "trip":
            selector.trip.trip_id = value
        elif name == "direction":
            selector.direction_id = int(value)
        elif name == "also":
            selector = alert.informed_entity.add()
        else:
            setattr(selector, f"{name}_id", value)


def _vehicle(vehicle: Any, words: list[str]) -> None:
    vehicle.vehicle.id = words.pop(0)
    at = next(word for word in words if "," in word)
    words.remove(at)
    lat, lon = map(float, at.split(","))
    vehicle.position.latitude, vehicle.position.longitude = lat, lon
    for word in words:
        if word.startswith("stop="):
            vehicle.stop_id = word.removeprefix("stop=")
    if words:
        _trip(vehicle.trip, words)
