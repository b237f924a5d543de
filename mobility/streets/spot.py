"""Where a position is on the streets of a profile: the nearest one, and how far along it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mobility.streets.graph import BACKWARD, FORWARD, Floats, Graph, Ints, Net
from mobility.streets.layout_kernels import nearest_street
from mobility.streets.tables import Spots
from mobility.streets.way_tags import Profile

SNAP_M = 500.0
"""A position farther from every street than this is not reached."""
_AT_END_M = 0.1
"""So close to the end of a street one is at its junction."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A position on a street; the way to it from the position is a straight line, on foot."""

    street: int
    share: float
    approach_m: float


def find_spot(graph: Graph, profile: Profile, lat: float, lon: float) -> Spot | None:
    """The nearest street of the mainland that the profile may use; None where none is near."""
    grid = graph.grid
    street, along, away = nearest_street(
        lat, lon, SNAP_M, 1 << profile, grid.frame, grid.shape, grid.first, grid.items,
        graph.owner, graph.usable, graph.degrees, graph.along,
    )  # fmt: skip
    if street < 0:
        return None
    length = graph.length_m(street)
    if along < _AT_END_M:
        return Spot(street, 0.0, away)
    return Spot(street, 1.0 if length - along < _AT_END_M else along / length, away)


def seeds_of(net: Net, street: int, share: float, *, leaving: bool) -> tuple[Ints, Ints]:
    """The two nodes that a spot leads to, or that lead to it, and the milliseconds; -1 for none.

    Who is at the end of a street is at its junction, whatever the direction of the street.
    """
    nodes, times = np.full(2, -1, dtype=np.int32), np.zeros(2, dtype=np.int32)
    forward, backward = net.ms[street].tolist()
    if share == (1.0 if leaving else 0.0):
        forward = max(forward, 0)
    if share == (0.0 if leaving else 1.0):
        backward = max(backward, 0)
    if forward >= 0:
        gone = int(forward * share + 0.5)
        nodes[0] = net.arrive[street, 1] if leaving else net.depart[street, FORWARD]
        times[0] = forward - gone if leaving else gone
    if backward >= 0:
        left = int(backward * share + 0.5)
        nodes[1] = net.arrive[street, 0] if leaving else net.depart[street, BACKWARD]
        times[1] = left if leaving else backward - left
    return nodes, times


def locate(
    graph: Graph, profile: Profile, degrees: Floats, approach_ms_per_m: float, *, leaving: bool
) -> Spots:
    """The spots of many positions; the times of their nodes include the approach.."""
    count = len(degrees)
    street, share = np.full(count, -1, dtype=np.int32), np.zeros(count)
    approach = np.zeros(count, dtype=np.int32)
    seeds, seed_ms = np.full((count, 2), -1, np.int32), np.zeros((count, 2), np.int32)
    net = graph.nets[profile]
    for index, (lat, lon) in enumerate(degrees.tolist()):
        spot = find_spot(graph, profile, lat, lon) if lat == lat else None  # noqa: PLR0124 - nan
        if spot is None:
            continue
        street[index], share[index] = spot.street, spot.share
        approach[index] = round(spot.approach_m * approach_ms_per_m)
        nodes, times = seeds_of(net, spot.street, spot.share, leaving=leaving)
        seeds[index], seed_ms[index] = nodes, times + approach[index]
    return Spots(street, share, approach, seeds, seed_ms)
