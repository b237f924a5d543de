"""Who takes several locks takes a payment's first, a debt's then, and that of its charge last."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from payments import charge
from payments.collect import prepare_next
from payments.disputes import count_as_refunded, record_disputes
from payments.gateway import Dispute, DisputeState
from payments.money import Money
from payments.operation import Outcome, OutcomeKind
from payments.stripe_gateway import StripeGateway
from tests.payments.world import Till, split


@pytest.fixture
def till(engine: AsyncEngine, gateway: StripeGateway, now: Any) -> Till:
    return Till(engine, gateway, now)


PAUSE_S = 0.05
Work = Callable[[Any], Awaitable[object]]


class Slow:
    """A connection that pauses after each statement, so that two transactions take turns."""

    def __init__(self, tx: Any) -> None:
        self.tx = tx

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any, **kwargs: Any) -> Any:
            found = await getattr(self.tx, name)(*args, **kwargs)
            await asyncio.sleep(PAUSE_S)
            return found

        return call


async def side_by_side(till: Till, first: Work, second: Work, *, later_s: float = 0) -> None:
    async def in_transaction(work: Work, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        async with till.engine.begin() as tx:
            await work(Slow(tx))

    async with asyncio.TaskGroup() as both:
        both.create_task(in_transaction(first, 0))
        both.create_task(in_transaction(second, later_s))


async def test_a_refusal_is_recorded_while_the_challenge_is_given_up(till: Till) -> None:
    """As by who has lost the step of a debt, and who has taken it."""
    await till.authorise(200)
    await till.capture(split(500))
    async with till.engine.begin() as tx:
        begun = await prepare_next(tx, "pay_1", till.now)
    assert begun is not None
    made = await till.record(begun, await charge.call(till.gateway, begun))
    confirm = made.next_operation
    assert confirm is not None
    assert confirm.hold_id is not None
    hold = await till.gateway.get_hold(confirm.hold_id)
    await till.record(confirm, Outcome(OutcomeKind.REQUIRES_ACTION, hold=hold))
    refused = Outcome(OutcomeKind.DECLINED, hold=hold, code="card_declined")
    late = till.now + timedelta(hours=1)
    await side_by_side(
        till,
        lambda tx: charge.record(tx, confirm, refused, till.now),
        lambda tx: prepare_next(tx, "pay_1", late),
    )


async def test_disputes_are_recorded_while_a_refund_counts_as_made(till: Till) -> None:
    """One that was lost is won after all, and a second one about the payment is lost."""
    await till.authorise(1000)
    paid = await till.capture(split(500))
    first, second = (
        Dispute(f"du_{n}", paid.hold_id, DisputeState.LOST, Money(n), "fraudulent", till.now, None)
        for n in (300, 100)
    )
    async with till.engine.begin() as tx:
        await record_disputes(tx, [first], till.now)
    said = [second, replace(first, state=DisputeState.WON)]
    await side_by_side(
        till,
        lambda tx: record_disputes(tx, said, till.now),
        lambda tx: count_as_refunded(
            tx, "pay_1", Money(50), "cancelled", key="50", legs=None, now=till.now
        ),
        later_s=7 * PAUSE_S,
    )
