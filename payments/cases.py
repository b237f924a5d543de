"""The cases that reconciliation opened: kept until a run explains or a person closes them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case as sql_case
from sqlalchemy import select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.matching import Case, CaseKind
from payments.money import Money
from payments.tables import money_operation, reconciliation_case

OF_A_RESTORE = (CaseKind.LOST_BOOKING, CaseKind.LOST_RIDE)
"""What reconciliation neither sees nor explains: a person closes it."""


BY_HAND = (
    CaseKind.DISPUTE,
    CaseKind.AMOUNT,
    CaseKind.MISSING_OURS,
    CaseKind.DUPLICATE,
    CaseKind.UNKNOWN_TYPE,
)
"""What a person may close: no later run may ever explain it."""
_CLOSED = "closed"
"""By a person; it stays so, unlike what a run explained, while runs find the same again."""


@dataclass(frozen=True, slots=True)
class FiledCase:
    """A case as it is kept."""

    case: Case
    reconciliation_id: str
    """The run that saw it last."""
    is_open: bool
    opened_at: datetime
    closed_at: datetime | None


async def file_cases(
    tx: AsyncConnection, reconciliation_id: str, cases: Sequence[Case], now: datetime
) -> None:
    """Open the cases of a run, or keep them open; close those that it no longer sees."""
    for case in cases:
        values = {
            "reconciliation_id": reconciliation_id,
            "currency": case.difference.currency,
            "difference_minor": case.difference.minor,
            "explanation": case.explanation,
            "booking_id": case.booking_id,
            "state": "open",
            "closed_at": None,
        }
        table = reconciliation_case
        reopened = sql_case((table.c.state == "open", table.c.opened_at), else_=now)
        await tx.execute(
            insert(table)
            .values(kind=case.kind.value, subject=case.subject, opened_at=now, **values)
            .on_conflict_do_update(
                index_elements=["kind", "subject"], set_={**values, "opened_at": reopened}
            )
        )
    await tx.execute(
        update(reconciliation_case)
        .where(
            reconciliation_case.c.state == "open",
            reconciliation_case.c.reconciliation_id != reconciliation_id,
            reconciliation_case.c.kind.not_in([kind.value for kind in OF_A_RESTORE]),
        )
        .values(state="explained", closed_at=now)
    )


async def list_not_closed(tx: AsyncConnection, cases: Sequence[Case]) -> list[Case]:
    """The cases of a run without those that a person closed and that say the same as then."""
    table = reconciliation_case
    rows = await tx.execute(select(table).where(table.c.state == _CLOSED))
    closed = {(row.kind, row.subject): (row.difference_minor, row.explanation) for row in rows}
    return [
        case
        for case in cases
        if closed.get((case.kind.value, case.subject)) != (case.difference.minor, case.explanation)
    ]


async def file_lost(
    tx: AsyncConnection, reconciliation_id: str, cases: Sequence[Case], now: datetime
) -> None:
    """Open what a restore leaves to a person; what was opened before, or closed, stays as it is."""
    for case in cases:
        await tx.execute(
            insert(reconciliation_case)
            .values(
                kind=case.kind.value,
                subject=case.subject,
                reconciliation_id=reconciliation_id,
                currency=case.difference.currency,
                difference_minor=case.difference.minor,
                explanation=case.explanation,
                booking_id=case.booking_id,
                state="open",
                opened_at=now,
            )
            .on_conflict_do_nothing()
        )


async def close_case(
    tx: AsyncConnection, subject: str, kinds: Collection[CaseKind], now: datetime
) -> bool:
    """Close what is open of these kinds about a subject, as it is settled in the books.

    Returns:
        False where nothing was open.
    """
    return await _close(tx, subject, kinds, "explained", now)


async def close_by_hand(tx: AsyncConnection, subject: str, now: datetime) -> bool:
    """Close what is open ``BY_HAND`` about a subject for good, as a person has settled it.

    Also a refund that came back and is none of ours, as one that was made in the dashboard.

    Returns:
        False where nothing was open.
    """
    ours = await tx.scalar(select(money_operation.c.id).where(money_operation.c.id == subject))
    kinds = BY_HAND if ours is not None else (*BY_HAND, CaseKind.REFUND_FAILED)
    return await _close(tx, subject, kinds, _CLOSED, now)


async def _close(
    tx: AsyncConnection, subject: str, kinds: Collection[CaseKind], state: str, now: datetime
) -> bool:
    closed = await tx.execute(
        update(reconciliation_case)
        .where(
            reconciliation_case.c.subject == subject,
            reconciliation_case.c.kind.in_([kind.value for kind in kinds]),
            reconciliation_case.c.state == "open",
        )
        .values(state=state, closed_at=now)
    )
    return closed.rowcount > 0


async def list_cases(
    tx: AsyncConnection,
    *,
    only_open: bool = True,
    reconciliation_id: str | None = None,
    subject: str | None = None,
    after: tuple[datetime, str, str] | None = None,
    limit: int = 100,
) -> tuple[FiledCase, ...]:
    """Cases by ``(opened_at, kind, subject)``; ``after`` is the last one already seen."""
    table = reconciliation_case
    query = select(table).order_by(table.c.opened_at, table.c.kind, table.c.subject).limit(limit)
    if only_open:
        query = query.where(table.c.state == "open")
    if reconciliation_id is not None:
        query = query.where(table.c.reconciliation_id == reconciliation_id)
    if subject is not None:
        query = query.where(table.c.subject == subject)
    if after is not None:
        query = query.where(tuple_(table.c.opened_at, table.c.kind, table.c.subject) > after)
    return tuple(
        FiledCase(
            Case(
                CaseKind(row.kind),
                row.subject,
                Money(row.difference_minor, row.currency),
                row.explanation,
                row.booking_id,
            ),
            row.reconciliation_id,
            row.state == "open",
            row.opened_at,
            row.closed_at,
        )
        for row in await tx.execute(query)
    )
