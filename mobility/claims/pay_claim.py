"""Pay an accepted claim: a refund of what the rider had paid, as far as that goes.

What exceeds it is left to finance, which transfers it: we know no account of the rider's.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.booking import day_ceiling, rebooked
from mobility.booking.desk import Desk
from mobility.booking.moves import OVER
from mobility.claims.states import ClaimEvent, ClaimState, after
from mobility.claims.store import get_claim, set_claim
from mobility.db import transaction
from mobility.tables import booking, step
from payments import charge
from payments.operation import Operation, OperationState, OutcomeKind
from payments.payment import find_payment
from payments.record import get_operation_row
from payments.refund import GUARANTEE, leave_refused, prepare_compensation

STEP = "pay_claim"
ASK_AGAIN = timedelta(seconds=15)
LOOK_AGAIN = timedelta(minutes=5)
"""While its trip goes on: the payment may still be taken."""


async def pay_claim(desk: Desk, claim_id: str) -> datetime | None:
    """Bring the refund of an accepted claim as far as it goes now.

    Returns:
        When to look again, or None when nothing is left to do here.
    """
    async with transaction(desk.engine) as tx:
        claim = await get_claim(tx, claim_id, lock=True)
        if claim.state is not ClaimState.ACCEPTED or claim.refunded is not None:
            return None
        trip = (await tx.execute(select(booking).where(booking.c.id == claim.booking_id))).one()
        if trip.state not in OVER:
            return desk.clock() + LOOK_AGAIN
        if await _ours_comes_first(tx, claim.booking_id):
            return desk.clock() + ASK_AGAIN
        operation = await _prepare(tx, desk, claim_id, trip.payment_id)
    if operation is None:
        return None
    if operation.state not in (OperationState.DONE, OperationState.DECLINED):
        outcome = await charge.call(desk.gateway, operation)
        async with transaction(desk.engine) as tx:
            await charge.record(tx, operation, outcome, desk.clock())
        if outcome.kind not in (OutcomeKind.DONE, OutcomeKind.DECLINED):
            return desk.clock() + ASK_AGAIN
    async with transaction(desk.engine) as tx:
        await _settle(tx, claim_id, operation, desk.clock())
    await desk.changed(trip.id)
    return None


async def _ours_comes_first(tx: AsyncConnection, booking_id: str) -> bool:
    """Whether what we bear of the trip is still to be prepared.

    It goes back on the payment alone; what a guarantee finds no room for there is transferred.
    """
    ours = select(step.c.key).where(
        step.c.kind.in_((day_ceiling.STEP, rebooked.STEP)),
        step.c.key == booking_id,
        step.c.dead_at.is_(None),
    )
    return await tx.scalar(ours) is not None


async def _prepare(
    tx: AsyncConnection, desk: Desk, claim_id: str, payment_id: str
) -> Operation | None:
    """The refund to make; None, with all left to finance, where nothing can be refunded."""
    claim = await get_claim(tx, claim_id)
    operation = None
    if claim.amount and await find_payment(tx, payment_id) is not None:
        operation = await prepare_compensation(
            tx, payment_id, claim.amount, reason=GUARANTEE, key=claim.id, now=desk.clock()
        )
    if operation is None:
        await set_claim(tx, claim, refunded_minor=0)
    return operation


async def _settle(tx: AsyncConnection, claim_id: str, operation: Operation, now: datetime) -> None:
    """Write what went back; a refund that the processor refused is left to finance whole."""
    claim = await get_claim(tx, claim_id, lock=True)
    if claim.state is not ClaimState.ACCEPTED or claim.refunded is not None:
        return
    row = await get_operation_row(tx, operation.payment_id, operation.id)
    done = row.state == OperationState.DONE
    if not done:
        await leave_refused(tx, operation.payment_id, reason=GUARANTEE)
    await set_claim(tx, claim, refunded_minor=row.amount_minor if done else 0)
    if done and claim.amount is not None and row.amount_minor == claim.amount.minor:
        await set_claim(tx, claim, state=after(claim.state, ClaimEvent.PAY), paid_at=now)
