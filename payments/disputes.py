"""Disputes: what a cardholder's bank took back, kept as the processor has it.

The money is booked from the processor's lines (``payments.reconcile``); here is what the dispute
itself says. While it is open it is a case; lost, the rider owes what she had ridden.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Row, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from payments import ledger, postings
from payments.accounts import Role
from payments.debt import DebtState, get_debt, leave, lessen, open_debt
from payments.gateway import Dispute, DisputeState
from payments.matching import Case, CaseKind
from payments.money import Money
from payments.operation import OperationState
from payments.payment import Payment, PaymentState, get_row, payment_of
from payments.record import get_operation_row, given_by_no_leg, set_payment
from payments.refund import COMPENSATIONS, IN_VAIN, list_refused, prepare_refund
from payments.shares import shares_of_json
from payments.tables import debt, journal_key, money_operation, payment
from payments.tables import dispute as dispute_table

LOST = "dispute_lost"
"""Why such a debt is left to the rider: her bank would take another charge back as well."""


async def record_disputes(
    tx: AsyncConnection, disputes: Sequence[Dispute], now: datetime
) -> list[Case]:
    """Store what the processor says of disputes; the cases that they are for a person.

    One that was lost becomes a debt in arrears, once. One about a hold that we do not know stays a
    case until a person closes it.
    """
    cases = []
    for found in disputes:
        of = await _payment_of(tx, found.hold_id)
        await _store(tx, found, of, now)
        case = await _case_of(tx, found, of, now)
        if case is not None:
            cases.append(case)
    return cases


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What a bank took back for good, and when."""

    dispute_id: str
    at: datetime
    amount: Money


_INSTEAD_OF_REFUNDS = (
    select(func.coalesce(func.sum(money_operation.c.amount_minor), 0))
    .where(
        money_operation.c.payment_id == dispute_table.c.payment_id,
        money_operation.c.psp_id == dispute_table.c.id,
        money_operation.c.reason.not_in(COMPENSATIONS),
    )
    .scalar_subquery()
)
"""What of a dispute counts as refunds of legs that were made: they are named by the dispute."""
_FOR_GOOD = func.coalesce(debt.c.amount_minor, 0) + _INSTEAD_OF_REFUNDS
_LOST = (
    select(
        dispute_table.c.id,
        dispute_table.c.created_at,
        dispute_table.c.currency,
        _FOR_GOOD.label("amount_minor"),
    )
    .outerjoin(debt, debt.c.id == dispute_table.c.id)
    .where(dispute_table.c.booking_id == bindparam("of_booking"), _FOR_GOOD > 0)
)


async def list_lost(tx: AsyncConnection, booking_id: str) -> list[TakenBack]:
    """What disputes about a booking that were lost took back; in any order.

    It is owed again, or forgiven where it was to go back anyway. Without what no leg gives: that
    stays a refund by its own name.
    """
    rows = await tx.execute(_LOST, {"of_booking": booking_id})
    return [
        TakenBack(row.id, row.created_at, Money(int(row.amount_minor), row.currency))
        for row in rows
    ]


async def sum_taken_back(tx: AsyncConnection, booking_ids: Collection[str]) -> dict[str, Money]:
    """What banks took back for bookings, by booking: in question, or lost and not paid again."""
    owed = dispute_table.c.amount_minor - func.coalesce(debt.c.paid_minor, 0)
    total = func.sum(owed)
    taken = (DisputeState.OPEN.value, DisputeState.LOST.value)
    rows = await tx.execute(
        select(dispute_table.c.booking_id, dispute_table.c.currency, total.label("minor"))
        .outerjoin(debt, debt.c.id == dispute_table.c.id)
        .where(dispute_table.c.booking_id.in_(booking_ids), dispute_table.c.state.in_(taken))
        .group_by(dispute_table.c.booking_id, dispute_table.c.currency)
        .having(total > 0)
    )
    return {row.booking_id: Money(int(row.minor), row.currency) for row in rows}


async def list_in_question(tx: AsyncConnection, booking_ids: Collection[str]) -> set[str]:
    """Those of these bookings that have an open dispute: a bank may decide it either way."""
    found = await tx.scalars(
        select(dispute_table.c.booking_id).where(
            dispute_table.c.booking_id.in_(booking_ids),
            dispute_table.c.state == DisputeState.OPEN.value,
        )
    )
    return set(found)


