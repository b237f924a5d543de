"""Two riders race for one bike, again and again; ``RACES`` says how often, as in RACES=1000."""

from __future__ import annotations

import asyncio
import os

import pytest

from mobility.booking.cancel import ask_to_cancel
from mobility.db import transaction
from tests.booking.world import BIKE, World, bike_leg, offer_of

RACES = int(os.environ.get("RACES", "25"))
WINNER = ("confirmed | bike confirmed | authorised", (400, 0))
LOSER = ("failed | bike failed | none", (0, 0))


@pytest.mark.timeout(60 + 2 * RACES)
async def test_one_of_two_riders_gets_the_bike_and_the_other_pays_nothing(world: World) -> None:
    for race in range(RACES):
        racers = [
            await world.book(offer_of(bike_leg()), rider=f"rdr_{rider}")
            for rider in ("anna", "ben")
        ]
        await asyncio.gather(*(world.advance(booking_id) for booking_id in racers))
        ends = {
            (await world.story(booking_id), world.money(booking_id)): booking_id
            for booking_id in racers
        }
        assert set(ends) == {WINNER, LOSER}, f"race {race}"
        assert world.holders(BIKE, "hbf-01") == 1, f"race {race}"
        async with transaction(world.desk.engine) as tx:
            await ask_to_cancel(tx, ends[WINNER], world.desk.clock())
        await world.advance(ends[WINNER])
