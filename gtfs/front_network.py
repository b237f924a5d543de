"""A day's network with what its rides cost: the arrays that the four-criteria kernel reads.

Trips of one pattern that differ in price or emission are patterns of their own here. What a search
writes to (`FrontWorkspace`) is kept between searches, one per thread that searches at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gtfs import front_layout as at
from gtfs.front_fares import NEVER, area_tables
from gtfs.front_values import I32, LEVELS, Levels
from gtfs.network import INF, SECTIONS, DayNetwork, flat, grouped
from gtfs.stands import Stands

I64 = NDArray[np.int64]

FRONT_SECTIONS = (
    "positions", "trips", "stop0", "trip0", "event0", "stops", "arrivals", "departures",
    "serving0", "serving_pattern", "serving_position", "walk0", "walk_to", "walk_s",
    "change_s", "cents", "mg_per_m", "metres", "run_s", "dwell_s", "trip", "area_of",
    "area_cents", "area_both", "area_gap", "windows",
)  # fmt: skip
"""Order of the arrays in `FrontNetwork.data`, with which the kernels' functions begin."""


KEPT_LABELS = 1 << 16
"""The labels of the largest workspace that is kept, some six megabytes."""


@dataclass(slots=True, eq=False)
class FrontWorkspace:
    """What one running search writes to; `labels` grows when a search needs more."""

    state: I64
    address: int
    front: I32
    out: I32
    n_nodes: int
    n_labels: int
    held: list[NDArray[Any]]

    @classmethod
    def of(cls, network: FrontNetwork, n_nodes: int, n_labels: int) -> FrontWorkspace:
        """Fresh memory for a network and that many nodes and labels."""
        n_bags = 2 * network.n_stops + 2 * n_nodes
        n_rows = max(n_labels // 16, 64)
        labels = np.zeros((n_labels, at.LABEL_ROW), np.int32)
        front = np.zeros((n_rows, at.FRONT_ROW), np.int32)
        out = np.zeros(max(n_labels, 1 << 14), np.int32)
        held: list[NDArray[Any]] = [
            labels,
            np.zeros(2 * n_labels, np.int64),
            front,
            np.zeros(n_rows, np.int64),
            np.zeros((n_rows, at.ABOARD_ROW), np.int32),
            np.zeros(n_bags, np.int32),
            np.zeros(at.LEVELS * n_bags, np.int64),
            np.zeros(at.CALL_ROW * network.n_calls, np.int64),
            np.zeros(at.ONWARD_ROW * network.n_stops, np.int64),
            np.zeros(network.n_stops, np.int32),
            np.full(network.n_patterns, INF, np.int32),
            np.zeros(network.n_patterns, np.int32),
            out,
            np.zeros(n_nodes, np.int32),
            np.zeros(2 * at.MOST_PRICES, np.int32),
            np.zeros(at.MOST_PRICES * at.LIMIT_LEGS * at.LIMIT_STEPS, np.int32),
            np.zeros(n_bags, np.int64),
            np.zeros(n_bags, np.int64),
            np.zeros(n_rows, np.int64),
            np.zeros(at.PRICED, np.uint8),
        ]
        state = np.zeros(at.STATE_SIZE, np.int64)
        state[at.N_STOPS], state[at.N_SETS] = network.n_stops, network.n_sets
        state[at.TRANSFER_S], state[at.MIRRORED] = network.transfer_s, network.mirrored
        state[at.SHORT_CENTS], state[at.SHORT_STOPS] = network.short_cents, network.short_stops
        state[at.LEAST_RIDE] = min(network.least_ride_cents, at.MOST_CENTS)
        state[at.LEAST_SINGLE] = network.least_single_cents
        state[at.MOST_SINGLE] = network.most_single_cents
        at.point(state, at.ARRAYS_AT, network.data, network.offsets)
        for place, array in enumerate(held, at.LABELS):
            at.point_at(state, at.ARRAYS_AT + 2 * place, array, len(array))
        return cls(state, state.ctypes.data, front, out, n_nodes, n_labels, held)


@dataclass(frozen=True, slots=True, eq=False)
class FrontNetwork:
    """Flat arrays in the order of `FRONT_SECTIONS`, and what a search must know besides."""

    data: I32
    offsets: I64
    n_stops: int
    n_patterns: int
    mirrored: bool
    n_sets: int
    transfer_s: int
    short_cents: int
    short_stops: int
    least_ride_cents: int
    least_single_cents: int
    most_single_cents: int
    stands: Stands
    _workspaces: list[FrontWorkspace] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        network: DayNetwork,
        *,
        mirrored: bool,
        trip_cents: I32,
        trip_mg_per_m: I32,
        metres: I32,
        levels: Levels | None,
    ) -> FrontNetwork:
        """Add prices and emissions to a day.

        ``trip_cents`` and ``trip_mg_per_m`` are of each trip of the network (0 cents: free, LEVELS:
        by the level tariff), for all who travel together; ``metres`` are cumulative along each
        pattern, in the order of the network's section of stops.

        Raises:
            ValueError: the arrays do not fit the network, or a trip's tariff is not given.
        """
        parts = {
            name: network.data[network.offsets[i] : network.offsets[i + 1]]
            for i, name in enumerate(SECTIONS)
        }
        _check(parts, trip_cents, trip_mg_per_m, metres, levels)
        lanes = _Lanes(parts, trip_cents, trip_mg_per_m, metres)
        areas = area_tables(levels, network.stands.stop)
        windows = levels.short_windows if levels else ()
        sections = {
            **{name: parts[name] for name in ("walk0", "walk_to", "walk_s", "change_s")},
            **lanes.sections(network.n_stops),
            "area_of": areas.of_stop,
            "area_cents": areas.cents,
            "area_both": areas.both,
            "area_gap": areas.gap,
            "windows": np.array([t for window in windows for t in window], np.int32),
        }
        data, offsets = flat([sections[name] for name in FRONT_SECTIONS])
        sold = levels is not None and bool((trip_cents == LEVELS).any())
        single = int(areas.cents.min()) if sold else NEVER
        short = levels.short_cents if levels and sold and levels.short_stops else NEVER
        flat_cents = trip_cents[trip_cents >= 0]
        return cls(
            data,
            offsets,
            network.n_stops,
            len(lanes.trips),
            mirrored,
            len(areas.cents),
            levels.transfer_s if levels else 0,
            levels.short_cents if levels else 0,
            levels.short_stops if levels else 0,
            min(single, short, int(flat_cents.min(initial=NEVER))),
            single,
            int(areas.cents.max()) if sold else NEVER,
            network.stands,
        )

    @property
    def n_calls(self) -> int:
        """Calls of all patterns together."""
        return int(self.offsets[6] - self.offsets[5])

    def borrow(self, n_nodes: int, n_labels: int) -> FrontWorkspace:
        """A workspace for one search in this thread; give it back."""
        try:
            found = self._workspaces.pop()
        except IndexError:
            found = None
        if found is None or found.n_labels < n_labels or found.n_nodes < n_nodes:
            return FrontWorkspace.of(self, n_nodes, n_labels)
        return found

    def give_back(self, workspace: FrontWorkspace) -> None:
        """Keep a workspace for the next search, unless it grew for a rare one."""
        if workspace.n_labels <= KEPT_LABELS:
            self._workspaces.append(workspace)


