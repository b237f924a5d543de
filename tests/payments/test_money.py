"""Money: whole cents, one currency at a time, splits that lose nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.money import CurrencyMismatchError, Money

AMOUNTS = st.integers(-(10**12), 10**12)


@given(AMOUNTS, st.lists(st.integers(0, 1000), min_size=1, max_size=9).filter(any))
def test_a_split_sums_to_the_whole_and_is_fair(minor: int, weights: list[int]):
    shares = Money(minor).split(weights)
    assert Money.total(shares) == Money(minor)
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share.minor * sum(weights) - minor * weight) < sum(weights)


@given(AMOUNTS)
def test_an_amount_reads_back(minor: int):
    assert Money.of_major(str(Decimal(minor) / 100)) == Money(minor)
    assert str(Money(minor)) == f"{Decimal(minor) / 100:.2f} EUR"


@given(AMOUNTS, st.integers(-100_000, 100_000))
def test_a_part_is_exact_and_half_a_cent_goes_away_from_zero(minor: int, thousandths: int):
    twice = 2 * abs(minor * thousandths)
    cents = (twice + 1000) // 2000
    sign = -1 if minor * thousandths < 0 else 1
    assert Money(minor).times(Decimal(thousandths) / 1000) == Money(sign * cents)


@pytest.mark.parametrize(
    ("minor", "factor", "part"),
    [(250, "0.08", 20), (150, "0.15", 23), (-150, "0.15", -23), (115, "0.3", 35), (29, "0.5", 15)],
)
def test_parts_by_hand(minor: int, factor: str, part: int):
    assert Money(minor).times(Decimal(factor)) == Money(part)


@given(st.integers(0, 10**9), st.sampled_from(["0", "7", "19"]))
def test_the_tax_within_a_gross_amount(minor: int, percent: str):
    tax = Money(minor).included_tax(Decimal(percent))
    net = Money(minor) - tax
    exact = Decimal(minor) * 100 / (100 + Decimal(percent))
    assert abs(net.minor - exact) <= Decimal("0.5")


@pytest.mark.parametrize(
    ("gross", "percent", "tax"), [(50, 19, 8), (1000, 7, 65), (360, 7, 24), (1, 19, 0)]
)
def test_taxes_by_hand(gross: int, percent: int, tax: int):
    assert Money(gross).included_tax(Decimal(percent)) == Money(tax)


def test_cents_are_whole_and_currencies_apart():
    for odd in (1.0, True, "1", Decimal(1)):
        with pytest.raises(TypeError):
            Money(odd)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="whole number of minor units"):
        Money.of_major("3.605")
    with pytest.raises(ValueError, match="ISO 4217"):
        Money(1, "eur")
    with pytest.raises(CurrencyMismatchError):
        Money(1) + Money(1, "USD")
    with pytest.raises(CurrencyMismatchError):
        assert Money(1) < Money(1, "USD")


@pytest.mark.parametrize("weights", [[], [0], [0, 0], [1, -1]])
def test_a_split_needs_weights(weights: list[int]):
    with pytest.raises(ValueError, match="cannot split"):
        Money(100).split(weights)
