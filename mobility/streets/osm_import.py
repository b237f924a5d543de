"""Read an OpenStreetMap extract (.osm.pbf, .osm, .osm.gz): the one module that knows osmium."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import osmium
from osmium.osm import Node, Relation, TagList
from osmium.osm import Way as OsmWay

from mobility.streets.addresses import Address
from mobility.streets.errors import StreetsError
from mobility.streets.extract import Extract, RawNode, RawWay, Turn
from mobility.streets.node_tags import barred, wheels_at
from mobility.streets.way_tags import way_of
from mobility.streets.wheelchair_tags import Wheels

Line = list[tuple[float, float]]
Progress = Callable[[str, int], None]
"""Hears what is being done, and how much of it is."""

_KEYS = (
    "highway", "route", "railway", "public_transport", "barrier", "kerb", "addr:housenumber",
    "name", "restriction",
)  # fmt: skip
_KINDS = (
    "place", "amenity", "shop", "tourism", "leisure", "historic", "office", "healthcare",
    "craft", "railway", "man_made", "building", "natural",
)  # fmt: skip
_DULL = frozenset({"yes", "no", "tree", "bench", "street_lamp", "parking_space", "pipeline"})
_STATIONS = frozenset({"station", "halt", "tram_stop"})
"""All of a railway that is a place to go to; what a timetable calls at is a stop by that alone."""
_TOLD_BY_PEOPLE = frozenset({"", "office", "visitor_centre"})
"""``information=…`` of a place to go to; the others are boards, maps and guideposts beside it."""
_REPORT_EVERY = 20_000


def read_extract(path: Path, progress: Progress = lambda _what, _count: None) -> Extract:
    """All that streets are made of.

    Raises:
        StreetsError: there is no such file, it is damaged, or it is something else.
    """
    if not path.is_file():
        raise StreetsError(f"{path} is no file")
    extract = Extract()
    named: dict[str, list[Line]] = defaultdict(list)
    try:
        objects = osmium.FileProcessor(str(path)).with_locations()
        for count, item in enumerate(objects.with_filter(osmium.filter.KeyFilter(*_KEYS)), 1):
            if isinstance(item, Node):
                _read_node(extract, item)
            elif isinstance(item, OsmWay):
                _read_way(extract, item, named)
            elif isinstance(item, Relation):
                _read_relation(extract, item)
            if count % _REPORT_EVERY == 0:
                progress(f"reading {path.name}", count)
    except (RuntimeError, OSError, UnicodeDecodeError) as error:
        raise StreetsError(f"{path} cannot be read as an OpenStreetMap extract: {error}") from error
    if not extract.ways:
        raise StreetsError(f"{path} has no streets that anybody could use")
    extract.addresses += _streets(named)
    return extract


def _tags(tags: TagList) -> Mapping[str, str]:
    return {tag.k: tag.v for tag in tags}


def _read_node(extract: Extract, node: Node) -> None:
    extract.read["nodes with tags"] += 1
    tags = _tags(node.tags)
    closed, wheels = barred(tags), wheels_at(tags)
    if closed or wheels is not Wheels.YES:
        extract.nodes[node.id] = RawNode(closed, wheels)
    if node.location.valid():
        _read_address(extract, tags, [(node.location.lat, node.location.lon)])


def _read_way(extract: Extract, item: OsmWay, named: dict[str, list[Line]]) -> None:
    extract.read["ways"] += 1
    tags = _tags(item.tags)
    pieces = _pieces(item)
    placed = [point for piece in pieces for point in piece]
    way = way_of(tags)
    if way is None:
        if placed:
            _read_address(extract, tags, [position for _, position in placed])
        if "highway" in tags:
            extract.ignored[f"way nobody may use or no street (highway={tags['highway']})"] += 1
        return
    extract.ignored.update(_left_out(tags, is_cut=len(placed) < len(item.nodes)))
    extract.positions.update(placed)
    crossing = way.is_ferry or any(
        tags.get(k, "no") not in {"no", "building_passage"} for k in ("bridge", "tunnel")
    )
    names = ("bridge:name", "name") if crossing else ("name",)
    name = next((tags[key] for key in names if tags.get(key)), "")
    for piece in pieces:
        if len(piece) > 1:
            nodes = tuple(ref for ref, _ in piece)
            extract.ways.append(RawWay(item.id, nodes, way, name, crossing))
    if tags.get("name") and placed and not way.is_ferry:
        named[tags["name"]].append([position for _, position in placed])


def _left_out(tags: Mapping[str, str], *, is_cut: bool) -> Iterable[str]:
    """What of a street does not go into the graph."""
    if is_cut:
        yield "pieces of streets whose points are not in the extract"
    if tags.get("area") == "yes":
        yield "inside of a square (its edge is walkable)"
    for key in tags:
        if key.endswith(":conditional"):
            yield f"{key} (what holds at times only)"


def _pieces(way: OsmWay) -> list[list[tuple[int, tuple[float, float]]]]:
    """The points of a way with their positions, cut where points are missing."""
    pieces: list[list[tuple[int, tuple[float, float]]]] = [[]]
    for node in way.nodes:
        if node.location.valid():
            pieces[-1].append((node.ref, (node.location.lat, node.location.lon)))
        elif pieces[-1]:
            pieces.append([])
    return pieces


def _read_address(extract: Extract, tags: Mapping[str, str], outline: Line) -> None:
    lat = sum(point[0] for point in outline) / len(outline)
    lon = sum(point[1] for point in outline) / len(outline)
    rest = (lat, lon, tags.get("addr:postcode", ""), _locality(tags))
    road = tags.get("addr:street") or tags.get("addr:place")
    if road and tags.get("addr:housenumber"):
        extract.addresses.append(Address(f"{road} {tags['addr:housenumber']}", "address", *rest))
    kind = next((tags[key] for key in _KINDS if _is_place(key, tags)), "")
    if tags.get("name") and kind:
        extract.addresses.append(Address(tags["name"], kind, *rest))


def _is_place(key: str, tags: Mapping[str, str]) -> bool:
    value = tags.get(key, "no")
    if key == "railway":
        return value in _STATIONS
    if (key, value) == ("tourism", "information"):
        return tags.get("information", "") in _TOLD_BY_PEOPLE
    return value not in _DULL


def _locality(tags: Mapping[str, str]) -> str:
    return tags.get("addr:city", "") or tags.get("addr:suburb", "")


def _streets(named: Mapping[str, Sequence[Line]]) -> Iterable[Address]:
    """Each street once, at the one of its points that is nearest to their middle.

    Pieces of one name that lie apart are streets of several villages.
    """
    for name, lines in sorted(named.items()):
        streets: list[Line] = []
        for line in sorted(lines):
            near = [street for street in streets if _are_near(street, line)]
            streets = [street for street in streets if street not in near]
            streets.append([*line, *(point for street in near for point in street)])
        for points in streets:
            yield Address(name, "street", *_middle(points))


def _middle(points: Line) -> tuple[float, float]:
    """The one of some points that is nearest to the mean of them."""
    lat, lon = (sum(values) / len(points) for values in zip(*points, strict=True))
    return min(points, key=lambda point: (point[0] - lat) ** 2 + (point[1] - lon) ** 2 / 3)


def _are_near(one: Line, other: Line) -> bool:
    """Whether the boxes around two lines are less than some 500 m apart."""
    return all(
        min(p[axis] for p in one) - room <= max(p[axis] for p in other)
        and min(p[axis] for p in other) - room <= max(p[axis] for p in one)
        for axis, room in ((0, 0.005), (1, 0.008))
    )


def _read_relation(extract: Extract, relation: Relation) -> None:
    tags = _tags(relation.tags)
    if tags.get("type") == "multipolygon" and "highway" in tags:
        extract.ignored["inside of a square made of several ways"] += 1
    if tags.get("type") != "restriction":
        return
    kind, members = tags.get("restriction", ""), Counter(m.role for m in relation.members)
    plain = {m.role: m for m in relation.members}
    if not kind.startswith(("no_", "only_")) or any(members[r] != 1 for r in ("from", "via", "to")):
        extract.ignored["turn restriction of several ways, or of a kind we do not know"] += 1
    elif plain["via"].type != "n":
        extract.ignored["turn restriction over a way"] += 1
    else:
        turn = Turn(
            plain["from"].ref, plain["via"].ref, plain["to"].ref, only=kind.startswith("only_")
        )
        extract.turns.append(turn)
