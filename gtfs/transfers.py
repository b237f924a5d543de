"""Footpaths between stops: what transfers.txt says, and straight lines with a detour elsewhere."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, cos, radians

import numpy as np

from gtfs.feed import FeedStop, FeedTransfer, TransferKind
from gtfs.geo import LatLon, distance_m

Blocked = Callable[[LatLon, LatLon], bool]

NEVER_S = 1 << 28
_METRES_PER_DEGREE = 111_195.0
_NEAR_M = 100.0
_COMPLETE = 0.95


@dataclass(frozen=True, slots=True)
class WalkRules:
    """How people walk between stops.

    A generated footpath is a straight line times `detour`, at most `max_m` metres long at `speed`
    metres per second; `blocked(a, b)` says that a straight line cannot be walked (water, a
    motorway). `change_s` is the least time to change at one stop where the feed names none.
    """

    speed_mps: float = 1.2
    detour: float = 1.3
    max_m: float = 400.0
    change_s: int = 0
    blocked: Blocked | None = None

    def seconds(self, a: LatLon, b: LatLon) -> int:
        """Estimated walking time, rounded up."""
        return ceil(distance_m(a, b) * self.detour / self.speed_mps)


def footpaths(
    stops: Sequence[FeedStop], transfers: Sequence[FeedTransfer], rules: WalkRules
) -> tuple[dict[tuple[int, int], int], list[int]]:
    """Seconds of every footpath by (from, to) place in `stops`, and the change time of each stop.

    A pair that transfers.txt names keeps its time. Missing pairs are generated, then closed: what
    can be walked through other stops within the longest allowed or named time is a footpath too.
    """
    children = _children(stops)
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
                        forbidden.add((a, b))
                elif a == b:
                    change[a] = rules.change_s if seconds is None else seconds
                elif seconds is None:
                    named[a, b] = rules.seconds(stops[a].position, stops[b].position)
                else:
                    named[a, b] = seconds
    walks = _generated(stops, rules) | named
    for pair in forbidden:
        walks.pop(pair, None)
    bound = max([ceil(rules.max_m / rules.speed_mps), *named.values()])
    return _closed(len(stops), walks, forbidden, bound), change


def names_every_footpath(stops: Sequence[FeedStop], transfers: Sequence[FeedTransfer]) -> bool:
    """Whether transfers.txt already joins the stops that lie side by side (within 100 m).

    Such a feed was made complete by its author; generating more footpaths would contradict it.
    """
    index = {stop.id: i for i, stop in enumerate(stops)}
    named = {
        (index[t.from_id], index[t.to_id])
        for t in transfers
        if t.from_id in index and t.to_id in index and t.from_id != t.to_id
    }
    near = [(a, b) for a, b, _ in _near_pairs(stops, _NEAR_M)]
    both = [pair for a, b in near for pair in ((a, b), (b, a))]
    return bool(named) and sum(pair in named for pair in both) >= _COMPLETE * len(both)


def _children(stops: Sequence[FeedStop]) -> Mapping[str, list[int]]:
    grouped: dict[str, list[int]] = {}
    for i, stop in enumerate(stops):
        grouped.setdefault(stop.id, []).append(i)
        if stop.parent_id is not None:
            grouped.setdefault(stop.parent_id, []).append(i)
    return grouped


def _near_pairs(stops: Sequence[FeedStop], limit_m: float) -> Iterator[tuple[int, int, float]]:
    """Unordered pairs within a straight-line distance, found in bands of latitude."""
    lat = np.array([stop.position.lat for stop in stops])
    lon = np.array([stop.position.lon for stop in stops])
    order = np.argsort(lat, kind="stable")
    reach = limit_m / _METRES_PER_DEGREE * 1.01
    ends = np.searchsorted(lat[order], lat[order] + reach, side="right").tolist()
    for place, a in enumerate(order.tolist()):
        others = order[place + 1 : ends[place]]
        width = reach / max(0.01, cos(radians(abs(float(lat[a])) + reach)))
        for b in others[np.abs(lon[others] - lon[a]) <= width].tolist():
            metres = distance_m(stops[a].position, stops[b].position)
            if metres <= limit_m:
                yield a, b, metres


def _generated(stops: Sequence[FeedStop], rules: WalkRules) -> dict[tuple[int, int], int]:
    walks: dict[tuple[int, int], int] = {}
    if rules.max_m <= 0:
        return walks
    pairs = {(a, b) for a, b, _ in _near_pairs(stops, rules.max_m / rules.detour)}
    stations: dict[str, list[int]] = {}
    for i, stop in enumerate(stops):
        if stop.parent_id is not None:
            stations.setdefault(stop.parent_id, []).append(i)
    pairs |= {(a, b) for members in stations.values() for a in members for b in members if a < b}
    for a, b in pairs:
        here, there = stops[a].position, stops[b].position
        if rules.blocked is None or not rules.blocked(here, there):
            walks[a, b] = walks[b, a] = rules.seconds(here, there)
    return walks


def _closed(
    n_stops: int,
    walks: Mapping[tuple[int, int], int],
    forbidden: set[tuple[int, int]],
    bound: int,
) -> dict[tuple[int, int], int]:
    """Add the pairs that shortest paths of at most `bound` seconds join; the rest stays as is."""
    out: list[list[tuple[int, int]]] = [[] for _ in range(n_stops)]
    for (a, b), seconds in walks.items():
        out[a].append((b, seconds))
    closed = dict(walks)
    for source in range(n_stops):
        done: set[int] = set()
        queue = [(0, source)]
        while queue:
            seconds, at = heapq.heappop(queue)
            if at in done:
                continue
            done.add(at)
            if at != source and (source, at) not in forbidden:
                closed.setdefault((source, at), seconds)
            for to, more in out[at]:
                if to not in done and seconds + more <= bound:
                    heapq.heappush(queue, (seconds + more, to))
    return closed
