"""Operators of vehicles that ask what they like for a ride."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from providers.sandbox.rules import Operator, Rest

Asks = Callable[[int], int]
"""What an operator asks for a ride, by what its tariff says; both in cents."""


@dataclass(slots=True)
class OwnPrices(Operator):
    """The demo operator, but that it asks what it likes."""

    asks: Asks = int

    def _move(
        self, booking: sqlite3.Row, old: str, new: str, rest: Rest | None = None, **values: object
    ) -> None:
        if "price_minor" in values:
            values["price_minor"] = self.asks(int(str(values["price_minor"])))
        Operator._move(self, booking, old, new, rest, **values)


def asking(chance: Random) -> Asks:
    """Mostly by the tariff, else more, less, or nothing."""
    return lambda cents: chance.choice((cents, cents, cents + 170, cents * 2, cents // 2, 0))
