"""Footpaths between stops: what transfers.txt says, and straight lines with a detour elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, cos, radians

import numpy as np
from numpy.typing import NDArray

from gtfs.feed import FeedStop, FeedTransfer, TransferKind
from gtfs.geo import LatLon, distance_m, distances_m
from gtfs.walk_closure import closed_walks

Walk = Callable[[LatLon, LatLon], int | None]
"""Seconds on foot from one position to another; None where there is no way."""

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

NEVER_S = 1 << 28
_LONGEST_CLOSED_S = 30 * 60
_METRES_PER_DEGREE = 111_195.0
_NEAR_M = 100.0
_COMPLETE = 0.95


@dataclass(frozen=True, slots=True)
class WalkRules:
    """How people walk between stops.

    A generated footpath is what `walk` says, or else a straight line times `detour`, at most
    `max_m` metres long at `speed_mps` metres per second. `change_s` is the least time to change at
    one stop where the feed names none.
    """

    speed_mps: float = 1.2
    detour: float = 1.3
    max_m: float = 400.0
    change_s: int = 0
    walk: Walk | None = None

    def seconds(self, a: LatLon, b: LatLon) -> int:
        """Estimated walking time, rounded up."""
        return ceil(distance_m(a, b) * self.detour / self.speed_mps)


@dataclass(frozen=True, slots=True, eq=False)
class Walks:
    """Footpaths between stops by their number, in the order of `start`, then `end`."""

    start: I64
    end: I64
    seconds: I64

    def by_pair(self) -> dict[tuple[int, int], int]:
        """Seconds by start and end."""
        pairs = zip(self.start.tolist(), self.end.tolist(), strict=True)
        return dict(zip(pairs, self.seconds.tolist(), strict=True))


def footpaths(
    stops: Sequence[FeedStop], transfers: Sequence[FeedTransfer], rules: WalkRules
) -> tuple[Walks, I32]:
    """Every footpath between `stops` by their place, and the change time in seconds of each stop.

    A pair that transfers.txt names keeps its time, one named itself before one of its station.
    Missing pairs are generated, then closed: what can be walked through other stops within the
    longest allowed or named time is a footpath too; a named time of more than half an hour counts
    as that, or one row could join every two stops of a city.
    """
    children = children_of(stops)
    own = {stop.id for stop in stops}
    transfers = sorted(transfers, key=lambda t: (t.from_id in own) + (t.to_id in own))
    named: dict[tuple[int, int], int] = {}
    forbidden: set[tuple[int, int]] = set()
    change = [rules.change_s] * len(stops)
    for transfer in transfers:
        for a in children.get(transfer.from_id, ()):
            for b in children.get(transfer.to_id, ()):
                seconds = transfer.seconds
                if transfer.kind is TransferKind.IMPOSSIBLE:
                    if a == b:
                        change[a] = NEVER_S
                    else:
                        named.pop((a, b), None)
                        forbidden.add((a, b))
                elif a == b:
                    usual = 0 if transfer.kind is TransferKind.TIMED else rules.change_s
                    change[a] = usual if seconds is None else seconds
                else:
                    forbidden.discard((a, b))
                    if seconds is None:
                        seconds = rules.seconds(stops[a].position, stops[b].position)
                    named[a, b] = seconds
    longest_named = min(max(named.values(), default=0), _LONGEST_CLOSED_S)
    bound = max(ceil(rules.max_m / rules.speed_mps), longest_named)
    pairs, seconds_of = _generated(stops, rules)
    n = len(stops)
    keys = np.concatenate([_keys(named, n), pairs[:, 0] * n + pairs[:, 1]])
    times = np.concatenate([np.array(list(named.values()), np.int64), seconds_of])
    keys, first = np.unique(keys, return_index=True)
    times = times[first]
    never = _keys(forbidden, n)
    allowed = ~np.isin(keys, never)
    keys, times = closed_walks(n, keys[allowed], times[allowed], never, bound)
    return Walks(keys // max(n, 1), keys % max(n, 1), times), np.array(change, np.int32)


def _keys(pairs: Mapping[tuple[int, int], int] | set[tuple[int, int]], n_stops: int) -> I64:
    return np.array([a * n_stops + b for a, b in pairs], np.int64)


def names_every_footpath(stops: Sequence[FeedStop], transfers: Sequence[FeedTransfer]) -> bool:
    """Whether transfers.txt already joins the stops that lie side by side (within 100 m).

    Such a feed was made complete by its author; generating more footpaths would contradict it.
    """
    index = {stop.id: i for i, stop in enumerate(stops)}
    named = {
        index[t.from_id] * len(stops) + index[t.to_id]
        for t in transfers
        if t.from_id in index and t.to_id in index and t.from_id != t.to_id
    }
    near = near_pairs(stops, _NEAR_M)
    both = np.concatenate(
        [near[:, 0] * len(stops) + near[:, 1], near[:, 1] * len(stops) + near[:, 0]]
    )
    joined = int(np.isin(both, np.array(list(named), np.int64)).sum())
    return bool(named) and joined >= _COMPLETE * len(both)


def children_of(stops: Sequence[FeedStop]) -> Mapping[str, list[int]]:
    """The places of stops by their own id and by that of their station."""
    grouped: dict[str, list[int]] = {}
    for i, stop in enumerate(stops):
        grouped.setdefault(stop.id, []).append(i)
        if stop.parent_id is not None:
            grouped.setdefault(stop.parent_id, []).append(i)
    return grouped


def near_pairs(stops: Sequence[FeedStop], limit_m: float) -> I64:
    """Pairs (a < b) within a straight-line distance, found in bands of latitude."""
    lat = np.array([stop.position.lat for stop in stops], np.float64)
    lon = np.array([stop.position.lon for stop in stops], np.float64)
    order = np.argsort(lat, kind="stable")
    reach = limit_m / _METRES_PER_DEGREE * 1.01
    ends = np.searchsorted(lat[order], lat[order] + reach, side="right").tolist()
    found: list[I64] = [np.zeros((0, 2), np.int64)]
    for place, a in enumerate(order.tolist()):
        others = order[place + 1 : ends[place]]
        if len(others):
            width = reach / max(0.01, cos(radians(abs(float(lat[a])) + reach)))
            apart = np.abs(lon[others] - lon[a])
            close = others[np.minimum(apart, 360 - apart) <= width]
            if len(close):
                pair = np.stack([np.minimum(a, close), np.maximum(a, close)], axis=1)
                found.append(pair)
    pairs = np.concatenate(found)
    metres = distances_m(lat[pairs[:, 0]], lon[pairs[:, 0]], lat[pairs[:, 1]], lon[pairs[:, 1]])
    near: I64 = pairs[metres <= limit_m]
    return near


def _generated(stops: Sequence[FeedStop], rules: WalkRules) -> tuple[I64, I64]:
    """Pairs of stops, in both directions, and the seconds from one to the other."""
    if rules.max_m <= 0 or not stops:
        return np.zeros((0, 2), np.int64), np.zeros(0, np.int64)
    stations: dict[str, list[int]] = {}
    for i, stop in enumerate(stops):
        if stop.parent_id is not None:
            stations.setdefault(stop.parent_id, []).append(i)
    inside = [(a, b) for members in stations.values() for a in members for b in members if a < b]
    if rules.walk is not None:
        return _walked(stops, set(inside), rules, rules.walk)
    pairs = np.concatenate(
        [near_pairs(stops, rules.max_m / rules.detour), np.array(inside, np.int64).reshape(-1, 2)]
    )
    pairs = np.unique(pairs, axis=0)
    lat = np.array([stop.position.lat for stop in stops], np.float64)
    lon = np.array([stop.position.lon for stop in stops], np.float64)
    a, b = pairs[:, 0], pairs[:, 1]
    seconds = np.ceil(distances_m(lat[a], lon[a], lat[b], lon[b]) * rules.detour / rules.speed_mps)
    both = np.concatenate([pairs, pairs[:, ::-1]])
    return both, np.tile(seconds, 2).astype(np.int64)


def _walked(
    stops: Sequence[FeedStop], inside: set[tuple[int, int]], rules: WalkRules, walk: Walk
) -> tuple[I64, I64]:
    """The same by `walk`; within a station however long it takes."""
    near = near_pairs(stops, rules.max_m).tolist()
    longest_s = rules.max_m / rules.speed_mps
    found: list[tuple[int, int, int]] = []
    for a, b in sorted({*inside, *((a, b) for a, b in near)}):
        for start, end in ((a, b), (b, a)):
            seconds = walk(stops[start].position, stops[end].position)
            if seconds is not None and (seconds <= longest_s or (a, b) in inside):
                found.append((start, end, seconds))
    columns = np.array(found, np.int64).reshape(-1, 3)
    return columns[:, :2], columns[:, 2]
