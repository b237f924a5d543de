"""The city's timetable as a GTFS feed: written from its facts, or taken as it is.

A city whose folder holds ``feed.zip`` or a folder ``feed/`` of GTFS tables brings its own; else the
feed is written from ``network/``. The same input on the same day gives the same bytes. References:
gtfs.org, Schedule Reference.
"""

from __future__ import annotations

import csv
import io
import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from math import ceil
from pathlib import Path

from gtfs.geo import distance_m
from mobility.cities.city import City
from mobility.cities.days import DayType, usual_day_type
from mobility.cities.network_facts import (
    Line,
    NetworkFacts,
    NetworkRules,
    StopFact,
    read_network,
    services_of,
)
from mobility.cities.rows import CityDataError
from mobility.cities.stations import Station, group_stations
from mobility.cities.trips import DAILY, NIGHTLY, Trip, calls_of, list_trips

ROUTE_TYPES = {"bus": 3, "ferry": 4}
WEEK = {
    DayType.WEEKDAY.value: (1, 1, 1, 1, 1, 0, 0),
    DayType.SATURDAY.value: (0, 0, 0, 0, 0, 1, 0),
    DayType.SUNDAY.value: (0, 0, 0, 0, 0, 0, 1),
    **dict.fromkeys((DAILY, *NIGHTLY.values()), (1, 1, 1, 1, 1, 1, 1)),
}
_ADDED, _REMOVED = 1, 2
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)

Row = Sequence[object]
Table = tuple[Row, Iterable[Row]]


def write_feed(city: City, path_zip: Path, today: date) -> None:
    """Write the city's GTFS feed to ``path_zip``, replacing it as one step.

    Written from facts it is valid from a week before ``today`` to 400 days after.

    Raises:
        CityDataError: the city has neither a feed nor facts, or the facts do not fit together.
    """
    ready = city.folder / "feed.zip"
    if ready.is_file():
        content = ready.read_bytes()
    elif (city.folder / "feed").is_dir():
        files = sorted((city.folder / "feed").glob("*.txt"))
        content = _zipped({file.name: file.read_bytes() for file in files})
    elif city.network is not None:
        content = _zipped(_tables(city, city.network, today))
    else:
        raise CityDataError(
            city.folder / "city.toml", "", "the city has no feed.zip, no feed/ and no [network]"
        )
    partial = path_zip.with_name(path_zip.name + f".{os.getpid()}.partial")
    partial.write_bytes(content)
    partial.replace(path_zip)


def _tables(city: City, rules: NetworkRules, today: date) -> dict[str, bytes]:
    facts = read_network(city.folder / "network", rules)
    trips = list_trips(facts, rules)
    served = {stop.stop_id for route in facts.routes.values() for stop in route}
    stations = group_stations(
        (stop for stop in facts.stops.values() if stop.stop_id in served), rules.station_radius_m
    )
    first, last = services_of(today)
    services = [service for service in WEEK if any(trip.service == service for trip in trips)]
    tables: dict[str, Table] = {
        "agency.txt": _agency(city, rules),
        "attributions.txt": _attributions(city),
        "calendar.txt": _calendar(services, first, last),
        "calendar_dates.txt": _calendar_dates(city, services, first, last),
        "feed_info.txt": _feed_info(city, rules, today, first, last),
        "routes.txt": _routes(facts.lines),
        "shapes.txt": _shapes(facts),
        "stop_times.txt": _stop_times(trips, facts, rules),
        "stops.txt": _stops(stations),
        "transfers.txt": _transfers(stations, rules),
        "trips.txt": _trips(trips, facts),
    }
    return {name: _csv(table) for name, table in tables.items()}


def _agency(city: City, rules: NetworkRules) -> Table:
    head = ("agency_id", "agency_name", "agency_url", "agency_timezone", "agency_lang")
    zone = city.timezone.key
    return head, [(a.id, a.name, a.url, zone, rules.language) for a in rules.agency]


def _attributions(city: City) -> Table:
    head = ("attribution_id", "organization_name", "is_producer", "attribution_url")
    return head, [
        (number, f"{a.text} ({a.licence}): {a.covers}", 1, a.url)
        for number, a in enumerate(city.attributions, start=1)
    ]


def _calendar(services: Sequence[str], first: date, last: date) -> Table:
    week = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    return ("service_id", *week, "start_date", "end_date"), [
        (service, *WEEK[service], _day(first), _day(last)) for service in services
    ]


def _calendar_dates(city: City, services: Sequence[str], first: date, last: date) -> Table:
    def rows() -> Iterator[Row]:
        for offset in range((last - first).days + 1):
            on = first + timedelta(days=offset)
            for hour, service in NIGHTLY.items():
                if service in services and not _is_there(on + timedelta(days=1), hour, city):
                    yield service, _day(on), _REMOVED
            usual, real = usual_day_type(on), city.day_type(on)
            if usual == real:
                continue
            if usual in services:
                yield usual.value, _day(on), _REMOVED
            if real in services:
                yield real.value, _day(on), _ADDED

    return ("service_id", "date", "exception_type"), rows()


