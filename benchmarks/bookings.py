"""Whole bookings a second, from the request to the settled trip, against bare commits.

    python -m benchmarks.bookings

A bike and a bus each: held, authorised, confirmed, ticketed, ridden, captured and in the ledger,
with every constraint and trigger and every commit on disk. Operator and processor answer at once,
in the process (`counter.py`). Two processes with riders side by side, on PostgreSQL's own cores,
each in the event loop that API and worker run in.
The peer is pgbench's default script on the same server in the same run, committing as many
transactions with as many clients; beside it stand its lighter script, and the very statements of a
booking with no Python between them (``bookings_peers.py``). Then 200 riders race for 20 bikes.
``PROFILE=1`` says where the processor's time goes in one process.

Exits 1 if a booking did not settle, a bike had two riders, or an aim is missed.
"""

from __future__ import annotations

import asyncio
import cProfile
import multiprocessing
import os
import pstats
import sys
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, cast

import uvloop
from rich.console import Console
from rich.table import Table
from sqlalchemy import event, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from benchmarks.bookings_peers import pgbench_s, replay_s
from benchmarks.counter import Operator, Processor
from gtfs.geo import LatLon
from mobility.booking.advance import Begun, advance, begin
from mobility.booking.book import BookingRequest, ProviderTerms, prepare_booking
from mobility.booking.desk import Desk
from mobility.booking.ride import ask_to_finish, ask_to_start
from mobility.booking.trip import BookingState
from mobility.booking.trips import get_trip
from mobility.db import autocommit, make_engine, transaction
from mobility.embedded.postgres import EmbeddedPostgres
from mobility.migrate import migrate
from mobility.planning.offer import Offer, OfferLeg
from mobility.tables import booking
from payments.money import Money
from providers.values import Mode, ProviderId, Quote, StationId, VehicleRef

PROCESSES, RIDERS, TRIPS = 2, 6, 40
"""Riders of each process, who book one trip after the other."""
AIM_RATIO, AIM_PER_SECOND = 0.3, 40
RACERS, BIKES = 200, 20
BIKE, BUS = ProviderId("demo-rad"), ProviderId("demo-bus")
HERE, THERE = LatLon(53.8671, 10.6698), LatLon(53.8722, 10.6890)


@dataclass(frozen=True)
class Measured:
    """What one process did."""

    settled: int
    commits: int
    round_trips: int
    """Statements, and beginnings and ends of transactions."""
    cpu_s: float
    confirmed_s: list[float]
    """How long each booking took from the request to its confirmation."""


