"""Every point a process can die at, every fault its successor can meet, and a second death."""

from __future__ import annotations

import os
import random
import sys
from dataclasses import dataclass
from time import monotonic

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility.booking.trip import Trip
from tests.simulation.clock import Clock, wipe
from tests.simulation.invariants import list_breaks
from tests.simulation.network import Fate
from tests.simulation.share import SHARE, share_of
from tests.simulation.story import METHODS, POINTS, Schedule, every_schedule, play
from tests.simulation.world import START, City, World

SCHEDULES = int(os.environ.get("SCHEDULES", "40"))
"""How many of all are played; 0 plays each."""
MINUTES = float(os.environ.get("MINUTES", "60"))
"""After which no other one is begun."""
SEED = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(10**9)


@dataclass(frozen=True)
class Played:
    """The booking at the end of a schedule, what does not hold, the points its process passed."""

    trip: Trip
    breaks: list[str]
    passed: int


async def played(database: AsyncEngine, city: City, schedule: Schedule) -> Played:
    """A schedule played in a new world."""
    await wipe(database)
    world = World(database, city, Clock(database, START))
    await world.clock.move_to(START)
    try:
        await play(world, schedule)
        trip, breaks = await world.trip(), await list_breaks(world)
    finally:
        await world.close()
    return Played(trip, breaks, world.passed)


async def test_each_story_ends_as_it_should(database: AsyncEngine, city: City) -> None:
    ends = {}
    for story in METHODS:
        end = await played(database, city, Schedule(story))
        assert end.breaks == []
        legs = ", ".join(f"{leg.mode} {leg.state}" for leg in end.trip.legs)
        ends[story] = f"{end.trip.state} | {legs} | {end.trip.kept}"
    assert ends == {
        "ride": "settled | bike ended, bus ended | 4.00 EUR",
        "cancel": "cancelled | bike cancelled, bus cancelled | 0.00 EUR",
        "no show": "settled | bike cancelled, bus ended | 2.50 EUR",
        "declined": "failed | bike cancelled, bus cancelled | 0.00 EUR",
        "approved": "settled | bike ended, bus ended | 4.00 EUR",
        "abandoned": "failed | bike cancelled, bus cancelled | 0.00 EUR",
        "given back": "cancelled | bike cancelled, bus cancelled | 0.00 EUR",
        "given back riding": "cancelled | bike ended, bus cancelled | 0.00 EUR",
    }


async def test_no_point_of_a_story_is_left_out(database: AsyncEngine, city: City) -> None:
    passed = {story: (await played(database, city, Schedule(story))).passed for story in POINTS}
    assert passed == POINTS


@pytest.mark.timeout(60 * MINUTES + 120)
async def test_nothing_breaks_whenever_a_process_dies_and_whatever_the_next_one_meets(
    database: AsyncEngine, city: City
) -> None:
    schedules = list(every_schedule())
    chosen = random.Random(SEED).sample(schedules, SCHEDULES or len(schedules))
    until = monotonic() + 60 * MINUTES
    broken = {}
    n_played = 0
    for schedule in share_of(chosen):
        end = await played(database, city, schedule)
        n_played += 1
        if end.breaks:
            broken[str(schedule)] = end.breaks
        if monotonic() > until:
            break
    sys.stdout.write(
        f"played {n_played} of {len(schedules)} schedules, SEED={SEED}, share {SHARE}\n"
    )
    assert broken == {}, f"SEED={SEED}"


async def test_the_harness_sees_a_bike_that_is_kept_and_money_that_is_held(
    database: AsyncEngine, city: City
) -> None:
    world = World(database, city, Clock(database, START))
    await world.clock.move_to(START)
    await world.book("pm_card_visa")
    await world.outside.wire.deliver_late()
    await world.alive(lambda process: process.run_due())
    breaks = await list_breaks(world)
    await world.close()
    assert [text.partition(":")[0] for text in breaks] == [
        "the booking is confirmed",
        "I8",
        "steps are left",
        "I5",
    ]


def test_a_schedule_reads_as_a_sentence() -> None:
    schedule = Schedule("ride", 12, Fate.UNANSWERED, 3)
    assert str(schedule) == "ride, dies at 12, then done, and the answer lost, dies again at 3"
