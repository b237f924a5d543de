"""The inner loops that lay a street graph out, compiled: cells, the nearest street, the mainland.

Apart from the searches in ``kernels``, of which they call none.
"""

from __future__ import annotations

from math import ceil, cos, floor, pi, sqrt

import numpy as np
import numpy.typing as npt

from gtfs.geo import EARTH_RADIUS_M
from gtfs.kernel_cache import compiled

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

_METRES_PER_DEGREE = EARTH_RADIUS_M * pi / 180


@compiled
def fill_cells(bounds: Longs, segment_rows: Ints, columns: int, first: Longs, items: Ints) -> None:
    """Put segments into the cells of a grid that their boxes touch.

    ``segment_rows`` is (segments, 4): low row, high row, low column, high column. Called once with
    no items to count into ``first[cell + 1]``, and again to fill.
    """
    for segment in range(len(segment_rows)):
        for row in range(segment_rows[segment, 0], segment_rows[segment, 1] + 1):
            for column in range(segment_rows[segment, 2], segment_rows[segment, 3] + 1):
                cell = row * columns + column
                if len(items):
                    items[bounds[cell]] = segment
                    bounds[cell] += 1
                else:
                    first[cell + 1] += 1


@compiled
def nearest_street(
    lat: float, lon: float, limit_m: float, mask: int, frame: Floats, shape: Ints,
    first: Longs, items: Ints, owner: Ints, usable: Bytes, degrees: Floats, along: Floats,
) -> tuple[int, float, float]:  # fmt: skip
    """The nearest street that may be used: its number, metres along it, and metres to it.

    ``frame`` is the grid's south and west edge and the size of a cell in degrees of latitude and
    longitude, ``shape`` its rows and columns, ``owner`` the street of each
    segment, which joins a point to the next. -1 where there is none within the limit.
    """
    per_lat, per_lon = _METRES_PER_DEGREE, _METRES_PER_DEGREE * cos(lat * pi / 180)
    row, column = floor((lat - frame[0]) / frame[2]), floor((lon - frame[1]) / frame[3])
    step = min(frame[2] * per_lat, frame[3] * per_lon)
    best, street, metres_along = limit_m, -1, 0.0
    for ring in range(ceil(limit_m / step) + 2):
        if (ring - 1) * step > best:
            break
        for r in range(max(row - ring, 0), min(row + ring, shape[0] - 1) + 1):
            inner = abs(r - row) < ring
            for c in range(column - ring, column + ring + 1, 2 * ring if inner and ring else 1):
                if c < 0 or c >= shape[1]:
                    continue
                cell = r * shape[1] + c
                for k in range(first[cell], first[cell + 1]):
                    point = items[k]
                    if not usable[owner[point]] & mask:
                        continue
                    ax = (degrees[point, 1] - lon) * per_lon
                    ay = (degrees[point, 0] - lat) * per_lat
                    bx = (degrees[point + 1, 1] - lon) * per_lon
                    by = (degrees[point + 1, 0] - lat) * per_lat
                    squared = (bx - ax) ** 2 + (by - ay) ** 2
                    share = 0.0
                    if squared > 0:
                        share = (-ax * (bx - ax) - ay * (by - ay)) / squared
                        share = min(1.0, max(0.0, share))
                    x, y = ax + share * (bx - ax), ay + share * (by - ay)
                    away = sqrt(x * x + y * y)
                    if away < best:
                        best, street = away, owner[point]
                        metres_along = along[point] + share * (along[point + 1] - along[point])
    return street, metres_along, best


@compiled
def _finished(first: Ints, head: Ints) -> Ints:
    """All nodes in the order in which a search in depth leaves them."""
    count = len(first) - 1
    order = np.empty(count, np.int32)
    done = 0
    stack, at = np.empty(count + 1, np.int32), first[:-1].copy()
    seen = np.zeros(count, np.bool_)
    for root in range(count):
        size = 0
        if not seen[root]:
            seen[root] = True
            stack[0], size = root, 1
        while size:
            node = stack[size - 1]
            if at[node] == first[node + 1]:
                size -= 1
                order[done] = node
                done += 1
                continue
            there = head[at[node]]
            at[node] += 1
            if not seen[there]:
                seen[there] = True
                stack[size] = there
                size += 1
    return order


@compiled
def components(first: Ints, head: Ints, back_first: Ints, back_head: Ints) -> Ints:
    """The strongly connected component of every node (Kosaraju, Sharir 1981)."""
    order = _finished(first, head)
    label = np.full(len(order), -1, np.int32)
    stack = np.empty(len(order) + 1, np.int32)
    labels = 0
    for i in range(len(order) - 1, -1, -1):
        root = order[i]
        if label[root] >= 0:
            continue
        label[root] = labels
        stack[0], size = root, 1
        while size:
            size -= 1
            node = stack[size]
            for link in range(back_first[node], back_first[node + 1]):
                there = back_head[link]
                if label[there] < 0:
                    label[there] = labels
                    stack[size] = there
                    size += 1
        labels += 1
    return label
