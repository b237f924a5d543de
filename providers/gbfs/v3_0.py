"""GBFS 3.0 items as providers push them: checked one by one, turned into our values.

Sources: GBFS 3.0 ``vehicle_status``, ``station_information`` and ``station_status``. On top of
them a vehicle carries ``vehicle_ref``, the provider's private and stable name of it, and a
station's information and status stand in one item. One bad item never spoils the others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Generic, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
)

from gtfs.geo import LatLon
from providers.values import (
    ProviderId,
    Station,
    StationId,
    Vehicle,
    VehicleId,
    VehicleRef,
)
from providers.zones import Zone

CLOCK_SKEW = timedelta(minutes=5)
LANGUAGE = "de"
Bounds = tuple[float, float, float, float]
"""West, south, east, north in degrees."""
T = TypeVar("T", Vehicle, Station, Zone)


def real_number(value: object) -> object:
    """The value, where it is a JSON number; raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("not a JSON number")  # noqa: TRY004 - pydantic wants ValueError
    return value


def _text_only(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("an instant is text in RFC 3339")  # noqa: TRY004 - pydantic wants ValueError
    return value


def _to_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("out of the range of dates") from error


Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
Lat = Annotated[float, BeforeValidator(real_number), Field(ge=-90, le=90)]
Lon = Annotated[float, BeforeValidator(real_number), Field(ge=-180, le=180)]
Count = Annotated[int, Field(strict=True, ge=0, le=100_000)]
Instant = Annotated[AwareDatetime, BeforeValidator(_text_only), AfterValidator(_to_utc)]


class Item(BaseModel):
    """Anything of a GBFS file; what is not known is skipped."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class VehicleItem(Item):
    """An item of ``vehicle_status.vehicles``, with ``vehicle_ref``."""

    vehicle_ref: Name
    vehicle_id: Name
    vehicle_type_id: Name
    lat: Lat | None = None
    lon: Lon | None = None
    station_id: Name | None = None
    is_reserved: StrictBool
    is_disabled: StrictBool
    current_range_meters: Annotated[float, BeforeValidator(real_number)] | None = Field(
        default=None, ge=0, le=10_000_000
    )
    last_reported: Instant | None = None


class Translation(Item):
    """A text in one language."""

    text: Name
    language: Annotated[str, Field(max_length=35)]


Texts = Name | Annotated[list[Translation], Field(min_length=1, max_length=50)] | None
"""A name, of a station too: a text, or the same in several languages."""


class StationItem(Item):
    """Items of ``station_information.stations`` and ``station_status.stations`` in one."""

    station_id: Name
    name: Texts = None
    lat: Lat | None = None
    lon: Lon | None = None
    capacity: Count | None = None
    num_vehicles_available: Count | None = None
    num_docks_available: Count | None = None
    is_installed: StrictBool | None = None
    is_renting: StrictBool | None = None
    is_returning: StrictBool | None = None
    last_reported: Instant | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """An item that was not taken: where it stood, its name as far as it had one, and why."""

    index: int
    ref: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Batch(Generic[T]):
    """What came of the items of one push."""

    accepted: tuple[T, ...]
    refused: tuple[Refusal, ...]
    gone: tuple[str, ...] = ()
    """Of vehicles that were refused, the refs of those that are not where they were."""


class NotTakenError(Exception):
    """Why a well-formed item is not taken."""


class ElsewhereError(NotTakenError):
    """It stands where no search leads: outside the city, or at a station that is not known."""


def named_stations(items: Sequence[object]) -> set[StationId]:
    """The stations that raw items speak of, to be looked up before they are read."""
    found = (item.get("station_id") for item in items if isinstance(item, dict))
    return {StationId(name) for name in found if isinstance(name, str)}


def read_vehicles(
    provider_id: ProviderId,
    items: Sequence[object],
    type_ids: Collection[str],
    stations: Mapping[StationId, Station],
    bounds: Bounds,
    now: datetime,
) -> Batch[Vehicle]:
    """Check vehicles in the city's bounds; one without a position stands at its station."""
    accepted: list[Vehicle] = []
    refused: list[Refusal] = []
    refs: set[str] = set()
    ids: set[str] = set()
    elsewhere: list[str] = []
    for index, raw in enumerate(items):
        try:
            item = VehicleItem.model_validate(raw)
            _once("vehicle_ref", item.vehicle_ref, refs)
            _once("vehicle_id", item.vehicle_id, ids)
            vehicle = _vehicle(provider_id, item, type_ids, stations, now)
            _require_inside(bounds, vehicle.position)
            accepted.append(vehicle)
            refs.add(item.vehicle_ref)
            ids.add(item.vehicle_id)
        except (ValidationError, NotTakenError) as error:
            if isinstance(error, ElsewhereError):
                elsewhere.append(item.vehicle_ref)
            refused.append(Refusal(index, _name(raw, "vehicle_ref"), reason_of(error)))
    gone = tuple(ref for ref in elsewhere if ref not in refs)
    return Batch(tuple(accepted), tuple(refused), gone)


def read_stations(
    provider_id: ProviderId,
    items: Sequence[object],
    known: Mapping[StationId, Station],
    bounds: Bounds,
    now: datetime,
) -> Batch[Station]:
    """Check stations; what an item does not say stays as it is in ``known``."""
    accepted: list[Station] = []
    refused: list[Refusal] = []
    ids: set[str] = set()
    for index, raw in enumerate(items):
        try:
            item = StationItem.model_validate(raw)
            _once("station_id", item.station_id, ids)
            before = known.get(StationId(item.station_id))
            station = _station(provider_id, item, before, now)
            _require_inside(bounds, station.position)
            accepted.append(station)
            ids.add(item.station_id)
        except (ValidationError, NotTakenError) as error:
            refused.append(Refusal(index, _name(raw, "station_id"), reason_of(error)))
    return Batch(tuple(accepted), tuple(refused))


def _once(field: str, name: str, seen: Collection[str]) -> None:
    if name in seen:
        raise NotTakenError(f"this {field} stands in the push already")


def _require_inside(bounds: Bounds, position: LatLon) -> None:
    west, south, east, north = bounds
    if not (south <= position.lat <= north and west <= position.lon <= east):
        raise ElsewhereError(
            f"lat {position.lat}, lon {position.lon} lies outside the city, which is"
            f" lat {south} to {north} and lon {west} to {east}"
        )


def _vehicle(
    provider_id: ProviderId,
    item: VehicleItem,
    type_ids: Collection[str],
    stations: Mapping[StationId, Station],
    now: datetime,
) -> Vehicle:
    if item.vehicle_type_id not in type_ids:
        raise NotTakenError(f"no vehicle type {item.vehicle_type_id!r}")
    station = stations.get(StationId(item.station_id)) if item.station_id else None
    if item.station_id is not None and station is None:
        raise ElsewhereError(f"no station {item.station_id!r}; push stations first")
    position = _position(item.lat, item.lon) or (station.position if station else None)
    if position is None:
        raise NotTakenError("neither lat and lon nor a station_id")
    return Vehicle(
        provider_id=provider_id,
        ref=VehicleRef(item.vehicle_ref),
        id=VehicleId(f"{provider_id}:{item.vehicle_id}"),
        type_id=item.vehicle_type_id,
        position=position,
        station_id=StationId(item.station_id) if item.station_id else None,
        reserved=item.is_reserved,
        disabled=item.is_disabled,
        range_m=None if item.current_range_meters is None else int(item.current_range_meters),
        as_of=_as_of(item.last_reported, now),
    )


def _station(
    provider_id: ProviderId, item: StationItem, before: Station | None, now: datetime
) -> Station:
    name = text_of(item.name) or (before.name if before else None)
    position = _position(item.lat, item.lon) or (before.position if before else None)
    available = item.num_vehicles_available
    if available is None and before is not None:
        available = before.vehicles_available
    if name is None or position is None or available is None:
        raise NotTakenError("a new station needs name, lat, lon and num_vehicles_available")
    installed = item.is_installed is not False

    def or_before(told: int | None, known: int | None) -> int | None:
        return known if told is None else told

    return Station(
        provider_id=provider_id,
        id=StationId(item.station_id),
        name=name,
        position=position,
        capacity=or_before(item.capacity, before.capacity if before else None),
        vehicles_available=available,
        docks_available=or_before(
            item.num_docks_available, before.docks_available if before else None
        ),
        renting=installed and _flag(item.is_renting, before.renting if before else True),
        returning=installed and _flag(item.is_returning, before.returning if before else True),
        as_of=_as_of(item.last_reported, now),
    )


def _flag(told: bool | None, known: bool) -> bool:  # noqa: FBT001 - a GBFS flag is a value here
    return known if told is None else told


def _position(lat: float | None, lon: float | None) -> LatLon | None:
    if lat is None and lon is None:
        return None
    if lat is None or lon is None:
        raise NotTakenError("lat and lon come together")
    if lat == 0 and lon == 0:
        raise NotTakenError("0, 0 is the position of a receiver without one")
    return LatLon(lat, lon)


def _as_of(reported: datetime | None, now: datetime) -> datetime:
    if reported is None:
        return now
    if reported > now + CLOCK_SKEW:
        raise NotTakenError("last_reported lies in the future")
    return min(reported, now)


def text_of(name: str | list[Translation] | None) -> str | None:
    """A name in the language of our riders, or else in the first there is."""
    if name is None or isinstance(name, str):
        return name
    return next((n.text for n in name if n.language.startswith(LANGUAGE)), name[0].text)


def _name(raw: Any, field: str) -> str | None:
    name = raw.get(field) if isinstance(raw, dict) else None
    return name[:100] if isinstance(name, str) else None


def reason_of(error: Exception) -> str:
    """Why an item was refused, its first three defects by field."""
    if not isinstance(error, ValidationError):
        return str(error)
    found = error.errors(include_url=False, include_input=False, include_context=False)[:3]
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc']) or 'item'}: {item['msg']}" for item in found
    )
