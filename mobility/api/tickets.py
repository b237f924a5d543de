"""Show a ticket: bound to the rider's device, else shown by us for one sign-in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mobility.api.dependencies import Now, RiderDep, WiringDep
from mobility.api.openapi import problems
from mobility.booking.tickets import (
    Access,
    Binding,
    Holder,
    hold_ticket,
    list_revoked_keys,
    lock_access,
)
from mobility.db import transaction
from mobility.identity.tokens import RiderIdentity
from mobility.wiring import Wiring
from providers.bus.envelope import encode
from providers.bus.ticket import SLOT_S, Ticket, bind, read_device_key, show, slot_of
from providers.bus.ticket_keys import SigningKey, key_of_day
from providers.values import AccessFormat

router = APIRouter(
    prefix="/v1/bookings/{booking_id}/legs/{leg_id}/ticket",
    tags=["rides"],
)


def _is_device_key(text: str) -> str:
    read_device_key(text)
    return text


class TicketRequest(BaseModel):
    """Where to have the ticket."""

    model_config = ConfigDict(extra="forbid")

    device_key: (
        Annotated[str, Field(min_length=43, max_length=43), AfterValidator(_is_device_key)] | None
    ) = Field(
        default=None,
        description="The device's Ed25519 public key, base64url (RFC 8037, `x`). Without one we "
        "show the ticket for this sign-in.",
        examples=["11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"],
    )


class TicketView(BaseModel):
    """What is shown at inspection or opens the vehicle."""

    leg_id: str
    provider_id: str
    format: Literal["QR", "AZTEC", "BARCODE", "DEEPLINK", "CODE"] = Field(
        description="What to make of the payload: a symbol to draw, an address to open, characters "
        "to read or type."
    )
    encoding: Literal["text", "base64"] = Field(
        description="`base64`: the payload stands for the bytes that it encodes."
    )
    payload: str = Field(description="As the operator wrote it, byte by byte.")
    rotation: Literal["none", "server", "device"] = Field(
        description="Who renews the payload: nobody; we, so ask again at `fetch_again_at`; the "
        "device, which appends `.slot.signature`: the Unix time divided by 15, and its Ed25519 "
        "signature, base64url, over all before that dot."
    )
    fetch_again_at: datetime | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None
    binding: int | None = Field(
        default=None, description="Counts the devices; what the one before shows is revoked."
    )
    moves_left: int | None = Field(
        default=None, description="How often the ticket may still move to another device."
    )
    server_time: datetime = Field(description="To set the clock of the slots by.")

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "leg_id": "leg_2ab3cd4ef5gh6ij7kl2mn3op4q",
                "provider_id": "stadtverkehr-luebeck",
                "format": "QR",
                "encoding": "text",
                "payload": "MT2.eyJraWQiOiJ0MSJ9.a2V5.c2lnbmF0dXJl.119710080.c2lnbmF0dXJl",
                "rotation": "server",
                "fetch_again_at": "2026-11-26T08:00:15Z",
                "valid_from": "2026-11-26T07:00:00Z",
                "valid_until": "2026-11-26T09:00:00Z",
                "binding": 1,
                "moves_left": 5,
                "server_time": "2026-11-26T08:00:04Z",
            }
        }
    )


@router.get(
    "",
    response_model=TicketView,
    summary="Show a ticket",
    responses=problems("wrong-state", "ticket-elsewhere"),
)
async def get_ticket(
    booking_id: str,
    leg_id: str,
    wiring: WiringDep,
    rider: RiderDep,
    now: Now,
    response: Response,
) -> TicketView:
    """The ticket of a confirmed leg, to be drawn; of ours a code that lives for 15 seconds.

    Who asks first has it: another sign-in, and a device with a key, take it over by `POST`.
    """
    response.headers["Cache-Control"] = "no-store"
    return await _show(wiring, rider, booking_id, leg_id, now, device_key=None, move=False)


@router.post(
    "",
    response_model=TicketView,
    summary="Have a ticket on this device",
    responses=problems("wrong-state", "ticket-moves-used"),
)
async def take_ticket(
    booking_id: str,
    leg_id: str,
    body: TicketRequest,
    wiring: WiringDep,
    rider: RiderDep,
    now: Now,
) -> TicketView:
    """Bind the ticket to this device, which then shows it without a network.

    If another one had it, what that shows is revoked. Asking again changes nothing.
    """
    return await _show(wiring, rider, booking_id, leg_id, now, body.device_key, move=True)


async def _show(
    wiring: Wiring,
    rider: RiderIdentity,
    booking_id: str,
    leg_id: str,
    now: datetime,
    device_key: str | None,
    *,
    move: bool,
) -> TicketView:
    holder = Holder(device_key, None if device_key else rider.session)
    async with transaction(wiring.engine) as tx:
        access = await lock_access(tx, rider.rider_id, booking_id, leg_id)
        said = access.ticket
        if said is None:
            return _as_it_is(access, now)
        binding = await hold_ticket(tx, booking_id, access, holder, move=move)
        revoked = await list_revoked_keys(tx)
    seed = wiring.secrets.ticket_signing_seed
    key = key_of_day(seed, said.valid_from.date(), revoked)
    if device_key is not None:
        return _bound(access, said, binding, bind(key, said, binding.number, device_key), now)
    ours = SigningKey.derive(seed, f"device/{said.id}/{binding.number}").private
    raw = ours.public_key().public_bytes_raw()
    code = show(bind(key, said, binding.number, encode(raw)), ours, now)
    shown = _bound(access, said, binding, code, now)
    again = datetime.fromtimestamp((slot_of(now) + 1) * SLOT_S, UTC)
    return shown.model_copy(update={"rotation": "server", "fetch_again_at": again})


def _as_it_is(access: Access, now: datetime) -> TicketView:
    assert access.format is not AccessFormat.TICKET
    return TicketView(
        leg_id=access.leg_id,
        provider_id=access.provider_id,
        format=access.format.value,
        encoding="base64" if access.base64 else "text",
        payload=access.code,
        rotation="none",
        valid_until=access.valid_until,
        server_time=now,
    )


def _bound(
    access: Access, said: Ticket, binding: Binding, payload: str, now: datetime
) -> TicketView:
    return TicketView(
        leg_id=access.leg_id,
        provider_id=access.provider_id,
        format="QR",
        encoding="text",
        payload=payload,
        rotation="device",
        valid_from=said.valid_from,
        valid_until=said.valid_until,
        binding=binding.number,
        moves_left=binding.moves_left,
        server_time=now,
    )