async def _payment_of(tx: AsyncConnection, hold_id: str | None) -> Payment | None:
    if hold_id is None:
        return None
    row = (await tx.execute(select(payment).where(payment.c.hold_id == hold_id))).first()
    return None if row is None else payment_of(row)


async def _store(tx: AsyncConnection, found: Dispute, of: Payment | None, now: datetime) -> None:
    changing = {
        "state": found.state.value,
        "amount_minor": found.amount.minor,
        "answer_by": found.answer_by,
        "updated_at": now,
    }
    await tx.execute(
        insert(dispute_table)
        .values(
            id=found.id,
            payment_id=None if of is None else of.id,
            booking_id=None if of is None else of.booking_id,
            currency=found.amount.currency,
            reason=found.reason[:80],
            created_at=found.created_at,
            **changing,
        )
        .on_conflict_do_update(index_elements=["id"], set_=changing)
    )


async def _case_of(
    tx: AsyncConnection, found: Dispute, of: Payment | None, now: datetime
) -> Case | None:
    if found.state is DisputeState.OPEN or of is None:
        until = found.answer_by.isoformat() if found.answer_by else "soon"
        what = f"{found.reason}; send evidence by {until}" if of else "of a payment we do not know"
        return Case(
            CaseKind.DISPUTE,
            found.id,
            -found.amount,
            f"a cardholder's bank took {found.amount} back: {what}",
            None if of is None else of.booking_id,
        )
    if found.state is DisputeState.LOST:
        return await _owe_again(tx, found, of, now)
    return await _owe_no_more(tx, found, of, now)


def _left_to_a_person(found: Dispute, of: Payment, difference: Money, what: str) -> Case:
    return Case(CaseKind.DISPUTE, found.id, difference, what, of.booking_id)


async def _owe_no_more(
    tx: AsyncConnection, found: Dispute, of: Payment, now: datetime
) -> Case | None:
    """Forgive what a dispute made owed that was lost before: the bank has given it back after all.

    Returns:
        A case where that has moved money meanwhile: the rider has paid it, or is about to, or what
        was due to her counts as given back by the bank.
    """
    await get_row(tx, of.id, lock=True)
    row = (await tx.execute(select(debt.c.id).where(debt.c.id == found.id))).first()
    counted = await tx.scalar(select(money_operation.c.id).where(*_counted(found, of)))
    if row is None and counted is None:
        return None
    owed = None if row is None else await get_debt(tx, found.id, lock=True)
    untouched = owed is not None and owed.left == found.amount and counted is None
    if owed is None or not untouched or owed.state not in (DebtState.OPEN, DebtState.ARREARS):
        return _left_to_a_person(
            found,
            of,
            found.amount,
            f"a bank gave {found.amount} back that was lost before; what the rider has paid for it "
            "since, or was given back by the dispute, is hers: pay it by hand",
        )
    await ledger.reverse(tx, postings.lost_key(found.id), memo="given back", now=now)
    await lessen(tx, owed, owed.amount, now)
    return None


async def _owe_again(
    tx: AsyncConnection, found: Dispute, of: Payment, now: datetime
) -> Case | None:
    """Let the rider owe what was lost, but for what was due to her anyway: once.

    The processor refuses to refund a charge that is disputed. The bank did what such refunds could
    not, as far as they fit whole into what it took back, and into what had not gone back of the
    charge before: they count as made.

    Returns:
        A case where it was lost, won and is lost again.
    """
    for done in (
        select(debt.c.id).where(debt.c.id == found.id),
        select(money_operation.c.id).where(*_counted(found, of)),
    ):
        if await tx.scalar(done) is not None:
            return None
    lost_before = select(journal_key.c.journal_id).where(
        journal_key.c.idem_key == postings.lost_key(found.id)
    )
    if await tx.scalar(lost_before) is not None:
        return _left_to_a_person(
            found, of, -found.amount, f"{found.amount} was won, and is lost again: bill it by hand"
        )
    of = payment_of(await get_row(tx, of.id, lock=True))
    left = found.amount
    for row in await list_refused(tx, of.id):
        if row.amount_minor <= min(left, of.captured - of.refunded).minor:
            of = await _count_as_made(tx, found, of, row, now)
            left -= Money(row.amount_minor, row.currency)
    if not left:
        return None
    for draft in postings.dispute_lost(found.id, of.booking_id, of.id, left):
        await ledger.append(tx, draft, event_at=now, now=now)
    root = of.id if of.debt_id is None else (await get_debt(tx, of.debt_id)).payment_id
    await open_debt(tx, root, of.booking_id, left, now, dispute_id=found.id)
    await leave(tx, found.id, LOST, now)
    return None


