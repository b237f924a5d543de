"""What a trip reads like after a move is reckoned, not read: it must be what would be read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from mobility.booking.moves import Failure, Move, after
from mobility.booking.ride import ask_to_start
from mobility.booking.trip import Aim, BookingState, Trip
from mobility.booking.trips import get_trip, record_move
from tests.booking.test_hard_luck import ask, booked, do
from tests.booking.world import World, bike_leg, car_leg

MOVES: dict[str, Callable[[Trip], Move]] = {
    "another state": lambda trip: Move(BookingState.ACTIVE, trip.aim),
    "a failure": lambda trip: Move(trip.state, Aim.FAIL, failure=Failure("too-late", "gone")),
    "a leg that ended": lambda trip: Move(trip.state, trip.aim, ended_legs=(trip.legs[0].id,)),
    "a leg that is dropped": lambda trip: Move(
        trip.state, Aim.CANCEL, dropped_legs=(trip.legs[1].id,)
    ),
    "a start that is dropped": lambda trip: Move(
        trip.state, trip.aim, dropped_starts=(trip.legs[0].id,)
    ),
}


@pytest.mark.parametrize("name", list(MOVES))
async def test_a_trip_after_a_move_is_the_trip_that_is_read(world: World, name: str) -> None:
    booking_id = await booked(world, bike_leg(), car_leg())
    await ask(world, ask_to_start, booking_id)
    before = await world.trip(booking_id)
    move = MOVES[name](before)
    await do(world, lambda tx: record_move(tx, before, move, datetime.now(UTC)))
    read = await do(world, lambda tx: get_trip(tx, booking_id))
    assert read != before
    assert after(before, move) == read
