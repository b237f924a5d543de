"""Durable steps: work that outlives the process that began it.

A step is a row ``(kind, key)`` beside the business rows. Whoever works on it holds a lease and
renews it by heartbeat; when the process dies the lease runs out and another takes the step. A
step is therefore run *at least* once, and its handler must find out what was already done.

A step that goes on failing becomes a *dead letter*: it rests until somebody asks for it again, and
stays visible meanwhile (``mobility.stuck_steps``). Only kinds with a ``Bury`` do; what runs
periodically is tried for ever.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Executable,
    Interval,
    Text,
    bindparam,
    case,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mobility.db import autocommit, transaction
from mobility.tables import step

log = logging.getLogger(__name__)

Handler = Callable[[str, datetime], Awaitable["datetime | None"]]
"""Takes the step's key and now; returns when to run again, or None when nothing is left to do."""

Bury = Callable[[AsyncConnection, str, datetime], Awaitable[None]]
"""Takes the transaction in which a step becomes a dead letter, its key, and now."""

FIRST_LEASE = timedelta(seconds=3)
"""How long at most who takes a step while asking for it keeps it before its first heartbeat.

Dead by then, it leaves others two of the five seconds in which a hold may be asked for
(``HOLD_DEADLINE`` in ``mobility.booking.states``).
"""
LONGEST_PAUSE = timedelta(minutes=5)
DEAD_AFTER = timedelta(hours=1)
"""How long after its first failure a failing step becomes a dead letter: about 20 attempts."""
FEWEST_ATTEMPTS = 12
"""So many at least, if an hour passes while nobody works."""
MOST_ATTEMPTS = 60
"""So many at most, also when no failure is recorded because every process dies of the step."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A step that this worker holds until its lease ends."""

    kind: str
    key: str
    generation: int
    attempts: int
    worker: str
    first_lease: timedelta
    """How long it is held unless it is renewed."""


class LeaseLostError(Exception):
    """Another worker has taken the step; what this one still does must not be recorded."""


async def enqueue(
    tx: AsyncConnection, *, kind: str, key: str, run_at: datetime, wake_dead: bool = True
) -> None:
    """Ask for a step; one that is already there runs at the earlier of both times.

    A step asked for again while it runs is run once more afterwards (``generation``); a dead letter
    is tried once more, unless ``wake_dead`` is False.
    """
    statement = _ASK if wake_dead else _ASK_UNLESS_DEAD
    await tx.execute(statement, {"kind": kind, "key": key, "run_at": run_at})


_NEW = insert(step)
_AGAIN = {
    "run_at": func.least(step.c.run_at, _NEW.excluded.run_at),
    "generation": step.c.generation + 1,
}
_ASK = _NEW.on_conflict_do_update(index_elements=[step.c.kind, step.c.key], set_=_AGAIN)
_ASK_UNLESS_DEAD = _NEW.on_conflict_do_update(
    index_elements=[step.c.kind, step.c.key], set_=_AGAIN, where=step.c.dead_at.is_(None)
)


def not_dead() -> ColumnElement[bool]:
    """Steps that are no dead letters, or were asked for again after they became one."""
    asked_again: ColumnElement[bool] = step.c.generation > step.c.dead_generation
    return or_(step.c.dead_at.is_(None), asked_again)


async def claim(
    engine: AsyncEngine,
    *,
    kinds: Collection[str],
    key: str | None = None,
    worker: str,
    lease: timedelta,
) -> Claim | None:
    """Take the step of these kinds that has been due the longest, of those called ``key`` if given.

    The database's clock decides, so that no two machines' clocks need agree. Each claim has a
    token of its own: who has lost the lease cannot renew or end what another has taken.
    """
    token = _token(worker)
    names = {"kinds": list(kinds), "token": token, "lease": lease}
    if key is not None:
        names["of_key"] = key
    async with autocommit(engine) as db:
        row = (await db.execute(_CLAIM if key is None else _CLAIM_ONE, names)).one_or_none()
    if row is None:
        return None
    return Claim(row.kind, row.key, row.generation, row.attempts, token, lease)


