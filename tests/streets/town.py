"""A small town as text, made an extract and imported: points in metres, then streets between them.

a 0,0
b 100,0 barrier=bollard
a-b residential oneway=yes
no_left_turn a-b b b-c
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from math import cos, radians
from pathlib import Path

import osmium
from osmium.osm.mutable import Node, Relation, Way

from gtfs.geo import EARTH_RADIUS_M, LatLon
from mobility.planning.ways.imported import StreetNetwork
from mobility.streets.addresses import Addresses
from mobility.streets.build import build_graph
from mobility.streets.extract import Extract
from mobility.streets.graph import save_graph
from mobility.streets.leg import StreetLeg
from mobility.streets.osm_import import read_extract
from providers.values import Mode

DAY = date(2026, 11, 25)
SPEEDS = {Mode.WALK: 4.7, Mode.BIKE: 14.0, Mode.SCOOTER: 14.0, Mode.CAR: 24.0}
_ORIGIN = LatLon(53.86, 10.68)
_DEGREE_M = radians(1) * EARTH_RADIUS_M


def at(east: float, north: float) -> LatLon:
    """The position so many metres from the town's origin."""
    lat = _ORIGIN.lat + north / _DEGREE_M
    return LatLon(lat, _ORIGIN.lon + east / _DEGREE_M / cos(radians(_ORIGIN.lat)))


@dataclass(frozen=True)
class Town:
    extract: Extract
    points: dict[str, LatLon]
    path: Path

    @cached_property
    def streets(self) -> StreetNetwork:
        return StreetNetwork.load(self.path, SPEEDS)

    def leg(
        self, mode: Mode, start: str, end: str, *, wheelchair: bool = False
    ) -> StreetLeg | None:
        a, b = self.points[start], self.points[end]
        return self.streets.leg(mode, a, b, DAY, wheelchair=wheelchair)

    def way(self, mode: Mode, start: str, end: str, *, wheelchair: bool = False) -> str | None:
        """The points of streets passed, as ``a b c``; None where there is no way."""
        leg = self.leg(mode, start, end, wheelchair=wheelchair)
        if leg is None:
            return None
        names = [self._name_at(point) for point in leg.geometry[1:-1]]
        return " ".join(n for i, n in enumerate(names) if n and (i == 0 or n != names[i - 1]))

    def _name_at(self, point: LatLon) -> str:
        return next(
            (
                name
                for name, p in self.points.items()
                if abs(p.lat - point.lat) < 2e-6 and abs(p.lon - point.lon) < 3e-6
            ),
            "",
        )


def write_extract(text: str, path: Path) -> dict[str, LatLon]:
    """Write the text as an extract; the positions of its points."""
    points: dict[str, LatLon] = {}
    nodes, ways, relations = [], [], []
    number: dict[str, int] = {}
    way_number: dict[str, int] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        first, *rest = line.split()
        if "," in rest[0] and "=" not in rest[0]:
            east, north = map(float, rest[0].split(","))
            points[first] = at(east, north)
            number[first] = len(points)
            place = (points[first].lon, points[first].lat)
            nodes.append(Node(id=len(points), location=place, tags=_tags(rest[1:])))
        elif first.startswith(("no_", "only_")):
            roles = zip("wnw", [way_number[rest[0]], number[rest[1]], way_number[rest[2]]],
                        ("from", "via", "to"), strict=True)  # fmt: skip
            tags = {"type": "restriction", "restriction": first}
            relations.append(Relation(id=len(relations) + 1, members=list(roles), tags=tags))
        else:
            way_number[first] = len(ways) + 1
            refs = [number[name] for name in first.split("-")]
            ways.append(Way(id=len(ways) + 1, nodes=refs, tags=_tags(rest)))
    with osmium.SimpleWriter(str(path), overwrite=True) as writer:
        for node in nodes:
            writer.add_node(node)
        for way in ways:
            writer.add_way(way)
        for relation in relations:
            writer.add_relation(relation)
    return points


def _tags(words: Iterable[str]) -> dict[str, str]:
    """``key=value`` with _ for a space; a word alone says what highway it is."""
    pairs = (word.split("=", 1) if "=" in word else ("highway", word) for word in words)
    return {key: value.replace("_", " ") if key in _TEXTS else value for key, value in pairs}


_TEXTS = {"name", "bridge:name", "addr:street", "addr:city"}


def town(text: str, folder: Path) -> Town:
    """The town of a text, read from an extract and mapped from its artefact."""
    source, target = folder / "town.osm.pbf", folder / "town.bin"
    points = write_extract(text, source)
    extract = read_extract(source)
    save_graph(target, build_graph(extract), Addresses.of(extract.addresses), {})
    return Town(extract, points, target)
