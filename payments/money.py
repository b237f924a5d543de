"""Money as integers of a currency's minor unit.

The only way an amount exists in this code base. Floats never enter: rates are ``Decimal``, and a
split of an amount sums to the amount exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Self

EUR = "EUR"


class CurrencyMismatchError(ValueError):
    """Two amounts of different currencies met in one operation."""


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in minor units (cents for EUR); negative amounts are allowed."""

    minor: int
    currency: str = EUR

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"Money takes whole minor units, not {self.minor!r}")
        if len(self.currency) != 3 or not self.currency.isupper():
            raise ValueError(f"not an ISO 4217 code: {self.currency!r}")

    @classmethod
    def zero(cls, currency: str = EUR) -> Self:
        """No money of that currency."""
        return cls(0, currency)

    @classmethod
    def total(cls, amounts: Iterable[Money], currency: str = EUR) -> Money:
        """The sum; zero of ``currency`` when there are no amounts."""
        minor = 0
        for amount in amounts:
            if amount.currency != currency:
                raise CurrencyMismatchError(f"{amount} is no amount of {currency}")
            minor += amount.minor
        return Money(minor, currency)

    @classmethod
    def of_major(cls, major: Decimal | str, currency: str = EUR) -> Self:
        """Read a decimal amount in major units, such as ``"3.60"``.

        Raises:
            ValueError: the amount has a fraction of a minor unit.
        """
        minor = Decimal(major) * 100
        if minor != minor.to_integral_value():
            raise ValueError(f"{major} {currency} is not a whole number of minor units")
        return cls(int(minor), currency)

    def _same(self, other: Money) -> None:
        if other.currency != self.currency:
            raise CurrencyMismatchError(f"{self} and {other} differ in currency")

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        self._same(other)
        return self.minor < other.minor

    def __le__(self, other: Money) -> bool:
        self._same(other)
        return self.minor <= other.minor

    def __gt__(self, other: Money) -> bool:
        return other < self

    def __ge__(self, other: Money) -> bool:
        return other <= self

    def __bool__(self) -> bool:
        return self.minor != 0

    def times(self, factor: Decimal | int) -> Money:
        """The amount times a rate, rounded half away from zero to a minor unit."""
        product = Decimal(self.minor) * Decimal(factor)
        return Money(int(product.quantize(Decimal(1), ROUND_HALF_UP)), self.currency)

    def included_tax(self, percent: Decimal) -> Money:
        """The tax contained in this gross amount at a rate of ``percent``."""
        net = (Decimal(self.minor) * 100 / (100 + percent)).quantize(Decimal(1), ROUND_HALF_UP)
        return Money(self.minor - int(net), self.currency)

    def split(self, weights: Sequence[int]) -> tuple[Money, ...]:
        """Shares in proportion to ``weights`` that sum to this amount exactly.

        Minor units that do not divide go to the shares with the largest remainders, the earlier
        one on a tie.

        Raises:
            ValueError: no weights, a negative one, or all zero.
        """
        total = sum(weights)
        if not weights or total <= 0 or min(weights) < 0:
            raise ValueError(f"cannot split by {list(weights)}")
        sign = -1 if self.minor < 0 else 1
        shares = [abs(self.minor) * weight // total for weight in weights]
        rest = abs(self.minor) - sum(shares)
        by_remainder = sorted(
            range(len(weights)), key=lambda i: (-(abs(self.minor) * weights[i] % total), i)
        )
        for index in by_remainder[:rest]:
            shares[index] += 1
        return tuple(Money(sign * share, self.currency) for share in shares)

    def __str__(self) -> str:
        sign = "-" if self.minor < 0 else ""
        return f"{sign}{abs(self.minor) // 100}.{abs(self.minor) % 100:02d} {self.currency}"
