"""Encoded polylines (Google's algorithm) with six decimals, as MOTIS and Valhalla send them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
import numpy.typing as npt

from gtfs.geo import LatLon
from gtfs.kernel_cache import compiled

PRECISION = 6
_SCALE = 10**PRECISION
_LONGEST = 14
"""Characters of a point at most: seven each for latitude and longitude."""
Floats = npt.NDArray[np.float64]


class Course(Sequence[LatLon]):
    """The points of a way that many answers draw; encoded at most once. Immutable."""

    __slots__ = ("_encoded", "degrees")

    def __init__(self, degrees: Floats) -> None:
        """Take (n, 2) degrees of latitude and longitude."""
        self.degrees = degrees
        self._encoded: str | None = None

    @classmethod
    def of(cls, points: Sequence[LatLon]) -> Course:
        """The course through some points."""
        flat = [(point.lat, point.lon) for point in points]
        return cls(np.array(flat, np.float64).reshape(-1, 2))

    @property
    def encoded(self) -> str:
        """The points as text."""
        if self._encoded is None:
            self._encoded = _encoded(self.degrees, PRECISION)
        return self._encoded

    @overload
    def __getitem__(self, index: int) -> LatLon: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[LatLon, ...]: ...
    def __getitem__(self, index: int | slice) -> LatLon | tuple[LatLon, ...]:
        if isinstance(index, slice):
            return tuple(Course(self.degrees[index]))
        return LatLon(*self.degrees[index].tolist())

    def __len__(self) -> int:
        return len(self.degrees)

    def __iter__(self) -> Iterator[LatLon]:
        return (LatLon(lat, lon) for lat, lon in self.degrees.tolist())

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, Sequence) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))


def encode(points: Sequence[LatLon], precision: int = PRECISION) -> str:
    """The points as text: differences, zigzag, five bits a character."""
    course = points if isinstance(points, Course) else Course.of(points)
    return _encoded(course.degrees, precision)


def _encoded(degrees: Floats, precision: int) -> str:
    text = np.empty(_LONGEST * len(degrees), np.uint8)
    written = _write(degrees, 10.0**precision, text)
    return text[:written].tobytes().decode("ascii")


@compiled
def _write(degrees: Floats, scale: float, text: npt.NDArray[np.uint8]) -> int:
    """Write the characters of all points; how many they are."""
    written = 0
    before = np.zeros(2, np.int64)
    for point in range(len(degrees)):
        for axis in range(2):
            value = np.int64(np.rint(degrees[point, axis] * scale))
            step = value - before[axis]
            before[axis] = value
            bits = ~(step << 1) if step < 0 else step << 1
            while bits >= 0x20:
                text[written] = (0x20 | (bits & 0x1F)) + 63
                bits >>= 5
                written += 1
            text[written] = bits + 63
            written += 1
    return written


def decode(text: str) -> tuple[LatLon, ...]:
    """The points of an encoded polyline."""
    values: list[int] = []
    shift = value = 0
    for char in text:
        bits = ord(char) - 63
        value |= (bits & 0x1F) << shift
        if bits & 0x20:
            shift += 5
            continue
        values.append(~(value >> 1) if value & 1 else value >> 1)
        shift = value = 0
    points: list[LatLon] = []
    lat = lon = 0
    for d_lat, d_lon in zip(values[::2], values[1::2], strict=True):
        lat, lon = lat + d_lat, lon + d_lon
        points.append(LatLon(lat / _SCALE, lon / _SCALE))
    return tuple(points)
