"""Lines, transfers between stops, and what a feed says of itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from gtfs.defects import Kind, Severity
from gtfs.feed import (
    Agency,
    FeedInfo,
    FeedRoute,
    FeedStop,
    FeedTransfer,
    FeedTransferRule,
    TransferKind,
)
from gtfs.records import Record

_BUS = 3
_OF_ROUTES = ("from_route_id", "to_route_id")
_OF_TRIPS = ("from_trip_id", "to_trip_id")


def routes_of(rows: Sequence[Record], agencies: tuple[Agency, ...]) -> tuple[FeedRoute, ...]:
    """Every line with an id of its own and an agency."""
    known = {agency.id for agency in agencies}
    routes: dict[str, FeedRoute] = {}
    named: dict[tuple[str, str, str], str] = {}
    for row in rows:
        id_ = row.text("route_id")
        if not id_ or id_ in routes:
            kind = Kind.DUPLICATE if id_ else Kind.MISSING_VALUE
            problem = f"{id_!r} a second time" if id_ else "is empty"
            row.say("route_id", kind, problem, "ignored the row", Severity.ERROR)
            continue
        agency = _agency_of(row, agencies, known)
        if agency is None:
            continue
        type_ = row.number("route_type", 0)
        if type_ is None:
            row.say("route_type", Kind.MISSING_VALUE, "is missing", "took it as a bus")
        short, long = row.text("route_short_name"), row.text("route_long_name")
        _say_names(row, short, long)
        other = named.setdefault((agency, short, long), id_)
        if other != id_:
            problem = f"{short or long!r} is the name of {other!r} too"
            row.say("route_short_name", Kind.DUPLICATE, problem, "kept both", Severity.NOTE)
        routes[id_] = FeedRoute(
            id=id_,
            agency_id=agency,
            short_name=short,
            long_name=long,
            color=row.text("route_color"),
            text_color=row.text("route_text_color"),
            type=_BUS if type_ is None else type_,
            network_id=row.text("network_id"),
        )
    return tuple(routes.values())


def _agency_of(row: Record, agencies: tuple[Agency, ...], known: Collection[str]) -> str | None:
    agency = row.text("agency_id")
    if agency in known:
        return agency
    if len(agencies) > 1:
        problem = f"agency.txt has no {agency!r}" if agency else "is empty"
        row.say("agency_id", Kind.UNKNOWN_REFERENCE, problem, "left the line out", Severity.ERROR)
        return None
    if agency:
        problem = f"agency.txt has no {agency!r}"
        row.say("agency_id", Kind.UNKNOWN_REFERENCE, problem, "took the only agency")
    return agencies[0].id


def _say_names(row: Record, short: str, long: str) -> None:
    if not short and not long:
        row.say(
            "route_short_name", Kind.MISSING_VALUE, "neither a short nor a long name", "kept it"
        )
    elif short == long:
        row.say(
            "route_long_name", Kind.DUPLICATE, f"{long!r} is the short name too", "kept it",
            Severity.NOTE,
        )  # fmt: skip


def transfers_of(
    rows: Sequence[Record],
    stops: Sequence[FeedStop],
    routes: Collection[str],
    trips: Collection[str],
) -> tuple[tuple[FeedTransfer, ...], tuple[FeedTransferRule, ...]]:
    """Rules for stops and stations as such, and those that hold for some lines or trips only."""
    known = {stop.id for stop in stops}
    transfers: list[FeedTransfer] = []
    rules: list[FeedTransferRule] = []
    for row in rows:
        kind = TransferKind(row.choice("transfer_type", [kind.value for kind in TransferKind]))
        seconds = row.number("min_transfer_time", 0)
        start, end = row.text("from_stop_id"), row.text("to_stop_id")
        cells = {column: row.text(column) for column in (*_OF_ROUTES, *_OF_TRIPS)}
        stays = kind >= TransferKind.IN_SEAT
        lost = _unknown(row, cells, known, routes, trips, stops_may_lack=stays)
        if lost is not None:
            column, id_ = lost
            problem = f"there is no usable {id_!r}" if id_ else "is empty"
            reason = Kind.UNKNOWN_REFERENCE if id_ else Kind.MISSING_VALUE
            row.say(column, reason, problem, "ignored the row")
        elif stays or any(cells.values()):
            rules.append(FeedTransferRule(start, end, **cells, kind=kind, seconds=seconds))
        else:
            transfers.append(FeedTransfer(start, end, kind, seconds))
    return tuple(transfers), tuple(rules)


def _unknown(
    row: Record,
    cells: Mapping[str, str],
    stops: Collection[str],
    routes: Collection[str],
    trips: Collection[str],
    *,
    stops_may_lack: bool,
) -> tuple[str, str] | None:
    """The first column that names something unknown, and what it names."""
    for column in ("from_stop_id", "to_stop_id"):
        id_ = row.text(column)
        if id_ not in stops and (id_ or not stops_may_lack):
            return column, id_
    for columns, known in ((_OF_ROUTES, routes), (_OF_TRIPS, trips)):
        for column in columns:
            if cells[column] and cells[column] not in known:
                return column, cells[column]
    return None


def info_of(rows: Sequence[Record]) -> FeedInfo:
    """Who made the feed, and for when; the first row counts."""
    if not rows:
        return FeedInfo()
    row = rows[0]
    return FeedInfo(
        publisher=row.text("feed_publisher_name"),
        version=row.text("feed_version"),
        language=row.text("feed_lang"),
        first_day=row.day("feed_start_date") if row.text("feed_start_date") else None,
        last_day=row.day("feed_end_date") if row.text("feed_end_date") else None,
    )
