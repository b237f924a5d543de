"""One ask of one provider: call it, or read what came of an earlier call, and record the answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, cast, func
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.booking.asks import record_ask
from mobility.booking.day_cap import Due, find_due
from mobility.booking.desk import Desk
from mobility.booking.extension import apply_extension, drop_extension
from mobility.booking.leg_reports import WAIVED, end_voided, find_waiver, record_seen
from mobility.booking.longest import cap, end_of
from mobility.booking.tickets import void_tickets
from mobility.booking.trip import Ask, AskState, LegState
from mobility.booking.trips import set_leg
from mobility.tables import leg
from providers.errors import (
    OutcomeUnknownError,
    ProviderError,
    RefusedError,
    UnreachableError,
)
from providers.port import Provider
from providers.values import LegOrder, Reservation, ReservationState

HELD_OR_MORE = frozenset(
    {
        ReservationState.HELD,
        ReservationState.CONFIRMED,
        ReservationState.IN_USE,
        ReservationState.ENDED,
    }
)
REACHED: dict[Ask, frozenset[ReservationState]] = {
    Ask.HOLD: HELD_OR_MORE,
    Ask.CONFIRM: HELD_OR_MORE - {ReservationState.HELD},
    Ask.START: frozenset({ReservationState.IN_USE, ReservationState.ENDED}),
    Ask.FINISH: frozenset({ReservationState.ENDED}),
    Ask.CANCEL: frozenset({ReservationState.CANCELLED, ReservationState.EXPIRED}),
    Ask.EXTEND: frozenset({ReservationState.HELD}),
}
"""The states on the provider's side that show an ask has been fulfilled."""
FURTHER_ON = REACHED[Ask.START] | REACHED[Ask.CANCEL]
"""The states that a refused ask may be explained by."""


@dataclass(frozen=True, slots=True)
class LegCall:
    """A call that has been recorded as going out."""

    booking_id: str
    leg_id: str
    ask: Ask
    order: LegOrder
    read_first: bool
    """An earlier call may have happened, so the provider is read before it is asked again."""
    read_only: bool = False
    """Only find out; what has not happened is refused."""
    held_until: datetime | None = None
    """Until when it was held before it was asked for; what is extended lasts longer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a call; ``sent`` means that it is still not known."""

    call: LegCall
    state: AskState
    reservation: Reservation | None = None
    error: str | None = None

    @property
    def leaves_open(self) -> bool:
        """Whether it was refused, and the provider still holds the leg as before."""
        if self.state is not AskState.REFUSED:
            return False
        return self.reservation is None or self.reservation.state not in FURTHER_ON


async def call_all(desk: Desk, calls: list[LegCall], now: datetime) -> list[Answer]:
    """Make the calls: first rides are ended, then all else side by side, cancellations one by one.

    A cancellation waits for the one before it, since legs are undone in reverse.
    """
    answers: list[Answer] = []
    for asks in ((Ask.FINISH,), (Ask.HOLD, Ask.CONFIRM, Ask.START, Ask.EXTEND)):
        group = [call for call in calls if call.ask in asks]
        answers += await asyncio.gather(*(call_one(desk, call, now) for call in group))
    for call in calls:
        if call.ask is Ask.CANCEL:
            answers.append(await call_one(desk, call, now))
    return answers


async def call_one(desk: Desk, call: LegCall, now: datetime) -> Answer:
    """Bring one ask about. Never raises: what went wrong is part of the answer."""
    provider = desk.providers.get(call.order.provider_id)
    if provider is None:
        return Answer(call, AskState.PLANNED, error=f"no provider {call.order.provider_id} here")
    if call.read_first or call.read_only:
        try:
            found = await provider.find_reservation(call.order, now)
        except ProviderError as error:
            return Answer(call, AskState.SENT, error=f"not read: {error}")
        if decided := _decided_by(call, found):
            return decided
    try:
        return Answer(call, AskState.DONE, await _ask(provider, call, now))
    except RefusedError as error:
        return await _refused(provider, call, error, now)
    except UnreachableError as error:
        state = AskState.SENT if call.read_first else AskState.PLANNED
        return Answer(call, state, error=str(error))
    except OutcomeUnknownError as error:
        return Answer(call, AskState.SENT, error=str(error))