def main() -> int:
    """Measure; 1 where something is wrong or an aim is missed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        postgres = EmbeddedPostgres(folder / "postgres", folder / "postgres.log", durable=True)
        postgres.start()
        try:
            migrate(postgres.url)
            return _measure(postgres.url)
        finally:
            postgres.stop()


def _measure(url: str) -> int:
    if os.environ.get("PROFILE"):
        _profile(url)
        return 0
    begun = perf_counter()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=spawn) as pool:
        list(pool.map(_ready, range(PROCESSES)))
        begun = perf_counter()
        parts = list(pool.map(_book_all, [url] * PROCESSES, range(PROCESSES)))
        took = perf_counter() - begun
    settled = sum(part.settled for part in parts)
    commits = sum(part.commits for part in parts)
    waits = sorted(wait for part in parts for wait in part.confirmed_s)
    clients = PROCESSES * RIDERS
    peer_s, light_s = (
        pgbench_s(url, script, commits, clients, PROCESSES)
        for script in ("tpcb-like", "simple-update")
    )
    alone_s = replay_s(url, _one_trip, settled, clients, PROCESSES)
    winners, doubles = asyncio.run(_race(url))
    ratio, per_second = peer_s / took, settled / took
    table = Table("what", "measured", "aim")
    table.add_row("whole bookings a second", f"{per_second:.0f}", f"{AIM_PER_SECOND}")
    table.add_row(
        f"their {commits:,} commits against pgbench's, in time", f"{ratio:.2f}", f"{AIM_RATIO}"
    )
    table.add_row("the same against its simple-update", f"{light_s / took:.2f}", "")
    table.add_row("a second, of their statements alone in pgbench", f"{settled / alone_s:.0f}", "")
    trips = sum(part.round_trips for part in parts)
    table.add_row("commits a booking", f"{commits / settled:.1f}", "")
    table.add_row("round trips to the database a booking", f"{trips / settled:.1f}", "")
    cpu = 1e3 * sum(part.cpu_s for part in parts) / settled
    table.add_row("processor time of ours a booking, ms", f"{cpu:.1f}", "")
    p50, p99 = (1e3 * waits[int(len(waits) * part)] for part in (0.5, 0.99))
    table.add_row("from request to confirmed, p50 / p99 ms", f"{p50:.0f} / {p99:.0f}", "")
    table.add_row(
        f"{RACERS} riders for {BIKES} bikes: confirmed, doubled", f"{winners}, {doubles}",
        f"{BIKES}, 0",
    )  # fmt: skip
    Console().print(table)
    wrong = settled != PROCESSES * RIDERS * TRIPS or (winners, doubles) != (BIKES, 0)
    return int(wrong or ratio < AIM_RATIO or per_second < AIM_PER_SECOND)


def _ready(_number: int) -> None:
    """Have a process start and import everything before time is taken."""


def _book_all(url: str, number: int) -> Measured:
    return uvloop.run(_ride_all(url, number))


async def _ride_all(url: str, number: int) -> Measured:
    engine = make_engine(url)
    counted: Counter[str] = Counter()
    for name in ("commit", "before_cursor_execute"):
        event.listen(engine.sync_engine, name, partial(_count, counted, name))
    desk = _desk(engine, f"bench-{number}")
    waits: list[float] = []

    async def one_rider(rider: int) -> int:
        return sum([await _whole_trip(desk, f"rdr_{number}_{rider}", waits) for _ in range(TRIPS)])

    cpu = process_time()
    settled = sum(await asyncio.gather(*(one_rider(rider) for rider in range(RIDERS))))
    cpu = process_time() - cpu
    await engine.dispose()
    round_trips = counted["before_cursor_execute"] + 2 * counted["commit"]
    return Measured(settled, counted["commit"], round_trips, cpu, waits)


def _count(counted: Counter[str], name: str, *_details: object) -> None:
    counted[name] += 1


async def _whole_trip(desk: Desk, rider: str, waits: list[float]) -> int:
    asked_at = perf_counter()
    booking_id, begun = await _book(desk, rider, f"{rider}'s bike", bus=True)
    await advance(desk, booking_id, begun)
    waits.append(perf_counter() - asked_at)
    async with autocommit(desk.engine) as db:
        bike = (await get_trip(db, booking_id)).provided[0]
    for ask in (ask_to_start, ask_to_finish):
        async with transaction(desk.engine) as tx:
            await ask(tx, booking_id, bike.id, desk.clock())
            begun = await begin(tx, desk, booking_id)
        await advance(desk, booking_id, begun)
    later = replace(desk, clock=lambda: datetime.now(UTC) + timedelta(hours=1))
    await advance(later, booking_id)
    async with autocommit(desk.engine) as db:
        return int((await get_trip(db, booking_id)).state is BookingState.SETTLED)


async def _one_trip(engine: AsyncEngine) -> None:
    await _whole_trip(_desk(engine, "recorded"), "rdr_recorded", [])


async def _book(desk: Desk, rider: str, vehicle: str, *, bus: bool) -> tuple[str, Begun]:
    now = desk.clock()
    legs = (_leg(Mode.BIKE, now, vehicle), *((_leg(Mode.BUS, now, None),) if bus else ()))
    offer = Offer("off_1", now + timedelta(minutes=10), 1, (), legs)
    request = BookingRequest(rider, offer, "pm_card_visa", None, lambda _terms: ())
    async with transaction(desk.engine) as tx:
        booking_id = await prepare_booking(
            tx,
            request,
            lambda id_: ProviderTerms(desk.providers[id_], Decimal(8)),
            hold=timedelta(minutes=10),
            now=now,
        )
        return booking_id, await begin(tx, desk, booking_id)


def _leg(mode: Mode, now: datetime, vehicle: str | None) -> OfferLeg:
    at = now + timedelta(minutes=0 if vehicle else 20)
    price = Quote(Money(150), Money(400), "basis/2026-01", ("geschätzt",), Decimal(19))
    ticket = Quote(Money(250), None, "sh-tarif-2026-04-01", ("einfach",), Decimal(7))
    return OfferLeg(
        mode=mode, origin=HERE, destination=THERE, origin_name="Hauptbahnhof",
        destination_name="Koberg", departs_at=at, arrives_at=at + timedelta(minutes=10),
        distance_m=2000, co2_grams=0, provider_id=BIKE if vehicle else BUS,
        quote=price if vehicle else ticket,
        vehicle_ref=VehicleRef(vehicle) if vehicle else None,
        station_id=StationId("hbf") if vehicle else None,
        product=None if vehicle else "single:1:adult",
    )  # fmt: skip


def _desk(engine: AsyncEngine, worker: str) -> Desk:
    async def customer(rider_id: str) -> str:
        return f"cus_{rider_id}"

    async def known_customer(_tx: AsyncConnection, rider_id: str) -> str:
        return await customer(rider_id)

    async def changed(_booking_id: str) -> None:
        return

    operators = {BIKE: Operator(BIKE, scarce=True), BUS: Operator(BUS, scarce=False)}
    return Desk(
        engine=engine,
        providers=cast("Any", operators),
        gateway=cast("Any", Processor()),
        clock=lambda: datetime.now(UTC),
        pseudonym=lambda provider_id, rider_id: f"rp_{provider_id}_{rider_id}",
        customer=customer,
        known_customer=known_customer,
        return_url="http://127.0.0.1/payment-done",
        worker=worker,
        lease=timedelta(seconds=30),
        changed=changed,
    )


async def _race(url: str) -> tuple[int, int]:
    """How many of the racers have a bike confirmed, and how many bikes have two riders."""
    engine = make_engine(url)
    desk = _desk(engine, "race")

    async def racer(number: int) -> None:
        mine = await _book(desk, f"rdr_race_{number}", f"bike {number % BIKES}", bus=False)
        await advance(desk, *mine)

    await asyncio.gather(*(racer(number) for number in range(RACERS)))
    async with transaction(engine) as tx:
        ids = await tx.scalars(
            select(booking.c.id).where(booking.c.rider_id.startswith("rdr_race_"))
        )
        trips = [await get_trip(tx, booking_id) for booking_id in ids]
        rows = await tx.scalar(select(func.count()).select_from(booking))
    await engine.dispose()
    confirmed = [trip.legs[0].id for trip in trips if trip.state is BookingState.CONFIRMED]
    operator = cast("Operator", desk.providers[BIKE])
    doubles = len(set(confirmed) ^ set(operator.holders.values()))
    return len(confirmed), doubles if rows else RACERS


def _profile(url: str) -> None:
    profile = cProfile.Profile()
    profile.enable()
    _book_all(url, 0)
    profile.disable()
    pstats.Stats(profile, stream=sys.stdout).sort_stats("tottime").print_stats(30)


if __name__ == "__main__":
    sys.exit(main())
