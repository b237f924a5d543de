"""Every scheduled way that leaves, or arrives, within a window.

The kernel answers for one moment; a window is asked from moment to moment: after each answer the
next moment is one second after the earliest departure found (for arrive-by, before the latest
arrival), so that no way of the window's front is missed and none is found twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count

from mobility.planning.candidate import Candidate
from mobility.planning.rank import replaces, replaces_by_the_clock

MAX_WAIT_SECONDS = 4500
"""Who would wait longer between two rides travels later instead (motis#753)."""
ALL = 1_000_000
"""More than any window holds: such a scan goes on to the window's end."""
_MOMENTS = 40
"""Moments asked at most in a window that may be cut short."""

Ask = Callable[[int], Sequence[Candidate]]
"""The front that leaves at a moment or later (arrive-by: arrives by then); POSIX seconds."""


@dataclass(frozen=True, slots=True)
class Found:
    """The ways of a window, and the first (arrive-by: last) beyond what was asked."""

    ways: tuple[Candidate, ...]
    beyond: Candidate | None
    """The next one after the window (arrive-by: before it); None if there is none within a day."""
    cut: int | None
    """Where the list was cut short because it held enough; the next page begins there."""


def list_departing(
    ask: Ask, first: int, until: int, enough: int, *, earliest: int | None = None
) -> Found:
    """The front of what leaves the door in [first, until).

    Once ``enough`` are found the window ends before the next departure. Nobody can leave before
    ``earliest``; None: what leaves earlier in the first minute is on the page before.
    """
    return _scan(ask, first, until, enough, 1, earliest)


def list_arriving(
    ask: Ask, after: int, last: int, enough: int, *, latest: int | None = None
) -> Found:
    """The front of what arrives at the door in (after, last], from the latest backwards.

    After ``latest`` it would be too late; None: what arrives later in the last minute is on the
    page after.
    """
    return _scan(ask, -last, -after, enough, -1, None if latest is None else -latest)


def edge(way: Candidate, sign: int) -> int:
    """Where a way stands in its window: its departure, for arrive-by its arrival turned round."""
    return way.departs if sign > 0 else -way.arrives


def _scan(ask: Ask, start: int, stop: int, enough: int, sign: int, least: int | None) -> Found:
    """Over the places from ``start`` to ``stop``.

    It begins with their first minute, as far as ``least``, for what may make others needless there.
    """
    found: dict[object, Candidate] = {}

    def kept(before: int = stop) -> tuple[Candidate, ...]:
        return tuple(way for way in found.values() if start <= edge(way, sign) < before)

    place = start - start % 60
    if least is not None:
        place = max(place, least)
    for _ in count() if enough >= ALL else range(_MOMENTS):
        answer = ask(sign * place)
        if not answer:
            return Found(kept(), None, None)
        following = min(answer, key=lambda way: edge(way, sign))
        place = edge(following, sign)
        good = [way for way in answer if way.longest_wait <= MAX_WAIT_SECONDS]
        better = [key for key, old in found.items() if is_beaten(old, good, sign)]
        for key in better:
            del found[key]
        if place >= stop:
            beyond = next((way for way in good if edge(way, sign) == place), None)
            if beyond is not None:
                return Found(kept(), beyond, None)
        others = [*good, *found.values()]
        fresh = {
            way.key: way
            for way in good
            if edge(way, sign) < stop and way.key not in found and not is_beaten(way, others, sign)
        }
        if len(kept()) >= enough and fresh and not better:
            return Found(kept(place), following, sign * place)
        found |= fresh
        place += 1
    return Found(kept(), None, sign * place)


def is_beaten(old: Candidate, others: Iterable[Candidate], sign: int) -> bool:
    """Whether another makes it needless that comes later in the window, be it beyond its end.

    Only what comes later may: so a way is left out of every window it could stand in, or of none.
    But what comes in the same minute is seen beside it, and may if it is better by the clock.
    """
    place, key = edge(old, sign), old.key
    return any(
        new.key != key
        and (
            replaces(new, old)
            if edge(new, sign) >= place
            else edge(new, sign) // 60 == place // 60 and replaces_by_the_clock(new, old)
        )
        for new in others
    )
