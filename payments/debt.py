"""What a rider owes: a ride that cost more than could be taken, and how far it is paid.

A debt is opened by the journal that books the receivable. It is collected by charges of its own,
each a payment with ``debt_id``: the first without the rider (off session), the later ones by her.
One charge at a time; what a charge takes is booked and counted in one transaction.

Rows are locked in one order, or two transactions would wait for each other: the payment that fell
short or was lost, then the debt, then the debt's charges.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, Row, ScalarSelect, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.errors import DebtNotFoundError
from payments.money import Money
from payments.operation import OPEN_STATES, Operation
from payments.payment import Payment, PaymentState
from payments.tables import debt as debt_table
from payments.tables import payment as payment_table

SMALLEST_CHARGE = {"EUR": 50}
"""What the processor takes at least (docs.stripe.com/currencies); less than that stays owed."""
CHALLENGE_FOR = timedelta(minutes=15)
"""How long a rider may take on the bank's page before the charge is given up."""


class DebtState(StrEnum):
    """Where a debt stands."""

    OPEN = "open"
    """Booked; no charge has been tried."""
    COLLECTING = "collecting"
    PROCESSING = "processing"
    """A debit is on its way for days. Nothing else may be charged meanwhile: it would be twice."""
    ARREARS = "arrears"
    """No charge is under way: the rider must pay."""
    PAID = "paid"


@dataclass(frozen=True, slots=True)
class Debt:
    """A debt; ``id`` is that of the payment that fell short, or of the dispute that was lost."""

    id: str
    payment_id: str
    booking_id: str
    state: DebtState
    amount: Money
    paid: Money
    attempts: int
    refused_because: str | None
    """The processor's code for why the last charge failed."""
    opened_at: datetime

    @property
    def left(self) -> Money:
        """What is still owed."""
        return self.amount - self.paid

    @property
    def chargeable(self) -> bool:
        """Whether the processor would take an amount as small as what is left."""
        return self.left.minor >= SMALLEST_CHARGE.get(self.left.currency, 1)

    @property
    def is_of_dispute(self) -> bool:
        """Whether it was paid before, and taken back by the cardholder's bank."""
        return self.id != self.payment_id

    @property
    def is_too_little(self) -> bool:
        """Whether nobody will ever pay it, as the processor does not charge so little."""
        return self.state is DebtState.ARREARS and not self.chargeable

    @property
    def is_due(self) -> bool:
        """Whether it is still to be paid, by a charge under way or by the rider."""
        return self.state is not DebtState.PAID and not self.is_too_little

    @property
    def charge_id(self) -> str:
        """The payment of the current attempt."""
        return f"{self.id}-{self.attempts}"


class DebtAct(StrEnum):
    """What is to be done for a debt."""

    CHARGE = "charge"
    """Begin a charge without the rider."""
    CALL = "call"
    """Bring the operation under way to its end."""
    TAKE = "take"
    """Capture what has been authorised, or book a debit that has come."""
    GIVE_UP = "give_up"
    """Release a charge whose challenge the rider left open."""
    LEAVE = "leave"
    """Nothing can be taken now: the rider must pay."""


def decide(
    debt: Debt, charge: Payment | None, under_way: Collection[Operation], now: datetime
) -> DebtAct | None:
    """What is next for a debt with its current charge; None when there is nothing to do."""
    if debt.state in (DebtState.PAID, DebtState.ARREARS):
        return None
    if debt.state is DebtState.OPEN or charge is None:
        return DebtAct.CHARGE if debt.chargeable else DebtAct.LEAVE
    asked_at = min((each.first_sent_at for each in under_way), default=now)
    waits = charge.state is PaymentState.REQUIRES_ACTION
    if waits and now >= asked_at + CHALLENGE_FOR:
        return DebtAct.GIVE_UP
    if any(each.state in OPEN_STATES for each in under_way):
        return DebtAct.CALL
    return DebtAct.TAKE if charge.state is PaymentState.AUTHORISED else DebtAct.LEAVE


async def open_debt(
    tx: AsyncConnection,
    payment_id: str,
    booking_id: str,
    amount: Money,
    now: datetime,
    *,
    dispute_id: str | None = None,
) -> None:
    """Write that ``amount`` of a payment fell short, or was lost in a dispute; each once."""
    await tx.execute(
        insert(debt_table)
        .values(
            id=dispute_id or payment_id,
            payment_id=payment_id,
            booking_id=booking_id,
            state=DebtState.OPEN.value,
            currency=amount.currency,
            amount_minor=amount.minor,
            opened_at=now,
            updated_at=now,
        )
        .on_conflict_do_nothing()
    )


