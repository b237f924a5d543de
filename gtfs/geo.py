"""Points on the earth and the distances between them."""

from __future__ import annotations

from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt

import numpy as np
from numpy.typing import NDArray

EARTH_RADIUS_M = 6_371_008.8


@dataclass(frozen=True, slots=True)
class LatLon:
    """A WGS84 position in degrees."""

    lat: float
    lon: float

    def __post_init__(self) -> None:
        if not (-90 <= self.lat <= 90 and -180 <= self.lon <= 180):
            raise ValueError(f"not a position: lat {self.lat}, lon {self.lon}")


def distance_m(a: LatLon, b: LatLon) -> float:
    """Great-circle distance in metres (haversine on a sphere of mean radius)."""
    lat_a, lat_b = radians(a.lat), radians(b.lat)
    d_lat, d_lon = lat_b - lat_a, radians(b.lon - a.lon)
    h = sin(d_lat / 2) ** 2 + cos(lat_a) * cos(lat_b) * sin(d_lon / 2) ** 2
    return 2 * EARTH_RADIUS_M * asin(sqrt(h))


def distances_m(
    lat_a: NDArray[np.float64],
    lon_a: NDArray[np.float64],
    lat_b: NDArray[np.float64],
    lon_b: NDArray[np.float64],
) -> NDArray[np.float64]:
    """`distance_m` of many pairs, in degrees."""
    phi_a, phi_b = np.radians(lat_a), np.radians(lat_b)
    d_lat, d_lon = phi_b - phi_a, np.radians(lon_b - lon_a)
    h = np.sin(d_lat / 2) ** 2 + np.cos(phi_a) * np.cos(phi_b) * np.sin(d_lon / 2) ** 2
    metres: NDArray[np.float64] = 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(h))
    return metres
