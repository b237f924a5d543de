"""The receipt: what each leg cost and why, from stored inputs; units and tariffs, never places."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from mobility.booking.errors import WrongStateError
from mobility.booking.payment_view import PaymentStanding
from mobility.booking.queries import BookingRecord, LegRecord
from mobility.booking.trip import Aim
from payments.money import Money
from providers.values import Mode, ProviderId


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """One leg on the receipt."""

    leg_id: str
    mode: Mode
    provider_id: ProviderId
    state: str
    tariff_version: str
    calculation: tuple[str, ...]
    minutes: int | None
    metres: int | None
    gross: Money
    vat_percent: Decimal
    vat: Money


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was used, what it costs, and what happened to the money."""

    booking_id: str
    state: str
    booked_at: datetime
    lines: tuple[ReceiptLine, ...]
    total: Money
    captured: Money
    refunded: Money
    outstanding: Money
    """Used, and not paid yet."""
    co2_grams: int


def make_receipt(record: BookingRecord, payment: PaymentStanding) -> Receipt:
    """The receipt of a booking whose price is final.

    Raises:
        WrongStateError: the trip is not over, so that its price may still change.
    """
    if record.state not in ("completed", "settled", "cancelled"):
        raise WrongStateError(
            f"booking {record.id} is {record.state}; its receipt comes when the trip is over"
        )
    waived = record.aim == Aim.GIVE_BACK
    lines = tuple(_line(leg, waived=waived) for leg in record.legs if leg.provider_id is not None)
    currency = record.price.currency
    return Receipt(
        booking_id=record.id,
        state=record.state,
        booked_at=record.created_at,
        lines=lines,
        total=Money.total((line.gross for line in lines), currency),
        captured=payment.captured,
        refunded=payment.refunded,
        outstanding=payment.outstanding,
        co2_grams=sum(leg.co2_grams for leg in record.legs if leg.state == "ended"),
    )


def _line(leg: LegRecord, *, waived: bool) -> ReceiptLine:
    if leg.provider_id is None:
        raise ValueError(f"{leg.id} has no provider")
    vat_percent = Decimal(leg.vat_percent)
    used = leg.state == "ended"
    price = leg.quoted if leg.final is None else leg.final
    gross = price if used and not waived else Money.zero(price.currency)
    unpaid = ("erlassen",) if used else ("nicht genutzt",)
    return ReceiptLine(
        leg_id=leg.id,
        mode=leg.mode,
        provider_id=leg.provider_id,
        state=leg.state,
        tariff_version=leg.tariff_version or "",
        calculation=leg.price_lines if used and not waived else unpaid,
        minutes=leg.used_minutes,
        metres=leg.used_metres,
        gross=gross,
        vat_percent=vat_percent,
        vat=gross.included_tax(vat_percent),
    )
