"""The payment processor's customer of a rider, known there by a pseudonym only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mobility.db import transaction
from mobility.identity import tables
from mobility.identity.errors import RiderErasedError
from mobility.identity.pseudonyms import provider_pseudonym
from mobility.identity.riders import lock_rider
from mobility.identity.secrets import Secrets
from payments.gateway import Gateway
from providers.values import ProviderId

FORGET_STEP = "forget_customer"
"""The durable step, by rider id, that ``forget_customer`` carries out."""
_PROCESSOR = ProviderId("payment-processor")


async def find_customer(tx: AsyncConnection, rider_id: str) -> str | None:
    """The processor's id of the rider; None before the first payment, and after an erasure."""
    column = tables.processor_customer.c
    found = await tx.execute(
        select(column.customer_id).where(column.rider_id == rider_id, column.forget_at.is_(None))
    )
    return found.scalar_one_or_none()


async def get_or_create_customer(
    engine: AsyncEngine, gateway: Gateway, secrets: Secrets, rider_id: str
) -> str:
    """The processor's id of the rider, made there when there is none.

    Of two that are made at once the later is deleted again.

    Raises:
        RiderErasedError: unknown or erased.
        payments.errors.PaymentError: the processor did not make one.
    """
    async with transaction(engine) as tx:
        await lock_rider(tx, rider_id)
        if found := await find_customer(tx, rider_id):
            return found
    created = await gateway.create_customer(
        provider_pseudonym(secrets.pseudonym_key, _PROCESSOR, rider_id)
    )
    try:
        async with transaction(engine) as tx:
            await lock_rider(tx, rider_id)
            await tx.execute(
                insert(tables.processor_customer)
                .values(rider_id=rider_id, customer_id=created)
                .on_conflict_do_nothing()
            )
            kept = await find_customer(tx, rider_id) or created
    except RiderErasedError:
        await gateway.delete_customer(created)
        raise
    if kept != created:
        await gateway.delete_customer(created)
    return kept


async def mark_forgotten(tx: AsyncConnection, rider_id: str, now: datetime) -> bool:
    """Hide the customer of an erased rider; says whether the processor has to be told."""
    column = tables.processor_customer.c
    marked = await tx.execute(
        update(tables.processor_customer)
        .where(column.rider_id == rider_id)
        .values(forget_at=now)
        .returning(column.rider_id)
    )
    return marked.one_or_none() is not None


async def forget_customer(engine: AsyncEngine, gateway: Gateway, rider_id: str) -> None:
    """Have the processor forget an erased rider's customer and cards; the step's work.

    Raises:
        payments.errors.PaymentError: it did not; the step runs again.
    """
    column = tables.processor_customer.c
    async with transaction(engine) as tx:
        found = await tx.execute(
            select(column.customer_id).where(
                column.rider_id == rider_id, column.forget_at.is_not(None)
            )
        )
        customer_id = found.scalar_one_or_none()
    if customer_id is None:
        return
    await gateway.delete_customer(customer_id)
    async with transaction(engine) as tx:
        await tx.execute(
            delete(tables.processor_customer).where(
                column.rider_id == rider_id, column.customer_id == customer_id
            )
        )
