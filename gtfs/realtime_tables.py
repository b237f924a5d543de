"""A timetable grown by runs of single days: new tables in which every old index keeps its meaning.

A run that changes leaves its trip's service on its day and comes back as a new trip at the end, in
a new pattern at the end, with a service of that one day. Columns are treated alike by their kind,
so that a column that a table gains is carried along: from the trip that the run is made of, else
as unknown (empty, 0, -1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from gtfs.ids import TripIdx
from gtfs.realtime_values import Run
from gtfs.tables import EventTable, PatternTable, ServiceTable, Strings, TripTable
from gtfs.timetable import Timetable
from gtfs.trip_columns import ranges

T = TypeVar("T")
_REGULAR, _NONE = 0, 1
_UNCHANGED = ("tz", "stops", "stop_index", "station_index", "_children")
"""What a timetable derives from tables that realtime leaves as they are."""


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to add: its calls, the trip it is made of, and the columns in which it differs."""

    day: date
    template: TripIdx | None
    stops: tuple[int, ...]
    boards: tuple[bool, ...]
    alights: tuple[bool, ...]
    arrivals: Sequence[int] | NDArray[np.int32]
    departures: Sequence[int] | NDArray[np.int32]
    columns: Mapping[str, Any] = field(default_factory=dict)


def grown(
    static: Timetable, runs: Sequence[NewRun], gone: AbstractSet[Run]
) -> tuple[Timetable, list[TripIdx]]:
    """The timetable without the runs that are gone and with the new ones, and their trips."""
    if not runs and not gone:
        return static, []
    groups: dict[object, list[int]] = {}
    for number, run in enumerate(runs):
        groups.setdefault((run.stops, run.boards, run.alights), []).append(number)
    for group in groups.values():
        group.sort(key=lambda n: (runs[n].departures[0], runs[n].arrivals[-1]))
    order = [number for group in groups.values() for number in group]
    ordered = [runs[number] for number in order]
    sizes = [len(group) for group in groups.values()]
    leads = [runs[group[0]] for group in groups.values()]
    services, service_of, trip_services = _services(static, ordered, gone)
    table = replace(
        static,
        services=services,
        patterns=_patterns(static, leads, sizes),
        trips=_trips(static, ordered, sizes, service_of, trip_services),
        events=_events(static, ordered),
        stored_hash="",
    )
    known = vars(static)
    vars(table).update({name: known[name] for name in _UNCHANGED if name in known})
    first = len(static.trips.id)
    trips = [TripIdx(-1)] * len(runs)
    for at, number in enumerate(order):
        trips[number] = TripIdx(first + at)
    return table, trips


def _services(
    static: Timetable, ordered: Sequence[NewRun], gone: AbstractSet[Run]
) -> tuple[ServiceTable, dict[date, int], NDArray[np.int32]]:
    """Services with a row for each new day and each that lost days; the services of old trips."""
    active = static.services.active
    added: list[NDArray[np.bool_]] = []
    names: list[str] = []
    first_new = len(active)

    def column(day: date) -> int:
        return (day - static.first_day).days

    service_of: dict[date, int] = {}
    for day in sorted({run.day for run in ordered}):
        service_of[day] = first_new + len(added)
        row = np.zeros(active.shape[1], np.bool_)
        row[column(day)] = True
        added.append(row)
        names.append(f"realtime {day}")
    lost: dict[TripIdx, set[date]] = {}
    for run in gone:
        lost.setdefault(run.trip, set()).add(run.day)
    of_trips = static.trips.service.copy()
    rows: dict[tuple[int, frozenset[date]], int] = {}
    for trip, days in lost.items():
        service = int(of_trips[trip])
        key = (service, frozenset(days))
        if key not in rows:
            rows[key] = first_new + len(added)
            row = active[service].copy()
            row[[column(day) for day in days]] = False
            added.append(row)
            names.append(f"{static.services.id[service]} but {len(days)}")
        of_trips[trip] = rows[key]
    return (
        ServiceTable(
            _with_strings(static.services.id, Strings.of(names)), np.vstack([active, *added])
        ),
        service_of,
        of_trips,
    )


def _patterns(static: Timetable, leads: Sequence[NewRun], sizes: Sequence[int]) -> PatternTable:
    old = static.patterns
    lengths = [len(lead.stops) for lead in leads]
    places = np.full(sum(lengths), -1, np.int64)
    patterns = np.full(len(leads), -1, np.int64)
    at = 0
    for i, (lead, length) in enumerate(zip(leads, lengths, strict=True)):
        if lead.template is not None:
            p = int(static.trips.pattern[lead.template])
            patterns[i] = p
            if old.stop0[p + 1] - old.stop0[p] == length:
                places[at : at + length] = np.arange(old.stop0[p], old.stop0[p + 1])
        at += length
    boards = [allowed for lead in leads for allowed in lead.boards]
    alights = [allowed for lead in leads for allowed in lead.alights]
    columns = {
        "stop0": _more_starts(old.stop0, lengths),
        "trip0": _more_starts(old.trip0, sizes),
        "event0": _more_starts(
            old.event0, [size * length for size, length in zip(sizes, lengths, strict=True)]
        ),
        "stops": [stop for lead in leads for stop in lead.stops],
        "boards": boards,
        "alights": alights,
        "pickup": _rules(_taken(old.pickup, places), boards),
        "drop_off": _rules(_taken(old.drop_off, places), alights),
    }
    of_patterns = len(old.stop0) - 1
    return _table(old, columns, lambda column: patterns if len(column) == of_patterns else places)


