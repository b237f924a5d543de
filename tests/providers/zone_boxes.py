"""Zones as boxes and rules as words, for tests."""

from __future__ import annotations

from typing import Any

import shapely
from shapely import MultiPolygon

from providers.zones import Zone, ZoneRule

Box = tuple[float, float, float, float]
"""West, south, east, north."""


def rule(words: str = "", *type_ids: str, kmh: int | None = None) -> ZoneRule:
    """``no start``, ``no end``, ``no pass`` in any order; ``stations`` or ``anywhere``."""
    stations = {"stations": True, "anywhere": False}
    stated = [value for word, value in stations.items() if word in words]
    return ZoneRule(
        frozenset(type_ids),
        may_start="no start" not in words,
        may_end="no end" not in words,
        may_pass="no pass" not in words,
        max_kmh=kmh,
        only_stations=stated[0] if stated else None,
    )


def zone(box: Box, *rules: ZoneRule, **more: Any) -> Zone:
    return Zone(MultiPolygon([shapely.box(*box)]), rules, **more)


def ring(box: Box) -> list[list[float]]:
    """A box as GeoJSON draws it."""
    west, south, east, north = box
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def feature(*rings: list[list[float]], rules: Any = ..., **properties: Any) -> dict[str, Any]:
    """A zone as it is pushed; by default nobody may end a ride there."""
    closed = {"ride_start_allowed": True, "ride_end_allowed": False, "ride_through_allowed": True}
    return {
        "type": "Feature",
        "properties": {"rules": [closed] if rules is ... else rules, **properties},
        "geometry": {"type": "MultiPolygon", "coordinates": [list(rings)]},
    }
