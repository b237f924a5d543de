"""The second line of defence: what is done again after all changes nothing."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from payments import charge
from payments.money import Money
from payments.payment import PaymentState
from payments.stripe_gateway import StripeGateway
from tests.payments.world import Till, split


@pytest.fixture
def till(engine: AsyncEngine, gateway: StripeGateway, now: datetime) -> Till:
    return Till(engine, gateway, now)


async def test_an_operation_that_is_found_again_has_the_key_of_the_first(till: Till):
    first, again = await till.begin(1000), await till.begin(1000)
    assert (again.fresh, again.key) == (False, first.key)
    assert (
        await till.gateway.find_hold(first.id, customer_ref=till.customer, since=till.now) is None
    )
    created = [await charge.call(till.gateway, first) for _ in range(2)]
    assert created[0].hold == created[1].hold


async def test_a_refund_whose_outcome_is_recorded_twice_is_one_refund(till: Till):
    await till.authorise(1000)
    await till.capture(split(700))
    operation = await till.begin_refund(300)
    outcome = await charge.call(till.gateway, operation)
    first, again = [await till.record(operation, outcome) for _ in range(2)]
    assert first == again
    assert (again.state, again.refunded) == (PaymentState.PARTIALLY_REFUNDED, Money(300))
    assert (await till.balances())["processor:EUR"] == 400
