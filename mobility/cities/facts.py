"""What a city's files say, each row with where it comes from and how far it is to be trusted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, HttpUrl
from pydantic.dataclasses import dataclass

from gtfs.geo import LatLon
from mobility.cities.rows import DATA, BarSeparated, Id, Lat, Lon, Text
from providers.values import Mode

Amount = Annotated[Decimal, Field(ge=0, max_digits=9, decimal_places=2)]
_WKT = re.compile(r"(LINESTRING|POLYGON) \(+([^()]*)\)+")


class Confidence(StrEnum):
    """How far a fact is to be trusted."""

    HIGH = "high"
    """Read in a source with that precision."""
    MEDIUM = "medium"
    """Derived, or one older source."""
    LOW = "low"
    """Estimated, conflicting or unverified."""


class Access(StrEnum):
    """Whether a mode may use a crossing."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, config=DATA)
class Place:
    """A place that people go to."""

    name: Text
    kind: Id
    lat: Lat
    lon: Lon
    source: Text
    confidence: Confidence
    aliases: Annotated[tuple[str, ...], BarSeparated] = ()
    note: str = ""

    @property
    def position(self) -> LatLon:
        """Where it is."""
        return LatLon(self.lat, self.lon)


@dataclass(frozen=True, slots=True, config=DATA)
class CarPark:
    """A car park. ``spaces`` is None where the number is not known."""

    name: Text
    kind: Literal["lot", "garage"]
    lat: Lat
    lon: Lon
    counted_live: bool
    source: Text
    confidence: Confidence
    spaces: Annotated[int, Field(ge=0)] | None = None
    note: str = ""

    @property
    def position(self) -> LatLon:
        """Where it is."""
        return LatLon(self.lat, self.lon)


@dataclass(frozen=True, slots=True, config=DATA)
class Crossing:
    """A bridge, tunnel, lock or ferry, and who may use it when.

    ``walk``, ``bike`` and ``car`` say how it is in normal operation. From ``closed_from`` to
    ``closed_until``, both included, ``closed_modes`` may not use it. The end is an announcement:
    after it, the crossing is unknown until someone writes down that it has reopened.
    """

    name: Text
    kind: Literal["bridge", "tunnel", "lock", "ferry"]
    water: Text
    lat: Lat
    lon: Lon
    walk: Access
    bike: Access
    car: Access
    source: Text
    confidence: Confidence
    closed_modes: Annotated[tuple[Mode, ...], BarSeparated] = ()
    closed_from: date | None = None
    closed_until: date | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if bool(self.closed_modes) != (self.closed_from is not None):
            raise ValueError("closed_modes and closed_from go together")
        if self.closed_until and (self.closed_from is None or self.closed_until < self.closed_from):
            raise ValueError("closed_until lies before closed_from")

    @property
    def position(self) -> LatLon:
        """Its middle."""
        return LatLon(self.lat, self.lon)

    def access(self, mode: Mode, on: date) -> Access:
        """Whether ``mode`` may cross on that day; a scooter goes where a bike goes."""
        asked = Mode.BIKE if mode is Mode.SCOOTER else mode
        if asked in self.closed_modes and self.closed_from and on >= self.closed_from:
            over = self.closed_until is not None and on > self.closed_until
            return Access.UNKNOWN if over else Access.CLOSED
        usual = {Mode.WALK: self.walk, Mode.BIKE: self.bike, Mode.CAR: self.car}
        return usual.get(asked, Access.CLOSED)


def _well_known_text(value: object) -> object:
    """The points of ``LINESTRING (lon lat, …)`` or a ``POLYGON`` of one ring."""
    if not isinstance(value, str):
        return value
    found = _WKT.fullmatch(value.strip())
    if not found:
        raise ValueError("not a LINESTRING or a POLYGON of one ring")
    points = []
    for pair in found[2].split(","):
        lon, lat = (float(number) for number in pair.split())
        points.append(LatLon(lat, lon))
    if len(points) < 2:
        raise ValueError("a line needs two points")
    if found[1] == "POLYGON" and points[0] != points[-1]:
        raise ValueError("the ring is not closed")
    return tuple(points)


@dataclass(frozen=True, slots=True, config=DATA)
class Water:
    """A reach of water as a line down its middle; the shore of a lake is a closed line."""

    name: Text
    reach: str
    shape: Annotated[tuple[LatLon, ...], BeforeValidator(_well_known_text)]
    source: Text
    confidence: Confidence
    note: str = ""