def _check(
    parts: dict[str, I32], cents: I32, mg_per_m: I32, metres: I32, levels: Levels | None
) -> None:
    n_trips = len(parts["pattern_of"])
    if len(cents) != n_trips or len(mg_per_m) != n_trips:
        raise ValueError(f"{len(cents)} prices, {len(mg_per_m)} emissions for {n_trips} trips")
    if len(metres) != len(parts["stops"]):
        raise ValueError(f"{len(metres)} distances for {len(parts['stops'])} calls of patterns")
    if n_trips and (cents.min() < LEVELS or mg_per_m.min() < 0):
        raise ValueError("prices and emissions of trips are not negative")
    if n_trips and metres.min() < 0:
        raise ValueError("distances are not negative")
    if n_trips and int(metres.max()) * int(mg_per_m.max()) >= INF:
        raise ValueError("a ride of more than a ton of CO2")
    if levels is None and (cents == LEVELS).any():
        raise ValueError("trips of the level tariff, and no level tariff")


class _Lanes:
    """Patterns whose trips all cost and emit the same."""

    def __init__(self, parts: dict[str, I32], cents: I32, mg_per_m: I32, metres: I32) -> None:
        self.stops: list[I32] = []
        self.metres: list[I32] = []
        self.trips: list[I32] = []
        self.arrivals: list[I32] = []
        self.departures: list[I32] = []
        self.cents: list[int] = []
        self.mg_per_m: list[int] = []
        for p, (length, size) in enumerate(
            zip(parts["positions"].tolist(), parts["trips"].tolist(), strict=True)
        ):
            cells = slice(parts["event0"][p], parts["event0"][p + 1])
            calls = slice(parts["stop0"][p], parts["stop0"][p + 1])
            arrivals = parts["arrivals"][cells].reshape(size, length)
            departures = parts["departures"][cells].reshape(length, size).T
            trips = np.arange(size, dtype=np.int32) + parts["trip0"][p]
            kinds = list(zip(cents[trips].tolist(), mg_per_m[trips].tolist(), strict=True))
            for kind in dict.fromkeys(kinds):
                mine = np.array([k == kind for k in kinds], np.bool_)
                self.stops.append(parts["stops"][calls])
                self.metres.append(metres[calls] - metres[calls][:1])
                self.trips.append(trips[mine])
                self.arrivals.append(arrivals[mine])
                self.departures.append(departures[mine])
                self.cents.append(kind[0])
                self.mg_per_m.append(kind[1])

    def sections(self, n_stops: int) -> dict[str, I32]:
        """The arrays of these patterns, by the names of `FRONT_SECTIONS`."""
        lengths = [len(stops) for stops in self.stops]
        sizes = [len(trips) for trips in self.trips]
        pattern = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        stop0 = _starts(lengths)
        stops = _joined(self.stops)
        position = np.arange(len(stops), dtype=np.int32) - stop0[pattern]
        never = np.zeros(0, np.bool_)
        boardable = np.concatenate([never, *((d > -INF).any(axis=0) for d in self.departures)])
        boardable &= position < np.array([*lengths, 0], np.int32)[pattern] - 1
        serving = grouped(stops[boardable], n_stops, pattern[boardable], position[boardable])
        least = [_least(a, d) for a, d in zip(self.arrivals, self.departures, strict=True)]
        return {
            "positions": np.array(lengths, np.int32),
            "trips": np.array(sizes, np.int32),
            "stop0": stop0,
            "trip0": _starts(sizes),
            "event0": _starts([a * b for a, b in zip(lengths, sizes, strict=True)]),
            "stops": stops,
            "arrivals": _joined([a.ravel() for a in self.arrivals]),
            "departures": _joined([d.T.ravel() for d in self.departures]),
            "serving0": serving[0],
            "serving_pattern": serving[1],
            "serving_position": serving[2],
            "cents": np.array(self.cents, np.int32),
            "mg_per_m": np.array(self.mg_per_m, np.int32),
            "metres": _joined(self.metres),
            "run_s": _joined([run for run, _ in least]),
            "dwell_s": _joined([dwell for _, dwell in least]),
            "trip": _joined(self.trips),
        }


def _least(arrivals: I32, departures: I32) -> tuple[I32, I32]:
    """The least seconds of any trip to each position from the one before, and at it.

    Where a time is not known because nobody alights (boards), the one before stands for it: sums
    along the pattern are never more than a ride takes.
    """
    first = np.where(arrivals < INF, arrivals, INF).min(axis=1)
    first = np.minimum(first, np.where(departures > -INF, departures, INF).min(axis=1))
    latest = np.maximum(np.where(arrivals < INF, arrivals, -INF), departures)
    known = np.maximum.accumulate(np.concatenate([first[:, None], latest], axis=1), axis=1)[:, :-1]
    arrives = np.where(arrivals < INF, arrivals, known)
    departs = np.where(departures > -INF, departures, arrives)
    run, dwell = (arrives - known).min(axis=0), (departs - arrives).min(axis=0)
    return run.clip(0, at.MOST_BOUND), dwell.clip(0, at.MOST_BOUND)


def _starts(sizes: list[int]) -> I32:
    return np.concatenate([[0], np.cumsum(np.array(sizes, np.int64))]).astype(np.int32)


def _joined(parts: list[I32]) -> I32:
    return np.concatenate([np.zeros(0, np.int32), *parts]).astype(np.int32)
