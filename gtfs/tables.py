"""The columns of a timetable, table by table, as arrays that can be mapped from a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self, overload

import numpy as np
from numpy.typing import NDArray

I8 = NDArray[np.int8]
I32 = NDArray[np.int32]
F64 = NDArray[np.float64]
Bool = NDArray[np.bool_]


class Strings(Sequence[str]):
    """A column of strings in two arrays, decoded one by one."""

    __slots__ = ("blob", "ends")

    def __init__(self, ends: NDArray[np.int64], blob: NDArray[np.uint8]) -> None:
        self.ends = ends
        self.blob = blob

    @classmethod
    def of(cls, values: Iterable[str]) -> Self:
        """Pack strings in order."""
        return cls._packed([value.encode() for value in values])

    @classmethod
    def pick(cls, values: Sequence[str], numbers: NDArray[Any]) -> Self:
        """Pack `values[n]` of each number."""
        coded = [value.encode() for value in values]
        return cls._packed([coded[number] for number in numbers.tolist()])

    @classmethod
    def _packed(cls, coded: Sequence[bytes]) -> Self:
        ends = np.cumsum(np.array([0, *map(len, coded)], np.int64))
        return cls(ends, np.frombuffer(b"".join(coded), np.uint8))

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self.blob[self.ends[index] : self.ends[index + 1]].tobytes().decode()

    def __len__(self) -> int:
        return len(self.ends) - 1


@dataclass(frozen=True, slots=True)
class AgencyTable:
    """agency.txt."""

    id: Strings
    name: Strings
    url: Strings


@dataclass(frozen=True, slots=True)
class StationTable:
    """The parents of stops."""

    id: Strings
    name: Strings
    lat: F64
    lon: F64


@dataclass(frozen=True, slots=True)
class StopTable:
    """Stops that vehicles call at; `station` -1 where none; `change_s` the least time to change.

    `wheelchair` 0 unknown, 1 yes, 2 no: the station's where the stop says nothing.
    """

    id: Strings
    name: Strings
    zone: Strings
    lat: F64
    lon: F64
    station: I32
    wheelchair: I8
    change_s: I32
    code: Strings
    platform: Strings


@dataclass(frozen=True, slots=True)
class RouteTable:
    """routes.txt."""

    id: Strings
    agency: I32
    short_name: Strings
    long_name: Strings
    color: Strings
    text_color: Strings
    type: I32


@dataclass(frozen=True, slots=True)
class ServiceTable:
    """`active[service, day]`, days counted from the timetable's first."""

    id: Strings
    active: Bool


@dataclass(frozen=True, slots=True)
class PatternTable:
    """Trips with the same calls and boarding rules; slices [i, i+1) of `stop0`, `trip0`, `event0`.

    `stops`, `boards`, `alights` run over the positions of all patterns; trips of a pattern are
    neighbours; events run trip by trip, position by position. `pickup` and `drop_off` are the
    types of stop_times.txt: 0 regular, 1 none, 2 by phone, 3 arranged with the driver.
    """

    stop0: I32
    trip0: I32
    event0: I32
    stops: I32
    boards: Bool
    alights: Bool
    pickup: I8
    drop_off: I8


@dataclass(frozen=True, slots=True)
class TripTable:
    """trips.txt, ordered by pattern; `path` is a row of the path table or -1.

    `wheelchair` and `bikes`: 0 unknown, 1 yes, 2 no. `planned` is the trip that it is a run of: its
    own number, what realtime changed on a day names its plan, what was added -1.
    """

    id: Strings
    headsign: Strings
    note: Strings
    route: I32
    service: I32
    pattern: I32
    direction: I8
    wheelchair: I8
    path: I32
    bikes: I8
    block: Strings
    planned: I32


@dataclass(frozen=True, slots=True)
class EventTable:
    """Arrival and departure in service seconds of every call of every trip.

    `sequence` is its stop_sequence, by which realtime messages name it.
    """

    arrival: I32
    departure: I32
    sequence: I32


@dataclass(frozen=True, slots=True)
class FootpathTable:
    """Walks between stops: slices of `to` and `seconds` by the stop they start from."""

    from0: I32
    to: I32
    seconds: I32


@dataclass(frozen=True, slots=True)
class PathTable:
    """Shapes laid along patterns: `call_point` gives the shape point of each position."""

    call0: I32
    call_point: I32
    shape: I32
    shape_point0: I32
    lat: F64
    lon: F64
    shape_id: Strings


@dataclass(frozen=True, slots=True)
class TransferRuleTable:
    """Rules of transfers.txt about changing between some lines or trips; -1 where one names none.

    In the order of their stops, for each two stops the most specific one last. `seconds` are what
    lies between arrival and departure at least, `transfers.NEVER_S` where one cannot change.
    """

    from_stop: I32
    to_stop: I32
    from_route: I32
    to_route: I32
    from_trip: I32
    to_trip: I32
    seconds: I32


@dataclass(frozen=True, slots=True)
class InSeatTable:
    """Trips that go on as another one, riders and all, on the days `active[days]` of the first.

    `next_day` 1: the second trip is one of the service day after.
    """

    from_trip: I32
    to_trip: I32
    next_day: I8
    days: I32
    active: Bool


TABLES: dict[str, type[Any]] = {
    "agencies": AgencyTable,
    "stations": StationTable,
    "stop_table": StopTable,
    "routes": RouteTable,
    "services": ServiceTable,
    "patterns": PatternTable,
    "trips": TripTable,
    "events": EventTable,
    "footpaths": FootpathTable,
    "paths": PathTable,
    "transfer_rules": TransferRuleTable,
    "in_seat": InSeatTable,
}


def columns_of(name: str, table: Any) -> dict[str, NDArray[Any]]:
    """The arrays of a table by their name in an artefact."""
    flat: dict[str, NDArray[Any]] = {}
    for column in fields(TABLES[name]):
        value = getattr(table, column.name)
        key = f"{name}.{column.name}"
        if isinstance(value, Strings):
            flat[key + ".ends"], flat[key + ".blob"] = value.ends, value.blob
        else:
            flat[key] = value
    return flat


def table_of(name: str, arrays: Mapping[str, NDArray[Any]]) -> Any:
    """The table of that name again. Raises KeyError where a column is missing."""
    kind = TABLES[name]
    columns: dict[str, Any] = {}
    for column in fields(kind):
        key = f"{name}.{column.name}"
        columns[column.name] = (
            Strings(arrays[key + ".ends"], arrays[key + ".blob"])
            if f"{key}.ends" in arrays
            else arrays[key]
        )
    return kind(**columns)
