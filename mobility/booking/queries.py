"""Reading bookings for those who may see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.booking.errors import NotFoundError
from mobility.booking.leg_reports import LegReport, list_reports
from mobility.booking.moves import OVER
from mobility.booking.trip import Aim, BookingState
from mobility.booking.trips import OFFER_LEG
from mobility.planning.offer import OfferLeg
from mobility.tables import booking, leg
from payments.debt import list_debts
from payments.disputes import list_in_question
from payments.money import Money
from payments.refund_failures import list_not_yet_back
from providers.values import Mode, ProviderId


@dataclass(frozen=True, slots=True)
class LegRecord:
    """A leg as it is shown: to its rider whole, to its provider without what is not its own."""

    id: str
    order_key: str
    mode: Mode
    state: str
    provider_id: ProviderId | None
    metered: bool
    """Whether its price is known only after the ride: a rented vehicle, not a ticket."""
    departs_at: datetime
    arrives_at: datetime
    quoted: Money
    ceiling: Money
    final: Money | None
    vat_percent: str
    tariff_version: str | None
    product: str | None
    price_lines: tuple[str, ...]
    co2_grams: int
    hold_expires_at: datetime | None
    access_code: str | None
    access_format: str | None
    access_base64: bool
    started_at: datetime | None
    ended_at: datetime | None
    used_minutes: int | None
    used_metres: int | None
    claimed: Money | None
    """What the provider asked for; ``final`` is what is due."""
    paid_before: Money | None
    """What the rider had paid for the day's earlier rides, where the tariff caps them together."""
    detail: OfferLeg | None
    """None once the places have been forgotten."""
    report: LegReport | None = None
    end_by: datetime | None = None
    end_because: str | None = None
    """Why we end the ride then."""
    charged_minutes: int | None = None
    """For how many minutes at most it is charged, where we ended it."""
    most: Money | None = None
    """What it may cost then, by its rider's ceiling."""
    kept_until: datetime | None = None
    """Until when a vehicle waits for its rider at least, where that is longer than is usual."""


@dataclass(frozen=True, slots=True)
class BookingRecord:
    """A booking with its legs, as it stands."""

    id: str
    rider_id: str
    state: str
    aim: str
    payment_id: str
    passengers: int
    price: Money
    ceiling: Money
    created_at: datetime
    expires_at: datetime
    failure_type: str | None
    failure_detail: str | None
    legs: tuple[LegRecord, ...]
    extended_to: datetime | None = None
    """Until when its rider asked to have it held, if she did."""
    rebooked_from: str | None = None
    """The booking whose rest it takes the place of."""
    rebooked_as: str | None = None
    """The booking that takes the place of its rest."""
    rebooked_from_leg: str | None = None
    """And from which of its legs on."""
    locked: Money | None = None
    """What its rider pays at most, where it is rebooked from another."""


async def get_booking(tx: AsyncConnection, rider_id: str, booking_id: str) -> BookingRecord:
    """A rider's own booking.

    Raises:
        NotFoundError: no such booking, or somebody else's: the two are not told apart.
    """
    row = (
        await tx.execute(
            select(booking).where(booking.c.id == booking_id, booking.c.rider_id == rider_id)
        )
    ).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no booking {booking_id}")
    return (await _with_legs(tx, [row]))[0]


async def get_method(tx: AsyncConnection, booking_id: str) -> str:
    """The payment method that a booking was made with."""
    mine = select(booking.c.payment_method).where(booking.c.id == booking_id)
    return str((await tx.execute(mine)).scalar_one())


async def get_any_booking(tx: AsyncConnection, booking_id: str) -> BookingRecord:
    """A booking, whoever's it is: for finance.

    Raises:
        NotFoundError: no such booking.
    """
    row = (await tx.execute(select(booking).where(booking.c.id == booking_id))).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no booking {booking_id}")
    return (await _with_legs(tx, [row]))[0]


