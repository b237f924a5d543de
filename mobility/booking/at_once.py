"""Work on a booking in the process that asked for it, while its rider waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from mobility import steps
from mobility.booking.advance import STEP, Begun, advance, begin, leave_to_staff
from mobility.booking.desk import Desk
from mobility.booking.trip import Trip
from mobility.booking.trips import get_trip
from mobility.db import autocommit

POLL_S, PAUSE_S = 0.25, 0.1
"""How often a waiting request looks at what is under way, and asks for what is to be done."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The step of a booking, held by this process, and the decision that it begins with."""

    held: steps.Claim
    begun: Begun


async def take(tx: AsyncConnection, desk: Desk, booking_id: str) -> Taken | None:
    """Begin a booking's step in the transaction that asked for it; None if somebody is at it.

    A transaction less than asking first and beginning then. To be run once this has committed
    (``run_taken``); if the process dies before, another takes the step within seconds and reads
    what may have gone out.
    """
    held = await steps.claim_asked(tx, (STEP, booking_id), worker=desk.worker, lease=desk.lease)
    return None if held is None else Taken(held, await begin(tx, desk, booking_id))


async def run_taken(desk: Desk, taken: Taken) -> None:
    """Run a step that was taken, to its next rest."""
    await steps.run_claimed(
        desk.engine,
        taken.held,
        lambda key, _now: advance(desk, key, taken.begun),
        now=desk.clock(),
        lease=desk.lease,
        bury=leave_to_staff,
    )


async def advance_while_waiting(
    desk: Desk,
    booking_id: str,
    taken: Taken | None = None,
    *,
    until: Callable[[Trip], bool],
    seconds: float,
) -> Trip:
    """Work on a booking in this process while its rider waits, at most ``seconds``.

    It goes on from where the step was taken, if it was. What is under way when the time is up goes
    on in the background, under the step's lease.

    Returns:
        The trip as it stands then.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    task: asyncio.Future[None] | None = None
    while True:
        if task is None or task.done():
            work = run_taken(desk, taken) if taken else _advance_if_free(desk, booking_id)
            task, taken = asyncio.ensure_future(work), None
            _running.add(task)
            task.add_done_callback(_running.discard)
        left = max(0.0, deadline - loop.time())
        await asyncio.wait({task}, timeout=min(POLL_S, left))
        async with autocommit(desk.engine) as db:
            trip = await get_trip(db, booking_id)
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
    await desk.run_now(STEP, booking_id, advance, leave_to_staff)
