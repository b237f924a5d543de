"""Prices of many rides by several plans at once, equal to ``tariff.price`` to the cent."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from math import lcm

import numpy as np
import numpy.typing as npt

from providers.tariff import METRES_PER_KM, MINUTES_PER_DAY, price_of_km, price_of_minutes
from providers.values import PricingPlan

LONGEST_MINUTES = MINUTES_PER_DAY
LONGEST_KM = 1000
Ints = npt.NDArray[np.int64]


class PriceTable:
    """Plans as two rows of numbers each: by minutes used and by started kilometres.

    A plan's charge by distance changes only where a kilometre is entered (``Segment`` counts in
    whole ones), so the two sum to its price exactly.
    """

    def __init__(self, plans: Sequence[PricingPlan]) -> None:
        """Work out every minute of a day and every kilometre to a thousand."""
        by_minute = [
            [price_of_minutes(plan, m) + plan.price for m in range(LONGEST_MINUTES + 1)]
            for plan in plans
        ]
        by_km = [
            [price_of_km(plan, km * METRES_PER_KM) for km in range(LONGEST_KM + 1)]
            for plan in plans
        ]
        amounts = {amount for row in (*by_minute, *by_km) for amount in row}
        self.per_cent = lcm(*(Fraction(amount * 100).denominator for amount in amounts))
        """Units of the tables in the smallest coin."""
        self.by_minute = self._units(by_minute)
        """By plan and minutes."""
        self.by_km = self._units(by_km)
        """By plan and started kilometres."""

    def cents(self, plan: npt.NDArray[np.int32] | int, minutes: Ints, metres: Ints) -> Ints:
        """The price of each ride in minor units, rounded half up, never below zero.

        ``plan`` is the place of each ride's plan among those given.

        Raises:
            IndexError: a ride longer than a day or a thousand kilometres.
        """
        km = -(-metres // METRES_PER_KM)
        units = self.by_minute[plan, minutes] + self.by_km[plan, km]
        cents: Ints = np.maximum((2 * units + self.per_cent) // (2 * self.per_cent), 0)
        return cents

    def _units(self, rows: list[list[Decimal]]) -> Ints:
        units = [[int(amount * 100 * self.per_cent) for amount in row] for row in rows]
        return np.array(units, np.int64).reshape(len(rows), -1)
