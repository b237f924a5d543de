"""Make the graph of every profile from an extract.

A street is a piece of a way between two junctions, dead ends or obstacles. Turn restrictions and
barriers split a junction into a node for each street that arrives and each that leaves, joined
where the turn is allowed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from mobility.streets.extract import Extract, RawWay, Turn
from mobility.streets.graph import BACKWARD, FORWARD, Floats, Graph, Grid, Ints, Links, Net
from mobility.streets.landmarks import measure_landmarks, on_mainland
from mobility.streets.layout_kernels import fill_cells
from mobility.streets.lengths import lengths_along
from mobility.streets.way_tags import FERRY_KMH, Profile
from mobility.streets.wheelchair_tags import Wheels

FERRY_WAIT_S = 240.0
"""On top of a ferry's crossing: nothing is known here of when it leaves."""
_CELL_M = 120.0
_MAX_CELLS = 1 << 22


@dataclass(frozen=True, slots=True)
class _Streets:
    """The pieces between junctions, before they are a graph."""

    way: list[RawWay]
    ends: Ints
    """(streets, 2) junctions at start and end."""
    osm_ends: list[tuple[int, int]]
    first: Ints
    degrees: Floats
    along: Floats


def build_graph(extract: Extract, paces: Mapping[Profile, float] | None = None) -> Graph:
    """The streets of an extract, ready to be saved.

    ``paces`` says how many times as fast as usual a profile is here.
    """
    streets = _cut(extract)
    lengths = streets.along[streets.first[1:] - 1]
    wheels = _wheels(streets, extract)
    nets = tuple(
        _net(streets, extract, profile, lengths, (paces or {}).get(profile, 1.0))
        for profile in Profile
    )
    usable = np.zeros(len(streets.way), dtype=np.uint8)
    for profile, net in zip(Profile, nets, strict=True):
        usable |= (_on_mainland(net) << profile).astype(np.uint8)
    usable[[not way.way.has_doors for way in streets.way]] = 0
    names = sorted({way.name for way in streets.way if way.is_crossing and way.name})
    index = {name: i for i, name in enumerate(names)}
    name = [index.get(way.name, -1) if way.is_crossing else -1 for way in streets.way]
    owner = np.repeat(np.arange(len(streets.way), dtype=np.int32), np.diff(streets.first))
    return Graph(
        first=streets.first.astype(np.int64),
        degrees=streets.degrees,
        along=streets.along,
        owner=owner,
        wheels=wheels,
        name=np.array(name, dtype=np.int32),
        usable=usable,
        names=tuple(names),
        nets=nets,
        grid=_grid(streets.degrees, owner),
    )


def _cut(extract: Extract) -> _Streets:
    """Cut the ways where they meet, end, or something stands on them."""
    uses = Counter(node for way in extract.ways for node in way.nodes)
    for way in extract.ways:
        uses.update((way.nodes[0], way.nodes[-1]))
    pieces: list[tuple[RawWay, tuple[int, ...]]] = []
    for way in extract.ways:
        start = 0
        for at in range(1, len(way.nodes)):
            node = way.nodes[at]
            if uses[node] > 1 or node in extract.nodes:
                pieces.append((way, way.nodes[start : at + 1]))
                start = at
    ends = [(nodes[0], nodes[-1]) for _, nodes in pieces]
    junction = _numbered({node for pair in ends for node in pair}, extract.positions)
    first = np.cumsum([0, *(len(nodes) for _, nodes in pieces)], dtype=np.int64)
    degrees = np.array([extract.positions[node] for _, nodes in pieces for node in nodes])
    return _Streets(
        way=[way for way, _ in pieces],
        ends=np.array([[junction[a], junction[b]] for a, b in ends], dtype=np.int32),
        osm_ends=ends,
        first=first.astype(np.int32),
        degrees=degrees,
        along=lengths_along(degrees, first),
    )


