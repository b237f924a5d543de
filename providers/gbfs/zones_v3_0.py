"""GBFS 3.0 ``geofencing_zones.json``, its ``data``: checked, and turned into our values and back.

Taken whole or not at all: the order of zones decides, and a hole where a zone could not be read
would let a ride end where it may not. The area of a polygon is its inside, whichever way its rings
turn (RFC 7946, 3.1.6; the rings of GBFS 2 turned otherwise, and are not read). A ring that crosses
itself encloses all that it goes round.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import shapely
from pydantic import (
    AliasChoices,
    BeforeValidator,
    FailFast,
    Field,
    StrictBool,
    ValidationError,
    model_validator,
)
from shapely import MultiPolygon, Polygon, STRtree

from providers.gbfs.v3_0 import (
    Instant,
    Item,
    Lat,
    Lon,
    Name,
    NotTakenError,
    Refusal,
    Translation,
    reason_of,
    text_of,
)
from providers.zones import Zone, ZoneRule, Zones

MAX_POSITIONS = 50_000
"""Of all zones together."""
MAX_IN_A_ZONE = 10_000
"""That an operator may draw: to look whether a hostile outline of more is valid takes seconds."""
MAX_REPAIRED = 500
"""Of all zones whose rings cross: the work of repairing grows with the square."""
MAX_OVERLAPS = 20
"""So many others lie over a zone, on the average."""
Json = dict[str, Any]
Bounds = tuple[float, float, float, float]
"""West, south, east, north in degrees."""
WORLD: Bounds = (-180, -90, 180, 90)


def _flat(value: object) -> object:
    """A position without its height."""
    if not isinstance(value, list) or not 2 <= len(value) <= 3:
        raise ValueError("a position is [longitude, latitude]")
    return value[:2]


Position = Annotated[tuple[Lon, Lat], BeforeValidator(_flat)]
Ring = Annotated[list[Position], Field(min_length=4, max_length=MAX_POSITIONS), FailFast()]
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

    def value(self) -> ZoneRule:
        """The rule as the rest of the code knows it."""
        return ZoneRule(
            frozenset(self.vehicle_type_ids or ()),
            self.ride_start_allowed,
            self.ride_end_allowed,
            self.ride_through_allowed,
            self.maximum_speed_kph,
            self.station_parking,
        )


class Properties(Item):
    """What holds in a zone."""

    name: Name | Annotated[list[Translation], Field(min_length=1, max_length=50)] | None = None
    start: Instant | None = None
    end: Instant | None = None
    rules: Annotated[tuple[RuleItem, ...], Field(max_length=1000)] = ()

    @model_validator(mode="after")
    def _in_order(self) -> Properties:
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError("end does not lie after start")
        return self


class Geometry(Item):
    """A MultiPolygon of RFC 7946."""

    type: Literal["MultiPolygon"]
    coordinates: Annotated[
        list[Annotated[list[Ring], Field(min_length=1), FailFast()]],
        Field(min_length=1),
        FailFast(),
    ]


class Feature(Item):
    """A zone."""

    type: Literal["Feature"]
    geometry: Geometry
    properties: Properties


@dataclass(frozen=True, slots=True)
class ZonesRead:
    """What came of a file. A vehicle type that is not known here is told, but refuses nothing."""

    zones: Zones | None
    """None where the file was not taken."""
    refused: tuple[Refusal, ...]


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
    zones: list[Zone] = []
    rules: list[ZoneRule] = []
    refused: list[Refusal] = []
    strange: list[Refusal] = []
    room = _Room(most_in_a_zone)
    for index, raw in enumerate((*features, *global_rules)):
        try:
            if index < len(features):
                zones.append(_zone(Feature.model_validate(raw), bounds, room))
                stated = zones[-1].rules
            else:
                rules.append(RuleItem.model_validate(raw).value())
                stated = (rules[-1],)
        except (ValidationError, NotTakenError) as error:
            refused.append(Refusal(index, _name(raw), reason_of(error)))
            continue
        unknown = {name for rule in stated for name in rule.type_ids}.difference(type_ids)
        if unknown:
            reason = f"taken, but there is no vehicle type {min(unknown)!r}"
            strange.append(Refusal(index, _name(raw), reason))
    if not refused and zones and _pairs([zone.area for zone in zones]) > MAX_OVERLAPS * len(zones):
        reason = f"more than {MAX_OVERLAPS} zones lie over each other, on the average"
        refused.append(Refusal(0, None, reason))
    if refused:
        return ZonesRead(None, tuple(refused))
    return ZonesRead(Zones(tuple(zones), tuple(rules)), tuple(strange))


def _pairs(areas: Sequence[MultiPolygon]) -> int:
    """How many boxes of zones meet, each met twice."""
    boxes = shapely.envelope(areas)
    return int(STRtree(boxes).query(boxes).shape[1]) - len(areas)


@dataclass(slots=True)
class _Room:
    """How many positions a file may still have."""

    most_in_a_zone: int
    left: int = MAX_POSITIONS
    to_repair: int = MAX_REPAIRED

    def take(self, positions: int) -> None:
        self.left -= positions
        if self.left < 0:
            raise NotTakenError(f"more than {MAX_POSITIONS} positions in all zones")

    def repair(self, area: MultiPolygon) -> None:
        self.to_repair -= int(shapely.get_num_coordinates(area))
        if self.to_repair < 0:
            raise NotTakenError(f"rings cross too often: {shapely.is_valid_reason(area)}")


def _zone(item: Feature, bounds: Bounds, room: _Room) -> Zone:
    what = item.properties
    return Zone(
        _area(item.geometry, bounds, room),
        tuple(rule.value() for rule in what.rules),
        text_of(what.name) or "",
        what.start,
        what.end,
    )


def _area(item: Geometry, bounds: Bounds, room: _Room) -> MultiPolygon:
    drawn = sum(len(ring) for rings in item.coordinates for ring in rings)
    if drawn > room.most_in_a_zone:
        raise NotTakenError(f"more than {room.most_in_a_zone} positions in one zone")
    room.take(drawn)
    polygons = []
    for rings in item.coordinates:
        if any(ring[0] != ring[-1] for ring in rings):
            raise NotTakenError("a ring does not end where it begins")
        polygons.append(Polygon(rings[0], rings[1:]))
    area = MultiPolygon(polygons)
    if not area.is_valid:
        room.repair(area)
        area = _repaired(area)
        room.take(int(shapely.get_num_coordinates(area)))
    if not area.area:
        raise NotTakenError("the polygons enclose no area")
    here = shapely.box(*bounds)
    if not area.intersects(here):
        swapped = shapely.transform(area, lambda xy: xy[:, ::-1])
        if swapped.intersects(here):
            raise NotTakenError("positions are [longitude, latitude]; these seem to be swapped")
    return area


def _repaired(area: MultiPolygon) -> MultiPolygon:
    """All that rings which cross themselves or each other go round."""
    whole = [
        shapely.make_valid(one, method="structure", keep_collapsed=False) for one in area.geoms
    ]
    parts = shapely.get_parts(shapely.union_all(whole))
    return MultiPolygon([part for part in parts if isinstance(part, Polygon)])


def _name(raw: Any) -> str | None:
    try:
        return text_of(Properties.model_validate(raw["properties"]).name)
    except (ValidationError, TypeError, KeyError):
        return None


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
    )


def _without_none(**fields: Any) -> Json:
    return {name: value for name, value in fields.items() if value is not None}
