"""A payment and its money operations: what is stored, and reading it.

A payment is one rider's money for one booking. An operation is one effect on the processor, stored
before it is sent; its id is derived from the payment's, so preparing it twice finds the first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Row, bindparam, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.errors import PaymentNotFoundError
from payments.money import Money
from payments.operation import OPEN_STATES, Operation, OperationKind, OperationState
from payments.tables import money_operation
from payments.tables import payment as payment_table


class PaymentState(StrEnum):
    """Where a payment stands."""

    AUTHORISING = "authorising"
    REQUIRES_ACTION = "requires_action"
    """The rider must visit ``redirect_url``."""
    PROCESSING = "processing"
    """A debit is on its way; days later it has come or failed."""
    AUTHORISED = "authorised"
    CAPTURING = "capturing"
    CAPTURED = "captured"
    RELEASING = "releasing"
    RELEASED = "released"
    REFUNDED = "refunded"
    PARTIALLY_REFUNDED = "partially_refunded"
    DECLINED = "declined"
    UNKNOWN = "unknown"
    """An operation was sent and not answered; it stays open until a reading decides it."""


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment as it stands. ``next_operation`` is what ``record`` says to call next, if any."""

    id: str
    booking_id: str
    state: PaymentState
    amount: Money
    """What was asked to be held."""
    authorised: Money
    captured: Money
    refunded: Money
    compensated: Money
    """Of what was refunded, what no leg gives back: a carrier bears it, or we do."""
    receivable: Money
    """Ridden but beyond what could be captured; the rider owes it."""
    customer_ref: str
    hold_id: str | None
    redirect_url: str | None
    decline_code: str | None
    capture_before: datetime | None
    debt_id: str | None = None
    """The debt that this payment collects."""
    paid_with: str | None = None
    """The card or account as the rider reads it, once it has been charged."""
    next_operation: Operation | None = None


def payment_of(row: Row[tuple[object, ...]], next_operation: Operation | None = None) -> Payment:
    """The payment a row of ``payment`` holds."""

    def money(minor: int) -> Money:
        return Money(minor, row.currency)

    return Payment(
        row.id,
        row.booking_id,
        PaymentState(row.state),
        money(row.amount_minor),
        money(row.authorised_minor),
        money(row.captured_minor),
        money(row.refunded_minor),
        money(row.compensated_minor),
        money(row.receivable_minor),
        row.customer_ref,
        row.hold_id,
        row.redirect_url,
        row.decline_code,
        row.capture_before,
        row.debt_id,
        row.paid_with,
        next_operation,
    )


def operation_of(
    row: Row[tuple[object, ...]], of: Row[tuple[object, ...]], *, fresh: bool
) -> Operation:
    """The operation a row of ``money_operation`` holds, of the payment in row ``of``."""
    return Operation(
        id=row.id,
        payment_id=row.payment_id,
        booking_id=of.booking_id,
        kind=OperationKind(row.kind),
        state=OperationState(row.state),
        amount=Money(row.amount_minor, row.currency),
        attempt=row.attempt,
        fresh=fresh,
        first_sent_at=row.first_sent_at,
        customer_ref=of.customer_ref,
        method=of.method,
        return_url=of.return_url,
        hold_id=of.hold_id,
        off_session=of.off_session,
        debt_id=of.debt_id,
        reason=row.reason,
        psp_id=row.psp_id,
        error_code=row.error_code,
        decided_at=row.decided_at,
    )


_PAYMENT = select(payment_table).where(payment_table.c.id == bindparam("payment_id"))
"""Made once, as it is asked most."""
_LOCKED_PAYMENT = _PAYMENT.with_for_update()
_NEW_PAYMENT = insert(payment_table).on_conflict_do_nothing().returning(*payment_table.c)


async def new_payment(tx: AsyncConnection, **columns: object) -> Row[tuple[object, ...]] | None:
    """Store a payment; returns its row, or None when there is one by that id already."""
    return (await tx.execute(_NEW_PAYMENT, columns)).first()


