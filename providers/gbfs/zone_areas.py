"""Areas of geofencing zones as GBFS draws them: checked, and mended where rings cross.

A ring that crosses itself encloses all that it goes round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import shapely
from pydantic import BeforeValidator, FailFast, Field
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from providers.gbfs.v3_0 import Bounds, Item, Lat, Lon, NotTakenError

MAX_POSITIONS = 50_000
"""Of all zones together."""
MAX_IN_A_ZONE = 10_000
"""That an operator may draw: to look whether a hostile outline of more is valid takes seconds."""
MAX_REPAIRED = 500
"""Of all zones whose rings cross: the work of repairing grows with the square."""
WORLD: Bounds = (-180, -90, 180, 90)


def _flat(value: object) -> object:
    """A position without its height."""
    if not isinstance(value, list) or not 2 <= len(value) <= 3:
        raise ValueError("a position is [longitude, latitude]")
    return value[:2]


Position = Annotated[tuple[Lon, Lat], BeforeValidator(_flat)]
Ring = Annotated[list[Position], Field(min_length=4, max_length=MAX_POSITIONS), FailFast()]


class Geometry(Item):
    """A MultiPolygon of RFC 7946."""

    type: Literal["MultiPolygon"]
    coordinates: Annotated[
        list[Annotated[list[Ring], Field(min_length=1), FailFast()]],
        Field(min_length=1),
        FailFast(),
    ]


@dataclass(slots=True)
class Room:
    """How many positions a file may still have, and where the operator's city lies."""

    bounds: Bounds
    most_in_a_zone: int = MAX_IN_A_ZONE
    left: int = MAX_POSITIONS
    to_repair: int = MAX_REPAIRED

    def take(self, positions: int) -> None:
        """Count positions.

        Raises:
            NotTakenError: there are too many.
        """
        self.left -= positions
        if self.left < 0:
            raise NotTakenError(f"more than {MAX_POSITIONS} positions in all zones")

    def repair(self, area: MultiPolygon) -> None:
        """Count positions of an area whose rings cross.

        Raises:
            NotTakenError: there are too many.
        """
        self.to_repair -= int(shapely.get_num_coordinates(area))
        if self.to_repair < 0:
            raise NotTakenError(f"rings cross too often: {shapely.is_valid_reason(area)}")


def polygons_of(item: Geometry, room: Room) -> list[Polygon]:
    """The polygons as they are drawn, valid or not.

    Raises:
        NotTakenError: too many positions, or a ring that is open.
    """
    drawn = sum(len(ring) for rings in item.coordinates for ring in rings)
    if drawn > room.most_in_a_zone:
        raise NotTakenError(f"more than {room.most_in_a_zone} positions in one zone")
    room.take(drawn)
    if any(ring[0] != ring[-1] for rings in item.coordinates for ring in rings):
        raise NotTakenError("a ring does not end where it begins")
    return [Polygon(rings[0], rings[1:]) for rings in item.coordinates]


def enclosed(polygons: Sequence[Polygon], room: Room) -> MultiPolygon:
    """What polygons enclose, whichever way their rings turn.

    Raises:
        NotTakenError: nothing, or tangles, or what lies in the city with its coordinates swapped.
    """
    area = MultiPolygon(polygons)
    if not area.is_valid:
        room.repair(area)
        area = _repaired(area)
        room.take(int(shapely.get_num_coordinates(area)))
    if not area.area:
        raise NotTakenError("the polygons enclose no area")
    here = shapely.box(*room.bounds)
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
    return only_areas(shapely.union_all(whole))


def only_areas(shape: BaseGeometry) -> MultiPolygon:
    """The polygons of a shape."""
    return MultiPolygon([part for part in shapely.get_parts(shape) if isinstance(part, Polygon)])
