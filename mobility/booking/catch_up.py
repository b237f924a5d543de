"""Bring a booking of a restored database to what its providers and the processor say of it.

What happened since the backup is read and written down as if it had been asked for and answered;
then the booking goes on by the ordinary loop. Where a rider's wish is lost with the rows, what was
done for it tells of it: money that is back with her, a vehicle that was given back. Nothing is
taken from her beyond what was taken before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.booking import pay
from mobility.booking.advance import advance
from mobility.booking.asks import mark_sent
from mobility.booking.collect import collect
from mobility.booking.desk import Desk
from mobility.booking.legs import REACHED, Answer, LegCall, call_one, record_answer
from mobility.booking.moves import OVER, RIDDEN, Act
from mobility.booking.tickets import void_tickets
from mobility.booking.trip import (
    GONE,
    Aim,
    Ask,
    AskState,
    LegState,
    PaymentView,
    Trip,
    TripLeg,
)
from mobility.booking.trips import get_trip, order_of, set_leg, set_undo_aim
from mobility.db import transaction
from payments.debt import DebtState, get_debt
from payments.errors import DebtNotFoundError
from payments.gateway import FoundHold, Hold, HoldState, RefundReceipt, RefundState
from payments.money import Money
from payments.payment import find_payment
from payments.rebuild import store_begun
from payments.tables import debt as debt_table
from providers.values import LegOrder, Reservation, ReservationState

_ON_THE_WAY = (Ask.HOLD, Ask.CONFIRM, Ask.START, Ask.FINISH)
_TAKEN_OVER = frozenset(ReservationState) - {ReservationState.EXPIRED}
"""A hold that ran out is left to the loop, which finds that it cannot be confirmed."""
UNDER_WAY = (DebtState.COLLECTING, DebtState.PROCESSING)
_USED = frozenset({ReservationState.IN_USE, ReservationState.ENDED})


@dataclass(frozen=True, slots=True)
class Outside:
    """What the other sides say of a booking."""

    payment_id: str
    legs: Mapping[str, Reservation]
    """Of the vehicles; of a ticket no system on the other side knows."""
    hold: Hold | None
    refunds: Sequence[RefundReceipt]

    @property
    def taken(self) -> Money | None:
        """What was captured, if anything."""
        return self.hold.captured if self.hold is not None and self.hold.captured else None

    @property
    def all_back(self) -> bool:
        """Whether the rider has all her money: it was released, or refunded whole.

        What a guarantee, a day's ceiling or a locked price gave back counts as kept.
        """
        if self.hold is None or self.taken is None:
            return self.hold is not None and self.hold.state is HoldState.RELEASED
        back = [
            each.amount
            for each in self.refunds
            if each.state is not RefundState.FAILED and self._key_of(each).isdecimal()
        ]
        return Money.total(back, self.taken.currency) == self.taken

    @property
    def kept(self) -> Money | None:
        """What a refund of unused legs left, by the key that it was asked for under."""
        if self.taken is None:
            return None
        keys = (self._key_of(each) for each in self.refunds)
        amounts = [int(key) for key in keys if key.isdecimal()]
        return Money(min(amounts), self.taken.currency) if amounts else None

    def _key_of(self, refund: RefundReceipt) -> str:
        """What the trip's own refunds are asked for under is the amount that it keeps."""
        return (refund.operation_id or "").removeprefix(f"{self.payment_id}.refund.")


async def catch_up(
    desk: Desk, booking_id: str, payment_id: str, found: FoundHold | None
) -> datetime | None:
    """Read a booking's other sides, write down what they say, and let it go on.

    Run again it finds everything written. Returns when to look again, as ``advance`` does.

    Raises:
        ProviderError, PaymentError: a side cannot be read now; nothing was written.
    """
    outside = await _read(desk, booking_id, payment_id, found)
    async with transaction(desk.engine) as tx:
        now = desk.clock()
        trip = await get_trip(tx, booking_id, lock=True)
        if trip.state in OVER:
            return None
        if found is not None:
            await store_begun(tx, found, return_url=desk.return_url, now=now)
        for leg in trip.provided:
            if leg.id in outside.legs:
                order = _order(desk, trip, leg)
                await _take_over(tx, trip.id, leg, order, outside.legs[leg.id], now)
        await _find_lost_wish(tx, trip, outside, now)
    if outside.taken is not None or not outside.all_back:
        await _take_over_tickets(desk, booking_id, outside)
        await _take_over_money(desk, booking_id, outside)
    return await advance(desk, booking_id)


