"""More time to change than the timetable asks for: the rest of a journey is searched again.

Where a change is shorter than a plan's parameters allow, what comes after it (arrive-by: before it)
is looked for anew, as late (early) as the change then takes. The windows of pages stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from mobility.api.motis.plan_query import PlanQuery
from mobility.planning.errors import BadSearchError
from mobility.planning.itinerary import TRANSIT, Itinerary
from mobility.planning.joined import joined
from mobility.planning.request import SearchRequest, SearchResult
from mobility.planning.search import Planner

Search = Callable[[SearchRequest, datetime], SearchResult]
"""As ``Planner.search``."""
_TRIES = 6
_LATER = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class ChangeTime:
    """How much time each change must have."""

    at_least: timedelta
    added: timedelta
    factor: float

    @classmethod
    def of(cls, query: PlanQuery) -> ChangeTime:
        """What a query asks for."""
        return cls(
            timedelta(minutes=query.min_transfer_time),
            timedelta(minutes=query.additional_transfer_time),
            query.transfer_time_factor,
        )

    def __bool__(self) -> bool:
        return bool(self.at_least or self.added or self.factor > 1)

    def find_short(self, itinerary: Itinerary, *, last: bool = False) -> tuple[int, int] | None:
        """The first (or last) two rides that are too close to each other, by their leg numbers."""
        legs = itinerary.legs
        rides = [n for n, leg in enumerate(legs) if leg.mode in TRANSIT]
        pairs = [pair for pair in pairwise(rides) if not legs[pair[1]].stay_seated]
        for before, after in reversed(pairs) if last else pairs:
            walk = sum(leg.seconds for leg in legs[before + 1 : after])
            needed = max(self.at_least, self.added + timedelta(seconds=walk * self.factor))
            if legs[after].departs_at - legs[before].arrives_at < needed:
                return before, after
        return None


@dataclass(frozen=True, slots=True)
class UnhurriedSearch:
    """A search whose journeys have the time asked for at every change."""

    planner: Planner
    search: Search
    time: ChangeTime

    def __call__(self, request: SearchRequest, now: datetime) -> SearchResult:
        """As ``Planner.search``.

        Raises:
            UnknownStopError, UnknownPassError, BadSearchError
        """
        found = self.search(request, now)
        mended = (self._mended(itinerary, request, now) for itinerary in found.itineraries)
        return replace(found, itineraries=tuple(i for i in mended if i is not None))

    def _mended(
        self, itinerary: Itinerary, request: SearchRequest, now: datetime
    ) -> Itinerary | None:
        backwards = request.arrive_by is not None
        more = timedelta()
        for _ in range(_TRIES):
            short = self.time.find_short(itinerary, last=backwards)
            if short is None:
                return itinerary
            again = self._again(itinerary, short, request, more, now)
            if again is None:
                return None
            same = self.time.find_short(again, last=backwards)
            more = (
                more + _LATER
                if same is not None and same[backwards] == short[backwards]
                else timedelta()
            )
            itinerary = again
        return None

    def _again(
        self,
        itinerary: Itinerary,
        short: tuple[int, int],
        request: SearchRequest,
        more: timedelta,
        now: datetime,
    ) -> Itinerary | None:
        """The journey with its rest after (before) a short change searched again."""
        before, after = short
        pause = max(self.time.at_least, self.time.added) + more
        if request.arrive_by is None:
            kept = itinerary.legs[: before + 1]
            asked = replace(
                request,
                origin=kept[-1].destination.stop_id or kept[-1].destination.position,
                depart_at=kept[-1].arrives_at + pause,
                page=None,
            )
        else:
            kept = itinerary.legs[after:]
            asked = replace(
                request,
                destination=kept[0].origin.stop_id or kept[0].origin.position,
                arrive_by=kept[0].departs_at - pause,
                page=None,
            )
        try:
            found = self.planner.search(asked, now).itineraries
        except BadSearchError:
            return None
        if not found:
            return None
        if request.arrive_by is None:
            rest = min(found, key=lambda i: (i.arrives_at, i.transfers))
            return joined(self.planner.pricer, (*kept, *rest.legs), request)
        rest = max(found, key=lambda i: (i.departs_at, -i.transfers))
        return joined(self.planner.pricer, (*rest.legs, *kept), request)
