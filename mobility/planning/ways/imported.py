"""The streets of a city as they are mapped: times and ways for all who move through them.

Answers like the estimated streets (``reach.StreetWays``), from the graph that an import made.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache, partial
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from gtfs.geo import LatLon
from mobility.planning.ways.reach import Places, Seconds
from mobility.streets.graph import Floats, Graph, Ints, Net, load_graph
from mobility.streets.kernels import FAR, along_ms, reach_rows, rows_from, way_between
from mobility.streets.leg import Passable, StreetLeg
from mobility.streets.spot import Spot, find_spot, locate, seeds_of
from mobility.streets.tables import NodeRows, Spots, StreetTable
from mobility.streets.trace import trace
from mobility.streets.way_tags import Profile
from mobility.streets.wheelchair_tags import Wheels
from providers.values import Mode

Indices = npt.NDArray[np.int64]

_PROFILES = {
    Mode.WALK: Profile.WALK,
    Mode.BIKE: Profile.BIKE,
    Mode.SCOOTER: Profile.BIKE,
    Mode.CAR: Profile.CAR,
}
_PASSABLE = {
    Wheels.NO: Passable.NO, Wheels.UNKNOWN: Passable.UNKNOWN, Wheels.YES: Passable.YES,
}  # fmt: skip
_BOUNDS_S = (1500, 2700, 5400, 10800)
"""Tables reach so far; a search takes the smallest that is enough for it."""
_ANY_DAY = date(2000, 1, 1)
_SOURCE = "OpenStreetMap"
_NOWHERE = Spot(-1, 0.0, 0.0)
_NO_SEEDS = (np.full(2, -1, dtype=np.int32), np.zeros(2, dtype=np.int32))


class StreetNetwork:
    """The streets of one city. Safe to use from several threads."""

    def __init__(self, graph: Graph, speeds_kmh: Mapping[Mode, float]) -> None:
        """Take the graph, and the speeds that the city reckons with."""
        self.graph = graph
        self._speeds = {mode: speeds_kmh[mode] for mode in _PROFILES if mode in speeds_kmh}
        self._approach_ms_per_m = 3600 / self._speeds[Mode.WALK]
        self._rooms = threading.local()
        self._spot = lru_cache(maxsize=4096)(self._find_spot)
        self._leg = lru_cache(maxsize=4096)(self._find_leg)

    @staticmethod
    def load(path: Path, speeds_kmh: Mapping[Mode, float]) -> StreetNetwork:
        """The network of an artefact.

        Raises:
            ArtefactError: absent, damaged, or made by another version.
        """
        return StreetNetwork(load_graph(path)[0], speeds_kmh)

    def has_streets_at(
        self, position: LatLon, mode: Mode = Mode.WALK, *, wheelchair: bool = False
    ) -> bool:
        """Whether there is a street near that the mode can use."""
        return self._spot(_profile(mode, wheelchair=wheelchair), position) is not None

    def list_lost(
        self, places: Places, mode: Mode, *, max_seconds: int, outward: bool, wheelchair: bool
    ) -> Indices:
        """The places that have no street near; ``reach`` says -1 of them."""
        profile = _profile(mode, wheelchair=wheelchair)
        table = self._table(profile, places, outward=outward, max_seconds=max_seconds)
        return np.flatnonzero(table.street < 0)

    def modes(self) -> frozenset[Mode]:
        """The modes that have streets."""
        return frozenset(self._speeds)

    def like(self, on: date) -> date:
        """One day for all: nothing that is read of an extract depends on the day."""
        del on
        return _ANY_DAY

    def seconds(self, mode: Mode, travelled_m: float) -> int:
        """How long a mode takes for metres travelled, at the city's speed."""
        return round(travelled_m * 3.6 / self._speeds[mode])

    def metres(self, mode: Mode, seconds: float) -> int:
        """How far a mode gets in that time, at the city's speed."""
        return round(seconds * self._speeds[mode] / 3.6)

    def leg(
        self, mode: Mode, a: LatLon, b: LatLon, on: date, *, wheelchair: bool = False
    ) -> StreetLeg | None:
        """The quickest way from ``a`` to ``b``; None where there is none.

        A wheelchair is sent over nothing that is known to be closed to it; whether the way is known
        to be open, the leg says.
        """
        del on
        return self._leg(mode, a, b, wheelchair)

    def reach(
        self, door: LatLon, mode: Mode, places: Places, on: date, *, max_seconds: int,
        outward: bool = True, wheelchair: bool = False,
    ) -> Seconds:  # fmt: skip
        """Whole seconds from the door to each place, or to the door; -1 beyond ``max_seconds``."""
        del on
        profile = _profile(mode, wheelchair=wheelchair)
        net = self.graph.nets[profile]
        table = self._table(profile, places, outward=outward, max_seconds=max_seconds)
        spot = self._spot(profile, door)
        if spot is None:
            spot, seeds, times = _NOWHERE, *_NO_SEEDS
        else:
            seeds, times = seeds_of(net, spot.street, spot.share, leaving=outward)
        edge_ms = net.ms[spot.street]
        return reach_rows(
            door.lat, door.lon, spot.street, spot.share,
            round(spot.approach_m * self._approach_ms_per_m), seeds, times, 1000 * max_seconds,
            min(net.least_ms_per_m, self._approach_ms_per_m), outward, places.degrees,
            table.street, table.share, table.approach_ms, edge_ms,
            table.starts, table.lengths, table.nodes, table.times,
        )  # fmt: skip

    def prepare(
        self, places: Places, modes: Iterable[Mode], on: date, *, max_seconds: int,
        wheelchair: bool = False,
    ) -> None:  # fmt: skip
        """Measure the places now, both ways, so that no search up to that time waits for it."""
        del on
        for profile in sorted({_profile(mode, wheelchair=wheelchair) for mode in modes}):
            for outward in (True, False):
                self._table(profile, places, outward=outward, max_seconds=max_seconds)

    def _table(
        self, profile: Profile, places: Places, *, outward: bool, max_seconds: int
    ) -> StreetTable:
        bound = _bound(max_seconds)
        make = partial(self._measure, profile, outward=outward, bound=bound)
        return places.table((self, profile, outward, bound), make)

    def _find_spot(self, profile: Profile, position: LatLon) -> Spot | None:
        return find_spot(self.graph, profile, position.lat, position.lon)

    def _room(self, net: Net) -> tuple[Ints, Ints, Ints, Ints]:
        """This thread's room for a search: times, links, nodes before, nodes touched."""
        rooms: dict[int, tuple[Ints, ...]] = self._rooms.__dict__.setdefault("by_size", {})
        size = len(net.degrees)
        if size not in rooms:
            times = np.full(size, FAR, dtype=np.int32)
            rooms[size] = (times, *(np.empty(size, dtype=np.int32) for _ in range(3)))
        return cast("tuple[Ints, Ints, Ints, Ints]", rooms[size])

    def _measure(
        self, profile: Profile, degrees: Floats, *, outward: bool, bound: int
    ) -> StreetTable:
        """The times to every place from the nodes around it, or from every place to them."""
        net = self.graph.nets[profile]
        links = net.back if outward else net.out

        def search(spots: Spots) -> NodeRows:
            return NodeRows(
                *rows_from(
                    spots.seeds, spots.seed_ms, 1000 * bound, links.first, links.head, links.ms
                )
            )

        def spots_of(some: Floats) -> Spots:
            return locate(self.graph, profile, some, self._approach_ms_per_m, leaving=not outward)

        return StreetTable.of(degrees, spots_of, search)

    def _find_leg(self, mode: Mode, a: LatLon, b: LatLon, wheelchair: bool) -> StreetLeg | None:  # noqa: FBT001 - cached
        profile = _profile(mode, wheelchair=wheelchair)
        net = self.graph.nets[profile]
        start, goal = self._spot(profile, a), self._spot(profile, b)
        if start is None or goal is None:
            return None
        if a == b:
            return StreetLeg(mode, 0, 0, (a, b), estimated=False)
        on_street = FAR
        if start.street == goal.street:
            on_street = along_ms(net.ms[start.street], start.share, goal.share)
        seeds, seed_ms = seeds_of(net, start.street, start.share, leaving=True)
        goals, goal_ms = seeds_of(net, goal.street, goal.share, leaving=False)
        ms, first, last, links = way_between(
            seeds, seed_ms, goals, goal_ms, on_street,
            net.out.first, net.out.head, net.out.ms, net.landmarks, *self._room(net),
        )  # fmt: skip
        if ms >= FAR:
            return None
        ends = (_end(seeds, seed_ms, first), _end(goals, goal_ms, last))
        way = trace(self.graph, start, goal, ends, net.out.arc[links].tolist())
        approach_m = start.approach_m + goal.approach_m
        ms += sum(round(s.approach_m * self._approach_ms_per_m) for s in (start, goal))
        return StreetLeg(
            mode=mode,
            seconds=-(-ms // 1000),
            metres=round(way.metres + approach_m),
            geometry=(a, *way.points, b),
            crossings=way.crossings,
            estimated=False,
            accessible=_PASSABLE[way.wheels] if profile <= Profile.WHEELCHAIR else Passable.UNKNOWN,
            accessible_source=_SOURCE if profile <= Profile.WHEELCHAIR else "",
        )


def _profile(mode: Mode, *, wheelchair: bool) -> Profile:
    profile = _PROFILES[mode]
    return Profile.WHEELCHAIR if wheelchair and profile is Profile.WALK else profile


def _bound(max_seconds: int) -> int:
    return next((bound for bound in _BOUNDS_S if max_seconds <= bound), max_seconds)


def _end(nodes: Ints, times: Ints, node: int) -> int | None:
    """Over which of its two nodes a spot is left or reached; None where no node is on the way."""
    if node < 0:
        return None
    sides = [side for side in (0, 1) if nodes[side] == node]
    return min(sides, key=lambda side: int(times[side]))