async def get_debt(tx: AsyncConnection, debt_id: str, *, lock: bool = False) -> Debt:
    """A debt; with ``lock`` nobody else decides about it until the transaction ends.

    Raises:
        DebtNotFoundError: no such debt.
    """
    query = select(debt_table).where(debt_table.c.id == debt_id)
    row = (await tx.execute(query.with_for_update() if lock else query)).first()
    if row is None:
        raise DebtNotFoundError(f"there is no debt {debt_id}")
    return _debt_of(row)


async def lock_debt(tx: AsyncConnection, debt_id: str) -> None:
    """Let nobody else decide about a debt, if it is still one, until the transaction ends."""
    await tx.execute(select(debt_table.c.id).where(debt_table.c.id == debt_id).with_for_update())


async def list_debts(tx: AsyncConnection, payment_ids: Collection[str]) -> list[Debt]:
    """The debts that came of these payments, oldest first."""
    rows = await tx.execute(
        select(debt_table)
        .where(debt_table.c.payment_id.in_(payment_ids))
        .order_by(debt_table.c.opened_at, debt_table.c.id)
    )
    return [_debt_of(row) for row in rows]


def never_paid(payment_id: ColumnElement[str], currency: str) -> ScalarSelect[int]:
    """In cents, what of a payment is too little to be charged, also before that was tried.

    Part of a query that has ``payment_id``.
    """
    left = debt_table.c.amount_minor - debt_table.c.paid_minor
    return (
        select(func.coalesce(func.sum(left), 0))
        .where(
            debt_table.c.payment_id == payment_id,
            debt_table.c.state.in_((DebtState.OPEN.value, DebtState.ARREARS.value)),
            left < SMALLEST_CHARGE.get(currency, 1),
        )
        .scalar_subquery()
    )


async def set_debt(tx: AsyncConnection, debt_id: str, now: datetime, **columns: object) -> None:
    """Set columns of a debt."""
    await tx.execute(
        update(debt_table).where(debt_table.c.id == debt_id).values(updated_at=now, **columns)
    )


async def leave(tx: AsyncConnection, debt_id: str, because: str | None, now: datetime) -> None:
    """Leave a debt to its rider, as a charge failed; one that is paid stays paid."""
    await tx.execute(
        update(debt_table)
        .where(debt_table.c.id == debt_id, debt_table.c.state != DebtState.PAID.value)
        .values(state=DebtState.ARREARS.value, refused_because=because, updated_at=now)
    )


async def lessen(tx: AsyncConnection, owed: Debt, by: Money, now: datetime) -> None:
    """Let less be owed, at most what is left; the caller books it. Nothing left is no debt.

    Charges for it that took nothing are then charges for nothing.
    """
    amount = owed.amount - by
    if not amount:
        in_vain = update(payment_table).where(payment_table.c.debt_id == owed.id)
        await tx.execute(in_vain.values(debt_id=None))
        await tx.execute(delete(debt_table).where(debt_table.c.id == owed.id))
        return
    paid = amount == owed.paid
    state = DebtState.PAID if paid else owed.state
    await set_debt(tx, owed.id, now, amount_minor=amount.minor, state=state.value)


async def count_paid(tx: AsyncConnection, debt_id: str, taken: Money, now: datetime) -> None:
    """Count what a charge took, at most what was owed; the caller books it."""
    owed = await get_debt(tx, debt_id, lock=True)
    paid = min(owed.paid + taken, owed.amount)
    state = DebtState.PAID if paid == owed.amount else DebtState.ARREARS
    await set_debt(tx, debt_id, now, state=state.value, paid_minor=paid.minor, refused_because=None)


def _debt_of(row: Row[tuple[object, ...]]) -> Debt:
    return Debt(
        id=row.id,
        payment_id=row.payment_id,
        booking_id=row.booking_id,
        state=DebtState(row.state),
        amount=Money(row.amount_minor, row.currency),
        paid=Money(row.paid_minor, row.currency),
        attempts=row.attempts,
        refused_because=row.refused_because,
        opened_at=row.opened_at,
    )
