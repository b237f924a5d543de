"""A booking in place of the rest of another one: when the other is given up, and who pays more.

Its rider pays no more for it than the price that was locked; what it costs beyond goes back when it
is settled, at our expense. The other booking is touched only once this one is confirmed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility import steps
from mobility.booking import rebates
from mobility.booking.asks import ask_for, drop_ask
from mobility.booking.desk import Desk
from mobility.booking.leg_reports import (
    Kind,
    LegReport,
    Outcome,
    add_report,
    end_voided,
    void,
)
from mobility.booking.moves import ADVANCE, OVER
from mobility.booking.trip import Aim, Ask, BookingState, LegState, Trip, TripLeg
from mobility.booking.trips import get_trip, lock_booking
from mobility.db import transaction
from mobility.tables import booking, leg_report
from payments.money import Money
from payments.refund import REBOOKING

STEP = "bear_difference"
STANDS = (BookingState.CONFIRMED, BookingState.ACTIVE, BookingState.COMPLETED, BookingState.SETTLED)
"""The states in which a booking is certain."""


@dataclass(frozen=True, slots=True)
class Rebooks:
    """What a booking takes the place of: a booking from one of its legs on."""

    booking_id: str
    leg_id: str
    locked: Money
    """What the rider pays at most for it."""
    certain_by: datetime | None = None
    """When it has failed if it is not confirmed; None: as long as any booking is held."""


def list_given_up(trip: Trip, leg_id: str) -> list[TripLeg]:
    """The legs from that one on that are booked and not used; none where there is no such leg.

    A ticket that its rider has begun is not used by that: she may have tapped at home.
    """
    begins = next((leg.position for leg in trip.legs if leg.id == leg_id), len(trip.legs))
    return [
        leg
        for leg in trip.provided
        if leg.position >= begins
        and (leg.issued or leg.state is LegState.CONFIRMED)
        and not (leg.scarce and leg.pending(Ask.START))
        and not leg.pending(Ask.FINISH)
        and Ask.CANCEL not in leg.asked
    ]


def find_deadline(given_up: list[TripLeg], disturbed: TripLeg, *, by_word: bool) -> datetime | None:
    """When the first ticket becomes valid that is given up and that its rider could use.

    By a carrier's word those before the disturbed leg are of use to her, by her own (``by_word``)
    all others. None where there is none.
    """
    tickets = [leg for leg in given_up if not leg.scarce]
    usable = [leg for leg in tickets if by_word or leg.position < disturbed.position]
    return min((leg.departs_at for leg in usable), default=None)


def lock_price(trip: Trip, given_up: Iterable[TripLeg], unusable: Iterable[TripLeg] = ()) -> Money:
    """What the rider pays at most for what comes in place of these legs.

    As much as they cost her, and as those that turned out to be ``unusable`` would have. Where the
    trip is itself rebooked, no more than its own locked price leaves beside what she keeps of it.
    """
    currency = trip.price.currency
    lost = Money.total((leg.quoted for leg in unusable), currency)
    instead = Money.total((_cost(leg) for leg in given_up), currency) + lost
    kept = [leg for leg in trip.provided if leg.state is not LegState.CANCELLED]
    total = Money.total((_cost(leg) for leg in kept), currency) + lost
    most = total if trip.locked is None else min(total, trip.locked)
    return most - min(total - instead, most)


def _cost(leg: TripLeg) -> Money:
    return leg.quoted if leg.final is None else leg.final


async def find_ceiling_left(tx: AsyncConnection, rebooks: Rebooks) -> Money | None:
    """What a rider's own ceiling leaves for the rest of her trip, beside what she keeps of it.

    None where she had set none.
    """
    mine = booking.c.id == rebooks.booking_id
    minor = await tx.scalar(select(booking.c.spend_ceiling_minor).where(mine))
    if minor is None:
        return None
    trip = await get_trip(tx, rebooks.booking_id)
    gone = [leg.id for leg in list_given_up(trip, rebooks.leg_id)]
    kept = [leg for leg in trip.provided if leg.state is not LegState.CANCELLED]
    ceiling = Money(minor, trip.price.currency)
    if trip.locked is not None:
        ceiling = trip.locked + (ceiling - trip.ceiling)  # as it was meant before it was rebooked
    cost = Money.total((_cost(leg) for leg in kept if leg.id not in gone), ceiling.currency)
    return ceiling - min(cost, ceiling)


class Successor(NamedTuple):
    """The booking that takes the place of another one, from one of its legs on."""

    booking_id: str
    from_leg: str


async def find_successor(tx: AsyncConnection, booking_id: str) -> Successor | None:
    """The booking that takes the place of the rest of this one, failed ones aside."""
    found = select(booking.c.id, booking.c.rebooked_leg_id).where(
        booking.c.rebooked_from == booking_id, booking.c.aim != Aim.FAIL
    )
    row = (await tx.execute(found)).one_or_none()
    return None if row is None else Successor(*row)


async def has_gone_on(tx: AsyncConnection, rider_id: str, since: datetime) -> bool:
    """Whether a rider has gone on in place of a leg that she reported, since then."""
    reported = (
        (leg_report.c.booking_id == booking.c.rebooked_from)
        & (leg_report.c.leg_id == booking.c.rebooked_leg_id)
        & (leg_report.c.kind != Kind.REBOOKED)
    )
    mine = (
        booking.c.rider_id == rider_id,
        booking.c.created_at > since,
        booking.c.aim == Aim.TRAVEL,
    )
    found = select(booking.c.id).join(leg_report, reported).where(*mine).limit(1)
    return await tx.scalar(found) is not None


async def give_up_rebooked(tx: AsyncConnection, trip: Trip, now: datetime) -> None:
    """Give up what a booking that is confirmed now takes the place of; done once, however often.

    In the transaction that confirms it, so that there are never both and never neither. A ticket
    that has become valid is void and costs nothing, everything else is asked to be cancelled.
    """
    row = (
        await tx.execute(
            select(booking.c.rebooked_from, booking.c.rebooked_leg_id).where(
                booking.c.id == trip.id
            )
        )
    ).one()
    await lock_booking(tx, row.rebooked_from)
    old = await get_trip(tx, row.rebooked_from)
    await _divide_lock(tx, trip, old, row.rebooked_leg_id)
    if old.aim is not Aim.TRAVEL or old.state in OVER:
        return
    for leg in list_given_up(old, row.rebooked_leg_id):
        await _report(tx, old, leg, now)
        if not leg.scarce:
            await drop_ask(tx, old.id, leg.id, Ask.START)
            await void(tx, old.id, leg.id, now)
        if not leg.scarce and now >= leg.departs_at:
            await end_voided(tx, old.id, leg.id, now)
        else:
            await ask_for(tx, old.id, leg.id, Ask.CANCEL, now)
    await steps.enqueue(tx, kind=ADVANCE, key=old.id, run_at=now)


async def _divide_lock(tx: AsyncConnection, trip: Trip, old: Trip, leg_id: str) -> None:
    """Lock what is left beside tickets that ended by the clock before they could be given up.

    They stay paid, so that the rider would pay for both. What of the other booking's own locked
    price goes over is locked there no more: a ride that she keeps may cost more than was expected.
    Once: not when it is certain anew.
    """
    if trip.locked is None or trip.state is BookingState.NEEDS_ATTENTION:
        return
    begins = next((leg.position for leg in old.legs if leg.id == leg_id), len(old.legs))
    ended = [
        leg
        for leg in old.provided
        if leg.position >= begins and not leg.scarce and leg.state is LegState.ENDED
    ]
    paid = Money.total((_cost(leg) for leg in ended), trip.locked.currency)
    left = trip.locked - min(paid, trip.locked)
    await _lock(tx, trip.id, left)
    if old.locked is not None and old.aim is Aim.TRAVEL and old.state not in OVER:
        await _lock(tx, old.id, old.locked - min(left, old.locked))


async def _lock(tx: AsyncConnection, booking_id: str, locked: Money) -> None:
    mine = booking.c.id == booking_id
    await tx.execute(update(booking).where(mine).values(locked_minor=locked.minor))


async def take_no_place(tx: AsyncConnection, trip: Trip) -> None:
    """Leave the other booking as it is, which may then be rebooked again.

    Of a locked booking that is ended before it is certain; nothing was given up for it.
    """
    if trip.locked is not None and await _is_uncertain(tx, trip):
        await tx.execute(
            update(booking)
            .where(booking.c.id == trip.id)
            .values(rebooked_from=None, rebooked_leg_id=None, locked_minor=None)
        )


async def _is_uncertain(tx: AsyncConnection, trip: Trip) -> bool:
    """Of one that needs attention what it would take the place of tells: that would be given up.

    One that fails has left that place to another already, whatever it was before.
    """
    if trip.aim is Aim.FAIL:
        return True
    if trip.state is not BookingState.NEEDS_ATTENTION:
        return trip.state in (BookingState.HELD, BookingState.AWAITING_PAYMENT)
    of = select(booking.c.rebooked_from, booking.c.rebooked_leg_id).where(booking.c.id == trip.id)
    row = (await tx.execute(of)).one()
    old = await get_trip(tx, row.rebooked_from)
    return old.state not in OVER and bool(list_given_up(old, row.rebooked_leg_id))


async def _report(tx: AsyncConnection, trip: Trip, leg: TripLeg, now: datetime) -> None:
    """Say on the leg why it costs nothing, also where something else was noted of it before."""
    report = LegReport(
        booking_id=trip.id,
        leg_id=leg.id,
        kind=Kind.REBOOKED,
        outcome=Outcome.GIVEN_BACK,
        believed=True,
        open=False,
        reported_at=now,
    )
    await add_report(tx, report, trip.rider_id)
    mine = (leg_report.c.booking_id == trip.id, leg_report.c.leg_id == leg.id)
    await tx.execute(update(leg_report).where(*mine).values(outcome=Outcome.GIVEN_BACK))


def borne(final: Money, ceiling: Money, locked: Money) -> Money:
    """What of a trip's final price we bear: beyond the locked price, up to its ceiling.

    A ride that goes on beyond what was held for it is its rider's, as any is.
    """
    return max(min(final, ceiling) - locked, Money.zero(final.currency))


async def ask_to_bear(tx: AsyncConnection, trip: Trip, now: datetime) -> None:
    """Ask for the difference to be given back, once a rebooked trip is settled or paid."""
    if trip.locked is not None:
        await steps.enqueue(tx, kind=STEP, key=trip.id, run_at=now)


async def bear_difference(desk: Desk, booking_id: str) -> datetime | None:
    """Give back what a settled trip cost beyond its locked price, once.

    Returns:
        When to look again, or None when nothing is left to do.

    Raises:
        PaymentStuckError: the processor refuses it; asked again, it is asked once more.
    """
    async with transaction(desk.engine) as tx:
        await lock_booking(tx, booking_id)
        trip = await get_trip(tx, booking_id)
        if trip.state is not BookingState.SETTLED or trip.locked is None:
            return None
        charged = await rebates.list_charged(tx, trip.payment_id)
        difference = borne(trip.final, trip.ceiling, trip.locked)
        await rebates.prepare_refunds(
            tx, charged, difference, reason=REBOOKING, key=STEP, now=desk.clock()
        )
    return await rebates.make_refunds(desk, booking_id, REBOOKING)
