"""Everything that is stored about me, as one document (Art. 15 and 20 GDPR)."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field, JsonValue, TypeAdapter

from mobility.api.account import Account, read_account
from mobility.api.claims import ClaimView
from mobility.api.dependencies import Now, RiderDep, WiringDep
from mobility.api.passes import PassView
from mobility.api.payment_methods import MethodView, saved_methods
from mobility.booking.queries import BookingRecord, list_bookings
from mobility.booking.tickets import HeldTicket, list_tickets
from mobility.claims.store import list_claims_of_rider
from mobility.db import transaction
from mobility.identity.passes import list_passes
from mobility.wiring import Wiring
from payments.errors import PaymentError

router = APIRouter(prefix="/v1/me/export", tags=["account"])

_PAGE = 100
_BOOKINGS = TypeAdapter(list[BookingRecord])
_MONEY = {"minor", "currency"}
"""The fields of ``payments.money.Money``."""


class Export(BaseModel):
    """The whole of it. Keys are those of the other answers."""

    exported_at: datetime = Field(examples=["2026-11-25T08:00:00Z"])
    account: Account
    passes: list[PassView]
    payment_methods: list[MethodView] | None = Field(
        description="Null when the payment processor, who keeps them, does not answer just now."
    )
    tickets: list[HeldTicket] = Field(
        description="Which device or sign-in shows which ticket.", examples=[[]]
    )
    claims: list[ClaimView] = Field(
        description="What carriers' guarantees may give me.", examples=[[]]
    )
    bookings: list[dict[str, JsonValue]] = Field(
        examples=[[{"id": "bkg_2ab3cd4ef5gh6ij7kl2mn3op4q", "state": "settled", "legs": []}]]
    )


@router.get("", response_model=Export, summary="Take my data along")
async def export(wiring: WiringDep, rider: RiderDep, now: Now) -> Export:
    """Account, passes, cards as far as they are known here, tickets, claims and all bookings."""
    account = await read_account(wiring, rider)
    async with transaction(wiring.engine) as tx:
        held = await list_passes(tx, wiring.vault, rider.rider_id)
        tickets = await list_tickets(tx, rider.rider_id)
        claims = await list_claims_of_rider(tx, rider.rider_id, now)
    return Export(
        exported_at=now,
        account=account,
        passes=[PassView.of(item, wiring.city, now) for item in held],
        payment_methods=await _methods(wiring, rider.rider_id),
        tickets=tickets,
        claims=[ClaimView.of(claim) for claim in claims],
        bookings=await _bookings(wiring, rider.rider_id),
    )


async def _methods(wiring: Wiring, rider_id: str) -> list[MethodView] | None:
    try:
        return [MethodView.of(method) for method in await saved_methods(wiring, rider_id)]
    except PaymentError:
        return None


async def _bookings(wiring: Wiring, rider_id: str) -> list[dict[str, JsonValue]]:
    found: list[dict[str, JsonValue]] = []
    before: tuple[datetime, str] | None = None
    while True:
        async with transaction(wiring.engine) as tx:
            page = await list_bookings(tx, rider_id, limit=_PAGE, before=before)
        found += dump_bookings(page)
        if len(page) < _PAGE:
            return found
        before = (page[-1].created_at, page[-1].id)


def dump_bookings(bookings: list[BookingRecord]) -> list[dict[str, JsonValue]]:
    """All that is recorded; keys between us and a provider, and codes that unlock, are left out."""
    dumped = _BOOKINGS.dump_python(
        bookings,
        mode="json",
        exclude={"__all__": {"legs": {"__all__": {"order_key", "access_code"}}}},
    )
    return [{name: _on_the_wire(value) for name, value in item.items()} for item in dumped]


def _on_the_wire(value: JsonValue) -> JsonValue:
    """The value with money as everywhere in this API: ``amount`` and ``currency``."""
    if isinstance(value, list):
        return [_on_the_wire(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == _MONEY:
        return {"amount": value["minor"], "currency": value["currency"]}
    return {name: _on_the_wire(item) for name, item in value.items()}
