"""The nearest of points sorted by latitude, compiled."""

from __future__ import annotations

from math import cos, inf, pi, sin

import numpy as np
import numpy.typing as npt

from gtfs.kernel_cache import compiled

Floats = npt.NDArray[np.float64]


@compiled
def find_nearest(
    lat: float, lon: float, band: float, most: float, lats: Floats, order: npt.NDArray[np.int64],
    radians: Floats,
) -> int:  # fmt: skip
    """The number of the nearest point, or -1 where none is near; of equally near the first.

    ``lats`` are sorted, ``order`` are the numbers of their points, ``radians`` latitudes and
    longitudes by number. Points lie within ``band`` degrees of latitude if their haversine is
    at most ``most``.
    """
    best, found = inf, -1
    y, x = lat * pi / 180, lon * pi / 180
    for place in range(np.searchsorted(lats, lat - band), len(lats)):
        if lats[place] > lat + band:
            break
        i = order[place]
        up, aside = sin((radians[0, i] - y) / 2), sin((radians[1, i] - x) / 2)
        away = up * up + cos(y) * cos(radians[0, i]) * aside * aside
        if away <= most and (away < best or (away == best and i < found)):
            best, found = away, i
    return found
