"""A run of reconciliation as it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.errors import PaymentNotFoundError
from payments.matching import Match
from payments.money import Money
from payments.tables import reconciliation, reconciliation_match


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What a run found. ``ledger`` equals ``processor`` when every case is closed."""

    id: str
    since: datetime
    read_at: datetime
    recorded_at: datetime
    line_count: int
    """Lines looked at: those that no earlier run had matched."""
    matched_count: int
    case_count: int
    ledger: Money
    processor: Money
    unexplained: Money
    """What the processor has more than the ledger, beyond what the open cases say."""
    fees: Money
    paid_out: Money

    @property
    def balanced(self) -> bool:
        """Whether there is nothing to look at."""
        return self.case_count == 0 and self.ledger == self.processor


async def store_run(tx: AsyncConnection, result: Reconciliation, matches: Sequence[Match]) -> None:
    """Store a run and what it matched."""
    await tx.execute(
        insert(reconciliation).values(
            id=result.id,
            currency=result.ledger.currency,
            since=result.since,
            fetched_at=result.read_at,
            recorded_at=result.recorded_at,
            line_count=result.line_count,
            matched_count=result.matched_count,
            case_count=result.case_count,
            ledger_minor=result.ledger.minor,
            processor_minor=result.processor.minor,
            unexplained_minor=result.unexplained.minor,
            fees_minor=result.fees.minor,
            paid_out_minor=result.paid_out.minor,
        )
    )
    rows = [
        {
            "line_id": each.line.id,
            "reconciliation_id": result.id,
            "operation_id": each.movement and each.movement.operation_id,
            "booking_id": each.movement and each.movement.booking_id,
            "matched_by": each.by,
        }
        for each in matches
    ]
    if rows:
        await tx.execute(insert(reconciliation_match), rows)


async def get_reconciliation(tx: AsyncConnection, reconciliation_id: str) -> Reconciliation:
    """A run.

    Raises:
        PaymentNotFoundError: no such run.
    """
    query = select(reconciliation).where(reconciliation.c.id == reconciliation_id)
    row = (await tx.execute(query)).first()
    if row is None:
        raise PaymentNotFoundError(f"there is no reconciliation {reconciliation_id}")
    return _reconciliation_of(row)


def _reconciliation_of(row: Row[tuple[object, ...]]) -> Reconciliation:
    return Reconciliation(
        row.id,
        row.since,
        row.fetched_at,
        row.recorded_at,
        row.line_count,
        row.matched_count,
        row.case_count,
        *(
            Money(minor, row.currency)
            for minor in (
                row.ledger_minor,
                row.processor_minor,
                row.unexplained_minor,
                row.fees_minor,
                row.paid_out_minor,
            )
        ),
    )
