"""Staff ends a stuck booking: whatever it was stuck in, the rider is uncharged in the end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from mobility.audit import list_deeds
from mobility.booking.advance import advance
from mobility.booking.collect import list_owed
from mobility.booking.errors import NotFoundError, WrongStateError
from mobility.booking.give_back import ask_to_give_back
from mobility.booking.payment_view import get_standing
from mobility.booking.queries import get_booking
from mobility.booking.receipt import make_receipt
from mobility.booking.ride import ask_to_finish, ask_to_start
from mobility.booking.states import decide
from mobility.booking.trip import Aim, Ask, BookingState
from mobility.cities.city import load_city
from payments.errors import OutcomeUnknownError, PaymentStuckError, RefusedError
from payments.money import Money
from providers.errors import UnreachableError
from tests.booking.test_hard_luck import (
    BUS,
    FERRY,
    Unlike,
    ask,
    booked,
    cancel,
    changed,
    city,
    do,
    later,
    losing_captures,
    order_at_bike,
    ticket_leg,
)
from tests.booking.trips import NOON, asked, text_of, trip_of
from tests.booking.world import BIKE, CAR, World, bike_leg, car_leg, offer_of

__all__ = ["city"]
REFUSED = {0: {Ask.CANCEL: asked("refused", error="no")}}

MOVES = [
    ("bike planned", {}, "held give_back: dropped leg_0"),
    ("bike held, bus planned", {}, "held give_back: dropped leg_1"),
    ("bike held, bus cancelled | authorised", {}, "held give_back: cancel leg_0, release"),
    ("bus held, bike held | captured", {}, "held give_back: cancel leg_1, cancel leg_0, refund"),
    ("bike cancelled | open", {}, "held give_back: release"),
    ("bike ended | authorised", {}, "held give_back: release"),
    ("bike ended, bus ended | captured", {}, "held give_back: refund"),
    ("bike ended, bus ended | refunded", {}, "cancelled give_back: nothing"),
    ("bike ended, bus cancelled | declined", {}, "cancelled give_back: nothing"),
    ("bike active, bus confirmed | authorised", {}, "held give_back: cancel leg_1, release"),
    ("bike active | released", {}, "needs_attention give_back: nothing"),
    ("bike confirmed | authorised", REFUSED, "needs_attention give_back: cancel leg_0, release"),
    ("bike confirmed | released", REFUSED, "needs_attention give_back: cancel leg_0"),
    ("bus active | refunded", {}, "held give_back: cancel leg_0"),
    ("bus active | refunded", REFUSED, "cancelled give_back: nothing"),  # it is valid by now
]  # fmt: skip


@pytest.mark.parametrize(("trip", "asks", "move"), MOVES)
def test_next_move_of_what_is_given_back(trip: str, asks: Any, move: str) -> None:
    assert text_of(decide(trip_of(trip, aim="give_back", asked=asks), NOON)) == move


def test_a_ride_that_is_given_back_is_looked_at_until_it_has_ended() -> None:
    trip = trip_of("bike active | released", state="needs_attention", aim="give_back")
    assert decide(trip, NOON).wake_at == trip.legs[0].arrives_at + timedelta(minutes=5)


async def give_back(world: World, booking_id: str, reason: str = "ticket 4711") -> None:
    await do(
        world,
        lambda tx: ask_to_give_back(
            tx, booking_id, actor="rdr_otto", reason=reason, now=world.desk.clock()
        ),
    )


async def deeds(world: World) -> list[tuple[str, str, str]]:
    found = await do(world, lambda tx: list_deeds(tx, limit=10))
    return [(deed.action, deed.subject, deed.reason) for _, deed in found]


async def ledger(world: World) -> dict[str, int]:
    """What stands on each account that is not empty."""
    query = text("select account_code, sum(amount_minor) from entry group by 1 order by 1")
    rows = await do(world, lambda tx: tx.execute(query))
    return {code: int(minor) for code, minor in rows if minor}


async def ridden(world: World, booking_id: str) -> None:
    for asking in (ask_to_start, ask_to_finish):
        await ask(world, asking, booking_id)
        await world.advance(booking_id)


async def test_a_confirmed_booking_is_let_go(world: World) -> None:
    booking_id = await booked(world, bike_leg(), car_leg())
    await give_back(world, booking_id)
    await give_back(world, booking_id)
    await world.advance(booking_id)
    await give_back(world, booking_id)
    story = "cancelled | bike cancelled, car cancelled | released"
    assert await world.story(booking_id) == story
    assert world.money(booking_id) == (0, 0)
    assert (world.holders(BIKE, "hbf-01"), world.holders(CAR, "car-1")) == (0, 0)
    assert await deeds(world) == [("booking.give_back", booking_id, "ticket 4711")]


async def test_what_was_captured_comes_back_in_full_and_the_books_are_even(city: World) -> None:
    booking_id = await booked(city, ticket_leg(BUS, 360, 30), ticket_leg(FERRY, 210, 40))
    assert await city.story(booking_id) == "confirmed | bus confirmed, bus confirmed | captured"
    await give_back(city, booking_id)
    await city.advance(booking_id)
    assert await city.story(booking_id) == "cancelled | bus cancelled, bus cancelled | refunded"
    assert await ledger(city) == {}


async def test_a_ride_that_was_ridden_costs_nothing_and_the_receipt_says_so(world: World) -> None:
    """Its capture was refused, which leaves an authorisation that must not stay."""

    async def capture_hold(*_hold: object, **_more: object) -> None:
        raise RefusedError("this card cannot be captured", "card_error")

    booking_id = await booked(world, bike_leg())
    strict = changed(world, gateway=Unlike(world.desk.gateway, capture_hold=capture_hold))
    await ask(world, ask_to_start, booking_id)
    await world.advance(booking_id)
    world.operators[BIKE].ride(20, 3000)
    await ask(strict, ask_to_finish, booking_id)
    with pytest.raises(PaymentStuckError):
        await strict.advance(booking_id)
    assert await world.story(booking_id) == "needs_attention | bike ended | authorised"
    await give_back(strict, booking_id)
    await strict.advance(booking_id)
    assert await world.story(booking_id) == "cancelled | bike ended | released"
    assert world.money(booking_id) == (0, 0)
    record = await do(world, lambda tx: get_booking(tx, "rdr_anna", booking_id))
    paid = await do(world, lambda tx: get_standing(tx, record.payment_id, "EUR"))
    receipt = make_receipt(record, paid, (), load_city("luebeck"))
    assert (receipt.total, receipt.outstanding) == (Money(0), Money(0))
    assert [line.calculation for line in receipt.lines] == [("erlassen",)]


async def test_a_ride_that_is_still_ridden_is_watched_with_the_money_back(world: World) -> None:
    booking_id = await booked(world, bike_leg())
    await ask(world, ask_to_start, booking_id)
    await world.advance(booking_id)
    await give_back(world, booking_id)
    await world.advance(booking_id)
    assert await world.story(booking_id) == "needs_attention | bike active | released"
    leg = (await world.trip(booking_id)).provided[0]
    order = await order_at_bike(world, booking_id, leg.id)
    await world.desk.providers[BIKE].finish(order, world.desk.clock())
    await later(world, minutes=16).advance(booking_id)
    assert await world.story(booking_id) == "cancelled | bike ended | released"


async def test_its_rider_can_still_lock_the_bike(world: World) -> None:
    booking_id = await booked(world, bike_leg())
    await ask(world, ask_to_start, booking_id)
    await world.advance(booking_id)
    await give_back(world, booking_id)
    await world.advance(booking_id)
    await ask(world, ask_to_finish, booking_id)
    await world.advance(booking_id)
    assert await world.story(booking_id) == "cancelled | bike ended | released"


async def test_money_does_not_wait_for_an_operator_that_is_away(world: World) -> None:
    booking_id = await booked(world, bike_leg())

    async def away(*_order: object) -> None:
        raise UnreachableError(BIKE, "no connection")

    silent = Unlike(world.desk.providers[BIKE], cancel=away, find_reservation=away)
    offline = changed(world, providers={**world.desk.providers, BIKE: silent})
    await give_back(offline, booking_id)
    await advance(offline.desk, booking_id)
    assert world.money(booking_id) == (0, 0)
    assert (await world.trip(booking_id)).state is BookingState.CONFIRMED
    late = later(offline, minutes=11)
    await advance(late.desk, booking_id)
    assert await world.story(booking_id) == "needs_attention | bike confirmed | released"
    await later(world, minutes=12).advance(booking_id)
    assert await world.story(booking_id) == "cancelled | bike cancelled | released"
    assert world.holders(BIKE, "hbf-01") == 0


async def test_a_capture_of_unknown_outcome_is_found_and_refunded(city: World) -> None:
    booking_id = await city.book(offer_of(ticket_leg(BUS, 360, 30)))
    await advance(losing_captures(city).desk, booking_id)
    await give_back(city, booking_id)
    await city.advance(booking_id)
    assert await city.story(booking_id) == "cancelled | bus cancelled | refunded"
    assert await ledger(city) == {}


@pytest.mark.parametrize("lapsed", [False, True])
async def test_what_was_used_beyond_the_hold_is_forgiven(world: World, lapsed: bool) -> None:
    """The ride costs more than the hold, its capture is not answered, and then staff steps in."""
    booking_id = await booked(world, bike_leg(ceiling=200))
    await ask(world, ask_to_start, booking_id)
    await world.advance(booking_id)
    world.operators[BIKE].ride(95, 9000)
    await ask(world, ask_to_finish, booking_id)
    lost = losing_captures(world)
    if lapsed:
        await lapse(world, booking_id)
        lost = unanswered_captures(world)
    await advance(lost.desk, booking_id)
    assert (await world.trip(booking_id)).final > Money(200)
    await give_back(world, booking_id)
    await world.advance(booking_id)
    end = "released" if lapsed else "refunded"
    assert await world.story(booking_id) == f"cancelled | bike ended | {end}"
    assert await ledger(world) == {}
    assert (await world.trip(booking_id)).owed == Money(0)
    assert await do(world, lambda tx: list_owed(tx, "rdr_anna")) == []
    kinds = await do(world, lambda tx: tx.scalars(text("select kind from step")))
    assert "collect_debt" not in list(kinds)


async def lapse(world: World, booking_id: str) -> None:
    """Let the card's issuer take the authorisation back."""
    query = text("select hold_id from payment where booking_id = :booking")
    hold_id = await do(world, lambda tx: tx.scalar(query, {"booking": booking_id}))
    await world.desk.gateway.release_hold(hold_id, key=f"{hold_id} lapsed")


