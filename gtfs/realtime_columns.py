"""A message cut into its entities, and the calls of trip updates of the common kind as columns.

Accessors of the protocol buffers library cost more, call by call, than all the rest of reading a
message; and while it reads all of a message at once, no search runs. So it is given the entities
one by one, all of which it checks, and calls are read here. What is not of the common kind, or
said twice, is left to it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gtfs.kernel_cache import compiled
from gtfs.realtime_values import TimedCalls

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]

EARLIEST, LATEST = 631_152_000, 7_258_118_400
"""POSIX seconds between which a time is believed."""
MAX_ID = 200
_VARINT, _LONG, _BYTES, _SHORT = 0, 1, 2, 5
_ENTITY, _TRIP_UPDATE, _CALL = 2 << 3 | _BYTES, 3 << 3 | _BYTES, 2 << 3 | _BYTES
_SEQUENCE, _ARRIVAL, _DEPARTURE = 1 << 3 | _VARINT, 2 << 3 | _BYTES, 3 << 3 | _BYTES
_STOP_ID, _RELATIONSHIP, _PROPERTIES = 4 << 3 | _BYTES, 5 << 3 | _VARINT, 6 << 3 | _BYTES
_TIME, _UNCERTAINTY = 2 << 3 | _VARINT, 3 << 3 | _VARINT
"""Numbers and kinds of fields: gtfs-realtime.proto."""
_AT_SEQUENCE, _AT_ARRIVAL, _AT_DEPARTURE, _AT_ID, _AT_END, _COLUMNS = range(6)


class Entities:
    """The entities of a message by their place, and what else there is in it."""

    def __init__(self, raw: bytes, prefix: str) -> None:
        """`prefix` is put before every stop's id."""
        self._text = np.frombuffer(raw, np.uint8)
        first, self._rows, spans = _scan(self._text)
        self._first = first.tolist()
        self._prefix = prefix.encode()
        self.parts = [raw[start:end] for start, end in spans[:, 1:].tolist()]
        ends = [0, *spans[:, 2].tolist()]
        starts = [*spans[:, 0].tolist(), len(raw)]
        self.rest = b"".join(raw[a:b] for a, b in zip(ends, starts, strict=True) if a < b)
        """All of it, where it could not be cut up."""

    def calls(self, place: int) -> TimedCalls | None:
        """The calls of an entity's trip update; None if it has none, or any of another kind."""
        if place >= len(self.parts):
            return None
        start, end = self._first[place], self._first[place + 1]
        return TimedCalls(self._rows[start:end], self._text, self._prefix) if end > start else None


