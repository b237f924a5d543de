"""A provider's tariff in words, as people read price lists."""

from __future__ import annotations

from datetime import date

from mobility.cities.city import City
from payments.money import Money
from providers.bus.fare_table import FareUnknownError
from providers.stanza import ProviderStanza


def tariff_in_words(city: City, stanza: ProviderStanza, on: date) -> tuple[str, ...]:
    """A line for each price in force on that day; empty where none is known."""
    if stanza.fares is None:
        plans = {plan.id: plan.name for plan in stanza.pricing_plans()}
        return tuple(plans.values())
    table = city.get_fares(stanza.id)
    lines: list[str] = []
    for tariff in table.tariff:
        if not set(tariff.agency_ids) & set(stanza.agency_ids):
            continue
        try:
            edition = table.get_edition(tariff.id, on)
        except FareUnknownError:
            continue
        lines.append(f"{tariff.name}, {edition.title}")
        lines += [
            f"{table.names.product[price.product]}, {table.names.rider[price.rider]}: "
            f"{_amount(table.money(price.amount))}"
            for price in edition.prices
        ]
        if tariff.remark:
            lines.append(tariff.remark)
    return tuple(lines)


def _amount(money: Money) -> str:
    sign = "€" if money.currency == "EUR" else money.currency
    return f"{money.minor // 100},{money.minor % 100:02d} {sign}"
