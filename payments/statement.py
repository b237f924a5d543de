"""What the processor says of our balance: read over the network, then stored line by line."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Row, String, any_, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.gateway import BalanceLine, Dispute, Gateway, LineCategory, Payout
from payments.money import Money
from payments.tables import balance_line, money_operation, payment

EVER = datetime(2020, 1, 1, tzinfo=UTC)
"""Before anything of ours: a payout may hold lines much older than itself."""
_READ_TIMES = 3
DISPUTES_LAST = timedelta(days=180)
"""Longer than a bank takes to decide (docs.stripe.com/disputes/how-disputes-work)."""


@dataclass(frozen=True, slots=True)
class Statement:
    """Lines and payouts since an instant, and the balance that goes with them."""

    since: datetime
    read_at: datetime
    """When reading began: what happened later may be missing."""
    lines: tuple[BalanceLine, ...]
    payouts: tuple[Payout, ...]
    payout_lines: Mapping[str, tuple[BalanceLine, ...]]
    balance: Mapping[str, Money]
    disputes: tuple[Dispute, ...] = ()


async def fetch_statement(gateway: Gateway, *, since: datetime, now: datetime) -> Statement:
    """Read the processor, again if the balance moved meanwhile, so that lines and balance agree.

    Raises:
        UnreachableError: the processor cannot be read now.
    """
    before = await gateway.get_balance()
    for _ in range(_READ_TIMES):
        lines = await gateway.list_balance_lines(since=since)
        payouts = await gateway.list_payouts(since=since)
        after = await gateway.get_balance()
        if after == before:
            break
        before = after
    of_payout = {
        payout.id: tuple(await gateway.list_balance_lines(since=EVER, payout_id=payout.id))
        for payout in payouts
        if payout.automatic
    }
    disputes = await gateway.list_disputes(since=now - DISPUTES_LAST)
    return Statement(since, now, tuple(lines), tuple(payouts), of_payout, after, tuple(disputes))


def is_among(
    column: ColumnElement[str] | ColumnElement[str | None], names: Collection[str | None]
) -> ColumnElement[bool]:
    """Whether a column has one of the names, in one parameter: a query takes 32 767 at most."""
    return column == any_(literal(list(names), ARRAY(String)))


async def store_lines(tx: AsyncConnection, statement: Statement) -> None:
    """Store the lines that are new, and which payout each is in."""
    rows = [
        {
            "id": line.id,
            "category": line.category.value,
            "wire_type": line.wire_type,
            "currency": line.amount.currency,
            "amount_minor": line.amount.minor,
            "fee_minor": line.fee.minor,
            "net_minor": line.net.minor,
            "source_id": line.source_id,
            "hold_id": line.hold_id,
            "operation_id": line.operation_id,
            "created_at": line.created_at,
            "available_at": line.available_at,
            "fetched_at": statement.read_at,
        }
        for line in statement.lines
    ]
    if rows:
        await tx.execute(insert(balance_line).on_conflict_do_nothing(), rows)
    for payout_id, lines in statement.payout_lines.items():
        ids = [line.id for line in lines]
        await tx.execute(
            update(balance_line)
            .where(is_among(balance_line.c.id, ids), balance_line.c.payout_id.is_(None))
            .values(payout_id=payout_id)
        )


def line_of(row: Row[tuple[object, ...]]) -> BalanceLine:
    """The line a row of ``balance_line`` holds."""
    return BalanceLine(
        id=row.id,
        category=LineCategory(row.category),
        wire_type=row.wire_type,
        amount=Money(row.amount_minor, row.currency),
        fee=Money(row.fee_minor, row.currency),
        net=Money(row.net_minor, row.currency),
        source_id=row.source_id,
        hold_id=row.hold_id,
        operation_id=row.operation_id,
        created_at=row.created_at,
        available_at=row.available_at,
    )


async def list_booking_lines(tx: AsyncConnection, booking_id: str) -> Sequence[BalanceLine]:
    """The processor's lines that carry a booking's holds or operations, oldest first."""
    holds = select(payment.c.hold_id).where(
        payment.c.booking_id == booking_id, payment.c.hold_id.is_not(None)
    )
    operations = (
        select(money_operation.c.id)
        .join(payment, payment.c.id == money_operation.c.payment_id)
        .where(payment.c.booking_id == booking_id)
    )
    rows = await tx.execute(
        select(balance_line)
        .where(
            balance_line.c.hold_id.in_(holds.scalar_subquery())
            | balance_line.c.operation_id.in_(operations.scalar_subquery())
        )
        .order_by(balance_line.c.created_at, balance_line.c.id)
    )
    return [line_of(row) for row in rows]
