"""Buses are late: riders file what their carriers guarantee, which these grant and pay, or not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from random import Random

from sqlalchemy import func, select

from mobility.booking.errors import BookingError
from mobility.booking.moves import OVER
from mobility.booking.trips import get_trip
from mobility.cities.facts import Confidence, Guarantee
from mobility.claims.file_claim import (
    Decision,
    accept,
    file_claim,
    record_carrier_paid,
    record_transfer,
    reject,
)
from mobility.claims.notice import BookedRide, Evidence, Noticed
from mobility.claims.states import ClaimState
from mobility.claims.store import Claim, add_noticed, list_filed, list_rides
from mobility.db import transaction
from payments.accounts import Role
from payments.claims import CarrierPays
from payments.money import Money
from payments.refund import GUARANTEE
from payments.tables import entry
from providers.bus.product import parse_product
from tests.simulation.offers import BUS, TICKETS
from tests.simulation.onward import get_back
from tests.simulation.world import Process, World

LATE = Guarantee(
    id="late",
    kind="late_arrival",
    title="Pünktlichkeitsgarantie",
    agency_ids=(BUS,),
    valid_from=date(2026, 1, 1),
    threshold_minutes=15,
    benefit="single_ticket",
    terms=("made up",),
    source="made up",
    confidence=Confidence.LOW,
)
TAXI = Guarantee(
    id="taxi",
    kind="missed_connection",
    title="Anschlussgarantie",
    agency_ids=(BUS,),
    valid_from=date(2026, 1, 1),
    threshold_minutes=0,
    benefit="taxi",
    terms=("made up",),
    source="made up",
    confidence=Confidence.LOW,
    amount=Decimal("25.00"),
)
TAKEN = (ClaimState.ACCEPTED, ClaimState.PAID)
FINANCE = Decision("fin_x", "V-1", "a story")
Act = Callable[[Process], Awaitable[object]]


async def notice_and_file(world: World, chance: Random) -> str | None:
    """A feed says that a bus came late, and its rider asks for what is guaranteed."""
    async with world.engine.begin() as tx:
        rides = [ride for trip in await list_rides(tx, [BUS], world.clock.now) for ride in trip]
    if not rides:
        return None
    ride = chance.choice(sorted(rides, key=lambda each: (each.departs_at, each.leg_id)))
    guarantee = chance.choice((LATE, LATE, TAXI))
    receipt = Money(chance.choice((150, 900, 2600))) if guarantee is TAXI else None

    async def act(process: Process) -> None:
        now = world.clock.now
        async with transaction(process.desk.engine) as tx:
            await add_noticed(tx, _noticed(ride, guarantee, world), "EUR", now)
        async with transaction(process.desk.engine) as tx:
            of = {"leg_id": ride.leg_id, "receipt": receipt, "now": now}
            await file_claim(tx, ride.booking_id, guarantee.id, **of)  # type: ignore[arg-type]

    return await _try(world, act, f"{guarantee.id} is filed")


def _noticed(ride: BookedRide, guarantee: Guarantee, world: World) -> Noticed:
    read = parse_product(ride.product)
    amount, most = None, Money(2500)
    if guarantee is LATE:
        amount = most = Money(TICKETS[f"{read.base}:{read.rider}"] * ride.passengers)
    now = world.clock.now
    seen = Evidence(
        now, ride.leg_id, now.date(), "stop", "Koberg", ride.arrives_at, ride.arrives_at, 960
    )
    return Noticed(ride, guarantee, amount, most, None, seen)


async def decide(world: World, chance: Random) -> str | None:
    """A carrier grants what was filed for a trip that is over, or not; or pays what it granted; or
    finance transfers the rest.
    """
    todo = [(one, what) for one in await list_all(world) for what in await _list_todo(world, one)]
    if not todo:
        return None
    one, what = chance.choice(todo)
    now, how = world.clock.now, chance.choice(list(CarrierPays))

    async def act(process: Process) -> None:
        async with transaction(process.desk.engine) as tx:
            match what:
                case "accepted":
                    await accept(tx, one.id, FINANCE, now)
                case "rejected":
                    await reject(tx, one.id, FINANCE, now)
                case "transferred":
                    await record_transfer(tx, one.id, FINANCE, now)
                case _:
                    await record_carrier_paid(tx, one.id, how, FINANCE, now)

    return await _try(world, act, f"{one.guarantee.id}, {one.amount} is {what}")


async def decide_all(world: World, chance: Random) -> None:
    """What is filed is decided; most of what is left to pay is paid."""
    for one in await list_all(world):
        for _ in range(2 * (one.state is ClaimState.FILED)):
            await decide(world, chance)


async def _list_todo(world: World, one: Claim) -> list[str]:
    if one.state is ClaimState.FILED:
        async with world.engine.begin() as tx:
            trip = await get_trip(tx, one.booking_id)
        return ["accepted", "accepted", "rejected"] if trip.state in OVER else []
    todo = ["transferred"] if one.left else []
    if one.state in TAKEN and one.carrier_paid_at is None:
        todo.append("paid by its carrier")
    return todo


async def _try(world: World, act: Act, what: str) -> str:
    try:
        await world.alive(act)
    except BookingError as refusal:
        return f"refused: {refusal}".partition("leg_")[0].partition("clm_")[0]
    return what


async def list_all(world: World) -> list[Claim]:
    """All claims that were filed, in that order."""
    async with world.engine.begin() as tx:
        return await list_filed(tx, list(ClaimState), limit=1000)


async def count_claims(world: World) -> dict[str, int]:
    """How many guarantees were filed, and what became of them."""
    states = Counter(each.state for each in await list_all(world))
    return {"guarantees filed": states.total(), **{f"{key} ones": n for key, n in states.items()}}


async def list_unguaranteed(world: World) -> list[str]:
    """Where what carriers granted did not reach the riders once, or is not owed by them once."""
    granted = [each for each in await list_all(world) if each.state in TAKEN]
    async with world.engine.begin() as tx:
        role = func.split_part(entry.c.account_code, ":", 1)
        rows = await tx.execute(select(role, func.sum(entry.c.amount_minor)).group_by(role))
        books = {code: int(total) for code, total in rows}
    back = {each.booking_id: await get_back(world, each.booking_id, GUARANTEE) for each in granted}
    reached = sum(back.values()) + sum(_by_hand(each) for each in granted)
    owed = sum(_cents(each) for each in granted)
    due = sum(_cents(each) for each in granted if each.carrier_paid_at is None)
    breaks = []
    if books.get(Role.CLAIM_PAYABLE, 0) != reached - owed:
        breaks.append(f"guarantees: {books[Role.CLAIM_PAYABLE]} ct of {owed}, {reached} reached")
    if books.get(Role.CARRIER_RECEIVABLE, 0) != due:
        breaks.append(
            f"guarantees: {books[Role.CARRIER_RECEIVABLE]} ct are due from carriers, not {due}"
        )
    waiting = [each.id for each in granted if each.refunded is None]
    if waiting:
        breaks.append(f"guarantees: {waiting} wait")
    return breaks


def _cents(of: Claim) -> int:
    return 0 if of.amount is None else of.amount.minor


def _by_hand(of: Claim) -> int:
    """What finance transferred, in cents."""
    paid = of.state is ClaimState.PAID and of.refunded is not None
    return _cents(of) - (of.refunded.minor if of.refunded else 0) if paid else 0


async def sum_by_hand(world: World) -> tuple[int, int]:
    """What went from our bank to riders less what carriers paid there; what these set off."""
    granted = [each for each in await list_all(world) if each.state in TAKEN]
    role = func.split_part(entry.c.account_code, ":", 1)
    offset = select(func.coalesce(func.sum(entry.c.amount_minor), 0)).where(
        role == Role.PROVIDER_PAYABLE, entry.c.leg_id.is_(None)
    )
    async with world.engine.begin() as tx:
        set_off = int(await tx.scalar(offset) or 0)
    paid = sum(_cents(each) for each in granted if each.carrier_paid_at is not None)
    return sum(map(_by_hand, granted)) - (paid - set_off), set_off
