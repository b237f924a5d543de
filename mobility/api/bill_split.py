"""Share a bill with those who came along: a document to send them, no second payment."""

from __future__ import annotations

from typing import Annotated, Self

from fastapi import APIRouter, Header, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from mobility.api.booking_view import Amount
from mobility.api.dependencies import RiderDep, WiringDep
from mobility.api.openapi import problems
from mobility.api.receipt_pdf import render_split
from mobility.booking.bill_split import BillShare, split_by_amounts, split_equally
from mobility.booking.queries import get_booking
from mobility.booking.receipt import get_receipt
from mobility.db import transaction
from payments.money import Money

router = APIRouter(prefix="/v1/bookings", tags=["bookings"])
PDF = "application/pdf"
Label = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=60, pattern=r"^[^\x00-\x1f]+$"
    ),
]


class WantedShare(BaseModel):
    """Who bears how much, in minor units."""

    model_config = ConfigDict(extra="forbid")
    label: Label = Field(examples=["Ben"])
    amount: int = Field(ge=0, le=10_000_000, examples=[180])


class WantedSplit(BaseModel):
    """Either amounts that add up to what the trip cost, or how many share it equally."""

    model_config = ConfigDict(extra="forbid")
    shares: list[WantedShare] | None = Field(default=None, min_length=1, max_length=20)
    equal: int | None = Field(default=None, ge=1, le=20, examples=[2])

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.shares is None) == (self.equal is None):
            raise ValueError("give shares or equal, and not both")
        return self


class TaxedView(BaseModel):
    """A gross amount at one rate, with the tax in it."""

    vat_percent: str
    gross: Amount
    vat: Amount


class ShareView(BaseModel):
    """What one person bears."""

    label: str
    amount: Amount
    rates: list[TaxedView]

    @classmethod
    def of(cls, share: BillShare) -> ShareView:
        """A share as it is shown."""
        return cls(
            label=share.label,
            amount=Amount.of(share.amount),
            rates=[
                TaxedView(
                    vat_percent=str(rate.vat_percent),
                    gross=Amount.of(rate.gross),
                    vat=Amount.of(rate.vat),
                )
                for rate in share.rates
            ],
        )


class SplitView(BaseModel):
    """A bill and its shares, which add up to it exactly."""

    booking_id: str
    total: Amount
    shares: list[ShareView]

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "booking_id": "bkg_4xk2s7qpm5u6w3a2c7t4e5n6ra",
                "total": {"amount": 361, "currency": "EUR"},
                "shares": [
                    {
                        "label": "1",
                        "amount": {"amount": 181, "currency": "EUR"},
                        "rates": [
                            {
                                "vat_percent": "7.00",
                                "gross": {"amount": 181, "currency": "EUR"},
                                "vat": {"amount": 12, "currency": "EUR"},
                            }
                        ],
                    },
                    {
                        "label": "2",
                        "amount": {"amount": 180, "currency": "EUR"},
                        "rates": [
                            {
                                "vat_percent": "7.00",
                                "gross": {"amount": 180, "currency": "EUR"},
                                "vat": {"amount": 12, "currency": "EUR"},
                            }
                        ],
                    },
                ],
            }
        }
    )


@router.post(
    "/{booking_id}/split",
    response_model=SplitView,
    summary="Share a bill with others",
    responses=problems("wrong-state", "split-does-not-add-up")
    | {
        200: {
            "content": {
                PDF: {"schema": {"type": "string", "format": "binary"}, "example": "%PDF-1.3 …"}
            }
        }
    },
)
async def split_bill(
    booking_id: str,
    body: WantedSplit,
    wiring: WiringDep,
    rider: RiderDep,
    accept: Annotated[str, Header()] = "application/json",
) -> SplitView | Response:
    """What each of several people bears of a trip that is paid, with the tax in it.

    A document only: nothing is stored, and nobody is charged. A PDF when ``Accept`` names
    ``application/pdf`` first.
    """
    async with transaction(wiring.engine) as tx:
        record = await get_booking(tx, rider.rider_id, booking_id)
        receipt = await get_receipt(tx, record, wiring.city)
    if body.shares is None:
        labels = [str(number) for number in range(1, (body.equal or 1) + 1)]
        shares = split_equally(receipt, labels)
    else:
        currency = receipt.total.currency
        wanted = [(share.label, Money(share.amount, currency)) for share in body.shares]
        shares = split_by_amounts(receipt, wanted)
    if not accept.strip().startswith(PDF):
        return SplitView(
            booking_id=booking_id,
            total=Amount.of(receipt.paid),
            shares=[ShareView.of(share) for share in shares],
        )
    city = wiring.city
    document = await run_in_threadpool(render_split, receipt, shares, city.title, city.timezone)
    file_name = f'inline; filename="{booking_id}-geteilt.pdf"'
    return Response(document, media_type=PDF, headers={"Content-Disposition": file_name})
