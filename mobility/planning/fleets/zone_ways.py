"""What zones say of one thing along a line, such as how fast one may ride."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, NamedTuple

import numpy as np
import numpy.typing as npt
import shapely

from mobility.planning.fleets.zone_cuts import BLOCK, Flags, Outlines, cut_line
from mobility.planning.ways.water import Floats
from providers.zone_layer import ELSEWHERE, Layer, T


class Stretch(NamedTuple, Generic[T]):
    """What of a line lies in one zone where that zone decides, or may decide."""

    value: T
    zone: int
    """Its number in the layer, or ``ELSEWHERE``."""
    metres: float
    middle: Floats
    """(1, 2) x and y, of the longest straight part."""


@dataclass(frozen=True, slots=True, eq=False)
class ZoneWays(Generic[T]):
    """A layer laid out on a plane. Never changes; safe to use from several threads."""

    layer: Layer[T]
    outlines: Outlines

    @staticmethod
    def of(layer: Layer[T], flat: Callable[[Floats], Floats]) -> ZoneWays[T]:
        """Take what turns (n, 2) longitudes and latitudes into x and y."""
        return ZoneWays(layer, outlines_of(layer.areas, flat))

    def along(self, line: Floats) -> Iterator[Stretch[T]]:
        """The values on a line of (n, 2) x and y, in the order of zones."""
        zones = len(self.layer.values)
        found = np.zeros((zones + 1, 4))
        cut_line(np.ascontiguousarray(line), self.outlines, self.layer.whole, found)
        for zone in np.flatnonzero(found[:zones, 0]).tolist():
            yield Stretch(
                self.layer.values[zone].item(),
                zone,
                float(found[zone, 0]),
                found[zone : zone + 1, 2:],
            )
        if self.layer.default is not None and found[zones, 0]:
            yield Stretch(self.layer.default, ELSEWHERE, float(found[zones, 0]), found[zones:, 2:])

    def boxes(self, which: Flags) -> npt.NDArray[np.object_]:
        """Around the edges of some zones, by number: all of a border lies in them."""
        counts = np.diff(self.outlines.first_block)
        boxes: npt.NDArray[np.object_] = shapely.box(
            *self.outlines.block_boxes[np.repeat(which, counts)].T
        )
        return boxes


def warm_up() -> None:
    """Compile the inner loop, so that no search waits for it when first zones come."""
    nowhere: Layer[bool] = Layer.of((), None)
    list(ZoneWays.of(nowhere, np.asarray).along(np.zeros((2, 2))))


def outlines_of(areas: npt.NDArray[np.object_], flat: Callable[[Floats], Floats]) -> Outlines:
    """The rings of polygons and multipolygons, edge by edge; none is without area."""
    polygons, of_area = shapely.get_parts(areas, return_index=True)
    rings, of_polygon = shapely.get_rings(polygons, return_index=True)
    positions, of_ring = shapely.get_coordinates(rings, return_index=True)
    xy = np.ascontiguousarray(flat(positions))
    edges = np.flatnonzero(of_ring[:-1] == of_ring[1:])
    a, b = xy[edges], xy[edges + 1]
    zone = of_area[of_polygon[of_ring[edges]]]
    first_edge = np.searchsorted(zone, np.arange(len(areas) + 1))
    block = np.flatnonzero((np.arange(len(edges)) - first_edge[zone]) % BLOCK == 0)
    first_block = np.searchsorted(block, first_edge)
    return Outlines(
        a,
        b,
        first_edge,
        _boxes(a, b, first_edge[:-1]),
        np.append(block, len(edges)),
        first_block,
        _boxes(a, b, block),
    )


def _boxes(a: Floats, b: Floats, first: npt.NDArray[np.int64]) -> Floats:
    """(n, 4) around the edges from each of ``first`` to before the next."""
    if not len(first):
        return np.empty((0, 4))
    low, high = np.minimum(a, b), np.maximum(a, b)
    return np.hstack([np.minimum.reduceat(low, first), np.maximum.reduceat(high, first)])
