"""What a ride comes to, where a tariff caps a rider's day and not only the ride.

Rides that were begun on one day share the cap: each costs what is left of it when it is settled.
Two that are settled at once wait for each other, so together they never cost more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.booking.trip import Aim, LegState
from mobility.tables import booking, leg
from payments.money import Money
from providers import tariff
from providers.values import PricingPlan, ProviderId, RideReport


class Due(NamedTuple):
    """What a ride is charged, and how that comes about."""

    price: Money
    lines: tuple[str, ...]
    paid_before: Money | None = None
    """For the day's earlier rides, where the tariff caps them together."""
    charged_minutes: int | None = None
    """For how many minutes at most, where we ended the ride."""


@dataclass(frozen=True, slots=True)
class CapDay:
    """A rider's day under one plan's cap."""

    rider_id: str
    provider_id: ProviderId
    plan: PricingPlan
    day: date


async def find_due(tx: AsyncConnection, booking_id: str, leg_id: str, report: RideReport) -> Due:
    """What the provider asks, but no more than its tariff says after the day's other rides."""
    plan = report.shared_cap
    day = None if plan is None else tariff.capped_day(plan, report.started_at)
    if plan is None or day is None:
        due = report.price if report.expected is None else min(report.price, report.expected)
        return Due(due, report.lines)
    row = (
        await tx.execute(
            select(booking.c.rider_id, leg.c.provider_id)
            .join(leg, leg.c.booking_id == booking.c.id)
            .where(leg.c.booking_id == booking_id, leg.c.id == leg_id)
        )
    ).one()
    cap_day = CapDay(row.rider_id, ProviderId(row.provider_id), plan, day)
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(row.rider_id, 0))))
    paid = await get_paid(tx, cap_day, but=leg_id)
    priced = tariff.explain(plan, report.usage, paid)
    return Due(min(report.price, priced.price), priced.lines, paid)


async def get_paid(tx: AsyncConnection, of: CapDay, *, but: str = "") -> Money:
    """What the rider was charged for the day's rides that have ended, one leg left out.

    A ride of a booking that failed is charged to nobody. One that staff gave back counts as before:
    later ones were offered after it, and cost no more than that.
    """
    zone = ZoneInfo(of.plan.day_zone or "UTC")
    begins, ends = (datetime.combine(of.day + timedelta(days=n), time(0), zone) for n in (0, 1))
    paid = await tx.scalar(
        select(func.coalesce(func.sum(leg.c.final_minor), 0))
        .join(booking, booking.c.id == leg.c.booking_id)
        .where(
            booking.c.rider_id == of.rider_id,
            booking.c.aim.in_((Aim.TRAVEL, Aim.GIVE_BACK)),
            leg.c.provider_id == of.provider_id,
            func.split_part(leg.c.tariff_version, "/", 1) == of.plan.id,
            leg.c.state == LegState.ENDED,
            leg.c.started_at >= begins,
            leg.c.started_at < ends,
            leg.c.id != but,
        )
    )
    return Money(int(paid or 0), of.plan.currency)


async def list_paid(
    tx: AsyncConnection,
    rider_id: str,
    plans: Iterable[tuple[ProviderId, PricingPlan]],
    now: datetime,
) -> list[tuple[CapDay, Money]]:
    """What a rider has paid today under each plan that caps the day, where it is anything."""
    found = []
    for provider_id, plan in plans:
        day = tariff.capped_day(plan, now)
        if day is not None:
            cap_day = CapDay(rider_id, provider_id, plan, day)
            found.append((cap_day, await get_paid(tx, cap_day)))
    return [(cap_day, paid) for cap_day, paid in found if paid]
