"""Read a feed and check it: what can serve goes on, every defect is reported.

Large tables are read as columns (`columns`), small ones row by row (`records`). Reference:
gtfs.org/documentation/schedule.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from gtfs.calls import Places
from gtfs.change_rules import list_rules
from gtfs.columns import Names
from gtfs.defects import FeedError, Kind, Report, Severity
from gtfs.feed import Agency, Feed, FeedStop
from gtfs.feed_lines import info_of, routes_of, transfers_of
from gtfs.feed_stops import pathways_of, places_of, stops_of
from gtfs.in_seat import find_links
from gtfs.read_fares import read_fares
from gtfs.records import Record, read_records
from gtfs.service_days import read_services
from gtfs.shapes import read_shapes
from gtfs.source import Source, Watch, open_source
from gtfs.spec import NEEDED, UNUSED
from gtfs.trip_columns import TripColumns
from gtfs.trips import Ids, Known, read_trips


def read_feed(path: Path, watch: Watch | None = None) -> tuple[Feed, Report]:
    """Read a zip file or folder of GTFS tables; `watch` is told how far it is.

    Raises:
        FeedError: it can serve nobody; the message says what is missing (no agency, no stops, …,
            no zip), and its report holds what was found until then.
    """
    report = Report()
    try:
        return _read(open_source(path, report, watch), report), report
    except FeedError as error:
        error.report = report
        raise


def _read(source: Source, report: Report) -> Feed:
    _say_missing(source, report)
    agencies, tz_name = _agencies(_needed(source, "agency", report), report)
    ids = Ids.fresh()
    places = places_of(_needed(source, "stops", report))
    if not places:
        raise FeedError("no stop of the feed has an id and a position; check stops.txt")
    routes = routes_of(_needed(source, "routes", report), agencies)
    if not routes:
        raise FeedError("no route of the feed has an id and an agency; check routes.txt")
    services, defined = read_services(source, ids.services, report)
    shapes, drawn = read_shapes(source, ids.shapes, report)
    known_routes = np.ones(len(routes), np.bool_)
    for route in routes:
        ids.routes[route.id]  # numbers the lines in their order
    numbered = _numbered([stop for _, _, stop in places.values()], ids.stops)
    trips = read_trips(source, ids, Known(known_routes, defined, drawn, numbered), report)
    _refuse_empty(trips, report)
    if not services.active[np.unique(trips.service)].any():
        raise FeedError("no trip of the feed runs on any day; check trips.txt and calendar.txt")
    called_at = {ids.stops.values_[stop] for stop in np.unique(trips.stop).tolist()}
    found = stops_of(places, called_at)
    pathways = pathways_of(read_records(source, "pathways", report), places)
    if pathways:
        problem = f"{len(pathways)} ways inside stations"
        report.note("pathways", "", Kind.UNSUPPORTED, problem, "kept them beside the timetable")
    transfers, rules = transfers_of(
        read_records(source, "transfers", report),
        found.stops,
        {route.id for route in routes},
        set(trips.id),
    )
    list_rules(trips, services, found.stops, routes, rules, report)
    find_links(trips, services, found.stops, routes, rules, report)
    return Feed(
        tz_name=tz_name,
        agencies=agencies,
        stops=found.stops,
        routes=routes,
        services=services,
        trips=trips,
        transfers=transfers,
        shapes=shapes,
        transfer_rules=rules,
        fares=read_fares(source, {r.id: r.network_id for r in routes}, places, report),
        pathways=pathways,
        entrances=found.entrances,
        info=info_of(read_records(source, "feed_info", report)),
    )


def _say_missing(source: Source, report: Report) -> None:
    missing = [name for name in NEEDED if name not in source.members]
    for name in missing:
        report.add(
            name, None, "", Kind.MISSING_FILE, "is not in the feed", "refused the feed",
            Severity.ERROR,
        )  # fmt: skip
    if "calendar" not in source.members and "calendar_dates" not in source.members:
        report.add(
            "calendar", None, "", Kind.MISSING_FILE, "is not there, nor is calendar_dates.txt",
            "refused the feed", Severity.ERROR,
        )  # fmt: skip
    for name in sorted(UNUSED & set(source.members)):
        report.note(name, "", Kind.UNSUPPORTED, "is not used", "ignored it")
    if missing:
        raise _lacking(missing)


def _needed(source: Source, name: str, report: Report) -> list[Record]:
    rows = read_records(source, name, report)
    if not rows:
        raise _lacking([name])
    return rows


def _lacking(names: Sequence[str]) -> FeedError:
    files = ", ".join(f"no {name}.txt" for name in names)
    return FeedError(f"the feed has {files} with rows in it; ask for a whole GTFS Schedule feed")


def _refuse_empty(trips: TripColumns, report: Report) -> None:
    if len(trips):
        return
    empty = {finding.file for finding in report.findings if finding.kind is Kind.EMPTY_FILE}
    lacking = [name for name in ("trips", "stop_times") if name in empty]
    if lacking:
        raise _lacking(lacking)
    raise FeedError(
        "no trip of the feed has a route, a service and two timed calls; "
        "check trips.txt, calendar.txt and stop_times.txt"
    )


def _numbered(stops: Sequence[FeedStop], names: Names) -> Places:
    """The stops numbered in their order, with their positions."""
    for stop in stops:
        names[stop.id]  # numbers them
    return Places(
        np.ones(len(stops), np.bool_),
        np.array([stop.position.lat for stop in stops], np.float64),
        np.array([stop.position.lon for stop in stops], np.float64),
    )


def _agencies(rows: Sequence[Record], report: Report) -> tuple[tuple[Agency, ...], str]:
    agencies: dict[str, Agency] = {}
    zones: list[str] = []
    for row in rows:
        id_ = row.text("agency_id")
        if id_ in agencies:
            row.say("agency_id", Kind.DUPLICATE, f"{id_!r} a second time", "ignored the row")
            continue
        if not id_ and len(rows) > 1:
            row.say("agency_id", Kind.MISSING_VALUE, "is empty", "kept it without an id")
        if not row.text("agency_name"):
            row.say("agency_name", Kind.MISSING_VALUE, "is empty", "took its id")
        agencies[id_] = Agency(
            id_, row.text("agency_name") or id_, row.text("agency_url"), row.line
        )
        zones.append(row.text("agency_timezone"))
        if not _is_zone(zones[-1]):
            row.bad("agency_timezone", f"{zones[-1][:40]!r} is no time zone", "took another one")
    tz_name = next((zone for zone in zones if _is_zone(zone)), None)
    if tz_name is None:
        raise FeedError(
            f"agency.txt names no time zone we know ({zones[0][:40]!r}); "
            "it must be one like Europe/Berlin"
        )
    if any(zone != tz_name for zone in zones):
        report.add(
            "agency", None, "agency_timezone", Kind.CONTRADICTION, "differs by agency",
            f"took {tz_name}",
        )  # fmt: skip
    return tuple(agencies.values()), tz_name


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return bool(name)
