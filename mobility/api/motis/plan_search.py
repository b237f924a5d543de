"""A plan's journeys: as many pages of our search as it takes, and no journey twice.

One search of ours answers for a window of departures (arrive-by: arrivals). A plan goes on from
window to window until ``numItineraries`` are found or nothing goes for a day, and its cursors
stand at the outer edges of what it shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat

from mobility.api.motis.change_time import ChangeTime, Search, UnhurriedSearch
from mobility.api.motis.cursors import Cursor, read_cursor
from mobility.api.motis.filters import Filters, best_only, not_dominated, not_overtaken
from mobility.api.motis.modes import FORM_FACTORS, MotisMode, transit_modes
from mobility.api.motis.own_vehicle import own_vehicle
from mobility.api.motis.parameters import Spot, in_zone, read_place, read_stop_id
from mobility.api.motis.plan_query import PedestrianProfile, PlanQuery, rental_modes
from mobility.planning.errors import BadSearchError
from mobility.planning.itinerary import Itinerary, Reason
from mobility.planning.request import Notice, Page, SearchRequest, SearchResult, Via
from mobility.planning.search import Planner
from providers.values import Mode

MOST_PAGES = 8
"""Windows searched for one plan."""
MOST_ITINERARIES = 50
SHORTEST, LONGEST = timedelta(minutes=15), timedelta(hours=6)
MOST_WALK_M = 5000
_ABSOLUTE = frozenset({Reason.LAST_WAY_HOME})
"""Reasons that hold for a journey beside those of other windows too."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a plan shows, and where it goes on; no cursor where nothing is scheduled at all."""

    itineraries: tuple[Itinerary, ...]
    direct: tuple[Itinerary, ...]
    earlier: Cursor | None
    later: Cursor | None
    notices: tuple[Notice, ...]


def request_of(query: PlanQuery, planner: Planner, now: datetime) -> SearchRequest:
    """What our search is asked, before it is known who asks.

    Raises:
        BadQueryError: a parameter cannot be used.
    """
    ends = [
        read_place(text, name)
        for text, name in ((query.from_place, "fromPlace"), (query.to_place, "toPlace"))
    ]
    origin, destination = (end.position if isinstance(end, Spot) else end for end in ends)
    at = in_zone(query.time, planner.city.timezone) if query.time else now
    cursor = read_cursor(query.page_cursor)
    street_s = max(query.max_pre_transit_time, query.max_post_transit_time)
    walk_m = planner.streets.metres(Mode.WALK, min(street_s, 86_400))
    return SearchRequest(
        origin=origin,
        destination=destination,
        depart_at=None if query.arrive_by else at,
        arrive_by=at if query.arrive_by else None,
        modes=_modes(query),
        passengers=query.passengers,
        wheelchair=query.pedestrian_profile is PedestrianProfile.WHEELCHAIR,
        max_walk_m=min(walk_m, MOST_WALK_M),
        max_direct_walk_m=max(planner.streets.metres(Mode.WALK, query.max_direct_time), 1),
        window=min(max(timedelta(seconds=min(query.search_window, 86_400)), SHORTEST), LONGEST),
        page=Page(cursor.earlier, cursor.at).token() if cursor else None,
        with_gone=True,
        via=_via(query),
    )


def _via(query: PlanQuery) -> tuple[Via, ...]:
    stays = chain(query.via_minimum_stay, repeat(0))
    return tuple(
        Via(read_stop_id(text, "via"), timedelta(minutes=minutes))
        for text, minutes in zip(query.via, stays, strict=False)
    )


def _modes(query: PlanQuery) -> frozenset[Mode]:
    lines = transit_modes(query.transit_modes)
    modes = {Mode.WALK} | rental_modes(query, FORM_FACTORS)
    if MotisMode.FERRY in lines:
        modes.add(Mode.FERRY)
    if lines - {MotisMode.FERRY}:
        modes.add(Mode.BUS)
    return frozenset(modes)


