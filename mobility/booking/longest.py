"""How long a vehicle may be ridden before we end the ride: by a rider's ceiling, and by the city.

A ride that goes on although we asked its provider to end it costs its rider no more than up to
then; what the provider asks is kept beside that, and a person looks at it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, DateTime, bindparam, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.booking.day_cap import Due
from mobility.booking.leg_reports import Kind, LegReport, Outcome, add_report, find_minutes
from mobility.booking.trip import Ask
from mobility.tables import leg, provider_operation
from payments.money import Money
from providers import tariff
from providers.values import PricingPlan, RideReport, Usage

LONGEST_RIDE = timedelta(hours=24)
"""Of a mode for which the city's rules say nothing."""
MARGIN_MINUTES = 1
"""A ride is ended so long before it would cost more: locking takes its time."""
CAPPED = "von uns beendet, nicht weiter berechnet"


@dataclass(frozen=True, slots=True)
class Bound:
    """After how many minutes a ride is ended, and why."""

    minutes: int
    because: Kind


def find_bound(
    plan: PricingPlan | None,
    longest: timedelta,
    most: Money | None,
    metres: int,
    paid: Money | None = None,
) -> Bound:
    """When a ride passes what it may cost (``most``, None: anything) or how long it may last.

    The price is the tariff's, for the time ridden and the distance planned.
    """
    limit = longest // timedelta(minutes=1)
    if plan is None or most is None:
        return Bound(limit, Kind.LONGEST_RIDE)
    metres = metres if plan.per_km else 0
    within = tariff.minutes_within(plan, most, metres, limit, paid)
    if within == limit:
        return Bound(limit, Kind.LONGEST_RIDE)
    return Bound(max(1, within - MARGIN_MINUTES), Kind.SPEND_CEILING)


def end_of(started_at: datetime) -> ColumnElement[datetime]:
    """When a leg's ride that begins then is ended by us; NULL where it is not bounded."""
    minutes = func.make_interval(0, 0, 0, 0, 0, leg.c.most_minutes)
    begins: ColumnElement[Any] = literal(started_at, DateTime(timezone=True))
    ends: ColumnElement[datetime] = begins + minutes
    return ends


async def note_our_end(
    tx: AsyncConnection, booking_id: str, leg_id: str, rider_id: str, now: datetime
) -> None:
    """Keep that we ask a provider to end a ride, unless its rider's report is the reason."""
    mine = (leg.c.booking_id == booking_id, leg.c.id == leg_id)
    because = await tx.scalar(select(leg.c.most_because).where(*mine))
    report = LegReport(
        booking_id=booking_id,
        leg_id=leg_id,
        kind=Kind(because or Kind.LONGEST_RIDE),
        outcome=Outcome.ENDED_BY_US,
        believed=True,
        open=False,
        reported_at=now,
    )
    await add_report(tx, report, rider_id)


_ENDED_BY_US = select(leg.c.most_minutes, leg.c.most_minor, leg.c.most_because).where(
    leg.c.booking_id == bindparam("of_booking"),
    leg.c.id == bindparam("of_leg"),
    provider_operation.c.booking_id == leg.c.booking_id,
    provider_operation.c.leg_id == leg.c.id,
    provider_operation.c.kind == Ask.FINISH.value,
    provider_operation.c.ours,
)


async def cap(tx: AsyncConnection, booking_id: str, leg_id: str, ride: RideReport, due: Due) -> Due:
    """What of a ride is due that we asked to end, whether its time was up or it was reported."""
    mine = {"of_booking": booking_id, "of_leg": leg_id}
    row = (await tx.execute(_ENDED_BY_US, mine)).one_or_none()
    if row is None:
        return due
    bounds = [due.price]
    if row.most_minor is not None:
        bounds.append(Money(row.most_minor, due.price.currency))
    until = await find_minutes(tx, booking_id, leg_id)
    until = row.most_minutes if until is None else until
    if ride.plan is not None and until is not None:
        whole = row.most_minutes is not None and until >= row.most_minutes
        margin = MARGIN_MINUTES if whole and row.most_because == Kind.SPEND_CEILING else 0
        until += margin
        usage = Usage(min(ride.usage.minutes, until), ride.usage.metres)
        bounds.append(tariff.price(ride.plan, usage, due.paid_before))
    capped = min(bounds)
    if capped == due.price:
        return due
    return Due(capped, (*due.lines, CAPPED), due.paid_before, until)
