"""Estimated walking, cycling and driving: straight lines times a detour factor, never over water.

There is no street network here yet. What a straight line gets wrong most in a city of water is the
river, so ways bend round the water and over the crossings that are open for the mode on that day:
a visibility graph (Lozano-Pérez and Wesley 1979) of two bank points a crossing and of the bends of
the water lines. Ferries are lines with a timetable, not streets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from gtfs.geo import LatLon
from mobility.planning.water import Floats, Plane, Water, bends, degrees_of, great_circle_m
from providers.values import Mode

_BANK_M = 20.0
"""How far from the line of the water a bank point lies."""
_SNAP_M = 80.0
"""A crossing farther from every water line crosses none that is known: a plain way point."""
_BEND_M = 60.0
"""Bends of the water smaller than this are not worth a way point."""
_FIRST_LOOK = 24
"""Way points looked at before the search is bounded by a way found."""


@dataclass(frozen=True, slots=True)
class StreetProfile:
    """How a mode moves: its speed, and how much longer the way is than the straight line."""

    speed_kmh: float
    detour_factor: float

    def seconds(self, straight_m: float) -> int:
        """Whole seconds, rounded up, for a straight distance in metres."""
        return int(-(-straight_m * self.detour_factor * 3.6 // self.speed_kmh))


@dataclass(frozen=True, slots=True)
class OpenCrossing:
    """A bridge or tunnel, and who may use it on the day asked for."""

    name: str
    position: LatLon
    modes: frozenset[Mode]


@dataclass(frozen=True, slots=True)
class StreetLeg:
    """An estimated way through the streets."""

    mode: Mode
    seconds: int
    metres: int
    geometry: tuple[LatLon, ...]
    crossings: tuple[str, ...] = ()
    """The bridges and tunnels on the way, in order."""
    estimated: bool = True


@dataclass(frozen=True, slots=True)
class _Graph:
    """Way points of one mode: two bank points a crossing, then the bends of the water."""

    names: tuple[str, ...]
    degrees: Floats
    xy: Floats
    metres: Floats
    """(n, n) shortest straight-line metres over the graph; infinite where there is no way."""
    following: npt.NDArray[np.int32]
    """(n, n) the next way point from row to column; -1 where there is no way."""

    def path(self, start: int, end: int) -> list[int]:
        """The way points from ``start`` to ``end``, both included."""
        result = [start]
        while start != end:
            start = int(self.following[start, end])
            result.append(start)
        return result


class Streets:
    """The ways of one city. Safe to use from several threads."""

    def __init__(
        self,
        water: Sequence[Sequence[LatLon]],
        crossings_on: Callable[[date], Sequence[OpenCrossing]],
        profiles: Mapping[Mode, StreetProfile],
    ) -> None:
        """Take the water as polylines (a lake closes its line) and the crossings of a day.

        Modes without a profile have no streets.
        """
        corners = degrees_of([point for line in water for point in line])
        self._plane = Plane(
            LatLon(*map(float, corners.mean(axis=0))) if len(corners) else LatLon(0, 0)
        )
        self._lines = [self._plane.project(degrees_of(line)) for line in water if len(line) > 1]
        self._water = Water(self._lines)
        self._crossings_on = lru_cache(maxsize=512)(lambda on: tuple(crossings_on(on)))
        self._profiles = dict(profiles)
        self._graph_of = lru_cache(maxsize=16)(self._build)

    def modes(self) -> frozenset[Mode]:
        """The modes that have streets."""
        return frozenset(self._profiles)

    def seconds(self, mode: Mode, travelled_m: float) -> int:
        """How long a mode takes for metres travelled, detours included."""
        return round(travelled_m * 3.6 / self._profiles[mode].speed_kmh)

    def metres(self, mode: Mode, seconds: float) -> int:
        """How far a mode gets in that time, detours included."""
        return round(seconds * self._profiles[mode].speed_kmh / 3.6)

    def leg(self, mode: Mode, a: LatLon, b: LatLon, on: date) -> StreetLeg | None:
        """The way from ``a`` to ``b`` on that day; None where water leaves none."""
        profile = self._profiles[mode]
        ends = degrees_of([a, b])
        xy = self._plane.project(ends)
        if not self._water.crossed(xy[:1], xy[1:])[0]:
            return _leg(mode, profile, float(great_circle_m(ends[0], ends[1])), (a, b), ())
        graph = self._graph(mode, on)
        found = self._way(graph, ends, xy)
        if found is None:
            return None
        metres, path = found
        points = (a, *(LatLon(*map(float, graph.degrees[node])) for node in path), b)
        return _leg(mode, profile, metres, points, _crossed(graph, path))

    def seconds_to_many(
        self, mode: Mode, origin: LatLon, points: Floats, on: date, *, max_seconds: int
    ) -> npt.NDArray[np.int32]:
        """Whole seconds to each of (n, 2) degrees; -1 beyond ``max_seconds`` or without a way.

        The same both ways: there are no one-way streets here.
        """
        profile = self._profiles[mode]
        limit = max_seconds * profile.speed_kmh / 3.6 / profile.detour_factor
        start = degrees_of([origin])
        straight = great_circle_m(start, points)
        metres = np.full(len(points), np.inf)
        near = np.flatnonzero(straight <= limit)
        if len(near):
            xy, start_xy = self._plane.project(points[near]), self._plane.project(start)
            blocked = self._water.crossed(np.broadcast_to(start_xy, xy.shape), xy)
            metres[near[~blocked]] = straight[near[~blocked]]
            if blocked.any():
                graph = self._graph(mode, on)
                reached = self._seen(graph, start[0], start_xy[0], limit)[:, None] + graph.metres
                best = reached.min(axis=0, initial=np.inf)
                metres[near[blocked]] = self._round(
                    graph, best, points[near[blocked]], xy[blocked], limit
                )
        result = np.full(len(points), -1, dtype=np.int32)
        fine = metres <= limit
        seconds = np.ceil(metres[fine] * profile.detour_factor * 3.6 / profile.speed_kmh)
        result[fine] = seconds.astype(np.int32)
        return result

    def _way(self, graph: _Graph, ends: Floats, xy: Floats) -> tuple[float, list[int]] | None:
        """Metres and way points of the shortest way round the water between two points.

        Sight is what costs: first the way points that would make the shortest ways are looked at,
        then only those that could still beat the best way found.
        """
        if not len(graph.xy):
            return None
        straight = [great_circle_m(end, graph.degrees) for end in ends]
        least = [
            straight[side] + (graph.metres + straight[1 - side][None, :]).min(axis=1)
            for side in (0, 1)
        ]
        bound = np.inf
        for count in (_FIRST_LOOK, len(graph.xy)):
            seen = []
            for side in (0, 1):
                likely = np.argsort(least[side], kind="stable")[:count]
                nodes = likely[least[side][likely] <= bound]
                hidden = self._water.crossed(
                    np.broadcast_to(xy[side], (len(nodes), 2)), graph.xy[nodes]
                )
                seen.append(nodes[~hidden])
            total = (
                straight[0][seen[0]][:, None]
                + graph.metres[np.ix_(seen[0], seen[1])]
                + straight[1][seen[1]][None, :]
            )
            bound = float(total.min(initial=np.inf))
        if not np.isfinite(bound):
            return None
        start, end = divmod(int(total.argmin()), total.shape[1])
        return bound, graph.path(int(seen[0][start]), int(seen[1][end]))

    def _round(
        self, graph: _Graph, best: Floats, points: Floats, xy: Floats, limit: float
    ) -> Floats:
        """Metres to each point over the way points, which are reached after ``best`` metres."""
        via = best[None, :] + great_circle_m(points[:, None], graph.degrees[None, :])
        target, node = np.nonzero(via <= limit)
        hidden = self._water.crossed(xy[target], graph.xy[node])
        via[target[hidden], node[hidden]] = np.inf
        via[via > limit] = np.inf
        result: Floats = via.min(axis=1, initial=np.inf)
        return result

    def _seen(self, graph: _Graph, degrees: Floats, xy: Floats, limit: float) -> Floats:
        """Straight metres from a point to every way point in sight within the limit."""
        metres = great_circle_m(degrees, graph.degrees)
        near = np.flatnonzero(metres <= limit)
        hidden = self._water.crossed(np.broadcast_to(xy, (len(near), 2)), graph.xy[near])
        result = np.full(len(metres), np.inf)
        result[near[~hidden]] = metres[near[~hidden]]
        return result

    def _graph(self, mode: Mode, on: date) -> _Graph:
        usable = tuple(c for c in self._crossings_on(on) if mode in c.modes)
        return self._graph_of(tuple((c.name, c.position) for c in usable))

    def _build(self, usable: tuple[tuple[str, LatLon], ...]) -> _Graph:
        points: list[Floats] = []
        names: list[str] = []
        for name, position in usable:
            here = self._plane.project(degrees_of([position]))[0]
            away, foot, along = self._water.nearest(here)
            across = np.array([-along[1], along[0]]) * _BANK_M
            banks = [foot + across, foot - across] if away <= _SNAP_M else [here, here]
            points += banks
            names.append(name)
        points += [
            bend + side
            for line in self._lines
            for bend, across in _outlines(line)
            for side in (across, -across)
        ]
        xy = np.array(points).reshape(-1, 2)
        degrees = self._plane.unproject(xy)
        count = len(xy)
        metres = great_circle_m(degrees[:, None], degrees[None, :])
        row, column = np.triu_indices(count, 1)
        hidden = self._water.crossed(xy[row], xy[column])
        crossing = (row % 2 == 0) & (column == row + 1) & (column < 2 * len(names))
        hidden &= ~crossing
        metres[row[hidden], column[hidden]] = np.inf
        metres[column[hidden], row[hidden]] = np.inf
        following = np.where(np.isfinite(metres), np.arange(count, dtype=np.int32)[None, :], -1)
        for middle in range(count):
            over = metres[:, middle, None] + metres[None, middle, :]
            better = over < metres
            metres = np.where(better, over, metres)
            following = np.where(better, following[:, middle, None], following)
        return _Graph(tuple(names), degrees, xy, metres, following.astype(np.int32))


def _outlines(line: Floats) -> list[tuple[Floats, Floats]]:
    """The bends that matter, each with the step to a bank point beside it."""
    kept = bends(line, _BEND_M)
    result = []
    for index in range(len(kept)):
        before, after = kept[max(index - 1, 0)], kept[min(index + 1, len(kept) - 1)]
        along = after - before
        length = float(np.hypot(*along))
        if length:
            result.append((kept[index], np.array([-along[1], along[0]]) / length * _BANK_M))
    return result


def _crossed(graph: _Graph, path: Sequence[int]) -> tuple[str, ...]:
    pairs = pairwise(path)
    return tuple(
        graph.names[a // 2]
        for a, b in pairs
        if a // 2 == b // 2 and a != b and max(a, b) < 2 * len(graph.names)
    )


def _leg(
    mode: Mode,
    profile: StreetProfile,
    straight_m: float,
    points: tuple[LatLon, ...],
    crossings: tuple[str, ...],
) -> StreetLeg:
    metres = round(straight_m * profile.detour_factor)
    return StreetLeg(mode, profile.seconds(straight_m), metres, points, crossings)
