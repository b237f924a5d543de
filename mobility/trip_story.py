"""Telling a trip on the terminal, and failing loudly when two numbers differ."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from rich.console import Console

from mobility.settings import Settings
from mobility.trip_client import Client, Json, TripFailedError
from payments.money import Money

ICONS = {"walk": "🚶", "bus": "🚌", "ferry": "⛴", "bike": "🚲", "car": "🚗", "scooter": "🛴"}


@dataclass(slots=True)
class Trip:
    """The trip under way."""

    console: Console
    settings: Settings
    http: httpx.Client
    zone: ZoneInfo
    rider: Client
    finance: Client

    def say(self, text: str) -> None:
        """One sentence of the story."""
        self.console.print(f"  {text}", soft_wrap=True)

    def chapter(self, title: str) -> None:
        """A new part of the story."""
        self.console.print(f"\n[bold]{title}[/bold]")

    def check(self, what: str, left: object, right: object) -> None:
        """Two numbers that must be the same.

        Raises:
            TripFailedError: they are not.
        """
        if left != right:
            raise TripFailedError(f"{what}: {left} is not {right}")
        self.console.print(f"  [green]✓[/green] {what}: {_shown(left)}", soft_wrap=True)

    def clock(self, text: str) -> str:
        """An instant as the city's clock shows it."""
        return datetime.fromisoformat(text).astimezone(self.zone).strftime("%H:%M")


def way_text(journey: Json) -> str:
    """The vehicles of a journey; a walk is shown only where there is nothing else."""
    legs = [leg for leg in journey["legs"] if leg["mode"] != "walk"] or journey["legs"]
    return " ".join(
        ICONS[leg["mode"]] + (f" {leg['line']}" if leg.get("line") else "") for leg in legs
    )


def money_text(value: Json) -> str:
    """An amount, such as ``3.60 EUR``."""
    return str(Money(value["amount"], value["currency"]))


def price_text(value: Json) -> str:
    """A price, and what it is at most where the ride is metered."""
    text = money_text(value)
    if value["kind"] == "fixed":
        return text
    most = money_text({"amount": value["max"], "currency": value["currency"]})
    return f"about {text}, at most {most}" if most != text else f"at most {text}"


def _shown(value: Any) -> str:
    if isinstance(value, dict) and "amount" in value:
        return money_text(value)
    return str(value)
