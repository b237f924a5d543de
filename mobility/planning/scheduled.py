"""The bus and ferry ways of one page.

A page is a window of departures from the door, or for arrive-by of arrivals at it. It ends early
once it holds enough, and begins where the page before it ended, so that turning pages neither
skips nor repeats a way. Times are POSIX seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from mobility.planning.candidate import Candidate
from mobility.planning.request import Page
from mobility.planning.transit import ALL, Ask, Found, edge, list_arriving, list_departing

ENOUGH = 4
"""Plain ways after which a page may end."""
AT_MOST = 5
"""Plain ways that a page may hold, unless more leave at the very same second."""
_SLICE_SECONDS = 1800
_DAY_SECONDS = 86_400
"""So far a page reaches back (arrive-by: ahead) until it holds something."""
_DAYS_AHEAD = 7
"""So long it is looked for what goes next; each time a whole day is seen at least."""
LOOKED_BACK = timedelta(days=_DAYS_AHEAD)
"""And arrive-by for what went last."""


@dataclass(frozen=True, slots=True)
class PlainPage:
    """The plain ways of a page, the page's bounds, and what lies beyond."""

    ways: tuple[Candidate, ...]
    first: int
    until: int
    jumped: bool = False
    """Whether nothing goes in the hours asked for, and the page reaches to what does."""
    beyond: Candidate | None = None
    stops_near: bool = True
    """Whether both doors have a stop in reach."""


def no_stops(*, at: int, width: int, page: Page | None, backwards: bool) -> PlainPage:
    """The page where no stop is in reach."""
    start = int(page.at.timestamp()) if page else at
    earlier = page.earlier if page else backwards
    other = start - width if earlier else start + width
    return PlainPage((), min(start, other), max(start, other), stops_near=False)


def list_plain(
    ask: Ask, *, at: int, width: int, page: Page | None, backwards: bool, now: int
) -> PlainPage:
    """The plain ways of the page that ``at`` or a page token asks for.

    Where nothing goes then, what goes next, or arrive-by what went last and is not gone ``now``.
    """
    start = int(page.at.timestamp()) if page else at
    bound = None if page else at
    if backwards:
        if page is not None and not page.earlier:
            return _after_arrival(ask, start, width)
        return _until_arrival(ask, start, width, now, latest=bound)
    if page is not None and page.earlier:
        return _before_departure(ask, start, width)
    return _from_departure(ask, start, width, earliest=bound)


def _from_departure(ask: Ask, first: int, width: int, *, earliest: int | None) -> PlainPage:
    found = list_departing(ask, first, first + width, ENOUGH, earliest=earliest)
    until = found.cut or first + width
    kept, cut = _nearest(found.ways, 1, latest=False)
    beyond = _next(ask, found, first) if cut is None else None
    if kept or beyond is None:
        return PlainPage(kept, first, cut or until, beyond=beyond)
    while not found.ways and beyond is not None:
        until = beyond.departs + 1
        found = list_departing(ask, beyond.departs, until, ALL)
        beyond = found.beyond
    return PlainPage(found.ways, first, until, jumped=True)


def _before_departure(ask: Ask, until: int, width: int) -> PlainPage:
    """Slice by slice from the end, for the latest ways are the ones that are wanted."""
    first, ways = until, list[Candidate]()
    while first > until - _DAY_SECONDS and not (
        len(ways) > AT_MOST or (ways and first <= until - width)
    ):
        end, first = first, max(first - _SLICE_SECONDS, until - _DAY_SECONDS)
        ways += list_departing(ask, first, end, ALL).ways
    kept, cut = _nearest(ways, 1, latest=True)
    return PlainPage(kept, cut + 1 if cut else first, until)


def _until_arrival(ask: Ask, last: int, width: int, now: int, *, latest: int | None) -> PlainPage:
    found = list_arriving(ask, last - width, last, ENOUGH, latest=latest)
    after = found.cut or last - width
    kept, cut = _nearest(found.ways, -1, latest=False)
    before = None if kept else _last(ask, found, last, now)
    if before is None:
        return PlainPage(kept, cut or after, last)
    while not found.ways and before is not None:
        after = before.arrives - 1
        found = list_arriving(ask, after, before.arrives, ALL)
        before = found.beyond
    return PlainPage(tuple(w for w in found.ways if w.departs >= now), after, last, jumped=True)


def _after_arrival(ask: Ask, after: int, width: int) -> PlainPage:
    """Slice by slice from the beginning, for the earliest ways are the ones that are wanted."""
    last, ways = after, list[Candidate]()
    while last < after + _DAY_SECONDS and not (
        len(ways) > AT_MOST or (ways and last >= after + width)
    ):
        begin, last = last, min(last + _SLICE_SECONDS, after + _DAY_SECONDS)
        ways += list_arriving(ask, begin, last, ALL).ways
    kept, cut = _nearest(ways, -1, latest=True)
    return PlainPage(kept, after, cut - 1 if cut else last)


def _next(ask: Ask, found: Found, first: int) -> Candidate | None:
    """What goes next after the page, be it days later; where it was cut short none is known."""
    if found.cut is not None:
        return None
    if found.beyond is not None:
        return found.beyond
    days = (first + ahead * _DAY_SECONDS for ahead in range(1, _DAYS_AHEAD + 1))
    return next(filter(None, (list_departing(ask, day, day, 1).beyond for day in days)), None)


def _last(ask: Ask, found: Found, last: int, now: int) -> Candidate | None:
    """What arrived last before the window, be it days earlier, as long as that is to come."""
    if found.cut is not None:
        return None
    if found.beyond is not None:
        return found.beyond
    days = (last - back * _DAY_SECONDS for back in range(1, _DAYS_AHEAD + 1))
    to_come = (day for day in days if day > now)
    return next(filter(None, (list_arriving(ask, day, day, 1).beyond for day in to_come)), None)


def _nearest(
    ways: Sequence[Candidate], sign: int, *, latest: bool
) -> tuple[tuple[Candidate, ...], int | None]:
    """At most ``AT_MOST`` at one end of the window, and the edge of the first that is left out."""
    ordered = sorted(ways, key=lambda way: edge(way, sign), reverse=latest)
    edges = [edge(way, sign) for way in ordered]
    if len(ordered) <= AT_MOST:
        return tuple(ordered), None
    cut: int | None = edges[AT_MOST]
    if cut == edges[0]:
        cut = next((other for other in edges if other != cut), None)
    kept = ordered if cut is None else ordered[: edges.index(cut)]
    return tuple(kept), None if cut is None else sign * cut
