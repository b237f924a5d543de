"""A way over streets as a line on the map, and what it leads over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from gtfs.geo import LatLon
from mobility.streets.graph import Floats, Graph
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
    lines = [_line(graph, street, a, b) for street, a, b in pieces]
    metres = sum(abs(b - a) * graph.length_m(street) for street, a, b in pieces)
    points = (LatLon(lat, lon) for (lat, lon), _ in groupby(np.concatenate(lines).tolist()))
    walked = [street for street, a, b in pieces if a != b] or [start.street]
    names = [graph.names[n] for n in (int(graph.name[street]) for street in walked) if n >= 0]
    return Traced(
        points=tuple(points),
        metres=metres,
        crossings=tuple(name for name, _ in groupby(names)),
        wheels=Wheels(min(int(graph.wheels[street]) for street in walked)),
    )


def _line(graph: Graph, street: int, from_share: float, to_share: float) -> Floats:
    """The points of a street from a share of its length to another, both ends included."""
    first, last = int(graph.first[street]), int(graph.first[street + 1])
    line = graph.degrees[first:last]
    if abs(to_share - from_share) < 1:
        along = graph.along[first:last]
        low, high = sorted((from_share * along[-1], to_share * along[-1]))
        ends = [
            [np.interp(at, along, line[:, 0]), np.interp(at, along, line[:, 1])]
            for at in (low, high)
        ]
        inner = line[(along > low) & (along < high)]
        line = np.concatenate([ends[:1], inner, ends[1:]])
    return line if from_share <= to_share else line[::-1]
