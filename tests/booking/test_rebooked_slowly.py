"""A rebooking that takes its time: given up on the way, charged later, confirmed too late."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from mobility.booking.cancel import ask_to_cancel
from mobility.booking.collect import collect
from mobility.booking.errors import WrongStateError
from mobility.booking.extend import ask_to_extend
from mobility.booking.payment_view import get_standing
from mobility.booking.queries import get_any_booking
from mobility.booking.rebooked import bear_difference, find_deadline, list_given_up
from mobility.booking.ride import ask_to_finish, ask_to_start
from mobility.booking.trip import Aim
from mobility.booking.trips import mark_needs_attention, set_undo_aim
from payments.money import Money
from providers.values import ProviderId
from tests.booking.test_arrears import approve, owes
from tests.booking.test_give_back import give_back, lapse
from tests.booking.test_hard_luck import BUS, TicketOffice, changed, do, later, ticket_leg
from tests.booking.test_rebooked import back, booked, both, rebook
from tests.booking.trips import trip_of
from tests.booking.world import BIKE, World, bike_leg, offer_of

THREE_D = "pm_card_threeDSecure2Required"


@pytest.fixture
def town(world: World) -> World:
    offices: dict[ProviderId, Any] = {BUS: TicketOffice(BUS)}
    return changed(world, providers={**world.desk.providers, **offices})


async def test_who_cancels_the_new_one_before_it_is_confirmed_can_rebook_again(
    town: World,
) -> None:
    """At her bank's page she changes her mind: the old trip stands as if nothing had been asked."""
    old = await booked(town, ticket_leg(BUS, 360, 5))
    new = await rebook(town, old, 0, ticket_leg(BUS, 450, 10), method=THREE_D)
    await town.advance(new)
    assert (await both(town, old, new))[1] == "awaiting_payment | bus planned | requires_action"
    await do(town, lambda tx: ask_to_cancel(tx, new, town.desk.clock()))
    await town.advance(new)
    assert (await do(town, lambda tx: get_any_booking(tx, old))).rebooked_as is None
    again = await rebook(town, old, 0, ticket_leg(BUS, 450, 10))
    await town.advance(again)
    await town.advance(old)
    assert await both(town, old, again) == (
        "cancelled | bus cancelled | refunded",
        "confirmed | bus confirmed | captured",
    )


@pytest.mark.parametrize("stuck", [False, True])
async def test_what_staff_ends_before_it_is_confirmed_keeps_nobody_from_rebooking(
    town: World, stuck: bool
) -> None:
    old = await booked(town, ticket_leg(BUS, 360, 5))
    new = await rebook(town, old, 0, ticket_leg(BUS, 450, 10), method=THREE_D)
    await town.advance(new)
    if stuck:
        await do(town, lambda tx: mark_needs_attention(tx, new, town.desk.clock()))
    await give_back(town, new)
    await town.advance(new)
    assert await town.story(new) == "cancelled | bus cancelled | released"
    again = await rebook(town, old, 0, ticket_leg(BUS, 450, 10))
    await town.advance(again)
    await town.advance(old)
    assert await both(town, old, again) == (
        "cancelled | bus cancelled | refunded",
        "confirmed | bus confirmed | captured",
    )


async def test_what_staff_ends_while_it_fails_leaves_its_place_to_the_one_that_took_it(
    town: World,
) -> None:
    old = await booked(town, ticket_leg(BUS, 360, 5))
    fails = await rebook(town, old, 0, ticket_leg(BUS, 450, 10))
    await do(town, lambda tx: set_undo_aim(tx, fails, Aim.FAIL, town.desk.clock()))
    await do(town, lambda tx: mark_needs_attention(tx, fails, town.desk.clock()))
    new = await rebook(town, old, 0, ticket_leg(BUS, 450, 10))
    for booking_id in (new, old):
        await town.advance(booking_id)
    await give_back(town, fails)
    await town.advance(fails)
    assert await both(town, new, fails) == (
        "confirmed | bus confirmed | captured",
        "cancelled | bus cancelled | none",
    )
    assert (await do(town, lambda tx: get_any_booking(tx, old))).rebooked_as == new


async def test_what_staff_ends_once_it_is_confirmed_has_taken_the_others_place(
    town: World,
) -> None:
    old = await booked(town, ticket_leg(BUS, 360, 5))
    new = await rebook(town, old, 0, ticket_leg(BUS, 450, 10))
    await town.advance(new)
    await do(town, lambda tx: mark_needs_attention(tx, new, town.desk.clock()))
    await give_back(town, new)
    await town.advance(new)
    await town.advance(old)
    assert await both(town, old, new) == (
        "cancelled | bus cancelled | refunded",
        "cancelled | bus cancelled | refunded",
    )
    assert (await do(town, lambda tx: get_any_booking(tx, old))).rebooked_as == new


