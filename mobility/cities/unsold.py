"""What there is in the city and not sold here: taxis, services on demand, published prices."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, HttpUrl
from pydantic.dataclasses import dataclass

from mobility.cities.facts import Amount, Confidence
from mobility.cities.rows import DATA, Id, Text
from payments.money import Money


@dataclass(frozen=True, slots=True, config=DATA)
class Price:
    """A published price that is not sold here: parking, tolls, taxis, subscriptions."""

    kind: Id
    operator: Text
    product: Text
    amount: Amount
    source: Text
    confidence: Confidence
    per: str = ""
    valid_from: date | None = None
    valid_until: date | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, config=DATA)
class TaxiStep:
    """The price of a kilometre from ``from_km`` on."""

    from_km: Annotated[int, Field(ge=0)]
    per_km: Amount


@dataclass(frozen=True, slots=True, config=DATA)
class TaxiTariff:
    """The city's taxi tariff, for estimates only."""

    name: Text
    base: Amount
    steps: Annotated[tuple[TaxiStep, ...], Field(min_length=1)]
    valid_from: date
    text: Text
    source: Text
    confidence: Confidence
    waiting_per_minute: Amount | None = None
    more_than_four_passengers: Amount | None = None

    def estimate(self, metres: int, currency: str = "EUR") -> Money:
        """The fare for a ride of ``metres`` without waiting, rounded to a minor unit."""
        km = Decimal(max(metres, 0)) / 1000
        total = self.base
        ends = [*(Decimal(step.from_km) for step in self.steps[1:]), None]
        for step, end in zip(self.steps, ends, strict=True):
            until = km if end is None else min(km, end)
            total += max(until - step.from_km, Decimal(0)) * step.per_km
        return Money(1, currency).times(total * 100)


@dataclass(frozen=True, slots=True, config=DATA)
class OnDemand:
    """A service that is called, not booked here; ``status`` says whether it is known to run."""

    id: Id
    name: Text
    url: HttpUrl
    status: Literal["running", "ended", "unknown"]
    status_as_of: date
    text: Text
    source: Text
    confidence: Confidence
    hours: str = ""
    surcharge: Amount | None = None
