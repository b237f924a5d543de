"""A booking is its rider's: for everybody else there is none by that id."""

from __future__ import annotations

import pytest

from mobility.booking.errors import NotFoundError
from mobility.booking.queries import get_booking, list_bookings
from mobility.db import transaction
from tests.booking.world import World, bike_leg, offer_of


async def test_another_rider_neither_finds_nor_lists_it(world: World) -> None:
    booking_id = await world.book(offer_of(bike_leg()), rider="rdr_anna")
    async with transaction(world.desk.engine) as tx:
        mine = await get_booking(tx, "rdr_anna", booking_id)
        assert await list_bookings(tx, "rdr_anna", limit=9) == [mine]
        assert await list_bookings(tx, "rdr_ben", limit=9) == []
        with pytest.raises(NotFoundError):
            await get_booking(tx, "rdr_ben", booking_id)
