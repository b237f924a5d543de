"""GBFS 3.0 ``geofencing_zones.json``, its ``data``: checked, and turned into our values and back.

The area of a polygon is its inside, whichever way its rings turn (RFC 7946, 3.1.6).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Annotated, Any, Literal

import shapely
from pydantic import AliasChoices, Field, StrictBool, model_validator

from providers.gbfs.v3_0 import Bounds, Instant, Item, Name, Texts, text_of
from providers.gbfs.zone_areas import (
    MAX_IN_A_ZONE,
    MAX_POSITIONS,
    WORLD,
    Geometry,
    Room,
    enclosed,
    polygons_of,
)
from providers.gbfs.zone_file import Read, ZonesRead, read_whole
from providers.zones import Zone, ZoneRule, Zones

Json = dict[str, Any]
Kmh = Annotated[int, Field(strict=True, ge=0, le=1000)]


class RuleItem(Item):
    """A rule; files of version 3.0 are seen with version 2's name of the types too."""

    vehicle_type_ids: Annotated[list[Name], Field(max_length=1000)] | None = Field(
        default=None, validation_alias=AliasChoices("vehicle_type_ids", "vehicle_type_id")
    )
    ride_start_allowed: StrictBool
    ride_end_allowed: StrictBool
    ride_through_allowed: StrictBool
    maximum_speed_kph: Kmh | None = None
    station_parking: StrictBool | None = None
    undocked_only: StrictBool = False
    """Ours, of rules that were read of version 2."""

    def value(self) -> ZoneRule:
        """The rule as the rest of the code knows it."""
        return ZoneRule(
            frozenset(self.vehicle_type_ids or ()),
            self.ride_start_allowed,
            self.ride_end_allowed,
            self.ride_through_allowed,
            self.maximum_speed_kph,
            self.station_parking,
            undocked_only=self.undocked_only,
        )


class Properties(Item):
    """What holds in a zone."""

    name: Texts = None
    start: Instant | None = None
    end: Instant | None = None
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


def read_zones(
    features: Sequence[object],
    global_rules: Sequence[object],
    type_ids: Collection[str],
    bounds: Bounds,
    *,
    most_in_a_zone: int = MAX_IN_A_ZONE,
) -> ZonesRead:
    """Check a file: its features, then its global rules, which is how a refusal's index counts.

    ``bounds`` is where the operator's city lies: a zone that lies there only with its coordinates
    swapped is refused.
    """
    room = Room(bounds, most_in_a_zone)

    def zone_of(raw: object) -> Zone:
        item = Feature.model_validate(raw)
        what = item.properties
        area = enclosed(polygons_of(item.geometry, room), room)
        rules = tuple(rule.value() for rule in what.rules)
        return Zone(area, rules, text_of(what.name) or "", what.start, what.end)

    def rule_of(raw: object) -> ZoneRule:
        return RuleItem.model_validate(raw).value()

    rows: list[tuple[object, Read]] = [(raw, zone_of) for raw in features]
    return read_whole([*rows, *((raw, rule_of) for raw in global_rules)], type_ids)


def reread_zones(data: Json) -> Zones:
    """What ``write_zones`` wrote, with nothing left to refuse.

    Raises:
        ValueError: it is not of our making.
    """
    features = data["geofencing_zones"]["features"]
    rules = data["global_rules"]
    read = read_zones(features, rules, (), WORLD, most_in_a_zone=MAX_POSITIONS)
    if read.zones is None:
        raise ValueError(f"not the zones we wrote: {read.refused[0].reason}")
    return read.zones


def write_zones(zones: Zones) -> Json:
    """The ``data`` of the file, which ``read_zones`` reads as the same zones."""
    features = [
        {
            "type": "Feature",
            "geometry": json.loads(shapely.to_geojson(zone.area)),
            "properties": _without_none(
                name=[{"text": zone.name, "language": "de"}] if zone.name else None,
                start=zone.start.isoformat() if zone.start else None,
                end=zone.end.isoformat() if zone.end else None,
                rules=[write_rule(rule) for rule in zone.rules],
            ),
        }
        for zone in zones.zones
    ]
    return {
        "geofencing_zones": {"type": "FeatureCollection", "features": features},
        "global_rules": [write_rule(rule) for rule in zones.global_rules],
    }


def write_rule(rule: ZoneRule) -> Json:
    """One rule."""
    return _without_none(
        vehicle_type_ids=sorted(rule.type_ids) or None,
        ride_start_allowed=rule.may_start,
        ride_end_allowed=rule.may_end,
        ride_through_allowed=rule.may_pass,
        maximum_speed_kph=rule.max_kmh,
        station_parking=rule.only_stations,
        undocked_only=rule.undocked_only or None,
    )


def _without_none(**fields: Any) -> Json:
    return {name: value for name, value in fields.items() if value is not None}
