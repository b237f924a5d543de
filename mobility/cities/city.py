"""A city: everything the code needs to know of one, read from its folder.

A folder under ``mobility/cities/`` (or anywhere, by its path) holds ``city.toml`` and the tables
beside it; README.md in the folder of a city says what each holds. The code knows no city.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass as plain
from dataclasses import field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from gtfs.geo import LatLon
from mobility.cities.days import CalendarRule, DayType, Holiday, day_type, list_holidays
from mobility.cities.emissions import EmissionChoice, EmissionFactor, EmissionFactors
from mobility.cities.facts import (
    Attribution,
    Bounds,
    CarPark,
    Crossing,
    DayCeiling,
    Guarantee,
    Place,
    Rules,
    Water,
)
from mobility.cities.network_facts import NetworkRules
from mobility.cities.realtime_feed import RealtimeFeed
from mobility.cities.rows import DATA, CityDataError, Id, Lat, Lon, Text, read_rows, read_toml
from mobility.cities.unsold import OnDemand, Price, TaxiTariff
from mobility.cities.zones import list_zones
from providers.bus.fare_table import FareDataError, FareTable, PassIssuer, read_fares
from providers.stanza import ProviderStanza, StanzaError, read_stanzas
from providers.values import Mode, ProviderId
from providers.zones import Zones

T = TypeVar("T")

CITIES = Path(__file__).parent


class UnknownCityError(LookupError):
    """There is no folder of that name."""


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError("not a time zone of the IANA database") from error
    return name


@dataclass(frozen=True, slots=True, config=DATA)
class _Centre:
    lat: Lat
    lon: Lon


@dataclass(frozen=True, slots=True, config=DATA)
class _CityFile:
    """``city.toml``."""

    name: Id
    title: Text
    timezone: Annotated[str, AfterValidator(_known_zone)]
    languages: Annotated[tuple[str, ...], Field(min_length=1)]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    centre: _Centre
    bounds: Bounds
    rules: Rules
    attribution: Annotated[tuple[Attribution, ...], Field(min_length=1)]
    network: NetworkRules | None = None
    taxi: TaxiTariff | None = None
    on_demand: tuple[OnDemand, ...] = ()
    emissions: EmissionChoice | None = None
    realtime: tuple[RealtimeFeed, ...] = ()
    day_ceiling: tuple[DayCeiling, ...] = ()


@dataclass(frozen=True, slots=True, config=DATA)
class _GuaranteeFile:
    guarantee: tuple[Guarantee, ...] = ()


@plain(frozen=True, slots=True)
class City:
    """One city's data, read and checked."""

    folder: Path
    name: str
    title: str
    timezone: ZoneInfo
    languages: tuple[str, ...]
    currency: str
    centre: LatLon
    bounds: Bounds
    attributions: tuple[Attribution, ...]
    rules: Rules
    network: NetworkRules | None
    """How the timetable facts become a feed; None for a city that brings its own feed."""
    taxi: TaxiTariff | None
    on_demand: tuple[OnDemand, ...]
    places: tuple[Place, ...]
    car_parks: tuple[CarPark, ...]
    calendar: tuple[CalendarRule, ...]
    water: tuple[Water, ...]
    crossings: tuple[Crossing, ...]
    guarantees: tuple[Guarantee, ...]
    emissions: EmissionFactors
    prices: tuple[Price, ...]
    providers: tuple[ProviderStanza, ...]
    fare_tables: dict[str, FareTable]
    """The fares of every file that a provider's stanza names."""
    realtime: tuple[RealtimeFeed, ...] = ()
    """Where live times come from; with none the planned timetable serves."""
    day_ceilings: tuple[DayCeiling, ...] = ()
    """What a rider's day costs at most over several modes; of those in force the first holds."""
    zones: Mapping[ProviderId, Zones] = field(default_factory=dict)
    """The geofencing zones of operators that the city states."""

    def day_type(self, on: date) -> DayType:
        """Which timetable runs on that day."""
        return day_type(self.calendar, on)

    def list_holidays(self, first: date, last: date) -> tuple[Holiday, ...]:
        """Holidays, special days and school holidays between two days, both included."""
        return list_holidays(self.calendar, first, last)

    def public_holidays(self, first: date, last: date) -> frozenset[date]:
        """The days on which the law says holiday, for fares and opening hours."""
        return frozenset(
            holiday.first + timedelta(days=offset)
            for holiday in self.list_holidays(first, last)
            if holiday.kind == "public_holiday"
            for offset in range((holiday.last - holiday.first).days + 1)
        )

    def list_on_demand(self, at: datetime) -> tuple[OnDemand, ...]:
        """The services on demand that run at that time and are not known to have ended."""
        local = at.astimezone(self.timezone)
        around = timedelta(days=2)
        holidays = self.public_holidays(local.date() - around, local.date() + around)
        return tuple(
            service
            for service in self.on_demand
            if service.status != "ended" and service.runs_at(local, holidays)
        )

    def get_provider(self, provider_id: str) -> ProviderStanza:
        """The stanza of a provider.

        Raises:
            KeyError: the city has no such provider.
        """
        for stanza in self.providers:
            if stanza.id == provider_id:
                return stanza
        raise KeyError(f"{self.title} has no provider {provider_id!r}")

    def find_provider_of_agency(self, agency_id: str) -> ProviderStanza | None:
        """Who sells the tickets of an agency of the feed; None if nobody here does."""
        return next((s for s in self.providers if agency_id in s.agency_ids), None)

    def list_pass_issuers(self) -> tuple[PassIssuer, ...]:
        """Who can be asked about passes here."""
        return tuple(issuer for table in self.fare_tables.values() for issuer in table.issuer)

    def find_pass_issuer(self, kind: str) -> PassIssuer | None:
        """Who can be asked about a kind of pass; None where staff has to see it."""
        named = {
            known.issuer
            for table in self.fare_tables.values()
            for known in table.pass_
            if known.id == kind
        }
        return next((one for one in self.list_pass_issuers() if one.id in named), None)

    def get_fares(self, provider_id: str) -> FareTable:
        """The fare table by which a provider's tickets are priced.

        Raises:
            KeyError: no such provider, or it has no fares.
        """
        name = self.get_provider(provider_id).fares
        if name is None:
            raise KeyError(f"{provider_id} sells by pricing plans, not by a fare table")
        return self.fare_tables[name]


