"""Rows of bookings, legs, payments and operations, as alerts look at them; and a normal day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Table

from mobility import steps
from mobility.booking.advance import STEP
from mobility.db import transaction
from mobility.tables import booking, leg
from payments.tables import (
    money_operation,
    payment,
)
from tests.api.conftest import World

MINUTE = timedelta(minutes=1)


async def put(world: World, table: Table, **columns: Any) -> None:
    async with transaction(world.wiring.engine) as tx:
        await tx.execute(table.insert().values(**columns))


async def book(world: World, state: str, *, name: str = "1", aim: str = "travel") -> str:
    """A booking of 300 ct, of which no leg and no payment is there yet."""
    await put(
        world,
        booking,
        id=f"bkg_{name}",
        rider_id="rdr_1",
        offer_id="off_1",
        state=state,
        aim=aim,
        payment_id=f"pay_{name}",
        payment_method="pm_card_visa",
        passengers=1,
        currency="EUR",
        price_minor=300,
        ceiling_minor=300,
        created_at=world.now,
        expires_at=world.now,
    )
    return f"bkg_{name}"


async def add_leg(world: World, state: str, *, name: str = "1", **columns: Any) -> None:
    """A ride of 300 ct with the bike ``hbf-01``, from now for ten minutes."""
    await put(
        world,
        leg,
        **{
            "booking_id": f"bkg_{name}",
            "id": f"leg_{name}",
            "position": 0,
            "mode": "bike",
            "provider_id": "demo-rad",
            "scarce": True,
            "state": state,
            "order_key": f"leg_{name}",
            "quoted_minor": 300,
            "ceiling_minor": 300,
            "vat_percent": 19,
            "commission_percent": 8,
            "co2_grams": 0,
            "departs_at": world.now,
            "arrives_at": world.now + 10 * MINUTE,
            "detail": {"vehicle_ref": "hbf-01"},
            **columns,
        },
    )


async def pay(world: World, state: str, *, name: str = "1", **columns: Any) -> None:
    """A payment of 300 ct that is authorised."""
    await put(
        world,
        payment,
        **{
            "id": f"pay_{name}",
            "booking_id": f"bkg_{name}",
            "state": state,
            "currency": "EUR",
            "amount_minor": 300,
            "authorised_minor": 300,
            "customer_ref": "cus_1",
            "method": "pm_card_visa",
            "return_url": "http://api.test",
            "created_at": world.now,
            "updated_at": world.now,
            **columns,
        },
    )


async def operate(
    world: World, kind: str, state: str, amount: int = 300, *, since: timedelta = timedelta()
) -> None:
    await put(
        world,
        money_operation,
        payment_id="pay_1",
        id=f"pay_1.{kind}",
        kind=kind,
        state=state,
        currency="EUR",
        amount_minor=amount,
        first_sent_at=world.now - since,
    )


async def live_a_normal_day(world: World) -> None:
    """A ride that was paid, one under way, one cancelled, a step that waits for its time."""
    await book(world, "settled", name="paid")
    await add_leg(world, "ended", name="paid", ended_at=world.now)
    await pay(world, "captured", name="paid", captured_minor=300)
    await book(world, "settled", name="owed")
    await add_leg(world, "ended", name="owed", ended_at=world.now, final_minor=500)
    await pay(world, "captured", name="owed", captured_minor=300, receivable_minor=200)
    await book(world, "active", name="rides")
    await add_leg(world, "active", name="rides", detail={"vehicle_ref": "hbf-07"})
    await pay(world, "authorised", name="rides", capture_before=world.now + timedelta(days=6))
    await book(world, "cancelled", name="gone", aim="cancel")
    await pay(world, "released", name="gone")
    async with transaction(world.wiring.engine) as tx:
        later = world.now + timedelta(days=3)
        await steps.enqueue(tx, kind=STEP, key="bkg_rides", run_at=later)
