"""A search that passes up to two stops on the way: one search from stop to stop, joined.

For each way to the first stop the best way on is taken, once the stay asked for is over; for
arrive-by the other way round, from the last stop back. Who stays in the vehicle at a stop makes no
change there. Windows are those of the first (arrive-by: last) section, so pages neither skip nor
repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from gtfs.geo import LatLon
from mobility.api.motis.parameters import read_stop_id
from mobility.api.motis.plan_query import PlanQuery
from mobility.planning.errors import BadSearchError
from mobility.planning.itinerary import Accessible, Itinerary, Leg
from mobility.planning.request import SearchRequest, SearchResult
from mobility.planning.search import Planner

Search = Callable[[SearchRequest, datetime], SearchResult]
"""As ``Planner.search``."""
_MOST = 6
"""Ways of the first section that are followed on."""


@dataclass(frozen=True, slots=True)
class ViaSearch:
    """Our search, by way of stops; ``stays`` has one minimum stay for each of them."""

    planner: Planner
    stops: tuple[str, ...]
    stays: tuple[timedelta, ...]

    def __call__(self, request: SearchRequest, now: datetime) -> SearchResult:
        """As ``Planner.search``.

        Raises:
            UnknownStopError, UnknownPassError, BadSearchError
        """
        points = (request.origin, *self.stops, request.destination)
        sections = list(pairwise(points))
        stays = list(self.stays)
        backwards = request.arrive_by is not None
        if backwards:
            sections.reverse()
            stays.reverse()
        first = self.planner.search(_between(request, sections[0]), now)
        found = []
        for start in first.itineraries[:_MOST]:
            parts: list[Itinerary] | None = [start]
            for section, stay in zip(sections[1:], stays, strict=True):
                parts = self._further(request, parts, section, stay, now)
            if parts is not None:
                ordered = parts[::-1] if backwards else parts
                legs = tuple(leg for part in ordered for leg in part.legs)
                found.append(joined(self.planner, legs, request))
        return replace(first, itineraries=tuple(found))

    def _further(
        self,
        request: SearchRequest,
        parts: list[Itinerary] | None,
        section: tuple[LatLon | str, LatLon | str],
        stay: timedelta,
        now: datetime,
    ) -> list[Itinerary] | None:
        """The parts and the best one after (arrive-by: before) them; None where there is none."""
        if parts is None:
            return None
        last = parts[-1]
        if request.arrive_by is None:
            times = {"depart_at": last.arrives_at + stay, "arrive_by": None}
        else:
            times = {"depart_at": None, "arrive_by": last.departs_at - stay}
        asked = replace(_between(request, section), page=None, **times)  # type: ignore[arg-type]
        try:
            found = self.planner.search(asked, now).itineraries
        except BadSearchError:
            return None
        if not found:
            return None
        if request.arrive_by is None:
            return [*parts, min(found, key=lambda i: (i.arrives_at, i.transfers))]
        return [*parts, max(found, key=lambda i: (i.departs_at, -i.transfers))]


def joined(planner: Planner, parts: Sequence[Leg], request: SearchRequest) -> Itinerary:
    """One journey of the legs of several, priced as a whole."""
    legs: list[Leg] = []
    for leg in parts:
        ridden_on = _ridden_on(legs[-1], leg) if legs else None
        if ridden_on is not None:
            legs[-1] = ridden_on
        else:
            legs.append(leg)
    return planner.pricer.priced(Itinerary(tuple(legs)), request.passes, request.passengers)


def via_search(planner: Planner, query: PlanQuery) -> ViaSearch:
    """The search of a query that names stops to pass.

    Raises:
        BadQueryError: what it names can be no stop.
        UnknownStopError: there is no such stop.
    """
    stops = tuple(read_stop_id(text, "via") for text in query.via)
    for stop in stops:
        planner.get_door(stop, "")
    stays = [timedelta(minutes=minutes) for minutes in query.via_minimum_stay[: len(stops)]]
    stays += [timedelta()] * (len(stops) - len(stays))
    return ViaSearch(planner, stops, tuple(stays))


def _between(request: SearchRequest, section: tuple[LatLon | str, LatLon | str]) -> SearchRequest:
    return replace(request, origin=section[0], destination=section[1])


def _ridden_on(before: Leg, after: Leg) -> Leg | None:
    """One leg of two where the rider stays in the vehicle; None where she does not."""
    first, second = before.ride, after.ride
    if first is None or second is None or first.trip_id != second.trip_id:
        return None
    if first.alight_index != second.board_index:
        return None
    return replace(
        before,
        destination=after.destination,
        arrives_at=after.arrives_at,
        metres=before.metres + after.metres,
        geometry=(*before.geometry, *after.geometry[1:]),
        co2_grams=before.co2_grams + after.co2_grams,
        ride=replace(first, alight_index=second.alight_index, to_zone=second.to_zone),
        accessible=_both(before.accessible, after.accessible),
    )


def _both(a: Accessible, b: Accessible) -> Accessible:
    return next(
        flag for flag in (Accessible.NO, Accessible.UNKNOWN, Accessible.YES) if flag in {a, b}
    )
