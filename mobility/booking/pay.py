"""The payment of a trip: authorise its ceiling, capture what was used, release or refund.

What was used beyond that is owed, and collected apart (``mobility/booking/collect.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.booking.collect import ask_to_collect
from mobility.booking.desk import Desk
from mobility.booking.moves import Act
from mobility.booking.trip import Aim, LegState, PaymentView, Trip, TripLeg
from mobility.booking.trips import get_trip
from mobility.db import transaction
from payments import charge, refund
from payments.collect import book_owed
from payments.disputes import count_as_refunded
from payments.errors import OutcomeUnknownError, PaymentStuckError, UnreachableError
from payments.money import Money
from payments.operation import (
    OPEN_STATES,
    Operation,
    OperationKind,
    OperationState,
    Outcome,
    OutcomeKind,
)
from payments.payment import Payment, find_open_operations, get_payment, get_row
from payments.postings import Split

LONGEST_WAIT = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Called:
    """What became of a call to the processor; to be recorded."""

    operation: Operation
    outcome: Outcome

    @property
    def decided(self) -> bool:
        """Whether it happened or was refused; else it is asked for again."""
        return self.outcome.kind in (OutcomeKind.DONE, OutcomeKind.DECLINED)


def next_ask(desk: Desk, trip: Trip) -> timedelta:
    """How long to wait before the processor is asked again about a trip."""
    waited = desk.clock() - trip.created_at
    return min(LONGEST_WAIT, timedelta(seconds=0.5) + waited / 20)


async def call(desk: Desk, operation: Operation) -> Called:
    """Call the processor; a hold that is made is recorded before it is confirmed."""
    called = Called(operation, await charge.call(desk.gateway, operation))
    if operation.kind is not OperationKind.AUTHORISE or not called.decided:
        return called
    async with transaction(desk.engine) as tx:
        confirm = (await record(tx, called, desk.clock())).next_operation
    return called if confirm is None else await call(desk, confirm)


async def record(tx: AsyncConnection, called: Called, now: datetime) -> Payment:
    """Write what became of a call; again it changes nothing."""
    payment = await charge.record(tx, called.operation, called.outcome, now)
    await ask_to_collect(tx, payment, now)
    return payment


async def bring_about(desk: Desk, trip: Trip, act: Act) -> None:
    """Do one act on a trip's payment, as far as it goes now, and decide nothing else."""
    begins = trip.payment is PaymentView.NONE
    try:
        customer = await desk.customer(trip.rider_id) if begins else ""
    except (UnreachableError, OutcomeUnknownError):
        return
    async with transaction(desk.engine) as tx:
        trip = await get_trip(tx, trip.id, lock=True)
        operation = await prepare(tx, desk, trip, act, customer, desk.clock())
    if operation is None:
        return
    called = await call(desk, operation)
    async with transaction(desk.engine) as tx:
        await record(tx, called, desk.clock())


async def prepare(
    tx: AsyncConnection, desk: Desk, trip: Trip, act: Act, customer: str, now: datetime
) -> Operation | None:
    """Store what an act asks of the processor; the booking is locked, and stands as ``trip`` says.

    Whatever it refuses it refuses before it writes anything.

    Returns:
        The operation to call, which may be an earlier one; None when there is nothing to call.

    Raises:
        PaymentStuckError, PaymentConflictError, ValueError: a person must look at it.
    """
    match act:
        case Act.AUTHORISE if trip.payment is not PaymentView.NONE:
            open_operations = await find_open_operations(tx, trip.payment_id)
            return open_operations[0] if open_operations else None
        case Act.AUTHORISE:
            return await charge.prepare_authorisation(
                tx,
                payment_id=trip.payment_id,
                booking_id=trip.id,
                amount=trip.ceiling,
                customer_ref=customer,
                method=trip.payment_method,
                return_url=desk.return_url,
                now=now,
            )
        case Act.OWE:
            await book_owed(
                tx,
                payment_id=trip.payment_id,
                booking_id=trip.id,
                splits=_splits(trip),
                customer_ref=customer,
                method=trip.payment_method,
                return_url=desk.return_url,
                now=now,
            )
            await ask_to_collect(tx, await get_payment(tx, trip.payment_id), now)
            return None
        case Act.CAPTURE | Act.RELEASE if begun := await _find_begun(tx, trip.payment_id):
            return begun
        case Act.CAPTURE:
            splits = _splits(trip)
            operation = await charge.prepare_capture(
                tx, trip.payment_id, Money.total(split.gross for split in splits), splits, now=now
            )
            return _still_open(operation)
        case Act.RELEASE:
            release = await charge.prepare_release(tx, trip.payment_id, now=now)
            return None if release is None else _still_open(release)
        case Act.REFUND:
            prepared = await _prepare_refund(tx, trip, now)
            return None if prepared is None else _still_open(prepared)
        case Act.LEG | Act.LOOK:
            raise ValueError("a leg is not paid for by itself")


async def _find_begun(tx: AsyncConnection, payment_id: str) -> Operation | None:
    """A capture or release that may have happened: it is brought to its end before anything."""
    found = await find_open_operations(tx, payment_id)
    decisive = (OperationKind.CAPTURE, OperationKind.CANCEL)
    return next((each for each in found if each.kind in decisive), None)


async def _prepare_refund(tx: AsyncConnection, trip: Trip, now: datetime) -> Operation | None:
    """Give back what was taken for legs that were not ridden, each from its own provider.

    None where the rider's bank has given it back before: then she owes so much less. Or where that
    was counted just now, since reconciliation does not wait for the booking's lock.
    """
    payment_id = trip.payment_id
    await get_row(tx, payment_id, lock=True)
    trip = await get_trip(tx, trip.id)
    for begun in await find_open_operations(tx, payment_id):
        if begun.kind is OperationKind.REFUND:
            return begun  # of another amount perhaps, if the aim has changed: it comes first
    travelling = trip.aim is Aim.TRAVEL
    keep = trip.final if travelling else Money.zero(trip.price.currency)
    if trip.kept <= keep:
        return None
    back, reason = trip.kept - keep, "requested_by_customer"
    key, legs = str(keep.minor), trip.costing_nothing if travelling else None
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


def _splits(trip: Trip) -> list[Split]:
    """What each used leg brings to its provider; sums to what the trip costs."""
    fixed_now = (LegState.ENDED, LegState.CONFIRMED, LegState.ACTIVE)
    due = [
        (item, item.quoted if item.final is None else item.final)
        for item in trip.provided
        if item.state is LegState.ENDED or (not trip.metered and item.state in fixed_now)
    ]
    return [_split(item, price) for item, price in due if price]


def _split(leg: TripLeg, price: Money) -> Split:
    contract = leg.contract
    if contract is None:
        raise ValueError(f"nothing says what of {leg.id} its provider gets")
    return Split(
        provider_id=str(leg.provider_id),
        leg_id=leg.id,
        gross=price,
        vat_percent=contract.vat_percent,
        commission=price.times(contract.commission_percent / 100),
        tariff_version=contract.tariff_version,
    )
