"""What went back at our own expense and a restored database does not know, taken over as it is.

How much it was is not computed anew: that depends on what was settled before it, and on what staff
thought right.
"""

from __future__ import annotations

from mobility import steps
from mobility.audit import Deed
from mobility.booking import day_ceiling, goodwill, rebates, rebooked
from mobility.booking.desk import Desk
from mobility.booking.trips import lock_booking
from mobility.db import transaction
from payments.found_refunds import FoundRefund, list_found, store_found
from payments.gateway import RefundState
from payments.refund import GOODWILL, REBATE, REBOOKING

ACTOR = "restore"
"""Who granted it, in the audit log: the person's own entry is lost."""
STEPS = {REBATE: day_ceiling.STEP, REBOOKING: rebooked.STEP, GOODWILL: goodwill.STEP}
"""What goes on with one whose reading does not come to its end here."""


async def take_over_rebates(desk: Desk) -> list[str]:
    """Store and book each; run again it finds nothing more. Returns a line for each.

    A reconciliation must have read the processor's lines before. What came back to the processor
    meanwhile is left to be asked for anew.

    Raises:
        PaymentError: the processor cannot be read now.
    """
    async with transaction(desk.engine) as tx:
        found = [(each, _reason_of(each.key)) for each in await list_found(tx)]
    done = []
    for refund, reason in found:
        if reason is not None and await _is_made(desk, refund):
            await _take_over(desk, refund, reason)
            done.append(f"booking {refund.booking_id}: {refund.amount} was given back ({reason})")
    return done


def _reason_of(key: str) -> str | None:
    reasons = {day_ceiling.KEY: REBATE, rebooked.STEP: REBOOKING}
    return GOODWILL if key.startswith(f"{GOODWILL}.") else reasons.get(key)


async def _is_made(desk: Desk, refund: FoundRefund) -> bool:
    receipt = await desk.gateway.find_refund(refund.hold_id, refund.operation_id)
    return receipt is not None and receipt.state is not RefundState.FAILED


async def _take_over(desk: Desk, refund: FoundRefund, reason: str) -> None:
    """By itself: what else is to go back on the booking, and may be refused, is its step's."""
    async with transaction(desk.engine) as tx:
        await lock_booking(tx, refund.booking_id)
        stored = await store_found(tx, refund, reason)
        if reason == REBATE:
            await day_ceiling.note_found(tx, desk, refund.booking_id, refund.amount)
        elif reason == GOODWILL:
            why = f"{refund.operation_id} found at the processor"
            deed = Deed(ACTOR, goodwill.GRANTED, refund.booking_id, why, desk.clock())
            await goodwill.note_found(tx, refund.booking_id, refund.key, refund.amount, deed)
        await steps.enqueue(tx, kind=STEPS[reason], key=refund.booking_id, run_at=desk.clock())
    await rebates.carry_out(desk, stored)
    await desk.changed(refund.booking_id)