async def test_what_was_collected_later_goes_back_beyond_the_locked_price_too(
    town: World,
) -> None:
    """Her bank let the hold go, so that the ride was charged when it was over."""
    old = await booked(town, ticket_leg(BUS, 100, 5))
    new = await rebook(town, old, 0, bike_leg(ceiling=500, price=500))
    await town.advance(new)
    await lapse(town, new)
    payment_id = await rode_too_long(town, new)
    await collect(town.desk, payment_id)
    await town.advance(new)
    await bear_difference(town.desk, new)
    assert (await town.trip(new)).final == Money(500)
    assert await back(town, new) == 400
    books = await town.books()
    assert (books["rebooking_costs:EUR"], sum(books.values())) == (400, 0)


async def rode_too_long(world: World, booking_id: str) -> str:
    """Two hours by bike for 5.00; the payment that it is to be taken by."""
    world.operators[BIKE].ride(120, 3000)
    leg_id = (await world.trip(booking_id)).provided[0].id
    for ask in (ask_to_start, ask_to_finish):
        await do(world, lambda tx, ask=ask: ask(tx, booking_id, leg_id, world.desk.clock()))  # type: ignore[misc]
        await world.advance(booking_id)
    payment_id: str = (await do(world, lambda tx: get_any_booking(tx, booking_id))).payment_id
    return payment_id


async def test_what_is_too_little_to_be_collected_keeps_nothing_from_going_back(
    town: World,
) -> None:
    """Of 5.00 the hold had 4.60; nobody can charge 0.40, and 3.60 of the 4.60 are not hers."""
    old = await booked(town, ticket_leg(BUS, 100, 5))
    new = await rebook(town, old, 0, bike_leg(ceiling=460, price=460))
    await town.advance(new)
    payment_id = await rode_too_long(town, new)
    await bear_difference(town.desk, new)
    assert await back(town, new) == 0  # it may still be collected
    await do(town, lambda tx: tx.exec_driver_sql("delete from step where kind = 'bear_difference'"))
    await collect(town.desk, payment_id)
    asked = "select key from step where kind = 'bear_difference'"
    assert list(await do(town, lambda tx: tx.scalars(text(asked)))) == [new]
    await bear_difference(town.desk, new)
    assert await back(town, new) == 360


async def test_nothing_goes_back_of_what_was_never_charged(town: World) -> None:
    """Her bank let the hold go, and what is owed is too little to be charged."""
    old = await booked(town, ticket_leg(BUS, 100, 5))
    new = await rebook(town, old, 0, bike_leg(ceiling=500, price=500))
    await town.advance(new)
    await lapse(town, new)
    payment_id = await rode_too_long(town, new)
    for table, column in (("debt", "amount_minor"), ("payment", "receivable_minor")):
        little = f"update {table} set {column} = 40 where id = '{payment_id}'"
        await do(town, lambda tx, little=little: tx.exec_driver_sql(little))  # type: ignore[misc]
    await collect(town.desk, payment_id)
    assert await bear_difference(town.desk, new) is None
    assert await back(town, new) == 0


async def test_who_lets_her_bank_wait_until_the_old_ticket_ended_pays_no_more_than_was_locked(
    town: World,
) -> None:
    """It ended by the clock and stays paid; we bear the whole of the new one."""
    old = await booked(town, ticket_leg(BUS, 360, 1))
    new = await rebook(town, old, 0, ticket_leg(BUS, 450, 150), method=THREE_D)
    await town.advance(new)
    standing = await do(town, lambda tx: get_standing_of(tx, new))
    await later(town, hours=2).advance(old)
    assert await town.story(old) == "settled | bus ended | captured"
    approve(town, standing.redirect_url)
    await town.advance(new)
    assert await town.story(new) == "confirmed | bus confirmed | captured"
    after = later(town, hours=4)
    await after.advance(new)
    await bear_difference(after.desk, new)
    assert [await back(town, old), await back(town, new)] == [0, 450]


async def test_a_ticket_that_becomes_valid_while_her_bank_waits_is_not_given_back(
    town: World,
) -> None:
    """Bus 1 would miss bus 2; once it has left she may be aboard, and goes on from there."""
    old = await booked(town, ticket_leg(BUS, 360, 3), ticket_leg(BUS, 200, 20))
    leaves = (await town.trip(old)).legs[0].departs_at
    late = await rebook(town, old, 0, ticket_leg(BUS, 450, 30), method=THREE_D, certain_by=leaves)
    await town.advance(late)
    assert (await town.trip(late)).expires_at == leaves
    standing = await do(town, lambda tx: get_standing_of(tx, late))
    approve(town, standing.redirect_url)
    then = later(town, minutes=3)
    await then.advance(late)
    await then.advance(old)
    assert await both(then, old, late) == (
        "confirmed | bus confirmed, bus confirmed | captured",
        "failed | bus cancelled | released",
    )
    new = await rebook(then, old, 1, ticket_leg(BUS, 450, 30))
    await then.advance(new)
    await then.advance(old)
    assert await both(then, old, new) == (
        "confirmed | bus confirmed, bus cancelled | captured",
        "confirmed | bus confirmed | captured",
    )