async def claim_asked(
    tx: AsyncConnection, step_id: tuple[str, str], *, worker: str, lease: timedelta
) -> Claim | None:
    """Take the step ``(kind, key)`` in the transaction that asked for it, unless somebody is at it.

    It is due, whatever the database's clock says. Once this has committed it is held, shortly at
    first: when the process dies before it begins, another soon takes the step.
    """
    kind, key = step_id
    token, first = _token(worker), min(lease, FIRST_LEASE)
    names = {"of_kind": kind, "of_key": key, "token": token, "lease": first}
    row = (await tx.execute(_CLAIM_ASKED, names)).one_or_none()
    if row is None:
        return None
    return Claim(row.kind, row.key, row.generation, row.attempts, token, first)


def _token(worker: str) -> str:
    return f"{worker}#{secrets.token_hex(6)}"


def _claiming(*which: ColumnElement[bool]) -> Executable:
    kinds = bindparam("kinds", type_=Text, expanding=True)
    due = (
        select(step.c.kind, step.c.key)
        .where(step.c.kind.in_(kinds), step.c.run_at <= func.now(), _FREE, not_dead(), *which)
        .order_by(step.c.run_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    return _HOLD.where(step.c.kind == due.c.kind, step.c.key == due.c.key)


_FREE = or_(step.c.lease_until.is_(None), step.c.lease_until < func.now())
_HOLD = (
    update(step)
    .values(
        worker=bindparam("token"),
        # not the transaction's beginning: it may have waited for the booking's lock since
        lease_until=func.clock_timestamp() + bindparam("lease", type_=Interval),
        attempts=step.c.attempts + 1,
    )
    .returning(step.c.kind, step.c.generation, step.c.attempts, step.c.key)
)
_CLAIM, _CLAIM_ONE = _claiming(), _claiming(step.c.key == bindparam("of_key"))
_CLAIM_ASKED = _HOLD.where(
    step.c.kind == bindparam("of_kind"), step.c.key == bindparam("of_key"), _FREE
)
_MINE = (
    step.c.kind == bindparam("of_kind"),
    step.c.key == bindparam("of_key"),
    step.c.worker == bindparam("token"),
)
_UNASKED = step.c.generation == bindparam("of_generation")


def _mine(held: Claim) -> dict[str, str]:
    return {"of_kind": held.kind, "of_key": held.key, "token": held.worker}


async def _beat(engine: AsyncEngine, held: Claim, lease: timedelta) -> None:
    """Renew the lease three times per length, for ever.

    Raises:
        LeaseLostError: somebody else has taken the step.
    """
    left = held.first_lease
    while True:
        await asyncio.sleep(left.total_seconds() / 3)
        left = lease
        async with autocommit(engine) as db:
            renewed = await db.execute(
                update(step)
                .where(*_MINE)
                .values(lease_until=func.now() + lease)
                .returning(step.c.key),
                _mine(held),
            )
            if renewed.first() is None:
                raise LeaseLostError(f"{held.kind} {held.key}")


async def finish(engine: AsyncEngine, held: Claim, *, run_again_at: datetime | None) -> None:
    """Give the step back: gone, or due again. A step asked for meanwhile is due as asked."""
    mine = _mine(held)
    unasked = {**mine, "of_generation": held.generation}
    async with autocommit(engine) as db:
        if run_again_at is not None:
            await db.execute(_REST_UNTIL, {**unasked, "again_at": run_again_at})
            return
        gone = await db.execute(_END, unasked)
        if not gone.rowcount:
            await db.execute(_REST, mine)


RESTED: dict[str, Any] = {
    "worker": None,
    "lease_until": None,
    "attempts": 0,
    "last_error": None,
    "failing_since": None,
    "dead_at": None,
    "dead_generation": None,
    "given_up_at": None,
}
"""A step that nothing is wrong with and nobody works on."""
_AGAIN_AT = bindparam("again_at", type_=DateTime(timezone=True))
_END = delete(step).where(*_MINE, _UNASKED)
_REST = update(step).where(*_MINE).values(**RESTED)
_REST_UNTIL = _REST.values(run_at=case((_UNASKED, _AGAIN_AT), else_=step.c.run_at))


async def fail(
    engine: AsyncEngine, held: Claim, error: str, *, now: datetime, bury: Bury | None = None
) -> None:
    """Record why the step failed, and try it again ever later, up to every five minutes.

    One that was asked for meanwhile stays due as asked, and one that rested is failing again. With
    ``bury``, a step that has failed for an hour becomes a dead letter.
    """
    wait = min(LONGEST_PAUSE, timedelta(seconds=0.5 * 2 ** min(held.attempts, 12)))
    mine = _mine(held)
    failed: dict[str, Any] = {
        "worker": None,
        "lease_until": None,
        "last_error": error[:1000],
        "dead_at": None,
        "dead_generation": None,
        "given_up_at": None,
    }
    async with transaction(engine) as tx:
        since = await tx.scalar(select(step.c.failing_since).where(*_MINE), mine) or now
        dead = bury is not None and _is_hopeless(held.attempts, now - since)
        if bury is not None and dead:
            await bury(
                tx, held.key, now
            )  # before the step's own row is locked: bookings come first
            failed |= {
                "dead_at": func.coalesce(step.c.dead_at, now),
                "dead_generation": held.generation,
            }
        again = update(step).where(*_MINE, _UNASKED).values(run_at=now + wait)
        await tx.execute(again, {**mine, "of_generation": held.generation})
        found = await tx.execute(
            update(step).where(*_MINE).values(failing_since=since, **failed).returning(step.c.key),
            mine,
        )
        if found.first() is None:
            await tx.rollback()
            return
    word = "is a dead letter" if dead else "failed"
    log.warning("step %s %s %s (attempt %d): %s", held.kind, held.key, word, held.attempts, error)


def _is_hopeless(attempts: int, failing_for: timedelta) -> bool:
    if attempts >= MOST_ATTEMPTS:
        return True
    return failing_for >= DEAD_AFTER and attempts >= FEWEST_ATTEMPTS


async def run_claimed(
    engine: AsyncEngine,
    held: Claim,
    handler: Handler,
    *,
    now: datetime,
    lease: timedelta,
    bury: Bury | None = None,
) -> None:
    """Run a claimed step to its next rest and give it back; stop at once if the lease is lost."""
    if bury is not None and held.attempts > MOST_ATTEMPTS:
        reason = f"{MOST_ATTEMPTS} attempts were begun, and none ended"
        await fail(engine, held, reason, now=now, bury=bury)
        return
    work = asyncio.ensure_future(handler(held.key, now))
    beat = asyncio.ensure_future(_beat(engine, held, lease))
    try:
        await asyncio.wait({work, beat}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        unfinished = not work.done()
        for task in (work, beat):
            task.cancel()
        await asyncio.gather(work, beat, return_exceptions=True)
    if unfinished:
        log.warning("lost the lease of %s %s", held.kind, held.key)
        return
    error = work.exception()
    if error is None:
        await finish(engine, held, run_again_at=work.result())
    elif isinstance(error, Exception):
        reason = f"{type(error).__name__}: {error}"
        await fail(engine, held, reason, now=now, bury=bury)
    else:
        raise error


async def run_if_free(
    engine: AsyncEngine,
    step_id: tuple[str, str],
    handler: Handler,
    *,
    worker: str,
    lease: timedelta,
    now: datetime,
    bury: Bury | None = None,
) -> None:
    """Run the step ``(kind, key)`` if it is due and nobody else is at it."""
    kind, key = step_id
    held = await claim(engine, kinds=[kind], key=key, worker=worker, lease=lease)
    if held is not None:
        await run_claimed(engine, held, handler, now=now, lease=lease, bury=bury)


async def run_due(
    engine: AsyncEngine,
    handlers: Mapping[str, Handler],
    *,
    worker: str,
    lease: timedelta,
    clock: Callable[[], datetime],
    bury: Mapping[str, Bury] | None = None,
) -> int:
    """Run the steps that are due now, one after another; returns how many there were.

    Kinds that ``bury`` names become dead letters when they go on failing.
    """
    count = 0
    while held := await claim(engine, kinds=handlers, worker=worker, lease=lease):
        await run_claimed(
            engine,
            held,
            handlers[held.kind],
            now=clock(),
            lease=lease,
            bury=(bury or {}).get(held.kind),
        )
        count += 1
    return count


async def wait_for_work(engine: AsyncEngine, seconds: float) -> None:
    """Sleep until a step may be due; short, since steps are also run by those who ask for them."""
    async with autocommit(engine) as db:
        delay = await db.scalar(
            select(
                func.extract(
                    "epoch",
                    func.min(func.greatest(step.c.run_at, step.c.lease_until)) - func.now(),
                )
            ).where(not_dead())
        )
    await asyncio.sleep(max(0.05, min(seconds, float(delay) if delay is not None else seconds)))
