"""What a GTFS-Realtime message says, as plain values: trips, calls, alerts, vehicles.

Ids are as in the feed; instants are aware UTC; times of a service day are its seconds.
Source: GTFS Realtime Reference 2.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import NamedTuple, Self, overload

import numpy as np
from numpy.typing import NDArray

from gtfs.geo import LatLon
from gtfs.ids import TripIdx


class RealtimeError(Exception):
    """A message that cannot be used at all; it says why."""


class Relation(Enum):
    """How a trip relates to the timetable (trip.schedule_relationship)."""

    SCHEDULED = 0
    ADDED = 1
    UNSCHEDULED = 2
    CANCELED = 3
    REPLACEMENT = 5
    DUPLICATED = 6
    DELETED = 7
    NEW = 8


class CallState(Enum):
    """How a call relates to the timetable (stop_time_update.schedule_relationship)."""

    SCHEDULED = 0
    SKIPPED = 1
    NO_DATA = 2
    UNSCHEDULED = 3


class TimeChange(NamedTuple):
    """A StopTimeEvent: POSIX seconds `time` and `scheduled`; the others in seconds."""

    time: int | None = None
    delay_s: int | None = None
    uncertainty_s: int | None = None
    scheduled: int | None = None


class CallUpdate(NamedTuple):
    """A StopTimeUpdate; `boards` and `alights` None where nothing is said of them."""

    sequence: int | None
    stop_id: str
    state: CallState = CallState.SCHEDULED
    arrival: TimeChange | None = None
    departure: TimeChange | None = None
    assigned_stop_id: str = ""
    boards: bool | None = None
    alights: bool | None = None


@dataclass(frozen=True, slots=True, eq=False)
class TimedCalls(Sequence[CallUpdate]):
    """Calls of which stop_sequence, stop and both POSIX times are said and nothing else.

    By far the most common; kept as columns, because objects call by call cost more than all the
    rest of reading and applying a message.
    """

    rows: NDArray[np.int64]
    """Of each call its sequence, arrival, departure, and where in `text` its stop is named."""
    text: NDArray[np.uint8]
    prefix: bytes
    """Stands before the name of every stop."""

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> CallUpdate: ...
    @overload
    def __getitem__(self, index: slice) -> list[CallUpdate]: ...
    def __getitem__(self, index: int | slice) -> CallUpdate | list[CallUpdate]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        sequence, arrival, departure, start, end = self.rows[index].tolist()
        stop_id = self.prefix + self.text[start:end].tobytes() if end > start else b""
        return CallUpdate(
            sequence,
            stop_id.decode(),
            CallState.SCHEDULED,
            TimeChange(arrival),
            TimeChange(departure),
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TimedCalls):
            return NotImplemented
        same = np.array_equal(self.rows[:, :3], other.rows[:, :3]) and self.prefix == other.prefix
        return same and self._stop_ids() == other._stop_ids()

    __hash__ = None  # type: ignore[assignment]

    def _stop_ids(self) -> list[bytes]:
        text = self.text.data
        return [bytes(text[start:end]) for start, end in self.rows[:, 3:].tolist()]


@dataclass(frozen=True, slots=True)
class TripRef:
    """A TripDescriptor: which run of which trip is meant; what is not said is empty."""

    trip_id: str = ""
    route_id: str = ""
    direction: int = -1
    start_day: date | None = None
    start_s: int | None = None


@dataclass(frozen=True, slots=True)
class TripUpdate:
    """What changes for one trip; `new` names a trip that a DUPLICATED or NEW one becomes."""

    trip: TripRef
    relation: Relation = Relation.SCHEDULED
    calls: Sequence[CallUpdate] = ()
    delay_s: int | None = None
    at: datetime | None = None
    new: TripRef | None = None
    headsign: str = ""
    note: str = ""
    wheelchair: int = 0


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` to before `end`; None is for ever."""

    start: datetime | None = None
    end: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Whether the instant is in it."""
        return (self.start is None or self.start <= at) and (self.end is None or at < self.end)


@dataclass(frozen=True, slots=True)
class Informed:
    """An EntitySelector: applies where everything it names is the case."""

    agency_id: str = ""
    route_id: str = ""
    route_type: int | None = None
    direction: int = -1
    stop_id: str = ""
    trip: TripRef | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """A message for riders; texts by language, "" where the feed names none."""

    id: str
    header: Mapping[str, str]
    description: Mapping[str, str] = field(default_factory=dict)
    url: Mapping[str, str] = field(default_factory=dict)
    cause: str = "UNKNOWN_CAUSE"
    effect: str = "UNKNOWN_EFFECT"
    severity: str = "UNKNOWN_SEVERITY"
    periods: tuple[Period, ...] = ()
    informed: tuple[Informed, ...] = ()

    def active(self, at: datetime) -> bool:
        """Whether it is to be shown at that instant; without periods it always is."""
        return not self.periods or any(period.holds(at) for period in self.periods)


@dataclass(frozen=True, slots=True)
class Vehicle:
    """Where a vehicle is; `bearing` in degrees, `speed_mps` in m/s, `occupancy` a word or ""."""

    id: str
    label: str
    position: LatLon
    trip: TripRef | None = None
    bearing: float | None = None
    speed_mps: float | None = None
    stop_id: str = ""
    sequence: int | None = None
    status: str = ""
    occupancy: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One feed message; `passed_over` counts what was in it and not used, by reason."""

    at: datetime | None
    trips: tuple[TripUpdate, ...] = ()
    alerts: tuple[Alert, ...] = ()
    vehicles: tuple[Vehicle, ...] = ()
    passed_over: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Updates:
    """All that is known at the moment, from however many feeds."""

    messages: tuple[Message, ...] = ()

    @classmethod
    def of(cls, messages: Iterable[Message]) -> Self:
        """The state that these messages, one of each feed, describe together."""
        return cls(tuple(messages))

    @property
    def at(self) -> datetime | None:
        """When the newest of them was made."""
        return max((m.at for m in self.messages if m.at is not None), default=None)


class Reason(Enum):
    """Why something in a message concerns nothing that we know."""

    UNKNOWN_TRIP = "the timetable has no such trip"
    NOT_THAT_DAY = "the trip does not run on that day"
    AMBIGUOUS = "more than one trip fits"
    UNKNOWN_STOP = "no such call of the trip"
    UNKNOWN_ROUTE = "a new trip of a line that the timetable does not have"
    TOO_FEW_CALLS = "a new trip with fewer than two calls that have a stop and a time"


class Unmatched(NamedTuple):
    """Something a message named in vain."""

    reason: Reason
    id: str


class Run(NamedTuple):
    """One trip on one service day."""

    trip: TripIdx
    day: date
