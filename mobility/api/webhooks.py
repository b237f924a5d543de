"""What the payment processor tells us: verified, stored once, worked off by a durable step."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Request
from pydantic import BaseModel, Field

from mobility import steps
from mobility.api.dependencies import Now, WiringDep
from mobility.api.openapi import problems
from mobility.db import transaction
from payments.errors import WebhookRefusedError
from payments.stripe_events import MAX_BYTES, store_event, verify_event

router = APIRouter(prefix="/webhooks", tags=["machines"])

APPLY_STEP = "apply_events"
APPLY_KEY = "all"


Signature = Annotated[
    str | None,
    Header(
        alias="Stripe-Signature",
        max_length=2000,
        description="`t=<seconds>,v1=<HMAC-SHA-256>`, at most five minutes from now either way.",
        examples=[f"t=1795680000,v1={'5257a869' * 8}"],
    ),
]


class Received(BaseModel):
    """The event is ours now; it need not be sent again."""

    id: str = Field(examples=["evt_1QabcDEfghIJklMN"])
    new: bool = Field(description="False when it was received before.", examples=[True])


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise HTTPException(413, f"a webhook has at most {MAX_BYTES} bytes")
    return bytes(body)


@router.post(
    "/stripe",
    response_model=Received,
    summary="Receive an event of the payment processor",
    responses=problems(400, 413),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"type": "object", "description": "An Event of Stripe's."},
                    "example": {
                        "id": "evt_1QabcDEfghIJklMN",
                        "object": "event",
                        "type": "payment_intent.succeeded",
                        "created": 1795680000,
                        "data": {"object": {"id": "pi_1Qabc", "object": "payment_intent"}},
                    },
                }
            },
        }
    },
)
async def receive(
    request: Request,
    wiring: WiringDep,
    now: Now,
    signature: Signature = None,
) -> Received:
    """Store an event once. It is a hint: what it speaks of is read from the processor later.

    Raises:
        WebhookRefusedError: not signed with our secret, too old, from the future, or malformed.
    """
    body = await _read(request)
    secret = wiring.settings.stripe_webhook_secret
    if secret is None:
        raise WebhookRefusedError("no STRIPE_WEBHOOK_SECRET is set; payments are polled instead")
    event = verify_event(body, signature, secret.get_secret_value(), now)
    async with transaction(wiring.engine) as tx:
        is_new = await store_event(tx, event, now)
        if is_new:
            await steps.enqueue(tx, kind=APPLY_STEP, key=APPLY_KEY, run_at=now)
    return Received(id=event.id, new=is_new)
