"""A file of geofencing zones is taken whole or not at all.

The order of zones decides, and a hole where a zone could not be read would let a ride end where it
may not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import shapely
from pydantic import TypeAdapter, ValidationError
from shapely import MultiPolygon, STRtree

from providers.gbfs.v3_0 import NotTakenError, Refusal, Texts, reason_of, text_of
from providers.zones import Zone, ZoneRule, Zones

MAX_OVERLAPS = 20
"""So many others lie over a zone, on the average."""
Read = Callable[[object], Zone | ZoneRule]
_NAMES: TypeAdapter[Texts] = TypeAdapter(Texts)


@dataclass(frozen=True, slots=True)
class ZonesRead:
    """What came of a file. A vehicle type that is not known here is told, but refuses nothing."""

    zones: Zones | None
    """None where the file was not taken."""
    refused: tuple[Refusal, ...]


def read_whole(rows: Sequence[tuple[object, Read]], type_ids: Collection[str]) -> ZonesRead:
    """Check the zones of a file and its global rules, each with what reads it.

    A refusal's index counts the rows.
    """
    zones: list[Zone] = []
    rules: list[ZoneRule] = []
    refused: list[Refusal] = []
    strange: list[Refusal] = []
    for index, (raw, read) in enumerate(rows):
        try:
            one = read(raw)
        except (ValidationError, NotTakenError) as error:
            refused.append(Refusal(index, name_of(raw), reason_of(error)))
            continue
        if isinstance(one, Zone):
            zones.append(one)
        else:
            rules.append(one)
        stated = one.rules if isinstance(one, Zone) else (one,)
        unknown = {name for rule in stated for name in rule.type_ids}.difference(type_ids)
        if unknown:
            reason = f"taken, but there is no vehicle type {min(unknown)!r}"
            strange.append(Refusal(index, name_of(raw), reason))
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


def name_of(raw: Any) -> str | None:
    """What a raw zone is called, as far as that can be read."""
    try:
        return text_of(_NAMES.validate_python(raw["properties"]["name"]))
    except (ValidationError, TypeError, KeyError):
        return None
