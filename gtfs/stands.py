"""Stops as a day's network has them: with stands, where rules tell apart who changes there.

A rule of transfers.txt for some lines or trips (docs/decisions/0035) asks for another time between
two rides than between others at the same stops. So each line and each trip that a rule names at a
stop has a stand of its own there on the days on which it calls, all others share one, and between
any two stands lies a footpath of the time that is asked for. Kernels take stands for stops. The
stop itself is where riders come from and go to: nothing calls there any more, and from it and to it
one walks as without rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gtfs.lanes import Calls, Runs
from gtfs.timetable import Timetable
from gtfs.transfers import NEVER_S
from gtfs.trip_columns import ranges

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


class Met(NamedTuple):
    """A ride that brings a rider to a door, or takes her on from it: it ends (begins) at `stop`.

    To (from) `stops` of the door she changes, in what is asked for but `least_s` at least, whatever
    seconds the door has for them.
    """

    stop: int
    trip: int
    """Of the timetable."""
    stops: frozenset[int]
    least_s: int


@dataclass(frozen=True, slots=True, eq=False)
class Stands:
    """The stops of a network, then its stands, grouped by stop; and the ways between them."""

    n_stops: int
    stop: I32
    """Of each stop and stand."""
    change_s: I32
    walk_from: I32
    walk_to: I32
    walk_s: I32
    at: Mapping[int, range] = field(default_factory=dict)
    """The stands of each stop that has any."""
    names: Mapping[tuple[int, int, int], int] = field(default_factory=dict)
    """Each stand by its stop, line and trip; -1 for all lines, trips not named."""

    def ends(
        self,
        timetable: Timetable,
        doors: tuple[Iterable[tuple[int, int]], Iterable[tuple[int, int]]],
        rides: tuple[Met | None, Met | None],
    ) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """The (stop, seconds) of both doors for each stand: for who does not walk there.

        `rides` bring one to the first door and take one on from the second.
        """
        came_by, goes_by = rides
        ways = (self.walk_from, self.walk_to)
        after = self._changes(timetable, came_by, *ways) if came_by else {}
        before = self._changes(timetable, goes_by, *ways[::-1]) if goes_by else {}
        return self._spread(doors[0], after, came_by), self._spread(doors[1], before, goes_by)

    def _spread(
        self, door: Iterable[tuple[int, int]], change_s: Mapping[int, int], changing: Met | None
    ) -> list[tuple[int, int]]:
        every = [(stop, s, seconds) for stop, seconds in door for s in self.at.get(stop, (stop,))]
        if changing is None:
            return [(s, seconds) for _, s, seconds in every]
        return [
            (s, max(change_s[s], changing.least_s) if stop in changing.stops else seconds)
            for stop, s, seconds in every
            if stop not in changing.stops or s in change_s
        ]

    def _changes(self, timetable: Timetable, ride: Met, here: I32, there: I32) -> dict[int, int]:
        """The least seconds between a ride and each stand that one can change to (from)."""
        stand = self._stand_of(timetable, ride)
        ways = np.flatnonzero(here == stand)
        found = dict(zip(there[ways].tolist(), self.walk_s[ways].tolist(), strict=True))
        if self.change_s[stand] < NEVER_S:
            found[stand] = int(self.change_s[stand])
        return found

    def _stand_of(self, timetable: Timetable, ride: Met) -> int:
        if not self.names:
            return ride.stop
        trips = timetable.trips
        route, planned = int(trips.route[ride.trip]), int(trips.planned[ride.trip])
        for name in ((ride.stop, route, planned), (ride.stop, route, -1), (ride.stop, -1, -1)):
            if name in self.names:
                return self.names[name]
        return ride.stop


def with_stands(timetable: Timetable, runs: Runs) -> tuple[Runs, Stands]:
    """The same runs, calling at stands where the timetable's rules name their line or trip."""
    n_stops = len(timetable.stop_table.id)
    walks = timetable.footpaths
    walk_from = np.repeat(np.arange(n_stops, dtype=np.int32), np.diff(walks.from0))
    plain = Stands(
        n_stops,
        np.arange(n_stops, dtype=np.int32),
        timetable.stop_table.change_s,
        walk_from,
        walks.to,
        walks.seconds,
    )
    if not len(timetable.transfer_rules.from_stop):
        return runs, plain
    told = _Told.of(timetable)
    runs, found = _told_apart(timetable, runs, told)
    return runs, _laid(timetable, plain, found)


