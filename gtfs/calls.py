"""The calls of all trips from stop_times.txt: complete, in order, with times, never backwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gtfs.columns import BLANK, Columns, Names, clocks, numbers, read_columns
from gtfs.defects import Kind, Report, Severity
from gtfs.geo import distances_m
from gtfs.source import Source

Bool = NDArray[np.bool_]
I8 = NDArray[np.int8]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

_LEAST_M = 1.0


@dataclass(frozen=True, slots=True)
class TripRows:
    """The trips that calls are wanted for: number among all trip ids, and line in trips.txt.

    `n_listed` ids are named in trips.txt at all.
    """

    number: I32
    lines: I32
    n_listed: int


@dataclass(frozen=True, slots=True)
class Places:
    """Stops by number: whether a vehicle can call there, and where it is (degrees)."""

    known: Bool
    lat: F64
    lon: F64


@dataclass(frozen=True, slots=True)
class _Rows:
    """Calls, one row each: the trip as a row of `TripRows`, the line in stop_times.txt."""

    trip: I64
    line: I32
    sequence: I32
    stop: I32
    arrival: I32
    departure: I32
    pickup: I8
    drop_off: I8

    def take(self, rows: NDArray[np.int64] | Bool) -> Self:
        """Some of the rows."""
        return replace(self, **{f.name: getattr(self, f.name)[rows] for f in fields(self)})


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls of the trips `trip`, rows of `TripRows`; those of one are [call0[i], call0[i + 1])."""

    trip: I64
    call0: I64
    stop: I32
    arrival: I32
    departure: I32
    sequence: I32
    pickup: I8
    drop_off: I8


def read_calls(
    source: Source, trips: Names, stops: Names, rows: TripRows, places: Places, report: Report
) -> Calls:
    """The calls of every trip of `rows` that can be ridden; all else is reported and left out.

    Raises:
        FeedError: the zip is damaged, or stop_times.txt is no table.
    """
    table = read_columns(
        source,
        "stop_times",
        {
            "trip_id": trips,
            "stop_id": stops,
            "stop_sequence": numbers(),
            "arrival_time": clocks(),
            "departure_time": clocks(),
            "pickup_type": numbers(),
            "drop_off_type": numbers(),
        },
        report,
    )
    calls = _in_order(_usable(table, trips, stops, rows, places, report), report)
    del table
    for drop in (_too_short, _without_ends):
        calls = _without(calls, drop(calls, trips, rows, report))
    calls = _timed(calls, places, report)
    calls = _without(calls, _backwards(calls, trips, rows, report))
    first = np.flatnonzero(np.r_[True, calls.trip[1:] != calls.trip[:-1]][: len(calls.trip)])
    return Calls(
        calls.trip[first],
        np.append(first, len(calls.trip)),
        calls.stop,
        calls.arrival,
        calls.departure,
        calls.sequence,
        calls.pickup,
        calls.drop_off,
    )


def _usable(
    table: Columns, trips: Names, stops: Names, rows: TripRows, places: Places, report: Report
) -> _Rows:
    """The rows whose trip and stop we know; who calls where nothing is known is reported."""
    trip, stop = table["trip_id"], table["stop_id"]
    whole = np.ones(len(table), np.bool_)
    for column, blank in (("trip_id", -1), ("stop_id", -1), ("stop_sequence", BLANK)):
        lacking = whole & (table[column] == blank)
        if column in table.present or column != "stop_sequence":
            _say(report, table.lines, lacking, column, Kind.MISSING_VALUE, "is empty")
        whole &= ~lacking
    row_of = np.full(max(len(trips.values_), 1), -1, np.int64)
    row_of[rows.number] = np.arange(len(rows.number))
    _orphans(table.lines, trip, whole, trips, rows.n_listed, report)
    placed = _known(places.known, stop)
    unknown = whole & ~placed & (trip < rows.n_listed)
    which = stop[unknown].tolist()
    _say(
        report, table.lines, unknown, "stop_id", Kind.UNKNOWN_REFERENCE,
        lambda i: f"stops.txt has no stop {stops.values_[which[i]]!r} with a position",
    )  # fmt: skip
    kept = np.flatnonzero(whole & placed & (row_of[trip] >= 0))
    return _Rows(
        row_of[trip[kept]],
        table.lines[kept],
        table["stop_sequence"][kept],
        stop[kept],
        table["arrival_time"][kept],
        table["departure_time"][kept],
        _stopping(table, "pickup_type", kept, report),
        _stopping(table, "drop_off_type", kept, report),
    )


def _known(known: Bool, number: I32) -> Bool:
    inside = (number >= 0) & (number < len(known))
    inside[inside] = known[number[inside]]
    return inside


def _say(
    report: Report,
    lines: I32,
    bad: Bool,
    column: str,
    kind: Kind,
    problem: str | Callable[[int], str],
    action: str = "left the call out",
) -> None:
    rows = lines[bad].tolist()
    report.add_rows("stop_times", rows, column, kind, problem, action, Severity.ERROR)


def _orphans(
    lines: I32, trip: I32, whole: Bool, trips: Names, n_listed: int, report: Report
) -> None:
    """Report each trip that trips.txt lacks, at its first call."""
    strangers = np.flatnonzero(whole & (trip >= n_listed))
    ids, first = np.unique(trip[strangers], return_index=True)
    report.add_rows(
        "stop_times",
        lines[strangers[first]].tolist(),
        "trip_id",
        Kind.UNKNOWN_REFERENCE,
        lambda i: f"trips.txt has no {trips.values_[int(ids[i])]!r}",
        "ignored its calls",
        Severity.ERROR,
    )


