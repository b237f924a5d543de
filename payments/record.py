"""Record what a call taught us: the operation, the payment, and the journals where money moved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    DateTime,
    Integer,
    Row,
    Text,
    bindparam,
    case,
    func,
    insert,
    select,
    update,
)
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
    if operation.debt_id is not None:
        await debt.lock_debt(tx, operation.debt_id)
    of = await get_row(tx, operation.payment_id, lock=True)
    if outcome.kind is OutcomeKind.UNREACHABLE:
        return payment_of(of)
    row = await _decide_operation(tx, of.id, operation.id, outcome, now)
    if row is None:
        return payment_of(of)
    return await _RECORDERS[operation.kind](tx, of, row, outcome, now)


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
_OPEN = [state.value for state in OPEN_STATES]
_DECIDE = (
    update(money_operation)
    .where(*_OF, money_operation.c.state.in_(_OPEN))
    .values(
        state=case(
            {state: bindparam(f"after_{state}", type_=Text) for state in _OPEN},
            value=money_operation.c.state,
        ),
        attempt=money_operation.c.attempt + bindparam("answers", type_=Integer),
        psp_id=func.coalesce(bindparam("new_psp_id", type_=Text), money_operation.c.psp_id),
        error_code=bindparam("new_error_code", type_=Text),
        decided_at=bindparam("ended_at", type_=DateTime(timezone=True)),
    )
    .returning(*money_operation.c)
)
_NEW_OPERATION = insert(money_operation).returning(*money_operation.c)
_SET_PAYMENT = (
    update(payment_table)
    .where(payment_table.c.id == bindparam("of_id"))
    .returning(*payment_table.c)
)


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
) -> PaymentRow:
    """Set columns of a payment whose row the caller holds locked; returns the row."""
    values = {"of_id": payment_id, "updated_at": now, **columns}
    return (await tx.execute(_SET_PAYMENT, values)).one()


async def _decide_operation(
    tx: AsyncConnection, payment_id: str, operation_id: str, outcome: Outcome, now: datetime
) -> PaymentRow | None:
    """Write what became of an open operation; returns its row, None when it had been decided.

    The caller holds the payment's row locked.
    """
    psp_id = (outcome.hold and outcome.hold.id) or (outcome.refund and outcome.refund.id)
    ends = outcome.kind in (OutcomeKind.DONE, OutcomeKind.DECLINED)
    mine = {"of_payment": payment_id, "of_id": operation_id}
    after = {f"after_{state}": state_after(state, outcome.kind).value for state in OPEN_STATES}
    values = {
        "answers": int(outcome.answered),
        "new_psp_id": psp_id or None,
        "new_error_code": outcome.code,
        "ended_at": now if ends else None,
    }
    row = (await tx.execute(_DECIDE, mine | after | values)).first()
    if row is None:
        await get_operation_row(tx, payment_id, operation_id)
    return row


async def _authorised(
    tx: AsyncConnection, of: PaymentRow, _row: PaymentRow, outcome: Outcome, now: datetime
) -> Payment:
    releasing = of.state == PaymentState.RELEASING
    if outcome.kind is OutcomeKind.DONE and outcome.hold is not None:
        if releasing:
            return payment_of(await set_payment(tx, of.id, now, hold_id=outcome.hold.id))
        state = PaymentState.AUTHORISING.value
        of = await set_payment(tx, of.id, now, hold_id=outcome.hold.id, state=state)
        confirm = await insert_operation(tx, of, OperationKind.CONFIRM, of.amount_minor, now)
        fresh = outcome.hold.state is HoldState.UNCONFIRMED
        return payment_of(of, operation_of(confirm, of, fresh=fresh))
    return payment_of(of if releasing else await _not_held(tx, of, outcome, now))


async def _confirmed(
    tx: AsyncConnection, of: PaymentRow, row: PaymentRow, outcome: Outcome, now: datetime
) -> Payment:
    hold = outcome.hold
    releasing = of.state == PaymentState.RELEASING
    if row.state == OperationState.PROCESSING and outcome.kind is OutcomeKind.UNKNOWN:
        return payment_of(of)
    if outcome.kind is OutcomeKind.DONE and hold is not None:
        of = await set_payment(
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
        pass
    elif outcome.kind is OutcomeKind.REQUIRES_ACTION and hold is not None:
        of = await set_payment(
            tx,
            of.id,
            now,
            state=PaymentState.REQUIRES_ACTION.value,
            redirect_url=hold.redirect_url,
        )
    elif outcome.kind is OutcomeKind.PROCESSING:
        processing = PaymentState.PROCESSING.value
        of = await set_payment(tx, of.id, now, state=processing, redirect_url=None)
        if of.debt_id is not None:
            state = debt.DebtState.PROCESSING.value
            await debt.set_debt(tx, of.debt_id, now, state=state, refused_because=None)
    else:
        of = await _not_held(tx, of, outcome, now)
    return payment_of(of)


async def _not_held(
    tx: AsyncConnection, of: PaymentRow, outcome: Outcome, now: datetime
) -> PaymentRow:
    if outcome.kind is OutcomeKind.UNKNOWN:
        return await set_payment(tx, of.id, now, state=PaymentState.UNKNOWN.value)
    gone = outcome.code == HOLD_GONE
    of = await set_payment(
        tx,
        of.id,
        now,
        state=(PaymentState.RELEASED if gone else PaymentState.DECLINED).value,
        decline_code=outcome.code,
        redirect_url=None,
    )
    await _leave_debt(tx, of, outcome.code, now)
    return of


async def _leave_debt(
    tx: AsyncConnection, of: PaymentRow, because: str | None, now: datetime
) -> None:
    if of.debt_id is not None:
        await debt.leave(tx, of.debt_id, because, now)


async def _captured(
    tx: AsyncConnection, of: PaymentRow, row: PaymentRow, outcome: Outcome, now: datetime
) -> Payment:
    if outcome.kind is OutcomeKind.DONE and outcome.hold is not None:
        of = await _take(tx, of, row, outcome.hold.captured, PaymentState.CAPTURED, now)
    elif outcome.kind is OutcomeKind.DECLINED and outcome.code == HOLD_GONE:
        nothing = Money.zero(of.currency)
        await _take(tx, of, row, nothing, PaymentState.RELEASED, now)
        of = await set_payment(tx, of.id, now, decline_code=HOLD_GONE)
    elif outcome.kind is OutcomeKind.UNKNOWN:
        of = await set_payment(tx, of.id, now, state=PaymentState.UNKNOWN.value)
    else:
        state = PaymentState.AUTHORISED.value
        of = await set_payment(tx, of.id, now, state=state, decline_code=outcome.code)
    return payment_of(of)


async def _take(
    tx: AsyncConnection,
    of: PaymentRow,
    row: PaymentRow,
    taken: Money,
    state: PaymentState,
    now: datetime,
) -> PaymentRow:
    origin = postings.Origin(of.booking_id, of.id, row.id)
    if of.debt_id is not None:
        of = await set_payment(tx, of.id, now, state=state.value, captured_minor=taken.minor)
        await _post(tx, postings.collected(origin, taken), now)
        await debt.count_paid(tx, of.debt_id, taken, now)
        return of
    splits = splits_of_json(row.shares, of.currency)
    owed = Money.total((split.gross for split in splits), of.currency) - taken
    of = await set_payment(
        tx,
        of.id,
        now,
        state=state.value,
        captured_minor=taken.minor,
        receivable_minor=max(owed.minor, 0),
    )
    if owed.minor < 0:
        return of  # somebody else captured more than the trip cost: reconciliation opens a case
    await _post(tx, postings.captured(origin, taken, splits), now)
    if owed:
        await debt.open_debt(tx, of.id, of.booking_id, owed, now)
    return of


async def _released(
    tx: AsyncConnection, of: PaymentRow, _row: PaymentRow, outcome: Outcome, now: datetime
) -> Payment:
    if outcome.kind is OutcomeKind.DONE:
        released = PaymentState.RELEASED.value
        of = await set_payment(tx, of.id, now, state=released, redirect_url=None)
        await _leave_debt(tx, of, HOLD_GONE, now)
        await tx.execute(
            update(money_operation)
            .where(money_operation.c.payment_id == of.id, money_operation.c.state.in_(_OPEN))
            .values(state=OperationState.DECLINED.value, error_code=HOLD_GONE, decided_at=now)
        )
    elif outcome.code == ALREADY_CAPTURED and outcome.hold is not None:
        of = await _captured_elsewhere(tx, of, outcome.hold, now)
    return payment_of(of)


async def _captured_elsewhere(
    tx: AsyncConnection, of: PaymentRow, hold: Hold, now: datetime
) -> PaymentRow:
    """Somebody captured by hand what we wanted to release: reconciliation opens a case."""
    return await set_payment(
        tx,
        of.id,
        now,
        state=PaymentState.CAPTURED.value,
        authorised_minor=hold.amount.minor,
        captured_minor=hold.captured.minor,
    )


async def _refunded(
    tx: AsyncConnection, of: PaymentRow, row: PaymentRow, outcome: Outcome, now: datetime
) -> Payment:
    if outcome.kind is not OutcomeKind.DONE:
        return payment_of(of)
    given_back = of.refunded_minor + row.amount_minor
    whole = given_back == of.captured_minor
    state = PaymentState.REFUNDED if whole else PaymentState.PARTIALLY_REFUNDED
    of = await set_payment(tx, of.id, now, state=state.value, refunded_minor=given_back)
    origin = postings.Origin(of.booking_id, of.id, row.id)
    if row.shares:
        shares = shares_of_json(row.shares, of.currency)
        await _post(tx, postings.refunded(origin, shares), now)
        return payment_of(of)
    amount = Money(row.amount_minor, of.currency)
    compensated_minor = of.compensated_minor + amount.minor
    of = await set_payment(tx, of.id, now, compensated_minor=compensated_minor)
    await _post(tx, given_by_no_leg(origin, amount, row.reason), now)
    return payment_of(of)


def given_by_no_leg(
    origin: postings.Origin, amount: Money, reason: str, source: Role = Role.PROCESSOR
) -> list[postings.Draft]:
    """A refund that no leg gives, in the books: who bears it, and what it was paid from."""
    ours = _AT_OUR_EXPENSE.get(reason)
    if ours is None:
        return compensated(origin, amount, source)
    return rebated(origin, amount, *ours, source)


_AT_OUR_EXPENSE = {
    "rebate": (Role.DAY_CEILING_REBATES, "beyond the day's ceiling"),
    "rebooking": (Role.REBOOKING_COSTS, "beyond the price locked when rebooked"),
    "goodwill": (Role.GOODWILL_REFUNDS, "granted by staff"),
}


async def _post(tx: AsyncConnection, drafts: Sequence[postings.Draft], now: datetime) -> None:
    await ledger.append_all(tx, drafts, event_at=now, now=now)


_RECORDERS = {
    OperationKind.AUTHORISE: _authorised,
    OperationKind.CONFIRM: _confirmed,
    OperationKind.CAPTURE: _captured,
    OperationKind.CANCEL: _released,
    OperationKind.REFUND: _refunded,
}
