"""A ride costs, is booked and billed the same in the hours when clocks and years do odd things."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility.api.receipt_pdf import render_receipt
from mobility.booking.day_cap import CapDay, get_paid
from mobility.booking.day_ceiling import list_costs
from mobility.booking.queries import get_any_booking
from mobility.booking.receipt import get_receipt
from mobility.booking.ride import ask_to_finish, ask_to_start
from mobility.cities.city import load_city
from mobility.planning.offer import Offer
from mobility.tables import leg
from payments.money import Money
from payments.tables import journal
from providers.bus.fare_table import read_fares
from providers.bus.fares import price_product
from providers.values import Mode
from tests.api.test_receipts import text_of
from tests.booking.test_day_ceiling import CEILING
from tests.providers.bus.test_new_prices import EDITION, FARES, NEW
from tests.simulation.books import Books, read_books
from tests.simulation.clock import Clock, wipe
from tests.simulation.invariants import list_breaks
from tests.simulation.offers import BIKE, bike_and_bus
from tests.simulation.story import ask
from tests.simulation.world import RIDER, City, World

MINUTES = 19
"""And a moment: twenty that have begun."""
ORDINARY = datetime(2026, 12, 1, 8, tzinfo=UTC)
BIKE_LINE = "bike basis/2026-01: 2.00 EUR, 0.32 EUR of it tax, off 0.00 EUR"
BUS_LINE = "bus sh-tarif-2026-04-01: 2.50 EUR, 0.16 EUR of it tax, off 0.00 EUR"


@dataclass(frozen=True)
class Ridden:
    """The books, and what of the ride has to do with time."""

    books: Books
    breaks: list[str]
    minutes: list[int | None]
    lasted: timedelta
    days: set[date]
    """On which the journals are booked."""
    billed: list[str]
    """The lines of the receipt, computed anew."""
    moments: list[str]
    """On the receipt's paper, by the city's clock."""


async def ridden(
    database: AsyncEngine,
    city: City,
    start: datetime,
    offered: Callable[[datetime], Offer] = bike_and_bus,
) -> Ridden:
    """By bike for nineteen minutes from ``start`` on, then by a bus that leaves a minute later."""
    await wipe(database)
    world = World(database, city, Clock(database, start))
    await world.clock.move_to(start)
    try:
        await world.book("pm_card_visa", offered)
        await world.work(timedelta(seconds=2))
        await ask(world, ask_to_start)
        await world.clock.pass_time(timedelta(minutes=MINUTES))
        await ask(world, ask_to_finish)
        await world.work(timedelta(days=1))
        async with database.begin() as tx:
            legs = (await tx.execute(select(leg).order_by(leg.c.position))).all()
            days = set(await tx.scalars(select(journal.c.posted_on)))
        billed, moments = await bill(world)
        return Ridden(
            await read_books(world),
            await list_breaks(world),
            [each.used_minutes for each in legs],
            legs[0].ended_at - legs[0].started_at,
            days,
            billed,
            moments,
        )
    finally:
        await world.close()


@pytest.fixture(scope="module")
def known() -> dict[str, Ridden]:
    return {}


@pytest.fixture
async def usual(database: AsyncEngine, city: City, known: dict[str, Ridden]) -> Ridden:
    """The same ride on an ordinary day, ridden once."""
    if not known:
        known["usual"] = await ridden(database, city, ORDINARY)
    return known["usual"]


async def bill(world: World) -> tuple[list[str], list[str]]:
    """What the receipt says of each leg, and the moments that are printed on it."""
    home, city = load_city("luebeck"), world.city
    home = replace(
        home, providers=tuple(city.stanzas.values()), fare_tables={"fares.toml": city.fares}
    )
    async with world.engine.begin() as tx:
        booked = await get_any_booking(tx, (await world.trip()).id)
        receipt = await get_receipt(tx, booked, home)
    paper = text_of(render_receipt(receipt, {}, "Lübeck", home.timezone))
    lines = [
        f"{line.mode} {line.tariff_version}: {line.gross}, {line.vat} of it tax, off {line.off}"
        for line in receipt.lines
    ]
    moment = r"\d\d\.\d\d\.\d{4} um \d\d:\d\d Uhr(?: \(UTC\S{5}\))?"
    return lines, re.findall(moment, paper)


@pytest.mark.parametrize(
    ("start", "day", "moments"),
    [
        # ends at 03:09, an hour that came early
        (
            "2027-03-28T01:50+01:00",
            "2027-03-28",
            ["28.03.2027 um 01:50 Uhr", "28.03.2027 um 03:10 Uhr", "28.03.2027 um 03:35 Uhr"],
        ),
        # ends at 02:09, before it began by the clock
        (
            "2027-10-31T02:50+02:00",
            "2027-10-31",
            [
                "31.10.2027 um 02:50 Uhr (UTC+0200)",
                "31.10.2027 um 02:10 Uhr (UTC+0100)",
                "31.10.2027 um 02:35 Uhr (UTC+0100)",
            ],
        ),
        # the second half past two of that night
        (
            "2027-10-31T02:30+01:00",
            "2027-10-31",
            [
                "31.10.2027 um 02:30 Uhr (UTC+0100)",
                "31.10.2027 um 02:50 Uhr (UTC+0100)",
                "31.10.2027 um 03:15 Uhr",
            ],
        ),
        # ends in another year, which in UTC is this one
        (
            "2026-12-31T23:50+01:00",
            "2027-01-01",
            ["31.12.2026 um 23:50 Uhr", "01.01.2027 um 00:10 Uhr", "01.01.2027 um 00:35 Uhr"],
        ),
        (
            "2028-02-28T23:50+01:00",
            "2028-02-29",
            ["28.02.2028 um 23:50 Uhr", "29.02.2028 um 00:10 Uhr", "29.02.2028 um 00:35 Uhr"],
        ),
        (
            "2028-02-29T23:50+01:00",
            "2028-03-01",
            ["29.02.2028 um 23:50 Uhr", "01.03.2028 um 00:10 Uhr", "01.03.2028 um 00:35 Uhr"],
        ),
    ],
)
async def test_a_ride_costs_what_it_costs_on_any_other_day(
    database: AsyncEngine, city: City, usual: Ridden, start: str, day: str, moments: list[str]
) -> None:
    assert (usual.minutes, usual.days) == ([20, None], {ORDINARY.date()})
    odd = await ridden(database, city, datetime.fromisoformat(start).astimezone(UTC))
    assert (odd.books, odd.breaks) == (usual.books, [])
    assert (odd.minutes, odd.lasted) == (usual.minutes, usual.lasted)
    assert odd.days == {date.fromisoformat(day)}
    assert odd.billed == usual.billed == [BIKE_LINE, BUS_LINE]
    booked, bus, paid = moments
    assert odd.moments == [booked, booked, bus, paid], "the bike was unlocked when it was booked"


async def test_over_midnight_each_leg_is_billed_by_the_prices_of_its_own_year(
    database: AsyncEngine, city: City
) -> None:
    """The bike is unlocked in the old year; the bus leaves in the new one, with other prices."""
    (city.folder / "fares.toml").write_text(FARES.read_text(encoding="utf-8") + EDITION)
    fares = read_fares(city.folder / "fares.toml")
    start = datetime.fromisoformat("2026-12-31T23:50+01:00").astimezone(UTC)

    def offered(now: datetime) -> Offer:
        offer = bike_and_bus(now)
        bike, bus = offer.legs
        on = bus.departs_at.astimezone(fares.zone).date()
        quote = price_product(fares, bus.product or "", on)
        return replace(offer, legs=(bike, replace(bus, quote=quote)))

    odd = await ridden(database, replace(city, fares=fares), start, offered)
    bus_line = f"bus {NEW}: 9.99 EUR, 0.65 EUR of it tax, off 0.00 EUR"
    assert (odd.billed, odd.breaks) == ([BIKE_LINE, bus_line], [])


BEGUN = {
    "2027-03-28": ("2027-03-28T00:10+01:00", "2027-03-28T03:05+02:00", "2027-03-28T23:50+02:00"),
    "2027-10-31": ("2027-10-31T00:10+02:00", "2027-10-31T02:30+01:00", "2027-10-31T23:50+01:00"),
    "2027-01-01": ("2027-01-01T00:10+01:00", "2027-01-01T23:50+01:00"),
    "2028-02-29": ("2028-02-29T00:10+01:00", "2028-02-29T23:50+01:00"),
    "another day": (
        *("2027-03-27T23:50+01:00", "2027-03-29T00:10+02:00"),
        *("2027-10-30T23:50+02:00", "2027-11-01T00:10+01:00"),
        *("2026-12-31T23:50+01:00", "2027-01-02T00:10+01:00"),
        *("2028-02-28T23:50+01:00", "2028-03-01T00:10+01:00"),
    ),
}
"""Rides by the day they belong to: of 23 hours, of 25, of the new year, of the leap year."""


async def test_a_days_cap_and_ceiling_hold_for_the_day_by_the_citys_clock(
    database: AsyncEngine, city: City
) -> None:
    await ridden(database, city, ORDINARY)
    plan = replace(city.stanzas[BIKE].pricing_plans()[-1], day_zone="Europe/Berlin")
    ceiling = replace(CEILING, day_zone="Europe/Berlin")
    long_ago = date(2026, 11, 1)
    for belongs_to, moments in BEGUN.items():
        for moment in moments:
            at = datetime.fromisoformat(moment)
            async with database.begin() as tx:
                await tx.execute(update(leg).where(leg.c.mode == Mode.BIKE).values(started_at=at))
                for each in BEGUN.keys() - {"another day"}:
                    day = date.fromisoformat(each)
                    paid = await get_paid(tx, CapDay(RIDER, BIKE, plan, day))
                    costs = await list_costs(tx, ceiling, RIDER, long_ago, "EUR")
                    counted = (paid, costs.get(day, Money(0)))
                    ride = Money(200 if each == belongs_to else 0)
                    assert counted == (ride, ride), f"{moment} on {each}"
