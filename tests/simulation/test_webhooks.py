"""Whatever order webhooks come in, however often, and if none comes: the books end the same."""

from __future__ import annotations

import os
import random
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility.booking.cancel import ask_to_cancel
from mobility.booking.ride import ask_to_finish, ask_to_start
from mobility.planning.offer import Offer
from tests.simulation.books import Books, read_books, read_events
from tests.simulation.clock import Clock, wipe
from tests.simulation.hints import Hints
from tests.simulation.invariants import list_breaks
from tests.simulation.offers import bike_and_bus, two_buses
from tests.simulation.share import SHARE, share_of
from tests.simulation.story import ask
from tests.simulation.world import START, City, World

ORDERS = int(os.environ.get("ORDERS", "40"))
"""How many are delivered, with doubles and losses, each in a life of its own."""
MINUTES = float(os.environ.get("MINUTES", "60"))
SEED = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(10**9)


@dataclass(frozen=True)
class Life:
    """What a rider does from booking to the end."""

    offer: Callable[[datetime], Offer]
    method: str
    then: tuple[Callable[[World], Awaitable[None]], ...]


async def approve(world: World) -> None:
    await world.outside.approve()
    await world.outside.wire.meanwhile()
    await world.poll_and_work()


async def ride(world: World) -> None:
    await ask(world, ask_to_start)
    await world.clock.pass_time(timedelta(minutes=9))
    await ask(world, ask_to_finish)


async def ride_too_long(world: World) -> None:
    """Two hours, which cost 1.50 € more than is held."""
    await ask(world, ask_to_start)
    await world.clock.pass_time(timedelta(hours=2))
    await ask(world, ask_to_finish)


async def cancel(world: World) -> None:
    await ask(world, lambda tx, trip, _leg, now: ask_to_cancel(tx, trip, now))


async def wait_for_the_first_bus(world: World) -> None:
    await world.work(timedelta(minutes=25))


LIVES = {
    "part of what is held is taken": Life(
        bike_and_bus, "pm_card_threeDSecure2Required", (approve, ride)
    ),
    "all is given back": Life(two_buses, "pm_card_visa", (cancel,)),
    "part is given back": Life(two_buses, "pm_card_visa", (wait_for_the_first_bus, cancel)),
    "nothing is taken": Life(bike_and_bus, "pm_card_threeDSecure2Required", (approve, cancel)),
    "what is not held is taken apart": Life(bike_and_bus, "pm_card_visa", (ride_too_long,)),
    "the bank wants the rider for that": Life(
        bike_and_bus, "pm_card_threeDSecure2Required", (approve, ride_too_long)
    ),
    "the card is declined": Life(bike_and_bus, "pm_card_chargeDeclined", ()),
}


@dataclass(frozen=True)
class Lived:
    """The books at the end, what does not hold, and how often each event was delivered."""

    books: Books
    breaks: list[str]
    delivered: dict[str, int]
    n_events: int


async def lived(database: AsyncEngine, city: City, name: str, seed: int | None) -> Lived:
    """A life in a new world; ``seed`` says what becomes of webhooks, None is the fair order."""
    life = LIVES[name]
    await wipe(database)
    world = World(database, city, Clock(database, START))
    await world.clock.move_to(START)
    hints = Hints(world, random.Random(seed), in_order=seed is None)
    try:
        await world.book(life.method, life.offer)
        await world.work(timedelta(seconds=2))
        for act in life.then:
            await act(world)
        await world.poll_and_work()
        await hints.deliver_rest()
        await world.work(timedelta(days=8))
        await hints.deliver_rest()
        await world.poll_and_work()
        assert await read_events(world) == dict.fromkeys(hints.delivered, "applied")
        breaks = await list_breaks(world)
        return Lived(await read_books(world), breaks, hints.delivered, len(hints.seen))
    finally:
        await world.close()


async def test_what_each_life_costs_in_the_end(database: AsyncEngine, city: City) -> None:
    ends = {}
    for name in LIVES:
        fair = await lived(database, city, name, None)
        assert fair.breaks == []
        assert set(fair.delivered.values()) == {1}
        assert len(fair.delivered) == fair.n_events
        moved = [
            line.split("processor:EUR ")[1].split()[0]
            for line in fair.books.lines
            if "processor:EUR" in line
        ]
        ends[name] = (fair.books.booking, *moved, *fair.books.payments, *fair.books.debts)
    assert ends == {
        "part of what is held is taken": (
            "settled travel",
            "400",
            "captured 650 650 400 0 0 None",
        ),
        "all is given back": (
            "cancelled cancel",
            "500",
            "-500",
            "refunded 500 500 500 500 0 None",
        ),
        "part is given back": (
            "settled travel",
            "500",
            "-250",
            "partially_refunded 500 500 500 250 0 None",
        ),
        "what is not held is taken apart": (
            "settled travel",
            "150",
            "650",
            "captured 650 650 650 0 150 None",
            "captured 150 150 150 0 0 None",
            "paid 150 150 None",
        ),
        "the bank wants the rider for that": (
            "settled travel",
            "650",
            "captured 650 650 650 0 150 None",
            "declined 150 0 0 0 0 authentication_required",
            "arrears 150 0 authentication_required",
        ),
        "nothing is taken": ("cancelled cancel", "released 650 650 0 0 0 None"),
        "the card is declined": ("failed fail", "declined 650 0 0 0 0 generic_decline"),
    }


@pytest.mark.timeout(60 * MINUTES + 120)
async def test_in_whatever_order_and_however_often_webhooks_come_the_books_end_the_same(
    database: AsyncEngine, city: City
) -> None:
    fair = {name: (await lived(database, city, name, None)).books for name in LIVES}
    until = monotonic() + 60 * MINUTES
    delivered: Counter[str] = Counter()
    different = {}
    for seed in share_of(range(SEED, SEED + ORDERS)):
        name = random.Random(seed).choice(list(LIVES))
        end = await lived(database, city, name, seed)
        if end.books != fair[name] or end.breaks:
            different[f"{name}, SEED={seed} ORDERS=1"] = (end.breaks, end.books)
        times = list(end.delivered.values())
        delivered.update(
            orders=1,
            events=end.n_events,
            lost=end.n_events - len(times),
            doubled=sum(n > 1 for n in times),
        )
        if monotonic() > until:
            break
    sys.stdout.write(f"{dict(delivered)}, SEED={SEED}, share {SHARE}\n")
    assert different == {}
    assert delivered["lost"]
    assert delivered["doubled"]
