"""Why it cost what it cost."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Header, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from mobility.api.booking_view import Amount
from mobility.api.dependencies import RiderDep, WiringDep
from mobility.api.openapi import problems
from mobility.api.receipt_pdf import render_receipt
from mobility.booking import receipt as receipts
from mobility.booking.queries import get_booking
from mobility.booking.receipt import Movement, Receipt, ReceiptLine
from mobility.db import transaction
from mobility.wiring import Wiring
from providers.price_item import PriceItem

router = APIRouter(prefix="/v1/bookings", tags=["bookings"])
PDF = "application/pdf"


class ItemView(BaseModel):
    """One item of a price: ``units`` times ``unit_price`` is ``amount``."""

    kind: str = Field(
        description="base, time, distance, ticket, pass, cap, day_cap, rounding, asked_less or "
        "ended_by_us"
    )
    units: int
    unit: str = Field(description="What is counted: ride, person, 24 h, or such as 30 min, 1 km.")
    unit_price: str = Field(description="In major units, exact: it may be less than a cent.")
    amount: str = Field(description="In major units, exact; below zero where it takes off.")
    text: str

    @classmethod
    def of(cls, item: PriceItem) -> ItemView:
        """An item as it is shown."""
        return cls(
            kind=item.kind,
            units=item.units,
            unit=item.unit,
            unit_price=f"{item.unit_price:f}",
            amount=f"{item.amount:f}",
            text=item.text,
        )


class MovementView(BaseModel):
    """Money that was taken from the rider's card or account, or given back to it, and when."""

    kind: str = Field(
        description="charge; later_charge for what a ride cost beyond its hold; refund; or "
        "guarantee, what goes back by a carrier's guarantee; rebate, beyond a day's ceiling; "
        "rebooking, beyond the price that was locked when the trip was rebooked; "
        "goodwill, what was granted afterwards; "
        "taken_back, what the rider's bank took back for good."
    )
    at: datetime
    amount: Amount
    paid_with: str | None = Field(
        default=None, description="Of a charge: with which card, wallet or account, for riders."
    )

    @classmethod
    def of(cls, movement: Movement) -> MovementView:
        """A movement as it is shown."""
        return cls(
            kind=movement.kind,
            at=movement.at,
            amount=Amount.of(movement.amount),
            paid_with=movement.paid_with,
        )


class ReceiptLineView(BaseModel):
    """One leg on the receipt."""

    leg_id: str
    mode: str
    provider_id: str
    provider_name: str
    role: str
    """``agent``: the contract is with the provider, and we sold on its behalf."""
    state: str
    began_at: datetime | None = Field(
        description="When a rented vehicle was unlocked, or a ticket's ride left by its timetable; "
        "null if it was not used."
    )
    product: str | None
    tariff_version: str
    calculation: list[str]
    minutes: int | None
    metres: int | None
    passengers: int | None
    items: list[ItemView] = Field(
        description="What the price consists of, computed anew from the units stored and the "
        "tariff's version; with ``off`` they add up to ``gross``."
    )
    off: Amount | None = Field(
        description="What was charged beyond that: zero, or a fault. None where it cannot be said."
    )
    off_because: str = Field(description="Why it cannot be said.")
    net: Amount
    vat_percent: str
    vat: Amount
    gross: Amount


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
    movements: list[MovementView]
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
                        "mode": "bus",
                        "provider_id": "stadtverkehr-luebeck",
                        "provider_name": "Stadtverkehr Lübeck (Demo-Verkauf)",
                        "role": "agent",
                        "state": "ended",
                        "began_at": "2026-11-26T07:08:00Z",
                        "product": "single:2:adult",
                        "tariff_version": "sh-tarif-2026-04-01",
                        "calculation": [
                            "Einzelfahrkarte Stadtgebiet (Preisstufe 2), Erwachsene: 3,60 €"
                        ],
                        "minutes": 12,
                        "metres": 2600,
                        "passengers": 1,
                        "items": [
                            {
                                "kind": "ticket",
                                "units": 1,
                                "unit": "person",
                                "unit_price": "3.60",
                                "amount": "3.60",
                                "text": "Einzelfahrkarte Stadtgebiet (Preisstufe 2), Erwachsene",
                            }
                        ],
                        "off": {"amount": 0, "currency": "EUR"},
                        "off_because": "",
                        "net": {"amount": 336, "currency": "EUR"},
                        "vat_percent": "7.00",
                        "vat": {"amount": 24, "currency": "EUR"},
                        "gross": {"amount": 360, "currency": "EUR"},
                    }
                ],
                "total": {"amount": 360, "currency": "EUR"},
                "captured": {"amount": 360, "currency": "EUR"},
                "refunded": {"amount": 0, "currency": "EUR"},
                "outstanding": {"amount": 0, "currency": "EUR"},
                "movements": [
                    {
                        "kind": "charge",
                        "at": "2026-11-26T07:21:00Z",
                        "amount": {"amount": 360, "currency": "EUR"},
                        "paid_with": "Apple Pay, Visa •••• 4242",
                    }
                ],
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
        receipt = await receipts.get_receipt(tx, record, wiring.city)
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
        movements=[MovementView.of(movement) for movement in receipt.movements],
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
        began_at=line.began_at,
        product=line.product,
        tariff_version=line.tariff_version,
        calculation=list(line.calculation),
        minutes=line.minutes,
        metres=line.metres,
        passengers=line.passengers,
        items=[ItemView.of(item) for item in line.items],
        off=None if line.off is None else Amount.of(line.off),
        off_because=line.off_because,
        net=Amount.of(line.net),
        vat_percent=str(line.vat_percent),
        vat=Amount.of(line.vat),
        gross=Amount.of(line.gross),
    )
