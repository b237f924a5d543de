"""Bytes to a message: hostile input in, checked values out.

Refused whole: what is too large, no protocol buffer, without a header, or DIFFERENTIAL. An entity
that makes no sense is passed over and counted. Numbers and texts are bounded here.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from google.protobuf.message import DecodeError
from google.transit import gtfs_realtime_pb2 as pb

from gtfs.geo import LatLon
from gtfs.realtime_columns import EARLIEST, LATEST, MAX_ID, Entities
from gtfs.realtime_values import (
    Alert,
    CallState,
    CallUpdate,
    Informed,
    Message,
    Period,
    RealtimeError,
    Relation,
    TimeChange,
    TimedCalls,
    TripRef,
    TripUpdate,
    Vehicle,
)
from gtfs.service_time import parse_clock

MAX_BYTES = 32 << 20
MAX_ENTITIES = 200_000
MAX_CALLS = 1_000
MAX_TEXT = 4_000
_FIRST_YEAR, _LAST_YEAR = 1990, 2200
_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)")
_RELATIONS = {relation.value: relation for relation in Relation}
_STATES = {state.value: state for state in CallState}
_NOT_AVAILABLE = 1
_WHEELCHAIR = {2: 1, 3: 2}
"""VehicleDescriptor.wheelchair_accessible to the numbers of trips.txt."""
_NOT_USED = ("shape", "stop", "trip_modifications")


def read_message(raw: bytes, prefix: str = "") -> Message:
    """The message in `raw`; `prefix` is put before every id, for timetables of several feeds.

    Raises:
        RealtimeError: there is nothing in it that can be used.
    """
    if len(raw) > MAX_BYTES:
        raise RealtimeError(f"{len(raw)} bytes are more than {MAX_BYTES}")
    entities = Entities(raw, prefix)
    if len(entities.parts) > MAX_ENTITIES:
        raise RealtimeError(f"{len(entities.parts)} entities are more than {MAX_ENTITIES}")
    try:
        feed = pb.FeedMessage.FromString(entities.rest)
        parts = [*feed.entity, *map(pb.FeedEntity.FromString, entities.parts)]
    except DecodeError as error:
        raise RealtimeError("no GTFS-Realtime message, or one that was cut off") from error
    if not feed.HasField("header"):
        raise RealtimeError("no GTFS-Realtime message: it has no header")
    if feed.header.incrementality != pb.FeedHeader.FULL_DATASET:
        raise RealtimeError("a DIFFERENTIAL message, which says only what changed; send all of it")
    if len(parts) > MAX_ENTITIES:
        raise RealtimeError(f"{len(parts)} entities are more than {MAX_ENTITIES}")
    return _Reader(prefix).read(feed.header, parts, entities.calls)


class _Reader:
    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._passed_over: Counter[str] = Counter()

    def read(
        self, header: Any, parts: Sequence[Any], calls: Callable[[int], TimedCalls | None]
    ) -> Message:
        entities: dict[str, tuple[int, Any]] = {}
        for number, entity in enumerate(parts):
            key = _text(entity.id) or f"\0{number}"
            if key in entities:
                self._passed_over["entity_id_repeated"] += 1
            entities[key] = (number, entity)
        trips: list[TripUpdate] = []
        alerts: list[Alert] = []
        vehicles: list[Vehicle] = []
        for number, entity in entities.values():
            if entity.is_deleted:
                self._passed_over["deleted"] += 1
                continue
            if entity.HasField("trip_update"):
                self._keep(trips, self._trip_update(entity.trip_update, calls(number)))
            if entity.HasField("alert"):
                self._keep(alerts, self._alert(entity.id, entity.alert))
            if entity.HasField("vehicle"):
                self._keep(vehicles, self._vehicle(entity.id, entity.vehicle))
            for name in filter(entity.HasField, _NOT_USED):
                self._passed_over[name] += 1
        return Message(
            _instant(header.timestamp),
            tuple(trips),
            tuple(alerts),
            tuple(vehicles),
            dict(+self._passed_over),
        )

    @staticmethod
    def _keep(kept: list[Any], value: object | None) -> None:
        if value is not None:
            kept.append(value)

    def _id(self, text: str | bytes) -> str:
        return self._prefix + _text(text)[:MAX_ID] if text else ""

    def _trip_ref(self, trip: Any) -> TripRef:
        return TripRef(
            self._id(trip.trip_id),
            self._id(trip.route_id),
            trip.direction_id if trip.HasField("direction_id") and trip.direction_id < 2 else -1,
            _day(trip.start_date),
            _clock(trip.start_time),
        )

    def _trip_update(self, update: Any, timed: TimedCalls | None) -> TripUpdate | None:
        trip = update.trip
        relation = _RELATIONS.get(trip.schedule_relationship)
        if relation is None or len(update.stop_time_update) > MAX_CALLS:
            self._passed_over["trip_update_unreadable"] += 1
            return None
        if trip.HasField("modified_trip") and not trip.trip_id:
            self._passed_over["trip_modifications"] += 1
            return None
        new = update.trip_properties if update.HasField("trip_properties") else None
        return TripUpdate(
            self._trip_ref(trip),
            relation,
            (relation is Relation.SCHEDULED and timed) or self._calls(update.stop_time_update),
            update.delay if update.HasField("delay") else None,
            _instant(update.timestamp),
            new
            and TripRef(
                self._id(new.trip_id),
                start_day=_day(new.start_date),
                start_s=_clock(new.start_time),
            ),
            _text(new.trip_headsign)[:MAX_ID] if new else "",
            _text(new.trip_short_name)[:MAX_ID] if new else "",
            _WHEELCHAIR.get(update.vehicle.wheelchair_accessible, 0)
            if update.HasField("vehicle")
            else 0,
        )

    def _calls(self, said: Iterable[Any]) -> tuple[CallUpdate, ...]:
        """All that is said of calls."""
        read, calls = self._time_change, []
        for call in said:
            sequence = call.stop_sequence if call.HasField("stop_sequence") else None
            arrival, departure = read(call.arrival), read(call.departure)
            said_so = (sequence, self._id(call.stop_id), _STATES[call.schedule_relationship])
            if call.HasField("stop_time_properties"):
                properties = call.stop_time_properties
                rules = (
                    self._id(properties.assigned_stop_id),
                    _allowed(properties, "pickup_type"),
                    _allowed(properties, "drop_off_type"),
                )
                calls.append(CallUpdate(*said_so, arrival, departure, *rules))
            else:
                calls.append(CallUpdate(*said_so, arrival, departure))
        return tuple(calls)

    def _time_change(self, event: Any) -> TimeChange | None:
        """What an event says; of a time and a delay the time counts."""
        time, delay_s, scheduled = event.time, event.delay, event.scheduled_time
        if EARLIEST < time < LATEST:
            if not delay_s and not scheduled:
                return TimeChange(time, None, event.uncertainty or None)
            return TimeChange(time, delay_s or None, event.uncertainty or None, _sane(scheduled))
        self._passed_over["time_out_of_range"] += time != 0
        if not delay_s and not scheduled and not event.HasField("delay"):
            return None
        said = delay_s if event.HasField("delay") else None
        return TimeChange(None, said, event.uncertainty or None, _sane(scheduled))

    def _alert(self, id_: str, alert: Any) -> Alert | None:
        header = _texts(alert.header_text)
        description = _texts(alert.description_text)
        if not header and not description:
            self._passed_over["alert_without_text"] += 1
            return None
        return Alert(
            _text(id_)[:MAX_ID],
            header,
            description,
            {k: v for k, v in _texts(alert.url).items() if v.startswith(("https://", "http://"))},
            pb.Alert.Cause.Name(alert.cause),
            pb.Alert.Effect.Name(alert.effect),
            pb.Alert.SeverityLevel.Name(alert.severity_level),
            tuple(Period(_instant(p.start), _instant(p.end)) for p in alert.active_period),
            tuple(self._informed(entity) for entity in alert.informed_entity),
        )

    def _informed(self, entity: Any) -> Informed:
        return Informed(
            self._id(entity.agency_id),
            self._id(entity.route_id),
            entity.route_type if entity.HasField("route_type") else None,
            entity.direction_id
            if entity.HasField("direction_id") and entity.direction_id < 2
            else -1,
            self._id(entity.stop_id),
            self._trip_ref(entity.trip) if entity.HasField("trip") else None,
        )

    def _vehicle(self, id_: str, vehicle: Any) -> Vehicle | None:
        at = vehicle.position
        if not vehicle.HasField("position") or not _on_earth(at.latitude, at.longitude):
            self._passed_over["vehicle_without_position"] += 1
            return None
        occupancy = ""
        if vehicle.HasField("occupancy_status"):
            occupancy = pb.VehiclePosition.OccupancyStatus.Name(vehicle.occupancy_status)
        return Vehicle(
            _text(vehicle.vehicle.id or id_)[:MAX_ID],
            _text(vehicle.vehicle.label)[:MAX_ID],
            LatLon(at.latitude, at.longitude),
            self._trip_ref(vehicle.trip) if vehicle.HasField("trip") else None,
            at.bearing if at.HasField("bearing") and 0 <= at.bearing <= 360 else None,
            at.speed if at.HasField("speed") and 0 <= at.speed < 200 else None,
            self._id(vehicle.stop_id),
            vehicle.current_stop_sequence if vehicle.HasField("current_stop_sequence") else None,
            pb.VehiclePosition.VehicleStopStatus.Name(vehicle.current_status),
            occupancy,
            _instant(vehicle.timestamp),
        )


def _text(text: str | bytes) -> str:
    """What is no UTF-8 comes as bytes."""
    return text if isinstance(text, str) else text.decode(errors="replace")


def _sane(posix: int) -> int | None:
    return posix if EARLIEST < posix < LATEST else None


def _allowed(properties: Any, name: str) -> bool | None:
    """Whether one may board or alight; None where the message does not say."""
    return getattr(properties, name) != _NOT_AVAILABLE if properties.HasField(name) else None


def _texts(translated: Any) -> dict[str, str]:
    return {
        _text(t.language)[:16]: _text(t.text)[:MAX_TEXT] for t in translated.translation if t.text
    }


def _instant(posix: int) -> datetime | None:
    return datetime.fromtimestamp(posix, UTC) if EARLIEST < posix < LATEST else None


@lru_cache(maxsize=64)
def _day(text: str | bytes) -> date | None:
    found = _DATE.fullmatch(_text(text))
    if found is None:
        return None
    try:
        day = date(*map(int, found.groups()))
    except ValueError:
        return None
    return day if _FIRST_YEAR <= day.year <= _LAST_YEAR else None


def _clock(text: str | bytes) -> int | None:
    try:
        return parse_clock(_text(text)) if text else None
    except ValueError:
        return None


def _on_earth(lat: float, lon: float) -> bool:
    return math.isfinite(lat) and math.isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180
