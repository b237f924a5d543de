"""Query parameters as the MOTIS document writes them: lists by comma or repeated, nothing lost.

A value that cannot be read is refused with what to write instead; a parameter without a value
counts as absent, but an empty list is a list. Names nobody knows are reported back, not refused,
because apps of other versions send them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar, get_origin
from zoneinfo import ZoneInfo

from fastapi import Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from starlette.datastructures import QueryParams

from gtfs.geo import LatLon
from mobility.api.motis.errors import BadQueryError

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)"
_POSITION = re.compile(rf"({_NUMBER}),\s*({_NUMBER})(?:,\s*({_NUMBER}))?", re.ASCII)
_LOOKS_LIKE_NUMBERS = re.compile(r"[\s\d.,+-]*,[\s\d.,+-]*", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ZONE_WITH_SPACE = re.compile(r"(.*T.*) (\d\d:?\d\d)", re.ASCII)
_MOST_TEXT = 4000
_MOST_ITEMS = 60
_ID_LENGTH = 200
T = TypeVar("T", bound="Parameters")


@dataclass(frozen=True, slots=True)
class Spot:
    """A position that a client wrote, with the level it wrote, if any."""

    position: LatLon
    level: float | None = None


def read_spot(text: str, name: str) -> Spot:
    """``lat,lon[,level]`` in degrees.

    Raises:
        BadQueryError: it is something else, or lies beside the globe.
    """
    found = _POSITION.fullmatch(text.strip())
    if found is None:
        raise BadQueryError(f"{name}: write latitude,longitude in degrees, such as 53.8658,10.6706")
    lat, lon = float(found[1]), float(found[2])
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise BadQueryError(
            f"{name}: latitude is -90 to 90 and longitude -180 to 180, in this order"
        )
    return Spot(LatLon(lat, lon), float(found[3]) if found[3] else None)


def read_place(text: str, name: str) -> Spot | str:
    """A position, or else the id of a stop.

    Raises:
        BadQueryError: neither.
    """
    if _LOOKS_LIKE_NUMBERS.fullmatch(text):
        return read_spot(text, name)
    return read_stop_id(text, name)


def read_stop_id(text: str, name: str) -> str:
    """The id of a stop; whether there is one is not known yet.

    Raises:
        BadQueryError: it can be none.
    """
    if not 0 < len(text) <= _ID_LENGTH or _CONTROL.search(text):
        raise BadQueryError(f"{name}: write latitude,longitude or a stop id of an earlier answer")
    return text


def _comma_separated(value: object) -> object:
    if not isinstance(value, str):
        return value
    items = [item.strip() for item in value.split(",") if item.strip()]
    if len(items) > _MOST_ITEMS:
        raise ValueError(f"at most {_MOST_ITEMS} values are read here")
    return tuple(items)


def _instant(value: object) -> object:
    """RFC 3339; a plus sign that arrived as a space is put back."""
    if not isinstance(value, str):
        return value
    spaced = _ZONE_WITH_SPACE.fullmatch(value)
    try:
        return datetime.fromisoformat(f"{spaced[1]}+{spaced[2]}" if spaced else value)
    except ValueError:
        raise ValueError("write a time as 2026-11-26T08:00:00Z") from None


Item = TypeVar("Item")
Listed = Annotated[tuple[Item, ...], BeforeValidator(_comma_separated)]
Instant = Annotated[datetime, BeforeValidator(_instant)]
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
Text = Annotated[str, Field(max_length=_MOST_TEXT)]


class Parameters(BaseModel):
    """The parameters of one question; names are camelCase on the wire."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, populate_by_name=True, extra="ignore"
    )

    @classmethod
    def known(cls) -> Mapping[str, bool]:
        """The names on the wire, and whether a parameter is a list."""
        return {
            field.alias or name: get_origin(field.annotation) is tuple
            for name, field in cls.model_fields.items()
        }


def read_query(request: Request, kind: type[T]) -> T:
    """The parameters of a request.

    Raises:
        BadQueryError: one is missing or cannot be read; names it and says what to write.
    """
    raw, known = _raw(request.query_params), kind.known()
    given: dict[str, Any] = {}
    for name, values in raw.items():
        if name not in known:
            continue
        text = ",".join(values) if known[name] else values[-1]
        if len(text) > _MOST_TEXT:
            raise BadQueryError(f"{name}: at most {_MOST_TEXT} characters are read")
        if text or known[name]:
            given[name] = text
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise BadQueryError(_said(error)) from None


def unknown_names(request: Request, kind: type[Parameters]) -> tuple[str, ...]:
    """The parameters that this question does not have, in order; cut short where they are many."""
    known = kind.known()
    return tuple(name[:60] for name in _raw(request.query_params) if name not in known)[:20]


def _raw(query: QueryParams) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in query.multi_items():
        found.setdefault(name, []).append(value)
    return found


def _said(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    name = str(first["loc"][0]) if first["loc"] else "the query"
    if first["type"] == "missing":
        return f"{name} is missing"
    if first["type"] == "too_long" and first["ctx"].get("field_type") != "String":
        return f"{name}: give at most {first['ctx']['max_length']} values"
    message = first["msg"].removeprefix("Value error, ")
    return f"{name}: {message[0].lower()}{message[1:]}"


def in_zone(at: datetime, zone: ZoneInfo) -> datetime:
    """A time as an instant: without an offset, it is the city's clock."""
    return at if at.tzinfo is not None else at.replace(tzinfo=zone)


def read_box(low: str, high: str) -> tuple[float, float, float, float]:
    """West, south, east, north of two opposite corners, whichever they are.

    Raises:
        BadQueryError: a corner is no position.
    """
    a, b = read_spot(low, "min").position, read_spot(high, "max").position
    return min(a.lon, b.lon), min(a.lat, b.lat), max(a.lon, b.lon), max(a.lat, b.lat)
