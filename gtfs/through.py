"""Through-trips: trips that follow each other in-seat, laid end to end as one for the search.

A search then finds a ride over several of them as it finds any other, without a change. Each trip
stays where it begins: one boards a through-trip only at the calls of its first part, as every part
begins one of its own. It ends where nothing that follows calls at a stop that it has not called at
since its second part began: who is there earlier is never worse off. And it has ``MOST_PARTS`` at
most. So a vehicle that goes to and fro all day makes short through-trips that share lanes, and not
one of a thousand calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gtfs.in_seat import runs_on
from gtfs.lanes import Calls, Runs
from gtfs.timetable import Timetable
from gtfs.trip_columns import ranges

I64 = NDArray[np.int64]

MOST_PARTS = 3
"""Longer chains would multiply what a network holds, for hardly a rider."""

_Chain = tuple[int, ...]
"""Rows of runs, each the one after the one before."""


class Part(NamedTuple):
    """One trip of a ride, and where in it one gets on and off (or stays at its first, last call).

    `shift` is what the zero of its day is moved by, in seconds.
    """

    trip: int
    day_offset: int
    shift: int
    board: int
    alight: int


@dataclass(frozen=True, slots=True)
class Throughs:
    """The through-trips of a network, numbered from `first` on; whole parts of each in order."""

    first: int
    parts: tuple[tuple[Part, ...], ...] = ()

    def trips(self, number: int) -> tuple[int, ...]:
        """The trips of a network's trip: itself, unless it is a through-trip."""
        if number < self.first:
            return (number,)
        return tuple(part.trip for part in self.parts[number - self.first])

    def leads(self, numbers: NDArray[np.int32]) -> NDArray[np.int32]:
        """The first trip of each of a network's trips."""
        if not self.parts:
            return numbers
        firsts = np.array([parts[0].trip for parts in self.parts], np.int32)
        plain = numbers < self.first
        return np.where(plain, numbers, firsts[np.where(plain, 0, numbers - self.first)])

    def split(self, number: int, board: int, alight: int) -> Iterator[Part]:
        """The trips of a ride on a through-trip, between two of its positions."""
        at = 0
        for part in self.parts[number - self.first]:
            if at < alight and board < at + part.alight:
                yield part._replace(board=max(board - at, 0), alight=min(alight - at, part.alight))
            at += part.alight


def goes_on(timetable: Timetable, before: tuple[int, date], after: tuple[int, date]) -> bool:
    """Whether riders stay in the vehicle from a trip on its day to another one on its own."""
    table, planned = timetable.in_seat, timetable.trips.planned
    later = (after[1] - before[1]).days
    joined = runs_on(table, (before[1] - timetable.first_day).days) & (table.next_day == later)
    from_trip, to_trip = (planned[trip] for trip, _ in (before, after))
    return bool((joined & (table.from_trip == from_trip) & (table.to_trip == to_trip)).any())


def with_throughs(
    timetable: Timetable,
    runs: Runs,
    stop_of: NDArray[np.int32],
    first_day: date,
    offsets: Sequence[int],
) -> tuple[Runs, Throughs]:
    """The same runs, those that go on as another one replaced by what they then are.

    `stop_of` has the stop of each number that their calls name (`stands`). `offsets` count the days
    of the runs, which begin with `first_day`, from the network's.
    """
    none = Throughs(len(timetable.trips.route))
    if not len(timetable.in_seat.from_trip) or not len(runs.trip):
        return runs, none
    first = (first_day - timetable.first_day).days
    following = _following(timetable, runs, stop_of, first, len(offsets))
    ways = _Ways(runs.calls, runs.class_of, following)
    chains = [chain for row in following for chain in ways.list_from(row)]
    if not chains:
        return runs, none
    parts = tuple(
        tuple(
            Part(
                int(runs.trip[row]),
                offsets[runs.day[row]],
                int(runs.shift[row]),
                0,
                int(runs.length[row]) - 1,
            )
            for row in chain
        )
        for chain in chains
    )
    kept = np.ones(len(runs.trip), np.bool_)
    kept[[chain[0] for chain in chains]] = False
    return _joined(runs, chains, kept, none.first), replace(none, parts=parts)


