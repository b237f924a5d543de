"""What the answers must be, from the definition alone: a search over single events, no labels.

An event is one call of one running trip. From a call where one may board, every later call of the
same trip where one may alight is one ride away. From alighting one may board anything that leaves
the same stop at least its change time later, or another stop after a footpath to it. Nothing here
is shared with the kernel: no patterns, no rounds of labels, no merging of days.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from gtfs.feed import Feed
from gtfs.journey import Footpath, Journey, Query, Ride
from gtfs.service_time import instant
from gtfs.timetable import Timetable


@dataclass(frozen=True)
class Call:
    """One call of one trip on one day, seconds on the axis of the asked day."""

    run: tuple[str, int]
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
        walks = timetable.footpaths
        self.walks = {
            (a, int(walks.to[x])): int(walks.seconds[x])
            for a in range(len(timetable.stops))
            for x in range(walks.from0[a], walks.from0[a + 1])
        }
        self.change = timetable.stop_table.change_s.tolist()

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
            c for c in self.calls if c.boards and c.stop in sources and c.departs >= sources[c.stop]
        }
        seen = set(boarded)
        for rides in range(1, query.max_transfers + 2):
            alighted = {
                c
                for b in boarded
                for c in self.calls
                if c.run == b.run and c.position > b.position and c.alights
            }
            found += [(c.arrives + ends[c.stop], rides - 1) for c in alighted if c.stop in ends]
            boarded = {b for a in alighted for b in self._next(a)} - seen
            seen |= boarded
            if not boarded:
                break
        return pareto(found)

    def latest(self, query: Query) -> list[tuple[int, int]]:
        """Pareto (departure, transfers) of what arrives by `query.seconds`, at most 24 h before."""
        departures = {
            c.departs - x
            for c in self.calls
            for x in [self._starts(query).get(c.stop)]
            if x is not None
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
                asked = Query(
                    query.day,
                    departure,
                    query.sources,
                    query.targets,
                    query.max_transfers,
                    query.walk_at_ends,
                )
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
        leaving = {c.departs - starts[c.stop] for c in self.calls if c.stop in starts}
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
        at += dict(self._doors(query.sources))[stop]
        after_ride = False
        for leg in journey.legs:
            assert leg.from_stop == stop
            if isinstance(leg, Footpath):
                assert leg.departs_s >= at
                assert leg.arrives_s - leg.departs_s == self.walks[leg.from_stop, leg.to_stop]
                after_ride = False
            else:
                wait = self.change[stop] if after_ride else 0
                assert leg.departs_s >= at + wait
                self._check_ride(leg)
                rides, after_ride = rides + 1, True
            at, stop = leg.arrives_s, leg.to_stop
        assert stop == journey.target
        assert at + dict(self._doors(query.targets))[stop] == journey.arrives_s
        assert rides - 1 == journey.transfers
        kinds = [isinstance(leg, Footpath) for leg in journey.legs]
        assert not any(a and b for a, b in pairwise(kinds))

    def _check_ride(self, ride: Ride) -> None:
        run = (self.timetable.trip(ride.trip).id, ride.day_offset)
        calls = {c.position: c for c in self.calls if c.run == run}
        start, end = calls[ride.from_position], calls[ride.to_position]
        assert (start.stop, start.departs, start.boards) == (ride.from_stop, ride.departs_s, True)
        assert (end.stop, end.arrives, end.alights) == (ride.to_stop, ride.arrives_s, True)
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

    def _next(self, alighted: Call) -> list[Call]:
        reach = {alighted.stop: alighted.arrives + self.change[alighted.stop]}
        for (a, b), w in self.walks.items():
            if a == alighted.stop:
                reach[b] = alighted.arrives + w
        return [c for c in self.calls if c.boards and c.departs >= reach.get(c.stop, 1 << 40)]


def pareto(found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The points no other beats in both, least second value first."""
    front: list[tuple[int, int]] = []
    for value, transfers in sorted(found, key=lambda point: (point[1], point[0])):
        if not front or value < front[-1][0]:
            front.append((value, transfers))
    return front
