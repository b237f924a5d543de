"""Refunds that a person has to pay: that came back, or were refused and given up.

The bank of a closed account sends a refund back to the processor days after it was made (Stripe:
``refund_failure``). What it had booked is reversed. That the rider still has to get her money is a
case, until a person says that it was transferred.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from payments import ledger, postings
from payments.accounts import Role
from payments.call import REFUND_FAILED
from payments.cases import close_case
from payments.errors import PaymentNotFoundError
from payments.matching import Case, CaseKind
from payments.money import Money
from payments.operation import OPEN_STATES, OperationKind, OperationState
from payments.payment import PaymentState, get_row
from payments.postings import JournalKind, Origin
from payments.record import given_by_no_leg, set_payment
from payments.refund import BOOKING_LOST, CAME_BACK, COMPENSATIONS, GUARANTEE, PAID_OTHERWISE
from payments.shares import shares_of_json
from payments.tables import journal, money_operation, payment

_SEEN_TO = money_operation.c.reason.in_((GUARANTEE, BOOKING_LOST))
"""What was never made of these, a claim or the case of a lost booking sees to."""
_NEVER_MADE = and_(money_operation.c.error_code.in_((PAID_OTHERWISE, REFUND_FAILED)), ~_SEEN_TO)
_LATER = money_operation.alias("later")
_ASKED_ANEW = (
    select(_LATER.c.id)
    .where(
        _LATER.c.payment_id == money_operation.c.payment_id,
        _LATER.c.kind == OperationKind.REFUND.value,
        _LATER.c.reason.not_in(COMPENSATIONS),
        money_operation.c.reason.not_in(COMPENSATIONS),
        _LATER.c.first_sent_at > money_operation.c.decided_at,
    )
    .exists()
)
"""What legs give back after one of theirs came back is with all that it was for."""
_TO_BE_PAID = and_(or_(money_operation.c.error_code == CAME_BACK, _NEVER_MADE), ~_ASKED_ANEW)


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


class Transferred(NamedTuple):
    """A refund that a person has paid."""

    amount: Money
    booking_id: str


async def transfer_by_hand(tx: AsyncConnection, operation_id: str, now: datetime) -> Transferred:
    """Book that the rider has been transferred a refund from our bank by hand: it is made.

    Raises:
        PaymentNotFoundError: no refund of that id is to be paid by hand, or it was already.
    """
    to_pay = select(money_operation).where(money_operation.c.id == operation_id, _TO_BE_PAID)
    found = (await tx.execute(to_pay)).first()
    of = None if found is None else await get_row(tx, found.payment_id, lock=True)
    row = (await tx.execute(to_pay)).first()  # nobody else has transferred it meanwhile
    if of is None or row is None:
        raise PaymentNotFoundError(
            f"no refund {operation_id} came back, or was given up, that is to be paid by hand"
        )
    origin, amount = Origin(of.booking_id, of.id, row.id), Money(row.amount_minor, row.currency)
    shares = shares_of_json(row.shares, row.currency)
    compensation = row.reason in COMPENSATIONS
    drafts = (
        given_by_no_leg(origin, amount, row.reason, Role.BANK)
        if compensation
        else postings.refunded(origin, shares, source=Role.BANK)
    )
    for draft in drafts:
        by_hand = replace(draft, key=f"{draft.key}:by hand")
        await ledger.append(tx, by_hand, event_at=now, now=now)
    await tx.execute(
        update(money_operation)
        .where(money_operation.c.payment_id == of.id, money_operation.c.id == row.id)
        .values(state=OperationState.DONE.value, error_code=None, decided_at=now)
    )
    back = of.refunded_minor + amount.minor
    whole = back == of.captured_minor
    await set_payment(
        tx,
        of.id,
        now,
        state=(PaymentState.REFUNDED if whole else PaymentState.PARTIALLY_REFUNDED).value,
        refunded_minor=back,
        compensated_minor=of.compensated_minor + (amount.minor if compensation else 0),
    )
    await close_case(tx, operation_id, (CaseKind.REFUND_FAILED,), now)
    return Transferred(amount, of.booking_id)


async def list_not_yet_back(tx: AsyncConnection, booking_ids: Collection[str]) -> set[str]:
    """Those of these bookings of which a refund is under way, or is a person's to pay."""
    under_way = and_(
        money_operation.c.kind == OperationKind.REFUND.value,
        money_operation.c.state.in_(OPEN_STATES),
    )
    found = await tx.scalars(
        select(payment.c.booking_id)
        .join(money_operation, money_operation.c.payment_id == payment.c.id)
        .where(payment.c.booking_id.in_(booking_ids), or_(under_way, _TO_BE_PAID))
    )
    return set(found)


async def list_failed_refunds(tx: AsyncConnection) -> list[Case]:
    """A case for each refund that a person has to pay."""
    rows = await tx.execute(
        select(money_operation, payment.c.booking_id)
        .join(payment, payment.c.id == money_operation.c.payment_id)
        .where(_TO_BE_PAID)
        .order_by(money_operation.c.id)
    )
    return [
        Case(
            CaseKind.REFUND_FAILED,
            row.id,
            Money(row.amount_minor, row.currency),
            f"refund {row.psp_id} came back: the rider's account is closed; transfer it to another"
            if row.error_code != PAID_OTHERWISE
            else f"the processor refused this refund ({row.reason}) and staff gave it up: transfer "
            "it to the rider",
            row.booking_id,
        )
        for row in rows
    ]
