"""Transactions about the same money at the same moment: none decides by what it read before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mobility.booking import pay
from mobility.booking.cancel import ask_to_cancel
from mobility.booking.moves import Act
from mobility.booking.trips import get_trip
from mobility.db import transaction
from payments.errors import PaymentStuckError
from tests.booking.test_arrears import owes
from tests.booking.test_debt_hard_luck import TAKES_BACK, lose, reconciled
from tests.booking.test_hard_luck import BUS, city, later, ticket_leg
from tests.booking.world import World, offer_of, run_processor

__all__ = ["city"]


@pytest.fixture
def processor() -> Iterator[str]:
    """One of its own, as runs of reconciliation read all of it."""
    with run_processor() as url:
        yield url


async def test_what_a_lost_dispute_gave_back_while_it_is_prepared_counts_once(city: World) -> None:
    """Two buses, of which the second was given back, and its refund refused."""
    legs = (ticket_leg(BUS, 360, 1), ticket_leg(BUS, 200, 60))
    booking_id = await city.book(offer_of(*legs), method=TAKES_BACK)
    await city.advance(booking_id)
    then, tonight = later(city, minutes=3), later(city, hours=2)
    await then.advance(booking_id)
    async with transaction(city.desk.engine) as tx:
        await ask_to_cancel(tx, booking_id, then.desk.clock())
    await then.advance(booking_id)
    with pytest.raises(PaymentStuckError):
        await tonight.advance(booking_id)
    lose(city)
    async with transaction(city.desk.engine) as tx:
        trip = await get_trip(tx, booking_id, lock=True)
        await reconciled(city)
        now = tonight.desk.clock()
        assert await pay.prepare(tx, tonight.desk, trip, Act.REFUND, "", now) is None
    assert await owes(city, booking_id) == "arrears 360, refused: dispute_lost"
    await tonight.advance(booking_id)
    assert await city.story(booking_id) == "settled | bus ended, bus cancelled | captured"
    assert await owes(city, booking_id) == "arrears 360, refused: dispute_lost"
