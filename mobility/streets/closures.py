"""Take from an extract the crossings that a city says are closed, which its streets still cross.

A bridge of the extract is the crossing that bears its name, else the one that lies nearest: a city
lists open crossings too, so that the bridge beside a closed one is not taken for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from gtfs.geo import LatLon
from mobility.streets.extract import Extract
from mobility.streets.lengths import away_m
from mobility.streets.way_tags import Profile, Way

NEAR_M = 75.0
"""A bridge no farther from where the city says that a crossing lies may be that one."""
NAMED_M = 300.0
"""The same where it bears the crossing's name."""
BESIDE_M = 25.0
"""Ways of one bridge lie no farther apart."""
Speeds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Crossing:
    """A bridge or tunnel that a city lists, and who may not cross it now."""

    name: str
    """As ``Hubbrücken (Marstallbrücke)``: any of its parts may be what the map calls it."""
    position: LatLon
    closed: frozenset[Profile]

    @property
    def names(self) -> frozenset[str]:
        """What it may be called, in small letters."""
        parts = re.split(r"[()/,]", self.name.casefold())
        return frozenset(part.strip() for part in (*parts, self.name.casefold())) - {""}


class _Bridge(NamedTuple):
    """A way of the extract over a listed crossing."""

    way: int
    crossing: int
    away_m: float
    is_named: bool


def close_crossings(extract: Extract, crossings: Sequence[Crossing]) -> Mapping[str, int]:
    """Close the ways of the extract over closed crossings, in place.

    How many of its ways were closed, by what a report says of each closed crossing; 0 where
    nothing that could be crossed was found.
    """
    bridges = list(_bridges(extract, crossings)) if any(one.closed for one in crossings) else []
    ways = dict(enumerate(extract.ways))
    report: dict[str, int] = {}
    for number, crossing in enumerate(crossings):
        if not crossing.closed:
            continue
        over = [bridge.way for bridge in _whole([b for b in bridges if b.crossing == number])]
        closed = [way for way in over if _is_open(ways[way].way, crossing.closed)]
        for way in closed:
            rest = _without(ways[way].way, crossing.closed)
            ways[way] = replace(ways[way], way=rest)
        report[_told(crossing)] = len(closed)
    everyone = frozenset(Profile)
    extract.ways = [way for way in ways.values() if _is_open(way.way, everyone)]
    return report


def _bridges(extract: Extract, crossings: Sequence[Crossing]) -> Iterator[_Bridge]:
    """The ways over water or under it, each with the crossing that it belongs to."""
    for index, way in enumerate(extract.ways):
        if not way.is_crossing or way.way.is_ferry:
            continue
        line = np.array([extract.positions[node] for node in way.nodes])
        away = [away_m(one.position, line) for one in crossings]
        called = [way.name.casefold() in one.names for one in crossings]
        named = [n for n, is_it in enumerate(called) if is_it and away[n] <= NAMED_M]
        near = [n for n, metres in enumerate(away) if metres <= NEAR_M]
        number = min(named or near, key=away.__getitem__, default=None)
        if number is not None:
            yield _Bridge(index, number, away[number], bool(named))


def _whole(bridges: Sequence[_Bridge]) -> Sequence[_Bridge]:
    """Of the ways near a crossing those of one bridge: its lanes, and the paths beside them."""
    named = [bridge for bridge in bridges if bridge.is_named]
    nearest_m = min((bridge.away_m for bridge in named or bridges), default=0.0)
    return [b for b in bridges if b.is_named or abs(b.away_m - nearest_m) <= BESIDE_M]


def _is_open(way: Way, profiles: frozenset[Profile]) -> bool:
    return any(speeds[one] for speeds in (way.forward, way.backward) for one in profiles)


def _without(way: Way, closed: frozenset[Profile]) -> Way:
    def left(speeds: Speeds) -> Speeds:
        walk, wheelchair, bike, car = (0.0 if one in closed else speeds[one] for one in Profile)
        return walk, wheelchair, bike, car

    return replace(way, forward=left(way.forward), backward=left(way.backward))


def _told(crossing: Crossing) -> str:
    return f"{crossing.name}, for {', '.join(one.name.lower() for one in sorted(crossing.closed))}"
