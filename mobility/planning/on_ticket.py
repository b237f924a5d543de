"""Journeys that go on with tickets from before: what these carry is not sold again."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from mobility.planning.itinerary import Itinerary, Leg
from mobility.planning.pricing import Pricer, fare_ride_of
from providers.bus.fares import FareRide, FareUnknownError, parse_product
from providers.bus.held_ticket import HeldTicket, list_carried
from providers.values import ProviderId, QuoteRequest, Usage

Held = tuple[ProviderId, HeldTicket]
"""A ticket, and who sold it."""


def priced_on_tickets(
    itinerary: Itinerary,
    held: Sequence[Held],
    pricer: Pricer,
    *,
    passes: AbstractSet[str],
    passengers: int,
) -> Itinerary:
    """The same journey, its rides on tickets that are still good for them where there are such.

    The other rides get the cheapest products among themselves.
    """
    rides = {
        index: fare_ride_of(leg.ride, leg.departs_at, leg.arrives_at, stays=leg.stay_seated)
        for index, leg in enumerate(itinerary.legs)
        if leg.ride is not None and leg.provider_id is not None
    }
    carried: dict[int, str] = {}
    for provider_id, ticket in held:
        carried = _carried(itinerary, rides, provider_id, ticket, pricer) | carried
    if not carried:
        return itinerary
    products = carried | _rest(itinerary, rides, set(carried), pricer, passes, passengers)
    legs = [
        _sold(leg, products.get(index), pricer, passengers) if index in rides else leg
        for index, leg in enumerate(itinerary.legs)
    ]
    return replace(itinerary, legs=tuple(legs))


def _carried(
    itinerary: Itinerary,
    rides: dict[int, FareRide],
    provider_id: ProviderId,
    ticket: HeldTicket,
    pricer: Pricer,
) -> dict[int, str]:
    """By the leg's place in the journey, the product of each ride that a ticket carries."""
    table = pricer.find_table(provider_id)
    if table is None:
        return {}
    mine = [i for i in rides if pricer.find_table(itinerary.legs[i].provider_id) is table]
    try:
        fits = list_carried(table, ticket, [rides[index] for index in mine])
    except FareUnknownError:
        return {}
    return {index: product for index, product in zip(mine, fits, strict=True) if product}


def _rest(
    itinerary: Itinerary,
    rides: dict[int, FareRide],
    carried: set[int],
    pricer: Pricer,
    passes: AbstractSet[str],
    passengers: int,
) -> dict[int, str]:
    """Products of the other rides; which ride's ticket one is on is counted over all rides."""
    others = [index for index in rides if index not in carried]
    numbers = {index: number for number, index in enumerate(rides, 1)}
    sold = [(provider_id, rides[i]) for i in others if (provider_id := _seller(itinerary, i))]
    products, _ = pricer.find_products(sold, passes, passengers)
    found = {}
    for index, text in zip(others, products, strict=False):  # none where a fare is not known
        product = parse_product(text)
        if product.covered_by is not None:
            product = product._replace(covered_by=numbers[others[product.covered_by - 1]])
        found[index] = str(product)
    return found


def _seller(itinerary: Itinerary, index: int) -> ProviderId | None:
    return itinerary.legs[index].provider_id


def _sold(leg: Leg, product: str | None, pricer: Pricer, passengers: int) -> Leg:
    request = QuoteRequest(
        mode=leg.mode,
        departs_at=leg.departs_at,
        usage=Usage(-(-leg.seconds // 60), leg.metres),
        product=product,
        passengers=passengers,
    )
    return leg._replace(**pricer.sell(leg.provider_id, request, leg.unsold)._asdict())
