"""Prices: our own additive fields, and the document's ``fareTransfers``."""

from __future__ import annotations

from collections.abc import Sequence

from mobility.api.motis.places_wire import Json
from mobility.planning.itinerary import Itinerary, Leg
from payments.money import Money
from providers.values import Quote


def price_of(itinerary: Itinerary, currency: str) -> Json | None:
    """What the journey costs; None where a part of it has no price that is known here."""
    if any(leg.quote is None and leg.unsold for leg in itinerary.legs):
        return None
    quotes = [leg.quote for leg in itinerary.legs if leg.quote]
    known = all(quote.ceiling is None for quote in quotes)
    price = Money.total((quote.price for quote in quotes), currency)
    most = Money.total((quote.ceiling or quote.price for quote in quotes), currency)
    return _price(price, None if known else most)


def leg_price(quote: Quote) -> Json:
    """What one leg costs, and how that comes about."""
    return _price(quote.price, quote.ceiling) | {"lines": list(quote.lines)}


def _price(price: Money, most: Money | None) -> Json:
    return {
        "amount": price.minor,
        "currency": price.currency,
        "kind": "fixed" if most is None else "estimate",
        "max": None if most is None else most.minor,
    }


def fare_transfers(legs: Sequence[Leg]) -> tuple[list[Json], dict[int, int]]:
    """The tickets of a journey as one fare transfer, and which of them each leg goes by.

    Every priced leg is an effective fare leg of its own with the one product that is sold for it;
    a ride that an earlier ticket covers costs 0. The amounts add up to the journey's price.
    """
    priced = [(number, leg) for number, leg in enumerate(legs) if leg.quote is not None]
    if not priced:
        return [], {}
    products = [[[_product(leg)]] for _, leg in priced]
    transfer: Json = {"effectiveFareLegProducts": products}
    if len(priced) > 1:
        transfer = {"rule": "A_AB_B", "transferProducts": [], **transfer}
    return [transfer], {number: index for index, (number, _) in enumerate(priced)}


def _product(leg: Leg) -> Json:
    assert leg.quote is not None
    line = leg.quote.lines[0] if leg.quote.lines else ""
    return {
        "name": line.rpartition(": ")[0] or line or leg.product or leg.mode.value,
        "amount": leg.quote.price.minor / 100,
        "currency": leg.quote.price.currency,
        "media": {"fareMediaType": "MOBILE_APP"},
    }
