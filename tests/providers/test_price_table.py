"""Many prices at once are the prices one by one."""

from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.price_table import LONGEST_KM, LONGEST_MINUTES, PriceTable
from providers.tariff import price
from providers.values import PricingPlan, Segment, Usage

_RATES = st.decimals(Decimal("-0.5"), 3, places=4)
_SEGMENTS = st.lists(
    st.builds(
        Segment,
        start=st.integers(0, 90),
        rate=_RATES,
        interval=st.integers(0, 60),
        end=st.none() | st.integers(0, 200),
    ),
    max_size=3,
).map(tuple)
_PLANS = st.builds(
    PricingPlan,
    id=st.just("p"),
    version=st.just("1"),
    name=st.just("Plan"),
    currency=st.just("EUR"),
    price=st.decimals(0, 3, places=3),
    per_min=_SEGMENTS,
    per_km=_SEGMENTS,
    day_cap=st.none() | st.decimals(0, 20, places=2),
)
_RIDES = st.lists(
    st.tuples(st.integers(0, LONGEST_MINUTES), st.integers(0, LONGEST_KM * 1000)),
    min_size=1,
    max_size=20,
)


@settings(max_examples=40)
@given(_PLANS, _RIDES)
def test_the_table_and_the_tariff_agree(plan: PricingPlan, rides: list[tuple[int, int]]) -> None:
    minutes, metres = (np.array(column, np.int64) for column in zip(*rides, strict=True))
    one_by_one = [price(plan, Usage(m, far)).minor for m, far in rides]
    assert PriceTable([plan]).cents(0, minutes, metres).tolist() == one_by_one
