"""What inspectors carry along, and what staff withdraws: signing keys and revocations."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Response
from pydantic import BaseModel, Field

from mobility.api.dependencies import Now, StaffDep, WiringDep
from mobility.api.operations import Reason
from mobility.audit import Deed, write_down
from mobility.booking.tickets import (
    allow_move,
    could_be_valid,
    list_revoked,
    list_revoked_keys,
    revoke_key,
)
from mobility.db import transaction
from providers.bus.revocations import UPDATED_EVERY, SignedList, publish_list
from providers.bus.ticket_keys import JwkSet, publish

KEYS_KEPT_S = 3600

router = APIRouter()


@router.get("/v1/tickets/keys", tags=["tickets"], summary="The keys by which tickets are verified")
async def get_keys(wiring: WiringDep, now: Now, response: Response) -> JwkSet:
    """A JWK Set (RFC 8037): the keys of the days from yesterday to a week ahead.

    Each day has two, of which the second follows if the first is withdrawn; the key `revocations`
    signs revocation lists and nothing else.
    """
    async with transaction(wiring.engine) as tx:
        revoked = await list_revoked_keys(tx)
    response.headers["Cache-Control"] = f"public, max-age={KEYS_KEPT_S}"
    return publish(wiring.secrets.ticket_signing_seed, now, revoked)


@router.get("/v1/tickets/revocations", tags=["tickets"], summary="Tickets that are valid no more")
async def get_revocations(wiring: WiringDep, now: Now, response: Response) -> SignedList:
    """A signed list of cancelled and moved tickets and of withdrawn keys, for a day at most.

    `mobility ticket verify` reads it, together with the keys, without a network.
    """
    async with transaction(wiring.engine) as tx:
        tickets = await list_revoked(tx, now)
        keys = {key for key in await list_revoked_keys(tx) if could_be_valid(key, now)}
    max_age_s = int(UPDATED_EVERY.total_seconds())
    response.headers["Cache-Control"] = f"public, max-age={max_age_s}"
    return publish_list(wiring.secrets.ticket_signing_seed, now, tickets, keys)


class RevokedKey(BaseModel):
    """A signing key that was withdrawn."""

    key_id: str = Field(examples=["2026-11-26"])


@router.post(
    "/v1/operations/ticket-keys/{key_id}/revoke", tags=["operations"], summary="Withdraw a key"
)
async def revoke(
    key_id: str, body: Reason, wiring: WiringDep, staff: StaffDep, now: Now
) -> RevokedKey:
    """Refuse whatever a leaked key has signed; riders' apps load their tickets again. Audited."""
    async with transaction(wiring.engine) as tx:
        try:
            await revoke_key(tx, key_id, now)
        except ValueError as error:
            raise HTTPException(404, str(error)) from error
        deed = Deed(staff.rider_id, "ticket_key.revoke", key_id, body.reason, now)
        await write_down(tx, deed)
    return RevokedKey(key_id=key_id)


class MovesLeft(BaseModel):
    """How often a ticket may move to another device."""

    moves_left: int = Field(examples=[1])


@router.post(
    "/v1/operations/tickets/{booking_id}/{leg_id}/moves",
    tags=["operations"],
    summary="Let a ticket move once more",
)
async def allow_another_move(
    booking_id: str, leg_id: str, body: Reason, wiring: WiringDep, staff: StaffDep, now: Now
) -> MovesLeft:
    """For a rider who has moved a ticket as often as riders may by themselves. Audited."""
    subject = f"{booking_id} {leg_id}"
    async with transaction(wiring.engine) as tx:
        left = await allow_move(tx, booking_id, leg_id)
        await write_down(tx, Deed(staff.rider_id, "ticket.allow_move", subject, body.reason, now))
    return MovesLeft(moves_left=left)
