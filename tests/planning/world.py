"""A city to plan in: its real timetable and fleets, at a fixed moment, without any process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast
from zoneinfo import ZoneInfo

import httpx

from gtfs.build import build
from gtfs.geo import LatLon
from gtfs.load import read_feed
from gtfs.timetable import Timetable
from mobility.cities.city import City, load_city
from mobility.cities.network import write_feed
from mobility.planning.search import Planner
from mobility.planning.ways.estimated import estimated_walk
from providers.mirror import Mirror
from providers.port import Provider
from providers.registry import open_provider
from providers.sandbox.fleet import read_fleet
from providers.values import ProviderId, Station, StationId, Vehicle, VehicleId, VehicleRef

BERLIN = ZoneInfo("Europe/Berlin")
TODAY = date(2026, 11, 25)
"""A Wednesday. Timetables of these tests are made on it."""
NOW = datetime(2026, 11, 25, 6, 55, tzinfo=UTC)
"""07:55 in Lübeck."""


def berlin(clock: str, day: date = TODAY) -> datetime:
    """The instant of a local time."""
    return datetime.fromisoformat(f"{day.isoformat()}T{clock}").replace(tzinfo=BERLIN)


def fleets_of(city: City, now: datetime) -> tuple[list[Vehicle], list[Station]]:
    """Every demo vehicle and station as it first stands there."""
    vehicles: list[Vehicle] = []
    stations: list[Station] = []
    for stanza in city.providers:
        if stanza.demo_fleet is None:
            continue
        provider_id = stanza.provider_id
        fleet = read_fleet(stanza, city.folder)
        vehicles += [
            Vehicle(
                provider_id=provider_id,
                ref=VehicleRef(v.ref),
                id=VehicleId(f"{provider_id}:{v.ref}-public"),
                type_id=v.type_id,
                position=LatLon(v.lat, v.lon),
                station_id=StationId(v.station_id) if v.station_id else None,
                reserved=False,
                disabled=False,
                range_m=v.range_m,
                as_of=now,
            )
            for v in fleet.vehicles
        ]
        for s in fleet.stations:
            here = sum(v.station_id == s.id for v in fleet.vehicles)
            stations.append(
                Station(
                    provider_id=provider_id,
                    id=StationId(s.id),
                    name=s.name,
                    position=LatLon(s.lat, s.lon),
                    capacity=s.capacity,
                    vehicles_available=here,
                    docks_available=s.capacity - here,
                    renting=True,
                    returning=True,
                    as_of=now,
                )
            )
    return vehicles, stations


def mirror_of(
    city: City, vehicles: Iterable[Vehicle], stations: Iterable[Station], now: datetime
) -> Mirror:
    """A mirror that has just heard all this; nothing follows."""
    mirror = Mirror(cast("Any", None), city.providers, city.zones)
    for provider_id, fleet in mirror._fleets.items():
        mirror._put_vehicles(fleet, [v for v in vehicles if v.provider_id == provider_id])
        mirror._put_stations(fleet, [s for s in stations if s.provider_id == provider_id])
        fleet.heard_at = {"vehicles": now, "stations": now}
    return mirror


def providers_of(city: City) -> Mapping[ProviderId, Provider]:
    """The adapters; a quote needs no operator, so nobody is reached."""
    return {
        stanza.provider_id: open_provider(
            stanza,
            base_url="http://nobody.test",
            token=None,
            http=httpx.AsyncClient(),
            fares=city.fare_tables.get(stanza.fares or ""),
        )
        for stanza in city.providers
    }


def planner_of(city: City, timetable: Timetable, now: datetime = NOW) -> Planner:
    vehicles, stations = fleets_of(city, now)
    return Planner(city, timetable, mirror_of(city, vehicles, stations, now), providers_of(city))


def timetable_of(city: City, folder: Path, today: date = TODAY) -> Timetable:
    """The city's own feed, read and compiled."""
    write_feed(city, folder / "feed.zip", today)
    feed, _ = read_feed(folder / "feed.zip")
    return build(feed, walk=estimated_walk(city, today))


@cache
def luebeck() -> City:
    return load_city("luebeck")


@cache
def luebeck_timetable() -> Timetable:
    with TemporaryDirectory() as folder:
        return timetable_of(luebeck(), Path(folder))


@cache
def luebeck_planner(now: datetime = NOW) -> Planner:
    """Lübeck with its fleets as they stand at first, told of at ``now``."""
    return planner_of(luebeck(), luebeck_timetable(), now)
