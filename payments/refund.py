"""Give captured money back, in whole or in part: prepare here, then ``charge.call``, ``record``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.call import REFUND_FAILED
from payments.errors import PaymentConflictError
from payments.gateway import DisputeState
from payments.money import Money
from payments.operation import OPEN_STATES, Operation, OperationKind, OperationState
from payments.payment import PaymentState, get_row, operation_of
from payments.postings import refund_shares
from payments.record import insert_operation
from payments.shares import shares_of_json, shares_to_json, splits_of_json
from payments.tables import debt, dispute, money_operation, payment


async def prepare_refund(
    tx: AsyncConnection,
    payment_id: str,
    amount: Money,
    reason: str,
    *,
    key: str = "all",
    legs: Collection[str] | None = None,
    now: datetime,
) -> Operation:
    """Store the operation that gives ``amount`` back, shared over ``legs`` (or all) in proportion.

    ``key`` tells a payment's refunds apart (a leg's id, say); the same key again finds the first.

    Raises:
        PaymentConflictError: not captured, more than is left of what was captured (refunds under
            way count), or the key was used for another amount.
    """
    row = await get_row(tx, payment_id, lock=True)
    rows = (
        await tx.execute(
            select(money_operation)
            .where(money_operation.c.payment_id == payment_id)
            .order_by(money_operation.c.first_sent_at, money_operation.c.id)
        )
    ).all()
    wanted = f"{payment_id}.{OperationKind.REFUND}.{key}"
    existing = next((each for each in rows if each.id == wanted), None)
    if existing is not None:
        if existing.amount_minor != amount.minor:
            raise PaymentConflictError(f"{wanted} is a refund of another amount")
        return operation_of(existing, row, fresh=False)
    if row.state not in {PaymentState.CAPTURED, PaymentState.PARTIALLY_REFUNDED}:
        raise PaymentConflictError(f"payment {payment_id} is {row.state}; nothing to refund")
    counted = [
        each
        for each in rows
        if each.kind == OperationKind.REFUND and each.state in {*OPEN_STATES, OperationState.DONE}
    ]
    left = row.captured_minor - sum(each.amount_minor for each in counted)
    if not 0 < amount.minor <= left or amount.currency != row.currency:
        raise PaymentConflictError(
            f"payment {payment_id}: cannot refund {amount}, {Money(left, row.currency)} is left"
        )
    capture = next((each for each in rows if each.kind == OperationKind.CAPTURE), None)
    if capture is None:
        raise PaymentConflictError(f"payment {payment_id} was not captured by us")
    earlier = [share for each in counted for share in shares_of_json(each.shares, row.currency)]
    splits = splits_of_json(capture.shares, row.currency)
    shares = refund_shares(amount, splits, earlier, legs)
    added = await insert_operation(
        tx,
        row,
        OperationKind.REFUND,
        amount.minor,
        now,
        suffix=f".{key}",
        shares=shares_to_json(shares),
        reason=reason,
    )
    return operation_of(added, row, fresh=True)


CAME_BACK = "refund_came_back"
"""Error code of a refund that came back days after it had been made."""
PAID_OTHERWISE = "paid_otherwise"
"""Error code of a refund that was refused, and that is paid by other means."""
IN_VAIN = (CAME_BACK, REFUND_FAILED)
"""Refunds that the processor made and that came back; it shows them as failed for ever."""
NOT_AGAIN = (*IN_VAIN, PAID_OTHERWISE)
"""Refunds that are not tried again: a person pays them."""
GUARANTEE, REBATE, REBOOKING, GOODWILL = "guarantee", "rebate", "rebooking", "goodwill"
"""Why money goes back that no leg gives: a carrier's guarantee, or at our expense, beyond a day's
ceiling, beyond the price that was locked when a trip was rebooked, or because staff grants it."""
BOOKING_LOST = "booking_lost"
"""Why all that was not ridden goes back of a booking that a restore lost."""
COMPENSATIONS = (GUARANTEE, REBATE, REBOOKING, GOODWILL)


async def prepare_compensation(
    tx: AsyncConnection, payment_id: str, most: Money, *, reason: str, key: str, now: datetime
) -> Operation | None:
    """Store the operation that gives back up to ``most``, and that no leg gives back.

    A ``GUARANTEE`` is booked against what was booked when the carrier accepted
    (``payments.claims``), the others are our expense. The same key again finds the first. Others
    that were refused count as given back: a person pays them otherwise; but for a guarantee.

    Returns:
        None where nothing of the payment is left to give back, or a bank took it back for good: the
        processor refuses to refund such a one, and what was paid for it since is another payment.
    """
    row = await get_row(tx, payment_id, lock=True)
    rows = (
        await tx.execute(
            select(money_operation).where(
                money_operation.c.payment_id == payment_id,
                money_operation.c.kind == OperationKind.REFUND.value,
            )
        )
    ).all()
    wanted = f"{payment_id}.{OperationKind.REFUND}.{key}"
    existing = next((each for each in rows if each.id == wanted), None)
    if existing is not None:
        return operation_of(existing, row, fresh=False)
    left = row.captured_minor - sum(each.amount_minor for each in rows if _goes_back(each))
    part = min(left, most.minor)
    if row.state not in {PaymentState.CAPTURED, PaymentState.PARTIALLY_REFUNDED} or part <= 0:
        return None
    lost = (dispute.c.payment_id == payment_id, dispute.c.state == DisputeState.LOST.value)
    if await tx.scalar(select(dispute.c.id).where(*lost)) is not None:
        return None
    added = await insert_operation(
        tx, row, OperationKind.REFUND, part, now, suffix=f".{key}", shares=[], reason=reason
    )
    return operation_of(added, row, fresh=True)


async def find_kept(tx: AsyncConnection, payment_ids: Sequence[str], currency: str) -> Money:
    """What a rider has paid by a trip's payments in all, and that does not go back to her.

    What she paid again after a bank had taken it back counts once, whatever became of the dispute;
    what a carrier guarantees is beside it.
    Payments keep to each other by the first one, which is locked.
    """
    await get_row(tx, payment_ids[0], lock=True)
    captured = select(func.sum(payment.c.captured_minor)).where(payment.c.id.in_(payment_ids))
    again = (
        select(func.coalesce(func.sum(debt.c.amount_minor), 0))
        .join(dispute, dispute.c.id == debt.c.id)
        .where(dispute.c.payment_id.in_(payment_ids))
    )
    refunds = select(money_operation).where(
        money_operation.c.payment_id.in_(payment_ids),
        money_operation.c.kind == OperationKind.REFUND.value,
        money_operation.c.reason != GUARANTEE,
    )
    back = sum(each.amount_minor for each in await tx.execute(refunds) if _goes_back(each))
    paid = (await tx.execute(captured)).scalar_one() - (await tx.execute(again)).scalar_one()
    return Money(int(paid) - back, currency)


def _goes_back(row: Row[tuple[object, ...]]) -> bool:
    """Whether a refund goes back, also otherwise; what legs give and is refused is asked anew.

    Of a guarantee that was refused finance transfers all, by its claim: no payment gives it.
    """
    if row.state != OperationState.DECLINED or row.error_code == CAME_BACK:
        return True
    if row.reason == GUARANTEE:
        return False
    return row.reason in COMPENSATIONS or row.error_code in NOT_AGAIN


async def list_refused(tx: AsyncConnection, payment_id: str) -> list[Row[tuple[object, ...]]]:
    """The refunds that were refused and are still due.

    Of those that legs give the last one, unless it was made: it is for all that the trip should not
    have cost by then, what was refused before included.
    """
    query = (
        select(money_operation)
        .where(
            money_operation.c.payment_id == payment_id,
            money_operation.c.kind == OperationKind.REFUND.value,
        )
        .order_by(money_operation.c.first_sent_at, money_operation.c.id)
    )
    rows = (await tx.execute(query)).all()
    of_legs = [row for row in rows if row.reason not in COMPENSATIONS]
    last = [*of_legs[-1:], *(row for row in rows if row.reason in COMPENSATIONS)]
    declined = OperationState.DECLINED.value
    return [row for row in last if row.state == declined and row.error_code not in NOT_AGAIN]


async def try_refused_again(
    tx: AsyncConnection, payment_id: str, *, reason: str | None = None
) -> int:
    """Open the refunds that were refused and are still due once more; returns how many.

    Only those that were made for ``reason``, where one is given. Each is then read first and sent
    under the key of a new attempt.
    """
    refused = await list_refused(tx, payment_id)
    due = [row.id for row in refused if reason is None or row.reason == reason]
    opened = await tx.execute(
        update(money_operation)
        .where(*_refused(payment_id), money_operation.c.id.in_(due))
        .values(
            state=OperationState.SENT.value,
            attempt=money_operation.c.attempt + 1,
            decided_at=None,
        )
        .returning(money_operation.c.id)
    )
    return len(opened.all())


async def leave_refused(tx: AsyncConnection, payment_id: str, *, reason: str) -> None:
    """Never again try the refunds of that reason that were refused: they are paid otherwise."""
    await tx.execute(
        update(money_operation)
        .where(*_refused(payment_id), money_operation.c.reason == reason)
        .values(error_code=PAID_OTHERWISE)
    )


def _refused(payment_id: str) -> tuple[ColumnElement[bool], ...]:
    return (
        money_operation.c.payment_id == payment_id,
        money_operation.c.kind == OperationKind.REFUND.value,
        money_operation.c.state == OperationState.DECLINED.value,
        func.coalesce(money_operation.c.error_code, "").not_in(NOT_AGAIN),
    )