@dataclass(frozen=True, slots=True)
class _Told:
    """What rules name: which stops at all, and which lines and trips at them, as sorted keys."""

    n_routes: int
    n_trips: int
    is_ruled: NDArray[np.bool_]
    routes: I64
    trips: I64

    @classmethod
    def of(cls, timetable: Timetable) -> _Told:
        rules = timetable.transfer_rules
        stop = np.concatenate([rules.from_stop, rules.to_stop]).astype(np.int64)
        route = np.concatenate([rules.from_route, rules.to_route])
        trip = np.concatenate([rules.from_trip, rules.to_trip])
        is_ruled = np.zeros(len(timetable.stop_table.id), np.bool_)
        is_ruled[stop] = True
        n_routes, n_trips = len(timetable.routes.id), int(trip.max(initial=0)) + 1
        return cls(
            n_routes,
            n_trips,
            is_ruled,
            np.unique((stop * n_routes + route)[route >= 0]),
            np.unique((stop * n_trips + trip)[trip >= 0]),
        )


@dataclass(frozen=True, slots=True)
class _Found:
    """The stands of a network: their stop, line and trip; -1 for all lines, trips not named."""

    stop: I64
    route: I64
    trip: I64


def _told_apart(timetable: Timetable, runs: Runs, told: _Told) -> tuple[Runs, _Found]:
    """Runs of one class that call at different stands get classes of their own."""
    calls = runs.calls
    number = np.concatenate([[0], np.cumsum(told.is_ruled[calls.stops])])
    touched = number[calls.call0 + calls.size] > number[calls.call0]
    rows = np.flatnonzero(touched[runs.class_of])
    trip = timetable.trips.planned[runs.trip[rows]].astype(np.int64)
    trip[~np.isin(trip, told.trips % told.n_trips)] = -1
    kinds, kind_of = np.unique(
        np.stack([runs.class_of[rows], timetable.trips.route[runs.trip[rows]], trip], axis=1),
        axis=0,
        return_inverse=True,
    )
    taken, call0 = ranges(calls.call0[kinds[:, 0]], calls.size[kinds[:, 0]])
    stands, place = _stands(told, calls.stops[taken], kinds.repeat(np.diff(call0), axis=0))
    seen: dict[tuple[int, bytes], int] = {}
    same = np.array(
        [
            seen.setdefault((kind, place[a:b].tobytes()), n)
            for n, (kind, a, b) in enumerate(zip(kinds[:, 0], call0[:-1], call0[1:], strict=True))
        ],
        np.int32,
    )
    class_of = runs.class_of.copy()
    class_of[rows] = len(calls.call0) + same[kind_of.ravel()]
    split = Calls(
        np.concatenate([calls.call0, len(calls.stops) + call0[:-1]]).astype(np.int32),
        np.concatenate([calls.size, np.diff(call0)]).astype(np.int32),
        np.concatenate([calls.stops, place]),
        np.concatenate([calls.boards, calls.boards[taken]]),
        np.concatenate([calls.alights, calls.alights[taken]]),
    )
    return replace(runs, class_of=class_of, calls=split), stands


def _stands(told: _Told, stops: I32, kinds: I64) -> tuple[_Found, I32]:
    """The stands at which some calls are, and for each of these its stand or its stop.

    `kinds` are rows of class, line, and trip where a rule names it anywhere.
    """
    stop, route, trip = stops.astype(np.int64), kinds[:, 1], kinds[:, 2]
    by_trip = (trip >= 0) & np.isin(stop * told.n_trips + trip, told.trips)
    by_route = by_trip | np.isin(stop * told.n_routes + route, told.routes)
    names = np.stack([stop, np.where(by_route, route, -1), np.where(by_trip, trip, -1)], axis=1)
    ruled = told.is_ruled[stop]
    stands, number = np.unique(names[ruled], axis=0, return_inverse=True)
    place = stops.copy()
    place[ruled] = len(told.is_ruled) + number.ravel()
    return _Found(stands[:, 0], stands[:, 1], stands[:, 2]), place


