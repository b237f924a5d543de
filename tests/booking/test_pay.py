"""What is asked of the processor for a trip, where what becomes of the trip does not show it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mobility.booking import pay
from mobility.booking.moves import Act
from mobility.booking.trip import LegState
from payments.errors import UnreachableError
from tests.booking.test_hard_luck import booked, do
from tests.booking.world import World, bike_leg, car_leg


async def test_no_leg_is_left_out_of_what_is_captured(world: World) -> None:
    trip = await world.trip(await booked(world, bike_leg(), car_leg()))
    bike, car = (replace(leg, state=LegState.ENDED, final=leg.quoted) for leg in trip.legs)
    ridden = replace(trip, legs=(bike, replace(car, contract=None)))
    now = world.desk.clock()
    with pytest.raises(ValueError, match=car.id):
        await do(world, lambda tx: pay.prepare(tx, world.desk, ridden, Act.CAPTURE, "", now))


async def test_a_payment_that_was_begun_needs_no_name_of_its_payer(world: World) -> None:
    async def unreachable(_rider_id: str) -> str:
        raise UnreachableError("the processor makes no customers now")

    booking_id = await booked(world, bike_leg())
    desk = replace(world.desk, customer=unreachable)
    await pay.bring_about(desk, await world.trip(booking_id), Act.RELEASE)
    assert await world.story(booking_id) == "confirmed | bike confirmed | released"