def _counted(found: Dispute, of: Payment) -> tuple[ColumnElement[bool], ...]:
    """The refunds that count as made by a dispute."""
    return (money_operation.c.payment_id == of.id, money_operation.c.psp_id == found.id)


async def _count_as_made(
    tx: AsyncConnection, found: Dispute, of: Payment, row: Row[tuple[object, ...]], now: datetime
) -> Payment:
    origin = postings.Origin(of.booking_id, of.id, row.id)
    amount = Money(row.amount_minor, row.currency)
    compensation = row.reason in COMPENSATIONS
    drafts = (
        given_by_no_leg(origin, amount, row.reason, Role.DISPUTED)
        if compensation
        else postings.refunded(
            origin, shares_of_json(row.shares, row.currency), source=Role.DISPUTED
        )
    )
    for draft in drafts:
        await ledger.append(tx, draft, event_at=now, now=now)
    await tx.execute(
        update(money_operation)
        .where(money_operation.c.payment_id == of.id, money_operation.c.id == row.id)
        .values(state=OperationState.DONE.value, psp_id=found.id, error_code=None)
    )
    back = of.refunded + amount
    whole = back == of.captured
    state = PaymentState.REFUNDED if whole else PaymentState.PARTIALLY_REFUNDED
    compensated = of.compensated + amount if compensation else of.compensated
    return payment_of(
        await set_payment(
            tx,
            of.id,
            now,
            state=state.value,
            refunded_minor=back.minor,
            compensated_minor=compensated.minor,
        )
    )


async def count_as_refunded(
    tx: AsyncConnection,
    payment_id: str,
    amount: Money,
    reason: str,
    *,
    key: str,
    legs: Collection[str] | None,
    now: datetime,
) -> bool:
    """Forgive what was lost in a dispute instead of refunding it, and so nothing is sent.

    The rider has that money back from her bank, and the processor would refuse to refund it too.
    The refund counts as made and she owes so much less; the providers give their part back.

    Returns:
        False where nothing was lost, or not so much of it is owed any more: paid meanwhile, or
        being paid, it is to be refunded. Also of a refund that came back: a person pays that.
    """
    await get_row(tx, payment_id, lock=True)
    lost = (
        select(debt.c.id)
        .join(dispute_table, dispute_table.c.id == debt.c.id)
        .where(
            dispute_table.c.payment_id == payment_id,
            debt.c.state.in_([DebtState.OPEN.value, DebtState.ARREARS.value]),
            debt.c.currency == amount.currency,
            debt.c.amount_minor - debt.c.paid_minor >= amount.minor,
        )
        .with_for_update(of=debt)
    )
    dispute_id = await tx.scalar(lost)
    if dispute_id is None:
        return False
    owed = await get_debt(tx, dispute_id)
    made = await prepare_refund(tx, payment_id, amount, reason, key=key, legs=legs, now=now)
    row = await get_operation_row(tx, payment_id, made.id)
    if row.error_code in IN_VAIN:
        return False
    of = await get_row(tx, payment_id)
    origin = postings.Origin(of.booking_id, payment_id, made.id)
    for draft in postings.waived(origin, shares_of_json(row.shares, row.currency)):
        await ledger.append(tx, draft, event_at=now, now=now)
    done = {"state": OperationState.DONE.value, "psp_id": dispute_id, "error_code": None}
    await tx.execute(
        update(money_operation)
        .where(money_operation.c.payment_id == payment_id, money_operation.c.id == made.id)
        .values(decided_at=now, **done)
    )
    back = of.refunded_minor + amount.minor
    whole = back == of.captured_minor
    state = PaymentState.REFUNDED if whole else PaymentState.PARTIALLY_REFUNDED
    await set_payment(tx, payment_id, now, state=state.value, refunded_minor=back)
    await lessen(tx, owed, amount, now)
    return True
