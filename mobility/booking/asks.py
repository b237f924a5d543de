"""Writing what is asked of a provider for a leg: wanted, sent, answered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.booking.trip import Ask, AskState
from mobility.booking.trips import SET_LEG, with_values
from mobility.tables import provider_operation

_THIS_ASK = (
    provider_operation.c.booking_id == bindparam("of_booking"),
    provider_operation.c.leg_id == bindparam("of_leg"),
    provider_operation.c.kind == bindparam("of_kind"),
)
_INSERT = insert(provider_operation)
_ASK = _INSERT.on_conflict_do_nothing()
_SENT = _INSERT.on_conflict_do_update(
    index_elements=[
        provider_operation.c.booking_id,
        provider_operation.c.leg_id,
        provider_operation.c.kind,
    ],
    set_={
        "state": _INSERT.excluded.state,
        "sent_at": _INSERT.excluded.sent_at,
        "attempts": provider_operation.c.attempts + 1,
        "ours": or_(provider_operation.c.ours, _INSERT.excluded.ours),
    },
)
_DECIDE = (
    update(provider_operation)
    .where(*_THIS_ASK, provider_operation.c.state == AskState.SENT.value)
    .values(
        state=bindparam("ask_state"),
        error=bindparam("ask_error"),
        decided_at=bindparam("ask_decided_at"),
    )
)
_DECIDED = _DECIDE.returning(provider_operation.c.kind).cte("decided")
_DECIDE_WITH_LEG = SET_LEG.where(select(_DECIDED.c.kind).exists())
_DROP = provider_operation.delete().where(*_THIS_ASK)
_FORGET = _DROP.where(provider_operation.c.state == AskState.REFUSED.value)


async def ask_for(
    tx: AsyncConnection, booking_id: str, leg_id: str, ask: Ask, now: datetime
) -> None:
    """Record the intention to ask a provider for something; once for each leg and ask."""
    await tx.execute(
        _ASK,
        {
            "booking_id": booking_id,
            "leg_id": leg_id,
            "kind": ask,
            "state": AskState.PLANNED,
            "asked_at": now,
        },
    )


async def forget_refusal(tx: AsyncConnection, booking_id: str, leg_id: str, ask: Ask) -> None:
    """Let a provider that refused something be asked for it again."""
    await tx.execute(_FORGET, {"of_booking": booking_id, "of_leg": leg_id, "of_kind": ask})


async def drop_ask(tx: AsyncConnection, booking_id: str, leg_id: str, ask: Ask) -> None:
    """Ask for something no more; what is answered after that is not recorded."""
    await tx.execute(_DROP, {"of_booking": booking_id, "of_leg": leg_id, "of_kind": ask})


async def mark_sent(
    tx: AsyncConnection,
    booking_id: str,
    leg_id: str,
    ask: Ask,
    now: datetime,
    *,
    ours: bool = False,
) -> None:
    """Record that the call goes out now."""
    await tx.execute(
        _SENT,
        {
            "booking_id": booking_id,
            "leg_id": leg_id,
            "kind": ask,
            "state": AskState.SENT,
            "attempts": 1,
            "ours": ours,
            "asked_at": now,
            "sent_at": now,
        },
    )


async def record_ask(
    tx: AsyncConnection,
    booking_id: str,
    leg_id: str,
    ask: Ask,
    state: AskState,
    now: datetime,
    error: str | None = None,
    *,
    leg_values: Mapping[str, Any] | None = None,
) -> bool:
    """Record what became of a call, with what it means for the leg's row, in one statement.

    Returns:
        False when it had been decided by somebody else meanwhile: then nothing is changed.
    """
    decided = {
        "of_booking": booking_id,
        "of_leg": leg_id,
        "of_kind": ask,
        "ask_state": state,
        "ask_error": error,
        "ask_decided_at": now if state in (AskState.DONE, AskState.REFUSED) else None,
    }
    statement, plain = with_values(_DECIDE_WITH_LEG, leg_values) if leg_values else (_DECIDE, {})
    return (await tx.execute(statement, decided | plain)).rowcount == 1