def _rules(planned: NDArray[np.int8], allowed: Sequence[bool]) -> list[int]:
    """Types as of stop_times.txt: as planned, but that what is now allowed or not is so."""
    return [
        _NONE if not allow else _REGULAR if rule == _NONE else rule
        for rule, allow in zip(planned.tolist(), allowed, strict=True)
    ]


def _trips(
    static: Timetable,
    ordered: Sequence[NewRun],
    sizes: Sequence[int],
    service_of: Mapping[date, int],
    trip_services: NDArray[np.int32],
) -> TripTable:
    templates = _templates(ordered)
    first = len(static.patterns.stop0) - 1
    columns: dict[str, Any] = {
        "service": [service_of[run.day] for run in ordered],
        "pattern": np.repeat(np.arange(first, first + len(sizes)), sizes).tolist(),
    }
    for name in {name for run in ordered for name in run.columns}:
        values = _taken(getattr(static.trips, name), templates)
        columns[name] = [
            run.columns.get(name, value) for run, value in zip(ordered, values, strict=True)
        ]
    return _table(replace(static.trips, service=trip_services), columns, lambda _column: templates)


def _events(static: Timetable, ordered: Sequence[NewRun]) -> EventTable:
    patterns = static.patterns
    lengths = np.array([len(run.stops) for run in ordered], np.int64)
    positions, _ = ranges(np.zeros_like(lengths), lengths)
    template = _templates(ordered)
    pattern = static.trips.pattern[np.maximum(template, 0)]
    first = patterns.event0[pattern] + lengths * (template - patterns.trip0[pattern])
    same = (template >= 0) & (np.diff(patterns.stop0)[pattern] == lengths)
    rows = np.where(np.repeat(same, lengths), np.repeat(first, lengths) + positions, -1)
    events, known = static.events, _taken(static.events.sequence, rows)
    columns = {
        name: np.concatenate([whole, *added]).astype(np.int32, copy=False)
        for name, whole, added in (
            ("arrival", events.arrival, [run.arrivals for run in ordered]),
            ("departure", events.departure, [run.departures for run in ordered]),
            ("sequence", events.sequence, [np.where(known < 0, positions, known)]),
        )
    }
    return _table(static.events, columns, lambda _column: rows)


def _templates(ordered: Sequence[NewRun]) -> NDArray[np.int64]:
    return np.array([-1 if run.template is None else run.template for run in ordered], np.int64)


def _table(old: T, columns: Mapping[str, Any], source: Any) -> T:
    """The table with rows added: those of `columns`, else what `source(column)` names of it.

    A column that ends with what it begins with (`stop0`) is given whole.
    """
    whole: dict[str, Any] = {}
    for column in fields(old):  # type: ignore[arg-type]
        name, values = column.name, getattr(old, column.name)
        new = columns.get(name)
        if isinstance(values, Strings):
            added = _strings_at(values, source(values)) if new is None else Strings.of(new)
            whole[name] = _with_strings(values, added)
        elif isinstance(new, np.ndarray):
            whole[name] = new
        else:
            rows = _taken(values, source(values)) if new is None else np.array(new, values.dtype)
            whole[name] = np.concatenate([values, rows])
    return replace(old, **whole)  # type: ignore[type-var]


def _taken(column: Any, rows: NDArray[np.int64]) -> Any:
    """Values of a column at rows; of row -1 what says unknown."""
    if isinstance(column, Strings):
        return [column[row] if row >= 0 else "" for row in rows.tolist()]
    if not len(column):
        return np.full(len(rows), _unknown(column.dtype), column.dtype)
    return np.where(rows >= 0, column[np.maximum(rows, 0)], _unknown(column.dtype)).astype(
        column.dtype
    )


def _unknown(dtype: np.dtype[Any]) -> int:
    return -1 if dtype == np.int32 else 0


def _strings_at(column: Strings, rows: NDArray[np.int64]) -> Strings:
    starts, ends = column.ends[np.maximum(rows, 0)], column.ends[np.maximum(rows, 0) + 1]
    lengths = np.where(rows >= 0, ends - starts, 0)
    parts = [
        column.blob[start : start + length]
        for start, length in zip(starts.tolist(), lengths.tolist(), strict=True)
    ]
    blob = np.concatenate([np.zeros(0, np.uint8), *parts])
    return Strings(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), blob)


def _with_strings(column: Strings, more: Strings) -> Strings:
    return Strings(
        np.concatenate([column.ends, more.ends[1:] + column.ends[-1]]),
        np.concatenate([column.blob, more.blob]),
    )


def _more_starts(starts: NDArray[np.int32], sizes: Sequence[int]) -> NDArray[np.int32]:
    more = starts[-1] + np.cumsum(np.array(sizes, np.int64))
    return np.concatenate([starts, more]).astype(np.int32)
