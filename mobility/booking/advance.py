"""Bring a booking to where it wants to be: decide, call, record, until there is nothing to do.

The one place that acts on providers and payments. Rider requests only record an intention and
call this; when the process dies, the durable step ``advance_booking`` calls it again elsewhere.
What was done is read from the rows, so it may be called any number of times.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from mobility import steps
from mobility.booking import pay
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
from mobility.booking.moves import ADVANCE, OVER, Act, Action, Move
from mobility.booking.rebooked import STANDS, ask_to_bear, give_up_rebooked
from mobility.booking.states import decide
from mobility.booking.trip import Aim, Ask, AskState, BookingState, Trip
from mobility.booking.trips import (
    get_order,
    get_trip,
    lock_booking,
    mark_needs_attention,
    mark_sent,
    record_move,
)
from mobility.db import transaction
from payments.errors import PaymentConflictError
from providers.values import LegOrder, Reservation

STEP = ADVANCE
LONGEST_WAIT = timedelta(minutes=5)
MOST_MOVES = 200
"""More moves in one go than any booking needs."""
POLL_S, PAUSE_S = 0.25, 0.1
"""How often a waiting request looks at what is under way, and asks for what is to be done."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """What the operators said since the last transaction."""

    answers: tuple[Answer, ...] = ()
    seen: Mapping[str, Reservation | None] = field(default_factory=dict)
    """How rides stand that were looked at, by leg."""

    def __bool__(self) -> bool:
        """Whether there is anything to record."""
        return bool(self.answers or self.seen)


async def advance(desk: Desk, booking_id: str) -> datetime | None:
    """Advance a booking as far as it goes now.

    What operators answered is recorded in the transaction that decides what is next.

    Returns:
        When to look again, or None when nothing is left to do.
    """
    learnt = Learnt()
    for _ in range(MOST_MOVES):
        now = desk.clock()
        async with transaction(desk.engine) as tx:
            await lock_booking(tx, booking_id)
            await _record(tx, booking_id, learnt, now)
            trip, move, changed = await _decide(tx, desk, booking_id, now)
            calls = [
                await _prepare_leg(tx, desk, trip, action, now)
                for action in move.actions
                if action.act is Act.LEG
            ]
            looks = {
                action.leg_id: await _order_of(tx, desk, trip, action.leg_id)
                for action in move.actions
                if action.act is Act.LOOK and action.leg_id is not None
            }
        if changed or learnt:
            await desk.changed(booking_id)
        if not move.actions:
            return move.wake_at
        learnt = await _ask(desk, calls, looks)
        waits = _waits(trip, learnt.answers)
        payments = [each.act for each in move.actions if each.act not in (Act.LEG, Act.LOOK)]
        if learnt and (waits or payments):
            async with transaction(desk.engine) as tx:
                await lock_booking(tx, booking_id)
                await _record(tx, booking_id, learnt, desk.clock())
            learnt = Learnt()
        for act in payments:
            wait = await _pay(desk, trip, act)
            waits += [] if wait is None else [wait]
        if waits or payments:
            await desk.changed(booking_id)
        if waits:
            return desk.clock() + min(LONGEST_WAIT, max(waits))
    raise NoRestError(f"{booking_id} does not come to rest: {trip.state}, {move.actions}")


async def _decide(
    tx: AsyncConnection, desk: Desk, booking_id: str, now: datetime
) -> tuple[Trip, Move, bool]:
    """The next move that asks for something, or at which the booking rests; all moves are written.

    Returns:
        The trip before that move, the move, and whether the booking has changed.
    """
    changed = False
    for _ in range(MOST_MOVES):
        trip = await get_trip(tx, booking_id)
        move = decide(trip, now)
        await record_move(tx, trip, move, now)
        if trip.locked is not None and _stands_now(trip, move):
            await give_up_rebooked(tx, trip, now)
        if move.state is BookingState.SETTLED is not trip.state:
            await ask_to_cap(tx, desk, booking_id, now)
            await ask_to_bear(tx, trip, now)
        if move.actions or not _changed(trip, move):
            return trip, move, changed or _changed(trip, move)
        changed = True
    raise NoRestError(f"{booking_id} does not come to rest: {trip.state}")


class NoRestError(Exception):
    """The decisions about a booking lead nowhere, which is a fault of ours."""


async def advance_while_waiting(
    desk: Desk, booking_id: str, *, until: Callable[[Trip], bool], seconds: float
) -> Trip:
    """Work on a booking in this process while its rider waits, at most ``seconds``.

    What is under way when the time is up goes on in the background, under the step's lease.

    Returns:
        The trip as it stands then.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    task: asyncio.Future[None] | None = None
    while True:
        if task is None or task.done():
            task = asyncio.ensure_future(_advance_if_free(desk, booking_id))
            _running.add(task)
            task.add_done_callback(_running.discard)
        left = max(0.0, deadline - loop.time())
        await asyncio.wait({task}, timeout=min(POLL_S, left))
        async with transaction(desk.engine) as tx:
            trip = await get_trip(tx, booking_id)
        left = deadline - loop.time()
        if until(trip) or left <= 0:
            return trip
        if task.done():
            await asyncio.sleep(min(PAUSE_S, left))


