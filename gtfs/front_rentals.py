"""Rented vehicles as priced edges between nodes, and who has vehicles and free docks as masks.

What an operator tells of every minute flips bits of the masks; the edges stay.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gtfs.front_fares import NEVER
from gtfs.front_layout import AVAILABLE, EDGE0, MOST_BOUND, RENTABLE, STEP_MG, point, point_at
from gtfs.front_values import I32, Bool
from gtfs.network import flat, grouped
from gtfs.stands import Stands
from gtfs.trip_columns import ranges

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]

RENTAL_SECTIONS = (
    "edge0", "edge_to", "edge_s", "edge_cents", "edge_steps", "edge_mg", "edge",
    "edge_bound", "place_walk0", "place_walk_to", "place_walk_s", "stop_walk0", "stop_walk_to",
    "stop_walk_s", "starts_here",
)  # fmt: skip
"""Order of the arrays in `RentalEdges.data`. `edge0` is by node and kind, walks are by node."""

Walks = tuple[I32, I32, I32]

_KEPT = 4
"""Networks with stands for which edges are kept."""


@dataclass(frozen=True, slots=True, eq=False)
class _Given:
    """What `RentalEdges.of` was given, between nodes: what a mirror image is made from."""

    n_stops: int
    n_nodes: int
    n_kinds: int
    columns: tuple[I32, ...]
    to_place: Walks
    to_stop: Walks

    def with_walks(self, to_place: Walks, to_stop: Walks) -> _Given:
        """Walks as `RentalEdges.of` takes them, whose places are not yet nodes."""
        first = np.int32(self.n_stops)
        return replace(
            self,
            to_place=(to_place[0], to_place[1] + first, to_place[2]),
            to_stop=(to_stop[0] + first, to_stop[1], to_stop[2]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class RentalEdges:
    """Edges and walks between stops and places.

    A vehicle of ``kind`` can be had at a node where ``available[node * K + kind]`` and be left at
    one where ``takes[node * K + kind]``.
    """

    data: I32
    offsets: I64
    n_nodes: int
    n_kinds: int
    least_cents: int
    available: U8
    takes: U8
    rentable: I32
    """The numbers node * K + kind where a vehicle is and can be ridden somewhere."""
    record: I64
    """(address, length) of each of these arrays, as a kernel's state has them."""
    given: _Given
    _mirror: list[RentalEdges] = field(default_factory=list)
    _spread: list[tuple[Stands, RentalEdges]] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        n_stops: int,
        n_places: int,
        n_kinds: int,
        *,
        start: I32,
        end: I32,
        kind: I32,
        seconds: I32,
        cents: I32,
        mg: I32,
        to_place: Walks,
        to_stop: Walks,
        available: Bool,
        takes: Bool,
    ) -> RentalEdges:
        """Make them of equal-long columns, an edge a row.

        ``start`` is a place (0 to P-1), ``end`` a node: a stop if the vehicle is left right there,
        so that one boards at once. Seconds include unlocking and locking, cents are what this ride
        adds to the bill. ``to_place`` walks are (stop, place, seconds), ``to_stop`` walks (place,
        stop, seconds). ``available`` is (K, P), ``takes`` (K, S + P).

        Raises:
            ValueError: the columns do not fit each other or name what is not there.
        """
        n_nodes = n_stops + n_places
        columns = (start + np.int32(n_stops), end, kind, seconds, cents, mg)
        given = _Given(
            n_stops,
            n_nodes,
            n_kinds,
            tuple(np.ascontiguousarray(column, np.int32) for column in columns),
            to_place,
            to_stop,
        ).with_walks(to_place, to_stop)
        _check(given)
        return cls._build(given, *_masks(given, available, takes))

    @classmethod
    def none(cls, n_stops: int) -> RentalEdges:
        """No vehicle anywhere."""
        e = np.zeros(0, np.int32)
        return cls.of(
            n_stops, 0, 1, start=e, end=e, kind=e, seconds=e, cents=e, mg=e,
            to_place=(e, e, e), to_stop=(e, e, e),
            available=np.zeros((1, 0), np.bool_), takes=np.zeros((1, n_stops), np.bool_),
        )  # fmt: skip

    def with_masks(self, available: Bool, takes: Bool) -> RentalEdges:
        """The same edges when vehicles and docks have changed; shares all else."""
        have, take = _masks(self.given, available, takes)
        return _masked(self, have, take)

    def with_cents(self, cents: I32) -> RentalEdges:
        """The same edges at other prices, an edge of `of` a row."""
        start, end, kind, seconds, _, mg = self.given.columns
        given = replace(self.given, columns=(start, end, kind, seconds, cents, mg))
        _check(given)
        return RentalEdges._build(given, self.available, self.takes)

    def with_walks(self, to_place: Walks, to_stop: Walks) -> RentalEdges:
        """The same edges with other walks, as `of` takes them."""
        given = self.given.with_walks(to_place, to_stop)
        _check(given)
        return RentalEdges._build(given, self.available, self.takes)

    def mirrored(self) -> RentalEdges:
        """Read backwards in time, for searches of the latest departure; made once."""
        if not self._mirror:
            given = self.given
            start, end, *rest = given.columns
            back = replace(
                given,
                columns=(end, start, *rest),
                to_place=(given.to_stop[1], given.to_stop[0], given.to_stop[2]),
                to_stop=(given.to_place[1], given.to_place[0], given.to_place[2]),
            )
            self._mirror.append(RentalEdges._build(back, self.takes, self.available))
        return _masked(self._mirror[0], self.takes, self.available)

    def spread(self, stands: Stands) -> RentalEdges:
        """For a network whose stops have stands: one walks to and from each, not the stop itself.

        Places are numbered after the stands.
        """
        if not stands.at:
            return self
        given = self.given
        first, n_more = given.n_stops, len(stands.stop) - given.n_stops
        masks = [
            np.insert(mask, given.n_kinds * first, np.zeros(given.n_kinds * n_more, np.uint8))
            for mask in (self.available, self.takes)
        ]
        for known, edges in self._spread:
            if known is stands:
                return _masked(edges, *masks)
        start, end, *rest = given.columns
        start, end = (np.where(node < first, node, node + n_more) for node in (start, end))
        spread = replace(
            given,
            n_stops=first + n_more,
            n_nodes=given.n_nodes + n_more,
            columns=(start.astype(np.int32), end.astype(np.int32), *rest),
            to_place=_spread_walks(stands, given.to_place, 0),
            to_stop=_spread_walks(stands, given.to_stop, 1),
        )
        edges = RentalEdges._build(spread, *masks)
        self._spread.append((stands, edges))
        del self._spread[:-_KEPT]
        return edges

    @classmethod
    def _build(cls, given: _Given, available: U8, takes: U8) -> RentalEdges:
        start, end, kind, seconds, cents, mg = given.columns
        n_edges, steps = len(start), (mg + np.int32(STEP_MG - 1)) // np.int32(STEP_MG)
        starts_here = np.zeros(given.n_nodes, np.int32)
        starts_here[start] = 1
        data, offsets = flat(
            [
                *grouped(
                    start * np.int32(given.n_kinds) + kind,
                    given.n_nodes * given.n_kinds,
                    end,
                    seconds,
                    cents,
                    steps,
                    mg,
                    np.arange(n_edges, dtype=np.int32),
                    _bound(seconds, steps),
                ),
                *grouped(given.to_place[0], given.n_nodes, *given.to_place[1:]),
                *grouped(given.to_stop[0], given.n_nodes, *given.to_stop[1:]),
                starts_here,
            ]
        )
        least = int(cents.min(initial=NEVER))
        rentable = _rentable(data[: offsets[1]], available)
        return cls(
            data, offsets, given.n_nodes, given.n_kinds, least, available, takes, rentable,
            _record(data, offsets, available, takes, rentable), given,
        )  # fmt: skip


