"""What must hold when a story is over, whatever happened in it.

The numbers I1 to I12 are used throughout the tests.
"""

from __future__ import annotations

from sqlalchemy import func, select

from mobility.booking.trip import Aim, BookingState, LegState, Trip
from mobility.tables import step
from payments.accounts import Account, Role
from payments.refund import COMPENSATIONS, GOODWILL, GUARANTEE, REBATE, REBOOKING
from payments.tables import entry, money_operation, payment
from tests.simulation.complaints import list_ungranted
from tests.simulation.guarantees import list_unguaranteed
from tests.simulation.onward import get_back, get_outstanding, list_torn, list_unborne
from tests.simulation.open_ends import (
    list_misbooked,
    list_unnamed,
    sum_disputed,
    sum_unpaid_refunds,
)
from tests.simulation.prices import list_mispriced, list_unearned
from tests.simulation.receipts import list_misbilled
from tests.simulation.world import World

OVER = (BookingState.SETTLED, BookingState.CANCELLED, BookingState.FAILED)


async def list_breaks(world: World) -> list[str]:
    """What does not hold, as sentences; empty when all does."""
    trips = await world.trips()
    intents = await world.outside.intents()
    refunds = await world.outside.refunds()
    disputes = await world.outside.disputes()
    disputed, unpaid = await sum_disputed(world), await sum_unpaid_refunds(world)
    net = earned = 0
    breaks: list[str] = []
    dues: dict[str, int] = {}
    paid: dict[str, int] = {}
    for trip in trips:
        mine = [each for each in intents if each["metadata"].get("booking") == trip.id]
        ids = {each["id"] for each in mine}
        held = sum(intent["amount_capturable"] for intent in mine)
        taken = sum(intent["amount_received"] for intent in mine)
        back = sum(
            refund["amount"]
            for refund in refunds
            if refund["status"] != "failed" and refund["payment_intent"] in ids
        )
        back += sum(
            each["amount"]
            for each in disputes
            if each["status"] != "won" and each["payment_intent"] in ids
        )
        net += taken - back
        earned += _due(trip) + unpaid[trip.id]
        back += sum(cents for of, cents in world.transferred.values() if of == trip.id)
        borne = sum([await get_back(world, trip.id, reason) for reason in COMPENSATIONS])
        owed = await get_outstanding(world, trip.id)
        waits = bool(disputed[trip.id] or unpaid[trip.id])
        if trip.state not in OVER and not (trip.state is BookingState.NEEDS_ATTENTION and waits):
            breaks.append(f"the booking is {trip.state}")
        named = disputed[trip.id] + unpaid[trip.id]
        guaranteed = await get_back(world, trip.id, GUARANTEE)  # beside what it costs
        if taken - back + guaranteed + owed - disputed[trip.id] < 0:
            breaks.append(f"{trip.id}'s rider gets {back} ct back of {taken} and owes {owed}")
        breaks += _of_money(trip, held, taken - back + borne, owed, named)
        ours = (REBATE, REBOOKING, GOODWILL)
        granted = sum([await get_back(world, trip.id, each, otherwise=True) for each in ours])
        if granted > trip.final.minor:
            breaks.append(f"{granted} ct are given back of {trip.id}, which costs {trip.final}")
        dues |= {} if unpaid[trip.id] else _dues(trip)
        if trip.state in OVER and not (named or waits or owed):
            paid[trip.id] = taken - back + guaranteed
    breaks += await _of_books(world, net)
    breaks += await list_misbooked(world, earned, disputed.total())
    breaks += await list_unearned(world, trips, dues) + await list_mispriced(world)
    breaks += await list_unnamed(world)
    breaks += await list_torn(world) + await list_unborne(world) + await list_ungranted(world)
    breaks += await list_unguaranteed(world) + await list_misbilled(world, trips, paid)
    breaks += await _of_objects(world, [i["metadata"].get("money_op") for i in intents])
    breaks += _of_vehicles(world, trips)
    return breaks


def _due(trip: Trip) -> int:
    return sum(_dues(trip).values())


def _dues(trip: Trip) -> dict[str, int]:
    """What each leg is charged, in cents."""
    goes_on = trip.state is BookingState.NEEDS_ATTENTION and trip.aim is Aim.TRAVEL
    paid = trip.state is BookingState.SETTLED or goes_on
    return {
        leg.id: (leg.quoted if leg.final is None else leg.final).minor
        if paid and leg.state is LegState.ENDED
        else 0
        for leg in trip.provided
    }


def _of_money(trip: Trip, held: int, net: int, owed: int, named: int) -> list[str]:
    """``named``: what a case or a booking that needs attention has of it."""
    breaks = []
    if held:
        breaks.append(f"I8: {held} ct are still held though the booking is {trip.state}")
    due = _due(trip)
    if net != due - owed + named:
        breaks.append(
            f"I6, I7: {net} ct were taken for {trip.id} where {due} are due, {owed} are owed and "
            f"{named} are a person's"
        )
    return breaks


async def _of_books(world: World, net: int) -> list[str]:
    async with world.engine.begin() as tx:
        codes = [Account(role, "EUR").code for role in (Role.PROCESSOR, Role.PROCESSOR_FEES)]
        at_processor = await tx.scalar(
            select(func.coalesce(func.sum(entry.c.amount_minor), 0)).where(
                entry.c.account_code.in_(codes)
            )
        )
        total = await tx.scalar(select(func.coalesce(func.sum(entry.c.amount_minor), 0)))
        left = select(step.c.kind, step.c.last_error).where(step.c.dead_at.is_(None))
        waiting = [tuple(row) for row in await tx.execute(left)]
    breaks = []
    if total:
        breaks.append(f"I1: the ledger sums to {total} ct")
    if at_processor != net:
        breaks.append(
            f"I9: the ledger has {at_processor} ct at the processor and as its fees, not {net}"
        )
    if waiting:
        breaks.append(f"steps are left: {waiting}")
    return breaks


async def _of_objects(world: World, operations: list[str | None]) -> list[str]:
    async with world.engine.begin() as tx:
        known = set(await tx.scalars(select(money_operation.c.id)))
        rows = (await tx.execute(select(payment))).all()
    breaks = [f"I12: an intent of unknown {name}" for name in operations if name not in known]
    if len(set(operations)) != len(operations):
        breaks.append(f"I12: one operation has several intents: {operations}")
    breaks += [
        f"I4: payment {row.id} was captured {row.captured_minor} of {row.authorised_minor}"
        for row in rows
        if row.captured_minor > row.authorised_minor or row.refunded_minor > row.captured_minor
    ]
    return breaks


def _of_vehicles(world: World, trips: list[Trip]) -> list[str]:
    booked = world.outside.bookings()
    live = [id_ for id_, state in booked if state in {"PENDING", "CONFIRMED", "STARTED"}]
    ridden = [id_ for id_, state in booked if state == "FINISHED"]
    legs = [leg for trip in trips for leg in trip.provided]
    used = [leg for leg in legs if leg.scarce and leg.state is LegState.ENDED]
    breaks = []
    if live:
        breaks.append(f"I5: the operator still keeps the vehicle for {live}")
    if len(ridden) != len(used):
        breaks.append(f"I6: {ridden} were ridden and we know of {[leg.id for leg in used]}")
    return breaks