async def list_bookings(
    tx: AsyncConnection,
    rider_id: str,
    *,
    limit: int,
    before: tuple[datetime, str] | None = None,
) -> list[BookingRecord]:
    """A rider's bookings, the newest first, after a cursor of (created_at, id)."""
    query = (
        select(booking)
        .where(booking.c.rider_id == rider_id)
        .order_by(booking.c.created_at.desc(), booking.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(tuple_(booking.c.created_at, booking.c.id) < tuple_(*before))
    return await _with_legs(tx, list((await tx.execute(query)).all()))


async def _with_legs(tx: AsyncConnection, rows: list[Row[Any]]) -> list[BookingRecord]:
    currencies = {row.id: row.currency for row in rows}
    found = await tx.execute(
        select(leg).where(leg.c.booking_id.in_(currencies)).order_by(leg.c.position)
    )
    reports = {report.leg_id: report for report in await list_reports(tx, list(currencies))}
    rebooked = select(booking.c.rebooked_from, booking.c.id, booking.c.rebooked_leg_id).where(
        booking.c.rebooked_from.in_(currencies), booking.c.aim != Aim.FAIL
    )
    successors = {one.rebooked_from: tuple(one)[1:] for one in await tx.execute(rebooked)}
    legs: dict[str, list[LegRecord]] = {row.id: [] for row in rows}
    for item in found:
        legs[item.booking_id].append(
            _leg_record(item, currencies[item.booking_id], reports.get(item.id))
        )
    return [
        BookingRecord(
            id=row.id,
            rider_id=row.rider_id,
            state=row.state,
            aim=row.aim,
            payment_id=row.payment_id,
            passengers=row.passengers,
            price=Money(row.price_minor, row.currency),
            ceiling=Money(row.ceiling_minor, row.currency),
            created_at=row.created_at,
            expires_at=row.expires_at,
            extended_to=row.extended_to,
            rebooked_from=row.rebooked_from,
            rebooked_as=successors.get(row.id, (None, None))[0],
            rebooked_from_leg=successors.get(row.id, (None, None))[1],
            locked=_money(row.locked_minor, row.currency),
            failure_type=row.failure_type,
            failure_detail=row.failure_detail,
            legs=tuple(legs[row.id]),
        )
        for row in rows
    ]


def _leg_record(row: Row[Any], currency: str, report: LegReport | None) -> LegRecord:
    return LegRecord(
        id=row.id,
        order_key=row.order_key,
        mode=Mode(row.mode),
        state=row.state,
        provider_id=ProviderId(row.provider_id) if row.provider_id else None,
        metered=row.scarce,
        departs_at=row.departs_at,
        arrives_at=row.arrives_at,
        quoted=Money(row.quoted_minor, currency),
        ceiling=Money(row.ceiling_minor, currency),
        final=_money(row.final_minor, currency),
        vat_percent=str(row.vat_percent),
        tariff_version=row.tariff_version,
        product=row.product,
        price_lines=tuple(row.price_lines),
        co2_grams=row.co2_grams,
        hold_expires_at=row.hold_expires_at,
        access_code=row.access_code,
        access_format=row.access_format,
        access_base64=row.access_base64,
        started_at=row.started_at,
        ended_at=row.ended_at,
        used_minutes=row.used_minutes,
        used_metres=row.used_metres,
        claimed=_money(row.claimed_minor, currency),
        paid_before=_money(row.paid_before_minor, currency),
        detail=None if row.detail is None else OFFER_LEG.validate_python(row.detail),
        report=report,
        end_by=row.end_by,
        end_because=row.most_because,
        charged_minutes=row.charged_minutes,
        most=_money(row.most_minor, currency),
        kept_until=row.kept_until,
    )


def _money(minor: int | None, currency: str) -> Money | None:
    return None if minor is None else Money(minor, currency)


@dataclass(frozen=True, slots=True)
class ProviderLeg:
    """A booked leg as its provider sees it: its own reference, times and money, no rider."""

    booking_id: str
    reference: str
    state: str
    mode: Mode
    departs_at: datetime
    arrives_at: datetime
    rider_id: str
    """Ours; the caller turns it into the provider's own pseudonym before it leaves."""
    quoted: Money
    final: Money | None


async def list_provider_legs(
    tx: AsyncConnection,
    provider_id: ProviderId,
    *,
    limit: int,
    before: tuple[datetime, str] | None = None,
) -> list[ProviderLeg]:
    """The legs booked with a provider, the latest departure first."""
    query = (
        select(leg, booking.c.rider_id, booking.c.currency)
        .join(booking, booking.c.id == leg.c.booking_id)
        .where(leg.c.provider_id == provider_id, leg.c.state != "planned")
        .order_by(leg.c.departs_at.desc(), leg.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(tuple_(leg.c.departs_at, leg.c.id) < tuple_(*before))
    return [
        ProviderLeg(
            booking_id=row.booking_id,
            reference=row.order_key,
            state=row.state,
            mode=Mode(row.mode),
            departs_at=row.departs_at,
            arrives_at=row.arrives_at,
            rider_id=row.rider_id,
            quoted=Money(row.quoted_minor, row.currency),
            final=None if row.final_minor is None else Money(row.final_minor, row.currency),
        )
        for row in await tx.execute(query)
    ]


async def list_needing_attention(tx: AsyncConnection) -> list[str]:
    """The bookings that a person must look at, the oldest first; at most 500."""
    found = await tx.scalars(
        select(booking.c.id)
        .where(booking.c.state == BookingState.NEEDS_ATTENTION)
        .order_by(booking.c.created_at)
        .limit(500)
    )
    return list(found)


async def list_open_bookings(tx: AsyncConnection, rider_id: str) -> list[str]:
    """The ids of a rider's bookings in which money or a vehicle is still at stake.

    Also of those that are over, where she owes something or may do after a dispute, or where money
    has not come back to her yet.
    """
    mine = select(booking.c.id, booking.c.payment_id, booking.c.state)
    rows = (await tx.execute(mine.where(booking.c.rider_id == rider_id))).all()
    owed = await list_debts(tx, [row.payment_id for row in rows])
    due = {debt.payment_id for debt in owed if debt.is_due}
    ids = [row.id for row in rows]
    unsure = await list_in_question(tx, ids) | await list_not_yet_back(tx, ids)
    return [
        row.id for row in rows if row.state not in OVER or row.payment_id in due or row.id in unsure
    ]
