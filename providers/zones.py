"""Geofencing zones of an operator: where a ride may begin, end or pass, and how fast (GBFS 3.0).

Rules are ordered: at one place and for one kind of vehicle, each thing is decided by the first rule
that states it, zones in their order, in each its rules in theirs, and last the global rules. What
no rule states is not limited (GBFS 3.0, ``geofencing_zones``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import shapely
from shapely import MultiPolygon

from gtfs.geo import LatLon
from providers.zone_layer import Layer, Phase, T

Phases = tuple[Phase, ...]
MOST_LIMITS = 64
"""Worked out limits that are kept: zones that come and go may be others at each time."""


@dataclass(frozen=True, slots=True)
class ZoneRule:
    """What holds for some kinds of vehicle; None is not stated."""

    type_ids: frozenset[str]
    """Empty: all kinds."""
    may_start: bool
    may_end: bool
    may_pass: bool
    max_kmh: int | None = None
    only_stations: bool | None = None
    """``station_parking``: a vehicle is left at stations alone."""
    undocked_only: bool = False
    """Whether ``may_start`` and ``may_end`` say nothing of rides from and to stations (GBFS 2)."""

    @property
    def docked_start(self) -> bool | None:
        """Whether a ride may start at a station."""
        return None if self.undocked_only else self.may_start

    @property
    def docked_end(self) -> bool | None:
        """Whether a ride may end at a station."""
        return None if self.undocked_only else self.may_end

    def is_for(self, type_id: str) -> bool:
        """Whether it holds for a kind of vehicle."""
        return not self.type_ids or type_id in self.type_ids


@dataclass(frozen=True, slots=True)
class Zone:
    """A part of the map with rules, in force from ``start`` to before ``end``."""

    area: MultiPolygon
    """Valid and not empty, in degrees, x longitude and y latitude; its border belongs to it."""
    rules: tuple[ZoneRule, ...]
    name: str = ""
    start: datetime | None = None
    end: datetime | None = None

    @property
    def is_timed(self) -> bool:
        """Whether it is not always in force."""
        return self.start is not None or self.end is not None

    def phase(self, first: datetime, last: datetime) -> Phase:
        """How much it is in force from ``first`` to ``last``, which may be one instant."""
        start = self.start or first
        if (start > first and start >= last) or (self.end is not None and self.end <= first):
            return Phase.OFF
        lasts = self.end is None or self.end >= last
        return Phase.WHOLE if start <= first and lasts else Phase.PART


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """What limits one kind of vehicle where, a layer for each thing that rules state."""

    may_start: Layer[bool]
    may_end: Layer[bool]
    docked_start: Layer[bool]
    """At a station, as ``docked_end``."""
    docked_end: Layer[bool]
    may_pass: Layer[bool]
    max_kmh: Layer[int]
    only_stations: Layer[bool]


@dataclass(frozen=True, slots=True, eq=False)
class Zones:
    """All zones of one operator; without any, nothing is limited. Safe in several threads."""

    zones: tuple[Zone, ...] = ()
    global_rules: tuple[ZoneRule, ...] = ()
    _timed: tuple[Zone, ...] = field(init=False)
    _undocked: bool = field(init=False)
    """Whether any rule is of rides outside of stations alone."""
    _limits: dict[tuple[str, Phases], Limits] = field(default_factory=dict)

    def __post_init__(self) -> None:
        timed = tuple(zone for zone in self.zones if zone.is_timed)
        object.__setattr__(self, "_timed", timed)
        rules = (rule for zone in self.zones for rule in zone.rules)
        undocked = any(rule.undocked_only for rule in (*self.global_rules, *rules))
        object.__setattr__(self, "_undocked", undocked)
        _prepare([zone.area for zone in self.zones])

    def phases(self, first: datetime, last: datetime) -> Phases:
        """How far those zones that have a time are in force: with equal phases, equal limits."""
        return tuple(zone.phase(first, last) for zone in self._timed)

    def limits(self, type_id: str, phases: Phases) -> Limits:
        """What limits a kind of vehicle, worked out once for a while."""
        found = self._limits.get((type_id, phases))
        if found is None:
            starts = self._layer(type_id, phases, lambda rule: rule.may_start)
            ends = self._layer(type_id, phases, lambda rule: rule.may_end)
            docked_starts, docked_ends = starts, ends
            if self._undocked:
                docked_starts = self._layer(type_id, phases, lambda rule: rule.docked_start)
                docked_ends = self._layer(type_id, phases, lambda rule: rule.docked_end)
            found = Limits(
                starts,
                ends,
                docked_starts,
                docked_ends,
                self._layer(type_id, phases, lambda rule: rule.may_pass),
                self._layer(type_id, phases, lambda rule: rule.max_kmh),
                self._layer(type_id, phases, lambda rule: rule.only_stations),
            )
            if len(self._limits) >= MOST_LIMITS:
                self._limits.clear()
            self._limits[type_id, phases] = found
        return found

    def name_at(self, at: LatLon, type_id: str, limits: Callable[[ZoneRule], bool]) -> str:
        """What the first zone there is called that has such a rule; empty where none is named."""
        for zone in self.zones:
            ours = (rule for rule in zone.rules if rule.is_for(type_id))
            if any(map(limits, ours)) and shapely.intersects_xy(zone.area, at.lon, at.lat):
                return zone.name
        return ""

    def _layer(
        self, type_id: str, phases: Phases, read: Callable[[ZoneRule], T | None]
    ) -> Layer[T]:
        def stated(rules: tuple[ZoneRule, ...]) -> T | None:
            told = (read(rule) for rule in rules if rule.is_for(type_id))
            return next((value for value in told if value is not None), None)

        of_timed = iter(phases)
        rows = [
            (zone.area, next(of_timed) if zone.is_timed else Phase.WHOLE, stated(zone.rules))
            for zone in self.zones
        ]
        return Layer.of(
            [(a, p, v) for a, p, v in rows if v is not None and p is not Phase.OFF],
            stated(self.global_rules),
        )


def _prepare(areas: Sequence[MultiPolygon]) -> None:
    """Index areas for points, which is slow for many positions otherwise.

    GEOS makes the index when it is asked of a second point: here, so that no two threads make it.
    """
    shapely.prepare(areas)
    corners = [shapely.Point(shapely.get_coordinates(area)[0]) for area in areas]
    for _ in range(2):
        shapely.intersects(areas, corners)
