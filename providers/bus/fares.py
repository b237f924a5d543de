"""What bus and ferry rides cost: the cheapest products for a journey, and the price of each.

Everything here is pure; the fares come from ``fare_table``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from payments.money import Money
from providers.bus.cheapest import Part, another_day, edition_on, find_cheapest, price_of
from providers.bus.fare_table import (
    Edition,
    FareDataError,
    FareTable,
    FareUnknownError,
    Pass,
    Tariff,
    read_fares,
)
from providers.bus.product import Product, parse_product, say_covered
from providers.values import Quote

__all__ = [
    "FareDataError",
    "FareRide",
    "FareTable",
    "FareUnknownError",
    "Product",
    "RiderKind",
    "choose_products",
    "parse_product",
    "price_product",
    "read_fares",
    "whole_rides",
]

_SATURDAY = 5


class RiderKind(StrEnum):
    """Who rides, as price lists tell people apart."""

    ADULT = "adult"
    CHILD = "child"


@dataclass(frozen=True, slots=True)
class FareRide:
    """One ride of a journey, as far as its fare depends on it.

    ``stops`` counts the stops after boarding, the one to get off at included. A zone is None where
    the feed gives the stop none; then the other zone decides, or else the cheapest level.
    """

    agency_id: str
    route_id: str
    stops: int
    from_zone: str | None
    to_zone: str | None
    departs_at: datetime
    arrives_at: datetime
    stays: bool = False
    """Whether it goes on in the vehicle of the ride before: for the fare both are one ride."""

    def __post_init__(self) -> None:
        if self.departs_at.tzinfo is None or self.arrives_at.tzinfo is None:
            raise ValueError(f"the times of the ride on {self.route_id} need a time zone")
        if self.stops < 1 or self.arrives_at < self.departs_at:
            raise ValueError(f"the ride on {self.route_id} ends before it begins")


def choose_products(
    table: FareTable,
    rides: Sequence[FareRide],
    passes: AbstractSet[str],
    *,
    holidays: AbstractSet[date],
    rider: RiderKind = RiderKind.ADULT,
    passengers: int = 1,
) -> tuple[str, ...]:
    """The products that carry one journey's rides for the least money, one a ride, in order.

    Rides in a vehicle that one stays in are one ride: those after the first are on its ticket.
    A single ticket covers the rides after it on the same tariff that end within its time and zones
    (changes allowed, also with a ride on another ticket between; a journey from A to B is never the
    return trip that it excludes). At equal cost fewer tickets win. A pass frees as many of the
    ``passengers`` as it carries; where it does not cover a tariff, or nobody confirms that it does,
    that tariff is charged in full.

    Raises:
        FareUnknownError: no fare is known for a ride, its rider or its day, or a pass is unknown.
    """
    whole, begins = whole_rides(rides)
    parts = _parts(table, whole, holidays)
    products = _choose(table, parts, frozenset(passes), rider, passengers)
    if len(whole) == len(rides):
        return products
    return _for_each_part(table, products, begins, rides)


def _parts(
    table: FareTable, rides: Sequence[FareRide], holidays: AbstractSet[date]
) -> tuple[Part, ...]:
    tariffs = [table.get_tariff_of(ride.agency_id).id for ride in rides]
    zone = table.zone
    found = []
    for index, (tariff_id, ride) in enumerate(zip(tariffs, rides, strict=True)):
        local = ride.departs_at.astimezone(zone)
        on = local.date()
        edition = edition_on(table, tariff_id, on)
        until = ride.departs_at + timedelta(minutes=edition.transfer_minutes)
        following = range(index + 1, len(rides))
        later = [rides[i].arrives_at for i in following if tariffs[i] == tariff_id]
        reach = next((n for n, at in enumerate(later) if at > until), len(later))
        short = _is_short_hop(edition, ride, local, holidays)
        found.append(Part(tariff_id, on, ride.from_zone, ride.to_zone, short, reach))
    return tuple(found)


@lru_cache(maxsize=4096)
def _choose(
    table: FareTable,
    parts: tuple[Part, ...],
    passes: frozenset[str],
    rider: RiderKind,
    passengers: int,
) -> tuple[str, ...]:
    chosen: dict[int, Product] = {}
    held = table.list_passes(passes)
    for tariff in table.tariff:
        own = [(index, part) for index, part in enumerate(parts) if part.tariff_id == tariff.id]
        free = _carried(tariff, held, passengers)
        products = _for_tariff(table, tariff, own, rider, everyone_free=free >= passengers)
        for (index, _), product in zip(own, products, strict=True):
            paid_here = product.covered_by is None
            chosen[index] = product._replace(free=free if paid_here else 0)
    return tuple(str(chosen[index]) for index in range(len(parts)))


def whole_rides(rides: Sequence[FareRide]) -> tuple[list[FareRide], list[int]]:
    """Rides as fares see them, and where each of them begins among those given."""
    whole: list[FareRide] = []
    begins: list[int] = []
    for index, ride in enumerate(rides):
        if ride.stays and whole:
            before = whole[-1]
            whole[-1] = replace(
                before,
                stops=before.stops + ride.stops,
                to_zone=ride.to_zone,
                arrives_at=ride.arrives_at,
            )
        else:
            begins.append(index)
            whole.append(ride)
    return whole, begins


def _for_each_part(
    table: FareTable, products: Sequence[str], begins: Sequence[int], rides: Sequence[FareRide]
) -> tuple[str, ...]:
    """The products of whole rides, one for each part: what follows is on the first one's ticket."""
    found: list[str] = []
    for text, first, end in zip(products, begins, [*begins[1:], len(rides)], strict=True):
        product = parse_product(text)
        ticket = None if product.covered_by is None else begins[product.covered_by - 1] + 1
        found.append(str(product._replace(covered_by=ticket)))
        tariff = table.get_tariff_of(rides[first].agency_id).id
        days = [ride.departs_at.astimezone(table.zone).date() for ride in rides[first:end]]
        for on in days[1:]:
            of = another_day(table, tariff, product.of or days[0], on)
            later = product._replace(free=0, covered_by=ticket or first + 1, of=of)
            found.append(str(later))
    return tuple(found)


