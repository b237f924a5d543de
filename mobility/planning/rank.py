"""Which of the ways found are worth showing, in which order, and why.

Within one kind of travelling (bus; bike; bus and bike; …) the Pareto front over departure, arrival,
transfers, price and CO2 stays; of rented rides, which differ in where one takes and leaves the
vehicle, what saves too little for the time it takes goes. A combined way must also hold against
every simpler one. Otherwise only the absurd goes between kinds: a rented ride that another way
beats by a quarter of an hour and in everything else. So a rented bike never drives out the plain
bus (motis#1234), and nobody is shown hundreds of near-identical ways (motis#1166).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from mobility.planning.candidate import Candidate
from mobility.planning.itinerary import Reason
from providers.bus.fare_rules import UNKNOWN_CENTS
from providers.values import Mode

_WALK = Mode.WALK
AT_MOST = 8
NEAR_SECONDS = 120
"""Two ways of one kind closer than this in both times differ in nothing a person cares about."""
SAME_SECONDS = 60
"""Two ways of one kind closer than this in both times are told apart by price and CO2 alone."""
FAR_SECONDS = 900
"""By so much a way of another kind must be beaten, in everything, to be left out."""
WAIT_SECONDS = 2700
"""Nobody waits so long to save a change or some minutes on foot (motis#753)."""
WALKED_GRAMS_A_MINUTE = 30
"""Nobody gets off early and walks on to save less than this."""
SAVED_CENTS_A_MINUTE = 10
"""Nobody takes a minute longer with a rented vehicle to save less than this.

A minute on foot counts half as much again: who parks early, walks 14 minutes more and is there ten
minutes later must save 1.70.
"""
SHORT_WALK_SECONDS = 1800
"""A longer walk is always the cheapest and greenest; saying so helps nobody."""


def rank(
    plain: Sequence[Candidate],
    others: Iterable[Candidate] = (),
    *,
    rivals: Iterable[Candidate] = (),
    latest_first: bool = False,
) -> tuple[Candidate, ...]:
    """At most eight ways, by arrival (for arrive-by: the latest departure first), with reasons.

    The ``plain`` ways of a page are chosen already (``transit``) and stay, so that what a page
    shows of them does not hang on what else is on it. ``rivals`` may drive others out and are not
    shown themselves: the ways without a timetable, which stand on another page.
    """
    listed = {_times_and_cents(one) for one in plain}
    unique = [
        one for one in _unique(others) if one.has_rental or _times_and_cents(one) not in listed
    ]
    known = [*plain, *unique, *rivals]
    simple = [i for i in known if i.has_transit != i.has_rental]
    useful = [i for i in unique if not (_combined(i) and _gains_nothing(i, simple))]
    front = _without_driven_out(useful, known)
    distinct = _distinct(sorted(front, key=_effort))
    best = _best(_choose(plain, distinct), latest_first=latest_first)
    chosen = _choose(plain, _worth_their_time(distinct, best))
    order = _by_departure if latest_first else _by_arrival
    return with_reasons(sorted(chosen, key=order), latest_first=latest_first)


def replaces(a: Candidate, b: Candidate) -> bool:
    """Whether of two ways of one kind ``b`` need not be shown beside ``a``."""
    if not _may_replace(a, b):
        return False
    if _twins(a, b):
        cheaper = (*_cost(a), str(a.key)) < (*_cost(b), str(b.key))
        return dominates(a, b) or (cheaper and not dominates(b, a))
    return dominates(a, b) or makes_needless(a, b) or _in_vain(a, b) or _better_by_the_clock(a, b)


def replaces_by_the_clock(a: Candidate, b: Candidate) -> bool:
    """Whether ``b`` need not be shown beside ``a`` by times as people read them, to the minute.

    Only one with fewer changes, or that emits less: others might leave each other out in a ring.
    """
    fewer = a.transfers < b.transfers or a.co2_grams < b.co2_grams
    return fewer and not _twins(a, b) and _may_replace(a, b) and _better_by_the_clock(a, b)


def _may_replace(a: Candidate, b: Candidate) -> bool:
    """What every reason asks for: no dearer, not a minute later, leaving not a minute earlier."""
    return (
        a.cents <= b.cents
        and a.departs > b.departs - SAME_SECONDS
        and a.arrives < b.arrives + SAME_SECONDS
    )


def _unique(found: Iterable[Candidate]) -> list[Candidate]:
    kept: dict[object, Candidate] = {}
    for one in found:
        other = kept.setdefault(one.key, one)
        if other is not one:
            better = _cost if _twins(one, other) else _effort
            kept[one.key] = min(other, one, key=better)
    return list(kept.values())


def dominates(a: Candidate, b: Candidate, slack_seconds: int = 0) -> bool:
    """Whether ``a`` is at least as good as ``b`` in everything, and better in something.

    With a slack it must leave as late and arrive that much earlier.
    """
    return (
        a.departs >= b.departs
        and a.arrives + slack_seconds <= b.arrives
        and a.transfers <= b.transfers
        and a.cents <= b.cents
        and a.co2_grams <= b.co2_grams
        and _criteria(a) != _criteria(b)
    )


def makes_needless(a: Candidate, b: Candidate) -> bool:
    """Whether ``a`` goes as late, is there as early and costs no more, and emits hardly more."""
    return (
        a.departs >= b.departs
        and a.arrives <= b.arrives
        and a.transfers <= b.transfers
        and a.cents <= b.cents
        and _hardly_dirtier(a, b)
        and (a.departs, a.arrives, a.transfers, a.cents)
        != (b.departs, b.arrives, b.transfers, b.cents)
    )


def with_reasons(
    ranked: Sequence[Candidate], *, latest_first: bool = False
) -> tuple[Candidate, ...]:
    """The same ways, the first that is best at something saying so; what all share is no reason.

    A long walk is always the cheapest and greenest, so it takes no part. Changes are compared
    among the ways with a bus, since a ride from door to door never has any.
    """
    won: dict[int, tuple[Reason, ...]] = {}
    for reason, entrants, values in _contests(ranked, latest_first=latest_first):
        if values and (max(values) > (least := min(values)) or reason is Reason.FASTEST):
            best = id(entrants[values.index(least)])
            won[best] = (*won.get(best, ()), reason)
    return tuple(i._replace(reasons=won[id(i)] + i.reasons) if id(i) in won else i for i in ranked)


def _contests(
    ways: Sequence[Candidate], *, latest_first: bool
) -> tuple[tuple[Reason, list[Candidate], list[int]], ...]:
    """What ways can be best at: who takes part, and with which values, the less the better."""
    said = [i for i in ways if i.kind != (_WALK,) or i.seconds <= SHORT_WALK_SECONDS]
    known = [i for i in said if i.cents < UNKNOWN_CENTS]
    rides = [i for i in said if i.has_transit]
    return (
        (Reason.FASTEST, said, [-i.departs if latest_first else i.arrives for i in said]),
        (Reason.CHEAPEST, known, [i.cents for i in known]),
        (Reason.GREENEST, said, [i.co2_grams for i in said]),
        (Reason.FEWEST_CHANGES, rides, [i.transfers for i in rides]),
    )


def _best(ways: Sequence[Candidate], *, latest_first: bool) -> set[int]:
    """The ids, in memory, of those that no other beats at something."""
    return {
        id(one)
        for _, entrants, values in _contests(ways, latest_first=latest_first)
        for one, value in zip(entrants, values, strict=True)
        if value == min(values)
    }


def _gains_nothing(b: Candidate, simple: Sequence[Candidate]) -> bool:
    """Whether one bus or vehicle alone is as good as the combination ``b`` of both."""
    departs, cents = b.departs, b.cents
    return any(
        (a.departs >= departs and _no_gain(a, b))
        or (a.cents <= cents and not a.has_transit and _at_any_time(a, b))
        for a in simple
    )


def _without_driven_out(ways: Iterable[Candidate], known: Iterable[Candidate]) -> list[Candidate]:
    """The ways that no other drives out; the worst goes first, so that of a ring of them one stays.

    Only what is still there drives out. The others ``known`` take part and are not returned.
    """
    there = {id(one): one for one in known}
    front: list[Candidate] = []
    for one in sorted(ways, key=_effort, reverse=True):
        if _is_driven_out(one, there.values()):
            del there[id(one)]
        else:
            front.append(one)
    return front


def _is_driven_out(b: Candidate, known: Iterable[Candidate]) -> bool:
    """Whether any drives it out of those that cost no more and are there in time."""
    departs, arrives, cents = b.departs, b.arrives + SAME_SECONDS, b.cents
    return any(
        _drives_out(a, b)
        for a in known
        if a.departs >= departs and a.cents <= cents and a.arrives < arrives
    )


def _drives_out(a: Candidate, b: Candidate) -> bool:
    """Of one kind, or both combined; whether a rented ride is absurd beside another kind."""
    if a is b:
        return False
    if a.kind == b.kind:
        return replaces(a, b)
    return b.has_rental and dominates(a, b, FAR_SECONDS)


def _no_gain(a: Candidate, b: Candidate) -> bool:
    """Whether combining brings nothing but a little less CO2, or costs a quarter of an hour."""
    if a.departs < b.departs or a.transfers > b.transfers:
        return False
    if a.arrives + FAR_SECONDS <= b.arrives:
        return True
    return a.arrives <= b.arrives and a.cents <= b.cents and _hardly_dirtier(a, b)


def _at_any_time(a: Candidate, b: Candidate) -> bool:
    """Whether ``a`` needs no timetable and would be as good whenever ``b`` begins."""
    return (
        not a.has_transit
        and a.seconds <= b.seconds
        and a.cents <= b.cents
        and _hardly_dirtier(a, b)
    )


def _hardly_dirtier(a: Candidate, b: Candidate) -> bool:
    """Whether ``a`` emits at most a third more, or only what ``b`` saves by walking instead."""
    walked = max(b.walk_seconds - a.walk_seconds, 0) * WALKED_GRAMS_A_MINUTE // 60
    return a.co2_grams * 3 <= b.co2_grams * 4 or a.co2_grams <= b.co2_grams + walked


def _in_vain(a: Candidate, b: Candidate) -> bool:
    """Whether ``b`` waits where ``a`` already travels, for no less money."""
    return a.departs >= b.departs and a.arrives + WAIT_SECONDS <= b.arrives and a.cents <= b.cents


def _better_by_the_clock(a: Candidate, b: Candidate) -> bool:
    """Whether ``a`` is better as people read times, by the minute, and walks no minute more."""
    ours, theirs = _by_the_clock(a), _by_the_clock(b)
    return (
        ours != theirs
        and all(x <= y for x, y in zip(ours, theirs, strict=True))
        and a.cents <= b.cents
        and a.walk_seconds < b.walk_seconds + SAME_SECONDS
        and _hardly_dirtier(a, b)
    )


def _by_the_clock(i: Candidate) -> tuple[int, int, int]:
    """What can be compared to the minute, the less the better; as a search's front rounds."""
    return (-(i.departs // 60), -(-i.arrives // 60), i.transfers)


def _times_and_cents(i: Candidate) -> tuple[int, ...]:
    return (i.departs, i.arrives, i.transfers, i.cents)


def _criteria(i: Candidate) -> tuple[int, ...]:
    return (i.departs, i.arrives, i.transfers, i.cents, i.co2_grams)


def _distinct(front: Sequence[Candidate]) -> list[Candidate]:
    """Of ways that hardly differ the first, which is the one of least effort.

    Where less than a minute lies between them, the cheaper takes its place, then the greener.
    """
    kept: list[Candidate] = []
    for one in front:
        twin = next((n for n, other in enumerate(kept) if _twins(one, other)), None)
        if twin is not None:
            kept[twin] = min(kept[twin], one, key=_cost)
        elif not any(_alike(one, other) for other in kept):
            kept.append(one)
    return kept


def _worth_their_time(ways: Iterable[Candidate], best: AbstractSet[int]) -> list[Candidate]:
    """Without rented rides that take longer than another of their kind and save too little for it.

    The one of least effort comes first and only what stays leaves out, so there is no ring. What is
    ``best`` at something stays.
    """
    kept: list[Candidate] = []
    for one in ways:
        alone = one.has_rental and not one.has_transit
        if id(one) in best or not (alone and any(_saves_too_little(one, a) for a in kept)):
            kept.append(one)
    return kept


def _saves_too_little(b: Candidate, a: Candidate) -> bool:
    """Whether ``b`` is not worth its time beside ``a`` of its kind, and emits hardly less."""
    longer_s = _effort(b)[0] - _effort(a)[0]
    return (
        a.kind == b.kind
        and (a.cents - b.cents) * 60 < SAVED_CENTS_A_MINUTE * longer_s
        and _hardly_dirtier(a, b)
    )


def _twins(a: Candidate, b: Candidate) -> bool:
    return (
        a.kind == b.kind
        and a.transfers == b.transfers
        and abs(a.departs - b.departs) < SAME_SECONDS
        and abs(a.arrives - b.arrives) < SAME_SECONDS
    )


def _cost(i: Candidate) -> tuple[int, int]:
    return (i.cents, i.co2_grams)


def _alike(a: Candidate, b: Candidate) -> bool:
    return (
        a.kind == b.kind
        and abs(a.departs - b.departs) <= NEAR_SECONDS
        and abs(a.arrives - b.arrives) <= NEAR_SECONDS
        and a.cents >= b.cents
        and a.transfers >= b.transfers
    )


def _choose(plain: Sequence[Candidate], front: Sequence[Candidate]) -> list[Candidate]:
    """Up to eight: all plain ways, the best of each other kind, combined ones last."""
    kinds: dict[tuple[Mode, ...], Candidate] = {}
    for one in front:
        kinds.setdefault(one.kind, one)
    simple = [i for i in kinds.values() if not i.has_transit]
    combined = [i for i in kinds.values() if _combined(i)]
    chosen = [*plain, *simple, *combined][: max(AT_MOST, len(plain))]
    taken = set(map(id, chosen))
    more = [i for i in front if id(i) not in taken and not _combined(i)]
    return chosen + more[: max(AT_MOST - len(chosen), 0)]


def _combined(i: Candidate) -> bool:
    return i.has_rental and i.has_transit


def _effort(i: Candidate) -> tuple[float, ...]:
    """Door-to-door seconds, a change counted as four minutes and a walk half as long again."""
    return (i.seconds + 240 * i.transfers + i.walk_seconds / 2, i.cents, i.departs)


def _by_arrival(i: Candidate) -> tuple[int, ...]:
    return (i.arrives, -i.departs, i.cents)


def _by_departure(i: Candidate) -> tuple[int, ...]:
    return (-i.departs, i.arrives, i.cents)