def find_plan(
    planner: Planner, query: PlanQuery, request: SearchRequest, filters: Filters, now: datetime
) -> Plan:
    """Search until there is enough to show.

    Raises:
        UnknownStopError, UnknownPassError, BadSearchError
    """
    search = _search_of(planner, query)
    first = search(request, now)
    direct = [i for i in first.itineraries if filters.direct(i)]
    if request.page is None and not query.via:
        direct += own_vehicle(planner, request, query.direct_modes, query.max_direct_time, now)

    backwards = _backwards(query, request)
    results = [first]
    further = _further(search, request, first, backwards=backwards, now=now)
    while _wants_more(query, _shown(results, query, filters)):
        following = next(further, None)
        if following is None:
            break
        results.append(following)
    found = not_overtaken(_shown(results, query, filters), direct, query.fastest_direct_factor)
    edges = (_edge(r.earlier) for r in results), (_edge(r.later) for r in results)
    earlier = min((e for e in edges[0] if e), key=lambda c: c.at, default=None)
    later = max((e for e in edges[1] if e), key=lambda c: c.at, default=None)
    plan = Plan(
        tuple(_in_order(_once(found))),
        tuple(sorted(direct, key=lambda i: i.seconds)) if request.page is None else (),
        earlier,
        later,
        first.notices,
    )
    if not query.timetable_view:
        best = best_only(plan.itineraries, arrive_by=query.arrive_by)
        return replace(plan, itineraries=tuple(best))
    return _cut(plan, query, backwards=backwards)


def _shown(results: Sequence[SearchResult], query: PlanQuery, filters: Filters) -> list[Itinerary]:
    found = [i for result in results for i in result.itineraries if filters.scheduled(i)]
    return not_dominated(found) if query.via or ChangeTime.of(query) else found


def _wants_more(query: PlanQuery, found: Sequence[Itinerary]) -> bool:
    if not query.timetable_view or not transit_modes(query.transit_modes):
        return False
    return len(found) < min(query.num_itineraries, MOST_ITINERARIES)


def _search_of(planner: Planner, query: PlanQuery) -> Search:
    """Our search, with the time to change that is asked for; by way of stops that only filters."""
    time = ChangeTime.of(query)
    if time and not query.via:
        return UnhurriedSearch(planner, planner.search, time)
    return planner.search


def _backwards(query: PlanQuery, request: SearchRequest) -> bool:
    """Whether further windows lie before the first one."""
    return request.page.startswith("e") if request.page else query.arrive_by


def _further(
    search: Search, request: SearchRequest, first: SearchResult, *, backwards: bool, now: datetime
) -> Iterator[SearchResult]:
    """The windows after (or before) the first one, each wider, until nothing goes any more."""
    last, window = first, request.window
    for _ in range(MOST_PAGES):
        token = last.earlier if backwards else last.later
        if token is None:
            return
        window = min(window * 2, LONGEST)
        try:
            last = search(replace(request, page=token, window=window), now)
        except BadSearchError:
            return
        yield last
        if not any(i.has_transit for i in last.itineraries) and window == LONGEST:
            return


def _edge(token: str | None) -> Cursor | None:
    return Cursor(token[0] == "e", datetime.fromtimestamp(int(token[1:]), UTC)) if token else None


def _once(itineraries: Sequence[Itinerary]) -> list[Itinerary]:
    return list({itinerary.key: itinerary for itinerary in itineraries}.values())


def _in_order(itineraries: Sequence[Itinerary]) -> list[Itinerary]:
    return sorted(itineraries, key=lambda i: (i.departs_at, i.arrives_at))


def _cut(plan: Plan, query: PlanQuery, *, backwards: bool) -> Plan:
    """At most so many itineraries, from the end where the search began; the cursor follows.

    Those that leave (arrive-by: arrive) at the same second stay together, as the document says.
    """
    most = min(query.max_itineraries or MOST_ITINERARIES, MOST_ITINERARIES)
    if len(plan.itineraries) <= most:
        return plan

    def edge(itinerary: Itinerary) -> datetime:
        return itinerary.arrives_at if query.arrive_by else itinerary.departs_at

    ordered = sorted(plan.itineraries, key=edge, reverse=backwards)
    last = edge(ordered[most - 1])
    kept = [i for i in ordered if (edge(i) >= last if backwards else edge(i) <= last)]
    left = ordered[len(kept) :]
    shown = replace(plan, itineraries=tuple(_in_order(kept)))
    if not left:
        return shown
    # A window of departures holds its first second and not its last, one of arrivals the reverse.
    if backwards:
        return replace(
            shown, earlier=Cursor(earlier=True, at=edge(left[0]) if query.arrive_by else last)
        )
    return replace(
        shown, later=Cursor(earlier=False, at=last if query.arrive_by else edge(left[0]))
    )