def _following(
    timetable: Timetable, runs: Runs, stop_of: NDArray[np.int32], first_day: int, n_days: int
) -> dict[int, list[int]]:
    """The runs that each one goes on as, the latest run first.

    None where realtime says that it does not get there in time, or ends or begins elsewhere.
    """
    table = timetable.in_seat
    n_planned = int(max(table.from_trip.max(), table.to_trip.max())) + 1
    planned = timetable.trips.planned[runs.trip]
    row_of = np.full((n_days + 1, n_planned), -1, np.int64)
    known = np.flatnonzero((planned >= 0) & (planned < n_planned))
    row_of[runs.day[known], planned[known]] = known
    departs = runs.departures[runs.event0] + runs.shift
    last = runs.event0 + runs.length - 1
    arrives = runs.arrivals[last] + runs.shift
    begins, ends = (
        _as_planned(timetable, runs, stop_of, first=True),
        _as_planned(timetable, runs, stop_of, first=False),
    )
    found: list[tuple[int, int]] = []
    for day in range(n_days):
        on = runs_on(table, first_day + day)
        before = row_of[day, table.from_trip[on]]
        after = row_of[day + table.next_day[on], table.to_trip[on]]
        whole = (before >= 0) & (after >= 0)
        before, after = before[whole], after[whole]
        goes_on = (arrives[before] <= departs[after]) & ends[before] & begins[after]
        found += zip(before[goes_on].tolist(), after[goes_on].tolist(), strict=True)
    following: dict[int, list[int]] = {}
    for before_row, after_row in sorted(found, key=lambda pair: -int(departs[pair[0]])):
        following.setdefault(before_row, []).append(after_row)
    return following


def _as_planned(
    timetable: Timetable, runs: Runs, stop_of: NDArray[np.int32], *, first: bool
) -> NDArray[np.bool_]:
    """Whether each run begins (ends) where it was planned to, for riders too."""
    calls, patterns = runs.calls, timetable.patterns
    call = calls.call0[runs.class_of] + (0 if first else calls.size[runs.class_of] - 1)
    pattern = timetable.trips.pattern[np.maximum(timetable.trips.planned[runs.trip], 0)]
    plan = patterns.stop0[pattern] if first else patterns.stop0[pattern + 1] - 1
    stations = timetable.stop_table.station
    place = np.where(stations >= 0, stations, len(stations) + np.arange(len(stations)))
    now, then = (calls.boards, patterns.boards) if first else (calls.alights, patterns.alights)
    same = place[stop_of[calls.stops[call]]] == place[patterns.stops[plan]]
    planned: NDArray[np.bool_] = same & (now[call] == then[plan])
    return planned


class _Ways:
    """How far it is worth staying in a vehicle."""

    def __init__(
        self, calls: Calls, class_of: NDArray[np.int32], following: Mapping[int, Sequence[int]]
    ) -> None:
        self._calls = calls
        self._class_of = class_of.tolist()
        self._following = following
        self._of_class: dict[int, frozenset[int]] = {}

    def list_from(self, row: int) -> Iterator[_Chain]:
        """The through-trips that begin with a run."""
        open_: list[tuple[_Chain, frozenset[int]]] = [((row,), frozenset())]
        while open_:
            chain, met = open_.pop()
            further = [
                after
                for after in self._following.get(chain[-1], ())
                if after not in chain
                and not self._reached_from(after, MOST_PARTS - len(chain)) <= met
            ]
            open_ += [((*chain, after), met | self._stops_of(after)) for after in further]
            if not further and len(chain) > 1:
                yield chain

    def _stops_of(self, row: int) -> frozenset[int]:
        """The stops where one may alight after staying in the vehicle as the run began."""
        number = self._class_of[row]
        known = self._of_class.get(number)
        if known is None:
            first = int(self._calls.call0[number])
            rows = slice(first + 1, first + int(self._calls.size[number]))
            stops = self._calls.stops[rows][self._calls.alights[rows]]
            known = self._of_class[number] = frozenset(stops.tolist())
        return known

    def _reached_from(self, row: int, n_parts: int) -> frozenset[int]:
        """Those of the run and of what follows it, of so many parts in all."""
        if not n_parts:
            return frozenset()
        known = self._stops_of(row)
        for after in self._following.get(row, ()):
            known |= self._reached_from(after, n_parts - 1)
        return known


