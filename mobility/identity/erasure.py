"""Erasing a person (Art. 17 GDPR): the key is shredded, the pseudonym stays in the books."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility import steps
from mobility.booking.forget import forget_rider
from mobility.booking.queries import list_open_bookings
from mobility.claims.states import ClaimState
from mobility.claims.store import list_claims_of_rider
from mobility.db import transaction
from mobility.identity import tables
from mobility.identity.customers import FORGET_STEP, mark_forgotten
from mobility.identity.errors import TripsRunningError
from mobility.identity.mailer import Mailer
from mobility.identity.passes import remove_all_passes
from mobility.identity.riders import lock_rider
from mobility.identity.vault import Vault, shred


async def erase_rider(
    engine: AsyncEngine, vault: Vault, mailer: Mailer, rider_id: str, now: datetime
) -> None:
    """Make a person unrecoverable at once; the processor's copy follows by a durable step.

    Raises:
        RiderErasedError: unknown or erased before.
        TripsRunningError: bookings are open, in which money or a vehicle is still at stake: also
            what a carrier has accepted and its rider has not had.
    """
    async with transaction(engine) as tx:
        await lock_rider(tx, rider_id, alone=True)
        claims = await list_claims_of_rider(tx, rider_id, now)
        promised = [each.booking_id for each in claims if each.state is ClaimState.ACCEPTED]
        if at_stake := [*await list_open_bookings(tx, rider_id), *promised]:
            raise TripsRunningError(tuple(dict.fromkeys(at_stake)))
        address = (await vault.get_person(tx, rider_id)).email
        await remove_all_passes(tx, vault, rider_id, now)
        await shred(tx, rider_id)
        await forget_rider(tx, rider_id)
        await tx.execute(
            update(tables.rider).where(tables.rider.c.id == rider_id).values(erased_at=now)
        )
        if await mark_forgotten(tx, rider_id, now):
            await steps.enqueue(tx, kind=FORGET_STEP, key=rider_id, run_at=now)
    await mailer.forget(address)
