"""The cheapest tickets for the rides of one tariff of levels: short hops, and singles by zone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from payments.money import Money
from providers.bus.fare_table import Edition, FareTable, FareUnknownError
from providers.bus.product import Product


class Part(NamedTuple):
    """A ride as far as the choice of its ticket depends on it; equal ones are chosen for once."""

    tariff_id: str
    on: date
    from_zone: str | None
    to_zone: str | None
    short: bool
    """Whether a short-hop ticket is sold for it."""
    reach: int
    """How many rides after it, on its tariff, a single ticket bought for it lasts for."""


class Plan(NamedTuple):
    """The cheapest way to pay some rides: the cost, the number of tickets, a product a ride."""

    minor: int
    tickets: int
    products: tuple[Product, ...]

    def behind(self, minor: int, product: Product) -> Plan:
        """The same after one more ride before it, which rides on a ticket or has its own bought."""
        bought = product.covered_by is None
        return Plan(self.minor + minor, self.tickets + bought, (product, *self.products))


class _Running(NamedTuple):
    """A single ticket bought for the ride ``number`` of the journey."""

    number: int
    on: date
    base: str
    zones: frozenset[str]
    last: int
    """The last ride of its tariff, counted among those, for which its time lasts."""


def find_cheapest(table: FareTable, rides: Sequence[tuple[int, Part]], rider: str) -> Plan:
    """The least over all sets of tickets that carry these rides, each with its number.

    A ride on another ticket, such as a short hop out of the area, does not end one that runs. While
    one runs that covers a ride, another is bought for a later ride at the earliest, unless prices
    change before it.

    Raises:
        FareUnknownError: no ticket carries a ride, or one has no price.
    """
    known: dict[tuple[int, tuple[_Running, ...]], Plan] = {}

    def after(at: int, held: tuple[_Running, ...]) -> Plan:
        """The cheapest way to pay the rides from ``at`` on with the tickets held there."""
        if at == len(rides):
            return Plan(0, 0, ())
        held = tuple(ticket for ticket in held if ticket.last >= at)
        if (at, held) not in known:
            plans = [
                after(at + 1, held if bought is None else (*held, bought)).behind(minor, product)
                for minor, product, bought in _options(table, rides, at, held, rider)
            ]
            known[at, held] = min(plans, key=lambda plan: (plan.minor, plan.tickets))
        return known[at, held]

    return after(0, ())


def _options(
    table: FareTable,
    rides: Sequence[tuple[int, Part]],
    at: int,
    held: Sequence[_Running],
    rider: str,
) -> list[tuple[int, Product, _Running | None]]:
    """How a ride may be paid: minor units, its product, and the single bought for it."""
    number, ride = rides[at]
    edition, zones = edition_on(table, ride.tariff_id, ride.on), _zones(ride)
    options: list[tuple[int, Product, _Running | None]] = []
    covering = next((ticket for ticket in held if zones <= ticket.zones), None)
    if covering is not None:
        of = another_day(table, ride.tariff_id, covering.on, ride.on)
        product = Product(covering.base, rider, covered_by=covering.number + 1, of=of)
        options.append((0, product, None))
        last = rides[-1][1]
        if edition is edition_on(table, last.tariff_id, last.on):
            return options
    for base, area, minor in _singles(table, edition, rider):
        if zones <= area:
            ticket = _Running(number, ride.on, base, area, at + ride.reach)
            options.append((minor, Product(base, rider), ticket))
    if ride.short:
        minor = price_of(table, edition, "short", rider).minor
        options.append((minor, Product("short", rider), None))
    if not options:
        strange = ", ".join(sorted(zones))
        problem = f"{edition.id} has no level for a ticket through the zones {strange}"
        raise FareUnknownError(problem)
    return options


@lru_cache(maxsize=256)
def _singles(
    table: FareTable, edition: Edition, rider: str
) -> tuple[tuple[str, frozenset[str], int], ...]:
    """The single tickets worth buying: product, zones, minor units; the cheapest first.

    One that costs no less than another and holds no more is never the better buy.
    """
    areas = [
        (base, frozenset(area.zones), price_of(table, edition, base, rider).minor)
        for area in edition.zone_levels
        for base in [f"single:{area.level}"]
    ]
    worth: list[tuple[str, frozenset[str], int]] = []
    for found in sorted(areas, key=lambda area: area[2]):
        if not any(found[1] <= other[1] for other in worth):
            worth.append(found)
    return tuple(worth)


def _zones(ride: Part) -> set[str]:
    return {zone for zone in (ride.from_zone, ride.to_zone) if zone}


def another_day(table: FareTable, tariff_id: str, bought: date, on: date) -> date | None:
    """The day on which a ticket is bought, where a ride on it has another price list."""
    same = edition_on(table, tariff_id, bought) is edition_on(table, tariff_id, on)
    return None if same else bought


@lru_cache(maxsize=1024)
def edition_on(table: FareTable, tariff_id: str, on: date) -> Edition:
    """The price list of a tariff on a day; raises FareUnknownError."""
    return table.get_edition(tariff_id, on)


def price_of(table: FareTable, edition: Edition, base: str, rider: str) -> Money:
    """What one rider pays for a product; raises FareUnknownError where it is not sold."""
    price = _by_product(table, edition.id).get((base, rider))
    if price is None:
        raise FareUnknownError(
            f"{edition.id} has no price for {base}:{rider}, so it cannot be sold here"
        )
    return price


@lru_cache(maxsize=256)
def _by_product(table: FareTable, edition_id: str) -> dict[tuple[str, str], Money]:
    """An edition's prices by product and rider."""
    edition = next(e for e in table.edition if e.id == edition_id)
    return {(p.product, p.rider): table.money(p.amount) for p in edition.prices}