def unanswered_captures(world: World) -> World:
    async def capture_hold(*_hold: object, **_more: object) -> None:
        raise OutcomeUnknownError("no answer")

    gateway = Unlike(world.desk.gateway, capture_hold=capture_hold, get_hold=capture_hold)
    return changed(world, gateway=gateway)


async def test_a_partial_refund_under_way_comes_first(city: World) -> None:
    booking_id = await booked(city, ticket_leg(BUS, 360, 1), ticket_leg(FERRY, 210, 30))
    soon = later(city, seconds=65)
    await cancel(soon, booking_id)
    await soon.advance(booking_id)
    real = city.desk.gateway

    async def refund_hold(*_hold: object, **_more: object) -> None:
        raise OutcomeUnknownError("the answer was lost")

    tonight = later(city, hours=3)
    lost = changed(tonight, gateway=Unlike(real, refund_hold=refund_hold))
    await advance(lost.desk, booking_id)
    assert (await city.trip(booking_id)).state is BookingState.COMPLETED
    await give_back(tonight, booking_id)
    await tonight.advance(booking_id)
    assert await city.story(booking_id) == "cancelled | bus ended, bus cancelled | refunded"
    assert await ledger(city) == {}


async def test_a_refund_that_was_refused_is_tried_again_each_time_staff_asks(city: World) -> None:
    booking_id = await booked(city, ticket_leg(BUS, 360, 30))
    tries = 0

    async def refund_hold(*_hold: object, **_more: object) -> None:
        nonlocal tries
        tries += 1
        raise RefusedError("there is not enough money in the account", "balance_insufficient")

    poor = changed(city, gateway=Unlike(city.desk.gateway, refund_hold=refund_hold))
    for attempt in (1, 2):
        await give_back(poor, booking_id, f"try {attempt}")
        with pytest.raises(PaymentStuckError):
            await poor.advance(booking_id)
        with pytest.raises(PaymentStuckError):
            await poor.advance(booking_id)
        assert tries == attempt
    assert (await city.trip(booking_id)).state is BookingState.NEEDS_ATTENTION
    await give_back(city, booking_id, "there is now")
    await city.advance(booking_id)
    assert await city.story(booking_id) == "cancelled | bus cancelled | refunded"
    assert [reason for _, _, reason in await deeds(city)] == ["there is now", "try 2", "try 1"]


