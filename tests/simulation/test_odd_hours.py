"""A ride costs and is booked the same in the hours in which clocks and years do odd things."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility.booking.ride import ask_to_finish, ask_to_start
from mobility.tables import leg
from payments.tables import journal
from tests.simulation.books import Books, read_books
from tests.simulation.clock import Clock, wipe
from tests.simulation.invariants import list_breaks
from tests.simulation.story import ask
from tests.simulation.world import City, World

MINUTES = 19
"""And a moment: twenty that have begun."""
ORDINARY = datetime(2026, 12, 1, 8, tzinfo=UTC)


@dataclass(frozen=True)
class Ridden:
    """The books, and what of the ride has to do with time."""

    books: Books
    breaks: list[str]
    minutes: list[int | None]
    lasted: timedelta
    days: set[date]
    """On which the journals are booked."""


async def ridden(database: AsyncEngine, city: City, start: datetime) -> Ridden:
    """By bike for nineteen minutes from ``start`` on, then by a bus that leaves a minute later."""
    await wipe(database)
    world = World(database, city, Clock(database, start))
    await world.clock.move_to(start)
    try:
        await world.book("pm_card_visa")
        await world.work(timedelta(seconds=2))
        await ask(world, ask_to_start)
        await world.clock.pass_time(timedelta(minutes=MINUTES))
        await ask(world, ask_to_finish)
        await world.work(timedelta(days=1))
        async with database.begin() as tx:
            legs = (await tx.execute(select(leg).order_by(leg.c.position))).all()
            days = set(await tx.scalars(select(journal.c.posted_on)))
        return Ridden(
            await read_books(world),
            await list_breaks(world),
            [each.used_minutes for each in legs],
            legs[0].ended_at - legs[0].started_at,
            days,
        )
    finally:
        await world.close()


@pytest.mark.parametrize(
    ("start", "day"),
    [
        ("2027-03-28T01:50+01:00", "2027-03-28"),  # ends at 03:09, an hour that came early
        ("2027-10-31T02:50+02:00", "2027-10-31"),  # ends at 02:09, before it began by the clock
        ("2027-10-31T02:30+01:00", "2027-10-31"),  # the second half past two of that night
        ("2026-12-31T23:50+01:00", "2027-01-01"),  # ends in another year, which in UTC is this one
        ("2028-02-28T23:50+01:00", "2028-02-29"),
        ("2028-02-29T23:50+01:00", "2028-03-01"),
    ],
)
async def test_a_ride_costs_what_it_costs_on_any_other_day(
    database: AsyncEngine, city: City, start: str, day: str
) -> None:
    usual = await ridden(database, city, ORDINARY)
    assert (usual.minutes, usual.days) == ([20, None], {ORDINARY.date()})
    odd = await ridden(database, city, datetime.fromisoformat(start).astimezone(UTC))
    assert (odd.books, odd.breaks) == (usual.books, [])
    assert (odd.minutes, odd.lasted) == (usual.minutes, usual.lasted)
    assert odd.days == {date.fromisoformat(day)}