async def _read(desk: Desk, booking_id: str, payment_id: str, found: FoundHold | None) -> Outside:
    async with transaction(desk.engine) as tx:
        trip = await get_trip(tx, booking_id)
        payment = await find_payment(tx, payment_id)
        orders = {leg.id: _order(desk, trip, leg) for leg in trip.provided if leg.scarce}
    legs = {}
    for leg_id, order in orders.items():
        provider = desk.providers.get(order.provider_id)
        if provider is None:
            continue
        reservation = await provider.find_reservation(order, desk.clock())
        if reservation is not None:
            legs[leg_id] = reservation
    hold_id = payment.hold_id if payment is not None else None
    hold_id = hold_id or (found.hold.id if found is not None else None)
    hold = None if hold_id is None else await desk.gateway.get_hold(hold_id)
    captured = hold is not None and hold.captured
    refunds = await desk.gateway.list_refunds(hold.id) if hold is not None and captured else ()
    return Outside(payment_id, legs, hold, refunds)


def _order(desk: Desk, trip: Trip, leg: TripLeg) -> LegOrder:
    if leg.provider_id is None:
        raise ValueError(f"{leg.id} has no provider")
    return order_of(trip, leg, desk.pseudonym(leg.provider_id, trip.rider_id))


async def _take_over(
    tx: AsyncConnection,
    booking_id: str,
    leg: TripLeg,
    order: LegOrder,
    found: Reservation,
    now: datetime,
) -> None:
    """Write every ask that the reservation shows to be fulfilled, and the leg as it stands."""
    if found.state not in _TAKEN_OVER:
        return
    gone = found.state is ReservationState.CANCELLED
    for ask in (Ask.CANCEL,) if gone else _ON_THE_WAY:
        asked = leg.asked.get(ask)
        done = asked is not None and asked.state is AskState.DONE
        if done or found.state not in REACHED[ask]:
            continue
        if gone and leg.state in GONE:
            continue
        await mark_sent(tx, booking_id, leg.id, ask, now)
        call = LegCall(booking_id, leg.id, ask, order, read_first=True)
        await record_answer(tx, Answer(call, AskState.DONE, found), now)


async def _find_lost_wish(tx: AsyncConnection, trip: Trip, outside: Outside, now: datetime) -> None:
    """Turn a booking towards its end that had been turned so, as what was done for it shows."""
    seen = outside.legs
    if outside.all_back and trip.aim in (Aim.TRAVEL, Aim.CANCEL):
        await set_undo_aim(tx, trip.id, Aim.GIVE_BACK, now)
        return
    ridden = any(leg.ridden for leg in trip.provided)
    ridden = ridden or any(each.state in _USED for each in seen.values())
    given_back = any(
        leg.id in seen
        and seen[leg.id].state is ReservationState.CANCELLED
        and leg.state in (LegState.PLANNED, LegState.HELD, LegState.CONFIRMED)
        and Ask.CANCEL not in leg.asked
        for leg in trip.provided
    )
    if given_back and not ridden and trip.aim is Aim.TRAVEL:
        await set_undo_aim(tx, trip.id, Aim.CANCEL, now)


async def _take_over_tickets(desk: Desk, booking_id: str, outside: Outside) -> None:
    """Issue again the tickets that had been issued, which are the same byte for byte.

    They had been before the first vehicle was unlocked, and before the money was taken.
    """
    used = any(each.state in _USED for each in outside.legs.values())
    if not used and outside.taken is None:
        return
    calls = []
    async with transaction(desk.engine) as tx:
        now = desk.clock()
        trip = await get_trip(tx, booking_id, lock=True)
        for leg in trip.provided:
            if not leg.scarce and leg.state in (LegState.PLANNED, LegState.HELD):
                order = _order(desk, trip, leg)
                await mark_sent(tx, booking_id, leg.id, Ask.CONFIRM, now)
                calls.append(LegCall(booking_id, leg.id, Ask.CONFIRM, order, read_first=False))
    answers = [await call_one(desk, each, now) for each in calls]
    async with transaction(desk.engine) as tx:
        await get_trip(tx, booking_id, lock=True)
        for answer in answers:
            await record_answer(tx, answer, now)


