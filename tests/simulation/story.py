"""What happens in a simulated world: a rider's day, with deaths and a fault at chosen moments."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product

from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.booking.at_once import run_taken, take
from mobility.booking.cancel import ask_to_cancel
from mobility.booking.errors import BookingError
from mobility.booking.give_back import ask_to_give_back
from mobility.booking.ride import ask_to_finish, ask_to_start
from mobility.db import transaction
from tests.simulation.mortal import Life
from tests.simulation.network import Fate
from tests.simulation.world import Process, World

Asking = Callable[[AsyncConnection, str, str, datetime], Awaitable[object]]

METHODS = {
    "ride": "pm_card_visa",
    "cancel": "pm_card_visa",
    "no show": "pm_card_visa",
    "declined": "pm_card_chargeDeclined",
    "approved": "pm_card_threeDSecure2Required",
    "abandoned": "pm_card_threeDSecure2Required",
    "given back": "pm_card_visa",
    "given back riding": "pm_card_visa",
}
"""The stories, and the card each is paid with."""
POINTS = {
    "ride": 72,
    "cancel": 58,
    "declined": 34,
    "given back": 54,
    "given back riding": 70,
}
"""Of the stories whose every point is tried: as many as their process passes undisturbed."""
SECOND_DEATHS = (None, 1, 3, 6, 10)


@dataclass(frozen=True)
class Schedule:
    """A story; at which point its process dies; what the next process's first request meets; and
    at which point that one dies.
    """

    story: str
    dies_at: int | None = None
    fate: Fate | None = None
    dies_again_at: int | None = None

    def __str__(self) -> str:
        """Such as ``ride, dies at 12, then done and the answer lost, dies again at 3``."""
        parts = [self.story]
        if self.dies_at is not None:
            parts.append(f"dies at {self.dies_at}")
        if self.fate is not None:
            parts.append(f"then {self.fate}")
        if self.dies_again_at is not None:
            parts.append(f"dies again at {self.dies_again_at}")
        return ", ".join(parts)


def every_schedule() -> Iterator[Schedule]:
    """Each point of the stories in POINTS, each fate of the request after it, a second death."""
    for story, points in POINTS.items():
        for dies_at, fate, again in product(range(1, points + 1), Fate, SECOND_DEATHS):
            yield Schedule(story, dies_at, fate, again)


async def play(world: World, schedule: Schedule) -> None:
    """The whole story, to its rest."""
    world.lives = [Life(schedule.dies_at), Life(schedule.dies_again_at)]
    world.fates_after_death = [schedule.fate]
    await world.book(METHODS[schedule.story])
    await world.work(timedelta(seconds=20))
    if schedule.story == "approved":
        await world.outside.approve()
        await world.poll_and_work()
    if schedule.story == "cancel":
        await ask(world, lambda tx, trip, _leg, now: ask_to_cancel(tx, trip, now))
    if schedule.story == "given back":
        await ask(world, give_back)
    if schedule.story in {"ride", "approved", "given back riding"}:
        await ask(world, ask_to_start)
        await world.clock.pass_time(timedelta(minutes=9))
        if schedule.story == "given back riding":
            await ask(world, give_back)
        await ask(world, ask_to_finish)
    await world.outside.wire.deliver_late()
    await world.poll_and_work()
    await world.work(timedelta(days=8))


async def give_up(tx: AsyncConnection, trip: str, _leg: str, now: datetime) -> None:
    """A rider cancels."""
    await ask_to_cancel(tx, trip, now)


async def give_back(tx: AsyncConnection, trip: str, _leg: str, now: datetime) -> None:
    """Staff ends the booking."""
    await ask_to_give_back(tx, trip, actor="rdr_staff", reason="a story", now=now)


async def ask(world: World, asking: Asking) -> None:
    """The rider asks until it is done or of no use any more."""
    trip = await world.trip()
    leg = trip.provided[0]

    async def send(process: Process) -> object:
        taken = None
        async with transaction(process.desk.engine) as tx:
            wanted = await asking(tx, trip.id, leg.id, world.clock.now)
            if wanted and asking in (ask_to_start, ask_to_finish):  # as the API does
                taken = await take(tx, process.desk, trip.id)
        if taken is not None:
            await run_taken(process.desk, taken)
        return wanted

    for _ in range(3):
        try:
            if not await world.alive(send):
                return
        except BookingError:
            return
        await world.work(timedelta(seconds=20))
