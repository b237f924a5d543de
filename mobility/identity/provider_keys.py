"""Bearer keys of providers: 256 random bits, shown once, stored as a hash."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.identity import tables
from providers.values import ProviderId

_PREFIX = "mpk_"
_HINT_LENGTH = 10


def hint_of(key: str) -> str:
    """What tells a key from others and does not give it away."""
    return key[:_HINT_LENGTH]


@dataclass(frozen=True, slots=True)
class ProviderKey:
    """What is known of a key once it has been handed out."""

    provider_id: ProviderId
    hint: str
    created_at: datetime
    revoked_at: datetime | None


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


async def add_key(tx: AsyncConnection, provider_id: ProviderId, now: datetime) -> str:
    """A new key, which is readable only in this answer. Older keys stay valid until revoked."""
    key = _PREFIX + secrets.token_urlsafe(32)
    await tx.execute(
        insert(tables.provider_key).values(
            key_hash=_hash(key), provider_id=provider_id, hint=hint_of(key), created_at=now
        )
    )
    return key


async def revoke_keys(tx: AsyncConnection, provider_id: ProviderId, now: datetime) -> int:
    """Revoke all of a provider's keys; says how many there were."""
    column = tables.provider_key.c
    revoked = await tx.execute(
        update(tables.provider_key)
        .where(column.provider_id == provider_id, column.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(column.key_hash)
    )
    return len(revoked.all())


async def find_provider_id(tx: AsyncConnection, key: str) -> ProviderId | None:
    """Whose valid key this is; None if nobody's."""
    column = tables.provider_key.c
    found = await tx.execute(
        select(column.provider_id).where(column.key_hash == _hash(key), column.revoked_at.is_(None))
    )
    provider_id = found.scalar_one_or_none()
    return None if provider_id is None else ProviderId(provider_id)


async def list_keys(tx: AsyncConnection) -> tuple[ProviderKey, ...]:
    """All keys ever handed out, by provider and age."""
    column = tables.provider_key.c
    rows = await tx.execute(
        select(column.provider_id, column.hint, column.created_at, column.revoked_at).order_by(
            column.provider_id, column.created_at
        )
    )
    return tuple(
        ProviderKey(ProviderId(row.provider_id), row.hint, row.created_at, row.revoked_at)
        for row in rows
    )
