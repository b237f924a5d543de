"""What transfers.txt rules about changing between some lines and trips only.

Definition: docs/decisions/0035-changes-between-lines-and-trips.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gtfs.change_bounds import MOST_PAIRS, ChangeRule, within_bounds
from gtfs.defects import Kind, Report
from gtfs.feed import FeedRoute, FeedStop, FeedTransferRule, TransferKind
from gtfs.tables import TransferRuleTable
from gtfs.transfers import NEVER_S, WalkRules, Walks, children_of, near_pairs
from gtfs.trip_columns import Services, TripColumns

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


def list_rules(
    trips: TripColumns,
    services: Services,
    stops: Sequence[FeedStop],
    routes: Sequence[FeedRoute],
    told: Sequence[FeedTransferRule],
    report: Report | None = None,
    walks: Walks | None = None,
) -> list[ChangeRule]:
    """The rules about changing between some lines or trips, a rule of a station one of its stops.

    Of `stops` those that are no station are numbered in order. `walks` are the footpaths between
    them; until they are known, all nearby and in one station count as joined. What would make
    networks many times as large is left out (`change_bounds`), and the report says so.
    """
    told = [rule for rule in told if rule.kind < TransferKind.IN_SEAT]
    if not told:
        return []
    report = report or Report()
    _say_contradictions(told, report)
    stops = [stop for stop in stops if not stop.is_station]
    numbers = _Numbers.of(trips, stops, routes, told)
    found: list[ChangeRule] = []
    for n, rule in enumerate(told):
        sides = numbers.sides(rule, report)
        pairs = numbers.pairs(rule) if sides else []
        if len(found) + len(pairs) > MOST_PAIRS:
            report.add(
                "transfers", None, "", Kind.UNSUPPORTED,
                f"rules for some lines or trips at more than {MOST_PAIRS} pairs of stops",
                f"ignored {len(told) - n} of them",
            )  # fmt: skip
            break
        if sides:
            own = (rule.from_id in numbers.stops) + (rule.to_id in numbers.stops)
            found += [ChangeRule(*pair, *sides, own, _seconds(rule)) for pair in pairs]
    ruled = np.unique(np.array([rule[:2] for rule in found], np.int64))
    near = _near(stops, ruled, walks)
    return within_bounds(found, trips, services, numbers.stops, numbers.routes, near, report)


def _near(stops: Sequence[FeedStop], ruled: I64, walks: Walks | None) -> I64:
    """How many others with rules one can walk to from each stop."""
    n = len(stops)
    if walks is not None:
        both = np.isin(walks.start, ruled) & np.isin(walks.end, ruled)
        return np.bincount(walks.start[both], minlength=n)
    some = [stops[stop] for stop in ruled.tolist()]
    station = Counter(stop.parent_id for stop in some if stop.parent_id is not None)
    near = np.zeros(n, np.int64)
    near[ruled] = np.maximum(
        np.bincount(near_pairs(some, WalkRules().max_m).ravel(), minlength=len(some)),
        [station.get(stop.parent_id, 1) - 1 for stop in some],
    )
    return near


def _seconds(rule: FeedTransferRule) -> int | None:
    """What a rule asks for, None where that is as long as without it."""
    if rule.kind is TransferKind.IMPOSSIBLE:
        return NEVER_S
    if rule.kind is TransferKind.TIMED and rule.seconds is None:
        return 0
    return None if rule.seconds is None else min(rule.seconds, NEVER_S)


def _say_contradictions(told: Sequence[FeedTransferRule], report: Report) -> None:
    first: dict[tuple[str, ...], int | None] = {}
    for rule in told:
        key = (
            rule.from_id, rule.to_id, rule.from_route_id, rule.to_route_id, rule.from_trip_id,
            rule.to_trip_id,
        )  # fmt: skip
        if first.setdefault(key, _seconds(rule)) != _seconds(rule):
            report.add(
                "transfers", None, "transfer_type", Kind.CONTRADICTION,
                f"two rules for one change from {rule.from_id!r} to {rule.to_id!r}",
                "took the longer one",
            )  # fmt: skip


class _Numbers(NamedTuple):
    """The numbers of what rules name."""

    stops: Mapping[str, int]
    children: Mapping[str, list[int]]
    routes: Mapping[str, int]
    trips: Mapping[str, int]
    route_of: Mapping[str, str]

    @classmethod
    def of(
        cls,
        trips: TripColumns,
        stops: Sequence[FeedStop],
        routes: Sequence[FeedRoute],
        told: Sequence[FeedTransferRule],
    ) -> _Numbers:
        wanted = {id_ for rule in told for id_ in (rule.from_trip_id, rule.to_trip_id)} - {""}
        index = {id_: i for i, id_ in enumerate(trips.id) if id_ in wanted} if wanted else {}
        return cls(
            {stop.id: i for i, stop in enumerate(stops)},
            children_of(stops),
            {route.id: i for i, route in enumerate(routes)},
            index,
            {id_: trips.route_ids[int(trips.route[i])] for id_, i in index.items()},
        )

    def pairs(self, rule: FeedTransferRule) -> list[tuple[int, int]]:
        """The pairs of stops that a rule is for."""
        ends = self.children.get(rule.to_id, ())
        return [(start, end) for start in self.children.get(rule.from_id, ()) for end in ends]

    def sides(self, rule: FeedTransferRule, report: Report) -> tuple[int, int, int, int] | None:
        """From which line to which, from which trip to which; None if there are no such."""
        start = self._side(rule.from_route_id, rule.from_trip_id, report)
        end = self._side(rule.to_route_id, rule.to_trip_id, report)
        return None if start is None or end is None else (start[0], end[0], start[1], end[1])

    def _side(self, route: str, trip: str, report: Report) -> tuple[int, int] | None:
        """Line and trip, -1 where none is named; no line besides a trip."""
        if not trip:
            number = self.routes.get(route) if route else -1
            return None if number is None else (number, -1)
        if trip not in self.trips:
            return None
        if route and self.route_of[trip] != route:
            report.add(
                "transfers", None, "from_trip_id", Kind.CONTRADICTION,
                f"{trip!r} is no trip of line {route!r}", "ignored the row",
            )  # fmt: skip
            return None
        return -1, self.trips[trip]


def rule_table(
    rules: Sequence[ChangeRule],
    stops: Sequence[FeedStop],
    walks: Walks,
    change: I32,
    how: WalkRules,
) -> TransferRuleTable:
    """The rules with their seconds, by their stops, of each pair the most specific one last.

    A rule that names no time takes as long as without it: the footpath, or the change time of the
    stop. Where that was not possible it is now, in the time of a straight walk or of any other
    change.
    """
    known = walks.by_pair() if any(rule.seconds is None for rule in rules) else {}
    rows: list[tuple[int, ...]] = []
    for rule in rules:
        start, end = rule[:2]
        seconds = rule.seconds
        if seconds is None and start == end:
            seconds = how.change_s if change[start] >= NEVER_S else int(change[start])
        elif seconds is None:
            seconds = known.get((start, end))
            if seconds is None:
                seconds = how.seconds(stops[start].position, stops[end].position)
        rows.append((start, end, *rule.rank, seconds, *rule[2:6]))
    table = np.array(sorted(set(rows)), np.int32).reshape(-1, 10)
    columns = [np.ascontiguousarray(table[:, place]) for place in (0, 1, 6, 7, 8, 9, 5)]
    return TransferRuleTable(*columns)
