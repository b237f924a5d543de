"""The compiled timetable: frozen tables of arrays, and views of their rows. No numba."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from gtfs.artefact import ArtefactError, load_arrays, save_arrays
from gtfs.fares import Fares, as_plain, fares_of
from gtfs.feed import Agency
from gtfs.geo import LatLon
from gtfs.ids import RouteIdx, StopIdx, TripIdx
from gtfs.tables import (
    TABLES,
    AgencyTable,
    Bool,
    EventTable,
    FootpathTable,
    InSeatTable,
    PathTable,
    PatternTable,
    RouteTable,
    ServiceTable,
    StationTable,
    StopTable,
    TransferRuleTable,
    TripTable,
    columns_of,
    table_of,
)

_FARES = "fares"


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop; `wheelchair` 0 unknown, 1 yes, 2 no; `platform` as it is signed, '' where unknown."""

    idx: StopIdx
    id: str
    name: str
    position: LatLon
    station_id: str | None
    wheelchair: int
    zone_id: str
    code: str = ""
    platform: str = ""


@dataclass(frozen=True, slots=True)
class Station:
    """A group of stops under one name."""

    id: str
    name: str
    position: LatLon


@dataclass(frozen=True, slots=True)
class Route:
    """A line; `type` as in routes.txt."""

    id: str
    agency_id: str
    short_name: str
    long_name: str
    color: str
    text_color: str
    type: int


@dataclass(frozen=True, slots=True)
class Trip:
    """A trip; `direction` -1, `wheelchair` and `bikes` 0 where unknown (1 yes, 2 no).

    `note` is trip_short_name.
    """

    id: str
    route: RouteIdx
    headsign: str
    direction: int
    wheelchair: int
    note: str
    bikes: int = 0


@dataclass(frozen=True, eq=False)
class Timetable:
    """Everything a search needs, read-only; equal content has an equal `content_hash`."""

    tz_name: str
    first_day: date
    last_day: date
    agencies: AgencyTable
    stations: StationTable
    stop_table: StopTable
    routes: RouteTable
    services: ServiceTable
    patterns: PatternTable
    trips: TripTable
    events: EventTable
    footpaths: FootpathTable
    paths: PathTable
    transfer_rules: TransferRuleTable
    in_seat: InSeatTable
    fares: Fares = field(default_factory=Fares)
    stored_hash: str = ""

    @cached_property
    def tz(self) -> ZoneInfo:
        """The zone of all times."""
        return ZoneInfo(self.tz_name)

    @cached_property
    def stops(self) -> tuple[Stop, ...]:
        """All stops by index."""
        table, stations = self.stop_table, self.stations
        return tuple(
            Stop(
                StopIdx(i),
                table.id[i],
                table.name[i],
                LatLon(lat, lon),
                stations.id[station] if station >= 0 else None,
                wheelchair,
                table.zone[i],
                table.code[i],
                table.platform[i],
            )
            for i, (lat, lon, station, wheelchair) in enumerate(
                zip(
                    table.lat.tolist(),
                    table.lon.tolist(),
                    table.station.tolist(),
                    table.wheelchair.tolist(),
                    strict=True,
                )
            )
        )

    @cached_property
    def stop_index(self) -> Mapping[str, StopIdx]:
        """Index of a stop by its id of stops.txt; stations are not in it."""
        return {stop.id: stop.idx for stop in self.stops}

    @cached_property
    def station_index(self) -> Mapping[str, Station]:
        """Stations by id."""
        table = self.stations
        return {
            table.id[i]: Station(
                table.id[i], table.name[i], LatLon(float(table.lat[i]), float(table.lon[i]))
            )
            for i in range(len(table.id))
        }

    @cached_property
    def _children(self) -> Mapping[str, tuple[StopIdx, ...]]:
        grouped: dict[str, tuple[StopIdx, ...]] = dict.fromkeys(self.station_index, ())
        for stop in self.stops:
            if stop.station_id is not None:
                grouped[stop.station_id] += (stop.idx,)
        return grouped

    def children_of(self, station_id: str) -> tuple[StopIdx, ...]:
        """The stops of a station; of a stop's own id, that stop. Raises KeyError."""
        if station_id in self._children:
            return self._children[station_id]
        return (self.stop_index[station_id],)

    def stop(self, idx: StopIdx) -> Stop:
        """The stop at an index."""
        return self.stops[idx]

    def route(self, idx: RouteIdx) -> Route:
        """The line at an index."""
        table = self.routes
        return Route(
            table.id[idx],
            self.agencies.id[int(table.agency[idx])],
            table.short_name[idx],
            table.long_name[idx],
            table.color[idx],
            table.text_color[idx],
            int(table.type[idx]),
        )

    def trip(self, idx: TripIdx) -> Trip:
        """The trip at an index."""
        table = self.trips
        return Trip(
            table.id[idx],
            RouteIdx(int(table.route[idx])),
            table.headsign[idx],
            int(table.direction[idx]),
            int(table.wheelchair[idx]),
            table.note[idx],
            int(table.bikes[idx]),
        )

    def agency(self, agency_id: str) -> Agency:
        """The operator of that id. Raises KeyError."""
        for i, known in enumerate(self.agencies.id):
            if known == agency_id:
                return Agency(known, self.agencies.name[i], self.agencies.url[i])
        raise KeyError(agency_id)

    def active_services(self, day: date) -> Bool:
        """Which services run on a day: one truth value per service."""
        column = (day - self.first_day).days
        if not 0 <= column < self.services.active.shape[1]:
            return np.zeros(len(self.services.id), np.bool_)
        return self.services.active[:, column]

    @cached_property
    def active_days(self) -> tuple[date, ...]:
        """The days on which anything runs."""
        columns = np.flatnonzero(self.services.active.any(axis=0)).tolist()
        return tuple(self.first_day + timedelta(days=column) for column in columns)

    @cached_property
    def content_hash(self) -> str:
        """Sha256 of the content, the same for a timetable in memory and its artefact."""
        if self.stored_hash:
            return self.stored_hash
        content = hashlib.sha256()
        for name, array in self._arrays().items():
            content.update(name.encode() + array.tobytes())
        content.update(repr(sorted(self._facts().items())).encode())
        return content.hexdigest()

    def save(self, path: Path) -> None:
        """Write the artefact by atomic rename, so that readers see the old one or the new one."""
        save_arrays(path, self._arrays(), self._facts() | {"content_hash": self.content_hash})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Map an artefact.

        Raises:
            ArtefactError: it is absent, damaged or of another version; build it again.
        """
        arrays, facts, _ = load_arrays(path)
        try:
            return cls(
                tz_name=facts["tz"],
                first_day=date.fromisoformat(facts["first_day"]),
                last_day=date.fromisoformat(facts["last_day"]),
                fares=fares_of(json.loads(arrays[_FARES].tobytes())),
                stored_hash=facts["content_hash"],
                **{name: table_of(name, arrays) for name in TABLES},
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ArtefactError(f"{path} lacks {error}; build it again") from error

    def _facts(self) -> dict[str, str]:
        return {
            "tz": self.tz_name,
            "first_day": self.first_day.isoformat(),
            "last_day": self.last_day.isoformat(),
        }

    def _arrays(self) -> dict[str, NDArray[Any]]:
        arrays = {
            key: column
            for name in TABLES
            for key, column in columns_of(name, getattr(self, name)).items()
        }
        plain = json.dumps(as_plain(self.fares), separators=(",", ":")).encode()
        return arrays | {_FARES: np.frombuffer(plain, np.uint8)}
