"""What is known of a network that has no feed: lines, stops, distances, weekday departures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass as plain
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, HttpUrl
from pydantic.dataclasses import dataclass

from gtfs.geo import LatLon
from mobility.cities.days import DayType
from mobility.cities.facts import Confidence, Speed
from mobility.cities.rows import (
    DATA,
    CityDataError,
    Id,
    Lat,
    Lon,
    SpaceSeparated,
    Text,
    read_rows,
)

Direction = Literal["0", "1"]
Clock = Annotated[str, Field(pattern=r"^\d\d:[0-5]\d(:[0-5]\d)?$")]


@dataclass(frozen=True, slots=True, config=DATA)
class Agency:
    """An operator as GTFS names it."""

    id: Id
    name: Text
    url: HttpUrl


@dataclass(frozen=True, slots=True, config=DATA)
class SpeedClass:
    """The speed on the part of a gap between two stops that lies before ``up_to_m``."""

    up_to_m: Annotated[int, Field(gt=0)]
    kmh: Speed


@dataclass(frozen=True, slots=True, config=DATA)
class Band:
    """From this time of departure on, every n-th trip is kept; 0 keeps none."""

    from_: Annotated[Clock, Field(alias="from")]
    every: Annotated[int, Field(ge=0, le=60)]


@dataclass(frozen=True, slots=True, config=DATA)
class DerivedDay:
    """How the trips of another day follow from those of a weekday; ``note`` tells riders so."""

    day: DayType
    bands: Annotated[tuple[Band, ...], Field(min_length=1)]
    note: Text
    without_lines: tuple[Id, ...] = ()


@dataclass(frozen=True, slots=True, config=DATA)
class NetworkRules:
    """The table ``[network]`` of ``city.toml``."""

    publisher: Text
    publisher_url: HttpUrl
    language: Annotated[str, Field(pattern="^[a-z]{2,3}$")]
    agency: Annotated[tuple[Agency, ...], Field(min_length=1)]
    speeds: Annotated[tuple[SpeedClass, ...], Field(min_length=1)]
    dwell_seconds: Annotated[int, Field(ge=0, le=600)]
    station_radius_m: Annotated[int, Field(ge=0, le=2000)]
    transfer_walk_kmh: Speed
    transfer_extra_seconds: Annotated[int, Field(ge=0, le=600)]
    derived_day: tuple[DerivedDay, ...] = ()
    published_note: str = ""
    """What riders are told of a trip whose departure is published."""
    synthetic_note: str = ""
    """What riders are told of a trip that nobody has published."""


@dataclass(frozen=True, slots=True, config=DATA)
class Line:
    """A row of ``lines.csv``; ``colour`` is six hexadecimal digits."""

    line_id: Id
    agency_id: Id
    mode: Literal["bus", "ferry"]
    short_name: Text
    colour: Annotated[str, Field(pattern="^[0-9A-F]{6}$")]
    source: Text
    confidence: Confidence
    long_name: str = ""


@dataclass(frozen=True, slots=True, config=DATA)
class StopFact:
    """A row of ``stops.csv``: one position where a vehicle stops."""

    stop_id: Id
    name: Text
    lat: Lat
    lon: Lon
    source: Text
    confidence: Confidence
    height_m: float | None = None
    zone: str = ""

    @property
    def position(self) -> LatLon:
        """Where it is."""
        return LatLon(self.lat, self.lon)


@dataclass(frozen=True, slots=True, config=DATA)
class DirectionFact:
    """A row of ``directions.csv``."""

    line_id: Id
    direction: Direction
    headsign: Text
    source: Text
    confidence: Confidence


@dataclass(frozen=True, slots=True, config=DATA)
class RouteStop:
    """A row of ``route_stops.csv``; ``along_m`` counts from the first stop of the direction."""

    line_id: Id
    direction: Direction
    position: Annotated[int, Field(ge=0)]
    stop_id: Id
    along_m: Annotated[int, Field(ge=0)]
    source: Text
    confidence: Confidence


@dataclass(frozen=True, slots=True, config=DATA)
class DepartureFact:
    """A row of ``departures.csv``: when one run of a direction begins, at its own first stop.

    ``departures`` holds clock times (24:10 is ten past midnight of the same service day) and
    spans ``05:00..09:00/10``: every ten minutes from five to nine, both included.
    """

    line_id: Id
    direction: Direction
    days: Literal["weekday", "daily"]
    first_position: Annotated[int, Field(ge=0)]
    last_position: Annotated[int, Field(ge=0)]
    departures: Annotated[tuple[str, ...], SpaceSeparated, Field(min_length=1)]
    kind: Literal["published", "synthetic"]
    source: Text
    confidence: Confidence
    note: str = ""

    def __post_init__(self) -> None:
        if self.last_position <= self.first_position:
            raise ValueError("last_position must come after first_position")
        for _ in self.seconds():
            pass

    def seconds(self) -> Iterator[int]:
        """The departures in seconds of the service day."""
        for item in self.departures:
            span, _, every = item.partition("/")
            first, _, last = span.partition("..")
            start = clock_seconds(first)
            if bool(last) != bool(every):
                raise ValueError(f"{item!r} is neither a time nor a span such as 05:00..09:00/10")
            if not last:
                yield start
                continue
            if not every.isdigit() or not 1 <= int(every) <= 1440:
                raise ValueError(f"{item!r} needs whole minutes after the stroke")
            yield from range(start, clock_seconds(last) + 1, int(every) * 60)


@dataclass(frozen=True, slots=True, config=DATA)
class Section:
    """A row of ``sections.csv``: a running time that no distance gives."""

    from_stop_id: Id
    to_stop_id: Id
    seconds: Annotated[int, Field(gt=0)]
    source: Text
    confidence: Confidence
    note: str = ""


@plain(frozen=True, slots=True)
class NetworkFacts:
    """The facts of a network, checked against each other."""

    lines: tuple[Line, ...]
    stops: Mapping[str, StopFact]
    headsigns: Mapping[tuple[str, str], str]
    routes: Mapping[tuple[str, str], tuple[RouteStop, ...]]
    departures: tuple[DepartureFact, ...]
    sections: Mapping[tuple[str, str], int]


def clock_seconds(text: str) -> int:
    """Seconds of the service day of ``HH:MM`` or ``HH:MM:SS``, up to 47:59:59.

    Raises:
        ValueError: anything else.
    """
    parts = text.split(":")
    digits = all(len(part) == 2 and part.isascii() and part.isdigit() for part in parts)
    if not digits or len(parts) not in {2, 3}:
        raise ValueError(f"{text!r} is not a time such as 07:30")
    hours, minutes, seconds = (int(part) for part in [*parts, "00"][:3])
    if hours > 47 or minutes > 59 or seconds > 59:
        raise ValueError(f"{text!r} is not a time of a service day")
    return hours * 3600 + minutes * 60 + seconds


def read_network(folder: Path, rules: NetworkRules) -> NetworkFacts:
    """Read the tables of ``folder`` and check that they fit together.

    Raises:
        CityDataError: a table cannot be read, or names what another does not know.
    """
    lines = read_rows(folder / "lines.csv", Line)
    agencies = {agency.id for agency in rules.agency}
    for number, line in enumerate(lines, start=2):
        if line.agency_id not in agencies:
            raise CityDataError(
                folder / "lines.csv",
                f"row {number}, field agency_id",
                f"city.toml has no agency {line.agency_id}",
            )
    stops = {stop.stop_id: stop for stop in read_rows(folder / "stops.csv", StopFact)}
    routes = _routes(folder / "route_stops.csv", {line.line_id for line in lines}, stops)
    headsigns: dict[tuple[str, str], str] = {
        (fact.line_id, fact.direction): fact.headsign
        for fact in read_rows(folder / "directions.csv", DirectionFact)
    }
    if missing := sorted(set(routes) - set(headsigns)):
        raise CityDataError(folder / "directions.csv", "", f"no row for {missing[0]}")
    departures = read_rows(folder / "departures.csv", DepartureFact)
    for number, fact in enumerate(departures, start=2):
        route = routes.get((fact.line_id, fact.direction), ())
        if fact.last_position >= len(route):
            raise CityDataError(
                folder / "departures.csv",
                f"row {number}, field last_position",
                f"line {fact.line_id} direction {fact.direction} has {len(route)} stops",
            )
    path = folder / "sections.csv"
    sections = read_rows(path, Section) if path.exists() else ()
    return NetworkFacts(
        lines=lines,
        stops=stops,
        headsigns=headsigns,
        routes=routes,
        departures=departures,
        sections={(s.from_stop_id, s.to_stop_id): s.seconds for s in sections},
    )


def _routes(
    path: Path, lines: set[str], stops: Mapping[str, StopFact]
) -> dict[tuple[str, str], tuple[RouteStop, ...]]:
    routes: dict[tuple[str, str], list[RouteStop]] = {}
    for number, row in enumerate(read_rows(path, RouteStop), start=2):
        route = routes.setdefault((row.line_id, row.direction), [])
        problem = None
        if row.line_id not in lines:
            problem = f"field line_id: lines.csv has no line {row.line_id}"
        elif row.stop_id not in stops:
            problem = f"field stop_id: stops.csv has no stop {row.stop_id}"
        elif row.position != len(route):
            problem = f"field position: {len(route)} is expected here"
        elif route and row.stop_id == route[-1].stop_id:
            problem = f"field stop_id: {row.stop_id} stands there twice in a row"
        elif route and row.along_m < route[-1].along_m:
            problem = "field along_m: goes backwards"
        if problem:
            raise CityDataError(path, f"row {number}", problem)
        route.append(row)
    return {key: tuple(route) for key, route in routes.items()}


def services_of(today: date) -> tuple[date, date]:
    """The first and last day for which a feed written ``today`` is valid."""
    return date.fromordinal(today.toordinal() - 7), date.fromordinal(today.toordinal() + 400)


def gaps(route: tuple[RouteStop, ...]) -> Iterator[tuple[RouteStop, RouteStop]]:
    """Each stop with the next one."""
    return pairwise(route)
