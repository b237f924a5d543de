"""A rider's story, its database lost: restored from a backup taken before any deed of it, after any
later one, and rebuilt. What she pays and what becomes of her booking is as if nothing had been.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility.tables import booking
from tests.restore.backup import Backup, back_up, list_breaks, rebuild_world, restore
from tests.restore.rider import Rider
from tests.simulation.clock import wipe
from tests.simulation.world import City

STORIES = (
    "books bike and bus, unlocks, rides 9, locks, waits 60",
    "books bike and bus, unlocks, rides 9, locks, cancels",
    "books bike and bus, cancels",
    "books bike and bus, unlocks, rides 9, locks, is given all back",
    "books a bike, unlocks, rides 130, locks",
    "books a bike, waits 40",
    "books two buses, waits 80",
    "books two buses, cancels",
    "books two buses, unlocks, cancels",
)


async def live(
    database: AsyncEngine, city: City, story: str, gap: tuple[int, int] | None
) -> tuple[list[str], list[str]]:
    """The story's ending and what does not hold; ``gap`` is the deeds between backup and loss."""
    await wipe(database)
    rider, backup = Rider(database, city, 1), None
    try:
        await rider.clock.move_to(rider.start)
        for number, deed in enumerate([*list_deeds(story), ""]):
            if gap is not None and number == gap[0]:
                backup = await back_up(rider)
            if gap is not None and backup is not None and number == gap[1]:
                await lose(rider, backup)
            if deed and (number == 0 or gap is None or await rider.trips() or number < gap[1]):
                await rider.do(deed)
        await rider.rest()
        return await rider.ending(), await list_breaks(rider, over=True)
    finally:
        await rider.close()


async def lose(rider: Rider, backup: Backup) -> None:
    await restore(rider, backup)
    await rebuild_world(rider, backup)
    assert await list_breaks(rider, over=False) == []


def every_gap(story: str) -> list[tuple[int, int]]:
    """The backup before each deed; the loss before the next one, and after the last."""
    end = len(list_deeds(story))
    before, semicolon, _ = story.partition("; ")
    first = len(list_deeds(before)) if semicolon else 0
    return sorted({(begin, loss) for begin in range(first, end) for loss in (begin + 1, end)})


def list_deeds(story: str) -> list[str]:
    return story.replace("; ", ", ").split(", ")


"""A backup is taken before any deed, or any one after the semicolon."""
OWING = "books a bike up to what is held, unlocks, rides 130, locks"
RETURNED = (
    f"{OWING}; debits in vain, waits 5000, debits, the debit comes, waits 90, the debit is returned"
)
STORIES_OF_DEBITS = (
    RETURNED,
    f"{OWING}; debits, waits 5000",
    f"{OWING}; debits, the debit comes, waits 10",
    f"{OWING}; debits in vain, waits 5000, pays by card",
)
ENDS = {
    "books two buses; goes on by bus, waits 80": {
        None: ["settled, 500 ct", "settled, 500 ct"],
        (1, 2): ["settled, 500 ct"],
        (1, 3): ["settled, 250 ct"],
        (2, 3): ["settled, 500 ct", "settled, 500 ct"],
    },
    "books a bike; goes on by bus, waits 60": {
        None: ["cancelled, 150 ct", "settled, 150 ct"],
        (1, 2): ["cancelled, 0 ct"],
        (1, 3): ["cancelled, 0 ct"],
        (2, 3): ["cancelled, 150 ct", "settled, 150 ct"],
    },
    "books two buses; goes on by bike, waits 80": {
        None: ["settled, 250 ct", "cancelled, 250 ct"],
        (1, 2): ["settled, 500 ct"],
        (1, 3): ["settled, 250 ct"],
        (2, 3): ["settled, 250 ct", "cancelled, 250 ct"],
    },
}
"""Undisturbed, and with a backup and a loss before these deeds: the old booking and the new one,
each with what was paid for both. A lost new one goes back; the old one stands as it was, but for
what was refunded of it.
"""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("story", ENDS)
async def test_whether_the_new_booking_is_lost_or_not_nobody_pays_for_both(
    database: AsyncEngine, city: City, story: str
) -> None:
    gaps = [None, *every_gap(story)]
    ends = {gap: await live(database, city, story, gap) for gap in gaps}
    assert {gap: breaks for gap, (_, breaks) in ends.items() if breaks} == {}
    assert {gap: end for gap, (end, _) in ends.items()} == ENDS[story]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("story", [*STORIES, *STORIES_OF_DEBITS])
async def test_a_story_ends_as_if_nothing_had_been_lost(
    database: AsyncEngine, city: City, story: str
) -> None:
    undisturbed = await live(database, city, story, None)
    assert undisturbed[1] == []
    wrong = {}
    for gap in every_gap(story):
        found = await live(database, city, story, gap)
        lost = gap[0] == 0
        if found[1] or (not lost and found[0] != undisturbed[0]) or (lost and found[0]):
            wrong[gap] = found
    assert wrong == {}, undisturbed


async def test_what_a_rider_asks_again_after_the_loss_is_booked_once(
    database: AsyncEngine, city: City
) -> None:
    rider = Rider(database, city, 1)
    backup = await back_up(rider)
    await rider.do("books two buses")
    await restore(rider, backup)
    await rebuild_world(rider, backup)
    await rider.do("books two buses")
    await rider.work(timedelta(hours=2))

    assert await rider.ending() == ["settled, 500 ct"]
    assert await list_breaks(rider, over=True) == []
    async with database.begin() as tx:
        assert len(list(await tx.scalars(select(booking.c.id)))) == 1
    await rider.close()
