"""Runs that were not planned: copies of a planned trip at another time, and wholly new ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from gtfs.ids import TripIdx
from gtfs.realtime_match import Calls, Matcher, calls_of_trip
from gtfs.realtime_tables import NewRun
from gtfs.realtime_times import run_times
from gtfs.realtime_values import (
    CallState,
    CallUpdate,
    Reason,
    Relation,
    Run,
    TimeChange,
    TripRef,
    TripUpdate,
)
from gtfs.service_time import DAY_S

_LONGEST_S = 7 * DAY_S


class AddedRun(NamedTuple):
    """A run to add; `planned` are its calls as they were announced, if they were."""

    row: NewRun
    planned: Calls | None
    skipped: frozenset[int]
    repaired: int


class _NewCall(NamedTuple):
    stop: int
    arrival: int
    departure: int
    planned_arrival: int | None
    planned_departure: int | None
    skipped: bool
    boards: bool
    alights: bool


def added_run(match: Matcher, update: TripUpdate, instead_of: Run | None) -> AddedRun | Reason:
    """The run that an update adds, or puts in place of a planned one; else why there is none.

    A known trip with another start is a copy of it (DUPLICATED, and ADDED as it was used before
    that existed); otherwise the calls of the update are all there is.
    """
    known = match.index.by_id.get(update.trip.trip_id)
    copies = update.relation is Relation.DUPLICATED or (
        update.relation is Relation.ADDED and update.trip.start_s is not None
    )
    if known is not None and copies:
        return _copy(match, known, update)
    if update.relation is Relation.DUPLICATED:
        return Reason.UNKNOWN_TRIP
    return _from_calls(match, known if instead_of is None else instead_of.trip, update, instead_of)


def _copy(match: Matcher, template: TripIdx, update: TripUpdate) -> AddedRun | Reason:
    new = update.new or TripRef()
    calls = calls_of_trip(match.timetable, template)
    day = new.start_day or update.trip.start_day or _today(match)
    if not _within(match, day):
        return Reason.NOT_THAT_DAY
    start_s = new.start_s if new.start_s is not None else update.trip.start_s
    shift = 0 if start_s is None else start_s - calls.departures[0]
    planned = calls._replace(
        arrivals=[time + shift for time in calls.arrivals],
        departures=[time + shift for time in calls.departures],
    )
    zero = match.zero(day)
    said = match.find_calls(planned, update.calls, zero, update.trip.trip_id)
    times = run_times(planned.arrivals, planned.departures, said, zero, update.delay_s)
    patterns = match.timetable.patterns
    first = int(patterns.stop0[match.timetable.trips.pattern[template]])
    rows = slice(first, first + len(calls.stops))
    columns: dict[str, Any] = {
        "id": new.trip_id or f"{update.trip.trip_id} again {start_s}",
        "planned": -1,
    }
    row = NewRun(
        day,
        template,
        tuple(calls.stops),
        _unless(patterns.boards[rows].tolist(), times.skipped),
        _unless(patterns.alights[rows].tolist(), times.skipped),
        times.arrivals,
        times.departures,
        columns | _said_columns(update),
    )
    return AddedRun(row, planned, times.skipped, times.repaired)


def _unless(allowed: Sequence[bool], skipped: frozenset[int]) -> tuple[bool, ...]:
    return tuple(allow and i not in skipped for i, allow in enumerate(allowed))


def _from_calls(
    match: Matcher, known: TripIdx | None, update: TripUpdate, instead_of: Run | None
) -> AddedRun | Reason:
    table = match.timetable
    route = match.index.routes.get(update.trip.route_id)
    if route is None:
        if known is None:
            return Reason.UNKNOWN_ROUTE
        route = int(table.trips.route[known])
    day = instead_of.day if instead_of else update.trip.start_day or _first_day(match, update)
    if day is None:
        return Reason.TOO_FEW_CALLS
    if not _within(match, day):
        return Reason.NOT_THAT_DAY
    calls = _new_calls(match, update, match.zero(day))
    if len(calls) < 2:
        return Reason.TOO_FEW_CALLS
    times, repaired = _in_order([t for call in calls for t in (call.arrival, call.departure)])
    stops = tuple(call.stop for call in calls)
    same = known is not None and tuple(calls_of_trip(table, known).stops) == stops
    columns: dict[str, Any] = {
        "id": update.trip.trip_id or f"new {update.trip.route_id} {day} {times[0]}",
        "headsign": table.stop_table.name[stops[-1]],
        "route": route,
        "direction": update.trip.direction,
        "planned": -1 if instead_of is None else instead_of.trip,
    }
    if known is not None and instead_of is not None:
        columns["headsign"] = table.trips.headsign[known]
        columns["direction"] = int(table.trips.direction[known])
    if not same:
        columns["path"] = -1
    row = NewRun(
        day,
        known if same or instead_of else None,
        stops,
        tuple(call.boards for call in calls),
        tuple(call.alights for call in calls),
        times[::2],
        times[1::2],
        columns | _said_columns(update),
    )
    skipped = frozenset(i for i, call in enumerate(calls) if call.skipped)
    return AddedRun(row, _planned(calls), skipped, repaired)


def _new_calls(match: Matcher, update: TripUpdate, zero: int) -> list[_NewCall]:
    """The calls of a new trip that name a known stop and a believable time."""
    said = list(update.calls)
    if all(call.sequence is not None for call in said):
        said.sort(key=lambda call: call.sequence or 0)
    calls: list[_NewCall] = []
    for call in said:
        stop = match.stop(call.assigned_stop_id) if call.assigned_stop_id else None
        stop = match.stop(call.stop_id) if stop is None else stop
        if stop is None:
            match.miss(Reason.UNKNOWN_STOP, f"{update.trip.trip_id} {call.stop_id}")
            continue
        read = _times(call, zero)
        if read is None:
            continue
        skipped = call.state is CallState.SKIPPED
        calls.append(
            _NewCall(
                stop,
                *read,
                skipped,
                boards=not skipped and call.boards is not False,
                alights=not skipped and call.alights is not False,
            )
        )
    return calls


def _times(call: CallUpdate, zero: int) -> tuple[int, int, int | None, int | None] | None:
    """Arrival and departure, real and planned, in service seconds."""
    arrival, planned_arrival = _moment(call.arrival, zero)
    departure, planned_departure = _moment(call.departure, zero)
    arrival = departure if arrival is None else arrival
    departure = arrival if departure is None else departure
    if arrival is None or departure is None:
        return None
    if planned_arrival is None:
        planned_arrival = planned_departure
    if planned_departure is None:
        planned_departure = planned_arrival
    return arrival, departure, planned_arrival, planned_departure


def _moment(change: TimeChange | None, zero: int) -> tuple[int | None, int | None]:
    """Real and planned time of an event in service seconds."""
    if change is None:
        return None, None
    planned = None if change.scheduled is None else change.scheduled - zero
    real = None if change.time is None else change.time - zero
    if real is None and planned is not None:
        real = planned + (change.delay_s or 0)
    if planned is None and real is not None and change.delay_s is not None:
        planned = real - change.delay_s
    if real is not None and not -DAY_S <= real <= _LONGEST_S:
        return None, None
    return real, planned


def _in_order(times: list[int]) -> tuple[list[int], int]:
    """Times that run forwards, and how many did not."""
    backwards = sum(later < earlier for earlier, later in pairwise(times))
    ordered: list[int] = []
    for time in times:
        ordered.append(max(time, ordered[-1]) if ordered else time)
    return ordered, backwards


def _planned(calls: Sequence[_NewCall]) -> Calls | None:
    """The calls as announced, where the message has all of their times."""
    arrivals = [call.planned_arrival for call in calls]
    departures = [call.planned_departure for call in calls]
    if None in arrivals or None in departures:
        return None
    return Calls(
        [call.stop for call in calls],
        [time for time in arrivals if time is not None],
        [time for time in departures if time is not None],
        list(range(len(calls))),
    )


def _said_columns(update: TripUpdate) -> dict[str, Any]:
    said = {"headsign": update.headsign, "note": update.note, "wheelchair": update.wheelchair}
    return {name: value for name, value in said.items() if value}


def _first_day(match: Matcher, update: TripUpdate) -> date | None:
    """The civil day of the first time that is said."""
    for call in update.calls:
        for change in (call.departure, call.arrival):
            posix = change and (change.time or change.scheduled)
            if posix:
                return datetime.fromtimestamp(posix, UTC).astimezone(match.timetable.tz).date()
    return None


def _today(match: Matcher) -> date:
    return match.now.astimezone(match.timetable.tz).date()


def _within(match: Matcher, day: date) -> bool:
    """Whether the day lies in the timetable, and no more than a week from now."""
    table = match.timetable
    near = abs(day - _today(match)) <= timedelta(days=7)
    return near and table.first_day <= day <= table.last_day