def _spread_walks(stands: Stands, walks: Walks, side: int) -> Walks:
    """Walks between stops and places for every stand of a stop, which is on that side of them."""
    n_stops, stops = stands.n_stops, walks[side]
    stand = np.flatnonzero(np.arange(len(stands.stop)) >= n_stops)
    by_stop = stand[np.argsort(stands.stop[stand], kind="stable")]
    edges = np.searchsorted(stands.stop[by_stop], np.arange(n_stops + 1))
    taken, first = ranges(edges[stops], edges[stops + 1] - edges[stops])
    size = np.diff(first)
    columns = [
        np.concatenate([column, column.repeat(size)]) for column in (walks[0], walks[1], walks[2])
    ]
    columns[side][len(stops) :] = by_stop[taken]
    columns[1 - side] += np.int32(len(stand))
    a, b, seconds = columns
    return a, b, seconds


def _masked(edges: RentalEdges, available: U8, takes: U8) -> RentalEdges:
    rentable = _rentable(edges.data[: edges.offsets[1]], available)
    record = _record(edges.data, edges.offsets, available, takes, rentable)
    return replace(edges, available=available, takes=takes, rentable=rentable, record=record)


def _record(data: I32, offsets: I64, available: U8, takes: U8, rentable: I32) -> I64:
    record = np.zeros(2 * (RENTABLE + 1 - EDGE0), np.int64)
    point(record, 0, data, offsets)
    masks: tuple[NDArray[Any], ...] = (available, takes, rentable)
    for place, array in enumerate(masks, AVAILABLE - EDGE0):
        point_at(record, 2 * place, array, array.size)
    return record


