"""Trips with their calls: checked, blank times interpolated, frequencies expanded; by columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gtfs.calls import Calls, Places, TripRows, read_calls
from gtfs.columns import BLANK, Columns, Names, numbers, read_columns
from gtfs.defects import Kind, Report, Severity
from gtfs.records import Record, read_records
from gtfs.service_time import format_clock
from gtfs.source import Source
from gtfs.trip_columns import TripColumns

_MAX_EXPANDED = 2_880

Bool = NDArray[np.bool_]
I8 = NDArray[np.int8]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Ids:
    """What the ids of a feed are numbered by, shared by all of its tables."""

    routes: Names
    services: Names
    shapes: Names
    stops: Names
    trips: Names
    texts: Names

    @classmethod
    def fresh(cls) -> Ids:
        """None met yet."""
        return cls(Names(), Names(), Names(), Names(), Names(), Names())


@dataclass(frozen=True, slots=True)
class Known:
    """Which numbers of `Ids` are defined and can be used."""

    routes: Bool
    services: Bool
    shapes: Bool
    places: Places


def has(known: Bool, number: I32) -> Bool:
    """Whether each number is known; -1 and those beyond are not."""
    inside = (number >= 0) & (number < len(known))
    inside[inside] = known[number[inside]]
    return inside


def read_trips(source: Source, ids: Ids, known: Known, report: Report) -> TripColumns:
    """All trips that can be ridden, in the order of trips.txt; those by headway come last.

    Raises:
        FeedError: the zip is damaged, or a file is no table.
    """
    ids.texts[""] = 0
    ids.texts.values_.append("")
    table = read_columns(
        source,
        "trips",
        {
            "trip_id": ids.trips,
            "route_id": ids.routes,
            "service_id": ids.services,
            "shape_id": ids.shapes,
            "trip_headsign": ids.texts,
            "trip_short_name": ids.texts,
            "block_id": ids.texts,
            "direction_id": numbers(),
            "wheelchair_accessible": numbers(),
            "bikes_allowed": numbers(),
        },
        report,
    )
    rows = _usable(table, ids, known, report)
    wanted = TripRows(table["trip_id"][rows], table.lines[rows], len(ids.trips.values_))
    calls = read_calls(source, ids.trips, ids.stops, wanted, known.places, report)
    trips = _columns(table, rows[calls.trip], calls, ids, known, report)
    return _expanded(trips, read_records(source, "frequencies", report))


def _usable(table: Columns, ids: Ids, known: Known, report: Report) -> I64:
    """Rows with an id of their own, a line and a service that we know."""
    trip = table["trip_id"]
    named = trip >= 0
    _say(report, table, ~named, "trip_id", Kind.MISSING_VALUE, None, "ignored the row")
    _, first = np.unique(trip, return_index=True)
    again = named.copy()
    again[first] = False
    _say(report, table, again, "trip_id", Kind.DUPLICATE, ids.trips, "ignored the row")
    usable = named & ~again
    for column, numbered, defined in (
        ("route_id", ids.routes, known.routes),
        ("service_id", ids.services, known.services),
    ):
        lost = usable & ~has(defined, table[column])
        _say(report, table, lost, column, Kind.UNKNOWN_REFERENCE, numbered, "left the trip out")
        usable &= ~lost
    strange = usable & (table["shape_id"] >= 0) & ~has(known.shapes, table["shape_id"])
    _say(
        report, table, strange, "shape_id", Kind.UNKNOWN_REFERENCE, ids.shapes,
        "took straight lines", Severity.WARNING,
    )  # fmt: skip
    return np.flatnonzero(usable)


def _say(
    report: Report,
    table: Columns,
    bad: Bool,
    column: str,
    kind: Kind,
    named: Names | None,
    action: str,
    severity: Severity = Severity.ERROR,
) -> None:
    which = table[column][bad].tolist()
    words = {
        Kind.DUPLICATE: "{!r} a second time",
        Kind.UNKNOWN_REFERENCE: "there is no usable {!r}",
    }

    def problem(i: int) -> str:
        if named is None or which[i] < 0:
            return "is empty"
        return words[kind].format(named.values_[which[i]])

    report.add_rows("trips", table.lines[bad].tolist(), column, kind, problem, action, severity)


def _columns(
    table: Columns, rows: I64, calls: Calls, ids: Ids, known: Known, report: Report
) -> TripColumns:
    shape = table["shape_id"][rows]
    numbers_of_trips = table["trip_id"][rows].tolist()
    return TripColumns(
        id=[ids.trips.values_[number] for number in numbers_of_trips],
        route=table["route_id"][rows],
        service=table["service_id"][rows],
        shape=np.where(has(known.shapes, shape), shape, -1).astype(np.int32),
        headsign=np.maximum(table["trip_headsign"][rows], 0),
        note=np.maximum(table["trip_short_name"][rows], 0),
        block=np.maximum(table["block_id"][rows], 0),
        direction=_one_of(table, "direction_id", rows, (0, 1), -1, report),
        wheelchair=_one_of(table, "wheelchair_accessible", rows, (0, 1, 2), 0, report),
        bikes=_one_of(table, "bikes_allowed", rows, (0, 1, 2), 0, report),
        call0=calls.call0,
        stop=calls.stop,
        arrival=calls.arrival,
        departure=calls.departure,
        sequence=calls.sequence,
        pickup=calls.pickup,
        drop_off=calls.drop_off,
        route_ids=list(ids.routes.values_),
        service_ids=list(ids.services.values_),
        shape_ids=list(ids.shapes.values_),
        stop_ids=list(ids.stops.values_),
        texts=list(ids.texts.values_),
    )


def _one_of(
    table: Columns,
    column: str,
    rows: I64,
    allowed: Sequence[int],
    otherwise: int,
    report: Report,
) -> I8:
    values = table[column][rows]
    blank = values == BLANK
    strange = ~np.isin(values, allowed) & ~blank
    report.add_rows(
        "trips", table.lines[rows[strange]].tolist(), column, Kind.BAD_VALUE,
        f"is none of {', '.join(map(str, allowed))}", "took it as unknown",
    )  # fmt: skip
    return np.where(strange | blank, otherwise, values).astype(np.int8)


def _expanded(trips: TripColumns, frequencies: Sequence[Record]) -> TripColumns:
    """A trip for each departure of frequencies.txt in place of the one it is modelled on."""
    if not frequencies:
        return trips
    row_of = {id_: row for row, id_ in enumerate(trips.id)}
    by_headway: set[int] = set()
    starts: dict[tuple[int, int], None] = {}
    for frequency in frequencies:
        trip = row_of.get(frequency.text("trip_id"))
        if trip is None:
            problem = f"there is no usable {frequency.text('trip_id')!r}"
            frequency.say(
                "trip_id", Kind.UNKNOWN_REFERENCE, problem, "ignored the row", Severity.ERROR
            )
            continue
        window = _window(frequency)
        if window is not None:
            by_headway.add(trip)
            starts |= dict.fromkeys((trip, start) for start in window)
    plain = [row for row in range(len(trips)) if row not in by_headway]
    rows = np.array([*plain, *(trip for trip, _ in starts)], np.int64)
    whole = trips.take(rows)
    first = trips.departure[trips.call0[:-1]]
    shift = np.zeros(len(rows), np.int64)
    shift[len(plain) :] = [start - int(first[trip]) for trip, start in starts]
    per_call = np.repeat(shift, np.diff(whole.call0)).astype(np.int32)
    ids = list(whole.id)
    for i, (_, start) in enumerate(starts, start=len(plain)):
        ids[i] = f"{ids[i]}@{format_clock(start)}"
    return replace(
        whole,
        id=ids,
        arrival=whole.arrival + per_call,
        departure=whole.departure + per_call,
    )


def _window(row: Record) -> range | None:
    start, end = row.clock("start_time"), row.clock("end_time")
    headway = row.number("headway_secs")
    if start is None or end is None or headway is None:
        problem, column = "has no start, end or headway", "headway_secs"
    elif headway <= 0:
        problem, column = f"{headway} seconds", "headway_secs"
    elif not 0 < len(range(start, end, headway)) <= _MAX_EXPANDED:
        problem, column = "ends before it starts, or has thousands of trips", "end_time"
    else:
        return range(start, end, headway)
    row.say(column, Kind.BAD_VALUE, problem, "ignored the row", Severity.ERROR)
    return None
