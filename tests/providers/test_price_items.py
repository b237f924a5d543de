"""What a price consists of adds up to it, to the cent."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.money import Money
from providers.bus.fare_items import reprice_ticket
from providers.bus.fares import FareUnknownError, price_product
from providers.price_item import ItemKind, PriceItem
from providers.tariff import Priced, explain
from providers.values import PricingPlan, Segment, Usage
from tests.providers.bus.test_fares import TABLE

_RATES = st.decimals(Decimal("-0.5"), 3, places=4)
_SEGMENTS = st.lists(
    st.builds(Segment, st.integers(0, 90), _RATES, st.integers(0, 60), st.none()), max_size=3
).map(tuple)
_PLANS = st.builds(
    PricingPlan,
    *(st.just(text) for text in ("p", "1", "Plan", "EUR")),
    price=st.decimals(0, 3, places=3),
    per_min=_SEGMENTS,
    per_km=_SEGMENTS,
    day_cap=st.none() | st.decimals(0, 20, places=2),
    day_zone=st.just("Europe/Berlin"),
)


def summed(priced: Priced) -> Decimal:
    return sum((item.amount for item in priced.items), Decimal(0))


@given(_PLANS, st.integers(0, 5000), st.integers(0, 200_000), st.none() | st.integers(0, 3000))
def test_items_of_a_ride_add_up_to_its_price(
    plan: PricingPlan, minutes: int, metres: int, paid: int | None
) -> None:
    priced = explain(plan, Usage(minutes, metres), None if paid is None else Money(paid))
    assert summed(priced) * 100 == priced.price.minor
    assert [item.text for item in priced.items] == list(priced.lines) or not priced.items


def test_items_name_the_units_the_cap_and_what_was_paid() -> None:
    plan = PricingPlan(
        "p", "1", "Plan", "EUR", Decimal(0), (Segment(0, Decimal("1.005"), 30),), (),
        Decimal("3.00"), "Europe/Berlin",
    )  # fmt: skip
    items = explain(plan, Usage(100, 0), Money(150)).items
    assert [(item.kind, item.units, item.unit, item.unit_price) for item in items] == [
        (ItemKind.TIME, 4, "30 min", Decimal("1.005")),
        (ItemKind.CAP, 1, "24 h", Decimal("-1.020")),
        (ItemKind.DAY_CAP, 1, "day", Decimal("-1.50")),
    ]
    rounded = explain(plan, Usage(10, 0)).items[-1]
    assert (rounded.kind, rounded.amount) == (ItemKind.ROUNDING, Decimal("0.005"))


def test_a_ticket_is_repriced_by_its_own_list_whatever_day_it_is() -> None:
    """The list of 2025, though another one is in force; and one person of two rides on a pass."""
    old = reprice_ticket(TABLE, "sh-tarif-2025", "single:2:adult:pass", 2)
    each = Decimal("3.40")
    assert old == Priced(
        Money(340),
        ("Einzelfahrkarte Stadtgebiet (Preisstufe 2), Erwachsene", "mit hinterlegter Berechtigung"),
        (
            PriceItem(
                ItemKind.TICKET, 2, "person", each,
                "Einzelfahrkarte Stadtgebiet (Preisstufe 2), Erwachsene",
            ),
            PriceItem(ItemKind.PASS, 1, "person", -each, "mit hinterlegter Berechtigung"),
        ),
    )  # fmt: skip


@given(
    st.sampled_from(["short", "single:1", "single:2", "single:3", "ferry"]),
    st.sampled_from(["", ":pass", ":pass2"]),
    st.sampled_from(["", ":covered-1"]),
    st.integers(1, 4),
    st.dates(date(2025, 6, 1), date(2027, 6, 1)),
)
def test_a_ticket_repriced_costs_what_it_was_sold_for(
    base: str, free: str, covered: str, passengers: int, on: date
) -> None:
    product = f"{base}:adult{'' if covered else free}{covered}"
    sold = price_product(TABLE, product, on, passengers)
    again = reprice_ticket(TABLE, sold.tariff_version, product, passengers)
    assert (again.price, summed(again) * 100) == (sold.price, sold.price.minor)


def test_a_list_or_product_that_is_gone_is_not_guessed() -> None:
    for edition, product in (("sh-tarif-1999", "single:2:adult"), ("sh-tarif-2025", "ferry:adult")):
        with pytest.raises(FareUnknownError, match=edition):
            reprice_ticket(TABLE, edition, product, 1)