def _bound(seconds: I32, steps: I32) -> I32:
    """Half a bound of `front_layout`: seconds, and steps above them."""
    half = np.minimum(seconds, MOST_BOUND).astype(np.int64)
    half |= np.minimum(steps, MOST_BOUND).astype(np.int64) << 16
    return half.astype(np.int32)


def _rentable(edge0: I32, available: U8) -> I32:
    return np.flatnonzero(available.astype(np.bool_) & (edge0[1:] > edge0[:-1])).astype(np.int32)


def _masks(given: _Given, available: Bool, takes: Bool) -> tuple[U8, U8]:
    n_places = given.n_nodes - given.n_stops
    if available.shape != (given.n_kinds, n_places) or takes.shape != (
        given.n_kinds,
        given.n_nodes,
    ):
        raise ValueError(f"masks of {available.shape} places and {takes.shape} nodes do not fit")
    have = np.zeros((given.n_nodes, given.n_kinds), np.uint8)
    have[given.n_stops :] = available.T
    return have.ravel(), np.ascontiguousarray(takes.T, np.uint8).ravel()


def _check(given: _Given) -> None:
    start, end, kind, seconds, cents, mg = given.columns
    if len({len(column) for column in given.columns}) != 1:
        raise ValueError("the columns of the edges are not equally long")
    stops, places = range(given.n_stops), range(given.n_stops, given.n_nodes)
    _check_within("start of an edge", start, places)
    _check_within("end of an edge", end, range(given.n_nodes))
    _check_within("kind of an edge", kind, range(given.n_kinds))
    for name, column in (("seconds", seconds), ("cents", cents), ("mg", mg)):
        _check_within(name, column, range(1 << 29))
    for (a, b, walk_s), from_, to in (
        (given.to_place, stops, places),
        (given.to_stop, places, stops),
    ):
        _check_within("start of a walk", a, from_)
        _check_within("end of a walk", b, to)
        _check_within("seconds of a walk", walk_s, range(1 << 29))


def _check_within(name: str, values: I32, allowed: range) -> None:
    if len(values) and not (allowed.start <= values.min() and values.max() < allowed.stop):
        raise ValueError(f"{name} is not in {allowed.start} to {allowed.stop - 1}")
