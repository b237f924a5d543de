"""Small random feeds, full of what goes wrong: loops, overtaking, nights, rules, odd footpaths."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from random import Random

from gtfs.feed import (
    Agency,
    Feed,
    FeedRoute,
    FeedStop,
    FeedTransfer,
    FeedTransferRule,
    FeedTrip,
    TransferKind,
)
from gtfs.geo import LatLon
from gtfs.journey import Access, Query
from gtfs.stands import Met
from gtfs.timetable import Timetable

DAYS = (date(2027, 3, 27), date(2027, 3, 28), date(2027, 10, 31), date(2026, 11, 25))


def random_feed(random: Random, day: date) -> Feed:
    """Up to 7 stops and 9 trips around a day."""
    n_stops = random.randint(2, 7)
    stops = [f"S{i}" for i in range(n_stops)]
    nearby = [day + timedelta(days=offset) for offset in (-2, -1, 0, 1)]
    services = {
        str(i): frozenset(random.sample(nearby, random.randint(1, 4))) | {day - timedelta(days=9)}
        for i in range(3)
    }
    trips: list[FeedTrip] = []
    for line in range(random.randint(1, 4)):
        calls = tuple(random.choice(stops) for _ in range(random.randint(2, 5)))
        boards = tuple(random.random() > 0.1 for _ in calls)
        alights = tuple(random.random() > 0.1 for _ in calls)
        for _ in range(random.randint(1, 3)):
            trips.append(_trip(random, f"{line}-{len(trips)}", calls, boards, alights))
    return Feed(
        tz_name="Europe/Berlin",
        agencies=(Agency("A", "A"),),
        stops=tuple(FeedStop(s, s, LatLon(i, i)) for i, s in enumerate(stops)),
        routes=(FeedRoute("R", "A", "R"),),
        services=services,
        trips=tuple(trips),
        transfers=tuple(_transfer(random, stops) for _ in range(random.randint(0, 6))),
    )


def with_in_seat(random: Random, feed: Feed) -> Feed:
    """The same with trips that go on as others: by block, by rule, also where that makes no sense.

    A trip goes on as a new one from where it ends; some blocks hold trips that overlap or begin
    elsewhere, some rules name trips of the day after or forbid what a block implies.
    """
    stops = [stop.id for stop in feed.stops]
    trips: list[FeedTrip] = []
    told: list[tuple[str, str, TransferKind]] = []
    for n, trip in enumerate(feed.trips):
        trips.append(replace(trip, block_id=random.choice(["", f"b{n}", f"b{n}", "b"])))
        for part in range(random.choice([0, 1, 1, 2, 3])):
            before = trips[-1]
            trips.append(_next_trip(random, f"{trip.id}+{part}", before, stops))
            if not before.block_id or random.random() < 0.1:
                told.append((before.id, trips[-1].id, TransferKind.IN_SEAT))
            elif random.random() < 0.1:
                told.append((before.id, trips[-1].id, TransferKind.NOT_IN_SEAT))
    if random.random() < 0.3:
        a, b = random.choices(trips, k=2)
        told.append((a.id, b.id, random.choice([TransferKind.IN_SEAT, TransferKind.NOT_IN_SEAT])))
    rules = tuple(FeedTransferRule("", "", "", "", *pair, kind, None) for *pair, kind in told)
    return replace(feed, trips=tuple(trips), transfer_rules=rules)


def with_rules(random: Random, feed: Feed) -> Feed:
    """The same with several lines, stations, and rules for lines and trips: vague, narrow, absurd.

    Some lie between lines of other stations, some contradict each other, some name a trip of
    another line.
    """
    stations = tuple(
        FeedStop(f"H{i}", f"H{i}", LatLon(i, -i), is_station=True)
        for i in range(random.randint(0, 2))
    )
    stops = tuple(
        replace(stop, parent_id=random.choice([None, *(s.id for s in stations)]))
        for stop in feed.stops
    )
    lines = ["R", "Q", "P"]
    by_line = random.random() < 0.7
    trips = tuple(
        replace(trip, route_id=lines[int(trip.id[0]) % 3] if by_line else random.choice(lines))
        for trip in feed.trips
    )
    places = {stop.id: [stop.id, stop.parent_id or stop.id] for stop in stops}
    rules = tuple(_rule(random, places, trips) for _ in range(random.choice([2, 6, 12, 30, 60])))
    return replace(
        feed,
        stops=(*stops, *stations),
        routes=tuple(FeedRoute(line, "A", line) for line in lines),
        trips=trips,
        transfer_rules=(*feed.transfer_rules, *rules),
    )


def busy_feed(random: Random, day: date) -> Feed:
    """Short lines between few stops that meet in half an hour, so that one must change."""
    feed = random_feed(random, day)
    stops = [f"S{i}" for i in range(random.randint(3, 5))]
    trips: list[FeedTrip] = []
    for line in range(random.randint(3, 6)):
        calls = tuple(random.choice(stops) for _ in range(random.choice([2, 2, 3, 4])))
        boards, alights = (tuple(random.random() > 0.05 for _ in calls) for _ in "ba")
        at, pace = random.randint(0, 15) * 60, random.choice([60, 120, 180])
        for _ in range(random.randint(1, 4)):
            times = tuple(at + pace * i for i in range(len(calls)))
            id_ = f"{line}-{len(trips)}"
            trips.append(FeedTrip(id_, "R", "always", calls, times, times, boards, alights))
            at += random.choice([0, 60, 180, 300, 600])
    return replace(
        feed,
        stops=tuple(FeedStop(s, s, LatLon(i, i)) for i, s in enumerate(stops)),
        services={"always": frozenset(day + timedelta(days=offset) for offset in (-2, -1, 0, 1))},
        trips=tuple(trips),
        transfers=tuple(_transfer(random, stops) for _ in range(random.randint(0, 6))),
    )


def chained_feed(random: Random, day: date) -> Feed:
    """Short lines one behind the other, met a few minutes apart, and some that lead further."""
    stops = [f"S{i}" for i in range(random.randint(6, 7))]
    ways = [stops[i : i + random.choice([2, 2, 2, 2, 2, 3])] for i in range(len(stops) - 1)]
    ways += [random.sample(stops, random.choice([2, 3])) for _ in range(random.randint(0, 3))]
    pace, trips = random.choice([4, 6, 8]), list[FeedTrip]()
    for line, calls in enumerate(ways):
        boards, alights = (tuple(random.random() > 0.02 for _ in calls) for _ in "ba")
        at = (pace * int(calls[0][1:]) + random.randint(0, 4)) * 60
        for _ in range(random.choice([1, 1, 2])):
            run_s = random.choice([60, 120, 180])
            times = tuple(at + run_s * i for i in range(len(calls)))
            id_ = f"{line}-{len(trips)}"
            trips.append(FeedTrip(id_, "R", "always", tuple(calls), times, times, boards, alights))
            at += random.choice([60, 240, 480, 1200])
    return replace(
        random_feed(random, day),
        stops=tuple(FeedStop(s, s, LatLon(i, i)) for i, s in enumerate(stops)),
        services={"always": frozenset({day, day + timedelta(days=1)})},
        trips=tuple(trips),
        transfers=tuple(_transfer(random, stops) for _ in range(random.randint(0, 3))),
    )


def _rule(
    random: Random, places: dict[str, list[str]], trips: tuple[FeedTrip, ...]
) -> FeedTransferRule:
    """A rule for a change that two trips allow, mostly."""
    before, after = random.choice(trips), random.choice(trips)
    start, end = random.choice(before.stop_ids[1:]), random.choice(after.stop_ids[:-1])
    shared = sorted({*before.stop_ids[1:]} & {*after.stop_ids[:-1]})
    if shared and random.random() < 0.7:
        start = end = random.choice(shared)
    if random.random() < 0.05:
        start, before = random.choice(list(places)), random.choice(trips)
    sides = [
        before.route_id if random.random() < 0.4 else "",
        after.route_id if random.random() < 0.4 else "",
        before.id if random.random() < 0.4 else "",
        after.id if random.random() < 0.4 else "",
    ]
    if not any(sides):
        sides[random.randrange(2)] = before.route_id
    return FeedTransferRule(
        random.choice(places[start]),
        random.choice(places[end]),
        *sides,
        random.choice([TransferKind(kind) for kind in (0, 1, 2, 2, 3, 3)]),
        random.choice([None, None, 0, 60, 150, 400]),
    )


def _next_trip(random: Random, id_: str, before: FeedTrip, stops: list[str]) -> FeedTrip:
    """A trip of the same block from where one ends, mostly."""
    calls = (before.stop_ids[-1], *random.choices(stops, k=random.randint(1, 3)))
    if random.random() < 0.3:
        calls = tuple(reversed(before.stop_ids))
    if random.random() < 0.1:
        calls = tuple(random.choices(stops, k=2))
    boards, alights = (tuple(random.random() > 0.1 for _ in calls) for _ in "ba")
    trip = _trip(random, id_, calls, boards, alights)
    starts = before.arrivals[-1] + random.choice([0, 0, 60, 600, -60])
    if random.random() < 0.1:
        starts -= 86_400
    moved = max(starts - trip.departures[0], -trip.arrivals[0])
    return replace(
        trip,
        service_id=before.service_id if random.random() < 0.7 else trip.service_id,
        block_id=before.block_id,
        arrivals=tuple(t + moved for t in trip.arrivals),
        departures=tuple(t + moved for t in trip.departures),
    )


def _trip(
    random: Random,
    id_: str,
    calls: tuple[str, ...],
    boards: tuple[bool, ...],
    alights: tuple[bool, ...],
) -> FeedTrip:
    at = random.choice([0, 300, 1500]) * 60 if random.random() < 0.2 else random.randint(0, 60) * 60
    arrivals, departures = [], []
    for _ in calls:
        at += random.choice([0, 1, 2, 5, 30]) * 60
        arrivals.append(at)
        at += random.choice([0, 0, 0, 60, 90])
        departures.append(at)
    return FeedTrip(
        id_, "R", random.choice("012"), calls, tuple(arrivals), tuple(departures), boards, alights
    )


def _transfer(random: Random, stops: list[str]) -> FeedTransfer:
    kind = TransferKind.IMPOSSIBLE if random.random() < 0.1 else TransferKind.MIN_TIME
    return FeedTransfer(
        random.choice(stops), random.choice(stops), kind, random.choice([0, 60, 120, 240, 400])
    )


def random_query(random: Random, timetable: Timetable, day: date, *, latest: bool = False) -> Query:
    """A door-to-door or stop-to-stop query within two hours of midnight or the day's start."""
    stops = [stop.idx for stop in timetable.stops]

    def ends() -> tuple[Access, ...]:
        return tuple(
            Access(random.choice(stops), random.choice([0, 0, 30, 200]))
            for _ in range(random.choice([1, 1, 1, 3]))
        )

    seconds = random.choice([random.randint(-60, 100) * 60, random.randint(0, 90_000)])
    most = random.choice([0, 1, 2, 7])
    if len(timetable.transfer_rules.seconds) and random.random() < 0.9:
        seconds, most = random.randint(0, 12) * 60 + latest * 1500, random.choice([1, 2, 7])
    query = Query(day, seconds, ends(), ends(), most, random.random() < 0.5)
    if len(timetable.transfer_rules.seconds) and not query.walk_at_ends and random.random() < 0.5:
        rides = (_met(random, timetable, day), _met(random, timetable, day))
        return query._replace(came_by=rides[0], goes_by=rides[1])
    return query


def _met(random: Random, timetable: Timetable, day: date) -> Met | None:
    """A ride of the day before or after the asked ones, to or from which one changes somewhere."""
    running = timetable.active_services(day)[timetable.trips.service].nonzero()[0].tolist()
    if random.random() < 0.4 or not running:
        return None
    patterns, trip = timetable.patterns, random.choice(running)
    pattern = int(timetable.trips.pattern[trip])
    calls = patterns.stops[patterns.stop0[pattern] : patterns.stop0[pattern + 1]].tolist()
    stops = [stop.idx for stop in timetable.stops]
    near = frozenset(random.sample(stops, random.randint(1, len(stops))))
    return Met(random.choice(calls), trip, near, random.choice([0, 0, 120]))