async def test_of_refunds_that_were_refused_the_last_one_is_tried_again(city: World) -> None:
    """2.00 of the second bus, and then 5.60 with them in it: the processor takes them all now."""
    booking_id = await booked(city, ticket_leg(BUS, 360, 1), ticket_leg(BUS, 200, 60))
    then, tonight = later(city, minutes=3), later(city, hours=2)
    await then.advance(booking_id)
    await cancel(then, booking_id)
    await then.advance(booking_id)

    async def refund_hold(*_hold: object, **_more: object) -> None:
        raise RefusedError("this charge cannot be refunded", "charge_disputed")

    refusing = changed(tonight, gateway=Unlike(city.desk.gateway, refund_hold=refund_hold))
    with pytest.raises(PaymentStuckError):
        await refusing.advance(booking_id)
    for _ in range(2):
        await give_back(refusing, booking_id)
        with pytest.raises(PaymentStuckError):
            await refusing.advance(booking_id)
    await give_back(tonight, booking_id)
    await tonight.advance(booking_id)
    assert await city.story(booking_id) == "cancelled | bus ended, bus cancelled | refunded"
    assert await ledger(city) == {}


async def test_what_is_over_is_not_given_back(world: World) -> None:
    booking_id = await booked(world, bike_leg())
    await ridden(world, booking_id)
    assert (await world.trip(booking_id)).state is BookingState.SETTLED
    with pytest.raises(WrongStateError, match="settled"):
        await give_back(world, booking_id)
    with pytest.raises(NotFoundError):
        await give_back(world, "bkg_nobody")
    assert await deeds(world) == []


async def test_a_failed_booking_whose_bike_was_ridden_comes_to_its_end(world: World) -> None:
    trip = replace(trip_of("bike ended | released", state="needs_attention"), aim=Aim.FAIL)
    assert text_of(decide(trip, NOON)) == "needs_attention fail: nothing"
    given_back = replace(trip, aim=Aim.GIVE_BACK)
    assert text_of(decide(given_back, NOON)) == "cancelled give_back: nothing"
