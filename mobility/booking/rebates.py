"""What goes back to a rider at our own expense once her trip is settled: the refund's call."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.booking.desk import Desk
from mobility.db import transaction
from payments import charge
from payments.debt import list_debts
from payments.operation import Operation, OperationState, OutcomeKind
from payments.payment import find_payment

ASK_AGAIN = timedelta(seconds=15)


async def find_charged(tx: AsyncConnection, payment_id: str) -> str | None:
    """The payment that a trip was charged by: its own, or the later charge where the hold was gone.

    Returns:
        None where nothing was charged, or something is still owed; asked for again when that is
        paid, or turns out to be too little to be charged.
    """
    mine = await find_payment(tx, payment_id)
    debts = await list_debts(tx, [payment_id])
    if mine is None or any(debt.is_due for debt in debts):
        return None
    later = [debt.charge_id for debt in debts if debt.id == payment_id and not mine.captured]
    if not later:
        return payment_id
    return later[0] if await find_payment(tx, later[0]) is not None else None


async def carry_out(desk: Desk, operation: Operation) -> datetime | None:
    """Bring a prepared refund to its end.

    Returns:
        When to ask again, or None when it is done or was refused.
    """
    if operation.state in (OperationState.DONE, OperationState.DECLINED):
        return None
    outcome = await charge.call(desk.gateway, operation)
    async with transaction(desk.engine) as tx:
        await charge.record(tx, operation, outcome, desk.clock())
    decided = outcome.kind in (OutcomeKind.DONE, OutcomeKind.DECLINED)
    return None if decided else desk.clock() + ASK_AGAIN
