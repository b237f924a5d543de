"""Bring a booking to where it wants to be: decide, call, record, until there is nothing to do.

The one place that acts on providers and payments. Rider requests record an intention and begin
this (``at_once.py``); when the process dies, the durable step ``advance_booking`` calls it again
elsewhere. What was done is read from the rows, so it may be called any number of times.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.booking import pay
from mobility.booking.asks import mark_sent
from mobility.booking.collect import settle_owed
from mobility.booking.day_ceiling import ask_to_cap
from mobility.booking.desk import Desk
from mobility.booking.errors import NotFoundError
from mobility.booking.legs import (
    Answer,
    LegCall,
    call_all,
    look,
    record_answer,
    record_look,
)
from mobility.booking.longest import note_our_end
from mobility.booking.moves import ADVANCE, OVER, Act, Action, Move, after
from mobility.booking.rebooked import STANDS, ask_to_bear, give_up_rebooked
from mobility.booking.states import decide
from mobility.booking.trip import (
    Aim,
    Ask,
    AskState,
    BookingState,
    PaymentView,
    Trip,
    TripLeg,
)
from mobility.booking.trips import (
    get_trip,
    lock_booking,
    mark_needs_attention,
    order_of,
    record_move,
)
from mobility.db import transaction
from payments.errors import (
    OutcomeUnknownError,
    PaymentConflictError,
    PaymentStuckError,
    UnreachableError,
)
from payments.operation import Operation
from providers.values import LegOrder, Reservation

STEP = ADVANCE
LONGEST_WAIT = timedelta(minutes=5)
MOST_MOVES = 200
"""More moves in one go than any booking needs."""
_STUCK = (PaymentStuckError, PaymentConflictError, ValueError)
"""What a payment does not get beyond without a person."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """What operators and the processor said since the last transaction."""

    answers: tuple[Answer, ...] = ()
    seen: Mapping[str, Reservation | None] = field(default_factory=dict)
    """How rides stand that were looked at, by leg."""
    paid: pay.Called | None = None

    def __bool__(self) -> bool:
        """Whether there is anything to record."""
        return bool(self.answers or self.seen or self.paid)


NOTHING = Learnt()


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a decision asks of the outside, recorded as sent."""

    calls: list[LegCall]
    looks: Mapping[str, LegOrder]
    payment: Operation | None
    names_payer: bool
    """The processor's name of the rider is to be made before her payment is prepared."""
    stuck: Exception | None
    """Why the payment cannot go on without a person."""

    @property
    def about_money(self) -> bool:
        """Whether the processor is asked, before which all else is recorded."""
        return self.payment is not None or self.names_payer or self.stuck is not None


@dataclass(frozen=True, slots=True)
class Begun:
    """A decision that is recorded, and whose calls are to be made once that has committed."""

    trip: Trip
    move: Move
    outgoing: Outgoing
    changed: bool


async def begin(
    tx: AsyncConnection,
    desk: Desk,
    booking_id: str,
    learnt: Learnt = NOTHING,
    payer: str | None = None,
) -> Begun:
    """Record what was learnt, decide what is next, and record what goes out for it.

    Nobody else may decide about the booking until the transaction ends: it holds its lock, or has
    just made it.
    """
    now = desk.clock()
    await _record(tx, booking_id, learnt, now)
    trip, move, changed = await _decide(tx, desk, booking_id, now)
    return Begun(trip, move, await _prepare(tx, desk, trip, move, payer, now), changed)


