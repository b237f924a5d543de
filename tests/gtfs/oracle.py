"""What the answers must be, from the definition alone: a search over single events, no labels.

An event is one call of one running trip. From a call where one may board, every later call of the
same trip where one may alight is one ride away. From alighting one may board anything that leaves
the same stop at least its change time later, or another stop after a footpath to it, or what the
feed rules for the two trips (`changes`). Nothing here is shared with the kernel: no patterns, no
rounds of labels, no merging of days.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from gtfs.feed import Feed, FeedTrip, TransferKind
from gtfs.in_seat import LONGEST_WAIT_S
from gtfs.journey import Footpath, Journey, Query, Ride, StayedRide
from gtfs.service_time import instant
from gtfs.through import MOST_PARTS
from gtfs.timetable import Timetable
from tests.gtfs.changes import Changes

Run = tuple[str, int]
"""A trip and its day, counted from the asked one."""


@dataclass(frozen=True)
class Call:
    """One call of one trip on one day, seconds on the axis of the asked day."""

    run: Run
    position: int
    stop: int
    arrives: int
    departs: int
    boards: bool
    alights: bool


class Oracle:
    """All events around a day."""

    def __init__(self, feed: Feed, timetable: Timetable, day: date, days: tuple[int, ...]) -> None:
        tz = timetable.tz
        self.timetable = timetable
        self.calls: list[Call] = []
        for offset in days:
            running = day + timedelta(days=offset)
            shift = int((instant(running, 0, tz) - instant(day, 0, tz)).total_seconds())
            for trip in feed.trips:
                if running in feed.services[trip.service_id]:
                    self.calls += [
                        Call(
                            (trip.id, offset),
                            i,
                            timetable.stop_index[stop],
                            trip.arrivals[i] + shift,
                            trip.departures[i] + shift,
                            trip.boards[i],
                            trip.alights[i],
                        )
                        for i, stop in enumerate(trip.stop_ids)
                    ]
        self.changes = Changes(feed, timetable)
        self._known: dict[tuple[str, int, str, int], int | None] = {}
        self.walks, self.change = self.changes.walks, self.changes.change
        self.by_run: dict[tuple[str, int], list[Call]] = {}
        for call in self.calls:
            self.by_run.setdefault(call.run, []).append(call)
        told = {rule.from_trip_id for rule in feed.transfer_rules}
        trips = {trip.id: trip for trip in feed.trips if trip.block_id or feed.transfer_rules}
        self.after = {
            run: after
            for run in self.by_run
            if run[0] in trips and (trips[run[0]].block_id or run[0] in told)
            if (after := self._after(feed, trips, day, run))
        }

    def _after(
        self, feed: Feed, trips: dict[str, FeedTrip], day: date, run: tuple[str, int]
    ) -> list[tuple[str, int]]:
        """The runs that one goes on as without getting off."""
        trip, on = trips[run[0]], day + timedelta(days=run[1])
        told = {
            rule.to_trip_id: rule.kind
            for rule in sorted(feed.transfer_rules, key=lambda rule: rule.kind)
            if rule.from_trip_id == trip.id and rule.kind >= TransferKind.IN_SEAT
        }
        named = []
        for id_, kind in told.items():
            other, ends = trips[id_], trip.arrivals[-1]
            later = int(other.departures[0] < ends)
            runs = on + timedelta(days=later) in feed.services[other.service_id]
            on_time = ends - other.departures[0] <= 86_400 and other is not trip
            waits = other.departures[0] + 86_400 * later - ends
            if kind is TransferKind.IN_SEAT and runs and on_time and waits <= LONGEST_WAIT_S:
                named.append((id_, run[1] + later))
        if named:
            return [n for n in named if n in self.by_run and self._in_time(run, n)]
        block = [
            other
            for other in feed.trips
            if trip.block_id == other.block_id != "" and on in feed.services[other.service_id]
        ]
        single = [t for t in block if not any(_overlap(t, u) for u in block if u is not t)]
        order = {t.id: (t.departures[0], t.arrivals[-1], t.id) for t in block}
        later_ones = [
            t
            for t in block
            if order[t.id] > order[trip.id] and t.departures[0] >= trip.arrivals[-1]
        ]
        if trip not in single or not later_ones:
            return []
        first = min(later_ones, key=lambda t: order[t.id])
        place = {stop.id: stop.parent_id or stop.id for stop in feed.stops}
        if first not in single or place[first.stop_ids[0]] != place[trip.stop_ids[-1]]:
            return []
        if told.get(first.id) is TransferKind.NOT_IN_SEAT:
            return []
        if first.departures[0] - trip.arrivals[-1] > LONGEST_WAIT_S:
            return []
        return [(first.id, run[1])]

    def _in_time(self, run: tuple[str, int], after: tuple[str, int]) -> bool:
        return self.by_run[run][-1].arrives <= self.by_run[after][0].departs

    def ridden_from(self, board: Call) -> list[Call]:
        """Where one may get off who gets on at a call, now or after staying in the vehicle.

        At its last call nobody gets on: there one boards the trip that it goes on as.
        """
        if board.position == len(self.by_run[board.run]) - 1:
            return []
        found = [c for c in self.by_run[board.run] if c.position > board.position and c.alights]
        runs = [board.run]
        for _ in range(MOST_PARTS - 1):
            runs = [after for run in runs for after in self.after.get(run, ())]
            found += [c for run in runs for c in self.by_run[run] if c.position > 0 and c.alights]
        return found

    def front(self, query: Query) -> list[tuple[int, int]]:
        """Pareto (arrival, transfers), fewest transfers first."""
        sources = {s: query.seconds + x for s, x in self._doors(query.sources)}
        ends = self._ends(query)
        found: list[tuple[int, int]] = []
        if query.walk_at_ends:
            found += [
                (sources[s] + e, -1)
                for s in sources
                for e in [dict(self._doors(query.targets)).get(s)]
                if e is not None
            ]
            found += [
                (sources[a] + w + e, -1)
                for (a, b), w in self.walks.items()
                if a in sources
                for e in [dict(self._doors(query.targets)).get(b)]
                if e is not None
            ]
            for (a, b), w in self.walks.items():
                if a in dict(self._doors(query.sources)):
                    at = query.seconds + dict(self._doors(query.sources))[a] + w
                    sources[b] = min(sources.get(b, at), at)
        boarded = {
            c
            for c in self.calls
            if c.boards and c.stop in sources
            for least in [self._before(query, c, sources[c.stop] - query.seconds)]
            if least is not None and c.departs >= query.seconds + least
        }
        seen = set(boarded)
        for rides in range(1, query.max_transfers + 2):
            alighted = {c for b in boarded for c in self.ridden_from(b)}
            found += [
                (c.arrives + reach, rides - 1)
                for c in alighted
                if c.stop in ends
                for reach in [self._behind(query, c, ends[c.stop])]
                if reach is not None
            ]
            boarded = {b for a in alighted for b in self._next(a)} - seen
            seen |= boarded
            if not boarded:
                break
        return pareto(found)

    def latest(self, query: Query) -> list[tuple[int, int]]:
        """Pareto (departure, transfers) of what arrives by `query.seconds`, at most 24 h before."""
        departures = {
            c.departs - least
            for c in self.calls
            for x in [self._starts(query).get(c.stop)]
            if x is not None
            for least in [self._before(query, c, x)]
            if least is not None
        }
        on_foot = [
            query.seconds - arrival
            for arrival, transfers in self.front(
                Query(query.day, 0, query.sources, query.targets, 0, query.walk_at_ends)
            )
            if transfers == -1
        ]
        found = [(-departure, -1) for departure in on_foot]
        for departure in departures:
            if query.seconds - 86_400 <= departure <= query.seconds:
                asked = query._replace(seconds=departure)
                found += [
                    (-departure, transfers)
                    for arrival, transfers in self.front(asked)
                    if arrival <= query.seconds
                ]
        return [(-departure, transfers) for departure, transfers in pareto(found)]

    def profile(self, query: Query, until_s: int) -> list[tuple[int, int, int]]:
        """Pareto (departure, arrival, transfers) with a ride that leave in [seconds, until_s].

        Leaving later, also after the window, or walking all the way may be better than they are.
        """
        starts = self._starts(query)
        leaving = {
            c.departs - least
            for c in self.calls
            if c.stop in starts
            for least in [self._before(query, c, starts[c.stop])]
            if least is not None
        }
        found: list[tuple[int, int, int]] = []
        for departure in sorted(leaving):
            if departure >= query.seconds:
                front = self.front(query._replace(seconds=departure))
                found += [(departure, arrival, transfers) for arrival, transfers in front]
        return sorted(
            a
            for a in set(found)
            if a[0] <= until_s
            and a[2] >= 0
            and not any(b != a and b[0] >= a[0] and b[1] <= a[1] and b[2] <= a[2] for b in found)
        )

    def check(self, query: Query, journey: Journey) -> None:
        """Every leg is possible, the legs join, and the doors are where they should be."""
        at, stop, rides = journey.departs_s, journey.source, 0
        first = journey.legs[0] if journey.legs else None
        at += self._door_s(query, first, stop, dict(self._doors(query.sources))[stop])
        run: Run | None = None
        walked_from: int | None = None
        for leg, after in pairwise((*journey.legs, None)):
            if isinstance(leg, StayedRide):
                stayed = self._run_of(leg)
                assert (leg.from_position, walked_from) == (0, None)
                assert leg.departs_s >= at
                assert run is not None
                assert stayed in self.after[run]
                self._check_ride(leg, stays=True, goes_on=isinstance(after, StayedRide))
                run, stop, at = stayed, leg.to_stop, leg.arrives_s
                left = at
                continue
            assert leg.from_stop == stop
            if isinstance(leg, Footpath):
                assert leg.departs_s >= at
                walked_from = leg.from_stop
                if run is None or after is None:
                    assert leg.arrives_s - leg.departs_s == self.walks[walked_from, leg.to_stop]
            else:
                assert leg.departs_s >= at
                self._check_ride(leg, stays=False, goes_on=isinstance(after, StayedRide))
                if run is not None:
                    start = stop if walked_from is None else walked_from
                    least = self._change_s(run, start, self._run_of(leg), leg.from_stop)
                    assert least is not None
                    assert leg.departs_s >= left + least
                    assert walked_from is None or at == left + least
                rides, run, walked_from = rides + 1, self._run_of(leg), None
                left = leg.arrives_s
            at, stop = leg.arrives_s, leg.to_stop
        assert stop == journey.target
        egress = self._door_s(query, run, stop, dict(self._doors(query.targets))[stop])
        assert at + egress == journey.arrives_s
        assert rides - 1 == journey.transfers
        kinds = [isinstance(leg, Footpath) for leg in journey.legs]
        assert not any(a and b for a, b in pairwise(kinds))

    def _door_s(self, query: Query, ride: Ride | Footpath | Run | None, stop: int, s: int) -> int:
        """The seconds of a door before the first leg, or behind the last run."""
        if query.came_by is None and query.goes_by is None:
            return s
        if isinstance(ride, Ride):
            calls = self.by_run[self._run_of(ride)]
            found = self._before(query, calls[ride.from_position], s)
        elif isinstance(ride, Footpath) or ride is None:
            return s
        else:
            found = self._behind(query, next(c for c in self.by_run[ride] if c.stop == stop), s)
        assert found is not None
        return found

    def _run_of(self, ride: Ride) -> tuple[str, int]:
        return (self.timetable.trip(ride.trip).id, ride.day_offset)

    def _check_ride(self, ride: Ride, *, stays: bool, goes_on: bool) -> None:
        calls = {c.position: c for c in self.by_run[self._run_of(ride)]}
        start, end = calls[ride.from_position], calls[ride.to_position]
        assert (start.stop, start.departs) == (ride.from_stop, ride.departs_s)
        assert (end.stop, end.arrives) == (ride.to_stop, ride.arrives_s)
        assert start.boards or stays
        assert end.position == len(calls) - 1 if goes_on else end.alights
        assert ride.from_position < ride.to_position

    @staticmethod
    def _doors(ends):  # noqa: ANN001, ANN205
        least: dict[int, int] = {}
        for end in ends:
            least[end.stop] = min(end.seconds, least.get(end.stop, end.seconds))
        return least.items()

    def _ends(self, query: Query) -> dict[int, int]:
        """Seconds from alighting at a stop to the door."""
        ends = dict(self._doors(query.targets))
        if query.walk_at_ends:
            for (a, b), w in self.walks.items():
                if b in dict(self._doors(query.targets)):
                    reach = w + dict(self._doors(query.targets))[b]
                    ends[a] = min(ends.get(a, reach), reach)
        return ends

    def _starts(self, query: Query) -> dict[int, int]:
        """Seconds from the door to boarding at a stop."""
        starts = dict(self._doors(query.sources))
        if query.walk_at_ends:
            for (a, b), w in self.walks.items():
                if a in dict(self._doors(query.sources)):
                    reach = w + dict(self._doors(query.sources))[a]
                    starts[b] = min(starts.get(b, reach), reach)
        return starts

    def _before(self, query: Query, board: Call, seconds: int) -> int | None:
        """Seconds from the door to boarding at a call; from the ride that brings one there."""
        ride = query.came_by
        if ride is None or board.stop not in ride.stops:
            return seconds
        trip = self.timetable.trips.id[ride.trip]
        least = self.changes.seconds(trip, ride.stop, board.run[0], board.stop)
        return None if least is None else max(least, ride.least_s)

    def _behind(self, query: Query, alight: Call, seconds: int) -> int | None:
        """Seconds from alighting at a call to the door; to the ride that takes one on there."""
        ride = query.goes_by
        if ride is None or alight.stop not in ride.stops:
            return seconds
        trip = self.timetable.trips.id[ride.trip]
        least = self.changes.seconds(alight.run[0], alight.stop, trip, ride.stop)
        return None if least is None else max(least, ride.least_s)

    def _next(self, alighted: Call) -> list[Call]:
        found = []
        for c in self.calls:
            if c.boards and c.departs >= alighted.arrives:
                least = self._change_s(alighted.run, alighted.stop, c.run, c.stop)
                if least is not None and c.departs >= alighted.arrives + least:
                    found.append(c)
        return found

    def _change_s(self, run: Run, start: int, after: Run, end: int) -> int | None:
        known = self._known.get((run[0], start, after[0], end), -1)
        if known == -1:
            known = self.changes.seconds(run[0], start, after[0], end)
            self._known[run[0], start, after[0], end] = known
        return known


def _overlap(a: FeedTrip, b: FeedTrip) -> bool:
    """Whether one begins before the other has ended."""
    first, then = sorted((a, b), key=lambda t: (t.departures[0], t.arrivals[-1], t.id))
    return then.departures[0] < first.arrivals[-1]


def pareto(found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The points no other beats in both, least second value first."""
    front: list[tuple[int, int]] = []
    for value, transfers in sorted(found, key=lambda point: (point[1], point[0])):
        if not front or value < front[-1][0]:
            front.append((value, transfers))
    return front
