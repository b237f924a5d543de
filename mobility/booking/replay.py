"""A leg's price computed anew: from the units stored, and the tariff in the city's folder.

Nothing but the stored inputs and the tariff's version counts, so that it gives the same years
later, as long as the folder keeps the version (versions are added, never overwritten).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from mobility.booking.longest import CAPPED
from mobility.booking.queries import LegRecord
from mobility.cities.city import City
from payments.money import Money
from providers import tariff
from providers.bus.fare_items import reprice_ticket
from providers.bus.fares import FareUnknownError
from providers.price_item import ItemKind, PriceItem
from providers.tariff import Priced
from providers.values import Usage


@dataclass(frozen=True, slots=True)
class Replay:
    """What the tariff makes of a leg; ``price`` is None where that cannot be said."""

    price: Money | None
    items: tuple[PriceItem, ...] = ()
    because: str = ""
    """Why it cannot be said, in German."""


class _CannotSayError(Exception):
    """An input of the price is missing; says which, in German."""


def replay_leg(leg: LegRecord, passengers: int, city: City) -> Replay:
    """The price of a leg that was used."""
    try:
        if leg.product is not None:
            priced = _ticket(leg, leg.product, passengers, city)
        else:
            priced = _rental(leg, city)
    except _CannotSayError as error:
        return Replay(None, because=str(error))
    asked = leg.claimed
    if asked is None or asked >= priced.price:
        return Replay(priced.price, priced.items)
    text = "der Anbieter verlangte weniger"
    priced = _lowered(priced, asked, ItemKind.ASKED_LESS, text)
    return Replay(priced.price, priced.items)


def _lowered(priced: Priced, to: Money, kind: ItemKind, text: str) -> Priced:
    less = Decimal((to - priced.price).minor) / 100
    return Priced(to, priced.lines, (*priced.items, PriceItem(kind, 1, "ride", less, text)))


def _ticket(leg: LegRecord, product: str, passengers: int, city: City) -> Priced:
    try:
        table = city.get_fares(leg.provider_id or "")
    except KeyError as error:
        problem = f"Fahrpreise von {leg.provider_id} kennt diese Stadt nicht"
        raise _CannotSayError(problem) from error
    try:
        return reprice_ticket(table, leg.tariff_version or "", product, passengers)
    except (FareUnknownError, KeyError) as error:
        problem = f"eine Preisliste {leg.tariff_version} mit {product} kennt diese Stadt nicht"
        raise _CannotSayError(problem) from error


def _rental(leg: LegRecord, city: City) -> Priced:
    try:
        plans = city.get_provider(leg.provider_id or "").pricing_plans()
    except KeyError as error:
        problem = f"den Anbieter {leg.provider_id} kennt diese Stadt nicht"
        raise _CannotSayError(problem) from error
    plan = tariff.find_plan(plans, leg.tariff_version or "")
    if plan is None:
        raise _CannotSayError(f"den Tarif {leg.tariff_version} kennt diese Stadt nicht")
    if leg.used_minutes is None or leg.used_metres is None:
        raise _CannotSayError("der Anbieter hat keine Nutzung gemeldet")
    paid = leg.paid_before
    if plan.day_zone is not None and paid is None:
        raise _CannotSayError("was am Tag schon gezahlt war, ist nicht gespeichert")
    priced = tariff.explain(plan, Usage(leg.used_minutes, leg.used_metres), paid)
    if CAPPED not in leg.price_lines:
        return priced
    if leg.charged_minutes is None:
        raise _CannotSayError("bis wann wir berechnet haben, ist nicht gespeichert")
    usage = Usage(min(leg.used_minutes, leg.charged_minutes), leg.used_metres)
    due = tariff.price(plan, usage, paid)
    due = due if leg.most is None else min(due, leg.most)
    return _lowered(priced, due, ItemKind.ENDED_BY_US, CAPPED)