_running: set[asyncio.Future[None]] = set()
"""Keeps what goes on in the background from being collected."""


async def wait_for_background(seconds: float) -> None:
    """Let what goes on in the background come to its rest; what does not is left to its lease."""
    if _running:
        await asyncio.wait(set(_running), timeout=seconds)


async def _advance_if_free(desk: Desk, booking_id: str) -> None:
    await steps.run_if_free(
        desk.engine,
        (STEP, booking_id),
        lambda key, _now: advance(desk, key),
        worker=desk.worker,
        lease=desk.lease,
        now=desk.clock(),
        bury=leave_to_staff,
    )


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


async def _prepare_leg(
    tx: AsyncConnection, desk: Desk, trip: Trip, action: Action, now: datetime
) -> LegCall:
    if action.leg_id is None or action.ask is None:
        raise ValueError(f"not an action on a leg: {action}")
    await mark_sent(tx, trip.id, action.leg_id, action.ask, now, ours=action.ours)
    if action.ours:
        await note_our_end(tx, trip.id, action.leg_id, trip.rider_id, now)
    order = await _order_of(tx, desk, trip, action.leg_id)
    leg = next(leg for leg in trip.legs if leg.id == action.leg_id)
    before = leg.asked.get(action.ask)
    read_first = before is not None and before.state is AskState.SENT
    return LegCall(
        trip.id, action.leg_id, action.ask, order, read_first, action.read_only, leg.held_until
    )


async def _order_of(tx: AsyncConnection, desk: Desk, trip: Trip, leg_id: str) -> LegOrder:
    provider_id = next(leg.provider_id for leg in trip.legs if leg.id == leg_id)
    if provider_id is None:
        raise ValueError(f"{leg_id} has no provider")
    return await get_order(tx, trip.id, leg_id, desk.pseudonym(provider_id, trip.rider_id))


async def _ask(desk: Desk, calls: list[LegCall], looks: Mapping[str, LegOrder]) -> Learnt:
    """Look at rides and make the calls; nothing is recorded here."""
    seen = {leg_id: await look(desk, order, desk.clock()) for leg_id, order in looks.items()}
    answers = await call_all(desk, calls, desk.clock()) if calls else []
    return Learnt(tuple(answers), seen)


async def _record(tx: AsyncConnection, booking_id: str, learnt: Learnt, now: datetime) -> None:
    for leg_id, found in learnt.seen.items():
        await record_look(tx, booking_id, leg_id, found, now)
    for answer in learnt.answers:
        await record_answer(tx, answer, now)


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


async def _pay(desk: Desk, trip: Trip, act: Act) -> timedelta | None:
    """Do an act on the payment; what the processor refuses for good becomes a person's case.

    The error is raised on, so that the step shows it to staff and is tried again, ever slower.
    """
    try:
        return await pay.bring_about(desk, trip, act)
    except (pay.PaymentStuckError, PaymentConflictError, ValueError):
        async with transaction(desk.engine) as tx:
            await mark_needs_attention(tx, trip.id, desk.clock())
        await desk.changed(trip.id)
        raise
