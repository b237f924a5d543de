"""Riders: found by e-mail, made at the first sign-in, locked while a trip or an erasure begins."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.identity import tables
from mobility.identity.addresses import email_hash
from mobility.identity.errors import RiderErasedError
from mobility.identity.secrets import Secrets
from mobility.identity.vault import PersonalData, Vault
from mobility.ids import new_id


async def find_rider_id(tx: AsyncConnection, secrets: Secrets, address: str) -> str | None:
    """The rider with this address (as ``read_address`` spells it); None if there is none."""
    column = tables.email_index.c
    found = await tx.execute(
        select(column.rider_id).where(
            column.email_hash == email_hash(secrets.email_index_key, address)
        )
    )
    return found.scalar_one_or_none()


async def get_or_add_rider(
    tx: AsyncConnection, secrets: Secrets, address: str, now: datetime
) -> str:
    """The rider with this address, made if there is none; also when two sign in at once."""
    if found := await find_rider_id(tx, secrets, address):
        return found
    rider_id = new_id("rdr")
    await tx.execute(insert(tables.rider).values(id=rider_id, created_at=now))
    claimed = await tx.execute(
        insert(tables.email_index)
        .values(email_hash=email_hash(secrets.email_index_key, address), rider_id=rider_id)
        .on_conflict_do_nothing(index_elements=["email_hash"])
        .returning(tables.email_index.c.rider_id)
    )
    if claimed.one_or_none() is None:
        await tx.execute(tables.rider.delete().where(tables.rider.c.id == rider_id))
        return await get_or_add_rider(tx, secrets, address, now)
    vault = Vault(secrets.vault_key)
    await vault.add_key(tx, rider_id)
    await vault.write(tx, rider_id, PersonalData(email=address))
    return rider_id


async def lock_rider(tx: AsyncConnection, rider_id: str, *, alone: bool = False) -> None:
    """Keep the rider from being erased until this transaction ends.

    A booking locks together with others; an erasure locks ``alone``, so that neither can begin
    unseen by the other.

    Raises:
        RiderErasedError: unknown or erased.
    """
    column = tables.rider.c
    found = await tx.execute(
        select(column.id)
        .where(column.id == rider_id, column.erased_at.is_(None))
        .with_for_update(read=not alone)
    )
    if found.one_or_none() is None:
        raise RiderErasedError(rider_id)


async def get_created_at(tx: AsyncConnection, rider_id: str) -> datetime:
    """When the account was made.

    Raises:
        RiderErasedError: unknown or erased.
    """
    column = tables.rider.c
    found = await tx.execute(
        select(column.created_at).where(column.id == rider_id, column.erased_at.is_(None))
    )
    created_at: datetime | None = found.scalar_one_or_none()
    if created_at is None:
        raise RiderErasedError(rider_id)
    return created_at