async def _take_over_money(desk: Desk, booking_id: str, outside: Outside) -> None:
    """Book what was captured as what the trip cost, and no more than a refund left of it."""
    taken, kept = outside.taken, outside.kept
    if outside.hold is None or taken is None:
        return
    async with transaction(desk.engine) as tx:
        trip = await get_trip(tx, booking_id, lock=True)
    if trip.payment not in (PaymentView.AUTHORISED, PaymentView.CAPTURED):
        await pay.bring_about(desk, trip, Act.AUTHORISE)
    async with transaction(desk.engine) as tx:
        trip = await get_trip(tx, booking_id, lock=True)
        if trip.metered:
            await _end_tickets(tx, trip)
        if trip.payment is PaymentView.AUTHORISED and taken < outside.hold.amount:
            await _cost_no_more(tx, await get_trip(tx, booking_id), taken, desk.clock())
    if trip.payment is PaymentView.AUTHORISED:
        await pay.bring_about(desk, trip, Act.CAPTURE)
    if kept is not None and not outside.all_back:
        async with transaction(desk.engine) as tx:
            trip = await get_trip(tx, booking_id, lock=True)
            await _end_tickets(tx, trip)
            await _cost_no_more(tx, await get_trip(tx, booking_id), kept, desk.clock())


async def _end_tickets(tx: AsyncConnection, trip: Trip) -> None:
    """Money that depends on the whole trip is taken, or given back, when all of it is over."""
    for leg in trip.provided:
        if leg.issued:
            await set_leg(
                tx,
                trip.id,
                leg.id,
                state=LegState.ENDED,
                ended_at=leg.arrives_at,
                final_minor=_price(leg).minor,
            )


async def _cost_no_more(tx: AsyncConnection, trip: Trip, most: Money, now: datetime) -> None:
    """Let the trip cost at most that, the last legs first; a ticket that costs nothing is none."""
    used = [leg for leg in trip.provided if leg.state in (*RIDDEN, LegState.CONFIRMED)]
    beyond = Money.total((_price(leg) for leg in used), most.currency) - most
    for leg in sorted(used, key=lambda leg: (leg.scarce, -leg.position)):
        cut = min(beyond, _price(leg))
        if cut.minor <= 0:
            continue
        beyond -= cut
        if cut == _price(leg) and not leg.scarce:
            await set_leg(tx, trip.id, leg.id, state=LegState.CANCELLED, final_minor=None)
            await void_tickets(tx, trip.id, now, leg_id=leg.id)
        else:
            await set_leg(tx, trip.id, leg.id, final_minor=(_price(leg) - cut).minor)


def _price(leg: TripLeg) -> Money:
    return leg.quoted if leg.final is None else leg.final


async def catch_up_debt(desk: Desk, found: FoundHold) -> bool:
    """Read what became of a charge for a debt; False if there is no debt that it may be for.

    The attempt before it is read to its end first: nobody would ask for it any more.

    Raises:
        PaymentError: the processor cannot be read now.
    """
    debt_id, _, attempt = found.payment_id.rpartition("-")
    if not debt_id or not attempt.isdigit():
        return False
    await _end_earlier(desk, debt_id, int(attempt))
    async with transaction(desk.engine) as tx:
        if await find_payment(tx, found.payment_id) is None:
            try:
                debt = await get_debt(tx, debt_id, lock=True)
            except DebtNotFoundError:
                return False
            if debt.state is DebtState.PAID:
                return False
            await store_begun(tx, found, return_url=desk.return_url, now=desk.clock(), debt=debt)
    await collect(desk, debt_id)
    return True


async def _end_earlier(desk: Desk, debt_id: str, attempt: int) -> None:
    async with transaction(desk.engine) as tx:
        try:
            debt = await get_debt(tx, debt_id)
        except DebtNotFoundError:
            return
    if debt.state in UNDER_WAY and debt.attempts < attempt:
        await collect(desk, debt_id)


async def catch_up_collections(desk: Desk) -> None:
    """Read what became of the charges that were under way, debits among them.

    Raises:
        PaymentError: the processor cannot be read now.
    """
    async with transaction(desk.engine) as tx:
        begun = select(debt_table.c.id).where(debt_table.c.state.in_(UNDER_WAY))
        waiting = list(await tx.scalars(begun.order_by(debt_table.c.opened_at)))
    for debt_id in waiting:
        await collect(desk, debt_id)
