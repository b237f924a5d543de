"""When a booking ends that its rider has held for longer, or would have."""

from __future__ import annotations

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.booking.trip import Ask, AskState, LegState
from mobility.tables import booking, leg, provider_operation


async def apply_extension(tx: AsyncConnection, booking_id: str) -> None:
    """Let a booking be held for longer, once every vehicle of it is."""
    asks = provider_operation
    mine = (asks.c.booking_id == booking_id, asks.c.kind == Ask.EXTEND)
    waiting = await tx.scalar(
        select(func.count()).select_from(asks).where(*mine, asks.c.state != AskState.DONE)
    )
    if waiting:
        return
    held_until = await tx.scalar(
        select(func.min(leg.c.hold_expires_at)).where(
            leg.c.booking_id == booking_id, leg.c.state == LegState.HELD
        )
    )
    end = booking.c.extended_to
    last = end if held_until is None else func.least(end, held_until)
    await tx.execute(
        update(booking)
        .where(booking.c.id == booking_id, end.is_not(None))
        .values(expires_at=func.greatest(booking.c.expires_at, last))
    )


async def drop_extension(tx: AsyncConnection, booking_id: str) -> None:
    """Forget that a booking was to be held for longer, as an operator does not; it ends as before.

    Its rider may ask again.
    """
    await tx.execute(update(booking).where(booking.c.id == booking_id).values(extended_to=None))
