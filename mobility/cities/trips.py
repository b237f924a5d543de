"""From departures and distances to trips with times at every stop.

Running times are not in the facts. Between two stops the vehicle drives the metres that lie
between them along the line: each speed class of the city gives the speed for its part of the gap,
so a longer gap never takes less time. At each stop in between it stands ``dwell_seconds``. A
section with a stated time (a ferry) keeps it. All trips of a direction run at the same speeds, so
none overtakes another.

Saturdays and Sundays are derived from weekdays by the city's bands, and say so in their note; what
is derived from a synthetic timetable is synthetic.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gtfs.service_time import DAY_S
from mobility.cities.days import DayType
from mobility.cities.network_facts import (
    DepartureFact,
    DerivedDay,
    NetworkFacts,
    NetworkRules,
    RouteStop,
    clock_seconds,
)
from mobility.cities.trip_notes import TimesKnown, trip_note

DAILY = "daily"
NIGHTLY = {hour: f"{DAILY}-{hour:02d}" for hour in range(3)}
"""The services of what goes daily before the clocks have changed, by the hour of the clock."""


@dataclass(frozen=True, slots=True)
class Trip:
    """One run of a line on the days of one service."""

    id: str
    line_id: str
    direction: str
    service: str
    first_position: int
    last_position: int
    departure: int
    """Seconds of the service day at the first stop."""
    note: str


@dataclass(frozen=True, slots=True)
class Call:
    """A trip at a stop, in seconds of the service day."""

    stop_id: str
    arrival: int
    departure: int
    along_m: int


def list_trips(facts: NetworkFacts, rules: NetworkRules) -> tuple[Trip, ...]:
    """All trips of all services, in the order of the facts."""
    derived = {day.day: day for day in rules.derived_day}
    trips: list[Trip] = []
    used: Counter[str] = Counter()
    for fact in facts.departures:
        if fact.days == DAILY:
            for service, departures in _by_the_clock(fact.seconds()).items():
                trips.extend(_named(fact, service, departures, _note(fact, rules), used))
            continue
        departures = list(fact.seconds())
        trips.extend(_named(fact, DayType.WEEKDAY, departures, _note(fact, rules), used))
        for day, rule in derived.items():
            if fact.line_id not in rule.without_lines:
                note = _note(fact, rules, rule)
                trips.extend(_named(fact, day, _thinned(departures, rule), note, used))
    return tuple(trips)


def calls_of(trip: Trip, facts: NetworkFacts, rules: NetworkRules) -> tuple[Call, ...]:
    """Where the trip is when, from its first stop to its last."""
    route = facts.routes[trip.line_id, trip.direction]
    part = route[trip.first_position : trip.last_position + 1]
    calls = []
    clock = trip.departure
    for index, stop in enumerate(part):
        if index:
            clock += running_seconds(part[index - 1], stop, facts, rules)
        dwell = rules.dwell_seconds if 0 < index < len(part) - 1 else 0
        calls.append(Call(stop.stop_id, clock, clock + dwell, stop.along_m - part[0].along_m))
        clock += dwell
    return tuple(calls)


def running_seconds(
    origin: RouteStop, target: RouteStop, facts: NetworkFacts, rules: NetworkRules
) -> int:
    """Whole seconds from leaving one stop to reaching the next, rounded up; at least ten."""
    stated = facts.sections.get((origin.stop_id, target.stop_id))
    if stated is not None:
        return stated
    rest = target.along_m - origin.along_m
    begin, seconds = 0, 0.0
    for speed in rules.speeds:
        part = min(rest, speed.up_to_m - begin)
        seconds += part * 3.6 / speed.kmh
        rest -= part
        begin = speed.up_to_m
        if rest <= 0:
            break
    seconds += max(rest, 0) * 3.6 / rules.speeds[-1].kmh
    return max(10, -int(-seconds // 1))


def _by_the_clock(departures: Iterable[int]) -> dict[str, list[int]]:
    """Daily departures by service; of the night as of the day before, as 24:20 for 00:20.

    A service day begins at noon less twelve hours, in the night the clocks change an hour off. Each
    hour of the night is a service of its own, since the clock may skip it.
    """
    found: dict[str, list[int]] = {}
    for departure in sorted(departures):
        nightly = NIGHTLY.get(departure // 3600)
        found.setdefault(nightly or DAILY, []).append(departure + (DAY_S if nightly else 0))
    return found


def _note(fact: DepartureFact, rules: NetworkRules, rule: DerivedDay | None = None) -> str:
    if fact.kind == "synthetic":
        return trip_note(TimesKnown.SYNTHETIC, rules.synthetic_note)
    if rule is not None:
        return trip_note(TimesKnown.DERIVED, rule.note)
    return trip_note(TimesKnown.PUBLISHED, rules.published_note)


def _named(
    fact: DepartureFact, service: str, departures: list[int], note: str, used: Counter[str]
) -> Iterator[Trip]:
    for departure in departures:
        clock = f"{departure // 3600:02d}{departure // 60 % 60:02d}{departure % 60:02d}"
        name = f"{fact.line_id}-{fact.direction}-{service}-{clock}"
        used[name] += 1
        yield Trip(
            id=name if used[name] == 1 else f"{name}-{used[name]}",
            line_id=fact.line_id,
            direction=fact.direction,
            service=str(service),
            first_position=fact.first_position,
            last_position=fact.last_position,
            departure=departure,
            note=note,
        )


def _thinned(departures: list[int], rule: DerivedDay) -> list[int]:
    starts = [clock_seconds(band.from_) for band in rule.bands]
    seen: Counter[int] = Counter()
    kept = []
    for departure in departures:
        index = max((i for i, start in enumerate(starts) if start <= departure), default=-1)
        every = rule.bands[index].every if index >= 0 else 0
        if every and seen[index] % every == 0:
            kept.append(departure)
        seen[index] += 1
    return kept
