"""Follow a booking live (server-sent events, WHATWG HTML section 9.2)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict
from redis.exceptions import RedisError

from mobility.api.bookings import show
from mobility.api.dependencies import Now, RiderDep, WiringDep
from mobility.api.openapi import problems
from mobility.booking.queries import get_booking
from mobility.db import transaction
from mobility.wiring import Wiring

router = APIRouter(tags=["bookings"])
log = logging.getLogger(__name__)

TICKET_LIFETIME = timedelta(minutes=10)
OVER = ("settled", "cancelled", "failed")
_EVENT_ID = re.compile(r"^\d{1,20}-\d{1,20}$")


class StreamTicket(BaseModel):
    """A pass to one booking's stream, for clients that cannot send headers (EventSource)."""

    ticket: str
    expires_at: datetime

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "ticket": "MTc2NDE0MDQwMHxia2dfLi4u.c2lnbmF0dXJl",
                "expires_at": "2026-11-26T07:10:00Z",
            }
        }
    )


def _signature(key: bytes, text: str) -> str:
    digest = hmac.new(key, text.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


@router.post(
    "/v1/bookings/{booking_id}/stream-ticket",
    response_model=StreamTicket,
    summary="Get a pass to a booking's stream",
)
async def issue_stream_ticket(
    booking_id: str, wiring: WiringDep, rider: RiderDep, now: Now
) -> StreamTicket:
    """A short-lived pass that opens the stream of one booking of mine, and nothing else."""
    async with transaction(wiring.engine) as tx:
        await get_booking(tx, rider.rider_id, booking_id)
    expires_at = (now + TICKET_LIFETIME).replace(microsecond=0)
    text = f"{int(expires_at.timestamp())}|{rider.rider_id}|{booking_id}"
    encoded = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    ticket = f"{encoded}.{_signature(wiring.secrets.cursor_key, text)}"
    return StreamTicket(ticket=ticket, expires_at=expires_at)


def _read_ticket(key: bytes, ticket: str, now: datetime) -> tuple[str, str, datetime]:
    refused = HTTPException(401, "the stream ticket is not valid (any more); ask for a new one")
    encoded, _, signature = ticket.partition(".")
    try:
        text = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    except ValueError as error:
        raise refused from error
    if not hmac.compare_digest(_signature(key, text).encode(), signature.encode()):
        raise refused
    expires, rider_id, booking_id = text.split("|")
    ends_at = datetime.fromtimestamp(int(expires), UTC)
    if ends_at < now:
        raise refused
    return rider_id, booking_id, ends_at


@router.get(
    "/v1/streams/{ticket}",
    summary="Follow a booking",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {
                "text/event-stream": {"example": 'id: 1-0\nevent: booking\ndata: {"id": "…"}\n\n'}
            }
        },
        **problems(400, 401),
    },
)
async def follow(
    ticket: str,
    wiring: WiringDep,
    now: Now,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """The booking now and after every change, until it is over or the pass has run out.

    ``Last-Event-ID`` goes on from there.
    """
    rider_id, booking_id, ends_at = _read_ticket(wiring.secrets.cursor_key, ticket, now)
    if last_event_id is not None and not _EVENT_ID.match(last_event_id):
        raise HTTPException(400, "Last-Event-ID is not one of this stream")
    events = _events(wiring, rider_id, booking_id, last_event_id, ends_at)
    return StreamingResponse(
        events, media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )


async def _events(
    wiring: Wiring,
    rider_id: str,
    booking_id: str,
    last_event_id: str | None,
    ends_at: datetime,
) -> AsyncIterator[str]:
    shown = await show(wiring, rider_id, booking_id)
    yield f"id: {last_event_id or '0-0'}\nevent: booking\ndata: {shown.model_dump_json()}\n\n"
    if shown.state in OVER:
        return
    async for event_id in _changes(wiring, booking_id, last_event_id or "0-0"):
        if wiring.clock() >= ends_at:
            return
        if event_id is None:
            yield ": still here\n\n"
            continue
        shown = await show(wiring, rider_id, booking_id)
        yield f"id: {event_id}\nevent: booking\ndata: {shown.model_dump_json()}\n\n"
        if shown.state in OVER:
            return


async def _changes(wiring: Wiring, booking_id: str, after: str) -> AsyncIterator[str | None]:
    """What ``Changes.watch`` tells, until Redis is away: then its client comes again."""
    try:
        async for event_id in wiring.changes.watch(booking_id, after=after):
            yield event_id
    except RedisError as error:
        log.warning("a stream has ended: %s", type(error).__name__)
