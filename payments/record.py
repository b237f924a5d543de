"""Record what a call taught us: the operation, the payment, and the journals where money moved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Row, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from payments import debt, ledger, postings
from payments.accounts import Role
from payments.call import ALREADY_CAPTURED, HOLD_GONE
from payments.claims import compensated, rebated
from payments.gateway import Hold, HoldState
from payments.money import Money
from payments.operation import (
    OPEN_STATES,
    Operation,
    OperationKind,
    OperationState,
    Outcome,
    OutcomeKind,
    state_after,
)
from payments.payment import Payment, PaymentState, get_row, operation_of, payment_of
from payments.shares import Stored, shares_of_json, splits_of_json
from payments.tables import money_operation
from payments.tables import payment as payment_table

PaymentRow = Row[tuple[object, ...]]


async def record(
    tx: AsyncConnection, operation: Operation, outcome: Outcome, now: datetime
) -> Payment:
    """Store an outcome and post what it means; recording the same twice changes nothing.

    Returns:
        The payment, with ``next_operation`` when something is to be called at once.
    """
    of = await get_row(tx, operation.payment_id, lock=True)
    row = await get_operation_row(tx, of.id, operation.id)
    if row.state not in OPEN_STATES or outcome.kind is OutcomeKind.UNREACHABLE:
        return payment_of(of)
    await _set_operation(tx, row, outcome, now)
    follow_up = await _RECORDERS[operation.kind](tx, of, row, outcome, now)
    return payment_of(await get_row(tx, of.id), follow_up)


async def find_operation_row(
    tx: AsyncConnection, payment_id: str, operation_id: str
) -> PaymentRow | None:
    """The row of an operation, if there is one."""
    mine = {"of_payment": payment_id, "of_id": operation_id}
    return (await tx.execute(_OPERATION, mine)).first()


_OF = (
    money_operation.c.payment_id == bindparam("of_payment"),
    money_operation.c.id == bindparam("of_id"),
)
_OPERATION = select(money_operation).where(*_OF)
_SET_OPERATION = update(money_operation).where(*_OF)
_NEW_OPERATION = insert(money_operation).returning(*money_operation.c)
_SET_PAYMENT = update(payment_table).where(payment_table.c.id == bindparam("of_id"))


async def get_operation_row(tx: AsyncConnection, payment_id: str, operation_id: str) -> PaymentRow:
    """The row of an operation that is known to be there."""
    row = await find_operation_row(tx, payment_id, operation_id)
    if row is None:
        raise LookupError(f"there is no operation {operation_id}")
    return row


async def insert_operation(
    tx: AsyncConnection,
    of: PaymentRow,
    kind: OperationKind,
    amount_minor: int,
    now: datetime,
    *,
    suffix: str = "",
    shares: Stored | None = None,
    reason: str = "",
) -> PaymentRow:
    """Store an operation that may be sent once this transaction has committed; returns its row."""
    added = await tx.execute(
        _NEW_OPERATION,
        {
            "payment_id": of.id,
            "id": f"{of.id}.{kind}{suffix}",
            "kind": kind.value,
            "state": OperationState.SENT.value,
            "currency": of.currency,
            "amount_minor": amount_minor,
            "shares": shares,
            "reason": reason,
            "first_sent_at": now,
        },
    )
    return added.one()


async def set_payment(
    tx: AsyncConnection, payment_id: str, now: datetime, **columns: object
) -> None:
    """Set columns of a payment whose row the caller holds locked."""
    await tx.execute(_SET_PAYMENT, {"of_id": payment_id, "updated_at": now, **columns})


async def _set_operation(
    tx: AsyncConnection, row: PaymentRow, outcome: Outcome, now: datetime
) -> None:
    state = state_after(OperationState(row.state), outcome.kind)
    psp_id = (outcome.hold and outcome.hold.id) or (outcome.refund and outcome.refund.id)
    await tx.execute(
        _SET_OPERATION,
        {
            "of_payment": row.payment_id,
            "of_id": row.id,
            "state": state.value,
            "attempt": row.attempt + int(outcome.answered),
            "psp_id": psp_id or row.psp_id,
            "error_code": outcome.code,
            "decided_at": now if state not in OPEN_STATES else None,
        },
    )


async def _authorised(
    tx: AsyncConnection, of: PaymentRow, _row: PaymentRow, outcome: Outcome, now: datetime
) -> Operation | None:
    releasing = of.state == PaymentState.RELEASING
    if outcome.kind is OutcomeKind.DONE and outcome.hold is not None:
        await set_payment(tx, of.id, now, hold_id=outcome.hold.id)
        if releasing:
            return None
        confirm = await insert_operation(tx, of, OperationKind.CONFIRM, of.amount_minor, now)
        await set_payment(tx, of.id, now, state=PaymentState.AUTHORISING.value)
        fresh = outcome.hold.state is HoldState.UNCONFIRMED
        return operation_of(confirm, await get_row(tx, of.id), fresh=fresh)
    if not releasing:
        await _not_held(tx, of, outcome, now)
    return None


async def _confirmed(
    tx: AsyncConnection, of: PaymentRow, row: PaymentRow, outcome: Outcome, now: datetime
) -> None:
    hold = outcome.hold
    releasing = of.state == PaymentState.RELEASING
    if row.state == OperationState.PROCESSING and outcome.kind is OutcomeKind.UNKNOWN:
        return
    if outcome.kind is OutcomeKind.DONE and hold is not None:
        await set_payment(
            tx,
            of.id,
            now,
            authorised_minor=(hold.capturable + hold.captured).minor,
            capture_before=hold.capture_before,
            charge_id=hold.charge_id,
            paid_with=hold.paid_with and hold.paid_with[:80],
            redirect_url=None,
            **({} if releasing else {"state": PaymentState.AUTHORISED.value}),
        )
    elif releasing:
        return
    elif outcome.kind is OutcomeKind.REQUIRES_ACTION and hold is not None:
        await set_payment(
            tx,
            of.id,
            now,
            state=PaymentState.REQUIRES_ACTION.value,
            redirect_url=hold.redirect_url,
        )
    elif outcome.kind is OutcomeKind.PROCESSING:
        await set_payment(tx, of.id, now, state=PaymentState.PROCESSING.value, redirect_url=None)
        if of.debt_id is not None:
            state = debt.DebtState.PROCESSING.value
            await debt.set_debt(tx, of.debt_id, now, state=state, refused_because=None)
    else:
        await _not_held(tx, of, outcome, now)


async def _not_held(tx: AsyncConnection, of: PaymentRow, outcome: Outcome, now: datetime) -> None:
    if outcome.kind is OutcomeKind.UNKNOWN:
        await set_payment(tx, of.id, now, state=PaymentState.UNKNOWN.value)
        return
    gone = outcome.code == HOLD_GONE
    await set_payment(
        tx,
        of.id,
        now,
        state=(PaymentState.RELEASED if gone else PaymentState.DECLINED).value,
        decline_code=outcome.code,
        redirect_url=None,
    )
    await _leave_debt(tx, of, outcome.code, now)


async def _leave_debt(
    tx: AsyncConnection, of: PaymentRow, because: str | None, now: datetime
) -> None:
    if of.debt_id is not None:
        await debt.leave(tx, of.debt_id, because, now)


async def _captured(
    tx: AsyncConnection, of: PaymentRow, row: PaymentRow, outcome: Outcome, now: datetime
) -> None:
    if outcome.kind is OutcomeKind.DONE and outcome.hold is not None:
        await _take(tx, of, row, outcome.hold.captured, PaymentState.CAPTURED, now)
    elif outcome.kind is OutcomeKind.DECLINED and outcome.code == HOLD_GONE:
        nothing = Money.zero(of.currency)
        await _take(tx, of, row, nothing, PaymentState.RELEASED, now)
        await set_payment(tx, of.id, now, decline_code=HOLD_GONE)
    elif outcome.kind is OutcomeKind.UNKNOWN:
        await set_payment(tx, of.id, now, state=PaymentState.UNKNOWN.value)
    else:
        await set_payment(
            tx, of.id, now, state=PaymentState.AUTHORISED.value, decline_code=outcome.code
        )


async def _take(
    tx: AsyncConnection,
    of: PaymentRow,
    row: PaymentRow,
    taken: Money,
    state: PaymentState,
    now: datetime,
) -> None:
    origin = postings.Origin(of.booking_id, of.id, row.id)
    if of.debt_id is not None:
        await set_payment(tx, of.id, now, state=state.value, captured_minor=taken.minor)
        await _post(tx, postings.collected(origin, taken), now)
        await debt.count_paid(tx, of.debt_id, taken, now)
        return
    splits = splits_of_json(row.shares, of.currency)
    owed = Money.total((split.gross for split in splits), of.currency) - taken
    await set_payment(
        tx,
        of.id,
        now,
        state=state.value,
        captured_minor=taken.minor,
        receivable_minor=max(owed.minor, 0),
    )
    if owed.minor < 0:
        return  # somebody else captured more than the trip cost: reconciliation opens a case
    await _post(tx, postings.captured(origin, taken, splits), now)
    if owed:
        await debt.open_debt(tx, of.id, of.booking_id, owed, now)


async def _released(
    tx: AsyncConnection, of: PaymentRow, _row: PaymentRow, outcome: Outcome, now: datetime
) -> None:
    if outcome.kind is OutcomeKind.DONE:
        await set_payment(tx, of.id, now, state=PaymentState.RELEASED.value, redirect_url=None)
        await _leave_debt(tx, of, HOLD_GONE, now)
        await tx.execute(
            update(money_operation)
            .where(
                money_operation.c.payment_id == of.id,
                money_operation.c.state.in_([state.value for state in OPEN_STATES]),
            )
            .values(state=OperationState.DECLINED.value, error_code=HOLD_GONE, decided_at=now)
        )
    elif outcome.code == ALREADY_CAPTURED and outcome.hold is not None:
        await _captured_elsewhere(tx, of, outcome.hold, now)


async def _captured_elsewhere(
    tx: AsyncConnection, of: PaymentRow, hold: Hold, now: datetime
) -> None:
    """Somebody captured by hand what we wanted to release: reconciliation opens a case."""
    await set_payment(
        tx,
        of.id,
        now,
        state=PaymentState.CAPTURED.value,
        authorised_minor=hold.amount.minor,
        captured_minor=hold.captured.minor,
    )


async def _refunded(
    tx: AsyncConnection, of: PaymentRow, row: PaymentRow, outcome: Outcome, now: datetime
) -> None:
    if outcome.kind is not OutcomeKind.DONE:
        return
    given_back = of.refunded_minor + row.amount_minor
    whole = given_back == of.captured_minor
    state = PaymentState.REFUNDED if whole else PaymentState.PARTIALLY_REFUNDED
    await set_payment(tx, of.id, now, state=state.value, refunded_minor=given_back)
    origin = postings.Origin(of.booking_id, of.id, row.id)
    if row.shares:
        await _post(tx, postings.refunded(origin, shares_of_json(row.shares, of.currency)), now)
        return
    amount = Money(row.amount_minor, of.currency)
    await set_payment(tx, of.id, now, compensated_minor=of.compensated_minor + amount.minor)
    ours = _AT_OUR_EXPENSE.get(row.reason)
    await _post(tx, rebated(origin, amount, *ours) if ours else compensated(origin, amount), now)


_AT_OUR_EXPENSE = {
    "rebate": (Role.DAY_CEILING_REBATES, "beyond the day's ceiling"),
    "rebooking": (Role.REBOOKING_COSTS, "beyond the price locked when rebooked"),
}


async def _post(tx: AsyncConnection, drafts: Sequence[postings.Draft], now: datetime) -> None:
    for draft in drafts:
        await ledger.append(tx, draft, event_at=now, now=now)


_RECORDERS = {
    OperationKind.AUTHORISE: _authorised,
    OperationKind.CONFIRM: _confirmed,
    OperationKind.CAPTURE: _captured,
    OperationKind.CANCEL: _released,
    OperationKind.REFUND: _refunded,
}
