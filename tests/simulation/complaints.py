"""Riders report what they could not use, and staff gives money back when all is over."""

from __future__ import annotations

from datetime import datetime
from random import Random

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility import idempotency
from mobility.audit import Deed
from mobility.booking.goodwill import GRANTED, STEP, grant_goodwill
from mobility.booking.leg_reports import Kind
from mobility.booking.problem import Problem, report_problem
from mobility.tables import leg, leg_report, step
from payments.money import Money
from payments.refund import GOODWILL
from payments.tables import entry
from tests.simulation.onward import get_back
from tests.simulation.story import Asking
from tests.simulation.world import World

KINDS = (Kind.VEHICLE_MISSING, Kind.VEHICLE_BROKEN, Kind.WHEELCHAIR_REFUSED, Kind.OTHER)


def reporting(chance: Random) -> Asking:
    """What a rider says of one of her legs; perhaps the rest of the trip is to go, too."""
    problem = Problem(chance.choice(KINDS), cancel_rest=chance.random() < 0.3)

    async def ask(tx: AsyncConnection, booking_id: str, leg_id: str, now: datetime) -> None:
        await report_problem(tx, booking_id, leg_id, problem, now)

    return ask


def granting(chance: Random, key: str) -> Asking:
    """Staff gives back a leg or a part of it; asked once more after a death, by the same key."""
    amount = chance.choice((None, Money(1), Money(100)))

    async def ask(tx: AsyncConnection, booking_id: str, leg_id: str, now: datetime) -> None:
        request = idempotency.Request("rdr_staff", key, leg_id)
        if await idempotency.begin(tx, request, None, now) is None:
            deed = Deed("rdr_staff", GRANTED, f"{booking_id} {leg_id}", "a story", now)
            await grant_goodwill(tx, booking_id, leg_id, amount, deed)

    return ask


async def count_complaints(world: World) -> dict[str, int]:
    """How many legs were reported, and for how many staff granted something."""
    reports = select(func.count()).where(leg_report.c.kind.in_(KINDS))
    granted = select(func.count()).where(leg.c.goodwill_minor > 0)
    async with world.engine.begin() as tx:
        return {
            "legs reported": int(await tx.scalar(reports) or 0),
            "legs granted goodwill": int(await tx.scalar(granted) or 0),
        }


async def list_ungranted(world: World) -> list[str]:
    """Where what staff granted did not go back once; what the processor refuses is a person's."""
    of_leg = select(leg.c.booking_id, func.sum(leg.c.goodwill_minor)).group_by(leg.c.booking_id)
    async with world.engine.begin() as tx:
        granted = {row[0]: int(row[1]) for row in await tx.execute(of_leg)}
        dead = set(await tx.scalars(select(step.c.key).where(step.c.kind == STEP)))
        costs = select(entry.c.amount_minor).where(entry.c.account_code == "goodwill_refunds:EUR")
        booked = sum(await tx.scalars(costs))
    made = sum([await get_back(world, booking_id, GOODWILL) for booking_id in granted])
    back = {id_: await get_back(world, id_, GOODWILL, otherwise=True) for id_ in granted}
    breaks = [
        f"of {minor} ct that staff granted for {booking_id} {back[booking_id]} ct went back"
        for booking_id, minor in granted.items()
        if back[booking_id] != minor and not (booking_id in dead and back[booking_id] < minor)
    ]
    if booked != made:
        breaks.append(f"goodwill cost us {booked} ct by the ledger, {made} went back")
    return breaks
