"""Backups of a test's database, and what must hold after one was restored and rebuilt."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.booking.trip import BookingState
from mobility.restore import Report, find_gap, rebuild
from mobility.tables import leg
from payments.accounts import Account, Role
from payments.cases import list_cases
from payments.matching import CaseKind
from payments.payment import PaymentState
from payments.reconcile import reconcile
from payments.sandbox.debits import FEE
from payments.tables import entry, money_operation, payment
from tests.simulation.world import Process, World

LIVE = {"PENDING", "CONFIRMED", "STARTED"}


@dataclass(frozen=True)
class Backup:
    """A copy of every row there is, as it was at a moment."""

    taken_at: datetime
    delivered: dict[str, int]
    """How often each event had been delivered by then: of a later one no row tells."""


async def _list_tables(tx: AsyncConnection) -> list[str]:
    names = await tx.scalars(
        text(
            "SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
            " WHERE nspname = 'public' AND relkind IN ('r', 'p') AND NOT relispartition"
        )
    )
    return sorted(names)


async def back_up(world: World) -> Backup:
    """Copy the world's database, within it: that is quicker than a database of its own."""
    async with world.engine.begin() as tx:
        await tx.execute(text("DROP SCHEMA IF EXISTS backup CASCADE"))
        await tx.execute(text("CREATE SCHEMA backup"))
        for name in await _list_tables(tx):
            await tx.execute(text(f"CREATE TABLE backup.{name} AS TABLE public.{name}"))
    return Backup(world.clock.now, dict(world.hints.delivered))


async def restore(world: World, backup: Backup) -> None:
    """Everything stops, and the database is as it was; outside, and on the clock, it is now."""
    assert backup.taken_at <= world.clock.now
    world.hints.delivered = dict(backup.delivered)
    if world.process is not None:
        await world.process.close()
        world.process = None
    async with world.engine.begin() as tx:
        await tx.execute(text("SET LOCAL session_replication_role = replica"))
        for name in await _list_tables(tx):
            await tx.execute(text(f"DELETE FROM public.{name}"))
            await tx.execute(
                text(
                    f"INSERT INTO public.{name} OVERRIDING SYSTEM VALUE SELECT * FROM backup.{name}"
                )
            )


async def rebuild_world(world: World, backup: Backup) -> Report:
    """The command's work, by a process that may die of it and is then followed by another."""

    async def work(process: Process) -> Report:
        return await rebuild(process.desk, await find_gap(process.desk, backup.taken_at))

    return await world.alive(work)


async def list_open_payments(world: World) -> list[str]:
    """What is asked about for ever, when all that can be decided is."""
    async with world.engine.begin() as tx:
        states = (PaymentState.AUTHORISING, PaymentState.PROCESSING, PaymentState.CAPTURING)
        rows = await tx.execute(
            select(payment.c.id, payment.c.state).where(payment.c.state.in_(states))
        )
        return [f"{row.id} is {row.state} for ever" for row in rows]


async def list_breaks(world: World, *, over: bool) -> list[str]:
    """What does not hold after a rebuild; with ``over`` also of what takes its time to end."""
    intents, refunds = await world.outside.intents(), await world.outside.refunds()
    net: dict[str, int] = defaultdict(int)
    held: dict[str, int] = defaultdict(int)
    booking_of = {each["id"]: each["metadata"]["booking"] for each in intents}
    for intent in intents:
        net[booking_of[intent["id"]]] += intent["amount_received"]
        held[booking_of[intent["id"]]] += intent["amount_capturable"]
    for back in [*refunds, *await world.outside.disputes()]:
        net[booking_of[back["payment_intent"]]] -= back["amount"]
    trips = {trip.id: trip for trip in await world.trips()}
    found = await world.alive(
        lambda process: reconcile(process.desk.engine, process.gateway, now=world.clock.now)
    )
    async with world.engine.begin() as tx:
        cases = [each.case for each in await list_cases(tx, limit=1000)]
        keys = set(await tx.scalars(select(leg.c.order_key)))
        operations = set(await tx.scalars(select(money_operation.c.id)))
        account = Account(Role.PROCESSOR, "EUR").code
        at_processor = await tx.scalar(
            select(func.coalesce(func.sum(entry.c.amount_minor), 0)).where(
                entry.c.account_code == account
            )
        )
    breaks = [
        f"{each.kind} {each.subject}: {each.explanation}"
        for each in cases
        if each.kind not in (CaseKind.LOST_BOOKING, CaseKind.LOST_RIDE)
    ]
    named: dict[str | None, int] = defaultdict(int)
    for each in cases:
        named[each.booking_id] += each.difference.minor
    for booking_id, amount in net.items():
        trip = trips.get(booking_id)
        if trip is None and (held[booking_id] or amount != named[booking_id]):
            breaks.append(f"{booking_id} is lost; {held[booking_id]} held, {amount} taken")
        if trip is not None and over:
            due = trip.final.minor if trip.state is BookingState.SETTLED else 0
            if held[booking_id] or amount > due:
                breaks.append(f"{booking_id} {trip.state}: {amount} of {due}, {held[booking_id]}")
    on_its_way = sum(e["amount"] - FEE for e in intents if e["status"] == "processing")
    if found.unexplained or at_processor != found.processor.minor - on_its_way:
        breaks.append(f"the ledger has {at_processor} ct, the processor {found.processor}")
    breaks += [
        f"an intent of unknown {each['metadata']['money_op']}"
        for each in intents
        if each["metadata"]["money_op"] not in operations
    ]
    breaks += await list_open_payments(world) if over else []
    return breaks + _of_vehicles(world, keys, {each.subject for each in cases}, over=over)


def _of_vehicles(world: World, keys: set[str], subjects: set[str], *, over: bool) -> list[str]:
    """What the operator keeps that no leg names, or at the end at all, and that no case names."""
    return [
        f"the operator keeps {id_} as {state}"
        for id_, state in world.outside.bookings()
        if state in LIVE and id_ not in subjects and (over or id_ not in keys)
    ]
