"""A booking as clients see it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from gtfs.realtime_live import Live
from mobility.api.next_actions import NextAction, list_next_actions, shown_state, waits
from mobility.booking.leg_reports import Kind, Outcome
from mobility.booking.payment_view import PaymentStanding
from mobility.booking.queries import BookingRecord, LegRecord
from mobility.booking.riding import find_kept_until
from mobility.booking.trip import Aim
from mobility.rebooking.disturbance import (
    Because,
    Disturbance,
    find_disturbance,
    find_reported,
)
from payments.money import Money


class Amount(BaseModel):
    """Money in minor units."""

    amount: int = Field(examples=[360])
    currency: str = Field(examples=["EUR"])

    @classmethod
    def of(cls, money: Money) -> Amount:
        """The wire form of money."""
        return cls(amount=money.minor, currency=money.currency)


class PriceView(Amount):
    """What the booking costs: fixed, or an estimate with what it costs at most."""

    kind: Literal["fixed", "estimate"]
    max: int | None = None


class ReportedView(BaseModel):
    """That something was reported of a leg, and what followed."""

    kind: Kind
    outcome: Outcome


class DisturbedView(BaseModel):
    """That a leg cannot be used as booked, by what its carrier or the rider says."""

    leg_id: str
    because: Because
    """``cancelled``: it does not run, or not there. ``missed``: the ride before comes too late for
    it, or it leaves too early. ``reported``: the rider said so, within the last hour."""
    late_seconds: int
    """How much later than planned the ride before is to arrive."""
    text: str
    """In German, for the rider."""


class LegView(BaseModel):
    """A leg of a booking."""

    id: str
    mode: str
    state: str
    provider_id: str | None
    departs_at: datetime
    arrives_at: datetime
    origin: str | None = None
    destination: str | None = None
    line: str | None = None
    headsign: str | None = None
    vehicle_id: str | None = None
    price: Amount | None = None
    hold_expires_at: datetime | None = Field(
        default=None,
        description="When the vehicle goes to others, unless it is paid (held) or started (ready).",
    )
    reported: ReportedView | None = None
    """What the rider reported of it."""


class PaymentState(BaseModel):
    """How the one payment of the booking stands."""

    state: str
    redirect_url: str | None = None


class BookingView(BaseModel):
    """A booking."""

    id: str
    state: str
    price: PriceView
    final_price: Amount | None = None
    """What it cost in the end, once that is known."""
    created_at: datetime
    expires_at: datetime | None
    next_actions: list[NextAction]
    legs: list[LegView]
    payment: PaymentState
    failure: str | None = None
    disturbed: DisturbedView | None = None
    rebooked_from: str | None = None
    """The booking whose rest it takes the place of."""
    rebooked_as: str | None = None
    """The booking that takes the place of its rest."""
    locked_price: Amount | None = None
    """Rebooked, its rider pays no more than this; what is taken beyond goes back after the ride."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "bkg_4xk2s7qpm5u6w3a2c7t4e5n6ra",
                "state": "confirmed",
                "price": {"amount": 460, "currency": "EUR", "kind": "estimate", "max": 660},
                "created_at": "2026-11-26T07:00:00Z",
                "expires_at": None,
                "next_actions": [
                    {"action": "start", "leg_id": "leg_2ab3cd4ef5gh6ij7kl2mn3op4q"},
                    {"action": "cancel"},
                ],
                "legs": [
                    {
                        "id": "leg_2ab3cd4ef5gh6ij7kl2mn3op4q",
                        "mode": "bike",
                        "state": "ready",
                        "provider_id": "demo-rad",
                        "departs_at": "2026-11-26T07:05:00Z",
                        "arrives_at": "2026-11-26T07:13:00Z",
                        "price": {"amount": 100, "currency": "EUR"},
                    }
                ],
                "payment": {"state": "authorised"},
            }
        }
    )