def _decided_by(call: LegCall, found: Reservation | None) -> Answer | None:
    """The answer that a reservation gives; None when the ask is still to be made."""
    if found is not None and _reached(call, found):
        return Answer(call, AskState.DONE, found)
    if found is not None and found.state in REACHED[Ask.CANCEL]:
        return Answer(call, AskState.REFUSED, found, error=f"it is {found.state} there")
    if call.read_only:
        return Answer(call, AskState.REFUSED, found, error="it took too long; try again")
    return None


def _reached(call: LegCall, found: Reservation) -> bool:
    """Whether a reservation shows that the ask has been fulfilled."""
    if call.ask is Ask.EXTEND and call.held_until and found.expires_at:
        return found.state is ReservationState.HELD and found.expires_at > call.held_until
    return call.ask is not Ask.EXTEND and found.state in REACHED[call.ask]


async def _ask(provider: Provider, call: LegCall, now: datetime) -> Reservation:
    match call.ask:
        case Ask.HOLD:
            return await provider.hold(call.order, now)
        case Ask.CONFIRM:
            return await provider.confirm(call.order, now)
        case Ask.START:
            return await provider.start(call.order, now)
        case Ask.FINISH:
            return await provider.finish(call.order, now)
        case Ask.CANCEL:
            return await provider.cancel(call.order, now)
        case Ask.EXTEND:
            return await provider.extend(call.order, now)


async def _refused(provider: Provider, call: LegCall, error: RefusedError, now: datetime) -> Answer:
    """A refusal may only mean that the provider is already further on: look before believing it."""
    if call.ask is Ask.HOLD:
        return Answer(call, AskState.REFUSED, error=error.detail)
    try:
        found = await provider.find_reservation(call.order, now)
    except ProviderError:
        return Answer(call, AskState.SENT, error=str(error))
    if found is not None and _reached(call, found):
        return Answer(call, AskState.DONE, found)
    return Answer(call, AskState.REFUSED, found, error=error.detail)


async def look(desk: Desk, order: LegOrder, now: datetime) -> Reservation | None:
    """Read how a ride stands at its provider; None when that cannot be said now."""
    provider = desk.providers.get(order.provider_id)
    try:
        return None if provider is None else await provider.find_reservation(order, now)
    except ProviderError:
        return None


async def record_look(
    tx: AsyncConnection, booking_id: str, leg_id: str, found: Reservation | None, now: datetime
) -> None:
    """Write that a ride was looked at, and its end if it has ended."""
    values: dict[str, Any] = {"looked_at": now}
    if found is not None and found.state in FURTHER_ON - {ReservationState.IN_USE}:
        values |= _as_found(found, now)
        values |= await _reported(tx, booking_id, leg_id, found, may_be_waived=True)
    await set_leg(tx, booking_id, leg_id, **values)
    await _void_given_back(tx, booking_id, leg_id, values, now)
    await record_seen(tx, booking_id, leg_id, found, now)


async def record_answer(tx: AsyncConnection, answer: Answer, now: datetime) -> None:
    """Write what became of a call, and what it means for the leg."""
    call, found, may_be_waived = answer.call, answer.reservation, True
    values = _leg_values(answer, now)
    reported = found is not None and found.report is not None
    if not await record_ask(
        tx, call.booking_id, call.leg_id, call.ask, answer.state, now, answer.error,
        leg_values=None if reported else values,
    ):  # fmt: skip
        return
    if call.ask in (Ask.FINISH, Ask.CANCEL):
        asked = (call.ask, answer.state, answer.error)
        may_be_waived = await record_seen(tx, call.booking_id, call.leg_id, found, now, asked=asked)
    if values and found is not None and reported:
        values |= await _reported(
            tx, call.booking_id, call.leg_id, found, may_be_waived=may_be_waived
        )
        await set_leg(tx, call.booking_id, call.leg_id, **values)
    await _void_given_back(tx, call.booking_id, call.leg_id, values, now)
    if call.ask is Ask.CANCEL and answer.leaves_open:
        await end_voided(tx, call.booking_id, call.leg_id, now)
    if call.ask is Ask.EXTEND and answer.state is AskState.DONE:
        await apply_extension(tx, call.booking_id)
    elif call.ask is Ask.EXTEND and answer.state is AskState.REFUSED:
        await drop_extension(tx, call.booking_id)


