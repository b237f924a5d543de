"""Refunds that came back days after they were made (Stripe: ``refund_failure``).

The bank of a closed account sends the money back to the processor. What the refund had booked is
reversed; that the rider still has to get her money is a case, which a person settles.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from payments import ledger
from payments.matching import Case, CaseKind
from payments.money import Money
from payments.operation import OperationKind, OperationState
from payments.payment import PaymentState, get_row
from payments.postings import JournalKind
from payments.record import set_payment
from payments.refund import CAME_BACK, COMPENSATIONS
from payments.tables import journal, money_operation, payment


async def take_refund_back(tx: AsyncConnection, refund_id: str, now: datetime) -> None:
    """Reverse what the processor's refund had booked, and count it as not made. Once."""
    row = (
        await tx.execute(
            select(money_operation).where(
                money_operation.c.psp_id == refund_id,
                money_operation.c.kind == OperationKind.REFUND.value,
                money_operation.c.state == OperationState.DONE.value,
            )
        )
    ).first()
    if row is None:
        return
    of = await get_row(tx, row.payment_id, lock=True)
    keys = await tx.scalars(
        select(journal.c.idem_key).where(
            journal.c.operation_id == row.id,
            journal.c.kind.not_in([JournalKind.FEE.value, JournalKind.REVERSAL.value]),
        )
    )
    for key in list(keys):
        await ledger.reverse(tx, key, memo=f"refund {refund_id} came back", now=now)
    await tx.execute(
        update(money_operation)
        .where(money_operation.c.payment_id == row.payment_id, money_operation.c.id == row.id)
        .values(state=OperationState.DECLINED.value, error_code=CAME_BACK, decided_at=now)
    )
    left = of.refunded_minor - row.amount_minor
    state = PaymentState.PARTIALLY_REFUNDED if left else PaymentState.CAPTURED
    compensation = row.amount_minor if row.reason in COMPENSATIONS else 0
    await set_payment(
        tx,
        of.id,
        now,
        state=state.value,
        refunded_minor=left,
        compensated_minor=of.compensated_minor - compensation,
    )


async def list_failed_refunds(tx: AsyncConnection) -> list[Case]:
    """A case for each refund that came back."""
    rows = await tx.execute(
        select(money_operation, payment.c.booking_id)
        .join(payment, payment.c.id == money_operation.c.payment_id)
        .where(money_operation.c.error_code == CAME_BACK)
        .order_by(money_operation.c.id)
    )
    return [
        Case(
            CaseKind.REFUND_FAILED,
            row.id,
            Money(row.amount_minor, row.currency),
            f"refund {row.psp_id} came back: the rider's account is closed; pay her otherwise",
            row.booking_id,
        )
        for row in rows
    ]
