"""Estimated walking, cycling and driving: straight lines times a detour factor, never over water.

There is no street network here yet. What a straight line gets wrong most in a city of water is the
river, so ways bend round the water and over the crossings that are open for the mode on that day
(``visibility``). Ferries are lines with a timetable, not streets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from gtfs.geo import LatLon, distance_m
from mobility.cities.city import City
from mobility.cities.facts import Access as CrossingAccess
from mobility.cities.facts import Crossing, Rules
from mobility.cities.facts import Water as WaterReach
from mobility.planning.visibility import Graph, build_graph, outline
from mobility.planning.water import Floats, Plane, Water, degrees_of, great_circle_m
from providers.values import Mode

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
        self._day_of: dict[tuple[OpenCrossing, ...], date] = {}
        self._graph_of = lru_cache(maxsize=16)(
            lambda usable: build_graph(self._water, self._around(), self._plane, usable)
        )
        self._around = lru_cache(maxsize=1)(lambda: outline(self._water, self._lines))

    def modes(self) -> frozenset[Mode]:
        """The modes that have streets."""
        return frozenset(self._profiles)

    def like(self, on: date) -> date:
        """A day with the same crossings open, one for all such days: to remember ways by."""
        return self._day_of.setdefault(self._crossings_on(on), on)

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
        return _leg(mode, profile, metres, points, graph.crossings(path))

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

    def _way(self, graph: Graph, ends: Floats, xy: Floats) -> tuple[float, list[int]] | None:
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
        self, graph: Graph, best: Floats, points: Floats, xy: Floats, limit: float
    ) -> Floats:
        """Metres to each point over the way points, which are reached after ``best`` metres."""
        via = best[None, :] + great_circle_m(points[:, None], graph.degrees[None, :])
        target, node = np.nonzero(via <= limit)
        hidden = self._water.crossed(xy[target], graph.xy[node])
        via[target[hidden], node[hidden]] = np.inf
        via[via > limit] = np.inf
        result: Floats = via.min(axis=1, initial=np.inf)
        return result

    def _seen(self, graph: Graph, degrees: Floats, xy: Floats, limit: float) -> Floats:
        """Straight metres from a point to every way point in sight within the limit."""
        metres = great_circle_m(degrees, graph.degrees)
        near = np.flatnonzero(metres <= limit)
        hidden = self._water.crossed(np.broadcast_to(xy, (len(near), 2)), graph.xy[near])
        result = np.full(len(metres), np.inf)
        result[near[~hidden]] = metres[near[~hidden]]
        return result

    def _graph(self, mode: Mode, on: date) -> Graph:
        usable = tuple(c for c in self._crossings_on(on) if mode in c.modes)
        return self._graph_of(tuple((c.name, c.position) for c in usable))


def _leg(
    mode: Mode,
    profile: StreetProfile,
    straight_m: float,
    points: tuple[LatLon, ...],
    crossings: tuple[str, ...],
) -> StreetLeg:
    metres = round(straight_m * profile.detour_factor)
    return StreetLeg(mode, profile.seconds(straight_m), metres, points, crossings)


def streets_of(water: Sequence[WaterReach], crossings: Sequence[Crossing], rules: Rules) -> Streets:
    """The streets of a city as its data describes them.

    What is not known to be open is not used; neither are ferries and locks.
    """
    detours = rules.detours()
    profiles = {
        mode: StreetProfile(speed, detours[mode]) for mode, speed in rules.speeds_kmh().items()
    }

    def crossings_on(on: date) -> list[OpenCrossing]:
        return [
            OpenCrossing(
                crossing.name,
                crossing.position,
                frozenset(m for m in profiles if crossing.access(m, on) is CrossingAccess.OPEN),
            )
            for crossing in crossings
            if crossing.kind in {"bridge", "tunnel"}
        ]

    return Streets([reach.shape for reach in water], crossings_on, profiles)


def walk_is_blocked(city: City, on: date) -> Callable[[LatLon, LatLon], bool]:
    """Whether a short straight walk meets water without a bridge close by, for a feed's footpaths.

    A bridge is close where the way over it is at most a tenth longer than the straight line.
    """
    streets = streets_of(city.water, city.crossings, city.rules)
    detour = city.rules.walk_detour

    def blocked(a: LatLon, b: LatLon) -> bool:
        way = streets.leg(Mode.WALK, a, b, on)
        return way is None or way.metres > 1.1 * detour * distance_m(a, b) + 1

    return blocked