def view(record: BookingRecord, payment: PaymentStanding, live: Live, now: datetime) -> BookingView:
    """The client's view of a booking, by the timetable as it is now."""
    disturbed = find_disturbed(record, live, now)
    metered = any(leg.metered for leg in record.legs)
    return BookingView(
        id=record.id,
        state=record.state,
        price=PriceView(
            amount=record.price.minor,
            currency=record.price.currency,
            kind="estimate" if metered else "fixed",
            max=record.ceiling.minor if metered else None,
        ),
        final_price=_final_price(record),
        created_at=record.created_at,
        expires_at=record.expires_at if record.state in ("held", "awaiting_payment") else None,
        next_actions=list_next_actions(record, payment, disturbed, now),
        legs=[_leg_view(leg, record, now) for leg in record.legs],
        payment=PaymentState(state=payment.state, redirect_url=payment.redirect_url),
        failure=record.failure_type,
        disturbed=None if disturbed is None else _disturbed(record, disturbed),
        rebooked_from=record.rebooked_from,
        rebooked_as=record.rebooked_as,
        locked_price=None if record.locked is None else Amount.of(record.locked),
    )


def find_disturbed(record: BookingRecord, live: Live, now: datetime) -> Disturbance | None:
    """What is wrong with a trip that is under way or to come; None where nothing is known.

    Also where all of a trip was given back because of what its rider reported.
    """
    if record.aim in ("travel", "cancel") and record.state in ("settled", "cancelled"):
        return find_reported(record.legs, now)
    if record.aim != "travel" or record.state not in ("confirmed", "active"):
        return None
    return find_reported(record.legs, now) or find_disturbance(record.legs, live, now)


def _disturbed(record: BookingRecord, found: Disturbance) -> DisturbedView:
    leg = next(leg for leg in record.legs if leg.id == found.leg_id)
    line = leg.detail.line if leg.detail else None
    what = f"Linie {line}" if line else "Dein Leihfahrzeug"
    if found.because is Because.CANCELLED:
        text = f"{what} fährt nicht wie gebucht."
    elif found.because is Because.REPORTED:
        text = f"{what} konntest du nicht nutzen."
    elif not found.late_seconds:
        text = f"{what} wird verpasst: sie fährt voraussichtlich früher ab als gebucht."
    else:
        minutes = -(-found.late_seconds // 60)
        text = f"{what} wird verpasst: die Fahrt davor kommt voraussichtlich {minutes} min später."
    return DisturbedView(
        leg_id=found.leg_id,
        because=found.because,
        late_seconds=found.late_seconds,
        text=text,
    )


def _final_price(record: BookingRecord) -> Amount | None:
    if record.state not in ("completed", "settled", "cancelled"):
        return None
    if record.aim == Aim.GIVE_BACK:
        return Amount.of(Money.zero(record.price.currency))
    used = (leg for leg in record.legs if leg.provider_id and leg.state == "ended")
    prices = (leg.quoted if leg.final is None else leg.final for leg in used)
    return Amount.of(Money.total(prices, record.price.currency))


def _leg_view(leg: LegRecord, record: BookingRecord, now: datetime) -> LegView:
    detail = leg.detail
    price = leg.quoted if leg.final is None else leg.final
    return LegView(
        id=leg.id,
        mode=leg.mode,
        state=shown_state(leg, record, now),
        provider_id=leg.provider_id,
        departs_at=leg.departs_at,
        arrives_at=leg.arrives_at,
        origin=detail.origin_name if detail else None,
        destination=detail.destination_name if detail else None,
        line=detail.line if detail else None,
        headsign=detail.headsign if detail else None,
        vehicle_id=detail.vehicle_id if detail else None,
        price=Amount.of(price) if leg.provider_id is not None else None,
        hold_expires_at=_held_until(leg),
        reported=ReportedView(kind=leg.report.kind, outcome=leg.report.outcome)
        if leg.report
        else None,
    )


def _held_until(leg: LegRecord) -> datetime | None:
    if waits(leg):
        return find_kept_until(leg.departs_at, leg.kept_until)
    return leg.hold_expires_at if leg.state == "held" else None
