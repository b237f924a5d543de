"""Forget where somebody travelled: places leave our tables when nobody needs them any more."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, null, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.booking.moves import OVER
from mobility.tables import booking, claim, idempotent_answer, leg, leg_report, ticket

KEEP_PLACES = timedelta(days=30)
"""How long after a trip its places are kept, for complaints about it."""

KEEP_ANSWERS = timedelta(days=2)
"""How long a request may be repeated under its Idempotency-Key."""


async def forget_old_trips(tx: AsyncConnection, now: datetime) -> int:
    """Delete the places and tickets of legs that ended long ago; returns how many legs."""
    await tx.execute(
        delete(idempotent_answer).where(idempotent_answer.c.created_at < now - KEEP_ANSWERS)
    )
    await tx.execute(delete(ticket).where(ticket.c.valid_until < now - KEEP_PLACES))
    await tx.execute(
        update(leg_report)
        .where(leg_report.c.reported_at < now - KEEP_PLACES, leg_report.c.note.is_not(None))
        .values(note=null())
    )
    result = await tx.execute(
        update(leg)
        .where(
            leg.c.arrives_at < now - KEEP_PLACES,
            leg.c.detail.is_not(None),
            leg.c.booking_id.in_(select(booking.c.id).where(booking.c.state.in_(OVER))),
        )
        .values(detail=null(), access_code=null())
    )
    return result.rowcount


async def forget_rider(tx: AsyncConnection, rider_id: str) -> int:
    """Delete the places and tickets of a rider who is erased; returns how many legs."""
    await tx.execute(delete(idempotent_answer).where(idempotent_answer.c.rider_id == rider_id))
    mine = select(booking.c.id).where(booking.c.rider_id == rider_id)
    await tx.execute(update(claim).where(claim.c.booking_id.in_(mine)).values(evidence=null()))
    await tx.execute(
        update(leg_report).where(leg_report.c.rider_id == rider_id).values(note=null())
    )
    await tx.execute(
        update(ticket)
        .where(ticket.c.booking_id.in_(mine))
        .values(device_key=null(), session=null())
    )
    result = await tx.execute(
        update(leg)
        .where(leg.c.booking_id.in_(mine), leg.c.detail.is_not(None))
        .values(detail=null(), access_code=null())
    )
    return result.rowcount
