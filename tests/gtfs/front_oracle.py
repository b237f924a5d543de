"""What the four-criteria front must be: every journey enumerated, none compared before its end.

Written from docs/decisions/0022-four-criteria.md alone. Single calls of single trips, single edges,
single walks; a journey's price is found over its finished list of rides by dynamic programming.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from gtfs.front import FAR, GOAL, LEVELS, ORIGIN, FrontJourney, LegKind, Levels
from gtfs.through import MOST_PARTS
from tests.gtfs.changes import Changes
from tests.gtfs.oracle import Call

Point = tuple[int, int, int, int]


class Edge(NamedTuple):
    """A ride on a rented vehicle; `end` GOAL for one to the door itself."""

    start: int
    end: int
    kind: int
    seconds: int
    cents: int
    mg: int


class Paid(NamedTuple):
    """A ride of the level tariff."""

    departs: int
    arrives: int
    start: int
    end: int
    stops: int


class Ridden(NamedTuple):
    """Where a ride ends, and how far it was."""

    call: Call
    stops: int
    metres: int


class After(NamedTuple):
    """Where one is after a vehicle leg, and all that matters from then on."""

    node: int
    time: int
    trip: str
    """Empty after a rental."""
    paid: tuple[Paid, ...]
    cents: int
    steps: int
    rented: bool


@dataclass
class World:
    """Everything there is; `metres` of a run are cumulative by position."""

    n_stops: int
    calls: list[Call]
    changes: Changes
    walks: dict[tuple[int, int], int]
    """Between stops, stops and places, in whatever direction."""
    edges: list[Edge]
    available: set[tuple[int, int]]
    """(kind, node) with a vehicle."""
    takes: set[tuple[int, int]]
    cents: dict[tuple[str, int], int]
    mg_per_m: dict[tuple[str, int], int]
    metres: dict[tuple[str, int], list[int]]
    levels: Levels | None
    after: dict[tuple[str, int], list[tuple[str, int]]]
    """The runs that one goes on as without getting off; they cost and emit the same."""
    runs: dict[tuple[str, int], dict[int, Call]] = field(default_factory=dict)
    boards: dict[int, list[Call]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for call in self.calls:
            self.runs.setdefault(call.run, {})[call.position] = call
            if call.boards:
                self.boards.setdefault(call.stop, []).append(call)

    def ridden_from(self, board: Call) -> list[Ridden]:
        """Where one may get off who gets on at a call, be it after staying in the vehicle."""
        own, along = self.runs[board.run], self.metres[board.run]
        if board.position == len(own) - 1:
            return []
        found = [
            Ridden(c, c.position - board.position, along[c.position] - along[board.position])
            for c in own.values()
            if c.position > board.position and c.alights
        ]
        ends = [(board.run, len(own) - 1 - board.position, along[-1] - along[board.position])]
        for _ in range(MOST_PARTS - 1):
            begun, ends = ends, []
            for run, stops, metres in begun:
                for after in self.after.get(run, ()):
                    calls, further = self.runs[after], self.metres[after]
                    found += [
                        Ridden(c, stops + c.position, metres + further[c.position])
                        for c in calls.values()
                        if c.position > 0 and c.alights
                    ]
                    ends.append((after, stops + len(calls) - 1, metres + further[-1]))
        return found


@dataclass
class Question:
    seconds: int
    access: dict[int, int]
    egress: dict[int, int]
    direct_s: int | None
    max_rides: int
    horizon_s: int
    door_edges: list[Edge]
    rents_once: bool
    rides_beside: int


def price(levels: Levels | None, paid: tuple[Paid, ...]) -> int | None:
    """The least money that carries these rides; None if nothing does."""
    best: list[int | None] = [0]
    for first in range(len(paid) - 1, -1, -1):
        assert levels is not None
        options = []
        for n in range(1, len(paid) - first + 1):
            rides = paid[first : first + n]
            rest = best[len(paid) - first - n]
            if n > 1 and rides[-1].arrives > rides[0].departs + levels.transfer_s:
                break
            areas = [
                i
                for i in range(len(levels.area_cents))
                if all(_holds(levels, i, stop) for r in rides for stop in (r.start, r.end))
            ]
            if areas and rest is not None:
                options.append(rest + min(levels.area_cents[i] for i in areas))
        ride = paid[first]
        sold = any(a <= ride.departs < b for a, b in levels.short_windows)
        rest = best[len(paid) - first - 1]
        if sold and ride.stops <= levels.short_stops and rest is not None:
            options.append(rest + levels.short_cents)
        best.append(min(options, default=None))
    return best[-1]


def _holds(levels: Levels, area: int, stop: int) -> bool:
    zones = int(levels.stop_areas[stop])
    return zones == -1 or bool(zones >> area & 1)


def steps_of(mg: int) -> int:
    """A leg's steps of 50 g: all that it begins."""
    return -(-mg // 50_000)


def pareto(points: set[Point]) -> list[Point]:
    """Those that no other is at least as good as in all four."""
    return sorted(
        p
        for p in points
        if not any(q != p and all(a <= b for a, b in zip(q, p, strict=True)) for q in points)
    )


def front(  # noqa: C901, PLR0912 - the definition
    world: World, asked: Question, adds: Callable[[int], int] = int
) -> list[Point]:
    """Pareto (arrival, transfers, cents, steps); cents are what a price of so much ``adds``."""
    latest = asked.seconds + asked.horizon_s
    found: set[Point] = set()

    def reach(time: int, legs: int, paid: tuple[Paid, ...], cents: int, steps: int) -> None:
        fare = price(world.levels, paid)
        if time <= latest and fare is not None:
            found.add((-(-time // 60), legs - 1, adds(cents + fare), steps))

    if asked.direct_s is not None:
        reach(asked.seconds + asked.direct_s, 0, (), 0, 0)
    ready = {
        (node, asked.seconds + s, True, "", (), 0, 0, False) for node, s in asked.access.items()
    }
    for legs in range(1, asked.max_rides + 1):
        after: set[After] = set()
        for node, time, may_rent, trip, paid, cents, steps, rented in ready:
            rents_too = not asked.rents_once or legs <= asked.rides_beside + 1
            if rented and not rents_too:
                continue
            if node < world.n_stops:
                after |= {
                    ride._replace(rented=rented)
                    for ride in _rides(world, node, time, trip, paid, cents, steps, latest)
                }
            elif may_rent and rents_too and not (rented and asked.rents_once):
                for edge in world.edges + asked.door_edges:
                    if edge.start != node or (edge.kind, node) not in world.available:
                        continue
                    at, fare = time + edge.seconds, cents + edge.cents
                    more = steps + steps_of(edge.mg)
                    if edge.end == GOAL:
                        reach(at, legs, paid, fare, more)
                    elif (edge.kind, edge.end) in world.takes and at <= latest:
                        after.add(After(edge.end, at, "", paid, fare, more, True))
        ready = set()
        for a in after:
            if a.node in asked.egress:
                reach(a.time + asked.egress[a.node], legs, a.paid, a.cents, a.steps)
            so_far = (a.paid, a.cents, a.steps, a.rented)
            if a.node < world.n_stops:
                ready.add((a.node, a.time, False, a.trip, *so_far))
            for (start, end), seconds in world.walks.items():
                if start == a.node and (end >= world.n_stops or not a.trip):
                    ready.add((end, a.time + seconds, a.trip != "", "", *so_far))
    return pareto(found)


def _rides(
    world: World,
    stop: int,
    time: int,
    trip: str,
    paid: tuple[Paid, ...],
    cents: int,
    steps: int,
    latest: int,
) -> set[After]:
    """Where one may get off next who is at a stop, alighted there from a trip unless it is ''."""
    found = set()
    near = world.boards.get(stop, ()) if not trip else [c for c in world.calls if c.boards]
    for board in near:
        if not time <= board.departs <= latest:
            continue
        wait = world.changes.seconds(trip, stop, board.run[0], board.stop) if trip else 0
        if wait is None or board.departs < time + wait:
            continue
        for ridden in world.ridden_from(board):
            call = ridden.call
            if call.arrives <= latest:
                ride, fare, more = _cost(world, board, ridden)
                found.add(
                    After(
                        call.stop,
                        call.arrives,
                        call.run[0],
                        paid + ride,
                        cents + fare,
                        steps + steps_of(more),
                        False,
                    )
                )
    return found


def _cost(world: World, board: Call, ridden: Ridden) -> tuple[tuple[Paid, ...], int, int]:
    call, mg = ridden.call, world.mg_per_m[board.run] * ridden.metres
    cents = world.cents[board.run]
    if cents != LEVELS:
        return (), cents, mg
    return (Paid(board.departs, call.arrives, board.stop, call.stop, ridden.stops),), 0, mg


def latest(world: World, asked: Question, adds: Callable[[int], int] = int) -> list[Point]:
    """Pareto (-departure, transfers, cents, steps) of what arrives by `asked.seconds`."""
    departures = set()
    for node, seconds in asked.access.items():
        starts = {node: seconds}
        for edge in world.edges:
            if edge.start == node:
                starts[edge.end] = min(starts.get(edge.end, FAR), seconds + edge.seconds)
                departures |= {
                    asked.seconds - seconds - edge.seconds - e
                    for end, e in asked.egress.items()
                    if end == edge.end
                }
                for stop, boards in world.boards.items():
                    walk = 0 if stop == edge.end else world.walks.get((edge.end, stop))
                    if walk is not None:
                        departures |= {c.departs - walk - edge.seconds - seconds for c in boards}
        departures |= {c.departs - seconds for c in world.boards.get(node, ())}
        departures |= {
            asked.seconds - seconds - e.seconds for e in asked.door_edges if e.start == node
        }
    if asked.direct_s is not None:
        departures.add(asked.seconds - asked.direct_s)
    found = set()
    for departs in departures:
        if asked.seconds - asked.horizon_s <= departs <= asked.seconds:
            again = Question(
                departs,
                asked.access,
                asked.egress,
                asked.direct_s,
                asked.max_rides,
                asked.seconds - departs,
                asked.door_edges,
                asked.rents_once,
                asked.rides_beside,
            )
            found |= {(-(departs // 60), *point[1:]) for point in front(world, again, adds)}
    return pareto(found)


def check(world: World, asked: Question, parts_of, journey: FrontJourney) -> None:  # noqa: ANN001
    """Every leg is possible, they join, and the criteria are those of the legs.

    `parts_of(leg)` are the runs of a leg's ride, each with where one gets on and off.
    """
    legs = journey.legs
    assert legs[0].start == ORIGIN
    assert legs[-1].end == GOAL
    assert journey.departs_s == legs[0].departs_s >= asked.seconds
    assert journey.arrives_s == legs[-1].arrives_s <= asked.seconds + asked.horizon_s
    paid: tuple[Paid, ...] = ()
    cents = mg = steps = 0
    for leg in legs:
        lasts = leg.arrives_s - leg.departs_s
        if leg.kind == LegKind.WALK:
            is_ruled = leg is not legs[0] and max(leg.start, leg.end) < world.n_stops
            assert is_ruled or lasts == _walk_s(world, asked, leg.start, leg.end)
        elif leg.kind == LegKind.RENTAL:
            edge = world.edges[leg.ride] if leg.ride >= 0 else asked.door_edges[~leg.ride]
            assert (edge.start, edge.end, edge.seconds) == (leg.start, leg.end, lasts)
            assert (edge.kind, edge.start) in world.available
            assert edge.end == GOAL or (edge.kind, edge.end) in world.takes
            cents, mg = cents + edge.cents, mg + edge.mg
            steps += steps_of(edge.mg)
        else:
            parts = parts_of(leg)
            board = world.runs[parts[0][0]][parts[0][1]]
            call = world.runs[parts[-1][0]][parts[-1][2]]
            assert (board.stop, board.departs, board.boards) == (leg.start, leg.departs_s, True)
            assert (call.stop, call.arrives, call.alights) == (leg.end, leg.arrives_s, True)
            for before, after in pairwise(parts):
                assert after[0] in world.after[before[0]]
                assert (before[2], after[1]) == (len(world.runs[before[0]]) - 1, 0)
            assert all(first < last for _, first, last in parts)
            (ridden,) = {
                r
                for r in world.ridden_from(board)
                if r.call == call and (len(parts) > 1 or r.stops == leg.alight - leg.board)
            }
            ride, fare, more = _cost(world, board, ridden)
            paid, cents, mg = paid + ride, cents + fare, mg + more
            steps += steps_of(more)
    _check_joints(world, legs, parts_of)
    vehicles = [leg.kind for leg in legs if leg.kind != LegKind.WALK]
    assert len(vehicles) - 1 == journey.transfers < asked.max_rides
    assert (LegKind.RENTAL, LegKind.RENTAL) not in pairwise(vehicles)
    if asked.rents_once and LegKind.RENTAL in vehicles:
        assert vehicles.count(LegKind.RENTAL) == 1
        assert vehicles.count(LegKind.RIDE) <= asked.rides_beside
    fare = price(world.levels, paid)
    assert fare is not None
    assert (journey.cents, journey.mg) == (cents + fare, mg)
    assert journey.co2_steps == steps


def _walk_s(world: World, asked: Question, start: int, end: int) -> int | None:
    if (start, end) == (ORIGIN, GOAL):
        return asked.direct_s
    if start == ORIGIN:
        return asked.access[end]
    if end == GOAL:
        return asked.egress[start]
    return world.walks[start, end]


def _check_joints(world: World, legs, parts_of) -> None:  # noqa: ANN001
    for before, after in pairwise(legs):
        assert before.end == after.start
        assert after.departs_s >= before.arrives_s
        assert before.kind != LegKind.WALK or after.kind != LegKind.WALK
    rides = [leg for leg in legs if leg.kind != LegKind.WALK]
    for before, after in pairwise(rides):
        if before.kind == after.kind == LegKind.RIDE:
            trips = parts_of(before)[-1][0][0], parts_of(after)[0][0][0]
            wait = world.changes.seconds(trips[0], before.end, trips[1], after.start)
            assert wait is not None
            assert after.departs_s >= before.arrives_s + wait