def _laid(timetable: Timetable, plain: Stands, found: _Found) -> Stands:
    """The ways between stops and stands, and the change time at each."""
    n, stands = plain.n_stops, np.arange(len(found.stop))
    edges = np.searchsorted(found.stop, np.arange(n + 1))
    at = {s: range(n + int(edges[s]), n + int(edges[s + 1])) for s in set(found.stop.tolist())}
    a, b, walk_s = plain.walk_from, plain.walk_to, plain.walk_s
    to, to0 = ranges(n + edges[b], np.diff(edges)[b])
    off, off0 = ranges(n + edges[a], np.diff(edges)[a])
    at_once = np.zeros(len(stands), np.int64)
    parts = [
        (a, b, walk_s),
        (found.stop, n + stands, at_once),
        (n + stands, found.stop, at_once),
        (a.repeat(np.diff(to0)), to, walk_s.repeat(np.diff(to0))),
        (off, b.repeat(np.diff(off0)), walk_s.repeat(np.diff(off0))),
    ]
    change_s = np.append(plain.change_s, plain.change_s[found.stop])
    walks = dict(zip(zip(a.tolist(), b.tolist(), strict=True), walk_s.tolist(), strict=True))
    rules = _by_stops(timetable, found)
    for s, q in sorted({*walks, *rules, *((s, s) for s in at)}):
        if s not in at or q not in at:
            continue
        usual = int(plain.change_s[s]) if s == q else walks.get((s, q), NEVER_S)
        table = np.full((len(at[s]), len(at[q])), usual, np.int64)
        for rule in rules.get((s, q), ()):
            start = _whom(found, edges, s, rule.from_route, rule.from_trip)
            end = _whom(found, edges, q, rule.to_route, rule.to_trip)
            table[start[:, None], end] = rule.seconds
        if s == q:
            change_s[at[s]] = table.diagonal()
            np.fill_diagonal(table, NEVER_S)
        rows, columns = np.nonzero(table < NEVER_S)
        parts.append((at[s].start + rows, at[q].start + columns, table[rows, columns]))
    walk_from, walk_to, seconds = (
        np.concatenate(column).astype(np.int32) for column in zip(*parts, strict=True)
    )
    stop = np.append(plain.stop, found.stop).astype(np.int32)
    known = zip(found.stop.tolist(), found.route.tolist(), found.trip.tolist(), strict=True)
    names = {name: n + place for place, name in enumerate(known)}
    return Stands(n, stop, change_s.astype(np.int32), walk_from, walk_to, seconds, at, names)


class _Rule(NamedTuple):
    from_route: int
    to_route: int
    from_trip: int
    to_trip: int
    seconds: int


def _by_stops(timetable: Timetable, found: _Found) -> dict[tuple[int, int], list[_Rule]]:
    """The rules between two stops, as far as those whom they name call anywhere."""
    rules = timetable.transfer_rules
    keep = np.ones(len(rules.from_stop), np.bool_)
    for names, known in (
        (rules.from_route, found.route), (rules.to_route, found.route),
        (rules.from_trip, found.trip), (rules.to_trip, found.trip),
    ):  # fmt: skip
        keep &= (names < 0) | np.isin(names, known)
    columns = (
        rules.from_stop, rules.to_stop, rules.from_route, rules.to_route, rules.from_trip,
        rules.to_trip, rules.seconds,
    )  # fmt: skip
    by_stops: dict[tuple[int, int], list[_Rule]] = {}
    for row in zip(*(column[keep].tolist() for column in columns), strict=True):
        by_stops.setdefault(row[:2], []).append(_Rule(*row[2:]))
    return by_stops


def _whom(found: _Found, edges: I64, stop: int, route: int, trip: int) -> I64:
    """Which stands of a stop a side of a rule means: a trip's, those of a line, or all."""
    here = slice(int(edges[stop]), int(edges[stop + 1]))
    if trip >= 0:
        return np.flatnonzero(found.trip[here] == trip)
    if route >= 0:
        return np.flatnonzero(found.route[here] == route)
    return np.arange(here.stop - here.start)
