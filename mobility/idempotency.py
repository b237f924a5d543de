"""The same ``Idempotency-Key`` and body get the same answer; another body is refused.

After draft-ietf-httpapi-idempotency-key-header. A key belongs to one rider and is kept with the
business rows, in PostgreSQL, so that an answer is repeated also by another process.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.booking.errors import KeyReusedError
from mobility.tables import idempotent_answer


@dataclass(frozen=True, slots=True)
class Request:
    """One request under an idempotency key."""

    rider_id: str
    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What the first request with the key was answered. ``status`` None: it is still worked on."""

    status: int | None
    body: Any


def fingerprint(method: str, path: str, body: bytes) -> str:
    """What makes two requests the same: method, path and the exact body."""
    return hashlib.sha256(b"\x00".join((method.encode(), path.encode(), body))).hexdigest()


async def begin(
    tx: AsyncConnection, request: Request, body: Any, now: datetime
) -> StoredAnswer | None:
    """Claim the key within the transaction that does the work.

    Args:
        body: what a repetition needs to find the work, such as the booking's id.

    Returns:
        None for a new key; else what is stored for it.

    Raises:
        KeyReusedError: the key came before with another request.
    """
    inserted = await tx.execute(
        insert(idempotent_answer)
        .values(
            rider_id=request.rider_id,
            key=request.key,
            fingerprint=request.fingerprint,
            body=body,
            created_at=now,
        )
        .on_conflict_do_nothing()
        .returning(idempotent_answer.c.key)
    )
    if inserted.first() is not None:
        return None
    return await find(tx, request)


async def find(tx: AsyncConnection, request: Request) -> StoredAnswer | None:
    """What is stored for the key; None if it never came.

    Raises:
        KeyReusedError: the key came before with another request.
    """
    row = (
        await tx.execute(
            select(idempotent_answer).where(
                idempotent_answer.c.rider_id == request.rider_id,
                idempotent_answer.c.key == request.key,
            )
        )
    ).one_or_none()
    if row is None:
        return None
    if row.fingerprint != request.fingerprint:
        raise KeyReusedError(
            f"Idempotency-Key {request.key} was used before for another request; use a new key"
        )
    return StoredAnswer(row.status, row.body)


async def complete(tx: AsyncConnection, request: Request, status: int, body: Any) -> None:
    """Store the answer that repetitions get."""
    await tx.execute(
        update(idempotent_answer)
        .where(
            idempotent_answer.c.rider_id == request.rider_id,
            idempotent_answer.c.key == request.key,
        )
        .values(status=status, body=body)
    )
