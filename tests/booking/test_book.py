"""Booking against the real processor and operator sandboxes, and a real database."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import httpx
import pytest
from sqlalchemy import text

from mobility.booking.at_once import advance_while_waiting, take
from mobility.booking.cancel import ask_to_cancel, preview
from mobility.booking.errors import NotEligibleError, OfferExpiredError
from mobility.booking.ride import ask_to_finish, ask_to_start
from mobility.booking.trip import BookingState
from mobility.db import transaction
from payments.money import Money
from tests.booking.world import (
    BIKE,
    CAR,
    World,
    bike_leg,
    car_leg,
    crashing_desk,
    offer_of,
    provider_of,
    walk_leg,
)
from tests.simulation.mortal import CrashError


async def booked(world: World, *legs: object) -> str:
    booking_id = await world.book(offer_of(*legs))  # type: ignore[arg-type]
    await world.advance(booking_id)
    return booking_id


async def ride(world: World, booking_id: str, minutes: int = 20) -> None:
    for leg in (await world.trip(booking_id)).provided:
        world.operators[leg.provider_id].ride(minutes, 3000)  # type: ignore[index]
        for ask in (ask_to_start, ask_to_finish):
            async with transaction(world.desk.engine) as tx:
                await ask(tx, booking_id, leg.id, world.desk.clock())
            await world.advance(booking_id)


async def test_a_bike_is_held_paid_confirmed_ridden_and_settled(world: World) -> None:
    booking_id = await booked(world, walk_leg(), bike_leg())
    assert await world.story(booking_id) == (
        "confirmed | walk planned, bike confirmed | authorised"
    )
    assert world.money(booking_id) == (400, 0)

    await ride(world, booking_id)

    assert await world.story(booking_id) == "settled | walk planned, bike ended | captured"
    assert (await world.trip(booking_id)).final == Money(200)
    assert world.money(booking_id) == (0, 200)


async def test_a_ride_whose_departure_is_long_over_is_not_booked(world: World) -> None:
    departs_at = world.desk.clock() - timedelta(minutes=11)
    with pytest.raises(OfferExpiredError, match="the departure of the bike from Hauptbahnhof at"):
        await world.book(offer_of(walk_leg(), replace(bike_leg(), departs_at=departs_at)))


def test_what_a_rider_lacks_is_said_in_whole_sentences() -> None:
    assert str(NotEligibleError(("Ab 21 Jahren.", "Mit Führerschein."))) == (
        "Ab 21 Jahren. Mit Führerschein."
    )


async def test_bike_and_car_are_one_booking_with_one_payment(world: World) -> None:
    booking_id = await booked(world, bike_leg(), car_leg())
    assert await world.story(booking_id) == (
        "confirmed | bike confirmed, car confirmed | authorised"
    )
    assert world.money(booking_id) == (1900, 0)


async def test_when_one_leg_is_refused_the_other_is_given_back_and_nothing_is_paid(
    world: World,
) -> None:
    world.operators[CAR].fault("book", "unavailable")
    booking_id = await booked(world, bike_leg(), car_leg())
    assert await world.story(booking_id) == "failed | bike cancelled, car failed | none"
    assert world.money(booking_id) == (0, 0)
    assert world.holders(BIKE, "hbf-01") == 0


async def test_a_declined_card_gives_every_vehicle_back(world: World) -> None:
    booking_id = await world.book(offer_of(bike_leg()), method="pm_card_chargeDeclined")
    await world.advance(booking_id)
    assert await world.story(booking_id) == "failed | bike cancelled | declined"
    assert world.holders(BIKE, "hbf-01") == 0


async def test_what_a_ride_costs_beyond_the_ceiling_is_owed_and_in_the_books(world: World) -> None:
    booking_id = await booked(world, bike_leg(ceiling=200))
    await ride(world, booking_id, minutes=120)
    assert await world.story(booking_id) == "settled | bike ended | captured"
    assert (await world.trip(booking_id)).final == Money(500)
    assert world.money(booking_id) == (0, 200)
    books = await world.books()
    assert books["rider_receivable:EUR"] == 300
    assert sum(minor for code, minor in books.items() if "demo-rad" in code) == -460


async def test_cancelling_before_the_ride_releases_everything(world: World) -> None:
    booking_id = await booked(world, bike_leg(), car_leg())
    now = world.desk.clock()
    terms = preview(await world.trip(booking_id), now)
    assert (terms.why_not, terms.refund, terms.kept) == (None, Money(1900), Money(0))
    async with transaction(world.desk.engine) as tx:
        assert await ask_to_cancel(tx, booking_id, now)
    await world.advance(booking_id)
    assert await world.story(booking_id) == "cancelled | bike cancelled, car cancelled | released"
    assert world.money(booking_id) == (0, 0)
    assert world.holders(BIKE, "hbf-01") == 0


async def test_cancelling_after_the_first_leg_pays_only_for_that(world: World) -> None:
    booking_id = await booked(world, bike_leg(), car_leg())
    bike = (await world.trip(booking_id)).provided[0]
    world.operators[BIKE].ride(10, 2000)
    for ask in (ask_to_start, ask_to_finish):
        async with transaction(world.desk.engine) as tx:
            await ask(tx, booking_id, bike.id, world.desk.clock())
        await world.advance(booking_id)
    async with transaction(world.desk.engine) as tx:
        await ask_to_cancel(tx, booking_id, world.desk.clock())
    await world.advance(booking_id)
    assert await world.story(booking_id) == "settled | bike ended, car cancelled | captured"
    assert world.money(booking_id) == (0, 150)


LEG_FAULTS = [
    ("book", "lost"),
    ("book", "error_after"),
    ("book", "twice"),
    ("book", "garbled"),
    ("commit", "lost"),
    ("commit", "error_after"),
    ("commit", "twice"),
]


@pytest.mark.parametrize(("operation", "fault"), LEG_FAULTS)
async def test_an_answer_that_got_lost_is_found_by_reading(
    world: World, operation: str, fault: str
) -> None:
    world.operators[BIKE].fault(operation, fault)
    booking_id = await booked(world, bike_leg())
    assert await world.story(booking_id) == "confirmed | bike confirmed | authorised"
    assert world.holders(BIKE, "hbf-01") == 1


async def test_two_riders_one_bike(world: World) -> None:
    """One gets it, the other gets nothing and pays nothing."""
    first, second = [
        await world.book(offer_of(bike_leg()), rider=rider) for rider in ("rdr_anna", "rdr_ben")
    ]
    await asyncio.gather(world.advance(first), world.advance(second))
    stories = sorted([await world.story(first), await world.story(second)])
    assert stories == [
        "confirmed | bike confirmed | authorised",
        "failed | bike failed | none",
    ]
    assert sorted([world.money(first), world.money(second)]) == [(0, 0), (400, 0)]


async def test_a_death_at_any_call_of_a_booking_ends_confirmed_with_one_hold(
    world: World,
) -> None:
    """The process dies at each edge of each call in turn; another takes over by reading."""
    vehicles = ("car-1", "car-2")
    for edge in range(1, 60):
        desk, met = crashing_desk(world.desk, edge)
        booking_id = await world.book(
            offer_of(bike_leg(), car_leg(vehicles[edge % 2])), rider=f"rdr_{edge}"
        )
        try:
            await replace(world, desk=desk).advance(booking_id)
        except CrashError:
            await world.advance(booking_id)
        assert await world.story(booking_id) == (
            "confirmed | bike confirmed, car confirmed | authorised"
        ), f"died at edge {edge}"
        assert world.money(booking_id) == (1900, 0), f"died at edge {edge}"
        async with transaction(world.desk.engine) as tx:
            await ask_to_cancel(tx, booking_id, world.desk.clock())
        await world.advance(booking_id)
        assert world.holders(BIKE, "hbf-01") == 0
        if met() < edge:
            return
    pytest.fail("a booking has more edges than were tried")


async def test_a_booking_goes_on_at_another_process_when_its_own_dies_before_the_first_call(
    world: World,
) -> None:
    """With a lease as long as a hold may stay undecided."""
    desk = replace(world.desk, lease=timedelta(seconds=10))
    booking_id = await world.book(offer_of(bike_leg()))
    async with transaction(desk.engine) as tx:
        assert await take(tx, desk, booking_id) is not None
    trip = await advance_while_waiting(
        desk, booking_id, until=lambda trip: trip.state is not BookingState.HELD, seconds=12
    )
    assert trip.state is BookingState.CONFIRMED
    assert world.holders(BIKE, "hbf-01") == 1


async def test_a_death_at_any_call_of_an_undoing_ends_failed_with_nothing_held(
    world: World,
) -> None:
    for edge in range(1, 60):
        desk, met = crashing_desk(world.desk, edge)
        booking_id = await world.book(
            offer_of(bike_leg()), rider=f"rdr_{edge}", method="pm_card_chargeDeclined"
        )
        try:
            await replace(world, desk=desk).advance(booking_id)
        except CrashError:
            await world.advance(booking_id)
        assert await world.story(booking_id) == "failed | bike cancelled | declined"
        assert world.holders(BIKE, "hbf-01") == 0
        if met() < edge:
            return
    pytest.fail("an undoing has more edges than were tried")


async def test_a_death_at_any_call_of_a_settlement_takes_the_price_once(world: World) -> None:
    for edge in range(1, 40):
        booking_id = await world.book(offer_of(bike_leg()), rider=f"rdr_{edge}")
        await world.advance(booking_id)
        leg = (await world.trip(booking_id)).provided[0]
        async with transaction(world.desk.engine) as tx:
            await ask_to_start(tx, booking_id, leg.id, world.desk.clock())
        await world.advance(booking_id)
        world.operators[BIKE].ride(20, 3000)
        async with transaction(world.desk.engine) as tx:
            await ask_to_finish(tx, booking_id, leg.id, world.desk.clock())
        desk, met = crashing_desk(world.desk, edge)
        try:
            await replace(world, desk=desk).advance(booking_id)
        except CrashError:
            await world.advance(booking_id)
        assert await world.story(booking_id) == "settled | bike ended | captured"
        assert world.money(booking_id) == (0, 200), f"died at edge {edge}"
        if met() < edge:
            return
    pytest.fail("a settlement has more edges than were tried")


async def test_a_price_that_the_published_tariff_does_not_give_is_not_charged(
    world: World,
) -> None:
    """The operator asks 2.00 EUR; by the tariff that we know, the ride costs 1.50 EUR."""
    sandbox = world.operators[BIKE]
    plan = sandbox.stanza.pricing_plan[0].model_copy(update={"price": Decimal("0.50")})
    cheaper = sandbox.stanza.model_copy(update={"pricing_plan": (plan,)})
    provider = provider_of(sandbox, cheaper, httpx.AsyncClient())
    desk = replace(world.desk, providers={**world.desk.providers, BIKE: provider})
    world = replace(world, desk=desk)
    booking_id = await booked(world, bike_leg())

    await ride(world, booking_id, minutes=20)

    assert world.money(booking_id) == (0, 150)
    async with transaction(world.desk.engine) as tx:
        claimed = await tx.scalar(text("select claimed_minor from leg"))
    assert claimed == 200
