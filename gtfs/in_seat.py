"""Which trips go on as another one without anybody having to get off: GTFS's in-seat transfers.

Two sources: transfers.txt names pairs of trips (transfer_type 4, or 5 where one must get off), and
trips of one block_id are done by one vehicle, one after the other. Reference: "Linked trips" and
block_id of gtfs.org/documentation/schedule/reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gtfs.defects import Kind, Report
from gtfs.feed import FeedRoute, FeedStop, FeedTransferRule, TransferKind
from gtfs.service_time import DAY_S
from gtfs.tables import InSeatTable
from gtfs.trip_columns import Services, TripColumns

LONGEST_WAIT_S = 30 * 60
"""Who must sit longer in a standing vehicle has two rides, to the search and to the tariff."""
MOST_SUCCESSORS = 3
"""On a day; a train that is split is split into no more."""

_BASIC = {1: 2, 2: 3, 4: 1, 7: 3, 9: 0, 10: 4, 12: 4}
"""route_type of hundreds of extended ones: train, coach, underground, bus, tram, ship, ferry."""

_Pair = tuple[int, int]


@dataclass(slots=True)
class _Links:
    """Days (bit i: day i of the services) of each pair of trips, and of what else is known."""

    trips: TripColumns
    days: list[int]
    """Of each trip."""
    first_s: list[int]
    last_s: list[int]
    place: Mapping[str, str]
    """The station of each stop, or the stop itself."""
    seller: Mapping[str, tuple[str, int]]
    """Of each line who runs it and with what."""
    report: Report
    found: dict[_Pair, int] = field(default_factory=dict)
    next_day: set[_Pair] = field(default_factory=set)
    """Pairs whose second trip runs on the day after."""
    apart: set[_Pair] = field(default_factory=set)
    named: dict[int, int] = field(default_factory=dict)
    """Days on which transfers.txt says how a trip goes on."""


def find_links(
    trips: TripColumns,
    services: Services,
    stops: Sequence[FeedStop],
    routes: Sequence[FeedRoute],
    rules: Sequence[FeedTransferRule],
    report: Report | None = None,
) -> InSeatTable:
    """The pairs of trips, by their place in ``trips``, and the days of the first one.

    What transfers.txt names comes before what a block implies: the next trip of the block on that
    day, if it begins where the one before ends (at the stop, or in its station), at its arrival or
    at most ``LONGEST_WAIT_S`` later. Trips of a block that overlap on a day are not joined on it,
    as nobody could tell which one goes on, nor are trips of two operators or kinds of vehicle, of
    which a ride would have two prices; the report says so.
    """
    number = {id_: row for row, id_ in enumerate(services.id)}
    bits = np.packbits(services.active, axis=1, bitorder="little")
    of_service = [int.from_bytes(row.tobytes(), "little") for row in bits]
    of_id = [of_service[number[id_]] if id_ in number else 0 for id_ in trips.service_ids]
    links = _Links(
        trips,
        [of_id[service] for service in trips.service.tolist()],
        trips.departure[trips.call0[:-1]].tolist(),
        trips.arrival[trips.call0[1:] - 1].tolist(),
        {stop.id: stop.parent_id or stop.id for stop in stops},
        {route.id: (route.agency_id, _vehicle(route.type)) for route in routes},
        report or Report(),
    )
    _read_rules(links, rules)
    for block in _blocks(trips):
        _read_block(links, block)
    return _table(links, services)


def _read_rules(links: _Links, rules: Sequence[FeedTransferRule]) -> None:
    told = [rule for rule in rules if rule.kind >= TransferKind.IN_SEAT]
    wanted = {id_ for rule in told for id_ in (rule.from_trip_id, rule.to_trip_id)}
    index = {id_: i for i, id_ in enumerate(links.trips.id) if id_ in wanted} if wanted else {}
    pairs: dict[_Pair, TransferKind] = {}
    after: dict[int, int] = {}
    for rule in told:
        if not rule.from_trip_id or not rule.to_trip_id:
            _say(links, "from_trip_id", f"transfer_type {rule.kind} without two trips")
        elif rule.from_trip_id in index and rule.to_trip_id in index:
            pair = index[rule.from_trip_id], index[rule.to_trip_id]
            pairs[pair] = max(rule.kind, pairs.get(pair, rule.kind))
    for (a, b), kind in pairs.items():
        if kind is TransferKind.NOT_IN_SEAT:
            links.apart.add((a, b))
            continue
        late = links.last_s[a] - links.first_s[b]
        if not _alike(links, a, b):
            continue
        days = links.days[a] & (links.days[b] if late <= 0 else links.days[b] >> 1)
        if why_not := _why_not(links, a, b, days, after.get(a, 0)):
            _say(links, "to_trip_id", f"{links.trips.id[a]!r} and {links.trips.id[b]!r} {why_not}")
            continue
        after[a] = after.get(a, 0) + 1
        links.found[a, b] = days
        links.named[a] = links.named.get(a, 0) | days
        if late > 0:
            links.next_day.add((a, b))


def _why_not(links: _Links, a: int, b: int, days: int, n_others: int) -> str:
    """What is against joining two trips that transfers.txt names; empty if nothing is."""
    late = links.last_s[a] - links.first_s[b]
    if late > DAY_S or not days or a == b:
        return "never follow each other on a day"
    if (DAY_S if late > 0 else 0) - late > LONGEST_WAIT_S:
        return "have more than half an hour between them"
    if n_others == MOST_SUCCESSORS:
        return f"would be joined besides {n_others} other successors"
    return ""


def _say(links: _Links, column: str, problem: str) -> None:
    links.report.add("transfers", None, column, Kind.CONTRADICTION, problem, "joined nothing")


def _blocks(trips: TripColumns) -> Iterator[list[int]]:
    """The trips of each block of several."""
    blank = [text for text, value in enumerate(trips.texts) if not value]
    rows = np.flatnonzero(~np.isin(trips.block, blank))
    rows = rows[np.argsort(trips.block[rows], kind="stable")]
    edges = np.flatnonzero(np.diff(trips.block[rows])) + 1
    for block in np.split(rows, edges):
        if len(block) > 1:
            yield block.tolist()


def _read_block(links: _Links, block: list[int]) -> None:
    """Join each trip of a block with the next one of each day."""
    first_s, last_s, days = links.first_s, links.last_s, links.days
    block.sort(key=lambda trip: (first_s[trip], last_s[trip], links.trips.id[trip]))
    torn = _overlapping(links, block)
    for n, a in enumerate(block):
        left = days[a] & ~links.named.get(a, 0) & ~torn.get(a, 0)
        for b in block[n + 1 :]:
            if not left:
                break
            if first_s[b] < last_s[a] or not (shared := left & days[b]):
                continue
            left &= ~shared
            shared &= ~torn.get(b, 0)
            if not shared or (a, b) in links.apart or not _meet(links, a, b):
                continue
            if first_s[b] - last_s[a] > LONGEST_WAIT_S:
                continue
            if _alike(links, a, b):
                links.found[a, b] = shared


def _overlapping(links: _Links, block: Sequence[int]) -> dict[int, int]:
    """The days on which a trip of a block runs while another one does."""
    torn: dict[int, int] = {}
    for n, a in enumerate(block):
        for b in block[n + 1 :]:
            if links.first_s[b] >= links.last_s[a]:
                break
            if shared := links.days[a] & links.days[b]:
                torn[a] = torn.get(a, 0) | shared
                torn[b] = torn.get(b, 0) | shared
    if torn:
        name = links.trips.texts[links.trips.block[block[0]]]
        links.report.add(
            "trips", None, "block_id", Kind.CONTRADICTION,
            f"{len(torn)} trips of block {name!r} overlap", "joined none of them on those days",
        )  # fmt: skip
    return torn


def _alike(links: _Links, a: int, b: int) -> bool:
    """Whether one operator runs both trips with one kind of vehicle."""
    trips = links.trips
    first, second = (links.seller[trips.route_ids[trips.route[trip]]] for trip in (a, b))
    if first != second:
        links.report.add(
            "trips", None, "block_id", Kind.CONTRADICTION,
            f"{trips.id[b]!r} goes on from {trips.id[a]!r} with another operator or vehicle",
            "joined nothing",
        )  # fmt: skip
    return first == second


def _vehicle(route_type: int) -> int:
    """The kind of a route_type; extended ones by their hundreds (100 to 117 are all trains)."""
    hundreds = route_type // 100
    return _BASIC.get(hundreds, route_type) if hundreds else route_type


def _meet(links: _Links, a: int, b: int) -> bool:
    """Whether a trip begins where another one ends."""
    trips = links.trips
    end, start = trips.stop[trips.call0[a + 1] - 1], trips.stop[trips.call0[b]]
    return links.place[trips.stop_ids[end]] == links.place[trips.stop_ids[start]]


def _table(links: _Links, services: Services) -> InSeatTable:
    pairs = sorted(links.found)
    rows = {days: row for row, days in enumerate(dict.fromkeys(links.found[p] for p in pairs))}
    n_days = services.active.shape[1]
    width = -(-n_days // 8)
    packed = np.frombuffer(b"".join(days.to_bytes(width, "little") for days in rows), np.uint8)
    bits = np.unpackbits(packed.reshape(len(rows), width), axis=1, bitorder="little")
    return InSeatTable(
        np.array([a for a, _ in pairs], np.int32),
        np.array([b for _, b in pairs], np.int32),
        np.array([pair in links.next_day for pair in pairs], np.int8),
        np.array([rows[links.found[pair]] for pair in pairs], np.int32),
        np.ascontiguousarray(bits[:, :n_days], np.bool_),
    )


def runs_on(table: InSeatTable, day: int) -> NDArray[np.bool_]:
    """Which pairs are joined on a day of the timetable, counted from its first."""
    if not 0 <= day < table.active.shape[1]:
        return np.zeros(len(table.from_trip), np.bool_)
    joined: NDArray[np.bool_] = table.active[table.days, day]
    return joined
