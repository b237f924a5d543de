"""A feed after reading and checking, before it is compiled: plain values, ids still strings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum, IntEnum

from gtfs.geo import LatLon


class FeedError(Exception):
    """The feed cannot serve anybody; the message names what is missing or unreadable."""


class Severity(Enum):
    """How much of the feed a finding costs."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One defect: where it stands (row 1 is the header, None the whole file) and what we did."""

    file: str
    row: int | None
    field: str
    problem: str
    action: str
    severity: Severity = Severity.WARNING


@dataclass(slots=True)
class Report:
    """All defects of a feed, in the order they were met."""

    findings: list[Finding] = field(default_factory=list)

    def add(
        self,
        file: str,
        row: int | None,
        column: str,
        problem: str,
        action: str,
        severity: Severity = Severity.WARNING,
    ) -> None:
        """Note one defect."""
        self.findings.append(Finding(file, row, column, problem, action, severity))


@dataclass(frozen=True, slots=True)
class Agency:
    """An operator of the feed."""

    id: str
    name: str
    url: str = ""


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


@dataclass(frozen=True, slots=True)
class FeedRoute:
    """A line; `type` as in routes.txt (3 bus, 4 ferry, …)."""

    id: str
    agency_id: str
    short_name: str
    long_name: str = ""
    color: str = ""
    text_color: str = ""
    type: int = 3


@dataclass(frozen=True, slots=True)
class FeedTrip:
    """A trip with its calls as equally long columns, in travel order, times in service seconds."""

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


class TransferKind(IntEnum):
    """transfer_type of transfers.txt, as far as stops are concerned."""

    RECOMMENDED = 0
    TIMED = 1
    MIN_TIME = 2
    IMPOSSIBLE = 3


@dataclass(frozen=True, slots=True)
class FeedTransfer:
    """A rule for changing between two stops, or at one; `seconds` None where none is named."""

    from_id: str
    to_id: str
    kind: TransferKind
    seconds: int | None


@dataclass(frozen=True, slots=True)
class Feed:
    """Everything we use of a feed; every id that is referred to exists."""

    tz_name: str
    agencies: tuple[Agency, ...]
    stops: tuple[FeedStop, ...]
    routes: tuple[FeedRoute, ...]
    services: Mapping[str, frozenset[date]]
    trips: tuple[FeedTrip, ...]
    transfers: tuple[FeedTransfer, ...] = ()
    shapes: Mapping[str, tuple[LatLon, ...]] = field(default_factory=dict)
