"""Prices by GBFS pricing plans, checked by hand and against a minute-by-minute oracle."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.money import Money
from providers.tariff import capped_day, ceiling_usage, explain, find_plan, price, quote, version_of
from providers.values import PricingPlan, Segment, Usage

BIKE = PricingPlan(
    id="rad",
    version="2026-01",
    name="Rad",
    currency="EUR",
    price=Decimal("0.00"),
    per_min=(Segment(0, Decimal("1.00"), 30),),
    day_cap=Decimal("9.00"),
)
CAR = PricingPlan(
    id="klein",
    version="2026-01",
    name="Klein",
    currency="EUR",
    price=Decimal("1.00"),
    per_min=(Segment(0, Decimal("0.19"), 1),),
    per_km=(Segment(0, Decimal("0.27"), 1, 100), Segment(100, Decimal("0.24"), 1)),
    day_cap=Decimal("30.00"),
)


@pytest.mark.parametrize(
    ("minutes", "cents"),
    [
        (0, 0),
        (1, 100),
        (30, 100),
        (31, 200),
        (60, 200),
        (241, 900),
        (271, 900),
        (1440, 900),
        (1441, 1000),
        (1440 + 300, 1800),
        (2880, 1800),
    ],
)
def test_a_bike_costs_by_the_started_half_hour_and_at_most_nine_euros_a_day(
    minutes: int, cents: int
):
    assert price(BIKE, Usage(minutes, 5000)) == Money(cents)


@pytest.mark.parametrize(
    ("minutes", "metres", "cents"),
    [
        (10, 0, 100 + 190),
        (10, 1, 100 + 190 + 27),
        (10, 1000, 100 + 190 + 27),
        (10, 1001, 100 + 190 + 54),
        (200, 100_000, 100 + 3000 + 2700),
        (200, 101_000, 100 + 3000 + 2724),
    ],
)
def test_a_car_costs_by_time_and_way(minutes: int, metres: int, cents: int):
    assert price(CAR, Usage(minutes, metres)) == Money(cents)


def test_the_lines_can_be_redone_by_hand():
    assert explain(CAR, Usage(12, 3400)).lines == (
        "Grundpreis je Fahrt: 1,00 €",
        "12 min: 12 x angefangene min x 0,19 € = 2,28 €",
        "3,4 km: 4 x angefangene km x 0,27 € = 1,08 €",
    )
    assert explain(BIKE, Usage(45, 0)).lines == (
        "45 min: 2 x angefangene 30 min x 1,00 € = 2,00 €",
    )
    assert explain(BIKE, Usage(1440 + 600, 0)).lines == (
        "1 volle 24 Stunden x 9,00 € = 9,00 €",
        "600 min: 20 x angefangene 30 min x 1,00 € = 20,00 €",
        "Zeitpreis höchstens 9,00 € je 24 Stunden statt 20,00 €",
    )
    assert explain(BIKE, Usage(0, 0)).lines == ("kostenlos im Tarif Rad",)


def test_interval_zero_charges_once_and_a_discount_never_pays_out():
    once = replace(BIKE, day_cap=None, per_min=(Segment(30, Decimal("2.50"), 0),))
    assert [price(once, Usage(m, 0)).minor for m in (30, 31, 300)] == [0, 250, 250]
    gift = replace(BIKE, day_cap=None, per_min=(Segment(0, Decimal("-1.00"), 1),))
    assert price(gift, Usage(50, 0)) == Money(0)


def test_fractions_of_a_cent_are_rounded_once():
    plan = replace(BIKE, day_cap=None, per_min=(Segment(0, Decimal("0.125"), 1),))
    assert price(plan, Usage(1, 0)) == Money(13)
    assert price(plan, Usage(2, 0)) == Money(25)
    assert explain(plan, Usage(1, 0)).lines[-1] == "gerundet von 0,125 € auf 0,13 €"


@pytest.mark.parametrize(("metres", "most"), [(6000, 9000), (6001, 9001), (400, 1400)])
def test_a_quote_is_the_price_of_the_plan_and_its_ceiling_that_of_the_margin(
    metres: int, most: int
):
    found = quote(CAR, Usage(20, metres), Decimal(19))
    assert (found.price, found.ceiling) == (
        price(CAR, Usage(20, metres)),
        price(CAR, Usage(35, most)),
    )
    assert found.tariff_version == "klein/2026-01"
    assert find_plan((BIKE, CAR), found.tariff_version) == CAR
    assert find_plan((BIKE, CAR), "klein/2025-01") is None


def test_negative_usage_is_no_ride():
    with pytest.raises(ValueError, match="cannot use"):
        price(CAR, Usage(-1, 0))


segments = st.builds(
    Segment,
    start=st.integers(0, 120),
    rate=st.decimals(0, 5, places=2),
    interval=st.integers(0, 60),
    end=st.none() | st.integers(0, 240),
)
plans = st.builds(
    PricingPlan,
    id=st.just("p"),
    version=st.just("1"),
    name=st.just("P"),
    currency=st.just("EUR"),
    price=st.decimals(0, 5, places=2),
    per_min=st.lists(segments, max_size=3).map(tuple),
    per_km=st.lists(segments, max_size=2).map(tuple),
    day_cap=st.none() | st.decimals(0, 40, places=2),
)
usages = st.builds(Usage, minutes=st.integers(0, 4000), metres=st.integers(0, 400_000))


def charged_at(segment: Segment, unit: int) -> bool:
    """Whether entering this minute or kilometre is charged (GBFS, word by word)."""
    if unit < segment.start or (segment.end is not None and unit >= segment.end):
        return False
    if segment.interval == 0:
        return unit == segment.start
    return (unit - segment.start) % segment.interval == 0


def slowly(plan: PricingPlan, usage: Usage) -> Money:
    def time_of(minutes: int) -> Decimal:
        return sum(
            (s.rate for m in range(minutes) for s in plan.per_min if charged_at(s, m)), Decimal(0)
        )

    time = Decimal(0)
    if plan.day_cap is None:
        time = time_of(usage.minutes)
    else:
        for begun in range(0, usage.minutes, 1440):
            time += min(plan.day_cap, time_of(min(1440, usage.minutes - begun)))
    kilometres = -(-usage.metres // 1000)
    way = sum(
        (s.rate for k in range(kilometres) for s in plan.per_km if charged_at(s, k)), Decimal(0)
    )
    total = (plan.price + time + way).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return Money.of_major(total)


@given(plans, usages)
def test_prices_are_those_of_walking_through_the_ride(plan: PricingPlan, usage: Usage):
    assert price(plan, usage) == slowly(plan, usage)


@given(plans, usages, usages)
def test_more_use_never_costs_less(plan: PricingPlan, usage: Usage, more: Usage):
    longer = Usage(usage.minutes + more.minutes, usage.metres + more.metres)
    assert price(plan, usage) <= price(plan, longer)


@given(plans, usages)
def test_the_ceiling_is_above_the_estimate(plan: PricingPlan, usage: Usage):
    found = quote(plan, usage, Decimal(19))
    assert found.ceiling is None or found.price <= found.ceiling
    assert found.lines
    assert version_of(plan) == found.tariff_version
    assert ceiling_usage(usage).minutes > usage.minutes


TOGETHER = replace(BIKE, day_zone="Europe/Berlin")


@pytest.mark.parametrize(
    ("minutes", "paid", "cents"),
    [
        (20, 0, 100),
        (20, 850, 50),
        (20, 900, 0),
        (20, 1200, 0),
        (241, 100, 800),
        (1440, 300, 600),
        (1441, 300, 700),
        (2880, 900, 900),
    ],
)
def test_the_rides_of_a_day_share_its_cap_and_later_days_have_their_own(
    minutes: int, paid: int, cents: int
) -> None:
    usage = Usage(minutes, 3000)
    assert price(TOGETHER, usage, Money(paid)) == Money(cents)
    assert price(BIKE, usage, Money(paid)) == price(BIKE, usage)


def test_what_was_paid_before_is_said() -> None:
    found = quote(TOGETHER, Usage(50, 3000), Decimal(19), Money(800))
    assert (found.price, found.ceiling) == (Money(100), Money(100))
    assert found.lines == (
        "50 min: 2 x angefangene 30 min x 1,00 € = 2,00 €",
        "höchstens 9,00 € am Tag, davon schon 8,00 € gezahlt: -1,00 €",
    )


def test_a_day_is_that_of_the_tariffs_zone() -> None:
    late = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)
    assert capped_day(TOGETHER, late) == date(2026, 11, 26)
    assert capped_day(BIKE, late) is None


@given(
    st.lists(segments, max_size=3).map(tuple),
    st.decimals(0, 40, places=2),
    st.lists(st.integers(0, 1440), max_size=6),
)
def test_a_day_of_rides_costs_their_sum_or_the_cap(
    per_min: tuple[Segment, ...], cap: Decimal, minutes: list[int]
) -> None:
    """Each priced after what those before it came to."""
    alone = replace(BIKE, per_min=per_min, day_cap=cap)
    together = replace(alone, day_zone="Europe/Berlin")
    paid = Money(0)
    for length in minutes:
        paid += price(together, Usage(length, 0), paid)
    whole = Money.total(price(alone, Usage(length, 0)) for length in minutes)
    assert paid == min(whole, Money.of_major(cap))
