"""A way over streets as a line on the map, and what it leads over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from gtfs.geo import LatLon
from mobility.streets.graph import Graph
from mobility.streets.spot import Spot
from mobility.streets.wheelchair_tags import Wheels

FORWARD_SIDE = 0
"""A spot is left over its first node by going its street forward (``spot.seeds_of``)."""


@dataclass(frozen=True, slots=True)
class Traced:
    """The line from the one spot to the other."""

    points: tuple[LatLon, ...]
    metres: float
    crossings: tuple[str, ...]
    wheels: Wheels
    """The worst of it."""


def trace(
    graph: Graph,
    start: Spot,
    goal: Spot,
    sides: tuple[int | None, int | None],
    arcs: Sequence[int],
) -> Traced:
    """The line of a way: along the start's street, whole streets, along the goal's street.

    ``sides`` says by which of their nodes the two spots are left and reached, None where the way
    keeps to one street; ``arcs`` are the streets between (``Links.arc``).
    """
    leaves, reaches = sides
    if leaves is None or reaches is None:
        pieces = [(start.street, start.share, goal.share)]
    else:
        pieces = [
            (start.street, start.share, 1.0 if leaves == FORWARD_SIDE else 0.0),
            *(
                (arc // 2, 0.0, 1.0) if arc % 2 == 0 else (arc // 2, 1.0, 0.0)
                for arc in arcs
                if arc >= 0
            ),
            (goal.street, 0.0 if reaches == FORWARD_SIDE else 1.0, goal.share),
        ]
    points: list[LatLon] = []
    metres = 0.0
    for street, from_share, to_share in pieces:
        points += _line(graph, street, from_share, to_share)
        metres += abs(to_share - from_share) * graph.length_m(street)
    walked = [street for street, a, b in pieces if a != b] or [start.street]
    names = [graph.names[n] for n in (int(graph.name[street]) for street in walked) if n >= 0]
    return Traced(
        points=tuple(point for point, _ in groupby(points)),
        metres=metres,
        crossings=tuple(name for name, _ in groupby(names)),
        wheels=Wheels(min(int(graph.wheels[street]) for street in walked)),
    )


def _line(graph: Graph, street: int, from_share: float, to_share: float) -> list[LatLon]:
    """The points of a street from a share of its length to another, both ends included."""
    first, last = int(graph.first[street]), int(graph.first[street + 1])
    along = graph.along[first:last].tolist()
    degrees = graph.degrees[first:last].tolist()
    low, high = sorted((from_share * along[-1], to_share * along[-1]))
    inner = [
        LatLon(lat, lon) for (lat, lon), at in zip(degrees, along, strict=True) if low < at < high
    ]
    line = [_point(degrees, along, low), *inner, _point(degrees, along, high)]
    return line if from_share <= to_share else line[::-1]


def _point(degrees: list[list[float]], along: list[float], at: float) -> LatLon:
    """The position at metres along a line."""
    for (a, b), start, end in zip(pairwise(degrees), along[:-1], along[1:], strict=True):
        if at <= end:
            share = (at - start) / (end - start) if end > start else 0.0
            return LatLon(a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]))
    return LatLon(*degrees[-1])
