"""Collect what a rider owes: prepare a charge here, then ``charge.call`` and ``charge.record``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from payments import ledger, postings
from payments.charge import prepare_authorisation, prepare_release
from payments.debt import (
    Debt,
    DebtAct,
    DebtState,
    decide,
    get_debt,
    leave,
    lessen,
    open_debt,
    set_debt,
)
from payments.errors import PaymentConflictError
from payments.money import Money
from payments.operation import Operation, OperationKind, OperationState
from payments.payment import (
    PaymentState,
    find_open_operations,
    find_payment,
    get_row,
    new_payment,
    operation_of,
)
from payments.postings import Split, refund_shares
from payments.record import (
    find_operation_row,
    get_operation_row,
    insert_operation,
    set_payment,
)
from payments.shares import shares_of_json, splits_of_json
from payments.tables import money_operation


async def book_owed(
    tx: AsyncConnection,
    *,
    payment_id: str,
    booking_id: str,
    splits: Sequence[Split],
    customer_ref: str,
    method: str,
    return_url: str,
    now: datetime,
) -> None:
    """Book a ride that nothing was authorised for: all of it is owed. Once for each payment."""
    owed = Money.total(split.gross for split in splits)
    origin = postings.Origin(booking_id, payment_id, f"{payment_id}.owed")
    drafts = postings.captured(origin, Money.zero(owed.currency), splits)
    created = await new_payment(
        tx,
        id=payment_id,
        booking_id=booking_id,
        state=PaymentState.RELEASED.value,
        currency=owed.currency,
        amount_minor=owed.minor,
        receivable_minor=owed.minor,
        customer_ref=customer_ref,
        method=method,
        return_url=return_url,
        created_at=now,
        updated_at=now,
    )
    if created is None:
        return
    await ledger.append_all(tx, drafts, event_at=now, now=now)
    await open_debt(tx, payment_id, booking_id, owed, now)


async def prepare_charge(
    tx: AsyncConnection,
    debt: Debt,
    *,
    method: str | None = None,
    return_url: str | None = None,
    now: datetime,
) -> Operation:
    """Begin to charge what is left of a debt, whose row the caller holds locked.

    Without ``method`` with the one of the payment that fell short, and without the rider.

    Raises:
        PaymentConflictError: it is paid or being charged, or too little for the processor.
    """
    if debt.state in (DebtState.PAID, DebtState.COLLECTING, DebtState.PROCESSING):
        raise PaymentConflictError(f"debt {debt.id} is {debt.state}")
    if not debt.chargeable:
        raise PaymentConflictError(
            f"debt {debt.id}: {debt.left} are less than can be charged, and need not be paid"
        )
    short = await get_row(tx, debt.payment_id)
    await set_debt(tx, debt.id, now, state=DebtState.COLLECTING.value, attempts=debt.attempts + 1)
    return await prepare_authorisation(
        tx,
        payment_id=(await get_debt(tx, debt.id)).charge_id,
        booking_id=debt.booking_id,
        amount=debt.left,
        customer_ref=short.customer_ref,
        method=method or short.method,
        return_url=return_url or short.return_url,
        debt_id=debt.id,
        off_session=method is None,
        now=now,
    )


async def prepare_next(tx: AsyncConnection, debt_id: str, now: datetime) -> Operation | None:
    """Decide what is next for a debt and store it; None when it rests."""
    debt = await get_debt(tx, debt_id, lock=True)
    charge = await find_payment(tx, debt.charge_id)
    under_way = [] if charge is None else await find_open_operations(tx, charge.id)
    match decide(debt, charge, under_way, now):
        case DebtAct.CHARGE:
            return await prepare_charge(tx, debt, now=now)
        case DebtAct.CALL:
            return under_way[0]
        case DebtAct.TAKE:
            return await _prepare_take(tx, debt.charge_id, now) or await prepare_release(
                tx, debt.charge_id, now=now
            )
        case DebtAct.GIVE_UP:
            return await prepare_release(tx, debt.charge_id, now=now)
        case DebtAct.LEAVE:
            because = "amount_too_small" if charge is None else charge.decline_code
            await leave(tx, debt_id, because, now)
    return None


async def _prepare_take(tx: AsyncConnection, charge_id: str, now: datetime) -> Operation | None:
    """The capture of a debt's charge; None when the processor has refused it for good.

    A debit that has come is captured already, and never lapsed: the operation only reads it.
    """
    of = await get_row(tx, charge_id, lock=True)
    operation_id = f"{charge_id}.{OperationKind.CAPTURE}"
    if await find_operation_row(tx, charge_id, operation_id) is not None:
        return None
    added = await insert_operation(tx, of, OperationKind.CAPTURE, of.authorised_minor, now)
    await set_payment(tx, charge_id, now, state=PaymentState.CAPTURING.value)
    return operation_of(added, of, fresh=of.capture_before is not None)


async def waive(tx: AsyncConnection, debt_id: str, now: datetime) -> None:
    """Forgive a debt that nobody has tried to collect: book it away, and forget it.

    To be called when all that was taken is refunded, so that each leg comes to zero exactly.

    Raises:
        PaymentConflictError: a charge for it was begun.
    """
    await get_row(tx, debt_id, lock=True)
    debt = await get_debt(tx, debt_id, lock=True)
    if debt.state is not DebtState.OPEN:
        raise PaymentConflictError(f"debt {debt_id} is {debt.state}")
    await _forgive(tx, debt, debt.left, None, now)


async def waive_part(
    tx: AsyncConnection, debt_id: str, amount: Money, legs: Collection[str] | None, now: datetime
) -> bool:
    """Forgive what a payment fell short by for legs that cost nothing after all (None: all).

    Returns:
        False where not so much is owed any more, as it was paid or is being paid.
    """
    await get_row(tx, debt_id, lock=True)
    debt = await get_debt(tx, debt_id, lock=True)
    if debt.state not in (DebtState.OPEN, DebtState.ARREARS) or debt.left < amount:
        return False
    await _forgive(tx, debt, amount, legs, now)
    return True


async def _forgive(
    tx: AsyncConnection, debt: Debt, amount: Money, legs: Collection[str] | None, now: datetime
) -> None:
    of = await get_row(tx, debt.id, lock=True)
    capture = await get_operation_row(tx, debt.id, f"{debt.id}.{OperationKind.CAPTURE}")
    refunds = await tx.execute(
        select(money_operation.c.shares).where(
            money_operation.c.payment_id == debt.id,
            money_operation.c.kind == OperationKind.REFUND.value,
            money_operation.c.state == OperationState.DONE.value,
        )
    )
    earlier = [share for row in refunds for share in shares_of_json(row.shares, of.currency)]
    shares = refund_shares(amount, splits_of_json(capture.shares, of.currency), earlier, legs)
    origin = postings.Origin(debt.booking_id, debt.id, f"{debt.id}.waived")
    await ledger.append_all(tx, postings.waived(origin, shares), event_at=now, now=now)
    await set_payment(tx, debt.id, now, receivable_minor=of.receivable_minor - amount.minor)
    await lessen(tx, debt, amount, now)
