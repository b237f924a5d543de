"""For staff: giving back what a leg of a trip that is over cost, in whole or in part."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from mobility.api.dependencies import Now, StaffDep, WiringDep
from mobility.api.give_back import StuckBooking, show
from mobility.api.keyed import KeyedDep
from mobility.api.openapi import problems
from mobility.api.operations import Reason
from mobility.audit import Deed
from mobility.booking.errors import KeyMissingError
from mobility.booking.goodwill import GRANTED, STEP, grant_goodwill, pay_goodwill
from mobility.db import transaction
from payments.money import Money

router = APIRouter(prefix="/v1/operations/bookings", tags=["operations"])


class SomeMoney(BaseModel):
    """More than nothing, in minor units."""

    amount: int = Field(gt=0, le=10_000_000, examples=[210])
    currency: str = Field(pattern=r"^[A-Z]{3}$", examples=["EUR"])

    @property
    def money(self) -> Money:
        """As a value."""
        return Money(self.amount, self.currency)


class Goodwill(Reason):
    """How much goes back, and why."""

    amount: SomeMoney | None = Field(
        default=None, description="When absent, all that the leg cost and has not gone back yet."
    )


@router.post(
    "/{booking_id}/legs/{leg_id}/goodwill",
    status_code=202,
    summary="Give back what a leg of a trip that is over cost",
    responses=problems("idempotency-key-missing", "wrong-state", "idempotency-key-reused"),
)
async def give_goodwill(
    booking_id: str,
    leg_id: str,
    body: Goodwill,
    wiring: WiringDep,
    staff: StaffDep,
    now: Now,
    keyed: KeyedDep,
) -> StuckBooking:
    """Refund it at our own expense; audited, and shown on the receipt as `goodwill`.

    The provider keeps what it is owed. `goodwill` in the answer says how far the refund is: what
    the processor refuses is tried again for an hour, and then rests among the stuck steps.
    """
    if keyed.request is None:
        raise KeyMissingError("goodwill needs an Idempotency-Key header: one per grant")
    async with transaction(wiring.engine) as tx:
        if await keyed.claim(tx):
            amount = None if body.amount is None else body.amount.money
            deed = Deed(staff.rider_id, GRANTED, f"{booking_id} {leg_id}", body.reason, now)
            await grant_goodwill(tx, booking_id, leg_id, amount, deed)
    await wiring.desk.run_now(STEP, booking_id, pay_goodwill)
    async with transaction(wiring.engine) as tx:
        return await show(tx, booking_id)
