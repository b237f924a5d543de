"""Which run of which trip a realtime message means, and which of its calls.

A run is a trip on a service day. Feeds leave out the day, name the calendar day of a trip after
midnight, name a trip by its line and start, or a run of frequencies.txt by its start: all of that
is settled here, and what is not found is counted by reason, never guessed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from gtfs.ids import StopIdx, TripIdx
from gtfs.realtime_plain import Plan
from gtfs.realtime_values import (
    CallUpdate,
    Reason,
    Relation,
    Run,
    TripRef,
    TripUpdate,
    Unmatched,
)
from gtfs.service_time import DAY_S, day_zero
from gtfs.timetable import Timetable

MAX_NAMED = 200
"""Unmatched ids that are kept by name; all are counted."""
_ONE_DAY = timedelta(days=1)
_NEAR_START_S = 1_800
"""A run of frequencies.txt without exact times is the one that starts nearest, within this."""


class Calls(NamedTuple):
    """The planned calls of a trip, as lists of equal length; times in service seconds."""

    stops: list[int]
    arrivals: list[int]
    departures: list[int]
    sequences: list[int]


class Rules(NamedTuple):
    """The planned stops of a trip, and whether one may board and alight at each."""

    stops: tuple[int, ...]
    boards: tuple[bool, ...]
    alights: tuple[bool, ...]


class TripIndex:
    """The trips of a timetable by the names that messages give them."""

    def __init__(self, timetable: Timetable) -> None:
        self.by_id: dict[str, TripIdx] = {}
        self.runs: dict[str, list[tuple[int, TripIdx]]] = {}
        self.by_route: dict[int, list[TripIdx]] = {}
        starts = first_departures(timetable)
        routes = timetable.trips.route.tolist()
        for i, id_ in enumerate(timetable.trips.id):
            trip = TripIdx(i)
            self.by_id[id_] = trip
            self.by_route.setdefault(routes[i], []).append(trip)
            base, _, start = id_.rpartition("@")
            if base and start.count(":") == 2:
                self.runs.setdefault(base, []).append((starts[i], trip))
        for runs in self.runs.values():
            runs.sort()
        self.starts = starts
        self.ends = last_arrivals(timetable)
        self.routes = {id_: i for i, id_ in enumerate(timetable.routes.id)}
        self.stops: dict[str, int] = dict(timetable.stop_index)
        self.plan = Plan(timetable)
        self.calls: dict[TripIdx, Calls] = {}
        """Of trips that messages named, as they name them again and again."""
        self.rules: dict[int, Rules] = {}
        """Of their patterns."""


_indices: WeakKeyDictionary[Timetable, TripIndex] = WeakKeyDictionary()


def index_of(timetable: Timetable) -> TripIndex:
    """The index of a timetable, made once."""
    known = _indices.get(timetable)
    if known is None:
        known = _indices[timetable] = TripIndex(timetable)
    return known


def first_departures(timetable: Timetable) -> list[int]:
    """Service seconds at which each trip leaves its first call."""
    return _at_call(timetable, timetable.events.departure, 0)


def last_arrivals(timetable: Timetable) -> list[int]:
    """Service seconds at which each trip reaches its last call."""
    return _at_call(timetable, timetable.events.arrival, -1)


def _at_call(timetable: Timetable, column: NDArray[np.int32], position: int) -> list[int]:
    patterns = timetable.patterns
    times: list[int] = []
    firsts, lengths = patterns.event0.tolist(), np.diff(patterns.stop0).tolist()
    for p, length in enumerate(lengths):
        times += column[firsts[p] + position % length : firsts[p + 1] : length].tolist()
    return times


def calls_of_trip(timetable: Timetable, trip: TripIdx) -> Calls:
    """The planned calls of a trip."""
    patterns, events = timetable.patterns, timetable.events
    p = timetable.trips.pattern[trip]
    stops = patterns.stops[patterns.stop0[p] : patterns.stop0[p + 1]].tolist()
    first = int(patterns.event0[p]) + (trip - int(patterns.trip0[p])) * len(stops)
    rows = slice(first, first + len(stops))
    return Calls(
        stops,
        events.arrival[rows].tolist(),
        events.departure[rows].tolist(),
        events.sequence[rows].tolist(),
    )


@dataclass(slots=True)
class Matcher:
    """Finds runs and calls of one timetable; `now` stands in where a message has no time."""

    timetable: Timetable
    now: datetime
    index: TripIndex = field(init=False)
    counts: Counter[Reason] = field(default_factory=Counter)
    unmatched: list[Unmatched] = field(default_factory=list)
    moved_days: int = 0
    """Runs whose day was named by the calendar, or contradicted by their times."""

    _zeros: dict[date, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.index = index_of(self.timetable)

    def miss(self, reason: Reason, id_: str) -> None:
        """Count what was named in vain."""
        self.counts[reason] += 1
        if len(self.unmatched) < MAX_NAMED:
            self.unmatched.append(Unmatched(reason, id_))

    def knows(self, ref: TripRef) -> bool:
        """Whether the timetable has a trip of that name."""
        return bool(self._trips(ref, loose=True))

    def find_run(self, update: TripUpdate, at: datetime | None) -> Run | None:
        """The run that an update speaks of; None, and counted, where there is none."""

        def said(trip: TripIdx) -> tuple[int, int] | None:
            return self._said_time(trip, update)

        return self.find(update.trip, update.at or at, said, update.relation)

    def find(
        self,
        ref: TripRef,
        at: datetime | None,
        said: Callable[[TripIdx], tuple[int, int] | None] = lambda _trip: None,
        relation: Relation = Relation.SCHEDULED,
    ) -> Run | None:
        """The run that a descriptor names, `said` giving a planned and a POSIX time of a call."""
        trips = self._trips(ref, loose=relation is Relation.UNSCHEDULED)
        if not trips:
            self.miss(Reason.UNKNOWN_TRIP, ref.trip_id or ref.route_id)
            return None
        runs = [run for trip in trips for run in self._days(trip, ref, at, said)]
        if not runs:
            self.miss(Reason.NOT_THAT_DAY, ref.trip_id or ref.route_id)
            return None
        if len(runs) > 1:
            self.miss(Reason.AMBIGUOUS, ref.trip_id or ref.route_id)
            return None
        if ref.start_day is not None and runs[0].day != ref.start_day:
            self.moved_days += 1
        return runs[0]

    def runs_on(self, trip: TripIdx, day: date) -> bool:
        """Whether the plan has that run."""
        column = (day - self.timetable.first_day).days
        active = self.timetable.services.active
        return 0 <= column < active.shape[1] and bool(
            active[self.timetable.trips.service[trip], column]
        )

    def _trips(self, ref: TripRef, *, loose: bool) -> Sequence[TripIdx]:
        known = self.index.by_id.get(ref.trip_id)
        if known is not None:
            return (known,)
        runs = self.index.runs.get(ref.trip_id)
        if runs is not None and ref.start_s is not None:
            return _starting(runs, ref.start_s, loose=loose)
        if ref.trip_id or not ref.route_id or ref.start_s is None:
            return ()
        route = self.index.routes.get(ref.route_id)
        directions = self.timetable.trips.direction
        return [
            trip
            for trip in self.index.by_route.get(-1 if route is None else route, ())
            if (self.index.starts[trip] - ref.start_s) % DAY_S == 0
            and ref.direction in (-1, int(directions[trip]))
        ]

    def _days(
        self,
        trip: TripIdx,
        ref: TripRef,
        at: datetime | None,
        said: Callable[[TripIdx], tuple[int, int] | None],
    ) -> Iterator[Run]:
        """The day of a run, if it runs at all; times said of it decide where days compete."""
        starts, ends = self.index.starts[trip], self.index.ends[trip]
        if ref.start_day is None:
            today = (at or self.now).astimezone(self.timetable.tz).date()
            days = [today + n * _ONE_DAY for n in range(-1 - ends // DAY_S, 2)]
        else:
            over, rest = divmod(starts - (starts if ref.start_s is None else ref.start_s), DAY_S)
            first = ref.start_day - (
                over * _ONE_DAY if rest == 0 and abs(over) < 8 else 0 * _ONE_DAY
            )
            days = [first]
            if over == 0 and ends >= DAY_S:
                days += [first - n * _ONE_DAY for n in range(1, ends // DAY_S + 1)]
        days = [day for day in days if self.runs_on(trip, day)]
        if not days:
            return
        evidence = said(trip) if len(days) > 1 else None
        if len(days) == 1:
            yield Run(trip, days[0])
        elif evidence is not None:
            planned, posix = evidence
            yield Run(trip, min(days, key=lambda day: abs(self.zero(day) + planned - posix)))
        elif ref.start_day is not None:
            yield Run(trip, days[0])
        else:
            moment = (at or self.now).timestamp()
            yield Run(trip, min(days, key=lambda day: self._away(day, starts, ends, moment)))

    def _away(self, day: date, starts: int, ends: int, moment: float) -> float:
        """Seconds between a moment and a run; 0 while it runs."""
        zero = self.zero(day)
        return max(zero + starts - moment, moment - zero - ends, 0)

    def zero(self, day: date) -> int:
        """POSIX time of a service day's zero."""
        known = self._zeros.get(day)
        if known is None:
            known = self._zeros[day] = int(day_zero(day, self.timetable.tz).timestamp())
        return known

    def _said_time(self, trip: TripIdx, update: TripUpdate) -> tuple[int, int] | None:
        calls = self.calls(trip)
        for call in update.calls:
            for change, planned in (
                (call.departure, calls.departures),
                (call.arrival, calls.arrivals),
            ):
                if change is not None and change.time is not None:
                    position = self._position(calls, call, 0, None)
                    if position is not None:
                        return planned[position], change.time
        return None

    def find_calls(
        self, calls: Calls, said: Sequence[CallUpdate], zero: int, id_: str
    ) -> Sequence[tuple[int, CallUpdate]]:
        """Positions of what is said of calls, ascending; of a call named twice the last counts."""
        found: dict[int, CallUpdate] = {}
        after = 0
        for call in said:
            position = self._position(calls, call, after, zero)
            if position is None:
                self.miss(Reason.UNKNOWN_STOP, f"{id_} {call.stop_id or call.sequence}")
                continue
            found[position] = call
            after = position + 1
        return sorted(found.items())

    def _position(self, calls: Calls, call: CallUpdate, after: int, zero: int | None) -> int | None:
        """The call that is meant.

        By stop_sequence, if the stop there is the one named or of the same station. Else by stop:
        of several calls at it the one planned nearest to the time said, or the next after the call
        before.
        """
        stop = self.index.stops.get(call.stop_id, -1)
        if call.sequence is not None:
            position = bisect_left(calls.sequences, call.sequence)
            if position < len(calls.stops) and calls.sequences[position] == call.sequence:
                there = calls.stops[position]
                if not call.stop_id or there == stop or self._same_station(there, stop):
                    return position
        places = [i for i, there in enumerate(calls.stops) if there == stop]
        if len(places) < 2:
            return places[0] if places else None
        change = call.arrival or call.departure
        if zero is not None and change is not None and change.time is not None:
            time = change.time - zero
            return min(places, key=lambda i: abs(calls.arrivals[i] - time))
        return next((i for i in places if i >= after), places[-1])

    def _same_station(self, stop: int, other: int) -> bool:
        stations = self.timetable.stop_table.station
        return stop >= 0 and other >= 0 and bool(stations[stop] == stations[other] >= 0)

    def calls(self, trip: TripIdx) -> Calls:
        """The planned calls of a trip; not to be changed."""
        known = self.index.calls.get(trip)
        if known is None:
            known = self.index.calls[trip] = calls_of_trip(self.timetable, trip)
        return known

    def rules(self, trip: TripIdx) -> Rules:
        """The planned rules of a trip."""
        patterns, pattern = self.timetable.patterns, int(self.timetable.trips.pattern[trip])
        known = self.index.rules.get(pattern)
        if known is None:
            rows = slice(int(patterns.stop0[pattern]), int(patterns.stop0[pattern + 1]))
            columns = (patterns.stops, patterns.boards, patterns.alights)
            known = Rules(*(tuple(column[rows].tolist()) for column in columns))
            self.index.rules[pattern] = known
        return known

    def stop(self, id_: str) -> StopIdx | None:
        """The stop of that id."""
        found = self.index.stops.get(id_)
        return None if found is None else StopIdx(found)


def _starting(
    runs: Sequence[tuple[int, TripIdx]], start_s: int, *, loose: bool
) -> Sequence[TripIdx]:
    """The run of a frequency that starts then; `loose`: or nearest to it."""
    start, trip = min(runs, key=lambda run: abs(run[0] - start_s))
    away = abs(start - start_s)
    return (trip,) if away == 0 or (loose and away <= _NEAR_START_S) else ()
