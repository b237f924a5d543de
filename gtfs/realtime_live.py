"""The timetable as it is now, and what is known beside it: a frozen whole, swapped in at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum

from gtfs.ids import RouteIdx, StopIdx, TripIdx
from gtfs.realtime_values import Alert, Informed, Reason, Run, TripRef, Unmatched, Vehicle
from gtfs.timetable import Timetable


class Kind(Enum):
    """How a trip of a live timetable came to be."""

    CHANGED = "a planned run with other times, calls or stops"
    REPLACED = "another run in place of a planned one"
    ADDED = "a run that was not planned"


@dataclass(frozen=True, slots=True)
class TripChange:
    """A trip that realtime made: the run it is of, and what was planned for it, call by call.

    `planned` is trip index, arrivals and departures of the static timetable, None for what was not
    planned; positions of both are the same for a CHANGED trip.
    """

    kind: Kind
    day: date
    source: TripIdx | None
    arrivals: Sequence[int] | None = None
    departures: Sequence[int] | None = None
    skipped: frozenset[int] = frozenset()
    no_data: frozenset[int] = frozenset()
    """Positions of which the feed says that it knows nothing: there the plan holds."""
    uncertainty_s: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CancelledCall:
    """A planned call that does not take place: of a run that is cancelled, or skipped in one."""

    run: Run
    position: int
    seconds: int
    """Planned departure, in seconds of the run's service day."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of the messages, counted."""

    trip_updates: int = 0
    trips_matched: int = 0
    changed: int = 0
    cancelled: int = 0
    added: int = 0
    vehicles: int = 0
    vehicles_with_trip: int = 0
    vehicles_matched: int = 0
    alerts: int = 0
    repeated: int = 0
    """Trip updates of a run of which a newer one is there."""
    moved_days: int = 0
    """Runs whose named day was not their service day."""
    repaired: int = 0
    """Times that ran backwards."""
    far: int = 0
    """Times more than a day from the plan, not believed."""
    unmatched: Mapping[Reason, int] = field(default_factory=dict)
    passed_over: Mapping[str, int] = field(default_factory=dict)

    @property
    def n_unmatched(self) -> int:
        """All that was named in vain."""
        return sum(self.unmatched.values())


@dataclass(frozen=True, slots=True)
class Live:
    """A timetable and what is known of its trips at one moment; every look-up is O(1).

    Indices of stops and routes are those of the static timetable, and so are those of trips up to
    its number of trips; trips after them are runs that realtime made.
    """

    timetable: Timetable
    static: Timetable
    at: datetime | None = None
    """When the newest message was made; None without realtime."""
    changes: Mapping[TripIdx, TripChange] = field(default_factory=dict)
    runs: Mapping[Run, TripIdx | None] = field(default_factory=dict)
    """The trip that a planned run became; None for one that does not run."""
    cancelled: Mapping[StopIdx, tuple[CancelledCall, ...]] = field(default_factory=dict)
    vehicles: tuple[Vehicle, ...] = ()
    alerts: tuple[Alert, ...] = ()
    summary: Summary = Summary()
    unmatched: tuple[Unmatched, ...] = ()
    """What was named in vain, the first of it by name."""
    vehicle_by_run: Mapping[Run, Vehicle] = field(default_factory=dict)
    alert_index: Mapping[tuple[str, str], tuple[tuple[Alert, Informed], ...]] = field(
        default_factory=dict
    )

    @classmethod
    def of(cls, static: Timetable) -> Live:
        """The timetable without realtime."""
        return cls(static, static)

    def touched_days(self) -> frozenset[date]:
        """Service days on which any run is another one than planned."""
        added = {change.day for change in self.changes.values()}
        return frozenset(added | {run.day for run in self.runs})

    def change_of(self, trip: TripIdx) -> TripChange | None:
        """What realtime made of the trip."""
        return self.changes.get(trip)

    def scheduled_times(self, trip: TripIdx) -> tuple[Sequence[int], Sequence[int]] | None:
        """Planned arrivals and departures of a live trip; None if it is not live or not planned."""
        change = self.changes.get(trip)
        if change is None or change.arrivals is None or change.departures is None:
            return None
        return change.arrivals, change.departures

    def trip_of(self, run: Run) -> TripIdx | None:
        """The trip that a planned run is now; None if it does not run."""
        return self.runs.get(run, run.trip)

    def vehicle_of(self, trip: TripIdx, day: date) -> Vehicle | None:
        """The vehicle that runs a trip on a service day."""
        return self.vehicle_by_run.get(Run(trip, day))

    def alerts_for(
        self,
        at: datetime,
        *,
        route: RouteIdx | None = None,
        stop: StopIdx | None = None,
        trip: TripIdx | None = None,
        day: date | None = None,
    ) -> tuple[Alert, ...]:
        """What riders are to be told at `at` of a line, a stop, a trip, or a trip at a stop.

        An alert applies where everything it names is the case: one for a line at a stop is not one
        for the line. `day` is the trip's service day.
        """
        if not self.alert_index:
            return ()
        if trip is not None:
            route = RouteIdx(int(self.timetable.trips.route[trip]))
        keys = list(self._keys(route, stop, trip))
        found: dict[str, Alert] = {}
        for key in keys:
            for alert, informed in self.alert_index.get(key, ()):
                if alert.active(at) and _applies(informed, keys, day):
                    found.setdefault(alert.id, alert)
        return tuple(found.values())

    def _keys(
        self, route: RouteIdx | None, stop: StopIdx | None, trip: TripIdx | None
    ) -> Iterator[tuple[str, str]]:
        table = self.timetable
        if trip is not None:
            yield ("trip", table.trips.id[trip].rpartition("@")[0] or table.trips.id[trip])
            yield ("trip", table.trips.id[trip])
            yield ("direction", str(int(table.trips.direction[trip])))
        if route is not None:
            yield ("route", table.routes.id[route])
            yield ("type", str(int(table.routes.type[route])))
            yield ("agency", table.agencies.id[int(table.routes.agency[route])])
        if stop is not None:
            found = table.stop(stop)
            if found.station_id is not None:
                yield ("stop", found.station_id)
            yield ("stop", found.id)
        yield ("everything", "")


def _applies(informed: Informed, keys: Sequence[tuple[str, str]], day: date | None) -> bool:
    wanted = list(selectors(informed))
    ref = informed.trip or TripRef()
    direction = max(informed.direction, ref.direction)
    if direction >= 0 and not ref.trip_id:
        wanted.append(("direction", str(direction)))
    other_day = None not in (ref.start_day, day) and ref.start_day != day
    return not other_day and all(key in keys for key in wanted)


def selectors(informed: Informed) -> Iterator[tuple[str, str]]:
    """What an alert names, most telling first."""
    ref = informed.trip or TripRef()
    if ref.trip_id:
        yield ("trip", ref.trip_id)
    if informed.stop_id:
        yield ("stop", informed.stop_id)
    route = informed.route_id or ref.route_id
    if route:
        yield ("route", route)
    if informed.route_type is not None:
        yield ("type", str(informed.route_type))
    if informed.agency_id:
        yield ("agency", informed.agency_id)


def index_alerts(
    alerts: Sequence[Alert],
) -> dict[tuple[str, str], tuple[tuple[Alert, Informed], ...]]:
    """Alerts by the most telling thing that each of their selectors names."""
    index: dict[tuple[str, str], list[tuple[Alert, Informed]]] = {}
    for alert in alerts:
        for informed in alert.informed or (Informed(),):
            key = next(selectors(informed), ("everything", ""))
            index.setdefault(key, []).append((alert, informed))
    return {key: tuple(found) for key, found in index.items()}