def _numbered(nodes: Iterable[int], positions: Mapping[int, tuple[float, float]]) -> dict[int, int]:
    """Numbers for junctions, such that neighbours in place are mostly neighbours in number."""

    def place(node: int) -> tuple[int, int, int]:
        lat, lon = positions[node]
        x, y = int((lon + 180) * 2000), int((lat + 90) * 3000)
        return _interleaved(x, y), y, node

    return {node: number for number, node in enumerate(sorted(nodes, key=place))}


def _interleaved(x: int, y: int) -> int:
    """The bits of two numbers in turn (Morton 1966)."""
    result = 0
    for bit in range(20):
        result |= ((x >> bit & 1) << 2 * bit) | ((y >> bit & 1) << 2 * bit + 1)
    return result


def _wheels(streets: _Streets, extract: Extract) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """What a wheelchair finds on each street, and at its two ends where they hinder it."""
    result = np.empty(len(streets.way), dtype=np.uint8)
    for street, (way, ends) in enumerate(zip(streets.way, streets.osm_ends, strict=True)):
        at_ends = [
            max(extract.nodes[node].wheels, Wheels.UNKNOWN)
            for node in ends
            if node in extract.nodes
        ]
        result[street] = min(way.way.wheels, *at_ends) if at_ends else way.way.wheels
    return result


def _costs(streets: _Streets, profile: Profile, lengths: Floats, pace: float) -> Ints:
    """(streets, 2) milliseconds forward and backward; -1 where closed."""
    whole: dict[int, float] = defaultdict(float)
    for way, length in zip(streets.way, lengths.tolist(), strict=True):
        whole[way.id] += length
    result = np.full((len(lengths), 2), -1, dtype=np.int32)
    for street, (way, length) in enumerate(zip(streets.way, lengths.tolist(), strict=True)):
        for direction, speeds in ((FORWARD, way.way.forward), (BACKWARD, way.way.backward)):
            speed = speeds[profile]
            if not speed:
                continue
            seconds = length * 3.6 / (pace * speed)
            if way.way.is_ferry:
                crossing = way.way.duration_s or whole[way.id] * 3.6 / FERRY_KMH
                seconds = (crossing + FERRY_WAIT_S) * length / max(whole[way.id], 1e-9)
            result[street, direction] = max(1, round(1000 * seconds))
    return result


def _net(
    streets: _Streets, extract: Extract, profile: Profile, lengths: Floats, pace: float
) -> Net:
    ms = _costs(streets, profile, lengths, pace)
    barred = {node for node, raw in extract.nodes.items() if profile in raw.barred}
    turns = _turns_at(extract.turns, streets) if profile is Profile.CAR else {}
    arrive, depart = streets.ends.copy(), streets.ends.copy()
    count = int(streets.ends.max()) + 1
    at_split: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for street, ends in enumerate(streets.osm_ends):
        for side, node in enumerate(ends):
            if node in barred or node in turns:
                arrive[street, side], depart[street, side] = count, count + 1
                count += 2
                at_split[node].append((street, side))
    degrees = np.empty((count, 2))
    for side, points in ((0, streets.first[:-1]), (1, streets.first[1:] - 1)):
        degrees[arrive[:, side]] = streets.degrees[points]
        degrees[depart[:, side]] = streets.degrees[points]
    tails, heads, costs, arcs = [], [], [], []
    for direction in (FORWARD, BACKWARD):
        open_ = np.flatnonzero(ms[:, direction] >= 0)
        tails.append(depart[open_, direction])
        heads.append(arrive[open_, 1 - direction])
        costs.append(ms[open_, direction])
        arcs.append(2 * open_ + direction)
    for node, ways in at_split.items():
        pairs = [] if node in barred else _allowed(streets, turns[node], ways)
        tails.append(np.array([arrive[a] for a, _ in pairs], dtype=np.int32))
        heads.append(np.array([depart[b] for _, b in pairs], dtype=np.int32))
        costs.append(np.zeros(len(pairs), dtype=np.int32))
        arcs.append(np.full(len(pairs), -1))
    tail, head, cost, arc = (
        np.concatenate(parts).astype(np.int32) for parts in (tails, heads, costs, arcs)
    )
    with np.errstate(divide="ignore"):
        rates = np.where(ms > 0, ms / np.maximum(lengths, 1e-9)[:, None], np.inf)
    least = float(rates.min(initial=np.inf))
    out, back = _links(count, tail, head, cost, arc), _links(count, head, tail, cost, arc)
    return Net(
        degrees=degrees,
        ms=ms,
        arrive=arrive,
        depart=depart,
        out=out,
        back=back,
        landmarks=measure_landmarks(degrees, out, back),
        least_ms_per_m=0.999 * least if np.isfinite(least) else 0.0,
    )


