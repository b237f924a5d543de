"""An answer and what it means for the leg are written together, once."""

from __future__ import annotations

from datetime import UTC, datetime

from mobility.booking.asks import record_ask
from mobility.booking.trip import Ask, AskState, LegState
from tests.booking.test_hard_luck import booked, do
from tests.booking.world import World, bike_leg


async def test_an_answer_that_comes_twice_changes_the_leg_once(world: World) -> None:
    """Its hold was recorded as done, so a refusal that comes late changes nothing."""
    booking_id = await booked(world, bike_leg())
    before = await world.trip(booking_id)
    leg = before.legs[0].id
    late = (booking_id, leg, Ask.HOLD, AskState.REFUSED, datetime.now(UTC), "taken")
    assert not await do(
        world, lambda tx: record_ask(tx, *late, leg_values={"state": LegState.FAILED})
    )
    assert await world.trip(booking_id) == before
