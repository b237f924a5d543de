"""Ways to go on with a trip that cannot be made as booked, at the price that was locked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.api.replacements import is_the_same
from mobility.api.rider_terms import of_rider
from mobility.api.threads import search_in_thread
from mobility.booking.covered import covered_by
from mobility.booking.leg_reports import Kind
from mobility.booking.queries import BookingRecord, LegRecord, get_booking
from mobility.booking.trip import GONE, LegState
from mobility.db import transaction
from mobility.identity.tokens import RiderIdentity
from mobility.planning.errors import PlanningError
from mobility.planning.itinerary import Itinerary
from mobility.planning.offer import InPlaceOf
from mobility.planning.offers import OfferedJourney, keep_offers, make_offers, write_to_keep
from mobility.planning.on_ticket import Held, priced_on_tickets
from mobility.planning.request import Notice, SearchRequest
from mobility.rebooking.disturbance import Disturbance
from mobility.wiring import Wiring
from payments.money import Money
from providers.bus.held_ticket import HeldTicket
from providers.bus.product import BEFORE

MOST_OPTIONS = 5
LONGEST_CHAIN = 5
"""How often one trip may be rebooked with its first ticket still looked at."""


@dataclass(frozen=True, slots=True)
class Options:
    """What can be booked instead, the first to arrive first, and what else there is."""

    journeys: tuple[OfferedJourney, ...]
    notices: tuple[Notice, ...]


async def offer_options(
    wiring: Wiring,
    rider: RiderIdentity,
    record: BookingRecord,
    disturbance: Disturbance,
    most: Money,
    now: datetime,
) -> Options:
    """Journeys from where the rider is to where she wanted to be, as offers for her alone.

    Those that cost ``most`` at most, and not by a departure that she says she could not use.
    """
    mine = await of_rider(wiring, rider, now, disturbance.at)
    passes, paid, lacks = mine.passes, mine.paid, mine.lacks
    reported = [leg for leg in record.legs if leg.id in disturbance.reported]
    kinds = {leg.report.kind for leg in reported if leg.report}
    async with transaction(wiring.engine) as tx:
        held = await _list_held(tx, record, disturbance.first_leg_id, now)
    request = SearchRequest(
        origin=disturbance.origin,
        destination=disturbance.destination,
        depart_at=disturbance.at,
        passes=passes,
        passengers=record.passengers,
        paid=paid,
        wheelchair=Kind.WHEELCHAIR_REFUSED in kinds,
    )
    try:
        result = await search_in_thread(wiring.planner.search, request, now)
    except PlanningError:
        return Options((), ())
    pricer = wiring.planner.pricer
    itineraries = [
        priced_on_tickets(one, held, pricer, passes=passes, passengers=record.passengers)
        for one in result.itineraries
        if not any(is_the_same(one, leg) for leg in reported)
    ]
    settings = wiring.settings
    offered = make_offers(
        itineraries,
        passes=passes,
        passengers=record.passengers,
        now=now,
        expires_at=now + timedelta(seconds=settings.offer_seconds),
        lacks=lacks,
        city=wiring.city,
        stopped=wiring.sales.stopped,
    )
    fit = [one for one in offered if one.bookable and ceiling_of(one.itinerary) <= most]
    fit.sort(key=lambda one: (one.itinerary.arrives_at, ceiling_of(one.itinerary).minor))
    journeys = tuple(fit[:MOST_OPTIONS])
    in_place_of = InPlaceOf(record.id, disturbance.first_leg_id)
    written = write_to_keep(settings.redis_prefix, journeys, in_place_of)
    await keep_offers(wiring.redis, written, settings.offer_seconds)
    return Options(journeys, result.notices)


def most_ceiling(wiring: Wiring, locked: Money) -> Money:
    """What a way to go on may cost at most, so that we bear no more than the city's rules say."""
    return locked + Money.of_major(wiring.city.rules.rebooking_costs_most, locked.currency)


def ceiling_of(itinerary: Itinerary) -> Money:
    """What a way costs at most; equal to its price where that is fixed."""
    return Money.total(leg.quote.ceiling or leg.quote.price for leg in itinerary.legs if leg.quote)


async def _list_held(
    tx: AsyncConnection, record: BookingRecord, first_leg_id: str, now: datetime
) -> list[Held]:
    """The tickets that the rider keeps, of this trip and of those that it took the place of.

    Only valid ones, and those of rides that she said are over: any other could still be given back,
    and what it carried would be free.
    """
    begins = next(i for i, leg in enumerate(record.legs) if leg.id == first_leg_id)
    trips: list[tuple[LegRecord, ...]] = [record.legs[:begins]]
    before = record.rebooked_from
    while before is not None and len(trips) <= LONGEST_CHAIN:
        earlier = await get_booking(tx, record.rider_id, before)
        trips.append(earlier.legs)
        before = earlier.rebooked_from
    kept = [[leg for leg in legs if _is_kept(leg)] for legs in trips]
    carried_on = [leg for leg in chain(*kept) if covered_by(leg) == BEFORE]
    return [
        held
        for legs, whole in zip(kept, trips, strict=True)
        for held in _held(legs, whole, carried_on, now)
    ]


def _is_kept(leg: LegRecord) -> bool:
    return leg.product is not None and leg.state not in GONE and leg.report is None


def _held(
    kept: list[LegRecord],
    whole: tuple[LegRecord, ...],
    carried_on: list[LegRecord],
    now: datetime,
) -> list[Held]:
    """The tickets of one trip, each with the rides on it; products count a trip's rides from 1."""
    numbers = {leg.id: n for n, leg in enumerate((leg for leg in whole if leg.product), 1)}
    found: list[Held] = []
    for leg in kept:
        if covered_by(leg) is not None or leg.provider_id is None or leg.product is None:
            continue
        if now < leg.departs_at and leg.state != LegState.ENDED:
            continue
        mine = [leg, *(one for one in kept if covered_by(one) == numbers[leg.id]), *carried_on]
        rides = [one.detail.fare_ride for one in mine if one.detail and one.detail.fare_ride]
        if rides and leg.detail is not None and leg.detail.fare_ride is not None:
            found.append((leg.provider_id, HeldTicket(leg.product, tuple(rides))))
    return found
