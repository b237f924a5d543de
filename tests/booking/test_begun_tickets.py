"""A ticket that is begun before its bus has left: its rider loses and gains nothing by it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from mobility.booking.asks import mark_sent
from mobility.booking.cancel import ask_to_cancel
from mobility.booking.errors import WrongStateError
from mobility.booking.leg_reports import Kind
from mobility.booking.legs import Answer, LegCall, record_answer
from mobility.booking.problem import Problem, report_problem
from mobility.booking.ride import ask_to_finish, ask_to_start
from mobility.booking.trip import Ask, AskState
from mobility.booking.trips import order_of
from payments.money import Money
from providers.errors import RefusedError
from providers.values import LegOrder, Reservation
from tests.booking.test_hard_luck import (
    BUS,
    FERRY,
    TicketOffice,
    Unlike,
    ask,
    booked,
    cancel,
    changed,
    city,
    do,
    later,
    ticket_leg,
)
from tests.booking.test_rebooked import both, rebook
from tests.booking.world import BIKE, World, bike_leg, crashing_desk
from tests.simulation.mortal import CrashError

__all__ = ["city"]
THREE_D = "pm_card_threeDSecure2Required"


async def begun(world: World, *legs: Any) -> str:
    """A trip of which every ticket is begun at home."""
    booking_id = await booked(world, *legs)
    for number, leg in enumerate((await world.trip(booking_id)).provided):
        if not leg.scarce:
            await ask(world, ask_to_start, booking_id, number)
    await world.advance(booking_id)
    return booking_id


async def test_a_ticket_that_was_begun_at_home_can_be_cancelled_until_it_is_valid(
    city: World,
) -> None:
    booking_id = await booked(city, ticket_leg(BUS, 360, 5))
    await ask(city, ask_to_start, booking_id)
    await city.advance(booking_id)
    assert await city.story(booking_id) == "active | bus active | captured"
    with pytest.raises(WrongStateError, match="every leg has been used"):
        await cancel(later(city, minutes=5), booking_id)
    await cancel(city, booking_id)
    await city.advance(booking_id)
    assert await city.story(booking_id) == "cancelled | bus cancelled | refunded"
    with pytest.raises(WrongStateError, match="cancelled"):
        await ask(city, ask_to_finish, booking_id)


async def test_what_was_begun_at_home_is_kept_where_its_ticket_became_valid_meanwhile(
    city: World,
) -> None:
    """She cancels, and the process dies before it asks; she may have shown it since."""
    real = TicketOffice(BUS)

    async def cancelled(_order: LegOrder, _now: datetime) -> Reservation:
        raise RefusedError(BUS, "valid already")

    office: Any = Unlike(real, cancel=cancelled)
    town = changed(city, providers={**city.desk.providers, BUS: office})
    booking_id = await booked(town, ticket_leg(BUS, 360, 5))
    await ask(town, ask_to_start, booking_id)
    await town.advance(booking_id)
    await cancel(town, booking_id)
    then = later(town, minutes=6)
    await then.advance(booking_id)
    assert await town.story(booking_id) == "active | bus active | captured"
    await later(town, hours=2).advance(booking_id)
    assert await town.story(booking_id) == "settled | bus ended | captured"


async def test_of_a_trip_begun_at_home_what_is_not_valid_yet_is_given_back(city: World) -> None:
    booking_id = await booked(city, ticket_leg(BUS, 360, 1), ticket_leg(FERRY, 200, 30))
    for number in (0, 1):
        await ask(city, ask_to_start, booking_id, number)
        await city.advance(booking_id)
    then = later(city, minutes=3)
    await cancel(then, booking_id)
    await then.advance(booking_id)
    assert await city.story(booking_id) == "active | bus active, bus cancelled | captured"
    assert (await city.trip(booking_id)).kept == Money(560)  # until the rest is over
    await later(city, hours=2).advance(booking_id)
    assert (await city.trip(booking_id)).kept == Money(360)


async def test_it_is_rebooked_whole_when_its_bus_does_not_come(city: World) -> None:
    old = await begun(city, ticket_leg(BUS, 360, 5), ticket_leg(FERRY, 200, 30), bike_leg())
    assert await city.story(old) == "active | bus active, bus active, bike confirmed | authorised"
    new = await rebook(city, old, 0, ticket_leg(BUS, 900, 10))
    await city.advance(new)
    await city.advance(old)
    assert await both(city, old, new) == (
        "cancelled | bus cancelled, bus cancelled, bike cancelled | released",
        "confirmed | bus confirmed | captured",
    )
    assert (await city.trip(new)).locked == Money(360 + 200 + 150)
    assert city.holders(BIKE, "hbf-01") == 0


async def test_what_became_valid_since_is_void_and_paid_back_when_its_bus_does_not_come(
    city: World,
) -> None:
    old = await begun(city, ticket_leg(BUS, 360, 1))
    then = later(city, minutes=3)
    new = await rebook(then, old, 0, ticket_leg(BUS, 360, 10))
    await then.advance(new)
    await then.advance(old)
    assert await both(city, old, new) == (
        "settled | bus ended | refunded",
        "confirmed | bus confirmed | captured",
    )


async def test_what_is_being_rebooked_is_neither_begun_nor_finished(city: World) -> None:
    old = await begun(city, ticket_leg(BUS, 360, 5))
    new = await rebook(city, old, 0, ticket_leg(BUS, 450, 10), method=THREE_D)
    await city.advance(new)
    with pytest.raises(WrongStateError, match="is being rebooked"):
        await ask(city, ask_to_finish, old)
    await do(city, lambda tx: ask_to_cancel(tx, new, city.desk.clock()))
    await city.advance(new)
    await ask(city, ask_to_finish, old)
    await city.advance(old)
    assert await city.story(old) == "settled | bus ended | captured"


@pytest.mark.parametrize("minutes", [0, 6])
async def test_a_tap_that_is_under_way_when_its_ticket_is_given_up_is_forgotten(
    city: World, minutes: int
) -> None:
    """Its answer comes after that, and does not bring the ticket back."""
    old = await booked(city, ticket_leg(BUS, 360, 5))
    await ask(city, ask_to_start, old)
    trip = await city.trip(old)
    leg = trip.legs[0]
    await do(city, lambda tx: mark_sent(tx, old, leg.id, Ask.START, city.desk.clock()))
    then = later(city, minutes=minutes)
    new = await rebook(then, old, 0, ticket_leg(BUS, 450, 10))
    await then.advance(new)
    order = order_of(trip, leg, "rp")
    found = await TicketOffice(BUS).start(order, then.desk.clock())
    late = Answer(LegCall(old, leg.id, Ask.START, order, False), AskState.DONE, found)
    await do(city, lambda tx: record_answer(tx, late, then.desk.clock()))
    await then.advance(old)
    story = "settled | bus ended | refunded" if minutes else "cancelled | bus cancelled | refunded"
    assert await both(city, old, new) == (story, "confirmed | bus confirmed | captured")


async def test_a_death_at_any_call_ends_with_the_new_one_and_without_what_was_begun(
    city: World,
) -> None:
    for edge in range(1, 40):
        old = await begun(city, ticket_leg(BUS, 360, 1), bike_leg())
        new = await rebook(city, old, 0, ticket_leg(BUS, 450, 20))
        desk, met = crashing_desk(city.desk, edge)
        dying = changed(city)
        dying.desk = desk
        for booking_id in (new, old):
            try:
                await dying.advance(booking_id)
            except CrashError:
                await city.advance(booking_id)
        assert await both(city, old, new) == (
            "cancelled | bus cancelled, bike cancelled | released",
            "confirmed | bus confirmed | captured",
        ), f"died at edge {edge}"
        assert city.holders(BIKE, "hbf-01") == 0
        if met() < edge:
            return
    pytest.fail("a rebooking has more edges than were tried")


async def test_a_death_at_any_call_gives_back_what_was_begun_once(city: World) -> None:
    for edge in range(1, 20):
        booking_id = await begun(city, ticket_leg(BUS, 360, 5))
        desk, met = crashing_desk(city.desk, edge)
        dying = changed(city)
        dying.desk = desk
        await cancel(city, booking_id)
        try:
            await dying.advance(booking_id)
        except CrashError:
            await city.advance(booking_id)
        assert await city.story(booking_id) == "cancelled | bus cancelled | refunded"
        assert (await city.trip(booking_id)).kept == Money(0)
        if met() < edge:
            return
    pytest.fail("a cancellation has more edges than were tried")


async def test_it_is_reported_as_if_it_was_not_begun(city: World) -> None:
    booking_id = await begun(city, ticket_leg(BUS, 360, 5))
    leg = (await city.trip(booking_id)).legs[0]
    problem, now = Problem(Kind.OTHER), city.desk.clock()
    report = await do(city, lambda tx: report_problem(tx, booking_id, leg.id, problem, now))
    await city.advance(booking_id)
    assert (report.outcome, await city.story(booking_id)) == (
        "given_back", "cancelled | bus cancelled | refunded",
    )  # fmt: skip
