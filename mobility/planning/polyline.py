"""Encoded polylines (Google's algorithm) with six decimals, as MOTIS and Valhalla send them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from gtfs.geo import LatLon

PRECISION = 6
_SCALE = 10**PRECISION


class Course(tuple[LatLon, ...]):  # noqa: SLOT001  it remembers its text
    """The points of a way that many answers draw; encoded at most once."""

    @cached_property
    def encoded(self) -> str:
        """The points as text."""
        return encode(self)


def encode(points: Sequence[LatLon], precision: int = PRECISION) -> str:
    """The points as text: differences, zigzag, five bits a character."""
    result: list[str] = []
    lat = lon = 0
    scale = 10**precision
    for point in points:
        next_lat, next_lon = round(point.lat * scale), round(point.lon * scale)
        for step in (next_lat - lat, next_lon - lon):
            bits = ~(step << 1) if step < 0 else step << 1
            while bits >= 0x20:
                result.append(chr((0x20 | (bits & 0x1F)) + 63))
                bits >>= 5
            result.append(chr(bits + 63))
        lat, lon = next_lat, next_lon
    return "".join(result)


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
