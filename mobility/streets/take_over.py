"""Replace the streets of a city by those of an extract: all of it, or nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gtfs.geo import LatLon, distance_m
from mobility.streets.addresses import Addresses
from mobility.streets.build import build_graph
from mobility.streets.closures import Crossing, close_crossings
from mobility.streets.errors import StreetsError
from mobility.streets.extract import Extract, RawWay
from mobility.streets.graph import Graph, load_graph, save_graph
from mobility.streets.osm_import import Progress, read_extract
from mobility.streets.spot import find_spot
from mobility.streets.way_tags import BIKE_KMH, WALK_KMH, Profile
from mobility.streets.wheelchair_tags import Wheels

_FERRY_M = 400.0
"""A ferry so close to where the city says that one crosses is that one."""


@dataclass(frozen=True, slots=True)
class Report:
    """What an import found, for a person: how many of each thing."""

    source: str
    imported_at: str
    found: Mapping[str, int]
    ignored: Mapping[str, int]
    closed: Mapping[str, int]
    """Ways closed at each crossing that the city says is closed; 0 where none was found."""

    def facts(self) -> dict[str, str]:
        """As an artefact keeps it."""
        return {
            "source": self.source,
            "imported_at": self.imported_at,
            "found": json.dumps(self.found),
            "ignored": json.dumps(self.ignored),
            "closed": json.dumps(self.closed),
        }

    def lines(self) -> Iterable[str]:
        """One line a count, what was left out by how often."""
        for name, count in self.found.items():
            yield f"{count:>9,} {name}"
        for name, count in sorted(self.ignored.items(), key=lambda item: (-item[1], item[0])):
            yield f"{count:>9,} left out: {name}"
        for name, count in self.closed.items():
            found = "" if count else " (the extract has no way there that was open)"
            yield f"{count:>9,} ways closed as the city says: {name}{found}"


def take_over(
    source: Path, target: Path, walk_kmh: float, bike_kmh: float, now: datetime,
    progress: Progress, *, lines_at: Sequence[LatLon] = (), crossings: Sequence[Crossing] = (),
    centre: LatLon | None = None,
) -> Report:  # fmt: skip
    """Read an extract and write the artefact of its streets and addresses.

    Ferries at ``lines_at`` are left out: they are lines with a timetable and a fare. Ways over
    ``crossings`` are closed to those who may not cross them now. Without a street at the city's
    ``centre`` the extract is of another place.

    Raises:
        StreetsError: the extract cannot serve; what lies at ``target`` stays.
    """
    extract = read_extract(source, progress)
    _leave_out_ferries(extract, lines_at)
    closed = close_crossings(extract, crossings)
    progress("making the graphs", 0)
    bike = bike_kmh / BIKE_KMH
    walk = walk_kmh / WALK_KMH
    paces = {Profile.WALK: walk, Profile.WHEELCHAIR: walk, Profile.BIKE: bike}
    graph = build_graph(extract, paces)
    if centre is not None and find_spot(graph, Profile.WALK, centre.lat, centre.lon) is None:
        where = f"{centre.lat:.4f}, {centre.lon:.4f}"
        raise StreetsError(
            f"{source.name} has no street in the centre of the city ({where}): "
            "it is of another place, or MOBILITY_CITY names another city"
        )
    progress("writing", 0)
    report = Report(
        source.name,
        now.isoformat(timespec="seconds"),
        _found(extract, graph),
        extract.ignored,
        closed,
    )
    save_graph(target, graph, Addresses.of(extract.addresses), report.facts())
    return report


def report_of(path: Path) -> Report:
    """What is known of the artefact that is there.

    Raises:
        ArtefactError: absent, damaged, or made by another version.
    """
    _graph, facts = load_graph(path)
    return Report(
        facts["source"], facts["imported_at"],
        json.loads(facts["found"]), json.loads(facts["ignored"]),
        json.loads(facts.get("closed", "{}")),
    )  # fmt: skip


def _leave_out_ferries(extract: Extract, lines_at: Sequence[LatLon]) -> None:
    def is_line(way: RawWay) -> bool:
        if not way.way.is_ferry:
            return False
        points = [LatLon(*extract.positions[node]) for node in way.nodes]
        return any(distance_m(point, at) < _FERRY_M for point in points for at in lines_at)

    kept = [way for way in extract.ways if not is_line(way)]
    if len(kept) < len(extract.ways):
        extract.ignored["ferry that is a line with a timetable"] = len(extract.ways) - len(kept)
        extract.ways = kept
    if not kept:
        raise StreetsError("the extract has nothing but ferries that are lines")


def _found(extract: Extract, graph: Graph) -> dict[str, int]:
    found = dict(extract.read)
    found |= {"ways that are streets": len(extract.ways), "streets": len(graph.wheels)}
    for profile, net in zip(Profile, graph.nets, strict=True):
        open_ = int((net.ms >= 0).any(axis=1).sum())
        usable = int((graph.usable >> profile & 1).sum())
        name = profile.name.lower()
        found[f"streets open for {name}"] = open_
        found[f"of these without doors or on an island, for {name}"] = open_ - usable
    for wheels in Wheels:
        found[f"streets with wheelchair {wheels.name.lower()}"] = int(
            (graph.wheels == wheels).sum()
        )
    found["points with a barrier or a kerb"] = len(extract.nodes)
    found["turn restrictions"] = len(extract.turns)
    for kind in ("address", "street"):
        found[f"{kind} names"] = sum(row.kind == kind for row in extract.addresses)
    rest = len(extract.addresses) - found["address names"] - found["street names"]
    return found | {"other names": rest}