async def advance(desk: Desk, booking_id: str, begun: Begun | None = None) -> datetime | None:
    """Advance a booking as far as it goes now, from a decision that has been begun if given.

    What the outside answered is recorded in the transaction that decides what is next and prepares
    it.

    Returns:
        When to look again, or None when nothing is left to do.
    """
    learnt, payer = NOTHING, None
    for _ in range(MOST_MOVES):
        if begun is None:
            async with transaction(desk.engine) as tx:
                await lock_booking(tx, booking_id)
                begun = await begin(tx, desk, booking_id, learnt, payer)
        if begun.changed or learnt:
            await desk.changed(booking_id)
        trip, move, outgoing, begun = begun.trip, begun.move, begun.outgoing, None
        if not move.actions:
            return move.wake_at
        learnt = await _ask(desk, outgoing)
        waits = _waits(trip, learnt.answers)
        if outgoing.about_money:
            await _record_now(desk, booking_id, learnt)
            learnt = Learnt(paid=await _pay(desk, trip, outgoing))
        if outgoing.names_payer:
            payer = await _find_payer(desk, trip)
        if (learnt.paid and not learnt.paid.decided) or (outgoing.names_payer and payer is None):
            waits.append(pay.next_ask(desk, trip))
        if waits:
            await _record_now(desk, booking_id, learnt)
            await desk.changed(booking_id)
            return desk.clock() + min(LONGEST_WAIT, max(waits))
    raise NoRestError(f"{booking_id} does not come to rest: {trip.state}, {move.actions}")


async def _decide(
    tx: AsyncConnection, desk: Desk, booking_id: str, now: datetime
) -> tuple[Trip, Move, bool]:
    """The next move that asks for something, or at which the booking rests; all moves are written.

    Returns:
        The trip as it stands after that move, the move, and whether the booking has changed.
    """
    changed = False
    trip = await get_trip(tx, booking_id)
    for _ in range(MOST_MOVES):
        move = decide(trip, now)
        await record_move(tx, trip, move, now)
        moved = after(trip, move)
        if trip.locked is not None and _stands_now(trip, move):
            await give_up_rebooked(tx, trip, now)
            moved = await get_trip(tx, booking_id)  # less may be locked now
        if move.state in OVER and trip.state not in OVER and trip.owed:
            await settle_owed(tx, moved, now)
        if move.state is BookingState.SETTLED is not trip.state:
            await ask_to_cap(tx, desk, booking_id, now)
            await ask_to_bear(tx, trip, now)
        changes = _changed(trip, move)
        changed = changed or changes
        trip = moved
        if move.actions or not changes:
            return trip, move, changed
    raise NoRestError(f"{booking_id} does not come to rest: {trip.state}")


class NoRestError(Exception):
    """The decisions about a booking lead nowhere, which is a fault of ours."""


async def leave_to_staff(tx: AsyncConnection, booking_id: str, now: datetime) -> None:
    """Let a booking that is no longer worked on say that a person must look at it."""
    with suppress(NotFoundError):
        trip = await get_trip(tx, booking_id, lock=True)
        if trip.state not in OVER:
            await mark_needs_attention(tx, booking_id, now)


def _changed(trip: Trip, move: Move) -> bool:
    return (
        move.state is not trip.state
        or move.aim is not trip.aim
        or bool(move.ended_legs or move.dropped_legs or move.dropped_starts)
    )


def _stands_now(trip: Trip, move: Move) -> bool:
    return move.aim is Aim.TRAVEL and trip.state not in STANDS and move.state in STANDS


async def _prepare(
    tx: AsyncConnection, desk: Desk, trip: Trip, move: Move, payer: str | None, now: datetime
) -> Outgoing:
    """Record what a move asks for as going out."""
    calls, looks = [], {}
    payment, names_payer, stuck = None, False, None
    for action in move.actions:
        if action.act is Act.LEG:
            calls.append(await _prepare_leg(tx, desk, trip, action, now))
        elif action.act is Act.LOOK:
            leg = _leg_of(trip, action)
            looks[leg.id] = _order_of(desk, trip, leg)
        else:
            if trip.payment is PaymentView.NONE and payer is None:
                payer = await desk.known_customer(tx, trip.rider_id)
            names_payer = trip.payment is PaymentView.NONE and payer is None
            try:
                if not names_payer:
                    payment = await pay.prepare(tx, desk, trip, action.act, payer or "", now)
            except _STUCK as error:
                stuck = error
    return Outgoing(calls, looks, payment, names_payer, stuck)


