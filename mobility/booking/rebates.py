"""What goes back to a rider at our own expense once her trip is settled: the refund's call."""

from __future__ import annotations

from datetime import datetime, timedelta

from mobility.booking.desk import Desk
from mobility.db import transaction
from payments import charge
from payments.operation import Operation, OperationState, OutcomeKind

ASK_AGAIN = timedelta(seconds=15)


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
