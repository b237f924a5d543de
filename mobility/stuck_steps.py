"""Durable steps that do not get on: what staff sees of them, tries again, or gives up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.audit import Deed, write_down
from mobility.booking.advance import STEP as ADVANCE
from mobility.booking.advance import leave_to_staff
from mobility.booking.collect import STEP as COLLECT
from mobility.booking.day_ceiling import STEP as CAP_DAY
from mobility.booking.errors import WrongStateError
from mobility.booking.goodwill import STEP as PAY_GOODWILL
from mobility.booking.rebates import leave_refunds, list_refunds
from mobility.booking.rebooked import STEP as BEAR
from mobility.claims.pay_claim import STEP as PAY_CLAIM
from mobility.identity.customers import FORGET_STEP
from mobility.identity.passes import RELEASE_STEP
from mobility.steps import RESTED, Bury
from mobility.tables import step
from payments.operation import OPEN_STATES
from payments.refund import GOODWILL, REBATE, REBOOKING

OVERDUE_AFTER = timedelta(minutes=1)
"""How long a step may be due before it counts as stuck, whether somebody works on it or not."""
MOST_SHOWN = 500


async def _nothing_more(_tx: AsyncConnection, _key: str, _now: datetime) -> None:
    """The dead letter itself is all there is to be seen."""


BURY: Mapping[str, Bury] = {
    ADVANCE: leave_to_staff,
    COLLECT: _nothing_more,
    CAP_DAY: _nothing_more,
    BEAR: _nothing_more,
    PAY_GOODWILL: _nothing_more,
    PAY_CLAIM: _nothing_more,
    FORGET_STEP: _nothing_more,
    RELEASE_STEP: _nothing_more,
}
"""The kinds of step that become dead letters, and what happens then."""
MAKES_REFUNDS: Mapping[str, str] = {CAP_DAY: REBATE, BEAR: REBOOKING, PAY_GOODWILL: GOODWILL}
"""The kinds of step whose key is a booking and which make its refunds for a reason."""


class Condition(StrEnum):
    """What is the matter with a step."""

    OVERDUE = "overdue"
    """Due for longer than a minute: nobody takes it, or who has it takes long."""
    FAILING = "failing"
    """Its last run failed; it is tried again."""
    DEAD = "dead"
    """It failed for an hour: it rests until somebody asks for it again."""
    GIVEN_UP = "given_up"
    """Staff gave it up."""


@dataclass(frozen=True, slots=True)
class Stuck:
    """A step that does not get on."""

    kind: str
    key: str
    condition: Condition
    since: datetime
    attempts: int
    last_error: str | None
    run_at: datetime
    """When it is tried again, or was due; of no meaning for one that rests."""
    worker: str | None
    """The process that has it at the moment."""
    lease_until: datetime | None


class NotStuckError(Exception):
    """There is no such step, or nothing is wrong with it."""


def _is_stuck() -> ColumnElement[bool]:
    overdue: ColumnElement[bool] = step.c.run_at < func.now() - OVERDUE_AFTER
    return or_(step.c.last_error.is_not(None), step.c.dead_at.is_not(None), overdue)


async def list_stuck(tx: AsyncConnection) -> list[Stuck]:
    """Steps that fail, rest as dead letters, were given up or are overdue, the oldest first."""
    rows = await tx.execute(
        select(step).where(_is_stuck()).order_by(step.c.created_at).limit(MOST_SHOWN)
    )
    return [_stuck(row) for row in rows]


def _stuck(row: Row[Any]) -> Stuck:
    if row.given_up_at is not None:
        condition, since = Condition.GIVEN_UP, row.given_up_at
    elif row.dead_at is not None:
        condition, since = Condition.DEAD, row.failing_since or row.dead_at
    elif row.last_error is not None:
        condition, since = Condition.FAILING, row.failing_since or row.created_at
    else:
        condition, since = Condition.OVERDUE, row.run_at
    worker = None if row.worker is None else row.worker.partition("#")[0]
    return Stuck(
        row.kind,
        row.key,
        condition,
        since,
        row.attempts,
        row.last_error,
        row.run_at,
        worker,
        row.lease_until,
    )


async def retry(
    tx: AsyncConnection, kind: str, key: str, *, actor: str, reason: str, now: datetime
) -> None:
    """Make a stuck step due now, with its attempts counted from the beginning.

    One that is being worked on runs once more afterwards.

    Raises:
        NotStuckError: nothing is wrong with such a step.
    """
    fresh = {name: value for name, value in RESTED.items() if name not in ("worker", "lease_until")}
    found = await tx.execute(
        update(step)
        .where(step.c.kind == kind, step.c.key == key, _is_stuck())
        .values(run_at=now, generation=step.c.generation + 1, **fresh)
        .returning(step.c.key)
    )
    if found.first() is None:
        raise NotStuckError(f"no stuck step {kind} {key}")
    await write_down(tx, Deed(actor, "step.retry", f"{kind} {key}", reason, now))


async def give_up(
    tx: AsyncConnection, kind: str, key: str, *, actor: str, reason: str, now: datetime
) -> None:
    """Let a stuck step rest, and take it from who works on it; a booking then needs a person.

    It is tried again when somebody asks for it, such as the booking's rider or a webhook; a refund
    of ours that was refused is not: it is paid otherwise.

    Raises:
        NotStuckError: nothing is wrong with such a step.
        WrongStateError: it makes a refund at this moment, or may have made one.
    """
    bury = BURY.get(kind, _nothing_more)
    await bury(tx, key, now)  # before the step's own row is locked: bookings come first
    if kind in MAKES_REFUNDS:
        await _leave_refunds(tx, key, MAKES_REFUNDS[kind])
    found = await tx.execute(
        update(step)
        .where(step.c.kind == kind, step.c.key == key, _is_stuck())
        .values(
            worker=None,
            lease_until=None,
            dead_at=func.coalesce(step.c.dead_at, now),
            dead_generation=step.c.generation,
            given_up_at=now,
        )
        .returning(step.c.key)
    )
    if found.first() is None:
        raise NotStuckError(f"no stuck step {kind} {key}")
    await write_down(tx, Deed(actor, "step.give_up", f"{kind} {key}", reason, now))


async def _leave_refunds(tx: AsyncConnection, booking_id: str, reason: str) -> None:
    await leave_refunds(tx, booking_id, reason)
    if any(each.state in OPEN_STATES for each in await list_refunds(tx, booking_id, reason)):
        raise WrongStateError(
            f"a refund for booking {booking_id} is to be made, or may have been; who pays it "
            "otherwise would pay it twice: ask again when it is refused"
        )