async def _prepare_leg(
    tx: AsyncConnection, desk: Desk, trip: Trip, action: Action, now: datetime
) -> LegCall:
    leg = _leg_of(trip, action)
    if action.ask is None:
        raise ValueError(f"not an action on a leg: {action}")
    await mark_sent(tx, trip.id, leg.id, action.ask, now, ours=action.ours)
    if action.ours:
        await note_our_end(tx, trip.id, leg.id, trip.rider_id, now)
    before = leg.asked.get(action.ask)
    read_first = before is not None and before.state is AskState.SENT
    order = _order_of(desk, trip, leg)
    return LegCall(trip.id, leg.id, action.ask, order, read_first, action.read_only, leg.held_until)


def _leg_of(trip: Trip, action: Action) -> TripLeg:
    return next(leg for leg in trip.legs if leg.id == action.leg_id)


def _order_of(desk: Desk, trip: Trip, leg: TripLeg) -> LegOrder:
    if leg.provider_id is None:
        raise ValueError(f"{leg.id} has no provider")
    return order_of(trip, leg, desk.pseudonym(leg.provider_id, trip.rider_id))


async def _ask(desk: Desk, outgoing: Outgoing) -> Learnt:
    """Look at rides and make the calls; nothing is recorded here."""
    looks = outgoing.looks.items()
    seen = {leg_id: await look(desk, order, desk.clock()) for leg_id, order in looks}
    calls = outgoing.calls
    answers = await call_all(desk, calls, desk.clock()) if calls else []
    return Learnt(tuple(answers), seen)


async def _find_payer(desk: Desk, trip: Trip) -> str | None:
    """The processor's name of the rider; None when it cannot be told now."""
    try:
        return await desk.customer(trip.rider_id)
    except (UnreachableError, OutcomeUnknownError):
        return None


async def _record_now(desk: Desk, booking_id: str, learnt: Learnt) -> None:
    """Record what was learnt without deciding what is next."""
    if learnt:
        async with transaction(desk.engine) as tx:
            await lock_booking(tx, booking_id)
            await _record(tx, booking_id, learnt, desk.clock())


async def _record(tx: AsyncConnection, booking_id: str, learnt: Learnt, now: datetime) -> None:
    for leg_id, found in learnt.seen.items():
        await record_look(tx, booking_id, leg_id, found, now)
    for answer in learnt.answers:
        await record_answer(tx, answer, now)
    if learnt.paid:
        await pay.record(tx, learnt.paid, now)


def _waits(trip: Trip, answers: tuple[Answer, ...]) -> list[timedelta]:
    """How long to wait for each answer that decided nothing, ever longer."""
    attempts = {
        (leg.id, ask): asked.attempts for leg in trip.legs for ask, asked in leg.asked.items()
    }
    waits = [
        timedelta(seconds=0.2 * 2 ** min(attempts.get((a.call.leg_id, a.call.ask), 0), 16))
        for a in answers
        if a.state in (AskState.PLANNED, AskState.SENT)
    ]
    if any(a.call.ask is Ask.CANCEL and a.leaves_open for a in answers):
        waits.append(LONGEST_WAIT)
    return waits


async def _pay(desk: Desk, trip: Trip, outgoing: Outgoing) -> pay.Called | None:
    """Call the processor; what it refuses for good becomes a person's case.

    The error is raised on, so that the step shows it to staff and is tried again, ever slower.
    """
    try:
        if outgoing.stuck is not None:
            raise outgoing.stuck
        return None if outgoing.payment is None else await pay.call(desk, outgoing.payment)
    except _STUCK:
        async with transaction(desk.engine) as tx:
            await mark_needs_attention(tx, trip.id, desk.clock())
        await desk.changed(trip.id)
        raise