async def test_what_is_to_be_given_up_is_not_begun_while_her_bank_waits(town: World) -> None:
    """She would keep its ticket, and pay for it beside the price that was locked with it."""
    old = await booked(town, ticket_leg(BUS, 360, 3), ticket_leg(BUS, 200, 20))
    new = await rebook(town, old, 1, ticket_leg(BUS, 450, 30), method=THREE_D)
    await town.advance(new)
    kept, missed = (leg.id for leg in (await town.trip(old)).legs)
    with pytest.raises(WrongStateError, match=f"is being rebooked as {new}"):
        await do(town, lambda tx: ask_to_start(tx, old, missed, town.desk.clock()))
    assert await do(town, lambda tx: ask_to_start(tx, old, kept, town.desk.clock()))
    record = await do(town, lambda tx: get_any_booking(tx, old))
    assert record.rebooked_from_leg == missed
    await do(town, lambda tx: ask_to_cancel(tx, new, town.desk.clock()))
    assert await do(town, lambda tx: ask_to_start(tx, old, missed, town.desk.clock()))


async def test_what_is_to_be_certain_by_a_time_is_not_held_for_longer(town: World) -> None:
    old = await booked(town, ticket_leg(BUS, 360, 5))
    new = await rebook(town, old, 0, ticket_leg(BUS, 450, 30), method=THREE_D)
    await town.advance(new)
    with pytest.raises(WrongStateError):
        await do(town, lambda tx: ask_to_extend(tx, new, timedelta(minutes=10), town.desk.clock()))


@pytest.mark.parametrize(
    ("legs", "disturbed", "by_word", "expected"),
    [
        ("bus confirmed, bus confirmed, bus confirmed", 1, False, 0),
        ("bus confirmed, bus confirmed, bus confirmed", 0, False, None),  # a carrier's word
        ("bike confirmed, bus confirmed", 1, False, None),  # whoever unlocks it keeps it
        ("bike cancelled, bus confirmed, bus confirmed", 0, True, 1),
        ("bus cancelled, bike confirmed", 0, True, None),
    ],
)
def test_by_when_it_is_to_be_certain(
    legs: str, disturbed: int, by_word: bool, expected: int | None
) -> None:
    trip = trip_of(f"{legs} | captured", state="confirmed")
    given_up = list_given_up(trip, trip.legs[0].id)
    found = find_deadline(given_up, trip.legs[disturbed], by_word=by_word)
    assert found == (None if expected is None else trip.legs[expected].departs_at)


async def get_standing_of(tx: Any, booking_id: str) -> Any:
    record = await get_any_booking(tx, booking_id)
    return await get_standing(tx, record.payment_id, "EUR")


async def test_rebooked_twice_a_ride_dearer_than_expected_costs_no_more_than_at_first(
    town: World,
) -> None:
    """6.00 for a bus; instead a bike for 4.00, which comes to 5.00, and a bus, itself missed."""
    first = await booked(town, ticket_leg(BUS, 600, 5))
    bike, missed = bike_leg(price=400, ceiling=900), ticket_leg(BUS, 250, 40)
    second = await rebook(town, first, 0, bike, missed)
    await town.advance(second)
    ridden = (await town.trip(second)).legs[0].id
    await do(town, lambda tx: ask_to_start(tx, second, ridden, town.desk.clock()))
    await town.advance(second)
    third = await rebook(town, second, 1, ticket_leg(BUS, 300, 50))
    await town.advance(third)
    town.operators[BIKE].ride(120, 3000)
    await do(town, lambda tx: ask_to_finish(tx, second, ridden, town.desk.clock()))
    then = later(town, hours=2)
    for booking_id in (first, second, third):
        await then.advance(booking_id)
        await bear_difference(then.desk, booking_id)
    kept = [(await town.trip(each)).kept.minor for each in (first, second, third)]
    gone_back = [await back(town, each) for each in (first, second, third)]
    assert (kept, gone_back) == ([0, 500, 300], [0, 100, 100])


@pytest.mark.parametrize(("spend_ceiling", "most"), [(460, 200), (500, 240), (None, None)])
async def test_her_own_ceiling_goes_over_to_what_takes_the_place_of_her_trip(
    town: World, spend_ceiling: int | None, most: int | None
) -> None:
    """Buses of 3.60 and 1.00; in place of the latter one bike of 2.00, and then another one, which
    she rides for 5.00.

    At her own 5.00, 0.40 are left beyond what is locked; nothing beyond the hold is taken.
    """
    legs = (ticket_leg(BUS, 360, 5), ticket_leg(BUS, 100, 20))
    old = await town.book(offer_of(*legs), spend_ceiling=spend_ceiling)
    await town.advance(old)
    new = await rebook(town, old, 1, bike_leg(ceiling=200, price=150))
    await town.advance(new)
    new = await rebook(town, new, 0, bike_leg("hbf-02", ceiling=200, price=150))
    await town.advance(new)
    assert town.money(new) == (200, 0)
    assert (await town.row(new)).spend_ceiling_minor == most
    await rode_too_long(town, new)
    refused = "open 300" if most is None else "arrears 300, refused: spend_ceiling"
    assert await owes(town, new) == refused