async def get_row(
    tx: AsyncConnection, payment_id: str, *, lock: bool = False
) -> Row[tuple[object, ...]]:
    """The payment's row, locked until the transaction ends if asked.

    Raises:
        PaymentNotFoundError: no such payment.
    """
    query = _LOCKED_PAYMENT if lock else _PAYMENT
    row = (await tx.execute(query, {"payment_id": payment_id})).first()
    if row is None:
        raise PaymentNotFoundError(f"there is no payment {payment_id}")
    return row


async def get_payment(tx: AsyncConnection, payment_id: str) -> Payment:
    """A payment.

    Raises:
        PaymentNotFoundError: no such payment.
    """
    return payment_of(await get_row(tx, payment_id))


async def find_payment(tx: AsyncConnection, payment_id: str) -> Payment | None:
    """A payment, if there is one by that id."""
    row = (await tx.execute(_PAYMENT, {"payment_id": payment_id})).first()
    return None if row is None else payment_of(row)


async def list_payments(tx: AsyncConnection, booking_id: str) -> tuple[Payment, ...]:
    """A booking's payments, oldest first."""
    rows = await tx.execute(
        select(payment_table)
        .where(payment_table.c.booking_id == booking_id)
        .order_by(payment_table.c.created_at, payment_table.c.id)
    )
    return tuple(payment_of(row) for row in rows)


_OPERATIONS = select(money_operation).where(money_operation.c.payment_id == bindparam("payment_id"))


async def list_operations(tx: AsyncConnection, payment_id: str) -> tuple[Operation, ...]:
    """A payment's operations, in the order they were prepared."""
    of = await get_row(tx, payment_id)
    rows = await tx.execute(_OPERATIONS, {"payment_id": payment_id})
    return _in_order(operation_of(row, of, fresh=False) for row in rows)


async def get_operation(tx: AsyncConnection, operation_id: str) -> Operation:
    """An operation of any payment.

    Raises:
        PaymentNotFoundError: there is none of that id.
    """
    mine = select(money_operation).where(money_operation.c.id == operation_id)
    row = (await tx.execute(mine)).first()
    if row is None:
        raise PaymentNotFoundError(f"there is no operation {operation_id}")
    return operation_of(row, await get_row(tx, row.payment_id), fresh=False)


def _in_order(operations: Iterable[Operation]) -> tuple[Operation, ...]:
    place = {kind: index for index, kind in enumerate(OperationKind)}
    return tuple(
        sorted(operations, key=lambda each: (each.first_sent_at, place[each.kind], each.id))
    )


async def find_open_operations(tx: AsyncConnection, payment_id: str) -> tuple[Operation, ...]:
    """The operations whose outcome is not settled, to be called and recorded again.

    While a hold is being released only that operation is listed: it settles the earlier ones.
    """
    rows = await tx.execute(_OPERATIONS, {"payment_id": payment_id})
    still_open = [row for row in rows if row.state in OPEN_STATES]
    if not still_open:
        return ()
    of = await get_row(tx, payment_id)
    found = _in_order(operation_of(row, of, fresh=False) for row in still_open)
    release = tuple(each for each in found if each.kind is OperationKind.CANCEL)
    return release or found


async def list_stale_payments(
    tx: AsyncConnection,
    now: datetime,
    *,
    older_than: timedelta,
    lapse_within: timedelta,
    debits_older_than: timedelta,
) -> tuple[str, ...]:
    """Payments that need looking at though nobody told us: the poller's list, oldest first.

    Those with an operation open for longer than ``older_than``, holds that lapse within
    ``lapse_within``, and debits on their way that were last looked at ``debits_older_than`` ago.
    """
    impatient = set(OPEN_STATES) - {OperationState.PROCESSING}
    forgotten = (
        select(money_operation.c.payment_id)
        .where(
            money_operation.c.state.in_([state.value for state in impatient]),
            money_operation.c.first_sent_at < now - older_than,
        )
        .scalar_subquery()
    )
    rows = await tx.execute(
        select(payment_table.c.id)
        .where(
            or_(
                payment_table.c.id.in_(forgotten),
                (payment_table.c.state == PaymentState.AUTHORISED.value)
                & (payment_table.c.capture_before < now + lapse_within),
                (payment_table.c.state == PaymentState.PROCESSING.value)
                & (payment_table.c.updated_at < now - debits_older_than),
            )
        )
        .order_by(payment_table.c.updated_at, payment_table.c.id)
    )
    return tuple(rows.scalars())
