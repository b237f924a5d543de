"""Payments that the database lost in a restore, made anew from what the processor says of them.

Of a booking that is still known only the beginning is stored: its operations are left open, so that
the ordinary loop reads what became of them. Of one that is lost the payment is brought to its end
here: what is held is released, what was taken is given back but for what a ride cost.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from payments import ledger, postings
from payments.call import call
from payments.charge import prepare_release
from payments.debt import Debt, DebtState, set_debt
from payments.errors import OutcomeUnknownError
from payments.gateway import FoundHold, Gateway, HoldState, RefundReceipt, RefundState
from payments.money import Money
from payments.operation import Operation, OperationKind, OperationState
from payments.payment import PaymentState, find_open_operations, get_payment, get_row, new_payment
from payments.postings import Split, refund_shares
from payments.record import find_operation_row, insert_operation, record, set_payment
from payments.refund import BOOKING_LOST, prepare_refund
from payments.shares import shares_of_json, shares_to_json, splits_of_json, splits_to_json
from payments.tables import entry, money_operation

NOBODY = "unknown"
"""In place of the provider that money of a lost booking is due to, until it is given back."""
MOST_CALLS = 20
"""More calls than any payment needs."""


@dataclass(frozen=True, slots=True)
class Used:
    """A ride of a lost booking as its provider tells of it."""

    provider_id: str
    leg_id: str
    price: Money


@dataclass(frozen=True, slots=True)
class Ended:
    """What is left of the payment of a lost booking."""

    taken: Money
    kept: Money
    """For rides."""
    unused: Money
    """What could not be given back; zero, unless the processor refused a refund."""

    def __str__(self) -> str:
        if not self.taken:
            return "nothing was taken, and nothing is held any more"
        return f"{self.taken} was taken, {self.kept} is kept, {self.unused} is not back"


async def store_begun(
    tx: AsyncConnection,
    found: FoundHold,
    *,
    return_url: str,
    now: datetime,
    debt: Debt | None = None,
) -> bool:
    """Store a payment whose hold there is, its authorisation still to be read.

    False if it is known. One that collects a debt is its current attempt from then on.
    """
    created = await new_payment(
        tx,
        id=found.payment_id,
        booking_id=found.booking_id,
        state=PaymentState.AUTHORISING.value,
        currency=found.hold.amount.currency,
        amount_minor=found.hold.amount.minor,
        customer_ref=found.customer_ref,
        method=found.method,
        return_url=return_url,
        debt_id=None if debt is None else debt.id,
        off_session=debt is not None,
        created_at=found.created_at,
        updated_at=now,
    )
    if created is None:
        return False
    await insert_operation(
        tx, created, OperationKind.AUTHORISE, found.hold.amount.minor, found.created_at
    )
    if debt is not None:
        attempts = int(found.payment_id.rpartition("-")[2])
        await set_debt(tx, debt.id, now, state=DebtState.COLLECTING.value, attempts=attempts)
    return True


async def settle_lost(
    engine: AsyncEngine,
    gateway: Gateway,
    found: FoundHold,
    used: Sequence[Used],
    *,
    return_url: str,
    now: datetime,
) -> Ended:
    """Bring the payment of a lost booking to its end; run again it changes nothing.

    Raises:
        UnreachableError: the processor cannot be read now.
        OutcomeUnknownError: a debit is on its way; nothing is stored before it has come or failed.
    """
    hold = await gateway.get_hold(found.hold.id)
    if hold.state is HoldState.PROCESSING:
        raise OutcomeUnknownError(
            "a debit is on its way; run this again when it has come or failed"
        )
    receipts = [] if not hold.captured else await gateway.list_refunds(hold.id)
    async with engine.begin() as tx:
        is_new = await store_begun(tx, found, return_url=return_url, now=now)
        if is_new:
            await _store_authorised(tx, found, hold.state, now)
        if hold.captured:
            await _store_captured(tx, found.payment_id, hold.captured, used, now)
            for receipt in receipts:
                await _store_refund(tx, found.payment_id, receipt, now)
    await _finish(engine, gateway, found.payment_id, now)
    if hold.captured:
        async with engine.begin() as tx:
            await _prepare_rest(tx, found.payment_id, now)
        await _finish(engine, gateway, found.payment_id, now)
    elif hold.state not in (HoldState.RELEASED, HoldState.DECLINED):
        async with engine.begin() as tx:
            await prepare_release(tx, found.payment_id, now=now)
        await _finish(engine, gateway, found.payment_id, now)
    async with engine.begin() as tx:
        return await _read_end(tx, found.payment_id)


async def _store_authorised(
    tx: AsyncConnection, found: FoundHold, state: HoldState, now: datetime
) -> None:
    """The hold is there, so its authorisation is decided; nobody confirms it any more."""
    over = {HoldState.RELEASED: PaymentState.RELEASED, HoldState.DECLINED: PaymentState.DECLINED}
    await _decide(tx, found.payment_id, OperationKind.AUTHORISE, found.hold.id, now)
    await set_payment(
        tx,
        found.payment_id,
        now,
        state=over.get(state, PaymentState.AUTHORISED).value,
        hold_id=found.hold.id,
        charge_id=found.hold.charge_id,
    )


async def _store_captured(
    tx: AsyncConnection, payment_id: str, taken: Money, used: Sequence[Used], now: datetime
) -> None:
    """Book what was taken, once: for rides what they cost, for nobody what is to be given back."""
    if await find_operation_row(tx, payment_id, f"{payment_id}.{OperationKind.CAPTURE}"):
        return
    of = await get_row(tx, payment_id, lock=True)
    left, parts = taken, []
    for ride in used:
        paid = await find_paid_for(tx, ride.leg_id, taken.currency)
        gross = min(ride.price - paid, left)
        if gross.minor > 0:
            parts.append((ride.provider_id, ride.leg_id, gross))
            left -= gross
    if left:
        parts.append((NOBODY, NOBODY, left))
    nothing = Money.zero(taken.currency)
    splits = [Split(to, leg, gross, Decimal(0), nothing, "") for to, leg, gross in parts]
    capture = await insert_operation(
        tx, of, OperationKind.CAPTURE, taken.minor, now, shares=splits_to_json(splits)
    )
    await _decide(tx, payment_id, OperationKind.CAPTURE, of.hold_id, now)
    await set_payment(
        tx,
        payment_id,
        now,
        state=PaymentState.CAPTURED.value,
        authorised_minor=of.amount_minor,
        captured_minor=taken.minor,
    )
    drafts = postings.rebuilt(postings.Origin(of.booking_id, of.id, capture.id), splits)
    await ledger.append_all(tx, drafts, event_at=now, now=now)


async def _decide(
    tx: AsyncConnection, payment_id: str, kind: OperationKind, psp_id: str | None, now: datetime
) -> None:
    await tx.execute(
        update(money_operation)
        .where(
            money_operation.c.payment_id == payment_id,
            money_operation.c.id == f"{payment_id}.{kind}",
        )
        .values(state=OperationState.DONE.value, psp_id=psp_id, decided_at=now)
    )


async def _store_refund(
    tx: AsyncConnection, payment_id: str, receipt: RefundReceipt, now: datetime
) -> None:
    """Store a refund that was made before, to be read and booked like any other."""
    prefix = f"{payment_id}.{OperationKind.REFUND}"
    operation_id = receipt.operation_id or ""
    if receipt.state is RefundState.FAILED or not operation_id.startswith(f"{prefix}."):
        return
    if await find_operation_row(tx, payment_id, operation_id) is not None:
        return
    of = await get_row(tx, payment_id, lock=True)
    splits, earlier = await _read_shares(tx, payment_id, of.currency)
    unused = {NOBODY} if _left_of(splits, earlier, {NOBODY}) >= receipt.amount.minor else None
    await insert_operation(
        tx,
        of,
        OperationKind.REFUND,
        receipt.amount.minor,
        now,
        suffix=operation_id.removeprefix(prefix),
        shares=shares_to_json(refund_shares(receipt.amount, splits, earlier, unused)),
        reason="requested_by_customer",
    )


async def _prepare_rest(tx: AsyncConnection, payment_id: str, now: datetime) -> None:
    """Prepare to give back what no ride cost, once; one that was refused is not tried again."""
    of = await get_row(tx, payment_id, lock=True)
    splits, earlier = await _read_shares(tx, payment_id, of.currency)
    left = _left_of(splits, earlier, {NOBODY})
    known = await find_operation_row(tx, payment_id, f"{payment_id}.{OperationKind.REFUND}.lost")
    if left and known is None:
        amount = Money(left, of.currency)
        await prepare_refund(
            tx, payment_id, amount, BOOKING_LOST, key="lost", legs={NOBODY}, now=now
        )


async def _read_end(tx: AsyncConnection, payment_id: str) -> Ended:
    payment = await get_payment(tx, payment_id)
    currency, taken = payment.amount.currency, payment.captured
    if not taken:
        return Ended(taken, taken, taken)
    splits, back = await _read_shares(tx, payment_id, currency, made=True)
    unused = Money(_left_of(splits, back, {NOBODY}), currency)
    return Ended(taken, payment.captured - payment.refunded - unused, unused)


async def find_paid_for(tx: AsyncConnection, leg_id: str, currency: str) -> Money:
    """What the ledger has as taken for a ride of a lost booking, less what went back."""
    minor = await tx.scalar(
        select(func.coalesce(-func.sum(entry.c.amount_minor), 0)).where(
            entry.c.leg_id == leg_id, entry.c.currency == currency
        )
    )
    return Money(int(minor or 0), currency)


async def _read_shares(
    tx: AsyncConnection, payment_id: str, currency: str, *, made: bool = False
) -> tuple[tuple[Split, ...], list[postings.RefundShare]]:
    """What was taken for whom, and what of it goes back; with ``made`` what has gone back."""
    rows = (
        await tx.execute(
            select(money_operation)
            .where(money_operation.c.payment_id == payment_id)
            .order_by(money_operation.c.first_sent_at, money_operation.c.id)
        )
    ).all()
    capture = next(row for row in rows if row.kind == OperationKind.CAPTURE)
    counted = {OperationState.DONE} if made else set(OperationState) - {OperationState.DECLINED}
    refunds = [
        share
        for row in rows
        if row.kind == OperationKind.REFUND and row.state in counted
        for share in shares_of_json(row.shares, currency)
    ]
    return splits_of_json(capture.shares, currency), refunds


def _left_of(
    splits: Sequence[Split], refunds: Sequence[postings.RefundShare], legs: Collection[str]
) -> int:
    taken = sum(split.gross.minor for split in splits if split.leg_id in legs)
    return taken - sum(share.gross.minor for share in refunds if share.leg_id in legs)


async def _finish(engine: AsyncEngine, gateway: Gateway, payment_id: str, now: datetime) -> None:
    """Call what is open, each read first, until nothing is or the processor cannot tell."""
    seen: set[tuple[str, int]] = set()
    for _ in range(MOST_CALLS):
        async with engine.begin() as tx:
            operation = _next(await find_open_operations(tx, payment_id), seen)
        if operation is None:
            return
        seen.add((operation.id, operation.attempt))
        outcome = await call(gateway, operation)
        async with engine.begin() as tx:
            await record(tx, operation, outcome, now)


def _next(found: Sequence[Operation], seen: set[tuple[str, int]]) -> Operation | None:
    return next((each for each in found if (each.id, each.attempt) not in seen), None)
