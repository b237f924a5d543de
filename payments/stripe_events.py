"""Stripe's webhooks: verified, stored once, applied together with their effect.

An event is a hint and nothing more. It names a hold; what became of it is read from the processor
by the operation that is open there (``payments.call`` reads before it repeats). So the order of
events, doubles and losses do not matter, and only the names are stored, never the object itself,
which on Stripe may carry a cardholder's name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import stripe
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from payments.errors import WebhookRefusedError
from payments.tables import payment, psp_event

TOLERANCE = timedelta(seconds=300)
"""How old a signature may be, and how far in the future: the SDK checks the first only."""
MAX_BYTES = 262_144
_UNKNOWN_FOR = timedelta(hours=1)
_TRY_AGAIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Event:
    """What we keep of an event."""

    id: str
    type: str
    created_at: datetime
    object_id: str | None
    hold_id: str | None
    operation_id: str | None


def verify_event(payload: bytes, signature: str | None, secret: str, now: datetime) -> Event:
    """The event in a webhook's body, if it is signed with ``secret`` and of now.

    Raises:
        WebhookRefusedError: forged, too old, from the future, too large or malformed.
    """
    if len(payload) > MAX_BYTES:
        raise WebhookRefusedError(f"the body has more than {MAX_BYTES} bytes")
    try:
        text = payload.decode("utf-8")
        stripe.WebhookSignature.verify_header(text, signature, secret, tolerance=None)
        signed_at = _signed_at(signature or "")
    except (stripe.SignatureVerificationError, UnicodeError, ValueError) as error:
        raise WebhookRefusedError("the signature does not fit; is the secret right?") from error
    if abs(now - signed_at) > TOLERANCE:
        raise WebhookRefusedError(f"signed at {signed_at.isoformat()}, which is too far from now")
    try:
        return _event_of(json.loads(text))
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError, OSError) as error:
        raise WebhookRefusedError("the body is signed but is not an event") from error


def _signed_at(header: str) -> datetime:
    stamps = [part[2:] for part in header.split(",") if part.startswith("t=")]
    if len(stamps) != 1:
        raise ValueError("a signature has one timestamp")
    try:
        return datetime.fromtimestamp(int(stamps[0]), UTC)
    except (OverflowError, OSError) as error:
        raise ValueError("not a timestamp") from error


def _event_of(wire: Mapping[str, object]) -> Event:
    data = wire["data"]
    if wire["object"] != "event" or not isinstance(data, dict):
        raise ValueError("not an event")
    subject = data["object"]
    created = wire["created"]
    if not isinstance(subject, dict) or not isinstance(created, int):
        raise TypeError("not an event")
    is_hold = subject.get("object") == "payment_intent"
    hold = subject.get("id") if is_hold else subject.get("payment_intent")
    metadata = subject.get("metadata")
    return Event(
        id=_name(wire["id"]) or "",
        type=_name(wire["type"]) or "",
        created_at=datetime.fromtimestamp(created, UTC),
        object_id=_name(subject.get("id")),
        hold_id=_name(hold.get("id") if isinstance(hold, dict) else hold),
        operation_id=_name(metadata.get("money_op")) if isinstance(metadata, dict) else None,
    )


def _name(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= 120 or not value.isascii():
        raise ValueError("not a name")
    if not value.isprintable():
        raise ValueError("not a name")
    return value


async def store_event(tx: AsyncConnection, event: Event, now: datetime) -> bool:
    """Store an event; False when it was stored before."""
    stored = await tx.execute(
        insert(psp_event)
        .values(
            id=event.id,
            type=event.type,
            object_id=event.object_id,
            hold_id=event.hold_id,
            operation_id=event.operation_id,
            state="stored",
            created_at=event.created_at,
            received_at=now,
            due_at=now,
        )
        .on_conflict_do_nothing()
        .returning(psp_event.c.id)
    )
    return stored.first() is not None


async def list_unapplied(
    tx: AsyncConnection, now: datetime, *, limit: int = 100
) -> tuple[str, ...]:
    """The ids of events that are to be applied now, the longest waiting first."""
    rows = await tx.execute(
        select(psp_event.c.id)
        .where(psp_event.c.state == "stored", psp_event.c.due_at <= now)
        .order_by(psp_event.c.due_at, psp_event.c.id)
        .limit(limit)
    )
    return tuple(rows.scalars())


async def apply_event(tx: AsyncConnection, event_id: str, now: datetime) -> tuple[str, ...]:
    """Mark an event applied and name the payments it speaks of.

    The caller makes their bookings advance in the same transaction, so that an event is done only
    together with its effect. One about a hold that we do not know is tried again for an hour: it
    may have overtaken our own record of the hold. Then it is left as ``unmatched``.
    """
    event = (
        await tx.execute(
            select(psp_event)
            .where(psp_event.c.id == event_id, psp_event.c.state == "stored")
            .with_for_update(skip_locked=True)
        )
    ).first()
    if event is None:
        return ()
    touched = await _touched(tx, event.hold_id, event.operation_id)
    about_money = event.hold_id is not None or event.operation_id is not None
    if touched or not about_money:
        changed = {"state": "applied", "applied_at": now}
    elif now - event.received_at < _UNKNOWN_FOR:
        changed = {"due_at": now + _TRY_AGAIN}
    else:
        changed = {"state": "unmatched", "applied_at": now}
    await tx.execute(update(psp_event).where(psp_event.c.id == event_id).values(**changed))
    return touched


async def is_about_dispute(tx: AsyncConnection, event_id: str) -> bool:
    """Whether a stored event speaks of a charge that a cardholder's bank took back."""
    kind = await tx.scalar(select(psp_event.c.type).where(psp_event.c.id == event_id))
    return kind is not None and kind.startswith("charge.dispute.")


async def _touched(
    tx: AsyncConnection, hold_id: str | None, operation_id: str | None
) -> tuple[str, ...]:
    found: list[str] = []
    if hold_id is not None:
        by_hold = await tx.execute(select(payment.c.id).where(payment.c.hold_id == hold_id))
        found += by_hold.scalars()
    if not found and operation_id is not None:
        by_id = await tx.execute(
            select(payment.c.id).where(payment.c.id == operation_id.partition(".")[0])
        )
        found += by_id.scalars()
    return tuple(found)
