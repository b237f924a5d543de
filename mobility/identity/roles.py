"""Who may do what: every rider is a rider; finance and staff are granted."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.identity import tables
from mobility.identity.errors import RiderErasedError


class Role(StrEnum):
    """The roles a person can have. Providers are not persons: they have keys."""

    RIDER = "rider"
    FINANCE = "finance"
    STAFF = "staff"


async def get_roles(tx: AsyncConnection, rider_id: str) -> frozenset[Role]:
    """The roles a rider has now.

    Raises:
        RiderErasedError: unknown or erased.
    """
    rows = await tx.execute(
        select(tables.role_grant.c.role)
        .select_from(tables.rider.outerjoin(tables.role_grant))
        .where(tables.rider.c.id == rider_id, tables.rider.c.erased_at.is_(None))
    )
    granted = list(rows.scalars())
    if not granted:
        raise RiderErasedError(rider_id)
    return frozenset({Role.RIDER, *(Role(role) for role in granted if role)})


async def grant(tx: AsyncConnection, rider_id: str, role: Role, now: datetime) -> bool:
    """Give a rider a role; False, and nothing happens, when the rider has it."""
    if role is Role.RIDER:
        return False
    granted = await tx.execute(
        insert(tables.role_grant)
        .values(rider_id=rider_id, role=role.value, granted_at=now)
        .on_conflict_do_nothing()
        .returning(tables.role_grant.c.rider_id)
    )
    return granted.first() is not None
