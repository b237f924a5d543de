"""Staff ends a booking that is stuck: what can be cancelled is, and all money goes back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from mobility import steps
from mobility.audit import Deed, write_down
from mobility.booking.advance import STEP
from mobility.booking.errors import WrongStateError
from mobility.booking.moves import OVER
from mobility.booking.rebooked import take_no_place
from mobility.booking.trip import Aim
from mobility.booking.trips import get_trip, set_undo_aim
from payments.refund import try_refused_again


async def ask_to_give_back(
    tx: AsyncConnection, booking_id: str, *, actor: str, reason: str, now: datetime
) -> None:
    """Record that staff ends a booking and gives everything back; its step carries it out.

    Asked for again, the step is tried once more, and a refund that the processor refused too.

    Raises:
        NotFoundError: there is no such booking.
        WrongStateError: it is over, so that nothing of it is stuck.
    """
    trip = await get_trip(tx, booking_id, lock=True)
    begins = trip.aim is not Aim.GIVE_BACK
    if trip.state in OVER:
        if begins:
            raise WrongStateError(f"booking {booking_id} is {trip.state}; nothing of it is stuck")
        return
    if begins:
        await take_no_place(tx, trip)
    payment_id = await set_undo_aim(tx, booking_id, Aim.GIVE_BACK, now)
    again = await try_refused_again(tx, payment_id)
    if begins or again:
        await write_down(tx, Deed(actor, "booking.give_back", booking_id, reason, now))
    await steps.enqueue(tx, kind=STEP, key=booking_id, run_at=now)
