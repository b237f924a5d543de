"""A payment as a booking sees it: the payments package's states, seen from the trip."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.booking.trip import PaymentView
from payments.debt import DebtState, list_debts
from payments.disputes import list_lost
from payments.money import Money
from payments.operation import OperationKind
from payments.payment import PaymentState, find_open_operations, find_payment, list_payments
from payments.tables import payment

_VIEWS = {
    PaymentState.AUTHORISING: PaymentView.OPEN,
    PaymentState.REQUIRES_ACTION: PaymentView.REQUIRES_ACTION,
    PaymentState.PROCESSING: PaymentView.OPEN,
    PaymentState.AUTHORISED: PaymentView.AUTHORISED,
    PaymentState.CAPTURING: PaymentView.AUTHORISED,
    PaymentState.RELEASING: PaymentView.AUTHORISED,
    PaymentState.CAPTURED: PaymentView.CAPTURED,
    PaymentState.PARTIALLY_REFUNDED: PaymentView.CAPTURED,
    PaymentState.RELEASED: PaymentView.RELEASED,
    PaymentState.REFUNDED: PaymentView.REFUNDED,
    PaymentState.DECLINED: PaymentView.DECLINED,
}
_UNKNOWN_WHILE = {
    OperationKind.CAPTURE: PaymentView.AUTHORISED,
    OperationKind.CANCEL: PaymentView.AUTHORISED,
    OperationKind.REFUND: PaymentView.CAPTURED,
}
"""An operation of unknown outcome leaves the trip where it was: the same act is asked again."""


@dataclass(frozen=True, slots=True)
class PaymentStanding:
    """What clients are told of a payment."""

    state: str
    redirect_url: str | None
    captured: Money
    """Taken and not taken back by a bank, later charges for what was owed included."""
    refunded: Money
    """Given back by us, and not by a bank that took it."""
    outstanding: Money
    """Used, but not paid yet: beyond what could be taken, the rider owes it."""
    too_little: Money
    """Of ``outstanding`` what is too little to be charged: nobody will ever pay it."""
    in_arrears: bool
    """Whether the rider is to pay some of ``outstanding``: no charge of it is under way."""


@dataclass(frozen=True, slots=True)
class PaymentSeen:
    """What decides about a trip of its payment."""

    view: PaymentView
    kept: Money
    """What was captured and not refunded; what no leg gives back counts as kept."""
    owed: Money
    lapses_at: datetime | None


SEEN = (
    payment.c.state.label("payment_state"),
    payment.c.captured_minor,
    payment.c.refunded_minor,
    payment.c.compensated_minor,
    payment.c.receivable_minor,
    payment.c.capture_before,
)
"""What ``seen_of`` reads, beside a booking's ``payment_id`` and ``currency``."""


_AGAIN = select(*SEEN).where(payment.c.id == bindparam("payment_id"))


async def seen_of(tx: AsyncConnection, row: RowMapping) -> PaymentSeen:
    """How a payment stands for its trip, of a row that has ``SEEN``."""
    currency = row["currency"]
    if row["payment_state"] is None:
        nothing = Money.zero(currency)
        return PaymentSeen(PaymentView.NONE, nothing, nothing, None)
    state, while_unknown = PaymentState(row["payment_state"]), PaymentView.OPEN
    if state is PaymentState.UNKNOWN:
        kinds = [each.kind for each in await find_open_operations(tx, row["payment_id"])]
        if not kinds:  # a hint has recorded it since the row was read
            row = (await tx.execute(_AGAIN, {"payment_id": row["payment_id"]})).mappings().one()
            state = PaymentState(row["payment_state"])
        views = (_UNKNOWN_WHILE[kind] for kind in kinds if kind in _UNKNOWN_WHILE)
        while_unknown = next(views, PaymentView.OPEN)
    view = _VIEWS.get(state, while_unknown)
    kept = row["captured_minor"] - row["refunded_minor"] + row["compensated_minor"]
    owed = Money(row["receivable_minor"], currency)
    return PaymentSeen(view, Money(kept, currency), owed, row["capture_before"])


async def get_standing(tx: AsyncConnection, payment_id: str, currency: str) -> PaymentStanding:
    """What clients are told; ``none`` as long as nothing was asked of the processor."""
    found = await find_payment(tx, payment_id)
    if found is None:
        zero = Money.zero(currency)
        return PaymentStanding("none", None, zero, zero, zero, zero, in_arrears=False)
    debts = await list_debts(tx, [payment_id])
    paid_later = Money.total((debt.paid for debt in debts), currency)
    lost = Money.total((debt.amount for debt in debts if debt.is_of_dispute), currency)
    too_little = Money.total((debt.left for debt in debts if debt.is_too_little), currency)
    taken_back, refunded = lost, found.refunded
    if debts or found.refunded:
        disputes = await list_lost(tx, found.booking_id)
        taken_back = Money.total((each.amount for each in disputes), currency)
        charged = await list_payments(tx, found.booking_id)
        refunded = Money.total((each.refunded for each in charged), currency)
    return PaymentStanding(
        found.state,
        found.redirect_url,
        found.captured + paid_later - taken_back,
        refunded - (taken_back - lost),
        found.receivable + lost - paid_later,
        too_little,
        any(debt.state is DebtState.ARREARS and debt.is_due for debt in debts),
    )
