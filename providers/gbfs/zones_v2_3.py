"""GBFS 2.1 to 2.3 ``geofencing_zones.json``, its ``data``: checked, and turned into our values.

Other than in version 3, the turn of a ring says what is meant: clockwise its inside,
counterclockwise all that lies outside. ``ride_allowed`` speaks of rides that begin or end outside
of stations. There are no global rules: by default nothing is limited.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Literal

import shapely
from pydantic import AliasChoices, BeforeValidator, Field, StrictBool, model_validator
from shapely import MultiPolygon, Polygon

from providers.gbfs.v3_0 import Bounds, Item, Name, Refusal
from providers.gbfs.zone_areas import (
    WORLD,
    Geometry,
    Room,
    enclosed,
    only_areas,
    polygons_of,
)
from providers.gbfs.zone_file import ZonesRead, name_of, read_whole
from providers.zones import Zone, ZoneRule

VERSIONS = ("2.1", "2.2", "2.3")
_LAST_SECOND = 253_402_300_799
"""The end of the year 9999."""


def _instant(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LAST_SECOND:
        raise ValueError("a timestamp is whole seconds since 1970")
    return datetime.fromtimestamp(value, UTC)


Timestamp = Annotated[datetime, BeforeValidator(_instant)]
Kmh = Annotated[int, Field(strict=True, ge=0, le=1000)]


class RuleItem(Item):
    """A rule; files are seen with version 3's name of the types too."""

    vehicle_type_id: Annotated[list[Name], Field(max_length=1000)] | None = Field(
        default=None, validation_alias=AliasChoices("vehicle_type_id", "vehicle_type_ids")
    )
    ride_allowed: StrictBool
    ride_through_allowed: StrictBool
    maximum_speed_kph: Kmh | None = None
    station_parking: StrictBool | None = None

    def value(self) -> ZoneRule:
        """The rule as the rest of the code knows it."""
        return ZoneRule(
            frozenset(self.vehicle_type_id or ()),
            self.ride_allowed,
            self.ride_allowed,
            self.ride_through_allowed,
            self.maximum_speed_kph,
            self.station_parking,
            undocked_only=True,
        )


class Properties(Item):
    """What holds in a zone."""

    name: Name | None = None
    start: Timestamp | None = None
    end: Timestamp | None = None
    rules: Annotated[tuple[RuleItem, ...], Field(max_length=1000)] = ()

    @model_validator(mode="after")
    def _in_order(self) -> Properties:
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError("end does not lie after start")
        return self


class Feature(Item):
    """A zone."""

    type: Literal["Feature"]
    geometry: Geometry
    properties: Properties


def read_zones(features: Sequence[object], type_ids: Collection[str], bounds: Bounds) -> ZonesRead:
    """Check the features of a file, as ``zones_v3_0.read_zones`` does.

    Of a zone with a ring that turns counterclockwise the answer says what was understood.
    """
    room = Room(bounds)
    outside: list[object] = []

    def zone_of(raw: object) -> Zone:
        item = Feature.model_validate(raw)
        what = item.properties
        polygons = polygons_of(item.geometry, room)
        if any(map(_is_counterclockwise, polygons)):
            outside.append(raw)
        rules = tuple(rule.value() for rule in what.rules)
        return Zone(_area(polygons, room), rules, what.name or "", what.start, what.end)

    read = read_whole([(raw, zone_of) for raw in features], type_ids)
    if read.zones is None:
        return read
    told = [
        Refusal(index, name_of(raw), "taken; it turns counterclockwise: all outside of it is meant")
        for index, raw in enumerate(features)
        if any(raw is one for one in outside)
    ]
    return replace(read, refused=(*read.refused, *told))


def _area(polygons: Sequence[Polygon], room: Room) -> MultiPolygon:
    inside = [one for one in polygons if not _is_counterclockwise(one)]
    round_it = [one for one in polygons if _is_counterclockwise(one)]
    area = enclosed(inside, room) if inside else MultiPolygon()
    if round_it:
        beyond = shapely.box(*WORLD).difference(enclosed(round_it, room))
        area = only_areas(beyond.union(area))
    return area


def _is_counterclockwise(polygon: Polygon) -> bool:
    """By the sign of the area, which rings that cross themselves have too."""
    x, y = shapely.get_coordinates(polygon.exterior).T
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum()) > 0
