"""The places of a city as rows: its own list, its car parks, its stops; each once."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gtfs.geo import LatLon, distance_m
from gtfs.timetable import Timetable
from mobility.cities.city import City
from mobility.cities.facts import CarPark, Confidence

SAME_M = 300
"""Two places of one name so close together are shown once."""

_PARK_WORDS = {"garage": "Parkhaus", "lot": "Parkplatz"}
_OF_A_CITY, _OF_A_CAR_PARK = 0.5, 0.3
"""How much a place that nobody counts people at is worth beside the busiest stop."""


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """A named place, from wherever it is known.

    ``kind`` is ``stop``, ``platform``, ``car_park``, ``address``, ``street`` or a word of its
    source; an address ends in its house number. ``id`` is unique or empty, ``detail`` what tells it
    from others of its name (postcode, town). ``weight`` from 0 to 1 says how many people mean it;
    ``station_id`` is that of a platform.
    """

    name: str
    kind: str
    lat: float
    lon: float
    id: str = ""
    detail: str = ""
    aliases: tuple[str, ...] = ()
    weight: float = 0.0
    stop_id: str | None = None
    station_id: str | None = None

    @property
    def position(self) -> LatLon:
        """Where it is."""
        return LatLon(self.lat, self.lon)

    @property
    def key(self) -> str:
        """Its id, or one made of what it is: the same in every run."""
        return self.id or f"{self.kind}:{self.name}:{self.lat:.5f},{self.lon:.5f}"


def rows_of(city: City, timetable: Timetable) -> list[PlaceRow]:
    """All that a city and its timetable name.

    A car park that is not known to be open still (confidence low) is left out.
    """
    return [
        *(
            PlaceRow(p.name, p.kind, p.lat, p.lon, aliases=p.aliases, weight=_OF_A_CITY)
            for p in city.places
        ),
        *(_car_park(park) for park in city.car_parks if park.confidence is not Confidence.LOW),
        *_stops(timetable),
    ]


def _car_park(park: CarPark) -> PlaceRow:
    also = f"{_PARK_WORDS[park.kind]} {park.name}"
    return PlaceRow(
        park.name, "car_park", park.lat, park.lon, aliases=(also,), weight=_OF_A_CAR_PARK
    )


def _stops(timetable: Timetable) -> Iterable[PlaceRow]:
    """Stations, stops without one, and platforms under a name of their own."""
    departures = departures_of(timetable)
    at_station: dict[str, int] = defaultdict(int)
    for stop, count in zip(timetable.stops, departures, strict=True):
        at_station[stop.station_id or stop.id] += count
    busiest = max(1, *at_station.values()) if at_station else 1

    def weight(count: int) -> float:
        return math.log1p(count) / math.log1p(busiest)

    for station in timetable.station_index.values():
        at, here = station.position, weight(at_station[station.id])
        yield PlaceRow(
            station.name, "stop", at.lat, at.lon, station.id, weight=here, stop_id=station.id
        )
    for stop, count in zip(timetable.stops, departures, strict=True):
        at = stop.position
        row = PlaceRow(
            stop.name, "stop", at.lat, at.lon, stop.id, weight=weight(count), stop_id=stop.id
        )
        if stop.station_id is None:
            yield row
        elif stop.name != timetable.station_index[stop.station_id].name:
            yield replace(row, kind="platform", station_id=stop.station_id)


def departures_of(timetable: Timetable) -> list[int]:
    """How often one can board at each stop in all the days of the timetable."""
    patterns, trips = timetable.patterns, timetable.trips
    days = timetable.services.active.sum(axis=1)
    runs = np.bincount(
        trips.pattern, weights=days[trips.service], minlength=len(patterns.stop0) - 1
    )
    calls = np.repeat(runs, np.diff(patterns.stop0))
    boarded = np.where(patterns.boards, calls, 0)
    boarded[patterns.stop0[1:] - 1] = 0
    counts = np.bincount(patterns.stops, weights=boarded, minlength=len(timetable.stops))
    return [int(count) for count in counts]


@dataclass(frozen=True, slots=True)
class KnownPlace:
    """One place, by all the rows that mean it, the one to show first."""

    rows: tuple[PlaceRow, ...]

    @property
    def shown(self) -> PlaceRow:
        """The row that stands for it."""
        return self.rows[0]

    @property
    def names(self) -> tuple[str, ...]:
        """Its name, then what else it is called."""
        names = [self.shown.name]
        for row in self.rows:
            names += [row.name, *row.aliases]
        return tuple(dict.fromkeys(names))

    @property
    def weight(self) -> float:
        """The greatest of its rows'."""
        return max(row.weight for row in self.rows)


def merge(rows: Sequence[PlaceRow], key: Callable[[str], object]) -> list[KnownPlace]:
    """Rows of one name (by ``key``) within `SAME_M` of each other as one; a stop stands for it.

    The order is that of the rows. A platform of a station that is called the same goes into it.
    """
    first = sorted(
        range(len(rows)),
        key=lambda i: (_ORDER.get(rows[i].kind, 2), -rows[i].weight, rows[i].key, i),
    )
    groups: dict[object, list[list[int]]] = defaultdict(list)
    for i in first:
        of_name = groups[key(rows[i].name)]
        for group in of_name:
            if distance_m(rows[group[0]].position, rows[i].position) < SAME_M:
                group.append(i)
                break
        else:
            of_name.append([i])
    found = sorted((group for of_name in groups.values() for group in of_name), key=min)
    return [KnownPlace(tuple(rows[i] for i in group)) for group in found]


_ORDER = {"stop": 0, "platform": 1, "street": 4, "address": 5}
