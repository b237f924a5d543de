"""Read a feed with gtfs-kit and check it: what can serve goes on, every defect is reported.

The only module that knows gtfs-kit and pandas. Reference: gtfs.org/documentation/schedule.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import gtfs_kit
from gtfs_kit.constants import DTYPES

from gtfs.feed import (
    Agency,
    Feed,
    FeedError,
    FeedRoute,
    FeedStop,
    FeedTransfer,
    Report,
    Severity,
    TransferKind,
)
from gtfs.geo import LatLon
from gtfs.raw_tables import GUARD, CleanTable, write_clean
from gtfs.service_days import Row, services_of
from gtfs.trips import TripReader

_TABLES = (
    "agency",
    "stops",
    "routes",
    "trips",
    "stop_times",
    "calendar",
    "calendar_dates",
    "frequencies",
    "transfers",
    "shapes",
)
_NEEDED = ("agency", "stops", "routes", "trips", "stop_times")


def read_feed(path: Path) -> tuple[Feed, Report]:
    """Read a zip file or folder of GTFS tables.

    Raises:
        FeedError: it can serve nobody; the message names why (no agency, no stops, …, no zip).
    """
    report = Report()
    tables = _read_tables(path, report)
    for name in _NEEDED:
        if not tables[name]:
            raise FeedError(f"the feed has no {name}.txt with rows in it")
    agencies, tz_name = _agencies(tables["agency"], report)
    stops = _stops(tables["stops"], tables["stop_times"], report)
    routes = _routes(tables["routes"], agencies, report)
    services = services_of(tables["calendar"], tables["calendar_dates"], report)
    if not stops:
        raise FeedError("no stop of the feed has an id and a position")
    if not routes:
        raise FeedError("no route of the feed has an id and an agency")
    shapes = _shapes(tables["shapes"], report)
    reader = TripReader(stops, {route.id for route in routes}, services, set(shapes), report)
    trips = reader.trips(tables["trips"], tables["stop_times"], tables["frequencies"])
    if not trips:
        raise FeedError("no trip of the feed has a route, a service and two timed calls")
    return (
        Feed(
            tz_name=tz_name,
            agencies=agencies,
            stops=stops,
            routes=routes,
            services=services,
            trips=trips,
            transfers=_transfers(tables["transfers"], {stop.id for stop in stops}, report),
            shapes=shapes,
        ),
        report,
    )


def _read_tables(path: Path, report: Report) -> dict[str, list[Row]]:
    with tempfile.TemporaryDirectory(prefix="gtfs-") as folder:
        types: Mapping[str, Mapping[str, str]] = {name: DTYPES[name] for name in _TABLES}
        clean = write_clean(path, types, Path(folder), report)
        kit = gtfs_kit.read_feed(Path(folder), dist_units="m")
    return {name: list(_rows(getattr(kit, name), clean.get(name))) for name in _TABLES}


def _rows(frame: Any, table: CleanTable | None) -> Iterator[Row]:
    """Rows of a DataFrame as plain values (missing: None) with their line in the file."""
    if frame is None or table is None:
        return
    columns = list(frame.columns)
    plain = frame.astype(object).where(frame.notna(), None)
    values = (plain[column].tolist() for column in columns)
    for line, cells in zip(table.lines, zip(*values, strict=True), strict=True):
        yield line, {c: _unguarded(v) for c, v in zip(columns, cells, strict=True)}


def _unguarded(value: Any) -> Any:
    return value.removeprefix(GUARD) if isinstance(value, str) else value


def _agencies(rows: list[Row], report: Report) -> tuple[tuple[Agency, ...], str]:
    agencies: dict[str, Agency] = {}
    zones: list[str] = []
    for row, cells in rows:
        id_ = cells.get("agency_id") or ""
        if id_ in agencies:
            report.add("agency", row, "agency_id", f"{id_!r} a second time", "ignored the row")
            continue
        agencies[id_] = Agency(id_, cells.get("agency_name") or id_, cells.get("agency_url") or "")
        zones.append(cells.get("agency_timezone") or "")
    tz_name = next((zone for zone in zones if _is_zone(zone)), None)
    if tz_name is None:
        raise FeedError(f"agency.txt names no time zone we know ({zones[0]!r})")
    if any(zone != tz_name for zone in zones):
        report.add("agency", None, "agency_timezone", "differs by agency", f"took {tz_name}")
    return tuple(agencies.values()), tz_name


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return bool(name)


def _stops(rows: list[Row], stop_times: list[Row], report: Report) -> tuple[FeedStop, ...]:
    called_at = {cells.get("stop_id") for _, cells in stop_times}
    stops: dict[str, FeedStop] = {}
    unplaced: list[tuple[int, FeedStop]] = []
    seen: set[str] = set()
    lines: dict[str, int] = {}
    for row, cells in rows:
        id_, kind = cells.get("stop_id"), cells.get("location_type") or 0
        if not id_:
            report.add("stops", row, "stop_id", "is empty", "ignored the row", Severity.ERROR)
            continue
        if id_ in seen:
            report.add("stops", row, "stop_id", f"{id_!r} a second time", "ignored the row")
            continue
        seen.add(id_)
        if kind not in (0, 1) and id_ not in called_at:
            continue
        lines[id_] = row
        if kind != 0 and id_ in called_at:
            report.add("stops", row, "location_type", f"{id_!r} is called at", "took it as a stop")
        position = _position(cells.get("stop_lat"), cells.get("stop_lon"))
        stop = FeedStop(
            id=id_,
            name=cells.get("stop_name") or id_,
            position=position or LatLon(0, 0),
            is_station=kind == 1 and id_ not in called_at,
            parent_id=cells.get("parent_station"),
            wheelchair=_one_of(cells.get("wheelchair_boarding"), (0, 1, 2)),
            zone_id=cells.get("zone_id") or "",
        )
        if position is None:
            unplaced.append((row, stop))
        else:
            stops[id_] = stop
    for row, stop in unplaced:
        parent = stops.get(stop.parent_id or "")
        if parent is None:
            report.add(
                "stops", row, "stop_lat", f"{stop.id!r} has no position", "left it out",
                Severity.ERROR,
            )  # fmt: skip
        else:
            report.add("stops", row, "stop_lat", "no position", "took that of its station")
            stops[stop.id] = replace(stop, position=parent.position)
    return tuple(_adopted(stop, stops, lines[stop.id], report) for stop in stops.values())


def _adopted(stop: FeedStop, stops: Mapping[str, FeedStop], row: int, report: Report) -> FeedStop:
    if stop.parent_id is None:
        return stop
    parent = stops.get(stop.parent_id)
    if parent is not None and parent.is_station and not stop.is_station:
        return stop
    problem = f"{stop.parent_id!r} is no station"
    report.add("stops", row, "parent_station", problem, "took the stop on its own")
    return replace(stop, parent_id=None)


def _position(lat: float | None, lon: float | None) -> LatLon | None:
    if lat is None or lon is None or (lat == 0 and lon == 0):
        return None
    try:
        return LatLon(float(lat), float(lon))
    except ValueError:
        return None


def _one_of(value: Any, allowed: tuple[int, ...]) -> int:
    return int(value) if value in allowed else allowed[0]


def _routes(rows: list[Row], agencies: tuple[Agency, ...], report: Report) -> tuple[FeedRoute, ...]:
    known = {agency.id for agency in agencies}
    routes: dict[str, FeedRoute] = {}
    for row, cells in rows:
        id_, agency, kind = cells.get("route_id"), cells.get("agency_id"), cells.get("route_type")
        if not id_ or id_ in routes:
            report.add(
                "routes", row, "route_id", f"{id_!r} is empty or repeated", "ignored the row"
            )
            continue
        if agency is None and len(known) == 1:
            agency = agencies[0].id
        elif agency not in known:
            problem = f"agency.txt has no {agency!r}"
            if len(known) > 1:
                report.add("routes", row, "agency_id", problem, "left the line out", Severity.ERROR)
                continue
            report.add("routes", row, "agency_id", problem, "took the only agency")
            agency = agencies[0].id
        if kind is None or kind < 0:
            report.add("routes", row, "route_type", "is missing", "took it as a bus")
            kind = 3
        routes[id_] = FeedRoute(
            id=id_,
            agency_id=agency,
            short_name=cells.get("route_short_name") or "",
            long_name=cells.get("route_long_name") or "",
            color=cells.get("route_color") or "",
            text_color=cells.get("route_text_color") or "",
            type=int(kind),
        )
    return tuple(routes.values())


def _transfers(rows: list[Row], stops: set[str], report: Report) -> tuple[FeedTransfer, ...]:
    transfers: list[FeedTransfer] = []
    for row, cells in rows:
        start, end = cells.get("from_stop_id"), cells.get("to_stop_id")
        kind, seconds = cells.get("transfer_type") or 0, cells.get("min_transfer_time")
        narrowed = ("from_route_id", "to_route_id", "from_trip_id", "to_trip_id")
        if kind not in (0, 1, 2, 3) or any(cells.get(column) is not None for column in narrowed):
            report.add("transfers", row, "", "is for some trips only", "ignored", Severity.NOTE)
        elif start not in stops or end not in stops:
            report.add("transfers", row, "from_stop_id", "unknown stop", "ignored the row")
        elif seconds is not None and seconds < 0:
            report.add("transfers", row, "min_transfer_time", "is negative", "ignored the row")
        else:
            transfers.append(FeedTransfer(start, end, TransferKind(kind), seconds))
    return tuple(transfers)


def _shapes(rows: list[Row], report: Report) -> dict[str, tuple[LatLon, ...]]:
    points: dict[str, list[tuple[int, LatLon]]] = {}
    for row, cells in rows:
        id_, order = cells.get("shape_id"), cells.get("shape_pt_sequence")
        position = _position(cells.get("shape_pt_lat"), cells.get("shape_pt_lon"))
        if not id_ or order is None or position is None:
            report.add("shapes", row, "shape_id", "incomplete point", "ignored it")
        else:
            points.setdefault(id_, []).append((order, position))
    shapes: dict[str, tuple[LatLon, ...]] = {}
    for id_, line in points.items():
        line.sort(key=lambda point: point[0])
        if len(line) > 1:
            shapes[id_] = tuple(position for _, position in line)
    return shapes