@compiled
def _scan(raw: U8) -> tuple[I64, I64, I64]:
    """Where the calls of each entity begin; the calls; its start, its bytes' start, and its end.

    No calls where any is special; no entities where the message cannot be cut up.
    """
    n_entities = at = 0
    while 0 <= at < len(raw):
        tag, _, _, at = _next(raw, at, len(raw))
        n_entities += tag == _ENTITY
    first, spans = np.zeros(n_entities + 1, np.int64), np.empty((n_entities, 3), np.int64)
    rows = np.empty((len(raw) // 16 + 1, _COLUMNS), np.int64)
    if at < 0:
        return first[:1], rows[:0], spans[:0]
    used = entity = at = 0
    while at < len(raw):
        start = at
        tag, _, begin, at = _next(raw, at, len(raw))
        if tag == _ENTITY:
            spans[entity] = start, begin, at
            used = max(used, _calls_of(raw, begin, at, rows, used))
            entity += 1
            first[entity] = used
    return first, rows[:used], spans


@compiled
def _calls_of(raw: U8, at: int, end: int, rows: I64, used: int) -> int:
    """Write the calls of an entity; how many rows are then used, -1 if any is special."""
    n_updates, after = 0, used
    while at < end:
        tag, size, begin, at = _next(raw, at, end)
        if at < 0:
            return -1
        if tag == _TRIP_UPDATE:
            after = _calls(raw, begin, begin + size, rows, used)
            n_updates += 1
    return after if n_updates == 1 else -1


@compiled
def _calls(raw: U8, at: int, end: int, rows: I64, used: int) -> int:
    """Write the calls of a trip update; how many rows are then used, -1 if any is special."""
    start = used
    while at < end:
        tag, size, begin, at = _next(raw, at, end)
        if at < 0:
            return -1
        if tag == _CALL:
            if used == len(rows) or not _call(raw, begin, begin + size, rows[used], used == start):
                return -1
            used += 1
    return used


@compiled
def _call(raw: U8, at: int, end: int, row: I64, is_first: bool) -> bool:  # noqa: FBT001
    """Write a call; whether it is of the common kind: sequence, stop and both times, no more.

    The first of a trip may have the sequence 0, which is else what is not said.
    """
    row[:] = 0
    has_sequence, said = False, 0
    while at < end:
        tag, value, begin, at = _next(raw, at, end)
        if at < 0 or tag == _PROPERTIES or (tag == _RELATIONSHIP and value != 0):
            return False
        if tag in (_SEQUENCE, _ARRIVAL, _DEPARTURE, _STOP_ID):
            if said & (1 << tag):
                return False
            said |= 1 << tag
        if tag == _SEQUENCE:
            has_sequence = (value > 0 or is_first) and value < 1 << 31
            row[_AT_SEQUENCE] = value
        elif tag in (_ARRIVAL, _DEPARTURE):
            time = _time(raw, begin, begin + value)
            row[_AT_ARRIVAL if tag == _ARRIVAL else _AT_DEPARTURE] = time
        elif tag == _STOP_ID:
            row[_AT_ID], row[_AT_END] = begin, begin + value
            if value > MAX_ID or not _is_ascii(raw, begin, begin + value):
                return False
    return (
        has_sequence
        and EARLIEST < row[_AT_ARRIVAL] < LATEST
        and EARLIEST < row[_AT_DEPARTURE] < LATEST
    )


@compiled
def _is_ascii(raw: U8, at: int, end: int) -> bool:
    for i in range(at, end):  # noqa: SIM110 - in a kernel
        if raw[i] >= 0x80:
            return False
    return True


@compiled
def _time(raw: U8, at: int, end: int) -> int:
    """The time of an event; 0 if it has none, or several, or says how certain it is."""
    time = 0
    while at < end:
        tag, value, _, at = _next(raw, at, end)
        if at < 0 or (tag == _UNCERTAINTY and value != 0) or (tag == _TIME and time != 0):
            return 0
        if tag == _TIME:
            time = value
    return time


@compiled
def _next(raw: U8, at: int, end: int) -> tuple[int, int, int, int]:
    """A field's number and kind, its value or size, where its bytes begin, where the next one is.

    The last is -1 where nothing can be read: a field that ends beyond `end`, or a group.
    """
    tag, at = _varint(raw, at, end)
    kind = tag & 7
    if at < 0:
        return 0, 0, 0, -1
    if kind == _VARINT:
        value, after = _varint(raw, at, end)
        return tag, value, at, after
    size = 8 if kind == _LONG else 4
    if kind == _BYTES:
        size, at = _varint(raw, at, end)
    elif kind not in (_LONG, _SHORT):
        return 0, 0, 0, -1
    if at < 0 or size < 0 or size > end - at:
        return 0, 0, 0, -1
    return tag, size, at, at + size


@compiled
def _varint(raw: U8, at: int, end: int) -> tuple[int, int]:
    """A number and where it ends; -1 where it does not before `end`, or has more than 64 bits."""
    value, shift = np.int64(0), 0
    while at < end and shift < 64:
        byte = np.int64(raw[at])
        value |= (byte & 0x7F) << shift
        at += 1
        shift += 7
        if byte < 0x80:
            return int(value), at
    return 0, -1