@lru_cache(maxsize=4096)
def price_product(table: FareTable, product: str, on: date, passengers: int = 1) -> Quote:
    """The price of one product on a day, with German lines by which a rider can redo it.

    Raises:
        FareUnknownError: the product is malformed or unknown, or has no price on that day.
        ValueError: fewer passengers than one.
    """
    if passengers < 1:
        raise ValueError(f"a ticket is for one person at least, not {passengers}")
    wanted = parse_product(product)
    tariff = table.get_tariff_selling(wanted.base)
    edition = table.get_edition(tariff.id, wanted.of or on)
    each = price_of(table, edition, wanted.base, wanted.rider)
    label = f"{table.names.product[wanted.base]}, {table.names.rider[wanted.rider]}"
    if wanted.covered_by is not None:
        price = Money.zero(table.currency)
        lines = [
            f"{say_covered(wanted.covered_by)}: {_amount(price)}",
            f"Umsteigen innerhalb von {edition.transfer_minutes} Minuten, keine Rückfahrt",
        ]
    else:
        free = min(wanted.free, passengers)
        paying = passengers - free
        price = each.times(paying)
        lines = []
        if free:
            who = "1 Person" if free == 1 else f"{free} Personen"
            lines.append(f"{who} mit hinterlegter Berechtigung: {_amount(each.times(0))}")
        if paying == 1 and not free:
            lines.append(f"{label}: {_amount(price)}")
        elif paying:
            lines.append(f"{label}: {paying} x {_amount(each)} = {_amount(price)}")
    lines.append(f"{tariff.name}, {edition.title}")
    if tariff.remark:
        lines.append(tariff.remark)
    lines.extend(
        change.text
        for change in table.announcement
        if change.tariff == tariff.id and change.text in table.list_notices(on)
    )
    return Quote(
        price=price,
        ceiling=None,
        tariff_version=edition.id,
        lines=tuple(lines),
        vat_percent=tariff.vat_percent,
    )


def free_persons(
    table: FareTable, tariff: Tariff, passes: AbstractSet[str], passengers: int
) -> int:
    """How many of the passengers ride on a pass that covers the tariff."""
    return _carried(tariff, table.list_passes(passes), passengers)


def _carried(tariff: Tariff, held: Iterable[Pass], passengers: int) -> int:
    carried = [known.persons for known in held if tariff.id in known.covers]
    return min(max(carried, default=0), passengers)


def _for_tariff(
    table: FareTable,
    tariff: Tariff,
    rides: Sequence[tuple[int, Part]],
    rider: RiderKind,
    *,
    everyone_free: bool,
) -> tuple[Product, ...]:
    """The cheapest products for the rides of one tariff, each with its number in the journey."""
    if tariff.product is not None:
        for _, ride in rides:
            price_of(table, edition_on(table, tariff.id, ride.on), tariff.product, rider)
        return (Product(tariff.product, rider),) * len(rides)
    if everyone_free:
        return tuple(
            product for ride in rides for product in find_cheapest(table, [ride], rider).products
        )
    return find_cheapest(table, rides, rider).products


def _is_short_hop(
    edition: Edition, ride: FareRide, local: datetime, holidays: AbstractSet[date]
) -> bool:
    rule = edition.short_hop
    if rule is None or ride.stops > rule.max_stops:
        return False
    free_day = local.weekday() >= _SATURDAY or local.date() in holidays
    return free_day or rule.weekday_from is None or local.time() >= rule.weekday_from


def _amount(money: Money) -> str:
    sign = "€" if money.currency == "EUR" else money.currency
    return f"{money.minor // 100},{money.minor % 100:02d} {sign}"
