"""What goes back to a rider at our own expense once her trip is settled: the refunds' calls.

What was once prepared is for ever, also where the processor refuses to pay it: it is asked again,
and then a person pays it otherwise, so that nothing is given back twice.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.booking.desk import Desk
from mobility.db import transaction
from payments import charge
from payments.debt import list_debts
from payments.errors import PaymentStuckError
from payments.money import Money
from payments.operation import Operation, OperationState, OutcomeKind
from payments.payment import find_payment, list_operations, list_payments
from payments.refund import (
    NOT_AGAIN,
    find_kept,
    leave_refused,
    prepare_compensation,
    try_refused_again,
)

ASK_AGAIN = timedelta(seconds=15)


async def list_charged(tx: AsyncConnection, payment_id: str) -> list[str]:
    """The payments that a trip was charged by: its own, and the later charges of what it owed.

    Empty where something is still owed: to be asked again when that is paid, or turns out to be too
    little to be charged.
    """
    debts = await list_debts(tx, [payment_id])
    if any(debt.is_due for debt in debts):
        return []
    later = [debt.charge_id for debt in debts]
    found = [await find_payment(tx, each) for each in (payment_id, *later)]
    return [each.id for each in found if each is not None and each.captured]


async def prepare_refunds(
    tx: AsyncConnection, charged: list[str], most: Money, *, reason: str, key: str, now: datetime
) -> Money:
    """Store the refunds of up to ``most`` on these payments; the same key again finds the first.

    No more goes back in all than the trip's rider has paid for good.

    Returns:
        How much goes back.
    """
    left = most
    for payment_id in charged:
        if left.minor <= 0:
            break
        part = min(left, await find_kept(tx, charged, left.currency))
        made = await prepare_compensation(tx, payment_id, part, reason=reason, key=key, now=now)
        if made is not None:
            left -= made.amount
    return most - left


async def list_refunds(tx: AsyncConnection, booking_id: str, reason: str) -> list[Operation]:
    """A booking's refunds for a reason, in the order of time."""
    return [
        operation
        for payment in await list_payments(tx, booking_id)
        for operation in await list_operations(tx, payment.id)
        if operation.reason == reason
    ]


async def make_refunds(desk: Desk, booking_id: str, reason: str) -> datetime | None:
    """Make the refunds that were prepared for a reason, those that were refused once more.

    Returns:
        When to look again, or None when all are made.

    Raises:
        PaymentStuckError: the processor refuses one; asked again, it is asked once more.
    """
    async with transaction(desk.engine) as tx:
        for payment in await list_payments(tx, booking_id):
            await try_refused_again(tx, payment.id, reason=reason)
        prepared = await list_refunds(tx, booking_id, reason)
    if not prepared:
        return None
    again = [await carry_out(desk, operation) for operation in prepared]
    async with transaction(desk.engine) as tx:
        made = await list_refunds(tx, booking_id, reason)
    await desk.changed(booking_id)
    refused = [
        each
        for each in made
        if each.state is OperationState.DECLINED and each.error_code not in NOT_AGAIN
    ]
    if refused:
        told = ", ".join(f"{each.amount} ({each.error_code})" for each in refused)
        raise PaymentStuckError(f"refused by the processor, pay it otherwise: {told}")
    return min((at for at in again if at is not None), default=None)


async def leave_refunds(tx: AsyncConnection, booking_id: str, reason: str) -> None:
    """Never again try what was prepared for a reason and refused: staff pays it otherwise."""
    for payment in await list_payments(tx, booking_id):
        await leave_refused(tx, payment.id, reason=reason)


async def carry_out(desk: Desk, operation: Operation) -> datetime | None:
    """Bring a prepared refund to its end; when to ask again, None when it is done or refused."""
    if operation.state in (OperationState.DONE, OperationState.DECLINED):
        return None
    outcome = await charge.call(desk.gateway, operation)
    async with transaction(desk.engine) as tx:
        await charge.record(tx, operation, outcome, desk.clock())
    decided = outcome.kind in (OutcomeKind.DONE, OutcomeKind.DECLINED)
    return None if decided else desk.clock() + ASK_AGAIN
