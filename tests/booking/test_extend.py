"""A rider has her booking held for longer: once, and only if everybody holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.booking.errors import WrongStateError
from mobility.booking.extend import ask_to_extend
from mobility.booking.queries import get_any_booking, list_open_bookings
from mobility.booking.states import decide
from mobility.booking.trip import Ask
from mobility.sale_stops import NotSoldError
from tests.booking.test_arrears import ANNA, approve, owes, pay, ride_too_long, standing
from tests.booking.test_hard_luck import changed, do, later
from tests.booking.test_sale_stops import EVERYTHING, stop
from tests.booking.trips import NOON, asked, text_of, trip_of
from tests.booking.world import BIKE, CAR, World, bike_leg, car_leg, offer_of

LONGER = timedelta(minutes=10)
THREE_D = "pm_card_threeDSecure2Required"


def test_a_hold_is_extended_while_it_is_paid_and_an_old_wish_is_only_read() -> None:
    trip = trip_of("bike held | requires_action", asked={0: {Ask.EXTEND: asked("planned", 0)}})
    assert text_of(decide(trip, NOON)) == "awaiting_payment travel: extend leg_0, authorise"
    late = decide(trip, NOON + timedelta(seconds=31))
    assert text_of(late) == "awaiting_payment travel: extend leg_0 (only read), authorise"
    assert text_of(decide(trip, trip.expires_at)) == "held fail: because payment-abandoned"


def test_a_vehicle_that_is_paid_waits_for_its_rider_for_longer() -> None:
    trip = trip_of("bike confirmed | authorised", state="confirmed")
    until = NOON + timedelta(minutes=30)
    trip = replace(trip, legs=(replace(trip.legs[0], kept_until=until),))
    assert decide(trip, NOON + timedelta(minutes=20)).wake_at == until
    assert text_of(decide(trip, until)) == "confirmed travel: cancel leg_0"


async def extend(world: World, booking_id: str) -> None:
    await do(world, lambda tx: ask_to_extend(tx, booking_id, LONGER, world.desk.clock()))
    await world.advance(booking_id)


async def waiting(world: World, *, both: bool = False) -> tuple[str, datetime]:
    """A booking that waits for the rider's bank, and until when it is held."""
    legs = (bike_leg(), car_leg()) if both else (bike_leg(),)
    booking_id = await world.book(offer_of(*legs), method=THREE_D)
    await world.advance(booking_id)
    trip = await world.trip(booking_id)
    assert trip.state == "awaiting_payment"
    return booking_id, trip.expires_at


async def ends_later_by(world: World, booking_id: str, before: datetime) -> timedelta:
    return (await world.trip(booking_id)).expires_at - before


async def test_while_it_is_paid_operator_and_booking_hold_for_longer(world: World) -> None:
    booking_id, before = await waiting(world)
    for sandbox in world.operators.values():
        sandbox.advance(240)  # so that what it grants is later
    at = later(world, minutes=4)
    await extend(at, booking_id)
    leg = (await world.trip(booking_id)).legs[0]
    assert (leg.asked[Ask.EXTEND].state, leg.asked[Ask.EXTEND].error) == ("done", None)
    assert timedelta(minutes=3) < await ends_later_by(world, booking_id, before) <= LONGER
    with pytest.raises(WrongStateError, match="once already"):
        await extend(at, booking_id)


@pytest.mark.parametrize("fault", ["lost", "error_after", "garbled"])
async def test_an_answer_that_is_lost_is_read_and_not_asked_for_again(
    world: World, fault: str
) -> None:
    booking_id, before = await waiting(world)
    world.operators[BIKE].advance(240)
    world.operators[BIKE].fault("extend", fault)
    await extend(later(world, minutes=4), booking_id)
    leg = (await world.trip(booking_id)).legs[0]
    assert (leg.asked[Ask.EXTEND].state, leg.asked[Ask.EXTEND].attempts) == ("done", 2)
    assert await ends_later_by(world, booking_id, before) > timedelta(0)


