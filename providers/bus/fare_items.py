"""What a ticket's price consists of, by the very price list it was sold by."""

from __future__ import annotations

from payments.money import Money
from providers.bus.fares import FareTable, FareUnknownError, parse_product
from providers.bus.product import say_covered
from providers.price_item import ItemKind, PriceItem
from providers.tariff import Priced


def reprice_ticket(table: FareTable, edition_id: str, product: str, passengers: int) -> Priced:
    """The price of a product by the price list of that id, whatever day it is.

    Raises:
        FareUnknownError: no such list, or the product is not in it.
    """
    wanted = parse_product(product)
    edition = next((each for each in table.edition if each.id == edition_id), None)
    each = None if edition is None else edition.find_price(wanted.base, wanted.rider)
    if each is None:
        raise FareUnknownError(f"no price list {edition_id} here has {product}")
    name = f"{table.names.product[wanted.base]}, {table.names.rider[wanted.rider]}"
    if wanted.covered_by is not None:
        text = say_covered(wanted.covered_by)
        item = PriceItem(ItemKind.TICKET, 0, "person", each, text)
        return Priced(Money.zero(table.currency), (text,), (item,))
    items = [PriceItem(ItemKind.TICKET, passengers, "person", each, name)]
    free = min(wanted.free, passengers)
    if free:
        items.append(
            PriceItem(ItemKind.PASS, free, "person", -each, "mit hinterlegter Berechtigung")
        )
    price = table.money(each).times(passengers - free)
    return Priced(price, tuple(item.text for item in items), tuple(items))
