"""Trips with their calls: checked, blank times interpolated, frequencies expanded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from gtfs.feed import FeedStop, FeedTrip, Report, Severity
from gtfs.geo import LatLon, distance_m
from gtfs.service_days import Row
from gtfs.service_time import DAY_S, format_clock, parse_clock

_NOT_AVAILABLE = 1
_LATEST_S = 7 * DAY_S
_MAX_EXPANDED = 2_880


@dataclass(frozen=True, slots=True)
class _Call:
    row: int
    sequence: int
    stop_id: str
    arrival: int | None
    departure: int | None
    boards: bool
    alights: bool


class TripReader:
    """Turns the rows of trips.txt, stop_times.txt and frequencies.txt into trips."""

    def __init__(
        self,
        stops: Iterable[FeedStop],
        routes: set[str],
        services: Mapping[str, object],
        shapes: set[str],
        report: Report,
    ) -> None:
        self._positions = {stop.id: stop.position for stop in stops if not stop.is_station}
        self._routes = routes
        self._services = services
        self._shapes = shapes
        self._report = report

    def trips(
        self, rows: Sequence[Row], stop_times: Sequence[Row], frequencies: Sequence[Row]
    ) -> tuple[FeedTrip, ...]:
        """All trips that can be ridden."""
        calls = self._calls(stop_times)
        trips: dict[str, FeedTrip] = {}
        seen: set[str] = set()
        for row, cells in rows:
            id_ = cells.get("trip_id")
            if not id_ or id_ in seen:
                self._note("trips", row, "trip_id", f"{id_!r} is empty or repeated", "ignored it")
                continue
            seen.add(id_)
            trip = self._trip(id_, row, cells, calls.pop(id_, []))
            if trip is not None:
                trips[id_] = trip
        for orphan, lost in calls.items():
            if orphan not in seen:
                problem = f"trips.txt has no {orphan!r}"
                self._note("stop_times", lost[0].row, "trip_id", problem, "ignored its calls")
        return self._expanded(trips, frequencies)

    def _note(self, file: str, row: int, column: str, problem: str, action: str) -> None:
        self._report.add(file, row, column, problem, action, Severity.ERROR)

    def _calls(self, rows: Sequence[Row]) -> dict[str, list[_Call]]:
        calls: dict[str, list[_Call]] = {}
        for row, cells in rows:
            trip, stop = cells.get("trip_id"), cells.get("stop_id")
            sequence = cells.get("stop_sequence")
            if not trip or not stop or sequence is None:
                self._note("stop_times", row, "stop_sequence", "incomplete call", "ignored it")
            elif stop not in self._positions:
                problem = f"stops.txt has no stop {stop!r} with a position"
                self._note("stop_times", row, "stop_id", problem, "left the call out")
            else:
                calls.setdefault(trip, []).append(
                    _Call(
                        row,
                        sequence,
                        stop,
                        self._time(row, "arrival_time", cells),
                        self._time(row, "departure_time", cells),
                        cells.get("pickup_type") != _NOT_AVAILABLE,
                        cells.get("drop_off_type") != _NOT_AVAILABLE,
                    )
                )
        return calls

    def _time(self, row: int, column: str, cells: Mapping[str, Any]) -> int | None:
        text = cells.get(column)
        if text is None:
            return None
        try:
            seconds = parse_clock(text)
        except ValueError:
            self._note("stop_times", row, column, f"{text[:20]!r} is no time", "took it as empty")
            return None
        if seconds > _LATEST_S:
            self._note("stop_times", row, column, f"{text} is days away", "took it as empty")
            return None
        return seconds

    def _trip(
        self, id_: str, row: int, cells: Mapping[str, Any], calls: list[_Call]
    ) -> FeedTrip | None:
        route, service = cells.get("route_id"), cells.get("service_id")
        if route not in self._routes:
            self._note("trips", row, "route_id", f"no line {route!r}", "left the trip out")
            return None
        if service not in self._services:
            self._note("trips", row, "service_id", f"no service {service!r}", "left the trip out")
            return None
        timed = self._timed(id_, row, self._in_order(calls))
        if timed is None:
            return None
        arrivals, departures, calls = timed
        shape, direction = cells.get("shape_id"), cells.get("direction_id")
        wheelchair, bikes = cells.get("wheelchair_accessible"), cells.get("bikes_allowed")
        return FeedTrip(
            id=id_,
            route_id=str(route),
            service_id=str(service),
            stop_ids=tuple(call.stop_id for call in calls),
            arrivals=arrivals,
            departures=departures,
            boards=tuple(call.boards for call in calls),
            alights=tuple(call.alights for call in calls),
            headsign=cells.get("trip_headsign") or "",
            direction=direction if direction in (0, 1) else -1,
            wheelchair=wheelchair if wheelchair in (1, 2) else 0,
            note=cells.get("trip_short_name") or "",
            shape_id=shape if shape in self._shapes else "",
            sequences=tuple(call.sequence for call in calls),
            bikes=bikes if bikes in (1, 2) else 0,
        )

    def _in_order(self, calls: list[_Call]) -> list[_Call]:
        ordered: list[_Call] = []
        for call in sorted(calls, key=lambda call: call.sequence):
            if ordered and call.sequence == ordered[-1].sequence:
                problem = f"{call.sequence} a second time"
                self._note("stop_times", call.row, "stop_sequence", problem, "ignored the call")
            else:
                if call.sequence < 0:
                    self._note(
                        "stop_times", call.row, "stop_sequence", "negative", "kept its order"
                    )
                ordered.append(call)
        return ordered

    def _timed(
        self, id_: str, row: int, calls: list[_Call]
    ) -> tuple[tuple[int, ...], tuple[int, ...], list[_Call]] | None:
        """Arrivals and departures without gaps, never running backwards."""
        if len(calls) < 2:
            self._note("trips", row, "trip_id", f"{id_!r} has fewer than two calls", "left it out")
            return None
        arrivals = [c.departure if c.arrival is None else c.arrival for c in calls]
        departures = [c.arrival if c.departure is None else c.departure for c in calls]
        if arrivals[0] is None or arrivals[-1] is None:
            problem = f"{id_!r} has no time at its first or last call"
            self._note("stop_times", calls[0].row, "arrival_time", problem, "left the trip out")
            return None
        filled = interpolated(arrivals, departures, [self._positions[c.stop_id] for c in calls])
        arrivals_s, departures_s = filled
        last = arrivals_s[0]
        for call, arrives, departs in zip(calls, arrivals_s, departures_s, strict=True):
            if not last <= arrives <= departs:
                problem = f"{id_!r} runs backwards in time"
                self._note("stop_times", call.row, "arrival_time", problem, "left the trip out")
                return None
            last = departs
        return tuple(arrivals_s), tuple(departures_s), calls

    def _expanded(
        self, trips: dict[str, FeedTrip], frequencies: Sequence[Row]
    ) -> tuple[FeedTrip, ...]:
        by_headway: dict[str, FeedTrip] = {}
        expanded: dict[str, FeedTrip] = {}
        for row, cells in frequencies:
            trip = trips.get(cells.get("trip_id") or "")
            window = self._window(cells)
            if trip is None or window is None:
                self._note(
                    "frequencies", row, "trip_id", "incomplete or unknown", "ignored the row"
                )
                continue
            by_headway[trip.id] = trip
            for start in window:
                moved = f"{trip.id}@{format_clock(start)}"
                shift = start - trip.departures[0]
                expanded[moved] = replace(
                    trip,
                    id=moved,
                    arrivals=tuple(t + shift for t in trip.arrivals),
                    departures=tuple(t + shift for t in trip.departures),
                )
        return (*(t for t in trips.values() if t.id not in by_headway), *expanded.values())

    @staticmethod
    def _window(cells: Mapping[str, Any]) -> range | None:
        headway = cells.get("headway_secs")
        try:
            start, end = parse_clock(cells["start_time"]), parse_clock(cells["end_time"])
        except (KeyError, ValueError, AttributeError):
            return None
        if headway is None or headway <= 0 or end > _LATEST_S:
            return None
        window = range(start, end, headway)
        return window if 0 < len(window) <= _MAX_EXPANDED else None


def interpolated(
    arrivals: Sequence[int | None], departures: Sequence[int | None], at: Sequence[LatLon]
) -> tuple[list[int], list[int]]:
    """Fill times between timed calls in proportion to the straight-line way from stop to stop.

    The first and the last call must have a time.
    """
    way = [0.0]
    for here, there in pairwise(at):
        way.append(way[-1] + max(distance_m(here, there), 1.0))
    arrivals_s, departures_s = list(arrivals), list(departures)
    known = [i for i, time in enumerate(arrivals) if time is not None]
    for before, after in pairwise(known):
        start, end = departures_s[before], arrivals_s[after]
        if start is None or end is None:
            raise ValueError("a call has an arrival but no departure")
        for i in range(before + 1, after):
            share = (way[i] - way[before]) / (way[after] - way[before])
            arrivals_s[i] = departures_s[i] = start + int((end - start) * share)
    return (
        [time for time in arrivals_s if time is not None],
        [time for time in departures_s if time is not None],
    )
