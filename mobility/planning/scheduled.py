"""The bus and ferry journeys of one page, plain or with a rented bike at one end.

A page is a window of departures from the door, or for arrive-by of arrivals at it. It ends early
once it holds enough, and begins where the page before it ended, so that turning pages neither
skips nor repeats a plain journey.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gtfs.ids import StopIdx
from gtfs.journey import Journey
from gtfs.timetable import Timetable
from mobility.planning.compose import Way, seconds_of
from mobility.planning.request import Page
from mobility.planning.transit import (
    Doors,
    Found,
    arrives_at,
    departs_at,
    list_arriving,
    list_departing,
)

ENOUGH = 4
"""Plain journeys after which a page may end."""
AT_MOST = 5
"""Plain journeys that a page may hold, unless more leave at the very same second."""
COMBINED_ENOUGH = 2
_SECOND = timedelta(seconds=1)
_WIDER = (1, 3, 8)
_ALL = 99

Ways = Mapping[int, Way]


@dataclass(frozen=True, slots=True)
class PlainPage:
    """The plain journeys of a page, the page's bounds, and what lies beyond."""

    journeys: tuple[Journey, ...]
    first: datetime
    until: datetime
    jumped: bool = False
    """Whether nothing goes in the hours asked for, and the page reaches to what does."""
    beyond: Journey | None = None
    stops_near: bool = True
    """Whether both doors have a stop in reach."""


def doors(out: Ways, back: Ways) -> Doors:
    """The kernel's view of the ways to and from stops."""
    return Doors(
        {stop: seconds_of(way) for stop, way in out.items()},
        {stop: seconds_of(way) for stop, way in back.items()},
    )


def list_plain(
    timetable: Timetable,
    ends: Doors,
    *,
    at: datetime,
    width: timedelta,
    page: Page | None,
    backwards: bool,
) -> PlainPage:
    """The plain journeys of the page that ``at`` or a page token asks for."""
    start = page.at if page else at
    if ends.lead_nowhere:
        earlier = page.earlier if page else backwards
        other = start - width if earlier else start + width
        return PlainPage((), min(start, other), max(start, other), stops_near=False)
    if backwards:
        if page is not None and not page.earlier:
            return _after_arrival(timetable, ends, start, width)
        return _until_arrival(timetable, ends, start, width)
    if page is not None and page.earlier:
        return _before_departure(timetable, ends, start, width)
    return _from_departure(timetable, ends, start, width)


def list_combined(
    timetable: Timetable, ends: Doors, page: PlainPage, *, backwards: bool
) -> tuple[Journey, ...]:
    """Some journeys of other doors within the bounds of a plain page."""
    scan = list_arriving if backwards else list_departing
    return scan(timetable, ends, page.first, page.until, COMBINED_ENOUGH).journeys


def _from_departure(
    timetable: Timetable, ends: Doors, first: datetime, width: timedelta
) -> PlainPage:
    def leaves(journey: Journey) -> datetime:
        return departs_at(journey, timetable)

    found = list_departing(timetable, ends, first, first + width, ENOUGH)
    until = found.cut or first + width
    if not found.journeys and found.beyond is not None:
        until = leaves(found.beyond) + _SECOND
        found = list_departing(timetable, ends, first, until, _ALL)
        return PlainPage(found.journeys, first, until, jumped=True)
    kept, cut = _nearest(found.journeys, leaves, latest=False)
    return PlainPage(kept, first, cut or until, beyond=_next(found, cut))


def _before_departure(
    timetable: Timetable, ends: Doors, until: datetime, width: timedelta
) -> PlainPage:
    first = until - width
    for times in _WIDER:
        first = until - times * width
        found = list_departing(timetable, ends, first, until, _ALL)
        if found.journeys:
            kept, cut = _nearest(
                found.journeys, lambda journey: departs_at(journey, timetable), latest=True
            )
            return PlainPage(kept, cut + _SECOND if cut else first, until)
    return PlainPage((), first, until)


def _until_arrival(
    timetable: Timetable, ends: Doors, last: datetime, width: timedelta
) -> PlainPage:
    def reaches(journey: Journey) -> datetime:
        return arrives_at(journey, timetable)

    found = list_arriving(timetable, ends, last - width, last, ENOUGH)
    after = found.cut or last - width
    if not found.journeys and found.beyond is not None:
        after = reaches(found.beyond) - _SECOND
        found = list_arriving(timetable, ends, after, last, _ALL)
        return PlainPage(found.journeys, after, last, jumped=True)
    kept, cut = _nearest(found.journeys, reaches, latest=True)
    return PlainPage(kept, cut or after, last)


def _after_arrival(
    timetable: Timetable, ends: Doors, after: datetime, width: timedelta
) -> PlainPage:
    last = after + width
    for times in _WIDER:
        last = after + times * width
        found = list_arriving(timetable, ends, after, last, _ALL)
        if found.journeys:
            kept, cut = _nearest(
                found.journeys, lambda journey: arrives_at(journey, timetable), latest=False
            )
            return PlainPage(kept, after, cut - _SECOND if cut else last)
    return PlainPage((), after, last)


def _next(found: Found, cut: datetime | None) -> Journey | None:
    """What goes next after the page; nothing is known where it was cut short."""
    return found.beyond if cut is None and found.cut is None else None


def _nearest(
    journeys: Sequence[Journey], edge: Callable[[Journey], datetime], *, latest: bool
) -> tuple[tuple[Journey, ...], datetime | None]:
    """At most ``AT_MOST`` at one end of the window, and the edge of the first one left out."""
    ordered = sorted(journeys, key=edge, reverse=latest)
    if len(ordered) <= AT_MOST:
        return tuple(ordered), None
    cut = edge(ordered[AT_MOST])
    kept = tuple(j for j in ordered[:AT_MOST] if edge(j) != cut)
    if kept:
        return kept, cut
    same = tuple(j for j in ordered if edge(j) == cut)
    others = [edge(j) for j in ordered if edge(j) != cut]
    return same, others[0] if others else None


def stops_of(children: Sequence[StopIdx]) -> dict[int, Way]:
    """Stops that are at the door itself."""
    return dict.fromkeys(map(int, children), 0)
