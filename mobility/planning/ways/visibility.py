"""Way points around the water, and the shortest ways between them.

A visibility graph (Lozano-Pérez and Wesley 1979): the two bank points of every usable crossing and
the bends of the water lines; two way points are joined where the straight line between them meets
no water, and the bank points of one crossing always.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from gtfs.geo import LatLon
from mobility.planning.ways.sight import shorten
from mobility.planning.ways.water import (
    Bools,
    Floats,
    Plane,
    Water,
    bends,
    degrees_of,
    great_circle_m,
)

_BANK_M = 20.0
"""How far from the line of the water a bank point lies."""
_SNAP_M = 80.0
"""A crossing farther from every water line crosses none that is known: a plain way point."""
_BEND_M = 25.0
"""Bends of the water smaller than this are not worth a way point."""
_BESIDE_M = 40.0
"""How far a bend's way points lie from the water: more than the bends that were left out."""


@dataclass(frozen=True, slots=True)
class Graph:
    """Way points of one mode: two bank points a crossing, then the bends of the water."""

    names: tuple[str, ...]
    degrees: Floats
    xy: Floats
    metres: Floats
    """(n, n) shortest straight-line metres over the graph; infinite where there is no way."""
    following: npt.NDArray[np.int32]
    """(n, n) the next way point from row to column; -1 where there is no way."""
    key: int
    """Graphs of one city with the same key are the same."""

    def path(self, start: int, end: int) -> list[int]:
        """The way points from ``start`` to ``end``, both included."""
        result = [start]
        while start != end:
            start = int(self.following[start, end])
            result.append(start)
        return result

    def crossings(self, path: Sequence[int]) -> tuple[str, ...]:
        """The names of the crossings used on a path, in order."""
        return tuple(
            self.names[a // 2]
            for a, b in pairwise(path)
            if a // 2 == b // 2 and max(a, b) < 2 * len(self.names)
        )


@dataclass(frozen=True, slots=True)
class Outline:
    """The way points beside the bends of the water, the same for every mode."""

    xy: Floats
    hidden: Bools
    """(n, n) whether water lies between two of them."""


def outline(water: Water, lines: Sequence[Floats]) -> Outline:
    """Measure the sight between all bends once; the slow part of every graph."""
    points = [
        bend + side for line in lines for bend, across in _bends(line) for side in (across, -across)
    ]
    xy = np.array(points).reshape(-1, 2)
    row, column = np.triu_indices(len(xy), 1)
    hidden = np.zeros((len(xy), len(xy)), dtype=np.bool_)
    hidden[row, column] = water.crossed(xy[row], xy[column])
    return Outline(xy, hidden | hidden.T)


def build_graph(
    water: Water,
    around: Outline,
    plane: Plane,
    usable: Sequence[tuple[str, LatLon]],
    key: int,
) -> Graph:
    """The graph of the crossings that a mode can use. Takes some tenths of a second."""
    points: list[Floats] = []
    for _, position in usable:
        here = plane.project(degrees_of([position]))[0]
        away, foot, along = water.nearest(here)
        across = np.array([-along[1], along[0]]) * _BANK_M
        points += [foot + across, foot - across] if away <= _SNAP_M else [here, here]
    banks = len(points)
    xy = np.concatenate([np.array(points).reshape(-1, 2), around.xy])
    hidden = np.zeros((len(xy), len(xy)), dtype=np.bool_)
    hidden[banks:, banks:] = around.hidden
    row, column = np.nonzero(np.tri(len(xy), dtype=np.bool_).T[:banks])
    hidden[row, column] = water.crossed(xy[row], xy[column])
    hidden[range(0, banks, 2), range(1, banks, 2)] = False
    hidden[:, :banks] |= hidden[:banks].T
    degrees = plane.unproject(xy)
    metres = great_circle_m(degrees[:, None], degrees[None, :])
    metres[hidden] = np.inf
    steps = np.arange(len(xy), dtype=np.int32)[None, :]
    following = np.where(hidden, np.int32(-1), steps).astype(np.int32)
    shorten(metres, following)
    names = tuple(name for name, _ in usable)
    return Graph(names, degrees, xy, metres, following, key)


def _bends(line: Floats) -> list[tuple[Floats, Floats]]:
    """The bends that matter, each with the step to a bank point beside it."""
    kept = bends(line, _BEND_M)
    result = []
    for index in range(len(kept)):
        before, after = kept[max(index - 1, 0)], kept[min(index + 1, len(kept) - 1)]
        along = after - before
        length = float(np.hypot(*along))
        if length:
            result.append((kept[index], np.array([-along[1], along[0]]) / length * _BESIDE_M))
    return result
