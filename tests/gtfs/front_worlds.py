"""Small random worlds for the four-criteria front: tariffs, rentals, passes, odd rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from random import Random

import numpy as np

from gtfs.build import build
from gtfs.front import (
    FAR,
    GOAL,
    LEVELS,
    DoorEdges,
    FrontLeg,
    FrontNetwork,
    FrontQuery,
    Levels,
    RentalEdges,
)
from gtfs.ids import StopIdx, TripIdx
from gtfs.journey import Ride
from gtfs.network import DayNetwork, View, network_of
from gtfs.rides import rides_of
from gtfs.timetable import Timetable
from tests.gtfs.front_oracle import Edge, Question, World
from tests.gtfs.networks import (
    DAYS,
    busy_feed,
    chained_feed,
    random_feed,
    with_in_seat,
    with_rules,
)
from tests.gtfs.oracle import Oracle

Ridden = tuple[tuple[str, int], int, int]
"""A run, and the positions where one gets on and off."""


@dataclass
class Setting:
    """A world as the oracle and as the kernel see it."""

    world: World
    timetable: Timetable
    day: date
    n_nodes: int
    rentals: RentalEdges
    levels: Levels | None
    trip_cents: dict[str, int]
    trip_mg: dict[str, int]
    apart: list[list[int]]

    def network(self, view: View) -> FrontNetwork:
        day = network_of(self.timetable, self.day, view)
        leads = day.throughs.leads(day.section("timetable_trip")).tolist()
        ids = [self.timetable.trip(trip).id for trip in leads]
        return FrontNetwork.of(
            day,
            mirrored=view is View.MIRRORED,
            trip_cents=np.array([self.trip_cents[i] for i in ids], np.int32),
            trip_mg_per_m=np.array([self.trip_mg[i] for i in ids], np.int32),
            metres=self._metres(day, mirrored=view is View.MIRRORED),
            levels=self.levels,
        )

    def _metres(self, day: DayNetwork, *, mirrored: bool) -> np.ndarray:
        """Cumulative along each pattern; where a trip goes on as another, from its first stop."""
        found: list[int] = []
        for first in day.section("trip0")[: day.n_patterns].tolist():
            metres = [0]
            for trip in day.throughs.trips(day.trip[first]):
                own = along(self._stops_of(trip), self.apart)
                metres += [metres[-1] + m for m in own[1:]]
            found += [metres[-1] - m for m in reversed(metres)] if mirrored else metres
        return np.array(found, np.int32)

    def _stops_of(self, trip: int) -> list[int]:
        patterns = self.timetable.patterns
        pattern = int(self.timetable.trips.pattern[trip])
        return patterns.stops[patterns.stop0[pattern] : patterns.stop0[pattern + 1]].tolist()

    def parts_of(self, view: View) -> Callable[[FrontLeg], list[Ridden]]:
        day = network_of(self.timetable, self.day, view)

        def parts(leg: FrontLeg) -> list[Ridden]:
            number, day_offset = TripIdx(day.trip[leg.ride]), day.day_offset[leg.ride]
            ends = (StopIdx(leg.start), StopIdx(leg.end), leg.board, leg.alight)
            ride = Ride(number, day_offset, *ends, leg.departs_s, leg.arrives_s)
            return [
                ((self.timetable.trip(r.trip).id, r.day_offset), r.from_position, r.to_position)
                for r in rides_of(self.timetable, day, ride)
            ]

        return parts


def along(stops: list[int], apart: list[list[int]]) -> list[int]:
    """Cumulative metres."""
    metres = [0]
    for a, b in pairwise(stops):
        metres.append(metres[-1] + apart[a][b])
    return metres


def random_setting(
    random: Random,
    days: tuple[int, ...] = (-1, 0, 1),
    *,
    in_seat: bool = False,
    rules: bool = False,
    chained: bool = False,
) -> Setting:
    day = random.choice(DAYS)
    make = chained_feed if chained else busy_feed if rules and not in_seat else random_feed
    feed = make(random, day)
    if in_seat:
        feed = with_in_seat(random, replace(feed, trips=feed.trips[:3]))
    if rules:
        feed = with_rules(random, feed)
    timetable = build(feed, max_footpath_m=0)
    n_stops = len(timetable.stops)
    known = Oracle(feed, timetable, day, days)
    levels = _levels(random, n_stops) if random.random() < 0.85 else None
    flat = [0, 0, 210] if levels is None or random.random() < 0.2 else [LEVELS, LEVELS, 0, 210]
    by_line = {trip.id.split("-")[0]: random.choice(flat) for trip in feed.trips}
    by_trip = random.random() < 0.2
    cents = {
        trip.id: random.choice(flat) if by_trip else by_line[trip.id.split("-")[0]]
        for trip in feed.trips
    }
    mg = {trip.id: 90 if random.random() < 0.9 else random.choice([0, 44]) for trip in feed.trips}
    if in_seat:
        cents = dict.fromkeys(cents, random.choice(flat))
        mg = dict.fromkeys(mg, 90)
    apart = [[0] * n_stops for _ in range(n_stops)]
    for a in range(n_stops):
        for b in range(a):
            apart[a][b] = apart[b][a] = random.choice([0, 200, 555, 556, 900, 2000])
    runs = {call.run for call in known.calls}
    stops_of = {trip.id: [timetable.stop_index[s] for s in trip.stop_ids] for trip in feed.trips}
    world = World(
        n_stops,
        known.calls,
        known.changes,
        dict(known.walks),
        [],
        set(),
        set(),
        {run: cents[run[0]] for run in runs},
        {run: mg[run[0]] for run in runs},
        {run: along(stops_of[run[0]], apart) for run in runs},
        levels,
        known.after,
    )
    n_places = random.choice([0, 0, 1, 2, 3, 4])
    rentals = _rentals(random, world, n_places)
    return Setting(world, timetable, day, n_stops + n_places, rentals, levels, cents, mg, apart)


def _levels(random: Random, n_stops: int) -> Levels:
    n_areas = random.choice([1, 2, 2, 3])
    cents = sorted(random.choice([240, 300, 360, 440]) for _ in range(n_areas))
    if random.random() < 0.1:
        random.shuffle(cents)
    masks = [-1, (1 << n_areas) - 1, (1 << n_areas) - 1, *range(1, 1 << n_areas)]
    windows = random.choice([((-200_000, 200_000),), ((1800, 5400),), ((0, 900), (2400, 200_000))])
    return Levels(
        tuple(cents),
        np.array([random.choice(masks) for _ in range(n_stops)], np.int32),
        random.choice([0, 600, 900, 1800, 3600, 7200]),
        random.choice([100, 200, 300]),
        random.choice([0, 1, 2, 4]),
        windows,
    )


def _rentals(random: Random, world: World, n_places: int) -> RentalEdges:
    s = world.n_stops
    n_nodes = s + n_places
    places = range(s, n_nodes)
    n_kinds = random.choice([1, 2])
    if n_places:
        for _ in range(random.randint(1, 8)):
            end = random.choice([*places, *places, random.randrange(s)])
            seconds = random.choice([120, 240, 600, 1500])
            world.edges.append(
                Edge(
                    random.choice(places), end, random.randrange(n_kinds), seconds,
                    random.choice([0, 100, 150, 300]), random.choice([0, 0, 5_000, 60_000]),
                )
            )  # fmt: skip
    walks = {
        pair: random.choice([0, 30, 60, 180])
        for place in places
        for stop in range(s)
        for pair in ((place, stop), (stop, place))
        if random.random() < 0.4
    }
    world.walks |= walks
    world.available |= {(k, n) for k in range(n_kinds) for n in places if random.random() < 0.8}
    world.takes |= {(k, n) for k in range(n_kinds) for n in range(n_nodes) if random.random() < 0.8}
    column = [np.array(list(c), np.int32) for c in zip(*world.edges, strict=True)]
    if not column:
        column = [np.zeros(0, np.int32)] * 6
    return RentalEdges.of(
        s, n_places, n_kinds,
        start=column[0] - np.int32(s), end=column[1], kind=column[2], seconds=column[3],
        cents=column[4], mg=column[5],
        to_place=_triple([(a, b - s, w) for (a, b), w in walks.items() if a < s]),
        to_stop=_triple([(a - s, b, w) for (a, b), w in walks.items() if a >= s]),
        available=_mask(world.available, n_kinds, n_nodes)[:, s:],
        takes=_mask(world.takes, n_kinds, n_nodes),
    )  # fmt: skip


def _triple(rows: list[tuple[int, int, int]]):
    table = np.array(rows, np.int32).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


def _mask(true: set[tuple[int, int]], n_kinds: int, n_nodes: int) -> np.ndarray:
    return np.array([[(k, n) in true for n in range(n_nodes)] for k in range(n_kinds)], np.bool_)


def random_question(random: Random, setting: Setting, *, latest: bool = False) -> Question:
    nodes = list(range(setting.n_nodes))
    n_places = setting.n_nodes - setting.world.n_stops

    def door() -> dict[int, int]:
        few = random.sample(nodes, min(len(nodes), random.choice([1, 1, 2, 3])))
        return {node: random.choice([0, 0, 30, 200, 600]) for node in few}

    seconds = random.choice([random.randint(-60, 60) * 60, random.randint(0, 90_000)])
    if setting.world.changes.rules and random.random() < 0.8:
        seconds = random.randint(0, 12) * 60
    return Question(
        seconds + (3600 if latest else 0),
        door(),
        door(),
        random.choice([None, None, 1500, 4000]),
        random.choice([1, 2, 2, 3, 3]),
        random.choice([3600, 7200, 14_400]),
        [
            Edge(
                random.choice(nodes[setting.world.n_stops :]), GOAL,
                random.randrange(setting.rentals.n_kinds), random.choice([200, 900]),
                random.choice([100, 400]), random.choice([0, 30_000]),
            )
            for _ in range(random.choice([0, 0, 1, 2]))
            if n_places
        ],
        random.random() < 0.6,
        random.choice([0, 1, 1, 2, 3]),
    )  # fmt: skip


def long_question(random: Random, setting: Setting) -> Question:
    """From the first stops of a `chained_feed` to its last, with up to six rides."""
    asked = random_question(random, setting)
    last = setting.world.n_stops - 1
    asked.seconds = random.choice([0, 0, 60, 180])
    asked.access, asked.egress = {0: random.choice([0, 30])}, {last: random.choice([0, 30])}
    for door in (asked.access, asked.egress):
        if random.random() < 0.3:
            door.setdefault(random.randrange(setting.n_nodes), random.choice([200, 600, 1200]))
    asked.max_rides = random.choice([4, 5, 6, 6])
    asked.rides_beside = random.choice([1, 2, 3, 4, 5])
    asked.direct_s = None if random.random() < 0.9 else asked.direct_s
    return asked


def query_of(setting: Setting, asked: Question) -> FrontQuery:
    """The same question for the kernel."""

    def seconds(door: dict[int, int]) -> np.ndarray:
        found = np.full(setting.n_nodes, FAR, np.int32)
        for node, s in door.items():
            found[node] = s
        return found

    edges = None
    if asked.door_edges:
        start, _, kind, seconds_, cents, mg = (
            np.array(c, np.int32) for c in zip(*asked.door_edges, strict=True)
        )
        n_stops = setting.world.n_stops
        edges = DoorEdges.of(
            n_stops,
            place=start - np.int32(n_stops),
            kind=kind,
            seconds=seconds_,
            cents=cents,
            mg=mg,
        )
    return FrontQuery(
        asked.seconds,
        seconds(asked.access),
        seconds(asked.egress),
        FAR if asked.direct_s is None else asked.direct_s,
        asked.max_rides,
        asked.horizon_s,
        edges,
        asked.rents_once,
        asked.rides_beside,
    )
