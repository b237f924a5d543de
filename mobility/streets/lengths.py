"""Metres along lines of positions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gtfs.geo import EARTH_RADIUS_M

Floats = npt.NDArray[np.float64]


def lengths_along(degrees: Floats, first: npt.NDArray[np.int64]) -> Floats:
    """Metres from the start of its line to every point; line e is ``first[e]:first[e + 1]``."""
    a, b = degrees[:-1], degrees[1:]
    d_lon = (b[:, 1] - a[:, 1]) * np.cos(np.radians((a[:, 0] + b[:, 0]) / 2))
    steps = np.radians(1) * EARTH_RADIUS_M * np.hypot(b[:, 0] - a[:, 0], d_lon)
    total = np.concatenate([[0.0], np.cumsum(steps)])
    result: Floats = total - np.repeat(total[first[:-1]], np.diff(first))
    return result
