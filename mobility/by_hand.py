"""What finance has settled by hand, written into the books, or the cases, and the audit log."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility import steps
from mobility.audit import Deed, write_down
from mobility.booking.moves import ADVANCE
from mobility.booking.trip import BookingState
from mobility.tables import booking
from payments.cases import close_by_hand
from payments.money import Money
from payments.refund_failures import transfer_by_hand

TRANSFERRED, CLOSED = "refund.transferred", "case.close"
"""As the audit log calls them."""


async def book_transferred(tx: AsyncConnection, deed: Deed) -> Money:
    """Book that a refund, the deed's subject, was transferred to its rider from our bank.

    A booking that needed attention as it had not got its refund goes on.

    Raises:
        PaymentNotFoundError: no refund of that id is to be paid by hand, or it was already.
    """
    amount, booking_id = await transfer_by_hand(tx, deed.subject, deed.at)
    await write_down(tx, replace(deed, reason=f"{amount}: {deed.reason}"))
    waits = (booking.c.id == booking_id, booking.c.state == BookingState.NEEDS_ATTENTION)
    if await tx.scalar(select(booking.c.id).where(*waits)) is not None:
        await steps.enqueue(tx, kind=ADVANCE, key=booking_id, run_at=deed.at)
    return amount


async def close_case(tx: AsyncConnection, deed: Deed) -> bool:
    """Close the case about the deed's subject, which no reconciliation may ever explain.

    Returns:
        False where none is open that a person may close.
    """
    closed = await close_by_hand(tx, deed.subject, deed.at)
    if closed:
        await write_down(tx, deed)
    return closed
