"""Which of the journeys found a plan's parameters leave in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mobility.api.motis.change_time import ChangeTime
from mobility.api.motis.modes import FORM_FACTORS, MotisMode, propulsion_of, transit_modes
from mobility.api.motis.plan_query import PlanQuery, Stage, allows
from mobility.api.motis.runs import Network
from mobility.api.motis.versions import Version
from mobility.planning.itinerary import TRANSIT, Itinerary, Leg

_GTFS_YES = 1


class Filters:
    """The parameters of one question, as yes or no to a journey."""

    def __init__(self, query: PlanQuery, version: Version, network: Network) -> None:
        """Read what every journey is asked."""
        self._query = query
        self._network = network
        self._time = ChangeTime.of(query)
        self._lines = transit_modes(query.transit_modes)
        self._changes = (
            None if query.max_transfers is None else version.changes(query.max_transfers)
        )

    def scheduled(self, itinerary: Itinerary) -> bool:
        """Whether a journey with rides on lines is one that was asked for."""
        rides = [n for n, leg in enumerate(itinerary.legs) if leg.mode in TRANSIT]
        if not rides:
            return False
        boarded = sum(not itinerary.legs[n].stay_seated for n in rides)
        if self._changes is not None and boarded - 1 > self._changes:
            return False
        before, after = itinerary.legs[: rides[0]], itinerary.legs[rides[-1] + 1 :]
        between = itinerary.legs[rides[0] : rides[-1] + 1]
        return (
            self._short_enough(itinerary)
            and all(self._line(leg) for leg in between)
            and not any(leg.rental for leg in between)
            and self._street(before, Stage.PRE, self._query.max_pre_transit_time)
            and self._street(after, Stage.POST, self._query.max_post_transit_time)
            and self._time.find_short(itinerary) is None
        )

    def direct(self, itinerary: Itinerary) -> bool:
        """Whether a journey without a timetable is one that was asked for."""
        if itinerary.has_transit or itinerary.seconds > self._query.max_direct_time:
            return False
        rented = [leg for leg in itinerary.legs if leg.rental]
        if not rented:
            asked = self._query.direct_modes
            return all(MotisMode(leg.mode.value.upper()) in asked for leg in itinerary.legs)
        return all(self._may_rent(leg, Stage.DIRECT) for leg in rented)

    def _short_enough(self, itinerary: Itinerary) -> bool:
        longest = self._query.max_travel_time
        return longest is None or itinerary.seconds <= longest * 60

    def _line(self, leg: Leg) -> bool:
        if leg.ride is None:
            return True
        if self._query.require_car_transport:
            return False
        if self._query.require_bike_transport:
            trip = self._network.find_trip(leg.ride.trip_id)
            if trip is None or self._network.now.trips.bikes[trip] != _GTFS_YES:
                return False
        own = MotisMode(leg.mode.value.upper())
        return self._network.line_modes.get(leg.ride.route_id, own) in self._lines

    def _street(self, legs: Sequence[Leg], stage: Stage, at_most_s: int) -> bool:
        if sum(leg.seconds for leg in legs) > at_most_s:
            return False
        rented = [leg for leg in legs if leg.rental]
        if rented:
            return all(self._may_rent(leg, stage) for leg in rented)
        walks = MotisMode.WALK in getattr(self._query, f"{stage}_modes")
        at_a_stop = not legs or self._ends_at_stop(legs, stage)
        return walks or at_a_stop

    def _ends_at_stop(self, legs: Sequence[Leg], stage: Stage) -> bool:
        """Whether the journey begins (ends) at a stop, where the parameters do not apply."""
        place = legs[0].origin if stage is Stage.PRE else legs[-1].destination
        return place.stop_id is not None

    def _may_rent(self, leg: Leg, stage: Stage) -> bool:
        assert leg.rental is not None
        kind = (FORM_FACTORS[leg.rental.type.mode], propulsion_of(leg.rental.type))
        return allows(self._query, stage, leg.rental, leg.provider_id, kind)


def not_overtaken(
    itineraries: Iterable[Itinerary], direct: Iterable[Itinerary], factor: float
) -> list[Itinerary]:
    """Those that take at most ``factor`` times as long as the fastest way without a timetable."""
    fastest = min((itinerary.seconds for itinerary in direct), default=None)
    if fastest is None:
        return list(itineraries)
    return [i for i in itineraries if i.seconds <= factor * fastest]


def best_only(itineraries: Sequence[Itinerary], *, arrive_by: bool) -> list[Itinerary]:
    """Of several the best to leave by now (``timetableView=false``): waiting counts as travel.

    What is left leaves later (arrives earlier) than everything with as few changes.
    """

    def late(itinerary: Itinerary) -> float:
        if arrive_by:
            return -itinerary.departs_at.timestamp()
        return itinerary.arrives_at.timestamp()

    def beats(a: Itinerary, b: Itinerary) -> bool:
        mine, other = (late(a), a.transfers), (late(b), b.transfers)
        return mine[0] <= other[0] and mine[1] <= other[1] and mine != other

    return [i for i in itineraries if not any(beats(other, i) for other in itineraries)]


def not_dominated(itineraries: Sequence[Itinerary]) -> list[Itinerary]:
    """Those than which none leaves later, arrives earlier, changes less and costs less."""

    def beats(a: Itinerary, b: Itinerary) -> bool:
        no_worse = (
            a.departs_at >= b.departs_at
            and a.arrives_at <= b.arrives_at
            and a.transfers <= b.transfers
            and a.price <= b.price
        )
        return no_worse and _criteria(a) != _criteria(b)

    return [i for i in itineraries if not any(beats(other, i) for other in itineraries)]


def _criteria(i: Itinerary) -> tuple[object, ...]:
    return (i.departs_at, i.arrives_at, i.transfers, i.price)