def _joined(
    runs: Runs, chains: Sequence[_Chain], kept: NDArray[np.bool_], first_number: int
) -> Runs:
    """The runs that are kept, and a run of each chain with calls and times of its own.

    Where one part ends the next one begins: that is one call, at which one may only alight.
    """
    rows = np.array([row for chain in chains for row in chain], np.int64)
    sizes = np.array([len(chain) for chain in chains], np.int64)
    heads = np.cumsum(sizes) - sizes
    later = np.ones(len(rows), np.int64)
    later[heads] = 0
    events, call0 = ranges(runs.event0[rows] + later, runs.length[rows] - later)
    moved = np.repeat(runs.shift[rows] - np.repeat(runs.shift[rows[heads]], sizes), np.diff(call0))
    arrivals, departures = runs.arrivals[events] + moved, runs.departures[events] + moved
    after = np.flatnonzero(later)
    departures[call0[after] - 1] = runs.departures[runs.event0[rows[after]]] + moved[call0[after]]
    length = np.add.reduceat(runs.length[rows] - later, heads)
    event0 = call0[heads]
    calls, class_of = _classes(runs, chains)
    lead = rows[heads]
    return Runs(
        np.concatenate([runs.trip[kept], first_number + np.arange(len(chains))]),
        np.concatenate([runs.day[kept], runs.day[lead]]),
        np.concatenate([runs.shift[kept], runs.shift[lead]]),
        np.concatenate([runs.event0[kept], len(runs.arrivals) + event0]),
        np.concatenate([runs.length[kept], length]),
        np.concatenate([runs.total[kept], np.add.reduceat(arrivals + departures, event0)]),
        np.concatenate([runs.class_of[kept], class_of]),
        np.concatenate([runs.arrivals, arrivals.astype(np.int32)]),
        np.concatenate([runs.departures, departures.astype(np.int32)]),
        calls,
    )


def _classes(runs: Runs, chains: Sequence[_Chain]) -> tuple[Calls, NDArray[np.int32]]:
    """The calls of all classes, those of chains at the end; and the class of each chain."""
    old, class_of = runs.calls, runs.class_of.tolist()
    numbers: dict[tuple[int, ...], int] = {}
    of_chain = [
        numbers.setdefault(tuple(class_of[row] for row in chain), len(old.call0) + len(numbers))
        for chain in chains
    ]
    parts = np.array([part for kind in numbers for part in kind], np.int64)
    sizes = np.array([len(kind) for kind in numbers], np.int64)
    heads = np.cumsum(sizes) - sizes
    later = np.ones(len(parts), np.int64)
    later[heads] = 0
    taken, call0 = ranges(old.call0[parts] + later, old.size[parts] - later)
    boards = old.boards[taken] & np.repeat(later == 0, np.diff(call0))
    boards[call0[np.flatnonzero(later)] - 1] = False
    added = call0[heads]
    calls = Calls(
        np.concatenate([old.call0, len(old.stops) + added]).astype(np.int32),
        np.concatenate([old.size, np.diff(np.append(added, call0[-1]))]).astype(np.int32),
        np.concatenate([old.stops, old.stops[taken]]),
        np.concatenate([old.boards, boards]),
        np.concatenate([old.alights, old.alights[taken]]),
    )
    return calls, np.array(of_chain, np.int32)