async def test_where_one_operator_refuses_the_booking_ends_as_before(world: World) -> None:
    booking_id, before = await waiting(world, both=True)
    for sandbox in world.operators.values():
        sandbox.advance(240)
    world.operators[CAR].fault("extend", "refuse")
    await extend(later(world, minutes=4), booking_id)
    assert await ends_later_by(world, booking_id, before) == timedelta(0)
    bike, car = (await world.trip(booking_id)).legs
    assert (bike.asked[Ask.EXTEND].state, car.asked[Ask.EXTEND].state) == ("done", "refused")
    assert (await world.trip(booking_id)).state == "awaiting_payment"


async def test_what_an_operator_refused_may_be_asked_again_and_of_it_alone(world: World) -> None:
    booking_id, before = await waiting(world, both=True)
    for sandbox in world.operators.values():
        sandbox.advance(240)
    world.operators[CAR].fault("extend", "refuse")
    at = later(world, minutes=4)
    await extend(at, booking_id)
    record = await do(world, lambda tx: get_any_booking(tx, booking_id))
    assert record.extended_to is None
    await extend(at, booking_id)
    bike, car = (await world.trip(booking_id)).legs
    assert [leg.asked[Ask.EXTEND].state for leg in (bike, car)] == ["done", "done"]
    assert bike.asked[Ask.EXTEND].attempts == 1
    assert timedelta(minutes=3) < await ends_later_by(world, booking_id, before) <= LONGER
    with pytest.raises(WrongStateError, match="once already"):
        await extend(at, booking_id)


async def test_a_paid_bike_is_kept_past_the_time_at_which_it_is_given_back(world: World) -> None:
    booking_id = await world.book(offer_of(bike_leg()))
    await world.advance(booking_id)
    await extend(world, booking_id)
    await later(world, minutes=25).advance(booking_id)
    assert await world.story(booking_id) == "confirmed | bike confirmed | authorised"
    await later(world, minutes=31).advance(booking_id)
    assert await world.story(booking_id) == "cancelled | bike cancelled | released"


async def test_what_has_run_out_or_has_begun_is_not_held_for_longer(world: World) -> None:
    booking_id, expires_at = await waiting(world)
    after = changed(world, clock=lambda: expires_at)
    with pytest.raises(WrongStateError, match="cannot be held"):
        await extend(after, booking_id)


async def test_it_is_held_for_longer_also_while_nothing_is_sold_and_its_rider_owes(
    world: World,
) -> None:
    """Until then nothing of her is erased; afterwards nothing keeps her."""
    booking_id = await world.book(offer_of(bike_leg("hbf-02")), method=THREE_D)
    await world.advance(booking_id)
    before = (await world.trip(booking_id)).expires_at
    owing = await ride_too_long(world, spend_ceiling=200)
    assert await owes(world, owing) == "arrears 300, refused: spend_ceiling"
    await stop(world, EVERYTHING)
    world.operators[BIKE].advance(240)
    at = later(world, minutes=4)
    await extend(at, booking_id)
    assert await ends_later_by(world, booking_id, before) > timedelta(minutes=3)
    approve(world, (await standing(world, booking_id)).redirect_url)
    await at.advance(booking_id)
    assert await world.story(booking_id) == "confirmed | bike confirmed | authorised"
    with pytest.raises(WrongStateError, match="once already"):
        await extend(at, booking_id)
    with pytest.raises(NotSoldError):
        await world.book(offer_of(bike_leg()))
    assert sorted(await do(world, at_stake)) == sorted([booking_id, owing])
    await later(world, minutes=31).advance(booking_id)
    assert await world.story(booking_id) == "cancelled | bike cancelled | released"
    assert await do(world, at_stake) == [owing]
    await pay(world, owing)
    assert await do(world, at_stake) == []


async def at_stake(tx: AsyncConnection) -> list[str]:
    return await list_open_bookings(tx, ANNA)
