"""What the processor tells us leads to the bookings it concerns; what it forgets to tell, too.

Nothing is believed here: a booking is only made to advance, which reads the processor. Each of many
is asked for in a transaction of its own: who keeps the step of one while waiting for that of
another might be waited for by whom it waits for.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mobility import steps
from mobility.booking.advance import STEP
from mobility.booking.collect import STEP as COLLECT
from mobility.booking.day_ceiling import STEP as CAP_DAY
from mobility.booking.rebooked import STEP as BEAR
from mobility.booking.trip import BookingState
from mobility.db import transaction
from mobility.tables import booking
from payments.gateway import DisputeState
from payments.payment import get_payment, list_stale_payments
from payments.stripe_events import apply_event, is_about_dispute, list_unapplied
from payments.tables import dispute

OPEN_TOO_LONG = timedelta(seconds=60)
LAPSE_WITHIN = timedelta(hours=12)
WON_WITHIN = timedelta(days=2)
"""How long what waited for a dispute is asked for again: longer than from one run to the next."""
DEBITS_OLDER_THAN = timedelta(hours=2)
"""Twice what a debit's own step waits (``collect.LOOK_AGAIN``): for a step that got lost."""
RECONCILE, EVERYTHING = "reconcile", "all"
"""The step that reads the processor, disputes included."""


async def apply_events(engine: AsyncEngine, now: datetime) -> int:
    """Make the bookings advance that stored webhooks speak of; returns how many webhooks."""
    async with transaction(engine) as tx:
        waiting = await list_unapplied(tx, now)
    for event_id in waiting:
        async with transaction(engine) as tx:
            for payment_id in await apply_event(tx, event_id, now):
                await _advance(tx, payment_id, now)
            if await is_about_dispute(tx, event_id):
                await steps.enqueue(tx, kind=RECONCILE, key=EVERYTHING, run_at=now)
    return len(waiting)


async def find_forgotten(engine: AsyncEngine, now: datetime) -> int:
    """Make the bookings advance whose payment nobody told us about; returns how many."""
    async with transaction(engine) as tx:
        stale = await list_stale_payments(
            tx,
            now,
            older_than=OPEN_TOO_LONG,
            lapse_within=LAPSE_WITHIN,
            debits_older_than=DEBITS_OLDER_THAN,
        )
    for payment_id in stale:
        async with transaction(engine) as tx:
            await _advance(tx, payment_id, now, wake_dead=False)
    return len(stale)


async def see_disputes(engine: AsyncEngine, now: datetime) -> None:
    """Have done what waited for a dispute that has been decided.

    A booking that waits for a person advances. What a settled one has to give back waits while a
    lost dispute is owed: it is asked for again where that was won after all.
    """
    async with transaction(engine) as tx:
        decided = select(dispute.c.booking_id).where(dispute.c.state != DisputeState.OPEN.value)
        those = (booking.c.state == BookingState.NEEDS_ATTENTION, booking.c.id.in_(decided))
        waiting = list(await tx.scalars(select(booking.c.id).where(*those)))
        won = select(dispute.c.booking_id).where(
            dispute.c.state == DisputeState.WON.value, dispute.c.updated_at > now - WON_WITHIN
        )
        over = (booking.c.state == BookingState.SETTLED, booking.c.id.in_(won))
        settled = list(await tx.scalars(select(booking.c.id).where(*over)))
    wanted = [(STEP, booking_id) for booking_id in waiting]
    wanted += [(kind, booking_id) for booking_id in settled for kind in (CAP_DAY, BEAR)]
    for kind, booking_id in wanted:
        async with transaction(engine) as tx:
            await steps.enqueue(tx, kind=kind, key=booking_id, run_at=now, wake_dead=kind == STEP)


async def _advance(
    tx: AsyncConnection, payment_id: str, now: datetime, *, wake_dead: bool = True
) -> None:
    payment = await get_payment(tx, payment_id)
    kind, key = STEP, payment.booking_id
    if payment.debt_id is not None:
        kind, key = COLLECT, payment.debt_id
    elif await tx.scalar(select(booking.c.id).where(booking.c.id == key)) is None:
        return  # of a booking that a restore lost: there is nothing to go on
    await steps.enqueue(tx, kind=kind, key=key, run_at=now, wake_dead=wake_dead)
