"""What a rider is offered in place of a leg that cannot be used, at no more than its price."""

from __future__ import annotations

from datetime import datetime, timedelta

from gtfs.geo import LatLon
from mobility.api.rider_terms import of_rider
from mobility.api.threads import search_in_thread
from mobility.booking.queries import LegRecord
from mobility.identity.tokens import RiderIdentity
from mobility.planning.errors import PlanningError
from mobility.planning.fleets.replacement import plan_replacement
from mobility.planning.itinerary import TRANSIT, Itinerary
from mobility.planning.offers import OfferedJourney, make_offers, save_offers
from mobility.planning.request import SearchRequest
from mobility.wiring import Wiring
from payments.money import Money
from providers.values import Mode


async def offer_replacement(
    wiring: Wiring,
    rider: RiderIdentity,
    leg: LegRecord,
    *,
    here: LatLon | None,
    passengers: int,
    wheelchair: bool,
    now: datetime,
) -> OfferedJourney | None:
    """The first way to do without a leg that costs no more than it, as an offer that is kept.

    For a vehicle another one of the same tariff, for a ride on a ticket the next one of the
    timetable. None where there is none, or the leg's places have been forgotten.
    """
    if leg.detail is None:
        return None
    passes, paid, lacks, _ = await of_rider(wiring, rider, now)
    origin = here or leg.detail.origin
    if leg.metered:
        found = plan_replacement(wiring.planner, leg.detail, origin, now, paid)
        itineraries = [] if found is None else [found]
    else:
        request = SearchRequest(
            origin=origin,
            destination=leg.detail.destination,
            depart_at=now,
            modes=TRANSIT | {Mode.WALK},
            passes=passes,
            passengers=passengers,
            paid=paid,
            wheelchair=wheelchair,
        )
        try:
            result = await search_in_thread(wiring.planner.search, request, now)
        except PlanningError:
            return None
        itineraries = [one for one in result.itineraries if not is_the_same(one, leg)]
    offered = make_offers(
        itineraries,
        passes=passes,
        passengers=1 if leg.metered else passengers,
        now=now,
        expires_at=now + timedelta(seconds=wiring.settings.offer_seconds),
        lacks=lacks,
        city=wiring.city,
        stopped=wiring.sales.stopped,
    )
    suitable = (one for one in offered if one.offer_id and _price(one.itinerary) <= leg.quoted)
    first = min(suitable, key=lambda one: one.itinerary.arrives_at, default=None)
    if first is not None:
        settings = wiring.settings
        await save_offers(wiring.redis, settings.redis_prefix, [first], settings.offer_seconds)
    return first


def is_the_same(itinerary: Itinerary, leg: LegRecord) -> bool:
    """Whether it goes by the very departure that could not be taken."""
    return any(
        one.ride is not None
        and leg.detail is not None
        and (one.ride.line, one.departs_at) == (leg.detail.line, leg.departs_at)
        for one in itinerary.legs
    )


def _price(itinerary: Itinerary) -> Money:
    return Money.total(leg.quote.price for leg in itinerary.legs if leg.quote)
