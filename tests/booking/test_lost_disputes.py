"""What no leg gives back (grants, rebates) of a trip that the cardholder's bank took back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from mobility.booking.day_ceiling import cap_day
from mobility.booking.goodwill import STEP, pay_goodwill
from mobility.booking.payments_seen import see_disputes
from mobility.steps import run_if_free
from mobility.stuck_steps import BURY, give_up, list_stuck, retry
from payments.disputes import record_disputes
from payments.errors import PaymentStuckError
from payments.gateway import Dispute, DisputeState
from payments.money import Money
from payments.tables import payment
from tests.booking.test_arrears import owes, pay
from tests.booking.test_day_ceiling import given_back, rode, town
from tests.booking.test_debt_hard_luck import TAKES_BACK, lose, processor, reconciled, shown
from tests.booking.test_goodwill import given_back as granted
from tests.booking.test_goodwill import grant
from tests.booking.test_hard_luck import BUS, city, do, later, ticket_leg
from tests.booking.world import World, offer_of

__all__ = ["city", "processor", "town"]


async def _rode_disputed(world: World, price: int) -> str:
    """A trip by bus that is over, and that the cardholder's bank has taken back."""
    booking_id = await world.book(offer_of(ticket_leg(BUS, price, 1)), method=TAKES_BACK)
    await world.advance(booking_id)
    await later(world, hours=2).advance(booking_id)
    assert await world.story(booking_id) == "settled | bus ended | captured"
    return booking_id


async def lose_whole(world: World, cents: int) -> Dispute:
    """Of the only charge there is, whatever of it went back before."""
    now = world.desk.clock()
    (hold,) = await do(world, lambda tx: tx.scalars(select(payment.c.hold_id)))
    lost = Dispute("du_1", hold, DisputeState.LOST, Money(cents), "fraudulent", now, None)
    await do(world, lambda tx: record_disputes(tx, [lost], now))
    return lost


async def test_a_grant_that_staff_gave_up_and_paid_by_hand_does_not_lessen_what_is_lost(
    city: World,
) -> None:
    booking_id = await _rode_disputed(city, 360)
    (leg,) = (await city.trip(booking_id)).legs
    await grant(city, booking_id, leg.id, 200)

    async def work() -> None:
        desk = city.desk
        await run_if_free(
            desk.engine, (STEP, booking_id), lambda key, _now: pay_goodwill(desk, key),
            worker="w", lease=desk.lease, now=desk.clock(), bury=BURY[STEP],
        )  # fmt: skip

    await work()
    by = {"actor": "rdr_otto", "reason": "paid by hand", "now": city.desk.clock()}
    await do(city, lambda tx: give_up(tx, STEP, booking_id, **by))
    lose(city)
    await reconciled(city)
    assert await owes(city, booking_id) == "arrears 360, refused: dispute_lost"
    await do(city, lambda tx: retry(tx, STEP, booking_id, **by))
    await work()
    assert await do(city, list_stuck) == []
    assert (await city.books()).get("goodwill_refunds:EUR", 0) == 0


async def test_a_rebate_that_was_refused_lessens_what_is_lost(town: World) -> None:
    """9.00 under a ceiling of 8.00: the bank took back the one euro that was hers, too."""
    first = await _rode_disputed(town, 900)
    with pytest.raises(PaymentStuckError, match=r"1\.00 EUR \(charge_disputed\)"):
        await cap_day(town.desk, first)
    second = await rode(town, 360)
    await cap_day(town.desk, second)
    lose(town)
    await reconciled(town)
    assert await owes(town, first) == "arrears 800, refused: dispute_lost"
    assert await cap_day(town.desk, first) is None
    assert [await given_back(town, each) for each in (first, second)] == [100, 360]


async def test_a_rebate_that_waited_for_a_lost_dispute_is_made_when_that_is_won_after_all(
    town: World,
) -> None:
    trip = await _rode_disputed(town, 900)
    lose(town)
    await reconciled(town)
    assert await cap_day(town.desk, trip) is None
    assert await given_back(town, trip) == 0
    now = town.desk.clock()
    (found,) = await town.desk.gateway.list_disputes(since=now - timedelta(hours=1))
    await do(town, lambda tx: record_disputes(tx, [replace(found, state=DisputeState.WON)], now))
    await see_disputes(town.desk.engine, now)
    asked = await do(town, lambda tx: tx.exec_driver_sql("select kind, key from step"))
    assert ("cap_day", trip) in [tuple(row) for row in asked]


async def test_what_goes_back_after_a_lost_dispute_was_paid_again_goes_back_on_that_payment(
    town: World,
) -> None:
    trip = await _rode_disputed(town, 900)
    lose(town)
    await reconciled(town)
    await pay(town, trip)
    for _ in range(2):
        assert await cap_day(town.desk, trip) is None
    assert await shown(town, trip) == (
        "charge 900, later_charge 900, rebate 100, taken_back 900 | 900 - 100, 0 open"
    )


@pytest.mark.parametrize("bank", [DisputeState.LOST, DisputeState.WON])
async def test_no_more_is_granted_than_a_trip_cost_where_a_bank_took_back_all_of_it(
    town: World, bank: DisputeState
) -> None:
    """9.00 under a ceiling of 8.00: the bank took the euro too that had gone back. She paid again,
    also where the bank gave it back after that: then it is a person's to pay.
    """
    trip = await rode(town, 900)
    (leg,) = (await town.trip(trip)).legs
    await cap_day(town.desk, trip)
    lost = await lose_whole(town, 900)
    await pay(town, trip)
    now = town.desk.clock()
    await do(town, lambda tx: record_disputes(tx, [replace(lost, state=bank)], now))
    assert await grant(town, trip, leg.id) == Money(800)
    await pay_goodwill(town.desk, trip)
    assert [await given_back(town, trip), await granted(town, trip)] == [100, [800]]
