"""Why it cost what it cost."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Header, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict

from mobility.api.booking_view import Amount
from mobility.api.dependencies import RiderDep, WiringDep
from mobility.api.openapi import problems
from mobility.api.receipt_pdf import render_receipt
from mobility.booking.payment_view import get_standing
from mobility.booking.queries import get_booking
from mobility.booking.receipt import Receipt, ReceiptLine, make_receipt
from mobility.db import transaction
from mobility.wiring import Wiring

router = APIRouter(prefix="/v1/bookings", tags=["bookings"])
PDF = "application/pdf"


class ReceiptLineView(BaseModel):
    """One leg on the receipt."""

    leg_id: str
    mode: str
    provider_id: str
    provider_name: str
    role: str
    """``agent``: the contract is with the provider, and we sold on its behalf."""
    state: str
    tariff_version: str
    calculation: list[str]
    minutes: int | None
    metres: int | None
    gross: Amount
    vat_percent: str
    vat: Amount


class ReceiptView(BaseModel):
    """What was used, what it costs, and what happened to the money."""

    booking_id: str
    state: str
    booked_at: datetime
    lines: list[ReceiptLineView]
    total: Amount
    captured: Amount
    refunded: Amount
    outstanding: Amount
    co2_grams: int

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "booking_id": "bkg_4xk2s7qpm5u6w3a2c7t4e5n6ra",
                "state": "settled",
                "booked_at": "2026-11-26T07:00:00Z",
                "lines": [
                    {
                        "leg_id": "leg_2ab3cd4ef5gh6ij7kl2mn3op4q",
                        "mode": "bike",
                        "provider_id": "demo-rad",
                        "provider_name": "Demo-Rad Lübeck (Demo)",
                        "role": "agent",
                        "state": "ended",
                        "tariff_version": "demo-rad-2026-01",
                        "calculation": ["12 Minuten: 1 angefangene halbe Stunde × 1,00 € = 1,00 €"],
                        "minutes": 12,
                        "metres": 2600,
                        "gross": {"amount": 100, "currency": "EUR"},
                        "vat_percent": "19.00",
                        "vat": {"amount": 16, "currency": "EUR"},
                    }
                ],
                "total": {"amount": 100, "currency": "EUR"},
                "captured": {"amount": 100, "currency": "EUR"},
                "refunded": {"amount": 0, "currency": "EUR"},
                "outstanding": {"amount": 0, "currency": "EUR"},
                "co2_grams": 0,
            }
        }
    )


@router.get(
    "/{booking_id}/receipt",
    response_model=ReceiptView,
    summary="Why it cost what it cost",
    responses=problems("wrong-state")
    | {
        200: {
            "content": {
                PDF: {"schema": {"type": "string", "format": "binary"}, "example": "%PDF-1.3 …"}
            }
        }
    },
)
async def get_receipt(
    booking_id: str,
    wiring: WiringDep,
    rider: RiderDep,
    accept: Annotated[str, Header()] = "application/json",
) -> ReceiptView | Response:
    """The receipt of a trip that is over, from the units and tariffs stored with it.

    A PDF when ``Accept`` names ``application/pdf`` first.
    """
    async with transaction(wiring.engine) as tx:
        record = await get_booking(tx, rider.rider_id, booking_id)
        standing = await get_standing(tx, record.payment_id, record.price.currency)
    receipt = make_receipt(record, standing)
    if not accept.strip().startswith(PDF):
        return _view(receipt, wiring)
    names = {stanza.id: stanza.name for stanza in wiring.city.providers}
    city = wiring.city
    document = await run_in_threadpool(render_receipt, receipt, names, city.title, city.timezone)
    file_name = f'inline; filename="{booking_id}.pdf"'
    return Response(document, media_type=PDF, headers={"Content-Disposition": file_name})


def _view(receipt: Receipt, wiring: Wiring) -> ReceiptView:
    return ReceiptView(
        booking_id=receipt.booking_id,
        state=receipt.state,
        booked_at=receipt.booked_at,
        lines=[_line(line, wiring) for line in receipt.lines],
        total=Amount.of(receipt.total),
        captured=Amount.of(receipt.captured),
        refunded=Amount.of(receipt.refunded),
        outstanding=Amount.of(receipt.outstanding),
        co2_grams=receipt.co2_grams,
    )


def _line(line: ReceiptLine, wiring: Wiring) -> ReceiptLineView:
    stanza = wiring.stanzas[line.provider_id]
    return ReceiptLineView(
        leg_id=line.leg_id,
        mode=line.mode,
        provider_id=line.provider_id,
        provider_name=stanza.name,
        role=stanza.role,
        state=line.state,
        tariff_version=line.tariff_version,
        calculation=list(line.calculation),
        minutes=line.minutes,
        metres=line.metres,
        gross=Amount.of(line.gross),
        vat_percent=str(line.vat_percent),
        vat=Amount.of(line.vat),
    )
