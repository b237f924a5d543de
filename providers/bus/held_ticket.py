"""What a ticket that was bought for an earlier trip still carries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from providers.bus.cheapest import another_day, edition_on
from providers.bus.fares import FareRide, FareTable, parse_product, whole_rides
from providers.bus.product import BEFORE


@dataclass(frozen=True, slots=True)
class HeldTicket:
    """A ticket that is still good: its product, and the rides it has carried, the first one first.

    What it carries was bought for as many passengers as travel on.
    """

    product: str
    rides: tuple[FareRide, ...]


def list_carried(
    table: FareTable, ticket: HeldTicket, rides: Sequence[FareRide]
) -> tuple[str | None, ...]:
    """For each of the further rides its product on a single ticket that is held; None: not on it.

    By the rule that ``choose_products`` sells by: on the same tariff, over within its time, and in
    an area of its level together with what it has carried. Other tickets carry nothing further.

    Raises:
        FareUnknownError: nothing is known of a ride's tariff.
    """
    if not rides:
        return ()
    held = parse_product(ticket.product)
    first = ticket.rides[0]
    tariff = table.get_tariff_of(first.agency_id).id
    bought = _day(table, first)
    edition = edition_on(table, tariff, bought)
    until = first.departs_at + timedelta(minutes=edition.transfer_minutes)
    level = held.base.removeprefix("single:")
    areas = [set(area.zones) for area in edition.zone_levels if str(area.level) == level]
    zones = {zone for ride in ticket.rides for zone in (ride.from_zone, ride.to_zone) if zone}
    whole, begins = whole_rides(rides)
    carried: list[str | None] = []
    for ride, begin, end in zip(whole, begins, [*begins[1:], len(rides)], strict=True):
        wanted = zones | {zone for zone in (ride.from_zone, ride.to_zone) if zone}
        same = table.get_tariff_of(ride.agency_id).id == tariff
        fits = same and ride.arrives_at <= until and any(wanted <= area for area in areas)
        zones = wanted if fits else zones
        for part in rides[begin:end]:
            of = another_day(table, tariff, bought, _day(table, part)) if fits else None
            on_it = held._replace(free=0, covered_by=BEFORE, of=of)
            carried.append(str(on_it) if fits else None)
    return tuple(carried)


def _day(table: FareTable, ride: FareRide) -> date:
    return ride.departs_at.astimezone(table.zone).date()