@dataclass(frozen=True, slots=True, config=DATA)
class Guarantee:
    """What an operator promises its passengers when it fails them."""

    id: Id
    kind: Literal["late_arrival", "missed_connection", "soiled_clothes", "long_wait"]
    title: Text
    agency_ids: tuple[Id, ...]
    valid_from: date
    threshold_minutes: Annotated[int, Field(ge=0)]
    benefit: Literal["single_ticket", "taxi", "amount"]
    terms: tuple[Text, ...]
    source: Text
    confidence: Confidence
    amount: Amount | None = None
    hours_from: time | None = None
    hours_to: time | None = None
    claim_working_days: int | None = None
    valid_until: date | None = None
    unknown: tuple[Text, ...] = ()

    def holds_on(self, on: date) -> bool:
        """Whether the promise is in force on that day."""
        return self.valid_from <= on and (self.valid_until is None or on <= self.valid_until)


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError("not a time zone of the IANA database") from error
    return name


@dataclass(frozen=True, slots=True, config=DATA)
class DayCeiling:
    """What a rider's day costs at most, all that is sold; who runs the service bears the rest."""

    id: Id
    title: Text
    amount: Annotated[Amount, Field(gt=0)]
    day_zone: Annotated[str, AfterValidator(_known_zone)]
    valid_from: date
    synthetic: bool
    """Whether nobody has published it: it was made up to show it."""
    source: Text
    confidence: Confidence
    valid_until: date | None = None

    def find_day(self, at: datetime) -> date | None:
        """The day that a leg begun at a moment counts to; None where it is not in force then."""
        day = at.astimezone(ZoneInfo(self.day_zone)).date()
        holds = self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)
        return day if holds else None


@dataclass(frozen=True, slots=True, config=DATA)
class Attribution:
    """Whom the data comes from, to be shown wherever it is shown."""

    text: Text
    licence: Text
    url: HttpUrl
    covers: Text


@dataclass(frozen=True, slots=True, config=DATA)
class Bounds:
    """The box that holds all of the city, in degrees."""

    west: Lon
    south: Lat
    east: Lon
    north: Lat

    @property
    def box(self) -> tuple[float, float, float, float]:
        """West, south, east, north."""
        return self.west, self.south, self.east, self.north

    def __contains__(self, point: LatLon) -> bool:
        return self.south <= point.lat <= self.north and self.west <= point.lon <= self.east


Speed = Annotated[float, Field(gt=0, le=200)]
Detour = Annotated[float, Field(ge=1, le=5)]


@dataclass(frozen=True, slots=True, config=DATA)
class Rules:
    """How estimated ways are timed: kilometres an hour, and way over straight line."""

    walk_kmh: Speed
    bike_kmh: Speed
    scooter_kmh: Speed
    car_kmh: Speed
    walk_detour: Detour
    bike_detour: Detour
    car_detour: Detour
    walk_max_m: Annotated[int, Field(ge=0)]
    source: Text
    confidence: Confidence
    ferry_wait_seconds: Annotated[int, Field(ge=0)] = 0
    ferry_crossing_seconds: Annotated[int, Field(ge=0)] = 0
    rental_book_ahead_minutes: Annotated[int, Field(ge=5, le=1440)] = 60
    """How long before its ride a rented vehicle may be booked at the earliest."""

    hold_extension_minutes: Annotated[int, Field(ge=1, le=10)] = 10
    """For how much longer a rider may once have a booking held.

    A ride that begins later than half an hour after its departure might be of a dearer day than the
    one it was priced for, where a tariff caps the day.
    """
    longest_ride_hours: Mapping[Mode, Annotated[int, Field(ge=1, le=720)]] = field(
        default_factory=lambda: {Mode.BIKE: 24, Mode.SCOOTER: 4, Mode.CAR: 72}
    )
    """How long a rented vehicle may be ridden before the ride is ended for its rider."""
    rebooking_costs_most: Annotated[Decimal, Field(ge=0, max_digits=6, decimal_places=2)] = Decimal(
        10
    )
    """What we bear at most, in major units, of a trip in place of one that cannot be made."""

    def longest_ride(self) -> dict[Mode, timedelta]:
        """How long a vehicle of each mode may be ridden."""
        return {mode: timedelta(hours=most) for mode, most in self.longest_ride_hours.items()}

    def speeds_kmh(self) -> dict[Mode, float]:
        """The speed of every mode that uses streets."""
        return {
            Mode.WALK: self.walk_kmh,
            Mode.BIKE: self.bike_kmh,
            Mode.SCOOTER: self.scooter_kmh,
            Mode.CAR: self.car_kmh,
        }

    def detours(self) -> dict[Mode, float]:
        """The detour factor of every mode that uses streets."""
        return {
            Mode.WALK: self.walk_detour,
            Mode.BIKE: self.bike_detour,
            Mode.SCOOTER: self.bike_detour,
            Mode.CAR: self.car_detour,
        }
