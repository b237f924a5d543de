"""A feed after reading and checking, before it is compiled: plain values, ids still strings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum

from gtfs.fares import Fares
from gtfs.geo import LatLon


@dataclass(frozen=True, slots=True)
class Agency:
    """An operator of the feed."""

    id: str
    name: str
    url: str = ""
    row: int | None = field(default=None, compare=False)
    """Its line of agency.txt."""


@dataclass(frozen=True, slots=True)
class FeedStop:
    """A place where vehicles stop, or the station (`is_station`) that groups such places."""

    id: str
    name: str
    position: LatLon
    is_station: bool = False
    parent_id: str | None = None
    wheelchair: int = 0
    zone_id: str = ""
    code: str = ""
    platform_code: str = ""
    level_id: str = ""


@dataclass(frozen=True, slots=True)
class FeedRoute:
    """A line; `type` as in routes.txt (3 bus, 4 ferry, …); `network_id` where fares name one."""

    id: str
    agency_id: str
    short_name: str
    long_name: str = ""
    color: str = ""
    text_color: str = ""
    type: int = 3
    network_id: str = ""


@dataclass(frozen=True, slots=True)
class FeedTrip:
    """A trip with its calls as equally long columns, in travel order, times in service seconds.

    `boards` and `alights` say whether anybody may; `pickup_types` and `drop_off_types` are the
    numbers of stop_times.txt where some call must be arranged (2 by phone, 3 with the driver).
    """

    id: str
    route_id: str
    service_id: str
    stop_ids: tuple[str, ...]
    arrivals: tuple[int, ...]
    departures: tuple[int, ...]
    boards: tuple[bool, ...]
    alights: tuple[bool, ...]
    headsign: str = ""
    direction: int = -1
    wheelchair: int = 0
    note: str = ""
    shape_id: str = ""
    sequences: tuple[int, ...] = ()
    """stop_sequence of every call; positions from 0 where there is none."""
    bikes: int = 0
    block_id: str = ""
    pickup_types: tuple[int, ...] = ()
    drop_off_types: tuple[int, ...] = ()


class TransferKind(IntEnum):
    """transfer_type of transfers.txt."""

    RECOMMENDED = 0
    TIMED = 1
    MIN_TIME = 2
    IMPOSSIBLE = 3
    IN_SEAT = 4
    NOT_IN_SEAT = 5


@dataclass(frozen=True, slots=True)
class FeedTransfer:
    """A rule for changing between two stops, or at one; `seconds` None where none is named."""

    from_id: str
    to_id: str
    kind: TransferKind
    seconds: int | None


@dataclass(frozen=True, slots=True)
class FeedTransferRule:
    """A rule of transfers.txt that holds for some lines or trips only; '' where it names none.

    `kind` IN_SEAT says that one stays in the vehicle from the end of a trip to the next.
    """

    from_id: str
    to_id: str
    from_route_id: str
    to_route_id: str
    from_trip_id: str
    to_trip_id: str
    kind: TransferKind
    seconds: int | None


@dataclass(frozen=True, slots=True)
class Pathway:
    """A way inside a station; `mode` as in pathways.txt (2 stairs, 5 lift), None where unknown."""

    id: str
    from_id: str
    to_id: str
    mode: int
    is_bidirectional: bool
    length_m: float | None = None
    traversal_s: int | None = None
    stairs: int | None = None


@dataclass(frozen=True, slots=True)
class FeedInfo:
    """Who made the feed, and for which days."""

    publisher: str = ""
    version: str = ""
    language: str = ""
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """Everything we use of a feed; every id that is referred to exists.

    `trips`, `services` and `shapes` may be columns (`gtfs.trip_columns`) that read as these types.
    `entrances` are the doors, generic nodes and boarding areas of stations, for `pathways`.
    """

    tz_name: str
    agencies: tuple[Agency, ...]
    stops: tuple[FeedStop, ...]
    routes: tuple[FeedRoute, ...]
    services: Mapping[str, frozenset[date]]
    trips: Sequence[FeedTrip]
    transfers: tuple[FeedTransfer, ...] = ()
    shapes: Mapping[str, Sequence[LatLon]] = field(default_factory=dict)
    transfer_rules: tuple[FeedTransferRule, ...] = ()
    fares: Fares = field(default_factory=Fares)
    pathways: tuple[Pathway, ...] = ()
    entrances: tuple[FeedStop, ...] = ()
    info: FeedInfo = FeedInfo()
