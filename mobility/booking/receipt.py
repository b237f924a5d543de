"""The receipt: what each leg cost and why, from stored inputs; units and tariffs, never places.

Each line is computed anew (``replay``) and says whether that gives what was charged.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.booking.errors import WrongStateError
from mobility.booking.goodwill import leg_of
from mobility.booking.leg_reports import REBOOKED, WAIVED, Kind
from mobility.booking.payment_view import PaymentStanding, get_standing
from mobility.booking.queries import BookingRecord, LegRecord
from mobility.booking.replay import Replay, replay_leg
from mobility.booking.trip import Aim
from mobility.cities.city import City
from payments.disputes import list_lost
from payments.money import Money
from payments.operation import OperationKind, OperationState
from payments.payment import list_operations, list_payments
from payments.refund import COMPENSATIONS, GOODWILL, GUARANTEE
from providers.price_item import PriceItem
from providers.values import Mode, ProviderId


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """One leg on the receipt."""

    leg_id: str
    mode: Mode
    provider_id: ProviderId
    state: str
    began_at: datetime | None
    """When a rented vehicle was unlocked, a ticket's ride was to leave; None if it was not used."""
    product: str | None
    tariff_version: str
    calculation: tuple[str, ...]
    minutes: int | None
    metres: int | None
    passengers: int | None
    """How many rode on a ticket; None for a rented vehicle."""
    gross: Money
    vat_percent: Decimal
    vat: Money
    """Rounded once, on the gross amount of the line."""
    items: tuple[PriceItem, ...]
    """What the price consists of; they add up to ``gross`` where ``off`` is zero."""
    off: Money | None
    """What was charged beyond what the stored inputs give; None where that cannot be said."""
    off_because: str

    @property
    def net(self) -> Money:
        """Without the tax."""
        return self.gross - self.vat


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that went from the rider's card or account, or back (``refund``), on a day."""

    kind: str
    """``charge``; ``later_charge`` for what was owed beyond the hold; ``refund``; ``guarantee``
    where a carrier bears what goes back; ``rebate`` beyond the city's ceiling of a day;
    ``rebooking`` beyond the price that was locked when the trip was rebooked; ``goodwill`` that
    was granted afterwards;
    ``taken_back`` by the rider's bank, in a dispute that was lost."""
    at: datetime
    amount: Money
    paid_with: str | None = None
    """Of a charge: the card or account, as ``payments.methods`` words it."""
    leg_id: str | None = None
    """The leg that goodwill was granted for; other refunds are for the trip."""


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
    too_little: Money
    """Of ``outstanding`` what is too little to be charged: nobody will ever pay it."""
    movements: tuple[Movement, ...]
    """In order of time; they add up to ``captured`` less ``refunded``."""
    co2_grams: int

    @property
    def paid(self) -> Money:
        """What the trip cost its rider: ``total`` less what we bore of it, never below zero."""
        currency = self.total.currency
        ours = set(COMPENSATIONS) - {GUARANTEE}
        borne = (each.amount for each in self.movements if each.kind in ours)
        paid = self.total - Money.total(borne, currency) - self.too_little
        return max(paid, Money.zero(currency))


def make_receipt(
    record: BookingRecord,
    payment: PaymentStanding,
    movements: tuple[Movement, ...],
    city: City,
) -> Receipt:
    """The receipt of a booking whose price is final.

    Raises:
        WrongStateError: the trip is not over, so that its price may still change.
    """
    if record.state == "failed":
        raise WrongStateError(
            f"booking {record.id} failed: nothing was charged, so there is no receipt"
        )
    if record.state not in ("completed", "settled", "cancelled"):
        raise WrongStateError(
            f"booking {record.id} is {record.state}; its receipt comes when the trip is over"
        )
    waived = record.aim == Aim.GIVE_BACK
    lines = tuple(
        _line(leg, record.passengers, city, waived=waived)
        for leg in record.legs
        if leg.provider_id is not None
    )
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
        too_little=payment.too_little,
        movements=movements,
        co2_grams=sum(leg.co2_grams for leg in record.legs if leg.state == "ended"),
    )


async def get_receipt(tx: AsyncConnection, record: BookingRecord, city: City) -> Receipt:
    """The receipt of a booking, with all that happened to the money so far.

    Raises:
        WrongStateError: the trip is not over, so that its price may still change.
    """
    standing = await get_standing(tx, record.payment_id, record.price.currency)
    return make_receipt(record, standing, await list_movements(tx, record.id), city)


async def list_movements(tx: AsyncConnection, booking_id: str) -> tuple[Movement, ...]:
    """The money that moved for a booking, later charges of what was owed included."""
    lost = await list_lost(tx, booking_id)
    disputes = {each.dispute_id for each in lost}
    found = [Movement("taken_back", each.at, each.amount) for each in lost]
    for payment in await list_payments(tx, booking_id):
        for made in await list_operations(tx, payment.id):
            if made.state is not OperationState.DONE or made.decided_at is None:
                continue
            if made.kind is OperationKind.CAPTURE and payment.captured:
                kind = "charge" if payment.debt_id is None else "later_charge"
                taken = payment.captured
                found.append(Movement(kind, made.decided_at, taken, payment.paid_with))
            elif made.kind is OperationKind.REFUND:
                granted = made.reason in COMPENSATIONS
                if granted or made.psp_id not in disputes:
                    kind = made.reason if granted else "refund"
                    leg_id = leg_of(made) if kind == GOODWILL else None
                    found.append(Movement(kind, made.decided_at, made.amount, leg_id=leg_id))
    return tuple(sorted(found, key=lambda each: each.at))


def _line(leg: LegRecord, passengers: int, city: City, *, waived: bool) -> ReceiptLine:
    if leg.provider_id is None:
        raise ValueError(f"{leg.id} has no provider")
    vat_percent = Decimal(leg.vat_percent)
    used = leg.state == "ended"
    price = leg.quoted if leg.final is None else leg.final
    reported = used and not price and leg.report is not None and leg.report.outcome.costs_nothing
    due = used and not waived and not reported
    gross = price if due else Money.zero(price.currency)
    replay = replay_leg(leg, passengers, city) if due else Replay(gross)
    unpaid = ("erlassen",) if used else ("nicht genutzt",)
    if reported and leg.report is not None:
        unpaid = (REBOOKED if leg.report.kind is Kind.REBOOKED else WAIVED,)
    return ReceiptLine(
        leg_id=leg.id,
        mode=leg.mode,
        provider_id=leg.provider_id,
        state=leg.state,
        began_at=((leg.metered and leg.started_at) or leg.departs_at) if used else None,
        product=leg.product,
        tariff_version=leg.tariff_version or "",
        calculation=leg.price_lines if due else unpaid,
        minutes=leg.used_minutes,
        metres=leg.used_metres,
        passengers=None if leg.product is None else passengers,
        gross=gross,
        vat_percent=vat_percent,
        vat=gross.included_tax(vat_percent),
        items=replay.items,
        off=None if replay.price is None else gross - replay.price,
        off_because=replay.because,
    )
