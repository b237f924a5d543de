"""What was ridden is charged as its operator and its tariff say, and earned leg by leg."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import func, select

from mobility.booking.trip import Aim, LegState, Trip
from mobility.tables import leg_report
from payments.accounts import Role
from payments.tables import entry
from providers import tariff
from providers.values import PricingPlan, ProviderId, Usage
from tests.simulation.world import World


async def list_mispriced(world: World) -> list[str]:
    """Where a ride is not charged what its operator asks, or its tariff where that is less; nor
    less, unless somebody complained of it.
    """
    async with world.engine.begin() as tx:
        reported = set(await tx.scalars(select(leg_report.c.leg_id)))
    breaks = []
    days = Counter[tuple[str, PricingPlan, date]]()
    for trip in await world.trips():
        for leg in trip.provided:
            if not leg.scarce or leg.state is not LegState.ENDED or leg.final is None:
                continue
            ride = _find_ride(world, ProviderId(str(leg.provider_id)), leg.id)
            due, final = min(ride.asked, ride.by_tariff), leg.final.minor
            may_be_less = leg.id in reported or ride.plan.day_zone
            if final > due or (final < due and not may_be_less):
                breaks.append(f"{leg.id} is charged {final} ct, {due} are due")
            if ride.plan.day_zone and trip.aim is Aim.TRAVEL:
                days[trip.rider_id, ride.plan, ride.begun.date()] += final
    return breaks + [
        f"{rider} is charged {cents} ct for bikes on {day}"
        for (rider, plan, day), cents in days.items()
        if plan.day_cap is not None and cents > 100 * plan.day_cap
    ]


class _Ride(NamedTuple):
    """As its operator has it."""

    begun: datetime
    plan: PricingPlan
    asked: int
    by_tariff: int
    """Without the day's other rides."""


def _find_ride(world: World, provider_id: ProviderId, key: str) -> _Ride:
    (row,) = world.outside.stores[provider_id].rows(
        "SELECT booking.*, type_id FROM booking JOIN vehicle ON vehicle_ref = ref"
        " WHERE booking.id = ?",
        key,
    )
    begun, ended = (datetime.fromisoformat(row[at]) for at in ("started_at", "ended_at"))
    usage = Usage(int((ended - begun).total_seconds()) // 60, row["metres"])
    plan = world.city.stanzas[provider_id].get_plan(row["type_id"])
    return _Ride(begun, plan, int(row["price_minor"]), tariff.price(plan, usage).minor)


async def list_unearned(world: World, trips: list[Trip], dues: dict[str, int]) -> list[str]:
    """Where a leg's provider and we did not earn together what the leg is charged.

    ``dues``: of each leg, in cents.
    """
    earned = (Role.PROVIDER_PAYABLE, Role.COMMISSION, Role.OUTPUT_VAT)
    role = func.split_part(entry.c.account_code, ":", 1)
    query = select(entry.c.leg_id, -func.sum(entry.c.amount_minor)).where(role.in_(earned))
    async with world.engine.begin() as tx:
        rows = await tx.execute(query.group_by(entry.c.leg_id))
        books = {leg_id: int(cents) for leg_id, cents in rows if leg_id is not None}
    return [
        f"{leg.mode} {leg.id} of {trip.id} earned {books.get(leg.id, 0)} of {dues[leg.id]} ct"
        for trip in trips
        for leg in trip.provided
        if leg.id in dues and books.get(leg.id, 0) != dues[leg.id]
    ]
