"""A rider's days cost her no more than their ceilings, and no more goes back than is beyond."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from mobility.booking.trip import Aim, BookingState, LegState, Trip
from mobility.cities.facts import Confidence, DayCeiling
from mobility.tables import day_rebate
from payments.refund import GOODWILL, REBATE
from tests.simulation.onward import get_back, get_outstanding, owes
from tests.simulation.world import World

CEILING = DayCeiling(
    id="day",
    title="Tagesdeckel",
    amount=Decimal("5.00"),
    day_zone="Europe/Berlin",
    valid_from=date(2026, 1, 1),
    synthetic=True,
    source="made up",
    confidence=Confidence.LOW,
)
MOST = 500


async def count_rebates(world: World) -> int:
    """How many trips something went back for, since their day cost too much."""
    async with world.engine.begin() as tx:
        return int(await tx.scalar(select(func.count(day_rebate.c.booking_id.distinct()))) or 0)


async def list_beyond(world: World) -> list[str]:
    """Who paid more for her days than their ceilings, or got back more than what was beyond."""
    riders: dict[str, list[Trip]] = {}
    for trip in await world.trips():
        alone = trip.passengers == 1  # it is one rider's day
        if trip.state is BookingState.SETTLED and trip.aim is Aim.TRAVEL and alone:
            riders.setdefault(trip.rider_id, []).append(trip)
    breaks = []
    for rider, trips in riders.items():
        days = set[date]().union(*map(_days, trips))
        rebates = sum([await get_back(world, trip.id, REBATE, otherwise=True) for trip in trips])
        goodwill = sum([await get_back(world, trip.id, GOODWILL, otherwise=True) for trip in trips])
        borne = sum([await get_back(world, trip.id, otherwise=True) for trip in trips])
        costs = sum(trip.final.minor for trip in trips) - borne
        most = MOST * len(days)
        unpaid = sum([await get_outstanding(world, trip.id) for trip in trips])
        paid = costs - rebates - goodwill - unpaid
        owed = any([await owes(world, trip) for trip in trips])
        if world.day_ceilings and paid > most and not owed:
            breaks.append(f"{rider} paid {paid} ct on {len(days)} days at {MOST} ct")
        due = costs if owed else costs - unpaid  # what is too little to be charged
        if rebates and (not world.day_ceilings or rebates > due - MOST):
            breaks.append(f"{rider} got {rebates} ct back of {due} ct for {len(days)} days")
    return breaks


def _days(trip: Trip) -> set[date]:
    """On which its rides were begun."""
    ended = [leg for leg in trip.provided if leg.state is LegState.ENDED]
    zone = ZoneInfo(CEILING.day_zone)
    begun = [(leg.scarce and leg.started_at) or leg.departs_at for leg in ended]
    return {at.astimezone(zone).date() for at in begun}
