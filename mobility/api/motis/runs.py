"""A trip on its day, call by call, and its name in the MOTIS API: ``20261125_07:55_luebeck_id``.

The name keeps to the planned trip, so that it means the same run before and after a delay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from weakref import WeakKeyDictionary

from gtfs.ids import RouteIdx, StopIdx, TripIdx
from gtfs.realtime_live import Live, TripChange
from gtfs.realtime_values import Run as PlannedRun
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
    cancelled: bool = False


@dataclass(frozen=True)
class Network:
    """The timetable as it is now, with realtime in it, and what is known beside it."""

    live: Live
    tag: str
    """What trip ids call the data set."""
    languages: tuple[str, ...] = ()

    @property
    def now(self) -> Timetable:
        """With realtime in it; stops and routes are numbered as planned, trips at first too."""
        return self.live.timetable

    @property
    def planned(self) -> Timetable:
        """Without realtime: what is asked of stops and lines is kept with it."""
        return self.live.static

    @cached_property
    def line_modes(self) -> Mapping[str, MotisMode]:
        """The mode of every line by its id."""
        routes = (self.planned.route(RouteIdx(i)) for i in range(len(self.planned.routes.id)))
        return {route.id: mode_of_route(route) for route in routes}

    def find_trip(self, trip_id: str) -> TripIdx | None:
        """A trip of the timetable of now by the id it has there."""
        return trip_index(self.planned).get(trip_id, self._made.get(trip_id))

    @cached_property
    def _made(self) -> Mapping[str, TripIdx]:
        """The trips that realtime made, by their ids."""
        ids, first = self.now.trips.id, len(self.planned.trips.id)
        return {ids[i]: TripIdx(i) for i in range(first, len(ids))}


@dataclass(frozen=True)
class Run:
    """A trip of the timetable as it is now, on one service day; or a planned one, cancelled."""

    network: Network
    trip: TripIdx
    day: date
    cancelled: bool = False

    @property
    def timetable(self) -> Timetable:
        """The timetable that the trip is of."""
        return self.network.planned if self.cancelled else self.network.now

    @cached_property
    def calls(self) -> Sequence[Call]:
        """All calls in travel order."""
        patterns, change = self.timetable.patterns, self.change
        pattern = int(self.timetable.trips.pattern[self.trip])
        calls = slice(int(patterns.stop0[pattern]), int(patterns.stop0[pattern + 1]))
        skipped = change.skipped if change else frozenset[int]()
        rows = zip(
            patterns.stops[calls].tolist(),
            patterns.boards[calls].tolist(),
            patterns.alights[calls].tolist(),
            self._times(),
            strict=True,
        )
        return tuple(
            Call(StopIdx(stop), *times[:2], boards, alights, *times[2:], position in skipped)
            for position, (stop, boards, alights, times) in enumerate(rows)
        )

    @cached_property
    def change(self) -> TripChange | None:
        """What realtime made of the run; None for one that runs as planned, or not at all."""
        return None if self.cancelled else self.network.live.change_of(self.trip)

    @property
    def is_planned(self) -> bool:
        """Whether the timetable had this run before anything became known of the day."""
        return self.change is None or self.change.source is not None

    @property
    def is_live(self) -> bool:
        """Whether something is known of it beside the plan."""
        return self.cancelled or self.change is not None

    @cached_property
    def name(self) -> str:
        """Its id in the MOTIS API: service day, planned clock at the first stop, data set, trip."""
        zero = instant(self.day, 0, self.timetable.tz)
        seconds = (self.calls[0].planned_departure - zero) // _SECOND
        clock = format_clock(max(seconds, 0))[:-3]
        tag = self.network.tag.replace("_", "-")
        source = self.change.source if self.change else None
        ids = self.timetable.trips.id if source is None else self.network.planned.trips.id
        return f"{self.day:%Y%m%d}_{clock}_{tag}_{ids[self.trip if source is None else source]}"

    def _times(self) -> Iterator[tuple[datetime, datetime, datetime, datetime]]:
        """Arrival and departure of every call, as they are and as they were planned."""
        zone, events = self.timetable.tz, _events(self.timetable, self.trip)
        change = self.change
        planned = events
        if change is not None and change.arrivals is not None and change.departures is not None:
            before = list(zip(change.arrivals, change.departures, strict=True))
            planned = before if len(before) == len(events) else events
        for (arrives, departs), (arrival, departure) in zip(events, planned, strict=True):
            yield (
                instant(self.day, arrives, zone),
                instant(self.day, departs, zone),
                instant(self.day, arrival, zone),
                instant(self.day, departure, zone),
            )


def _events(timetable: Timetable, trip: TripIdx) -> list[tuple[int, int]]:
    """Arrival and departure in service seconds of every call."""
    patterns, events = timetable.patterns, timetable.events
    pattern = int(timetable.trips.pattern[trip])
    length = int(patterns.stop0[pattern + 1] - patterns.stop0[pattern])
    at = int(patterns.event0[pattern]) + (trip - int(patterns.trip0[pattern])) * length
    both = (events.arrival[at : at + length].tolist(), events.departure[at : at + length].tolist())
    return list(zip(*both, strict=True))


def run_of_ride(network: Network, trip_id: str, position: int, departs_at: datetime) -> Run | None:
    """The run of a trip that leaves its call ``position`` at about that time (within half a day).

    None where there is no such trip.
    """
    planned = trip_index(network.planned).get(trip_id)
    trip = network.find_trip(trip_id) if planned is None else planned
    if trip is None:
        return None
    events = _events(network.now if planned is None else network.planned, trip)
    seconds = events[min(position, len(events) - 1)][1]
    began = departs_at - timedelta(seconds=seconds) + _HALF_A_DAY
    day = began.astimezone(network.now.tz).date()
    if planned is None:
        return Run(network, trip, day)
    current = network.live.trip_of(PlannedRun(planned, day))
    return Run(network, planned if current is None else current, day, cancelled=current is None)


def find_run(network: Network, name: str) -> Run | None:
    """The run of a name, as it is now; None where there is none on that day."""
    found = _TRIP_ID.fullmatch(name)
    if found is None:
        return None
    try:
        day = date(int(found[1][:4]), int(found[1][4:6]), int(found[1][6:]))
    except ValueError:
        return None
    planned = trip_index(network.planned).get(found[2])
    if planned is None:
        made = network.find_trip(found[2])
        change = network.live.change_of(made) if made is not None else None
        return (
            Run(network, made, day) if made is not None and change and change.day == day else None
        )
    if not network.planned.active_services(day)[network.planned.trips.service[planned]]:
        return None
    trip = network.live.trip_of(PlannedRun(planned, day))
    return Run(network, planned, day, cancelled=True) if trip is None else Run(network, trip, day)


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
    """The modes of the lines that call at a stop; ask the planned timetable, which stays."""
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
