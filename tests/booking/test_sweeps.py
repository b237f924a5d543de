"""What looks for bookings to go on with, while others ask for the same steps."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mobility import steps
from mobility.booking.advance import STEP
from mobility.booking.payments_seen import find_forgotten, see_disputes
from mobility.db import transaction
from payments.tables import dispute
from tests.booking.world import World, bike_leg, car_leg, offer_of

Sweep = Callable[[AsyncEngine, datetime], Awaitable[object]]
LAPSING = timedelta(days=7)
"""When no authorisation made now can be captured any more."""


async def disputed(tx: AsyncConnection, booking_id: str, now: datetime) -> None:
    """The booking waits for a person, and a dispute about it is lost."""
    await tx.execute(
        text("update booking set state = 'needs_attention' where id = :id"), {"id": booking_id}
    )
    await tx.execute(
        insert(dispute).values(
            id=f"dp_{booking_id}", booking_id=booking_id, state="lost", currency="EUR",
            amount_minor=100, reason="fraudulent", created_at=now, updated_at=now,
        )
    )  # fmt: skip


async def until_waiting(engine: AsyncEngine, done: asyncio.Future[object]) -> None:
    """Until the sweep waits for a lock, or is through."""
    waits = text(
        "select count(*) from pg_stat_activity where datname = current_database()"
        " and wait_event_type = 'Lock'"
    )
    while not done.done():
        async with transaction(engine) as tx:
            if await tx.scalar(waits):
                return
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("in_turn", [False, True], ids=["later first", "earlier first"])
@pytest.mark.parametrize("sweep", [find_forgotten, see_disputes])
async def test_a_sweep_and_who_asks_for_two_steps_wait_for_each_other_never(
    world: World, sweep: Sweep, in_turn: bool
) -> None:
    engine, now = world.desk.engine, world.desk.clock() + LAPSING
    booked = [await world.book(offer_of(leg)) for leg in (bike_leg(), car_leg())]
    for booking_id in booked:
        await world.advance(booking_id)
        async with transaction(engine) as tx:
            await disputed(tx, booking_id, now)
    first, second = booked if in_turn else reversed(booked)
    async with transaction(engine) as tx:
        await steps.enqueue(tx, kind=STEP, key=first, run_at=now)
        sweeping = asyncio.ensure_future(sweep(engine, now))
        await until_waiting(engine, sweeping)
        await steps.enqueue(tx, kind=STEP, key=second, run_at=now)
    await sweeping
    async with transaction(engine) as tx:
        asked = await tx.scalars(text("select key from step where generation > 2"))
        assert set(asked) == set(booked)
