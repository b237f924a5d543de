"""The payment of a trip: authorise its ceiling, capture what was used, release or refund.

What was used beyond that is owed, and collected apart (``mobility/booking/collect.py``).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.booking.collect import ask_to_collect
from mobility.booking.desk import Desk
from mobility.booking.moves import Act
from mobility.booking.trip import Aim, LegState, Trip
from mobility.booking.trips import get_trip
from mobility.db import transaction
from mobility.tables import booking, leg
from payments import charge, refund
from payments.collect import book_owed
from payments.disputes import count_as_refunded
from payments.errors import OutcomeUnknownError, UnreachableError
from payments.money import Money
from payments.operation import OPEN_STATES, Operation, OperationKind, OperationState, OutcomeKind
from payments.payment import find_open_operations, find_payment, get_payment
from payments.postings import Split

LONGEST_WAIT = timedelta(seconds=15)


class PaymentStuckError(Exception):
    """The processor refuses for good what the trip needs; a person must look at it."""


async def bring_about(desk: Desk, trip: Trip, act: Act) -> timedelta | None:
    """Do one act on the trip's payment.

    Returns:
        None when it is decided, else how long to wait before asking again.
    """
    waited = desk.clock() - trip.created_at
    wait = min(LONGEST_WAIT, timedelta(seconds=0.5) + waited / 20)
    try:
        needed = act in (Act.AUTHORISE, Act.OWE)
        customer_ref = await desk.customer(trip.rider_id) if needed else ""
    except (UnreachableError, OutcomeUnknownError):
        return wait
    async with transaction(desk.engine) as tx:
        now = desk.clock()
        operation = await _prepare(tx, desk, trip.id, act, customer_ref, now)
    while operation is not None:
        outcome = await charge.call(desk.gateway, operation)
        async with transaction(desk.engine) as tx:
            payment = await charge.record(tx, operation, outcome, desk.clock())
            await ask_to_collect(tx, payment, desk.clock())
        operation = payment.next_operation
        if outcome.kind not in (OutcomeKind.DONE, OutcomeKind.DECLINED):
            return wait
    return None


_PAID_BY = select(booking.c.payment_id, booking.c.payment_method).where(
    booking.c.id == bindparam("booking_id")
)


async def _prepare(
    tx: AsyncConnection, desk: Desk, booking_id: str, act: Act, customer_ref: str, now: datetime
) -> Operation | None:
    trip = await get_trip(tx, booking_id, lock=True)
    row = (await tx.execute(_PAID_BY, {"booking_id": booking_id})).one()
    match act:
        case Act.AUTHORISE:
            if await find_payment(tx, row.payment_id) is not None:
                open_operations = await find_open_operations(tx, row.payment_id)
                return open_operations[0] if open_operations else None
            return await charge.prepare_authorisation(
                tx,
                payment_id=row.payment_id,
                booking_id=booking_id,
                amount=trip.ceiling,
                customer_ref=customer_ref,
                method=row.payment_method,
                return_url=desk.return_url,
                now=now,
            )
        case Act.OWE:
            await book_owed(
                tx,
                payment_id=row.payment_id,
                booking_id=booking_id,
                splits=await _splits(tx, trip),
                customer_ref=customer_ref,
                method=row.payment_method,
                return_url=desk.return_url,
                now=now,
            )
            await ask_to_collect(tx, await get_payment(tx, row.payment_id), now)
            return None
        case Act.CAPTURE | Act.RELEASE if begun := await _find_begun(tx, row.payment_id):
            return begun
        case Act.CAPTURE:
            splits = await _splits(tx, trip)
            operation = await charge.prepare_capture(
                tx, row.payment_id, Money.total(split.gross for split in splits), splits, now=now
            )
            return _still_open(operation)
        case Act.RELEASE:
            release = await charge.prepare_release(tx, row.payment_id, now=now)
            return None if release is None else _still_open(release)
        case Act.REFUND:
            prepared = await _prepare_refund(tx, trip, row.payment_id, now)
            return None if prepared is None else _still_open(prepared)
        case Act.LEG | Act.LOOK:
            raise ValueError("a leg is not paid for by itself")


async def _find_begun(tx: AsyncConnection, payment_id: str) -> Operation | None:
    """A capture or release that may have happened: it is brought to its end before anything."""
    found = await find_open_operations(tx, payment_id)
    decisive = (OperationKind.CAPTURE, OperationKind.CANCEL)
    return next((each for each in found if each.kind in decisive), None)


async def _prepare_refund(
    tx: AsyncConnection, trip: Trip, payment_id: str, now: datetime
) -> Operation | None:
    """Give back what was taken for legs that were not ridden, each from its own provider.

    None where the rider's bank has given it back before: then she owes so much less.
    """
    for begun in await find_open_operations(tx, payment_id):
        if begun.kind is OperationKind.REFUND:
            return begun  # of another amount perhaps, if the aim has changed: it comes first
    travelling = trip.aim is Aim.TRAVEL
    keep = trip.final if travelling else Money.zero(trip.price.currency)
    free = (leg.id for leg in trip.provided if leg.final is not None and not leg.final)
    given_up = {leg.id for leg in trip.provided if leg.state is LegState.CANCELLED}.union(free)
    back, reason = trip.kept - keep, "requested_by_customer"
    key, legs = str(keep.minor), given_up if travelling else None
    if await count_as_refunded(tx, payment_id, back, reason, key=key, legs=legs, now=now):
        return None
    return await refund.prepare_refund(tx, payment_id, back, reason, key=key, legs=legs, now=now)


def _still_open(operation: Operation) -> Operation:
    if operation.state in OPEN_STATES:
        return operation
    if operation.state is OperationState.DECLINED:
        raise PaymentStuckError(
            f"{operation.id} was refused by the processor; see the payment's trace"
        )
    raise PaymentStuckError(f"{operation.id} is {operation.state} but the trip asks for it again")


async def _splits(tx: AsyncConnection, trip: Trip) -> list[Split]:
    """What each used leg brings to its provider; sums to what the trip costs."""
    rows = {row.id: row for row in await tx.execute(select(leg).where(leg.c.booking_id == trip.id))}
    fixed_now = (LegState.ENDED, LegState.CONFIRMED, LegState.ACTIVE)
    due = [
        (item, item.quoted if item.final is None else item.final)
        for item in trip.provided
        if item.state is LegState.ENDED or (not trip.metered and item.state in fixed_now)
    ]
    due = [(item, price) for item, price in due if price]
    return [
        Split(
            provider_id=str(item.provider_id),
            leg_id=item.id,
            gross=price,
            vat_percent=rows[item.id].vat_percent,
            commission=price.times(rows[item.id].commission_percent / 100),
            tariff_version=rows[item.id].tariff_version or "",
        )
        for item, price in due
    ]