def list_cities() -> tuple[str, ...]:
    """The names of the cities that come with the code, in alphabetical order."""
    return tuple(sorted(path.parent.name for path in CITIES.glob("[a-z]*/city.toml")))


def load_city(name_or_path: str | Path) -> City:
    """Read a city by its name, or by the path of its folder.

    Raises:
        UnknownCityError: there is no such city.
        CityDataError: a file of it cannot be used; names the file, the row and the field.
    """
    folder = _find_folder(name_or_path)
    main = read_toml(folder / "city.toml", _CityFile)
    providers = _providers(folder)
    city = City(
        folder=folder,
        name=main.name,
        title=main.title,
        timezone=ZoneInfo(main.timezone),
        languages=main.languages,
        currency=main.currency,
        centre=LatLon(main.centre.lat, main.centre.lon),
        bounds=main.bounds,
        attributions=main.attribution,
        rules=main.rules,
        network=main.network,
        taxi=main.taxi,
        on_demand=main.on_demand,
        places=_optional(folder / "places.csv", Place),
        car_parks=_optional(folder / "carparks.csv", CarPark),
        calendar=_optional(folder / "calendar.csv", CalendarRule),
        water=_optional(folder / "water.csv", Water),
        crossings=_optional(folder / "crossings.csv", Crossing),
        guarantees=_guarantees(folder),
        emissions=_emissions(folder, main.emissions),
        prices=_optional(folder / "prices.csv", Price),
        providers=providers,
        fare_tables=_fare_tables(folder, providers),
        realtime=main.realtime,
        day_ceilings=main.day_ceiling,
        zones=list_zones(folder, providers, main.bounds),
    )
    _check_positions(city)
    return city


def _find_folder(name_or_path: str | Path) -> Path:
    if isinstance(name_or_path, str) and name_or_path in list_cities():
        return CITIES / name_or_path
    folder = Path(name_or_path)
    if (folder / "city.toml").is_file():
        return folder.resolve()
    raise UnknownCityError(
        f"no city {str(name_or_path)!r}: there are {', '.join(list_cities())}; "
        "or give the path of a folder that holds a city.toml"
    )


def _optional(path: Path, kind: type[T]) -> tuple[T, ...]:
    return read_rows(path, kind) if path.exists() else ()


def _guarantees(folder: Path) -> tuple[Guarantee, ...]:
    path = folder / "guarantees.toml"
    return read_toml(path, _GuaranteeFile).guarantee if path.exists() else ()


def _emissions(folder: Path, choice: EmissionChoice | None) -> EmissionFactors:
    if choice is None:
        return EmissionFactors(year=0)
    path = folder / "emissions.csv"
    known = {
        factor.vehicle: factor.grams_per_km
        for factor in read_rows(path, EmissionFactor)
        if factor.year == choice.year
    }

    def factor_of(vehicle: str) -> int:
        if vehicle not in known:
            raise CityDataError(path, "", f"no row for {vehicle} of {choice.year}")
        return known[vehicle]

    names = {mode: getattr(choice, mode.value) for mode in Mode}
    return EmissionFactors(
        year=choice.year,
        by_mode={mode: factor_of(name) for mode, name in names.items() if name},
        electric_car=factor_of(choice.electric_car) if choice.electric_car else None,
    )


def _providers(folder: Path) -> tuple[ProviderStanza, ...]:
    path = folder / "providers.toml"
    try:
        return read_stanzas(path)
    except StanzaError as error:
        raise CityDataError(path, "", str(error)) from error


def _fare_tables(folder: Path, providers: Sequence[ProviderStanza]) -> dict[str, FareTable]:
    tables = {}
    for name in sorted({stanza.fares for stanza in providers if stanza.fares}):
        path = folder / name
        if path.parent != folder:
            raise CityDataError(folder / "providers.toml", "fares", f"{name} is not in the folder")
        try:
            tables[name] = read_fares(path)
        except FareDataError as error:
            raise CityDataError(path, "", str(error)) from error
    return tables


def _check_positions(city: City) -> None:
    tables: dict[str, Sequence[Place | CarPark | Crossing]] = {
        "places.csv": city.places,
        "carparks.csv": city.car_parks,
        "crossings.csv": city.crossings,
    }
    for file, rows in tables.items():
        for number, row in enumerate(rows, start=2):
            if row.position not in city.bounds:
                raise CityDataError(
                    city.folder / file,
                    f"row {number}, field lat/lon",
                    f"{row.name} lies outside the city's bounds",
                )
