"""What the processor's lists tell, from which lost payments are made anew."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from payments.gateway import HoldState, RefundState
from payments.money import Money
from payments.stripe_gateway import StripeGateway
from tests.payments.world import Till, split


@pytest.fixture
def till(engine: AsyncEngine, gateway: StripeGateway, now: datetime) -> Till:
    return Till(engine, gateway, now)


async def test_holds_are_listed_with_what_we_wrote_on_them(
    till: Till, gateway: StripeGateway
) -> None:
    await till.authorise(1000, pid="pay_1")
    await till.capture(split(700), pid="pay_1")
    await till.authorise(800, pid="pay_2")
    await gateway.create_customer("pseudonym")

    found = await gateway.list_holds(since=till.now - timedelta(hours=1))

    told = [(each.payment_id, each.operation_id, each.hold.state) for each in found]
    assert told == [
        ("pay_1", "pay_1.authorise", HoldState.CAPTURED),
        ("pay_2", "pay_2.authorise", HoldState.HELD),
    ]
    assert {(each.customer_ref[:4], each.method[:3]) for each in found} == {("cus_", "pm_")}
    assert await gateway.list_holds(since=till.now + timedelta(days=1)) == []


async def test_all_refunds_of_a_hold_are_listed(till: Till, gateway: StripeGateway) -> None:
    await till.authorise(1000, pid="pay_1")
    await till.capture(split(1000), pid="pay_1")
    for key, amount in (("a", 100), ("b", 200)):
        await till.refund(amount, key, "pay_1")
    (hold,) = await gateway.list_holds(since=till.now - timedelta(hours=1))

    found = await gateway.list_refunds(hold.hold.id)

    assert [(each.operation_id, each.amount, each.state) for each in found] == [
        ("pay_1.refund.a", Money(100), RefundState.DONE),
        ("pay_1.refund.b", Money(200), RefundState.DONE),
    ]
