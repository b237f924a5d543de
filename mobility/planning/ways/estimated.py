"""Estimated walking, cycling and driving: straight lines times a detour factor, never over water.

There is no street network here yet. What a straight line gets wrong most in a city of water is the
river, so ways bend round the water and over the crossings that are open for the mode on that day
(``visibility``). Ferries are lines with a timetable, not streets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial
from math import inf

import numpy as np

from gtfs.geo import LatLon, distance_m
from gtfs.transfers import Walk, WalkRules
from mobility.cities.city import City
from mobility.cities.facts import Access as CrossingAccess
from mobility.cities.facts import Crossing, Rules
from mobility.cities.facts import Water as WaterReach
from mobility.planning.ways.polyline import Course
from mobility.planning.ways.reach import Places, Seconds
from mobility.planning.ways.rows import Rows
from mobility.planning.ways.sight import fill_rows, look_around, reach, shortest, straight
from mobility.planning.ways.visibility import Graph, build_graph, outline
from mobility.planning.ways.water import Floats, Plane, Water, degrees_of
from mobility.streets.leg import StreetLeg
from providers.values import Mode


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
        day_of: dict[tuple[OpenCrossing, ...], date] = {}
        self._like = lru_cache(maxsize=512)(
            lambda on: day_of.setdefault(self._crossings_on(on), on)
        )
        self._keys: dict[tuple[tuple[str, LatLon], ...], int] = {}
        self._graph_of = lru_cache(maxsize=16)(self._build)
        self._graph = lru_cache(maxsize=256)(self._find_graph)
        self._leg = lru_cache(maxsize=4096)(self._find_leg)
        self._around_point = lru_cache(maxsize=4096)(self._look_around)
        self._around = lru_cache(maxsize=1)(lambda: outline(self._water, self._lines))

    def modes(self) -> frozenset[Mode]:
        """The modes that have streets."""
        return frozenset(self._profiles)

    def like(self, on: date) -> date:
        """A day with the same crossings open, one for all such days: to remember ways by."""
        return self._like(on)

    def seconds(self, mode: Mode, travelled_m: float) -> int:
        """How long a mode takes for metres travelled, detours included."""
        return round(travelled_m * 3.6 / self._profiles[mode].speed_kmh)

    def metres(self, mode: Mode, seconds: float) -> int:
        """How far a mode gets in that time, detours included."""
        return round(seconds * self._profiles[mode].speed_kmh / 3.6)

    def leg(
        self, mode: Mode, a: LatLon, b: LatLon, on: date, *, wheelchair: bool = False
    ) -> StreetLeg | None:
        """The way from ``a`` to ``b`` on that day; None where water leaves none.

        The same for a wheelchair: nothing is known of steps, and the leg says so.
        """
        del wheelchair
        return self._leg(mode, a, b, on)

    def _find_leg(self, mode: Mode, a: LatLon, b: LatLon, on: date) -> StreetLeg | None:
        profile = self._profiles[mode]
        ends = np.array(((a.lat, a.lon), (b.lat, b.lon)))
        metres = straight(ends, self._plane.frame, *self._water.segments)
        if metres < inf:
            travelled_m = round(metres * profile.detour_factor)
            return StreetLeg(mode, profile.seconds(metres), travelled_m, Course(ends))
        graph, day = self._graph(mode, on), self._like(on)
        seen, away = self._around_point(mode, a, day)
        end_seen, end_away = self._around_point(mode, b, day)
        metres, start, end = shortest(seen, away, graph.metres, end_seen, end_away)
        if metres == inf:
            return None
        path = graph.path(start, end)
        return StreetLeg(
            mode=mode,
            seconds=profile.seconds(metres),
            metres=round(metres * profile.detour_factor),
            geometry=Course(np.concatenate((ends[:1], graph.degrees[path], ends[1:]))),
            crossings=graph.crossings(path),
        )

    def _look_around(self, mode: Mode, point: LatLon, on: date) -> tuple[Seconds, Floats]:
        """The way points that are seen from a point, and the metres to each."""
        graph = self._graph(mode, on)
        seen = np.empty(len(graph.degrees), np.int32)
        away = np.empty(len(graph.degrees), np.float64)
        count = look_around(
            point.lat, point.lon, self._plane.frame, graph.degrees, graph.xy,
            *self._water.segments, seen, away,
        )  # fmt: skip
        return seen[:count].copy(), away[:count].copy()

    def reach(
        self, door: LatLon, mode: Mode, places: Places, on: date, *, max_seconds: int,
        outward: bool = True, wheelchair: bool = False,
    ) -> Seconds:  # fmt: skip
        """Whole seconds from the door to each place; -1 beyond ``max_seconds`` or without a way.

        The same both ways and for a wheelchair: there are no one-way streets and no steps here.
        """
        del outward, wheelchair
        profile, graph = self._profiles[mode], self._graph(mode, on)
        table = places.table((self, graph.key), partial(self._measure, graph))
        found = np.full(len(places.degrees), -1, np.int32)
        reach(
            door.lat, door.lon, max_seconds, profile.detour_factor, profile.speed_kmh,
            self._plane.frame, places.degrees, table.row_of, table.rows,
            graph.degrees, graph.xy, *self._water.segments, found,
        )  # fmt: skip
        return found

    def prepare(
        self, places: Places, modes: Iterable[Mode], on: date, *, max_seconds: int = 0,
        wheelchair: bool = False,
    ) -> None:  # fmt: skip
        """Measure the places now, so that no search has to wait for it."""
        del max_seconds, wheelchair
        for mode in self._profiles.keys() & set(modes):
            graph = self._graph(mode, on)
            places.table((self, graph.key), partial(self._measure, graph))

    def _measure(self, graph: Graph, degrees: Floats) -> Rows:
        """Metres from every place to every way point. Some tens of microseconds a place."""

        def fill(some: Floats) -> Floats:
            rows = np.empty((len(some), len(graph.degrees)))
            fill_rows(
                some.copy(), self._plane.frame, graph.degrees, graph.xy, graph.metres,
                *self._water.segments, rows,
            )  # fmt: skip
            return rows

        return Rows.of(degrees, fill)

    def _find_graph(self, mode: Mode, on: date) -> Graph:
        usable = tuple(c for c in self._crossings_on(on) if mode in c.modes)
        return self._graph_of(tuple((c.name, c.position) for c in usable))

    def _build(self, usable: tuple[tuple[str, LatLon], ...]) -> Graph:
        key = self._keys.setdefault(usable, len(self._keys))
        return build_graph(self._water, self._around(), self._plane, usable, key)


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


def estimated_walk(city: City, on: date) -> Walk:
    """Straight walks for a feed's footpaths, as far as they meet no water without a bridge.

    A bridge is close where the way over it is at most a tenth longer than the straight line.
    """
    streets = streets_of(city.water, city.crossings, city.rules)
    detour = city.rules.walk_detour
    rules = WalkRules()

    def walk(a: LatLon, b: LatLon) -> int | None:
        way = streets.leg(Mode.WALK, a, b, on)
        if way is None or way.metres > 1.1 * detour * distance_m(a, b) + 1:
            return None
        return rules.seconds(a, b)

    return walk
