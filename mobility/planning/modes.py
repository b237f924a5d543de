"""The modes of lines and of cities."""

from __future__ import annotations

from gtfs.timetable import Route
from providers.values import Mode

FERRY_ROUTE_TYPES = frozenset({4, *range(1000, 1100), *range(1200, 1300)})
"""routes.txt route_type of water transport, basic and extended."""


def mode_of(route: Route) -> Mode:
    """The mode of a line; what is no ferry travels as a bus here."""
    return Mode.FERRY if route.type in FERRY_ROUTE_TYPES else Mode.BUS
