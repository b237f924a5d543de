"""A backup taken at any moment of a day in which much goes wrong, and restored at any later one."""

from __future__ import annotations

import os
import random
from datetime import timedelta
from random import Random

from sqlalchemy.ext.asyncio import AsyncEngine

from tests.restore.backup import back_up, list_breaks, rebuild_world, restore
from tests.simulation.clock import wipe
from tests.simulation.crowd import Crowd
from tests.simulation.mortal import Life
from tests.simulation.world import City

SEEDS = int(os.environ.get("RESTORES", "4"))
SEED = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(10**9)
"""The first one; to play a failing one again: ``RESTORES=1 SEED=…``."""


class Day(Crowd):
    """A crowd's day in which the database is lost once."""

    disputed = guaranteed = 0

    async def live(self) -> list[str]:
        """Events, a backup, events, the loss, the rebuilding by processes that die, and the rest.

        Returns:
            What does not hold right after it was rebuilt, and at the end.
        """
        chance = Random(self.chance.random())
        await self.clock.move_to(self.start)
        await self.events(chance.randint(3, 25))
        backup = await back_up(self)
        await self.events(chance.randint(1, 12))
        await self.outside.wire.deliver_late()
        await restore(self, backup)
        self.outside.wire.fates = []
        self.lives = [Life(chance.randint(1, 60)) for _ in range(chance.randint(0, 3))]
        await rebuild_world(self, backup)
        before = await self.outside.intents(), await self.outside.refunds()
        breaks = [f"rebuilt: {each}" for each in await list_breaks(self, over=False)]
        await rebuild_world(self, backup)
        if before != (await self.outside.intents(), await self.outside.refunds()):
            breaks.append("rebuilding twice did something twice")
        await self.rest()
        return breaks + [f"at the end: {each}" for each in await list_breaks(self, over=True)]

    async def events(self, count: int) -> None:
        """So many things happen, in which something may go wrong."""
        for _ in range(count):
            self.go_wrong()
            deed = self.chance.choice(
                (
                    self.someone_books, self.someone_books, self.someone_starts,
                    self.someone_finishes, self.someone_cancels, self.someone_approves,
                    self.someone_pays, self.staff_gives_back, self.time_passes,
                    self.someone_goes_on, self.someone_goes_on, self.someone_rides_too_long,
                    self.someone_pays_by_debit, self.bank_speaks, self.someone_reports,
                )
            )  # fmt: skip
            await deed()
            await self.work(timedelta(seconds=self.chance.choice((1, 5, 20))))


async def test_whenever_the_backup_was_taken(database: AsyncEngine, city: City) -> None:
    broken = {}
    for seed in range(SEED, SEED + SEEDS):
        await wipe(database)
        day = Day(database, city, seed)
        try:
            breaks = await day.live()
        finally:
            await day.close()
        if breaks:
            broken[seed] = breaks
    assert broken == {}
