"""A tariff as a search reads it: what a ride adds to a journey's price, as a few whole numbers.

The same rules as ``providers.bus.fares.choose_products`` applies to a finished journey, taken at
one day's price list, all amounts already multiplied by the persons who pay.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, time

from providers.bus.fare_table import Edition, FareTable, Tariff
from providers.bus.fares import RiderKind, free_persons

UNKNOWN_CENTS = 100_000
"""Stands for a price that no list gives: such a journey is never cheap, and is not sold."""


@dataclass(frozen=True, slots=True)
class FixedFare:
    """So much a ride, 0 with a pass that covers everyone."""

    cents: int


@dataclass(frozen=True, slots=True)
class LevelFares:
    """Single tickets by area with changes within a time, and a short-hop ticket."""

    areas: tuple[tuple[frozenset[str], int], ...]
    """Zones and price of each area; the cheapest that holds all zones of a ticket counts."""
    transfer_s: int
    short_cents: int
    short_stops: int
    """0 where there is no short-hop ticket."""
    short_weekday_from: time | None
    """From when it is sold on Monday to Friday; None: all day. Other days it always is."""


def rules_of(
    table: FareTable,
    tariff: Tariff,
    on: date,
    passes: AbstractSet[str],
    passengers: int,
    rider: RiderKind = RiderKind.ADULT,
) -> FixedFare | LevelFares:
    """The rules of a tariff on a day for those who travel.

    Raises:
        FareUnknownError: no list is in force on that day, or a pass is unknown.
    """
    edition = table.get_edition(tariff.id, on)
    paying = passengers - free_persons(table, tariff, passes, passengers)
    if paying == 0:
        return FixedFare(0)
    if tariff.product is not None:
        return FixedFare(_cents(table, edition, tariff.product, rider) * paying)
    short = edition.short_hop
    return LevelFares(
        areas=tuple(
            (
                frozenset(area.zones),
                _cents(table, edition, f"single:{area.level}", rider) * paying,
            )
            for area in edition.zone_levels
        ),
        transfer_s=edition.transfer_minutes * 60,
        short_cents=_cents(table, edition, "short", rider) * paying if short else 0,
        short_stops=short.max_stops if short else 0,
        short_weekday_from=short.weekday_from if short else None,
    )


def _cents(table: FareTable, edition: Edition, product: str, rider: str) -> int:
    amount = edition.find_price(product, rider)
    return UNKNOWN_CENTS if amount is None else table.money(amount).minor
