"""Reconcile the ledger with the processor: read it, store its lines, match, post the rest.

Nothing is adjusted: what does not match to the cent becomes a case (``matching.CaseKind``). A run
looks at everything that no earlier run has matched, so a line that comes late closes its case.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from payments import ledger, postings
from payments.accounts import Account, Role
from payments.cases import file_cases, list_not_closed
from payments.disputes import record_disputes
from payments.gateway import BalanceLine, Gateway, LineCategory
from payments.matching import Case, CaseKind, Known, Match, Movement, match
from payments.money import EUR, Money
from payments.operation import OperationKind, OperationState
from payments.payment import PaymentState
from payments.postings import JournalKind, Origin
from payments.reconciliation import Reconciliation, store_run
from payments.refund_failures import list_failed_refunds, take_refund_back
from payments.statement import (
    EVER,
    Statement,
    fetch_statement,
    is_among,
    line_of,
    store_lines,
)
from payments.tables import (
    balance_line,
    entry,
    journal,
    money_operation,
    payment,
    reconciliation,
    reconciliation_match,
)

_LOOK_BACK = timedelta(days=3)
"""Each run reads this much again: the processor may show a line late."""
_LOCK = 7_310_514


async def reconcile(
    engine: AsyncEngine, gateway: Gateway, *, now: datetime, currency: str = EUR
) -> Reconciliation:
    """One run: read the processor, then record in one transaction.

    Raises:
        UnreachableError: the processor cannot be read now.
    """
    async with engine.connect() as connection:
        since = await find_since(connection)
    statement = await fetch_statement(gateway, since=since, now=now)
    async with engine.begin() as tx:
        return await record_statement(tx, statement, now=now, currency=currency)


async def find_since(tx: AsyncConnection) -> datetime:
    """From when on the processor is to be read."""
    last = await tx.scalar(select(func.max(reconciliation.c.fetched_at)))
    return EVER if last is None else last - _LOOK_BACK


async def record_statement(
    tx: AsyncConnection, statement: Statement, *, now: datetime, currency: str = EUR
) -> Reconciliation:
    """Store a statement, match what is not yet matched, post what follows; one run at a time."""
    await tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    await store_lines(tx, statement)
    lines = await _list_unmatched_lines(tx)
    movements = await _list_unmatched_movements(tx, currency)
    dispute_cases = await record_disputes(tx, statement.disputes, now)
    known = await _know(tx, statement, lines, currency)
    found = match(lines, movements, known, currency=currency, read_at=statement.read_at)
    run_id = _new_id()
    fees, paid_out = await _post(tx, found.matches, currency, now)
    booked = await ledger.balance(tx, Account(Role.PROCESSOR, currency))
    theirs = statement.balance.get(currency, Money.zero(currency))
    matched_lines = {each.line.id for each in found.matches}
    matched_movements = {each.movement.operation_id for each in found.matches if each.movement}
    explained = Money.total(
        (
            line.net
            for line in lines
            if line.id not in matched_lines and line.amount.currency == currency
        ),
        currency,
    ) - Money.total(
        (each.amount for each in movements if each.operation_id not in matched_movements), currency
    )
    unexplained = theirs - booked - explained
    cases = [*found.cases, *dispute_cases, *await list_failed_refunds(tx)]
    if unexplained:
        cases.append(
            Case(
                CaseKind.BALANCE,
                currency,
                unexplained,
                f"the processor has {theirs}, the ledger {booked}; the lines explain {explained}",
            )
        )
    cases = await list_not_closed(tx, cases)
    result = Reconciliation(
        run_id,
        statement.since,
        statement.read_at,
        now,
        len(lines),
        len(matched_lines),
        len(cases),
        booked,
        theirs,
        unexplained,
        fees,
        paid_out,
    )
    await store_run(tx, result, found.matches)
    await file_cases(tx, run_id, cases, now)
    return result


def _new_id() -> str:
    return "rec_" + base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()


async def _list_unmatched_lines(tx: AsyncConnection) -> list[BalanceLine]:
    rows = await tx.execute(
        select(balance_line)
        .outerjoin(reconciliation_match, reconciliation_match.c.line_id == balance_line.c.id)
        .where(reconciliation_match.c.line_id.is_(None))
        .order_by(balance_line.c.created_at, balance_line.c.id)
    )
    return [line_of(row) for row in rows]


async def _list_unmatched_movements(tx: AsyncConnection, currency: str) -> list[Movement]:
    account = Account(Role.PROCESSOR, currency).code
    matched = select(reconciliation_match.c.operation_id).where(
        reconciliation_match.c.operation_id == journal.c.operation_id
    )
    rows = await tx.execute(
        select(
            journal.c.operation_id,
            journal.c.booking_id,
            journal.c.payment_id,
            func.sum(entry.c.amount_minor).label("total"),
            func.max(journal.c.recorded_at).label("recorded_at"),
            money_operation.c.kind,
            money_operation.c.psp_id,
            payment.c.hold_id,
        )
        .join(
            entry,
            (entry.c.posted_on == journal.c.posted_on) & (entry.c.journal_id == journal.c.id),
        )
        .join(
            money_operation,
            (money_operation.c.payment_id == journal.c.payment_id)
            & (money_operation.c.id == journal.c.operation_id),
        )
        .join(payment, payment.c.id == journal.c.payment_id)
        .where(
            entry.c.account_code == account,
            journal.c.kind != JournalKind.FEE.value,
            ~matched.exists(),
        )
        .group_by(
            journal.c.operation_id,
            journal.c.booking_id,
            journal.c.payment_id,
            money_operation.c.kind,
            money_operation.c.psp_id,
            payment.c.hold_id,
        )
        .having(func.sum(entry.c.amount_minor) != 0)
        .order_by(journal.c.operation_id)
    )
    return [
        Movement(
            row.operation_id,
            row.payment_id,
            row.booking_id,
            row.hold_id,
            row.psp_id,
            row.kind == OperationKind.REFUND,
            Money(int(row.total), currency),
            row.recorded_at,
        )
        for row in rows
    ]


async def _know(
    tx: AsyncConnection, statement: Statement, lines: Sequence[BalanceLine], currency: str
) -> Known:
    named = {
        line.operation_id.replace(".authorise", ".capture") for line in lines if line.operation_id
    }
    unfinished = await tx.execute(
        select(money_operation.c.id).where(
            is_among(money_operation.c.id, named),
            money_operation.c.state != OperationState.DONE.value,
        )
    )
    matched = await tx.execute(
        select(reconciliation_match.c.operation_id).where(
            is_among(reconciliation_match.c.operation_id, named)
        )
    )
    return Known(
        frozenset(unfinished.scalars()),
        frozenset(matched.scalars()),
        statement.payouts,
        {
            payout_id: Money.total(
                (line.net for line in lines if line.category is not LineCategory.PAYOUT), currency
            )
            for payout_id, lines in statement.payout_lines.items()
        },
        frozenset(each.id for each in statement.disputes),
        await _refunds_matched(tx, lines),
        await _refunds_in_vain(tx, lines),
        await _debits_under_way(tx),
    )


async def _debits_under_way(tx: AsyncConnection) -> frozenset[str]:
    found = await tx.scalars(
        select(payment.c.hold_id).where(payment.c.state == PaymentState.PROCESSING.value)
    )
    return frozenset(hold_id for hold_id in found if hold_id is not None)


async def _refunds_matched(tx: AsyncConnection, lines: Sequence[BalanceLine]) -> frozenset[str]:
    sources = {line.source_id for line in lines if line.category is LineCategory.REFUND_FAILURE}
    found = await tx.execute(
        select(balance_line.c.source_id)
        .join(reconciliation_match, reconciliation_match.c.line_id == balance_line.c.id)
        .where(
            is_among(balance_line.c.source_id, sources),
            balance_line.c.category == LineCategory.REFUND.value,
        )
    )
    return frozenset(found.scalars())


async def _refunds_in_vain(tx: AsyncConnection, lines: Sequence[BalanceLine]) -> frozenset[str]:
    sources = {line.source_id for line in lines if line.category is LineCategory.REFUND}
    found = await tx.execute(
        select(money_operation.c.psp_id).where(
            is_among(money_operation.c.psp_id, sources),
            money_operation.c.kind == OperationKind.REFUND.value,
            money_operation.c.state == OperationState.DECLINED.value,
        )
    )
    return frozenset(found.scalars())


async def _post(
    tx: AsyncConnection, matches: Sequence[Match], currency: str, now: datetime
) -> tuple[Money, Money]:
    fees = paid_out = Money.zero(currency)
    for each in matches:
        line, movement = each.line, each.movement
        origin = None
        if movement is not None:
            origin = Origin(movement.booking_id, movement.payment_id, movement.operation_id)
        drafts = postings.fee_charged(line.id, line.fee, origin)
        fees += line.fee
        if line.category is LineCategory.PAYOUT:
            drafts += postings.paid_out(line.id, line.source_id or "", -line.amount)
            paid_out -= line.amount
        elif line.category is LineCategory.DISPUTE:
            drafts += postings.disputed(line.id, line.amount, line.source_id or "")
        elif line.category is LineCategory.FEE:
            drafts += postings.fee_charged(f"{line.id}:amount", -line.amount, None)
            fees -= line.amount
        elif line.category is LineCategory.REFUND_FAILURE:
            await take_refund_back(tx, line.source_id or "", now)
        for draft in drafts:
            await ledger.append(tx, draft, event_at=line.created_at, now=now)
    return fees, paid_out