def _is_there(on: date, hour: int, city: City) -> bool:
    """Whether the city's clock shows that hour on that day; in spring it skips one."""
    at = datetime.combine(on, time(hour), city.timezone)
    return at.astimezone(UTC).astimezone(city.timezone).hour == hour


def _feed_info(city: City, rules: NetworkRules, today: date, first: date, last: date) -> Table:
    head = (
        "feed_publisher_name",
        "feed_publisher_url",
        "feed_lang",
        "feed_start_date",
        "feed_end_date",
        "feed_version",
    )
    version = f"{city.name}-{today.isoformat()}"
    row = (rules.publisher, rules.publisher_url, rules.language, _day(first), _day(last), version)
    return head, [row]


def _routes(lines: Sequence[Line]) -> Table:
    head = (
        "route_id",
        "agency_id",
        "route_short_name",
        "route_long_name",
        "route_type",
        "route_color",
        "route_text_color",
        "route_sort_order",
    )
    return head, [
        (
            line.line_id,
            line.agency_id,
            line.short_name,
            line.long_name,
            ROUTE_TYPES[line.mode],
            line.colour,
            _readable_on(line.colour),
            number,
        )
        for number, line in enumerate(lines, start=1)
    ]


def _readable_on(colour: str) -> str:
    """Black or white, whichever contrasts more (relative luminance of WCAG 2.2)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "000000" if (luminance + 0.05) ** 2 > 1.05 * 0.05 else "FFFFFF"


def _shapes(facts: NetworkFacts) -> Table:
    head = ("shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence", "shape_dist_traveled")
    return head, (
        (f"{line}-{direction}", stop.lat, stop.lon, call.position, call.along_m)
        for (line, direction), route in facts.routes.items()
        for call in route
        for stop in [facts.stops[call.stop_id]]
    )


def _trips(trips: Sequence[Trip], facts: NetworkFacts) -> Table:
    """The trips; ``trip_short_name``, which riders see, says what is estimated or derived."""
    head = (
        "route_id",
        "service_id",
        "trip_id",
        "trip_headsign",
        "trip_short_name",
        "direction_id",
        "shape_id",
    )

    def headsign(trip: Trip) -> str:
        route = facts.routes[trip.line_id, trip.direction]
        if trip.last_position == len(route) - 1:
            return facts.headsigns[trip.line_id, trip.direction]
        return facts.stops[route[trip.last_position].stop_id].name

    return head, (
        (
            trip.line_id,
            trip.service,
            trip.id,
            headsign(trip),
            trip.note,
            trip.direction,
            f"{trip.line_id}-{trip.direction}",
        )
        for trip in trips
    )


def _stop_times(trips: Sequence[Trip], facts: NetworkFacts, rules: NetworkRules) -> Table:
    head = (
        "trip_id",
        "arrival_time",
        "departure_time",
        "stop_id",
        "stop_sequence",
        "shape_dist_traveled",
        "timepoint",
    )

    def rows() -> Iterator[Row]:
        for trip in trips:
            for number, call in enumerate(calls_of(trip, facts, rules)):
                yield (
                    trip.id,
                    _clock(call.arrival),
                    _clock(call.departure),
                    call.stop_id,
                    number,
                    call.along_m,
                    int(number == 0),
                )

    return head, rows()


def _stops(stations: Sequence[Station]) -> Table:
    head = (
        "stop_id",
        "stop_name",
        "stop_lat",
        "stop_lon",
        "zone_id",
        "location_type",
        "parent_station",
    )

    def rows() -> Iterator[Row]:
        for station in stations:
            centre = station.position
            yield station.id, station.name, centre.lat, centre.lon, "", 1, ""
            for stop in station.stops:
                yield stop.stop_id, stop.name, stop.lat, stop.lon, stop.zone, 0, station.id

    return head, rows()


def _transfers(stations: Sequence[Station], rules: NetworkRules) -> Table:
    """The least time between the positions of one station: the walk, and some for finding it."""
    head = ("from_stop_id", "to_stop_id", "transfer_type", "min_transfer_time")

    def seconds(origin: StopFact, target: StopFact) -> int:
        metres = distance_m(origin.position, target.position)
        return ceil(metres * 3.6 / rules.transfer_walk_kmh) + rules.transfer_extra_seconds

    return head, (
        (origin.stop_id, target.stop_id, 2, seconds(origin, target))
        for station in stations
        for origin in station.stops
        for target in station.stops
        if origin is not target
    )


def _day(on: date) -> str:
    return on.strftime("%Y%m%d")


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _csv(table: Table) -> bytes:
    head, rows = table
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue().encode()


def _zipped(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _ZIP_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name])
    return buffer.getvalue()
