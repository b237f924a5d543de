"""Who of the staff did what, when and why: written once, never changed (triggers see to it)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.tables import audit

CONSOLE = "console:"
"""Before the account on the machine, where a command was run and no person signed in."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that somebody did."""

    actor: str
    """A rider's pseudonym, or ``console:`` and the account on the machine."""
    action: str
    subject: str
    reason: str
    at: datetime


async def write_down(tx: AsyncConnection, deed: Deed) -> None:
    """Write a deed into the audit log, in the transaction in which it is done."""
    await tx.execute(
        audit.insert().values(
            actor=deed.actor,
            action=deed.action,
            subject=deed.subject,
            reason=deed.reason,
            at=deed.at,
        )
    )


async def list_deeds(
    tx: AsyncConnection, *, limit: int, before: int | None = None
) -> list[tuple[int, Deed]]:
    """The latest deeds with their numbers, the newest first, below the number ``before``."""
    query = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(audit.c.id < before)
    return [
        (row.id, Deed(row.actor, row.action, row.subject, row.reason, row.at))
        for row in await tx.execute(query)
    ]