def _leg_values(answer: Answer, now: datetime) -> dict[str, Any]:
    found = answer.reservation
    if answer.state is AskState.REFUSED:
        if found is not None and found.state in FURTHER_ON:
            return _as_found(found, now)
        certain = answer.call.ask is Ask.HOLD and not answer.call.read_first
        return {"state": LegState.FAILED} if certain else {}
    if answer.state is AskState.DONE and found is not None:
        return _as_found(found, now)
    return {}


def _as_found(found: Reservation, now: datetime) -> dict[str, Any]:
    """The leg's row as the provider's state has it."""
    values: dict[str, Any] = {"provider_ref": found.ref}
    match found.state:
        case ReservationState.HELD:
            values |= {"state": LegState.HELD, "hold_expires_at": found.expires_at}
        case ReservationState.CONFIRMED:
            values |= {
                "state": LegState.CONFIRMED,
                **_access(found),
                "hold_expires_at": found.expires_at,
            }
        case ReservationState.IN_USE:
            values |= {
                "state": LegState.ACTIVE,
                "started_at": func.coalesce(leg.c.started_at, now),
                "end_by": func.coalesce(leg.c.end_by, end_of(now)),
            }
            if found.access_code is not None:
                values |= _access(found)
        case ReservationState.ENDED:
            values |= {"state": LegState.ENDED, "ended_at": now}
        case ReservationState.CANCELLED | ReservationState.EXPIRED:
            values |= {"state": LegState.CANCELLED, "access_code": None}
    return values


def _access(found: Reservation) -> dict[str, Any]:
    return {
        "access_code": found.access_code,
        "access_format": None if found.access_code is None else found.access_format,
        "access_base64": found.access_base64,
    }


async def _void_given_back(
    tx: AsyncConnection, booking_id: str, leg_id: str, values: dict[str, Any], now: datetime
) -> None:
    """A leg that is given back takes its ticket with it, in one transaction."""
    if values.get("state") is LegState.CANCELLED:
        await void_tickets(tx, booking_id, now, leg_id=leg_id)


async def _reported(
    tx: AsyncConnection, booking_id: str, leg_id: str, found: Reservation, *, may_be_waived: bool
) -> dict[str, Any]:
    """A ride as it is charged, where one is reported; only what was complained of is waived."""
    report = found.report
    if report is None:
        return {}
    due = await find_due(tx, booking_id, leg_id, report)
    waived = await find_waiver(tx, booking_id, leg_id, report) if may_be_waived else None
    if waived is not None:
        due = Due(waived, (WAIVED,))
    due = await cap(tx, booking_id, leg_id, report, due)
    values: dict[str, Any] = {
        "started_at": report.started_at,
        "ended_at": report.ended_at,
        "used_minutes": report.usage.minutes,
        "used_metres": report.usage.metres,
        "claimed_minor": report.price.minor,
        "final_minor": due.price.minor,
        "charged_minutes": due.charged_minutes,
        "paid_before_minor": None if due.paid_before is None else due.paid_before.minor,
    }
    if report.usage.metres or waived is not None:  # not every meter counts metres
        values["co2_grams"] = _grams_of(report.usage.metres)
    if due.lines:
        values["price_lines"] = list(due.lines)
    return values


def _grams_of(metres: int) -> ColumnElement[int]:
    """As much for each metre as was planned; as planned where no way is known."""
    planned, way = (leg.c.detail[name].as_numeric(12, 0) for name in ("co2_grams", "distance_m"))
    grams = func.round(planned * metres / func.nullif(way, 0))
    return func.coalesce(cast(grams, Integer), leg.c.co2_grams)
