"""Staff gives a rider money back for a leg of a trip that is over; we bear it.

The leg's provider keeps what it is owed: what it credits us in its turn stands on its statement.
A grant is for ever (``rebates``), so that none is ever made twice.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility import steps
from mobility.audit import Deed, write_down
from mobility.booking import rebates
from mobility.booking.desk import Desk
from mobility.booking.errors import NotFoundError, WrongStateError
from mobility.booking.leg_price import get_leg_price
from mobility.booking.moves import OVER
from mobility.booking.trip import Aim, LegState, Trip, TripLeg
from mobility.booking.trips import get_trip
from mobility.tables import leg, step
from payments.money import Money
from payments.operation import Operation
from payments.refund import GOODWILL

STEP = "pay_goodwill"
GRANTED = "leg.goodwill"
"""As the audit log calls it."""


async def grant_goodwill(
    tx: AsyncConnection, booking_id: str, leg_id: str, amount: Money | None, deed: Deed
) -> Money:
    """Record that so much of what a leg cost goes back, audited; the booking's step pays it.

    Args:
        amount: None for all that the rider has not had back of it.

    Returns:
        What is granted now.

    Raises:
        NotFoundError: there is no such booking or leg.
        WrongStateError: the trip is not over or not paid, or the leg did not cost so much beside
            what its carrier gives back for being late.
    """
    trip = await get_trip(tx, booking_id, lock=True)
    one = next((each for each in trip.provided if each.id == leg_id), None)
    if one is None:
        raise NotFoundError(f"booking {booking_id} has no leg {leg_id} of a provider")
    _refuse_unused(trip, one)
    price = await get_leg_price(tx, trip, one)
    left, granted = price.left, price.granted
    wanted = left if amount is None else amount
    if not left:
        raise WrongStateError(f"all that leg {leg_id} cost has gone back already")
    if not 0 < wanted.minor <= left.minor or wanted.currency != left.currency:
        raise WrongStateError(f"{wanted} cannot go back for leg {leg_id}: {left} of its price can")
    await _leave_given_up(tx, booking_id)
    given = await _prepare(tx, trip, one, wanted, granted, deed.at)
    if amount is not None and given != amount:
        raise WrongStateError(
            f"{wanted} cannot go back for leg {leg_id}: of what was charged for {booking_id} only "
            f"{given} has not gone back already"
        )
    await tx.execute(
        update(leg)
        .where(leg.c.booking_id == booking_id, leg.c.id == leg_id)
        .values(goodwill_minor=(granted + given).minor)
    )
    await write_down(tx, replace(deed, reason=f"{given}: {deed.reason}"))
    await steps.enqueue(tx, kind=STEP, key=booking_id, run_at=deed.at)
    return given


async def _leave_given_up(tx: AsyncConnection, booking_id: str) -> None:
    """What staff gave up is paid otherwise: the step that is asked for now must not pay it too."""
    mine = (step.c.kind == STEP, step.c.key == booking_id)
    if await tx.scalar(select(step.c.given_up_at).where(*mine)) is not None:
        await rebates.leave_refunds(tx, booking_id, GOODWILL)


def _refuse_unused(trip: Trip, one: TripLeg) -> None:
    if trip.state not in OVER:
        raise WrongStateError(
            f"booking {trip.id} is {trip.state}; one that is not over is given back as a whole"
        )
    if trip.aim is Aim.GIVE_BACK:
        raise WrongStateError(f"booking {trip.id} was given back as a whole; it costs nothing")
    if one.state is not LegState.ENDED:
        raise WrongStateError(f"leg {one.id} is {one.state}; it was not used and costs nothing")


async def _prepare(
    tx: AsyncConnection, trip: Trip, one: TripLeg, wanted: Money, granted: Money, now: datetime
) -> Money:
    """The refund, under a key that says for which part of the leg's price it is."""
    charged = await rebates.list_charged(tx, trip.payment_id)
    if not charged:
        raise WrongStateError(f"for booking {trip.id} nothing was charged, or something is owed")
    key = f"{GOODWILL}.{one.id}.{granted.minor}"
    given = await rebates.prepare_refunds(tx, charged, wanted, reason=GOODWILL, key=key, now=now)
    if not given:
        raise WrongStateError(f"all that was charged for booking {trip.id} has gone back already")
    return given


async def note_found(
    tx: AsyncConnection, booking_id: str, key: str, given: Money, deed: Deed
) -> None:
    """Count a refund that staff granted before a restore to its leg, audited.

    ``key`` names the leg and what had been granted for it before (``_prepare``). No leg counts more
    than it costs as it was rebuilt.
    """
    leg_id, _, before = key.removeprefix(f"{GOODWILL}.").partition(".")
    mine = (leg.c.booking_id == booking_id, leg.c.id == leg_id)
    granted = func.greatest(leg.c.goodwill_minor, int(before)) + given.minor
    most = func.coalesce(leg.c.final_minor, leg.c.quoted_minor)
    await tx.execute(update(leg).where(*mine).values(goodwill_minor=func.least(granted, most)))
    subject = f"{booking_id} {leg_id}"
    await write_down(tx, replace(deed, subject=subject, reason=f"{given}: {deed.reason}"))


async def list_goodwill(tx: AsyncConnection, booking_id: str) -> list[tuple[str, Operation]]:
    """The refunds that staff granted for a booking, in the order of time, each with its leg."""
    return [
        (leg_of(operation), operation)
        for operation in await rebates.list_refunds(tx, booking_id, GOODWILL)
    ]


def leg_of(granted: Operation) -> str:
    """The leg that a refund was granted for, by the key that ``_prepare`` gave it."""
    return granted.id.partition(f".{GOODWILL}.")[2].partition(".")[0]


async def pay_goodwill(desk: Desk, booking_id: str) -> datetime | None:
    """Make the refunds that were granted for a booking.

    Returns:
        When to look again, or None when all are made.

    Raises:
        PaymentStuckError: the processor refuses one; asked again, it is asked once more.
    """
    return await rebates.make_refunds(desk, booking_id, GOODWILL)
