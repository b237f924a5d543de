"""Which of the ways found are worth showing, in which order, and why.

Within one kind of travelling (bus; bike; bus and bike; …) the Pareto front over departure, arrival,
transfers, price and CO2 stays. A combined way must also hold against every simpler one. Otherwise
only the absurd goes between kinds: a rented ride that another way beats by a quarter of an hour and
in everything else. So a rented bike never drives out the plain bus (motis#1234), and nobody is
shown hundreds of near-identical ways (motis#1166).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from mobility.planning.itinerary import Itinerary, Reason
from providers.values import Mode

AT_MOST = 8
NEAR = timedelta(minutes=2)
"""Two ways of one kind closer than this in both times differ in nothing a person cares about."""
SAME = timedelta(minutes=1)
"""Two ways of one kind closer than this in both times are told apart by price and CO2 alone."""
FAR = timedelta(minutes=15)
"""By so much a way of another kind must be beaten, in everything, to be left out."""
WAIT = timedelta(minutes=45)
"""Nobody waits so long to save a change or some minutes on foot (motis#753)."""
SHORT_WALK_SECONDS = 1800
"""A longer walk is always the cheapest and greenest; saying so helps nobody."""


def rank(
    found: Iterable[Itinerary], *, rivals: Iterable[Itinerary] = (), latest_first: bool = False
) -> tuple[Itinerary, ...]:
    """At most eight ways, by arrival (for arrive-by: the latest departure first), with reasons.

    ``rivals`` may drive others out and are not shown themselves: the ways without a timetable,
    which stand on another page.
    """
    unique = _unique(found)
    known = [*unique, *rivals]
    front = [i for i in unique if not any(_drives_out(other, i) for other in known)]
    front = _distinct(sorted(front, key=_effort))
    chosen = _choose(front)
    order = _by_departure if latest_first else _by_arrival
    return with_reasons(sorted(chosen, key=order), latest_first=latest_first)


def _unique(found: Iterable[Itinerary]) -> list[Itinerary]:
    kept: dict[object, Itinerary] = {}
    for itinerary in found:
        other = kept.setdefault(itinerary.key, itinerary)
        better = _cost if _twins(itinerary, other) else _effort
        kept[itinerary.key] = min(other, itinerary, key=better)
    return list(kept.values())


def dominates(a: Itinerary, b: Itinerary, slack: timedelta = timedelta(0)) -> bool:
    """Whether ``a`` is at least as good as ``b`` in everything, and better in something.

    With a slack it must leave as late and arrive ``slack`` earlier.
    """
    no_worse = (
        a.departs_at >= b.departs_at
        and a.arrives_at + slack <= b.arrives_at
        and a.transfers <= b.transfers
        and a.price <= b.price
        and a.co2_grams <= b.co2_grams
    )
    return no_worse and _criteria(a) != _criteria(b)


def with_reasons(
    ranked: Sequence[Itinerary], *, latest_first: bool = False
) -> tuple[Itinerary, ...]:
    """The same ways, the first that is best at something saying so; what all share is no reason.

    A long walk is always the cheapest and greenest, so it takes no part. Changes are compared
    among the ways with a bus, since a ride from door to door never has any.
    """
    said = [i for i in ranked if i.kind != (Mode.WALK,) or i.seconds <= SHORT_WALK_SECONDS]
    rides = [i for i in said if i.has_transit]
    contests: tuple[tuple[Reason, Sequence[Itinerary], Callable[[Itinerary], float]], ...] = (
        (
            Reason.FASTEST,
            said,
            (lambda i: -i.departs_at.timestamp())
            if latest_first
            else (lambda i: i.arrives_at.timestamp()),
        ),
        (Reason.CHEAPEST, said, lambda i: i.price.minor),
        (Reason.GREENEST, said, lambda i: i.co2_grams),
        (Reason.FEWEST_CHANGES, rides, lambda i: i.transfers),
    )
    won: dict[int, list[Reason]] = {}
    for reason, entrants, measure in contests:
        values = [measure(i) for i in entrants]
        if values and (max(values) > min(values) or reason is Reason.FASTEST):
            won.setdefault(id(entrants[values.index(min(values))]), []).append(reason)
    return tuple(replace(i, reasons=(*won.get(id(i), ()), *i.reasons)) for i in ranked)


def _drives_out(a: Itinerary, b: Itinerary) -> bool:
    if a is b:
        return False
    if a.kind == b.kind:
        return (
            dominates(a, b)
            or _in_vain(a, b)
            or (_criteria(a) == _criteria(b) and _effort(a) < _effort(b))
        )
    if _combined(b) and not _combined(a) and a.has_transit | a.has_rental:
        return _no_gain(a, b) or _at_any_time(a, b)
    return b.has_rental and dominates(a, b, FAR)


def _no_gain(a: Itinerary, b: Itinerary) -> bool:
    """Whether combining brings nothing but a little less CO2, or costs a quarter of an hour."""
    if a.departs_at < b.departs_at or a.transfers > b.transfers:
        return False
    if a.arrives_at + FAR <= b.arrives_at:
        return True
    return (
        a.arrives_at <= b.arrives_at and a.price <= b.price and a.co2_grams * 3 <= b.co2_grams * 4
    )


def _at_any_time(a: Itinerary, b: Itinerary) -> bool:
    """Whether ``a`` needs no timetable and would be as good whenever ``b`` begins."""
    return (
        not a.has_transit
        and a.seconds <= b.seconds
        and a.price <= b.price
        and a.co2_grams <= b.co2_grams
    )


def _in_vain(a: Itinerary, b: Itinerary) -> bool:
    """Whether ``b`` waits where ``a`` already travels, for no less money."""
    return (
        a.departs_at >= b.departs_at and a.arrives_at + WAIT <= b.arrives_at and a.price <= b.price
    )


def _criteria(i: Itinerary) -> tuple[object, ...]:
    return (i.departs_at, i.arrives_at, i.transfers, i.price.minor, i.co2_grams)


def _distinct(front: Sequence[Itinerary]) -> list[Itinerary]:
    """Of ways that hardly differ the first, which is the one of least effort.

    Where less than a minute lies between them, the cheaper takes its place, then the greener.
    """
    kept: list[Itinerary] = []
    for candidate in front:
        twin = next((n for n, other in enumerate(kept) if _twins(candidate, other)), None)
        if twin is not None:
            kept[twin] = min(kept[twin], candidate, key=_cost)
        elif not any(_alike(candidate, other) for other in kept):
            kept.append(candidate)
    return kept


def _twins(a: Itinerary, b: Itinerary) -> bool:
    return (
        a.kind == b.kind
        and a.transfers == b.transfers
        and abs(a.departs_at - b.departs_at) < SAME
        and abs(a.arrives_at - b.arrives_at) < SAME
    )


def _cost(i: Itinerary) -> tuple[int, int]:
    return (i.price.minor, i.co2_grams)


def _alike(a: Itinerary, b: Itinerary) -> bool:
    return (
        a.kind == b.kind
        and abs(a.departs_at - b.departs_at) <= NEAR
        and abs(a.arrives_at - b.arrives_at) <= NEAR
        and a.price.minor >= b.price.minor
        and a.transfers >= b.transfers
    )


def _choose(front: Sequence[Itinerary]) -> list[Itinerary]:
    """Up to eight: all plain rides, the best of each other kind, combined ones last."""
    kinds: dict[tuple[Mode, ...], Itinerary] = {}
    for itinerary in front:
        kinds.setdefault(itinerary.kind, itinerary)
    plain = [i for i in front if i.has_transit and not i.has_rental]
    simple = [i for i in kinds.values() if not i.has_transit]
    combined = [i for i in kinds.values() if _combined(i)]
    chosen = [*plain[: AT_MOST - len(simple)], *simple, *combined][:AT_MOST]
    more = [i for i in front if i not in chosen and not _combined(i)]
    return chosen + more[: AT_MOST - len(chosen)]


def _combined(i: Itinerary) -> bool:
    return i.has_rental and i.has_transit


def _effort(i: Itinerary) -> tuple[float, ...]:
    """Door-to-door seconds, a change counted as four minutes and a walk half as long again."""
    return (
        i.seconds + 240 * i.transfers + i.walk_seconds / 2,
        i.price.minor,
        i.departs_at.timestamp(),
    )


def _by_arrival(i: Itinerary) -> tuple[float, ...]:
    return (i.arrives_at.timestamp(), -i.departs_at.timestamp(), i.price.minor)


def _by_departure(i: Itinerary) -> tuple[float, ...]:
    return (-i.departs_at.timestamp(), i.arrives_at.timestamp(), i.price.minor)
