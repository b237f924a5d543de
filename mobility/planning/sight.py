"""The two inner loops of ways through a city, compiled: sight over water, and shortest ways.

Each kernel stands alone in this file: numba's cache notices a change of this file, and would not
notice one of a function called from another.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gtfs.kernel_cache import compiled

Floats = npt.NDArray[np.float64]


@compiled
def mark_crossed(
    starts: Floats, ends: Floats, a: Floats, b: Floats, crossed: npt.NDArray[np.bool_]
) -> None:
    """Set ``crossed[i]`` where the line from ``starts[i]`` to ``ends[i]`` meets a segment a-b.

    Touching counts. Boxes first: two segments that meet have boxes that meet, which also settles
    those that lie in one line.
    """
    for i in range(len(starts)):
        px, py, qx, qy = starts[i, 0], starts[i, 1], ends[i, 0], ends[i, 1]
        low_x, high_x = min(px, qx), max(px, qx)
        low_y, high_y = min(py, qy), max(py, qy)
        for j in range(len(a)):
            ax, bx = a[j, 0], b[j, 0]
            if max(ax, bx) < low_x or min(ax, bx) > high_x:
                continue
            ay, by = a[j, 1], b[j, 1]
            if max(ay, by) < low_y or min(ay, by) > high_y:
                continue
            side_a = (qx - px) * (ay - py) - (qy - py) * (ax - px)
            side_b = (qx - px) * (by - py) - (qy - py) * (bx - px)
            if (side_a > 0 and side_b > 0) or (side_a < 0 and side_b < 0):
                continue
            side_p = (bx - ax) * (py - ay) - (by - ay) * (px - ax)
            side_q = (bx - ax) * (qy - ay) - (by - ay) * (qx - ax)
            if (side_p > 0 and side_q > 0) or (side_p < 0 and side_q < 0):
                continue
            crossed[i] = True
            break


@compiled
def shorten(metres: Floats, following: npt.NDArray[np.int32]) -> None:
    """All shortest ways (Floyd 1962) in place; ``following`` the next point of each."""
    count = len(metres)
    for middle in range(count):
        for start in range(count):
            first = metres[start, middle]
            if first == np.inf:
                continue
            for end in range(count):
                over = first + metres[middle, end]
                if over < metres[start, end]:
                    metres[start, end] = over
                    following[start, end] = following[start, middle]
