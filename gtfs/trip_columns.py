"""Trips, shapes and services of a feed as columns, so that millions of rows fit and go fast.

Each still reads as what it is: a sequence of `FeedTrip`, a mapping of ids to points or to days.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any, Self, overload

import numpy as np
from numpy.typing import NDArray

from gtfs.feed import FeedTrip
from gtfs.geo import LatLon

I8 = NDArray[np.int8]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

NOT_AVAILABLE = 1
"""pickup_type or drop_off_type of a call where nobody gets on or off."""


@dataclass(frozen=True, slots=True, eq=False)
class TripColumns(Sequence[FeedTrip]):
    """One row a trip; the calls of trip i are [`call0[i]`, `call0[i + 1]`) of the call columns.

    `route`, `service`, `shape` (-1 where none) and `stop` number the ids beside them; `headsign`
    and `note` number `texts`. Times are service seconds; `pickup` and `drop_off` as in
    stop_times.txt.
    `sequence` is stop_sequence.
    """

    id: Sequence[str]
    route: I32
    service: I32
    shape: I32
    headsign: I32
    note: I32
    block: I32
    direction: I8
    wheelchair: I8
    bikes: I8
    call0: I64
    stop: I32
    arrival: I32
    departure: I32
    sequence: I32
    pickup: I8
    drop_off: I8
    route_ids: Sequence[str]
    service_ids: Sequence[str]
    shape_ids: Sequence[str]
    stop_ids: Sequence[str]
    texts: Sequence[str]

    @classmethod
    def of(cls, trips: Sequence[FeedTrip]) -> Self:
        """The columns of trips given one by one."""
        if isinstance(trips, cls):
            return trips
        routes, services, shapes, stops, texts = (_Numbered() for _ in range(5))

        def per_trip(values: Sequence[int]) -> I32:
            return np.array(values, np.int32)

        return cls(
            id=[trip.id for trip in trips],
            route=per_trip([routes[trip.route_id] for trip in trips]),
            service=per_trip([services[trip.service_id] for trip in trips]),
            shape=per_trip([shapes[trip.shape_id] if trip.shape_id else -1 for trip in trips]),
            headsign=per_trip([texts[trip.headsign] for trip in trips]),
            note=per_trip([texts[trip.note] for trip in trips]),
            block=per_trip([texts[trip.block_id] for trip in trips]),
            direction=np.array([trip.direction for trip in trips], np.int8),
            wheelchair=np.array([trip.wheelchair for trip in trips], np.int8),
            bikes=np.array([trip.bikes for trip in trips], np.int8),
            call0=np.cumsum(np.array([0, *(len(trip.stop_ids) for trip in trips)], np.int64)),
            stop=per_trip([stops[stop] for trip in trips for stop in trip.stop_ids]),
            arrival=per_trip([time for trip in trips for time in trip.arrivals]),
            departure=per_trip([time for trip in trips for time in trip.departures]),
            sequence=per_trip([n for trip in trips for n in _sequences(trip)]),
            pickup=np.array([t for trip in trips for t in _types(trip, "pickup")], np.int8),
            drop_off=np.array([t for trip in trips for t in _types(trip, "drop_off")], np.int8),
            route_ids=routes.values_,
            service_ids=services.values_,
            shape_ids=shapes.values_,
            stop_ids=stops.values_,
            texts=texts.values_,
        )

    def __len__(self) -> int:
        return len(self.id)

    @overload
    def __getitem__(self, index: int) -> FeedTrip: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[FeedTrip]: ...
    def __getitem__(self, index: int | slice) -> FeedTrip | Sequence[FeedTrip]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        i = index % len(self)
        calls = slice(int(self.call0[i]), int(self.call0[i + 1]))
        pickups, drop_offs = self.pickup[calls].tolist(), self.drop_off[calls].tolist()
        shape = int(self.shape[i])
        return FeedTrip(
            id=self.id[i],
            route_id=self.route_ids[self.route[i]],
            service_id=self.service_ids[self.service[i]],
            stop_ids=tuple(self.stop_ids[stop] for stop in self.stop[calls].tolist()),
            arrivals=tuple(self.arrival[calls].tolist()),
            departures=tuple(self.departure[calls].tolist()),
            boards=tuple(kind != NOT_AVAILABLE for kind in pickups),
            alights=tuple(kind != NOT_AVAILABLE for kind in drop_offs),
            headsign=self.texts[self.headsign[i]],
            direction=int(self.direction[i]),
            wheelchair=int(self.wheelchair[i]),
            note=self.texts[self.note[i]],
            shape_id=self.shape_ids[shape] if shape >= 0 else "",
            bikes=int(self.bikes[i]),
            sequences=tuple(self.sequence[calls].tolist()),
            block_id=self.texts[self.block[i]],
            pickup_types=tuple(pickups) if any(kind > 1 for kind in pickups) else (),
            drop_off_types=tuple(drop_offs) if any(kind > 1 for kind in drop_offs) else (),
        )

    def take(self, rows: NDArray[Any]) -> TripColumns:
        """The trips of those rows, in that order, with their calls."""
        calls, call0 = spans(self.call0, rows)
        of_call = ("stop", "arrival", "departure", "sequence", "pickup", "drop_off")
        of_trip = (
            "route", "service", "shape", "headsign", "note", "block", "direction", "wheelchair",
            "bikes",
        )  # fmt: skip
        columns: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        columns |= {name: columns[name][calls] for name in of_call}
        columns |= {name: columns[name][rows] for name in of_trip}
        columns["id"] = [self.id[row] for row in rows.tolist()]
        columns["call0"] = call0
        return TripColumns(**columns)


def spans(starts: I64, rows: NDArray[Any]) -> tuple[I64, I64]:
    """The members of the spans `rows` of `starts` one after another, and their new starts."""
    sizes = (starts[1:] - starts[:-1])[rows]
    new = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(sizes, out=new[1:])
    members = np.arange(new[-1], dtype=np.int64) + np.repeat(starts[:-1][rows] - new[:-1], sizes)
    return members, new


def ranges(first: I64, size: I64) -> tuple[I64, I64]:
    """The numbers of ranges one after another, and where each begins (and the last ends)."""
    start = np.zeros(len(first) + 1, np.int64)
    np.cumsum(size, out=start[1:])
    return np.arange(start[-1], dtype=np.int64) + np.repeat(first - start[:-1], size), start


class _Numbered(dict[str, int]):
    def __init__(self) -> None:
        super().__init__()
        self.values_: list[str] = []

    def __missing__(self, text: str) -> int:
        self[text] = len(self.values_)
        self.values_.append(text)
        return self[text]


def _sequences(trip: FeedTrip) -> Sequence[int]:
    return trip.sequences or range(len(trip.stop_ids))


def _types(trip: FeedTrip, which: str) -> Sequence[int]:
    given, allowed = (
        (trip.pickup_types, trip.boards)
        if which == "pickup"
        else (trip.drop_off_types, trip.alights)
    )
    return given or [0 if yes else NOT_AVAILABLE for yes in allowed]


@dataclass(frozen=True, slots=True, eq=False)
class Shapes(Mapping[str, tuple[LatLon, ...]]):
    """Shapes by id; the points of shape i are [`point0[i]`, `point0[i + 1]`) of lat and lon."""

    id: Sequence[str]
    point0: I64
    lat: F64
    lon: F64

    @classmethod
    def of(cls, shapes: Mapping[str, Sequence[LatLon]]) -> Self:
        """The columns of shapes given one by one."""
        if isinstance(shapes, cls):
            return shapes
        points = [point for shape in shapes.values() for point in shape]
        return cls(
            list(shapes),
            np.cumsum(np.array([0, *map(len, shapes.values())], np.int64)),
            np.array([point.lat for point in points], np.float64),
            np.array([point.lon for point in points], np.float64),
        )

    def __getitem__(self, id_: str) -> tuple[LatLon, ...]:
        try:
            i = self.id.index(id_)
        except ValueError:
            raise KeyError(id_) from None
        points = slice(int(self.point0[i]), int(self.point0[i + 1]))
        pairs = zip(self.lat[points].tolist(), self.lon[points].tolist(), strict=True)
        return tuple(LatLon(lat, lon) for lat, lon in pairs)

    def __iter__(self) -> Iterator[str]:
        return iter(self.id)

    def __len__(self) -> int:
        return len(self.id)


@dataclass(frozen=True, slots=True, eq=False)
class Services(Mapping[str, frozenset[date]]):
    """The days of each service: `active[i, d]`, d counted from `first_day`."""

    id: Sequence[str]
    first_day: date
    active: Bool

    @classmethod
    def of(cls, services: Mapping[str, frozenset[date]]) -> Self:
        """The columns of services given one by one."""
        if isinstance(services, cls):
            return services
        days = frozenset[date]().union(*services.values())
        first = min(days, default=date(1970, 1, 1))
        n_days = (max(days, default=first) - first).days + 1
        active = np.zeros((len(services), n_days), np.bool_)
        for row, running in enumerate(services.values()):
            active[row, [(day - first).days for day in running]] = True
        return cls(list(services), first, active)

    def __getitem__(self, id_: str) -> frozenset[date]:
        try:
            i = self.id.index(id_)
        except ValueError:
            raise KeyError(id_) from None
        columns = np.flatnonzero(self.active[i]).tolist()
        return frozenset(self.first_day + timedelta(days=column) for column in columns)

    def __iter__(self) -> Iterator[str]:
        return iter(self.id)

    def __len__(self) -> int:
        return len(self.id)
