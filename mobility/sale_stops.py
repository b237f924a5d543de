"""Stopping the sale of a provider, of a mode or of everything; trips under way go on.

A booking reads what is stopped in the transaction that records it, and shares a lock there that
beginning a stop has alone: when a stop has begun, no booking that did not see it is still to come.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.audit import Deed, write_down
from mobility.ids import new_id
from mobility.tables import sale_stop
from providers.values import Mode, ProviderId

ALL = "all"
_LOCK = 7_041_117  # any number, the same for all: pg_advisory_xact_lock's key for sale stops
MOST_SHOWN = 500


@dataclass(frozen=True, slots=True)
class Target:
    """What is not sold: legs of a provider, or of a mode, or everything."""

    provider_id: ProviderId | None = None
    mode: Mode | None = None

    def __str__(self) -> str:
        if self.provider_id is not None:
            return f"provider:{self.provider_id}"
        return ALL if self.mode is None else f"mode:{self.mode}"

    def holds(self, provider_id: ProviderId, mode: Mode) -> bool:
        """Whether a leg of that provider and mode falls under it."""
        return self.provider_id in (None, provider_id) and self.mode in (None, mode)


def read_target(text: str) -> Target:
    """What ``str`` of a target wrote. Raises ValueError for anything else."""
    kind, _, name = text.partition(":")
    if text == ALL:
        return Target()
    if kind == "mode":
        return Target(mode=Mode(name))
    if kind == "provider" and name:
        return Target(provider_id=ProviderId(name))
    raise ValueError(f"{text!r} is neither all, mode:… nor provider:…")


@dataclass(frozen=True, slots=True)
class SaleStop:
    """A stop, in force until it has ended."""

    id: str
    target: Target
    reason: str
    begun_by: str
    begun_at: datetime
    ended_by: str | None
    ended_at: datetime | None


class NoSuchStopError(Exception):
    """There is no stop by that id."""


class NotSoldError(Exception):
    """A leg of the journey is not sold at the moment."""

    def __init__(self, target: Target) -> None:
        super().__init__(f"the sale of {target} is stopped at the moment; try again later")


async def begin_stop(
    tx: AsyncConnection, target: Target, *, actor: str, reason: str, now: datetime
) -> SaleStop:
    """Stop selling. To a stop that is in force for the same already another reason is added.

    Waits for bookings that are just being recorded, a matter of milliseconds.
    """
    await tx.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    for stop in await list_in_force(tx):
        if stop.target == target:
            return await _add_reason(tx, stop, actor=actor, reason=reason, now=now)
    row = await tx.execute(
        sale_stop.insert()
        .values(id=new_id("stp"), target=str(target), reason=reason, begun_by=actor, begun_at=now)
        .returning(*sale_stop.c)
    )
    await write_down(tx, Deed(actor, "sale.stop", str(target), reason, now))
    return _stop(row.one())


async def _add_reason(
    tx: AsyncConnection, stop: SaleStop, *, actor: str, reason: str, now: datetime
) -> SaleStop:
    """Who resumes must know of both; a reason that is there already is not added again."""
    if f"; {reason};" in f"; {stop.reason};":
        return stop
    row = await tx.execute(
        update(sale_stop)
        .where(sale_stop.c.id == stop.id)
        .values(reason=f"{stop.reason}; {reason}")
        .returning(*sale_stop.c)
    )
    await write_down(tx, Deed(actor, "sale.stop", str(stop.target), reason, now))
    return _stop(row.one())


async def end_stop(
    tx: AsyncConnection, stop_id: str, *, actor: str, reason: str, now: datetime
) -> SaleStop:
    """Sell again; a stop that has ended stays ended as it was.

    Raises:
        NoSuchStopError: there is none by that id.
    """
    query = select(sale_stop).where(sale_stop.c.id == stop_id).with_for_update()
    row = (await tx.execute(query)).one_or_none()
    if row is None:
        raise NoSuchStopError(f"there is no stop {stop_id}")
    if row.ended_at is not None:
        return _stop(row)
    ended = await tx.execute(
        update(sale_stop)
        .where(sale_stop.c.id == stop_id)
        .values(ended_by=actor, ended_at=now)
        .returning(*sale_stop.c)
    )
    await write_down(tx, Deed(actor, "sale.resume", row.target, reason, now))
    return _stop(ended.one())


_SHARE = select(func.pg_advisory_xact_lock_shared(_LOCK))
_IN_FORCE = select(sale_stop).where(sale_stop.c.ended_at.is_(None)).order_by(sale_stop.c.begun_at)
"""Made once, as every booking asks both."""


async def list_in_force(tx: AsyncConnection) -> list[SaleStop]:
    """The stops that have not ended, the oldest first."""
    return [_stop(row) for row in await tx.execute(_IN_FORCE)]


async def list_latest(tx: AsyncConnection) -> list[SaleStop]:
    """All stops, the newest first, those that have ended too; at most 500."""
    query = select(sale_stop).order_by(sale_stop.c.begun_at.desc()).limit(MOST_SHOWN)
    return [_stop(row) for row in await tx.execute(query)]


async def refuse_stopped(tx: AsyncConnection, legs: Iterable[tuple[ProviderId, Mode]]) -> None:
    """Refuse to sell what is stopped; to be asked in the transaction that records the sale.

    Raises:
        NotSoldError: one of the legs is not sold at the moment.
    """
    await tx.execute(_SHARE)
    wanted = list(legs)
    for stop in await list_in_force(tx):
        if any(stop.target.holds(provider_id, mode) for provider_id, mode in wanted):
            raise NotSoldError(stop.target)


def _stop(row: Row[Any]) -> SaleStop:
    return SaleStop(
        row.id,
        read_target(row.target),
        row.reason,
        row.begun_by,
        row.begun_at,
        row.ended_by,
        row.ended_at,
    )