def _turns_at(turns: Iterable[Turn], streets: _Streets) -> dict[int, list[Turn]]:
    """The rules at each junction that has any, and none for the junctions next to these.

    Those are in it because nobody turns round there to escape the rule.
    """
    ruled: dict[int, list[Turn]] = defaultdict(list)
    for turn in turns:
        ruled[turn.via].append(turn)
    beside: dict[int, list[Turn]] = {
        b: [] for ends in streets.osm_ends for a, b in (ends, ends[::-1]) if a in ruled
    }
    return {**beside, **ruled}


def _allowed(
    streets: _Streets, turns: list[Turn], ways: list[tuple[int, int]]
) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """The pairs of street ends at one junction from one of which into the other one may turn.

    Turning round is for dead ends.
    """
    forbidden = {(t.from_way, t.to_way) for t in turns if not t.only}
    only = {t.from_way: t.to_way for t in turns if t.only}
    pairs = []
    for a in ways:
        from_way = streets.way[a[0]].id
        for b in ways:
            to_way = streets.way[b[0]].id
            if a == b and len(ways) > 1:
                continue
            if from_way != to_way and (from_way, to_way) in forbidden:
                continue
            if only.get(from_way, to_way) == to_way:
                pairs.append((a, b))
    return pairs


def _links(count: int, tail: Ints, head: Ints, cost: Ints, arc: Ints) -> Links:
    order = np.argsort(tail, kind="stable")
    first = np.zeros(count + 1, dtype=np.int32)
    np.cumsum(np.bincount(tail, minlength=count), out=first[1:])
    return Links(first, head[order], cost[order], arc[order])


def _on_mainland(net: Net) -> Ints:
    """(streets,) 1 where one gets to from the large components, and back to them."""
    mainland, is_open = on_mainland(net.out, net.back), net.ms >= 0
    entered = (mainland[net.depart] & is_open).any(axis=1)
    left = (mainland[net.arrive] & is_open[:, ::-1]).any(axis=1)
    return np.logical_and(entered, left).astype(np.int32)


def _grid(degrees: Floats, owner: Ints) -> Grid:
    """Cells of some 120 m, or larger ones where that would be millions of them."""
    south, west = degrees.min(axis=0)
    size = np.maximum(degrees.max(axis=0) - (south, west), 1e-6)
    cell = np.array([1, 1 / np.cos(np.radians(south))]) * _CELL_M / 111_195
    cell *= max(1.0, float(np.sqrt(np.prod(size / cell) / _MAX_CELLS)))
    shape = np.floor(size / cell).astype(np.int32) + 1
    index = np.floor((degrees - (south, west)) / cell).astype(np.int32)
    low, high = np.minimum(index[:-1], index[1:]), np.maximum(index[:-1], index[1:])
    apart = owner[:-1] != owner[1:]
    low[apart], high[apart] = 1, 0
    boxes = np.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1]], axis=1)
    first = np.zeros(int(shape.prod()) + 1, dtype=np.int64)
    none = np.empty(0, dtype=np.int32)
    fill_cells(first[:0], boxes, int(shape[1]), first, none)
    np.cumsum(first, out=first)
    items = np.empty(int(first[-1]), dtype=np.int32)
    if len(items):
        fill_cells(first[:-1].copy(), boxes, int(shape[1]), first, items)
    return Grid(np.array([south, west, *cell]), shape, first, items)
