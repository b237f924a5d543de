"""Collect what a rider owes for a ride that cost more than was authorised.

First without her, unless she had set a spend ceiling: then, and when that is refused, she pays it
herself, and books nothing new before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility import steps
from mobility.booking.day_ceiling import ask_to_cap
from mobility.booking.desk import Desk
from mobility.booking.errors import ArrearsError, DebitRefusedError, DebitUnderWayError
from mobility.booking.moves import OVER
from mobility.booking.rebooked import ask_to_bear
from mobility.booking.trip import Aim, Trip
from mobility.booking.trips import get_trip
from mobility.db import transaction
from mobility.tables import booking
from payments import charge
from payments.collect import prepare_charge, prepare_next, waive, waive_part
from payments.debt import Debt, DebtState, get_debt, leave, list_debts
from payments.errors import DebtNotFoundError, PaymentConflictError
from payments.money import Money
from payments.operation import OutcomeKind
from payments.payment import Payment, PaymentState, find_payment, get_payment

STEP = "collect_debt"
ASK_AGAIN = timedelta(seconds=15)
LOOK_AGAIN = timedelta(hours=1)
"""When a debit on its way is read again, should the processor not tell before."""
MOST_CALLS = 20
"""More calls in one go than any charge needs."""


async def ask_to_collect(tx: AsyncConnection, payment: Payment, now: datetime) -> None:
    """Ask for what a payment fell short by, if it did; from a rider with a ceiling only by her.

    Of a booking that is undone it is forgiven, when all that was taken is back. Of one that goes on
    nothing is asked for before it is over: a leg may yet cost nothing.
    """
    if not payment.receivable:
        return
    debt = await get_debt(tx, payment.id)
    row = (await tx.execute(select(booking).where(booking.c.id == payment.booking_id))).one()
    if debt.state is not DebtState.OPEN:
        return
    if row.aim != Aim.TRAVEL:
        if payment.state in (PaymentState.REFUNDED, PaymentState.RELEASED):
            await waive(tx, debt.id, now)
        return
    if row.state not in OVER:
        return
    if row.spend_ceiling_minor is not None:
        await leave(tx, debt.id, "spend_ceiling", now)
        return
    await steps.enqueue(tx, kind=STEP, key=debt.id, run_at=now)


async def settle_owed(tx: AsyncConnection, trip: Trip, now: datetime) -> None:
    """Of a trip that is over forgive what is owed for legs that were not used; ask for the rest."""
    travelled = trip.aim is Aim.TRAVEL
    final = trip.final if travelled else Money.zero(trip.price.currency)
    unused = trip.kept + trip.owed - final
    if unused.minor > 0:
        await waive_part(
            tx, trip.payment_id, unused, trip.costing_nothing if travelled else None, now
        )
    await ask_to_collect(tx, await get_payment(tx, trip.payment_id), now)


async def collect(desk: Desk, debt_id: str) -> datetime | None:
    """Bring the charge of a debt as far as it goes now.

    Returns:
        When to look again, or None when it is paid, left to the rider, or was forgiven meanwhile.
    """
    for _ in range(MOST_CALLS):
        async with transaction(desk.engine) as tx:
            try:
                operation = await prepare_next(tx, debt_id, desk.clock())
            except DebtNotFoundError:
                return None
            debt = await get_debt(tx, debt_id)
        if operation is None:
            await _settled(desk, debt)
            return None
        outcome = await charge.call(desk.gateway, operation)
        async with transaction(desk.engine) as tx:
            await charge.record(tx, operation, outcome, desk.clock())
        if outcome.kind not in (OutcomeKind.DONE, OutcomeKind.DECLINED):
            await desk.changed(debt.booking_id)
            on_its_way = outcome.kind is OutcomeKind.PROCESSING
            return desk.clock() + (LOOK_AGAIN if on_its_way else ASK_AGAIN)
    raise RuntimeError(f"the charge of debt {debt_id} does not come to rest")


async def _settled(desk: Desk, debt: Debt) -> None:
    """Tell who watches, and have rebates seen to that waited for the debt.

    Also where what is left is too little to be charged: nobody will ever pay it.
    """
    if not debt.is_due:
        async with transaction(desk.engine) as tx:
            await ask_to_cap(tx, desk, debt.booking_id, desk.clock())
            await ask_to_bear(tx, await get_trip(tx, debt.booking_id), desk.clock())
    await desk.changed(debt.booking_id)


@dataclass(frozen=True, slots=True)
class Owed:
    """What a rider owes for one booking, and where she may confirm a charge that is under way."""

    debt: Debt
    redirect_url: str | None


async def list_owed(
    tx: AsyncConnection, rider_id: str, *, booking_id: str | None = None
) -> list[Owed]:
    """What a rider owes, or once owed, for her bookings or for one of them; the oldest first."""
    mine = select(booking.c.payment_id).where(booking.c.rider_id == rider_id)
    if booking_id is not None:
        mine = mine.where(booking.c.id == booking_id)
    found = []
    for debt in await list_debts(tx, list(await tx.scalars(mine))):
        under_way = await find_payment(tx, debt.charge_id)
        found.append(Owed(debt, under_way.redirect_url if under_way else None))
    return found


async def refuse_debtors(tx: AsyncConnection, rider_id: str) -> None:
    """Let nobody book who is in arrears with an amount that can be paid.

    A debit on its way does not count as paid: any IBAN can be typed in, and it may still fail.

    Raises:
        ArrearsError: she is; it names the bookings.
    """
    owed = [each.debt for each in await list_owed(tx, rider_id) if each.debt.is_due]
    late = [debt for debt in owed if debt.state in (DebtState.ARREARS, DebtState.PROCESSING)]
    if late:
        raise ArrearsError(
            tuple(debt.booking_id for debt in late),
            Money.total(debt.left for debt in late),
            all_on_their_way=all(debt.state is DebtState.PROCESSING for debt in late),
        )


async def ask_to_pay(
    tx: AsyncConnection,
    owed: Owed,
    *,
    method: str,
    by_debit: bool = False,
    return_url: str,
    now: datetime,
) -> None:
    """Record that a rider pays what she owes with one of her methods, and the step that does it.

    Raises:
        PaymentConflictError: it is paid, or too little to be charged, or its trip is not over.
        DebitUnderWayError: a debit for it is on its way.
        DebitRefusedError: her bank took it back before, and may do so again.
    """
    debt = await get_debt(tx, owed.debt.id, lock=True)
    trip_state = await tx.scalar(select(booking.c.state).where(booking.c.id == debt.booking_id))
    if debt.state is DebtState.OPEN and trip_state not in OVER:
        raise PaymentConflictError(f"{debt.booking_id} goes on; it is charged once that is over")
    if debt.state is DebtState.PROCESSING:
        raise DebitUnderWayError(
            f"a debit of {debt.left} for booking {debt.booking_id} is on its way, for about six "
            "banking days; /v1/me/arrears will show `paid` or `arrears`. Paying otherwise before "
            "would be paying twice"
        )
    if by_debit and debt.is_of_dispute:
        raise DebitRefusedError(
            f"your bank took {debt.amount} of booking {debt.booking_id} back; pay it by card, "
            "Apple Pay or Google Pay: another debit could be taken back as well"
        )
    if debt.state is not DebtState.COLLECTING:
        await prepare_charge(tx, debt, method=method, return_url=return_url, now=now)
    await steps.enqueue(tx, kind=STEP, key=debt.id, run_at=now)


async def collect_now(desk: Desk, debt_id: str) -> None:
    """Do the step in this process, unless another one is at it."""
    await desk.run_now(STEP, debt_id, collect)
