"""What riders did with their tickets, and what that costs by the tariff, whatever our books say."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from sqlalchemy import select

from mobility.booking.leg_reports import Outcome
from mobility.booking.trip import Aim, BookingState, LegState, Trip
from mobility.tables import leg_report
from tests.simulation.offers import tariff_price
from tests.simulation.world import World


async def list_free_rides(world: World, begun: AbstractSet[str]) -> list[str]:
    """Where a ride was begun on a ticket that is not paid: unless its bus turned its rider away, or
    staff gave all back.
    """
    turned_away = select(leg_report.c.leg_id).where(leg_report.c.outcome == Outcome.REFUNDED)
    async with world.engine.begin() as tx:
        ridden = begun - set(await tx.scalars(turned_away))
    breaks = []
    for trip in await world.trips():
        due, charged = _due(trip, ridden), _charged(trip)
        if charged < due and trip.aim is not Aim.GIVE_BACK:
            breaks.append(f"{trip.id} rode on tickets for {due} ct and is charged {charged} of it")
    return breaks


def _due(trip: Trip, ridden: AbstractSet[str]) -> int:
    used = {
        number if covered_by is None else covered_by
        for number, (leg_id, covered_by) in enumerate(_rides(trip), 1)
        if leg_id in ridden
    }
    return sum(
        tariff_price(str(leg.product), trip.passengers)
        for number, leg in enumerate(trip.tickets, 1)
        if number in used
    )


def _rides(trip: Trip) -> list[tuple[str, int | None]]:
    """Each ride and which ride's ticket it is on, from 1; 0 is one of an earlier booking."""
    covers = [str(leg.product).partition(":covered-")[2] for leg in trip.tickets]
    return [(leg.id, int(by) if by else None) for leg, by in zip(trip.tickets, covers, strict=True)]


def _charged(trip: Trip) -> int:
    """What the ended rides cost, once it is settled, or needs a person for what is to go back."""
    if trip.state not in (BookingState.SETTLED, BookingState.NEEDS_ATTENTION):
        return 0
    ended = [leg for leg in trip.tickets if leg.state is LegState.ENDED]
    return sum((leg.quoted if leg.final is None else leg.final).minor for leg in ended)
