"""A trip on its day, call by call, and its name in the MOTIS API: ``20261125_07:55_luebeck_id``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from weakref import WeakKeyDictionary

from gtfs.ids import RouteIdx, StopIdx, TripIdx
from gtfs.service_time import format_clock, instant
from gtfs.timetable import Timetable
from mobility.api.motis.modes import MotisMode, mode_of_route

_TRIP_ID = re.compile(r"(\d{8})_\d{2,3}:\d{2}_[^_]*_(.+)", re.ASCII | re.DOTALL)
_HALF_A_DAY = timedelta(hours=12)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a run, times in aware UTC: as it is now, and as it was planned."""

    stop: StopIdx
    arrives_at: datetime
    departs_at: datetime
    boards: bool
    alights: bool
    planned_arrival: datetime
    planned_departure: datetime


@dataclass(frozen=True)
class Network:
    """The timetable as it is now, with realtime in it, and as it was planned.

    Both number stops and routes alike; trips may be numbered differently.
    """

    now: Timetable
    planned: Timetable
    tag: str
    """What trip ids call the data set."""

    @cached_property
    def line_modes(self) -> Mapping[str, MotisMode]:
        """The mode of every line by its id."""
        routes = self.now.routes
        views = (self.now.route(RouteIdx(i)) for i in range(len(routes.id)))
        return {route.id: mode_of_route(route) for route in views}


@dataclass(frozen=True)
class Run:
    """A trip of the timetable as it is now, on one service day."""

    network: Network
    trip: TripIdx
    day: date

    @cached_property
    def calls(self) -> Sequence[Call]:
        """All calls in travel order."""
        timetable, zone = self.network.now, self.network.now.tz
        patterns = timetable.patterns
        pattern = int(timetable.trips.pattern[self.trip])
        calls = slice(int(patterns.stop0[pattern]), int(patterns.stop0[pattern + 1]))
        events = _events(timetable, self.trip)
        planned = self._planned_events() or events
        return tuple(
            Call(
                StopIdx(stop),
                instant(self.day, event[0], zone),
                instant(self.day, event[1], zone),
                boards,
                alights,
                instant(self.day, before[0], zone),
                instant(self.day, before[1], zone),
            )
            for stop, event, before, boards, alights in zip(
                patterns.stops[calls].tolist(),
                events,
                planned,
                patterns.boards[calls].tolist(),
                patterns.alights[calls].tolist(),
                strict=True,
            )
        )

    @cached_property
    def is_planned(self) -> bool:
        """Whether the timetable had this trip before anything became known of the day."""
        return self.network.now is self.network.planned or self._planned_trip is not None

    @property
    def is_live(self) -> bool:
        """Whether some of its times are other than planned."""
        return not self.is_planned or any(
            call.arrives_at != call.planned_arrival or call.departs_at != call.planned_departure
            for call in self.calls
        )

    @cached_property
    def name(self) -> str:
        """Its id in the MOTIS API: service day, planned clock at the first stop, data set, trip."""
        timetable = self.network.now
        zero = instant(self.day, 0, timetable.tz)
        seconds = (self.calls[0].planned_departure - zero) // _SECOND
        clock = format_clock(max(seconds, 0))[:-3]
        tag = self.network.tag.replace("_", "-")
        return f"{self.day:%Y%m%d}_{clock}_{tag}_{timetable.trips.id[self.trip]}"

    @cached_property
    def _planned_trip(self) -> TripIdx | None:
        return trip_index(self.network.planned).get(self.network.now.trips.id[self.trip])

    def _planned_events(self) -> list[tuple[int, int]] | None:
        """The planned times of the same calls; None where the trip now has other calls."""
        if self.network.now is self.network.planned or self._planned_trip is None:
            return None
        planned = _events(self.network.planned, self._planned_trip)
        return planned if len(planned) == len(_events(self.network.now, self.trip)) else None


def _events(timetable: Timetable, trip: TripIdx) -> list[tuple[int, int]]:
    """Arrival and departure in service seconds of every call."""
    patterns, events = timetable.patterns, timetable.events
    pattern = int(timetable.trips.pattern[trip])
    length = int(patterns.stop0[pattern + 1] - patterns.stop0[pattern])
    at = int(patterns.event0[pattern]) + (trip - int(patterns.trip0[pattern])) * length
    both = (events.arrival[at : at + length].tolist(), events.departure[at : at + length].tolist())
    return list(zip(*both, strict=True))


def calls_of_trip(network: Network, trip: TripIdx) -> int:
    """How many calls a trip now has."""
    patterns, pattern = network.now.patterns, int(network.now.trips.pattern[trip])
    return int(patterns.stop0[pattern + 1] - patterns.stop0[pattern])


def run_at(network: Network, trip: TripIdx, position: int, departs_at: datetime) -> Run:
    """The run that leaves its call ``position`` at about that time (within half a day)."""
    seconds = _events(network.now, trip)[position][1]
    began = departs_at - timedelta(seconds=seconds) + _HALF_A_DAY
    return Run(network, trip, began.astimezone(network.now.tz).date())


def find_run(network: Network, name: str) -> Run | None:
    """The run of a name; None where there is no such trip, or it does not run on that day."""
    found = _TRIP_ID.fullmatch(name)
    if found is None:
        return None
    try:
        day = date(int(found[1][:4]), int(found[1][4:6]), int(found[1][6:]))
    except ValueError:
        return None
    timetable = network.now
    trip = trip_index(timetable).get(found[2])
    if trip is None or not timetable.active_services(day)[timetable.trips.service[trip]]:
        return None
    return Run(network, trip, day)


_trip_indexes: WeakKeyDictionary[Timetable, dict[str, TripIdx]] = WeakKeyDictionary()
_stop_modes: WeakKeyDictionary[Timetable, dict[StopIdx, frozenset[MotisMode]]] = WeakKeyDictionary()


def trip_index(timetable: Timetable) -> dict[str, TripIdx]:
    """The index of every trip by its id of trips.txt; made once for a timetable."""
    known = _trip_indexes.get(timetable)
    if known is None:
        known = {trip_id: TripIdx(i) for i, trip_id in enumerate(timetable.trips.id)}
        _trip_indexes[timetable] = known
    return known


def modes_at(timetable: Timetable, stop: StopIdx) -> frozenset[MotisMode]:
    """The modes of the lines that call at a stop."""
    known = _stop_modes.get(timetable)
    if known is None:
        known = _stop_modes[timetable] = _modes_by_stop(timetable)
    return known.get(stop, frozenset())


def _modes_by_stop(timetable: Timetable) -> dict[StopIdx, frozenset[MotisMode]]:
    patterns, found = timetable.patterns, dict[StopIdx, frozenset[MotisMode]]()
    modes = [mode_of_route(timetable.route(RouteIdx(i))) for i in range(len(timetable.routes.id))]
    for pattern in range(len(patterns.stop0) - 1):
        first = int(patterns.trip0[pattern])
        if first == int(patterns.trip0[pattern + 1]):
            continue
        mode = modes[int(timetable.trips.route[first])]
        stops = patterns.stops[patterns.stop0[pattern] : patterns.stop0[pattern + 1]]
        for stop in stops.tolist():
            found[StopIdx(stop)] = found.get(StopIdx(stop), frozenset()) | {mode}
    return found
