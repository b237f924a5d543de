"""One item of a price, so that a price is the sum of what it consists of, to the cent."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class ItemKind(StrEnum):
    """What an item is for."""

    BASE = "base"
    """Once a ride."""
    TIME = "time"
    DISTANCE = "distance"
    TICKET = "ticket"
    PASS = "pass"  # noqa: S105 - no password
    """Persons who ride on a pass of theirs: taken off again."""
    CAP = "cap"
    """What 24 hours of one ride cost at most."""
    DAY_CAP = "day_cap"
    """What the rides of one day cost at most together."""
    ROUNDING = "rounding"
    ASKED_LESS = "asked_less"
    """The operator asked for less than its tariff says."""
    ENDED_BY_US = "ended_by_us"
    """What its tariff says beyond the time for which a ride is charged that we ended."""


@dataclass(frozen=True, slots=True)
class PriceItem:
    """``units`` times ``unit_price`` is ``amount``; prices in major units, not yet rounded."""

    kind: ItemKind
    units: int
    unit: str
    """What is counted: ``ride``, ``person``, ``24 h``, or such as ``30 min`` and ``1 km``."""
    unit_price: Decimal
    text: str = ""
    """The calculation in German; empty where the numbers say it all."""

    @property
    def amount(self) -> Decimal:
        """What it adds to the price; below zero where it takes something off."""
        return self.units * self.unit_price
