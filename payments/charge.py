"""Take a rider's money: authorise, confirm, capture, or release the hold.

Each is prepare (in your transaction) → ``call`` (no transaction) → ``record`` (in your
transaction). Preparing twice finds the first operation, so a use case may start over at any point::

    async with transaction(engine) as tx:
        operation = await prepare_authorisation(tx, ...)
    while operation:
        outcome = await call(gateway, operation)
        async with transaction(engine) as tx:
            payment = await record(tx, operation, outcome, now)
        operation = payment.next_operation

The hold's id is thus stored before the hold is confirmed. After a crash the same loop runs over
``find_open_operations``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from payments.call import call, raise_for
from payments.errors import PaymentConflictError
from payments.money import Money
from payments.operation import Operation, OperationKind, OperationState
from payments.payment import (
    PaymentState,
    find_open_operations,
    find_payment,
    get_payment,
    get_row,
    new_payment,
    operation_of,
)
from payments.postings import Split
from payments.record import (
    find_operation_row,
    get_operation_row,
    insert_operation,
    record,
    set_payment,
)
from payments.shares import splits_to_json

__all__ = [
    "Split",
    "call",
    "find_open_operations",
    "find_payment",
    "get_payment",
    "prepare_authorisation",
    "prepare_capture",
    "prepare_release",
    "raise_for",
    "record",
]


async def prepare_authorisation(
    tx: AsyncConnection,
    *,
    payment_id: str,
    booking_id: str,
    amount: Money,
    customer_ref: str,
    method: str,
    return_url: str,
    debt_id: str | None = None,
    off_session: bool = False,
    now: datetime,
) -> Operation:
    """Store a payment and the operation that creates its hold; one that collects a debt names it.

    Raises:
        ValueError: nothing to authorise; a trip that costs nothing needs no payment.
        PaymentConflictError: the id belongs to a payment with other content.
    """
    if amount.minor <= 0:
        raise ValueError(f"payment {payment_id}: cannot authorise {amount}")
    created = await new_payment(
        tx,
        id=payment_id,
        booking_id=booking_id,
        state=PaymentState.AUTHORISING.value,
        currency=amount.currency,
        amount_minor=amount.minor,
        customer_ref=customer_ref,
        method=method,
        return_url=return_url,
        debt_id=debt_id,
        off_session=off_session,
        created_at=now,
        updated_at=now,
    )
    if created is not None:
        added = await insert_operation(tx, created, OperationKind.AUTHORISE, amount.minor, now)
        return operation_of(added, created, fresh=True)
    row = await get_row(tx, payment_id, lock=True)
    asked = (booking_id, amount.minor, amount.currency, customer_ref, method)
    if asked != (row.booking_id, row.amount_minor, row.currency, row.customer_ref, row.method):
        raise PaymentConflictError(f"payment {payment_id} was begun with other content")
    begun = await get_operation_row(tx, row.id, f"{row.id}.{OperationKind.AUTHORISE}")
    return operation_of(begun, row, fresh=False)


async def prepare_capture(
    tx: AsyncConnection,
    payment_id: str,
    amount: Money,
    splits: Sequence[Split],
    *,
    now: datetime,
) -> Operation:
    """Store the operation that takes ``amount``, which is the sum of the legs' ``splits``.

    At most the hold is taken; what is beyond it becomes a receivable when this is recorded.

    Raises:
        ValueError: nothing to capture, or the splits do not add up to the amount.
        PaymentConflictError: the payment is not authorised, or is being captured otherwise.
    """
    row = await get_row(tx, payment_id, lock=True)
    if amount.minor <= 0:
        raise ValueError(f"payment {payment_id}: cannot capture {amount}; release the hold instead")
    if Money.total((split.gross for split in splits), amount.currency) != amount:
        raise ValueError(f"payment {payment_id}: the legs do not add up to {amount}")
    if amount.currency != row.currency:
        raise ValueError(f"payment {payment_id} is in {row.currency}, not {amount.currency}")
    stored = splits_to_json(splits)
    existing = await find_operation_row(tx, payment_id, f"{payment_id}.{OperationKind.CAPTURE}")
    if existing is not None:
        if existing.shares != stored:
            raise PaymentConflictError(f"payment {payment_id} is captured with other splits")
        return operation_of(existing, row, fresh=False)
    if row.state != PaymentState.AUTHORISED:
        raise PaymentConflictError(f"payment {payment_id} is {row.state}, not authorised")
    taken = min(amount.minor, row.authorised_minor)
    added = await insert_operation(tx, row, OperationKind.CAPTURE, taken, now, shares=stored)
    await set_payment(tx, payment_id, now, state=PaymentState.CAPTURING.value)
    return operation_of(added, row, fresh=True)


async def prepare_release(
    tx: AsyncConnection, payment_id: str, *, now: datetime
) -> Operation | None:
    """Store the operation that gives up the hold; None when there is none to give up.

    Works in any state before capture, also while the outcome of authorising is unknown.

    Raises:
        PaymentConflictError: the money is being taken or was taken; refund it instead.
    """
    row = await get_row(tx, payment_id, lock=True)
    if row.state in {PaymentState.RELEASED, PaymentState.DECLINED}:
        return None
    existing = await find_operation_row(tx, payment_id, f"{payment_id}.{OperationKind.CANCEL}")
    if existing is not None:
        return operation_of(existing, row, fresh=False)
    capture_id = f"{payment_id}.{OperationKind.CAPTURE}"
    capture = await find_operation_row(tx, payment_id, capture_id)
    if capture is not None and capture.state != OperationState.DECLINED:
        raise PaymentConflictError(f"payment {payment_id} is {row.state}; refund it instead")
    added = await insert_operation(tx, row, OperationKind.CANCEL, row.amount_minor, now)
    await set_payment(tx, payment_id, now, state=PaymentState.RELEASING.value)
    return operation_of(added, row, fresh=True)