def _stopping(table: Columns, column: str, kept: I64, report: Report) -> I8:
    kind = table[column][kept]
    bad = (kind != BLANK) & ((kind < 0) | (kind > 3))
    report.add_rows(
        "stop_times", table.lines[kept][bad].tolist(), column, Kind.BAD_VALUE,
        "is none of 0, 1, 2, 3", "took it as 0",
    )  # fmt: skip
    return np.where(bad | (kind == BLANK), 0, kind).astype(np.int8)


def _in_order(calls: _Rows, report: Report) -> _Rows:
    """By trip and stop_sequence, one call a sequence: the first in the file."""
    key = calls.trip * (1 << 32) + (calls.sequence.astype(np.int64) + (1 << 31))
    if np.any(key[1:] < key[:-1]):
        order = np.argsort(key, kind="stable")
        calls, key = calls.take(order), key[order]
    negative = calls.sequence < 0
    _say(
        report, calls.line, negative, "stop_sequence", Kind.BAD_VALUE, "is negative",
        "kept its order",
    )  # fmt: skip
    again = np.r_[False, key[1:] == key[:-1]][: len(key)]
    which = calls.sequence[again].tolist()
    _say(
        report, calls.line, again, "stop_sequence", Kind.DUPLICATE,
        lambda i: f"{which[i]} a second time", "ignored the call",
    )  # fmt: skip
    return calls.take(~again) if again.any() else calls


def _without(calls: _Rows, dropped: Bool) -> _Rows:
    """The calls of all trips but those."""
    return calls.take(~dropped[calls.trip]) if dropped.any() else calls


def _too_short(calls: _Rows, trips: Names, rows: TripRows, report: Report) -> Bool:
    short = np.bincount(calls.trip, minlength=len(rows.number)) < 2
    which = rows.number[short].tolist()
    report.add_rows(
        "trips", rows.lines[short].tolist(), "trip_id", Kind.UNUSED,
        lambda i: f"{trips.values_[which[i]]!r} has fewer than two calls", "left it out",
        Severity.ERROR,
    )  # fmt: skip
    return short


def _without_ends(calls: _Rows, trips: Names, rows: TripRows, report: Report) -> Bool:
    blank = (calls.arrival == BLANK) & (calls.departure == BLANK)
    first = np.r_[True, calls.trip[1:] != calls.trip[:-1]][: len(blank)]
    last = np.r_[first[1:], True][: len(blank)]
    bad = np.flatnonzero(blank & (first | last))
    dropped, where = np.unique(calls.trip[bad], return_index=True)
    which = rows.number[dropped].tolist()
    report.add_rows(
        "stop_times", calls.line[bad[where]].tolist(), "arrival_time", Kind.MISSING_VALUE,
        lambda i: f"{trips.values_[which[i]]!r} has no time at its first or last call",
        "left the trip out", Severity.ERROR,
    )  # fmt: skip
    mask = np.zeros(len(rows.number), np.bool_)
    mask[dropped] = True
    return mask


def _timed(calls: _Rows, places: Places, report: Report) -> _Rows:
    """Every call with both times: the other one, or, to the nearest second, by the straight way."""
    arrival, departure = calls.arrival, calls.departure
    for column, times, other in (
        ("arrival_time", arrival, departure),
        ("departure_time", departure, arrival),
    ):
        lacking = (times == BLANK) & (other != BLANK)
        report.add_rows(
            "stop_times", calls.line[lacking].tolist(), column, Kind.MISSING_VALUE,
            "is empty where the other time is not", "took the other one",
        )  # fmt: skip
        times[lacking] = other[lacking]
    unknown = np.flatnonzero(arrival == BLANK)
    if not len(unknown):
        return calls
    way = ways_m(places.lat[calls.stop], places.lon[calls.stop])
    known = np.flatnonzero(arrival != BLANK)
    after = np.searchsorted(known, unknown)
    before_row, after_row = known[after - 1], known[after]
    start, end = departure[before_row], arrival[after_row]
    share = (way[unknown] - way[before_row]) / (way[after_row] - way[before_row])
    filled = start + np.rint((end - start) * share).astype(np.int32)
    arrival[unknown] = departure[unknown] = filled
    return calls


def ways_m(lat: F64, lon: F64) -> F64:
    """Metres from the first place to each along straight lines, each at least one metre long."""
    steps = distances_m(lat[:-1], lon[:-1], lat[1:], lon[1:])
    way = np.zeros(len(lat))
    np.cumsum(np.maximum(steps, _LEAST_M), out=way[1:])
    return way


def _backwards(calls: _Rows, trips: Names, rows: TripRows, report: Report) -> Bool:
    same = calls.trip[1:] == calls.trip[:-1]
    back = calls.departure < calls.arrival
    back[1:] |= same & (calls.arrival[1:] < calls.departure[:-1])
    bad = np.flatnonzero(back)
    dropped, where = np.unique(calls.trip[bad], return_index=True)
    which = rows.number[dropped].tolist()
    report.add_rows(
        "stop_times", calls.line[bad[where]].tolist(), "arrival_time", Kind.BACKWARDS,
        lambda i: f"{trips.values_[which[i]]!r} runs backwards in time", "left the trip out",
        Severity.ERROR,
    )  # fmt: skip
    mask = np.zeros(len(rows.number), np.bool_)
    mask[dropped] = True
    return mask
