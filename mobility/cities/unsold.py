"""What there is in the city and not sold here: taxis, services on demand, published prices."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, HttpUrl
from pydantic.dataclasses import dataclass

from mobility.cities.facts import Amount, Confidence
from mobility.cities.network_facts import Clock, clock_seconds
from mobility.cities.rows import DATA, Id, Text
from payments.money import Money

_WEEKDAYS = ("mo", "tu", "we", "th", "fr", "sa", "su")


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
class ServiceHours:
    """When a service runs; ``until`` 25:00 is one o'clock in the night that follows."""

    on: Literal["daily", "mo", "tu", "we", "th", "fr", "sa", "su", "before_holiday"]
    from_: Annotated[Clock, Field(alias="from")]
    until: Clock

    def __post_init__(self) -> None:
        if clock_seconds(self.until) <= clock_seconds(self.from_):
            raise ValueError("until must come after from; after midnight write 25:00 and so on")

    def hold_at(self, local: datetime, holidays: AbstractSet[date]) -> bool:
        """Whether they include a local time, as part of this day's service or of yesterday's."""
        clock = local.hour * 3600 + local.minute * 60 + local.second
        return any(
            self._on(local.date() - timedelta(days=ago), holidays)
            and clock_seconds(self.from_) <= clock + 86_400 * ago < clock_seconds(self.until)
            for ago in (0, 1)
        )

    def _on(self, day: date, holidays: AbstractSet[date]) -> bool:
        if self.on == "before_holiday":
            return day + timedelta(days=1) in holidays
        return self.on in {"daily", _WEEKDAYS[day.weekday()]}


@dataclass(frozen=True, slots=True, config=DATA)
class OnDemand:
    """A service that is called, not booked here; ``status`` says whether it is known to run.

    ``hours`` is for people to read, ``runs`` the same as data; without it nobody knows.
    """

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
    runs: tuple[ServiceHours, ...] = ()

    def runs_at(self, local: datetime, holidays: AbstractSet[date]) -> bool:
        """Whether it runs at a local time, or its hours are not known."""
        return not self.runs or any(hours.hold_at(local, holidays) for hours in self.runs)
