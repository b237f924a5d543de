"""Refunds that the processor made for us and that a restored database does not know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.gateway import LineCategory
from payments.money import Money
from payments.operation import Operation, OperationKind
from payments.payment import PaymentState, get_row, operation_of
from payments.record import find_operation_row, insert_operation
from payments.tables import balance_line, payment, reconciliation_match

_REFUNDABLE = (PaymentState.CAPTURED, PaymentState.PARTIALLY_REFUNDED)


@dataclass(frozen=True, slots=True)
class FoundRefund:
    """A refund under an id of ours that no operation of ours has."""

    payment_id: str
    booking_id: str
    hold_id: str
    key: str
    """What tells it from other refunds of its payment (``payments.refund``)."""
    amount: Money
    at: datetime

    @property
    def operation_id(self) -> str:
        """The id that it was made under."""
        return f"{self.payment_id}.{OperationKind.REFUND}.{self.key}"


async def list_found(tx: AsyncConnection) -> list[FoundRefund]:
    """Those of payments that we know, by the lines of all reconciliations, the oldest first."""
    of_hold = balance_line.c.hold_id == payment.c.hold_id
    matched = select(reconciliation_match.c.line_id).where(
        reconciliation_match.c.line_id == balance_line.c.id
    )
    rows = await tx.execute(
        select(balance_line, payment.c.id.label("payment_id"), payment.c.booking_id)
        .join(payment, of_hold)
        .where(
            balance_line.c.category == LineCategory.REFUND.value,
            balance_line.c.operation_id.is_not(None),
            payment.c.state.in_([state.value for state in _REFUNDABLE]),
            ~matched.exists(),
        )
        .order_by(balance_line.c.created_at, balance_line.c.id)
    )
    found = []
    for row in rows.all():
        prefix = f"{row.payment_id}.{OperationKind.REFUND}."
        if not row.operation_id.startswith(prefix):
            continue
        if await find_operation_row(tx, row.payment_id, row.operation_id) is None:
            found.append(
                FoundRefund(
                    row.payment_id,
                    row.booking_id,
                    row.hold_id,
                    row.operation_id.removeprefix(prefix),
                    Money(-row.amount_minor, row.currency),
                    row.created_at,
                )
            )
    return found


async def store_found(tx: AsyncConnection, found: FoundRefund, reason: str) -> Operation:
    """Store it as made for a reason that no leg gives, still to be read and booked."""
    of = await get_row(tx, found.payment_id, lock=True)
    added = await insert_operation(
        tx,
        of,
        OperationKind.REFUND,
        found.amount.minor,
        found.at,
        suffix=f".{found.key}",
        shares=[],
        reason=reason,
    )
    return operation_of(added, of, fresh=False)
