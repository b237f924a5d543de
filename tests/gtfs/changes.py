"""How long changing takes, read from the feed rule by rule: for both oracles.

Written from docs/decisions/0035-changes-between-lines-and-trips.md alone. Nothing here is shared
with the kernel: no stands, no tables of rules.
"""

from __future__ import annotations

from gtfs.feed import Feed, FeedTransferRule, TransferKind
from gtfs.timetable import Timetable
from gtfs.transfers import NEVER_S, WalkRules


class Changes:
    """The time between two rides, by their trips and stops."""

    def __init__(self, feed: Feed, timetable: Timetable) -> None:
        walks = timetable.footpaths
        self.walks = {
            (a, int(walks.to[x])): int(walks.seconds[x])
            for a in range(len(timetable.stops))
            for x in range(walks.from0[a], walks.from0[a + 1])
        }
        self.change = timetable.stop_table.change_s.tolist()
        self.stops = timetable.stops
        self.route_of = {trip.id: trip.route_id for trip in feed.trips}
        self.rules = [r for r in feed.transfer_rules if r.kind < TransferKind.IN_SEAT]

    def seconds(self, from_trip: str, start: int, to_trip: str, end: int) -> int | None:
        """What lies at least between alighting at a stop and boarding at one; None: no way."""
        usual = self.change[start] if start == end else self.walks.get((start, end), NEVER_S)
        found = [
            (*self._rank(rule), self._asked(rule, start, end, usual))
            for rule in self.rules
            if self._means(rule.from_id, rule.from_route_id, rule.from_trip_id, start, from_trip)
            if self._means(rule.to_id, rule.to_route_id, rule.to_trip_id, end, to_trip)
        ]
        seconds = max(found)[-1] if found else usual
        return None if seconds >= NEVER_S else seconds

    def _means(self, place: str, route: str, trip: str, stop: int, ridden: str) -> bool:
        here = self.stops[stop]
        return (
            place in (here.id, here.station_id)
            and route in ("", self.route_of[ridden])
            and trip in ("", ridden)
        )

    def _rank(self, rule: FeedTransferRule) -> tuple[int, int, int]:
        sides = ((rule.from_route_id, rule.from_trip_id), (rule.to_route_id, rule.to_trip_id))
        n_trips = sum(trip != "" for _, trip in sides)
        n_routes = sum(route != "" and trip == "" for route, trip in sides)
        ids = {stop.id for stop in self.stops}
        return n_trips, n_routes, sum(place in ids for place in (rule.from_id, rule.to_id))

    def _asked(self, rule: FeedTransferRule, start: int, end: int, usual: int) -> int:
        if rule.kind is TransferKind.IMPOSSIBLE:
            return NEVER_S
        if rule.seconds is not None:
            return rule.seconds
        if rule.kind is TransferKind.TIMED:
            return 0
        if usual < NEVER_S:
            return usual
        apart = WalkRules().seconds(self.stops[start].position, self.stops[end].position)
        return 0 if start == end else apart
