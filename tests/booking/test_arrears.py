"""A ride that cost more than was authorised: charged without the rider, or paid by her later."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.booking.collect import (
    ask_to_pay,
    collect,
    list_owed,
    refuse_debtors,
)
from mobility.booking.errors import ArrearsError
from mobility.booking.payment_view import PaymentStanding, get_standing
from mobility.booking.payments_seen import find_forgotten
from mobility.booking.queries import list_open_bookings
from mobility.booking.ride import ask_to_finish, ask_to_start
from mobility.db import transaction
from payments import charge
from payments.errors import PaymentConflictError
from payments.money import Money
from payments.operation import Operation
from payments.payment import find_open_operations
from tests.booking.world import BIKE, World, bike_leg, crashing_desk, offer_of
from tests.simulation.mortal import CrashError

ANNA = "rdr_anna"
WANTS_HER = "pm_card_threeDSecure2Required"
"""A card whose bank asks the rider each time, and refuses when she is not there."""


async def ride_too_long(
    world: World,
    *,
    ceiling: int = 200,
    method: str = "pm_card_visa",
    spend_ceiling: int | None = None,
) -> str:
    """Two hours by bike for 5.00 €, of which ``ceiling`` had been authorised."""
    offer = offer_of(bike_leg(ceiling=ceiling, price=min(150, ceiling)))
    booking_id = await world.book(offer, method=method, spend_ceiling=spend_ceiling)
    await world.advance(booking_id)
    if method == WANTS_HER:
        approve(world, (await standing(world, booking_id)).redirect_url)
        await world.advance(booking_id)
    world.operators[BIKE].ride(120, 3000)
    leg_id = (await world.trip(booking_id)).provided[0].id
    for ask in (ask_to_start, ask_to_finish):
        async with transaction(world.desk.engine) as tx:
            await ask(tx, booking_id, leg_id, world.desk.clock())
        await world.advance(booking_id)
    return booking_id


def approve(world: World, url: str | None) -> None:
    assert url is not None
    answer = httpx.post(url, data={"answer": "accept"})
    assert "redirect_status=succeeded" in answer.headers["location"]


async def standing(world: World, booking_id: str) -> PaymentStanding:
    async with transaction(world.desk.engine) as tx:
        return await get_standing(tx, await payment_of(world, booking_id), "EUR")


async def payment_of(world: World, booking_id: str) -> str:
    return str((await world.row(booking_id)).payment_id)


async def owes(world: World, booking_id: str) -> str:
    """What is owed for a booking as one line, such as ``arrears 300, refused: card_declined``."""
    async with transaction(world.desk.engine) as tx:
        owed = await list_owed(tx, ANNA, booking_id=booking_id)
    if not owed:
        return "nothing"
    debt = owed[0].debt
    why = f", refused: {debt.refused_because}" if debt.refused_because else ""
    return f"{debt.state} {debt.left.minor}{why}"


async def pay(
    world: World, booking_id: str, method: str = "pm_card_visa", *, by_debit: bool = False
) -> None:
    async with transaction(world.desk.engine) as tx:
        owed = (await list_owed(tx, ANNA, booking_id=booking_id))[0]
        await ask_to_pay(
            tx,
            owed,
            method=method,
            by_debit=by_debit,
            return_url="http://127.0.0.1/payment-done",
            now=world.desk.clock(),
        )
    await collect(world.desk, owed.debt.id)


async def books_may(world: World) -> bool:
    async with transaction(world.desk.engine) as tx:
        try:
            await refuse_debtors(tx, ANNA)
        except ArrearsError:
            return False
    return True


async def test_the_excess_is_a_charge_of_its_own_without_the_rider(world: World) -> None:
    booking_id = await ride_too_long(world)
    assert await owes(world, booking_id) == "open 300"
    assert await collect(world.desk, await payment_of(world, booking_id)) is None
    assert await owes(world, booking_id) == "paid 0"
    assert world.money(booking_id) == (0, 500)
    books = await world.books()
    assert (books["processor:EUR"], books["rider_receivable:EUR"]) == (500, 0)
    assert await standing(world, booking_id) == PaymentStanding(
        "captured", None, captured=Money(500), refunded=Money(0), outstanding=Money(0),
        too_little=Money(0), in_arrears=False,
    )  # fmt: skip


async def test_a_bank_that_wants_the_rider_is_brought_back_to_her(world: World) -> None:
    booking_id = await ride_too_long(world, method=WANTS_HER)
    await collect(world.desk, await payment_of(world, booking_id))
    assert await owes(world, booking_id) == "arrears 300, refused: authentication_required"
    assert not await books_may(world)

    await pay(world, booking_id, WANTS_HER)
    assert await owes(world, booking_id) == "collecting 300, refused: authentication_required"
    async with transaction(world.desk.engine) as tx:
        approve(world, (await list_owed(tx, ANNA, booking_id=booking_id))[0].redirect_url)
    await collect(world.desk, await payment_of(world, booking_id))

    assert await owes(world, booking_id) == "paid 0"
    assert world.money(booking_id) == (0, 500)
    assert await books_may(world)


async def test_who_set_a_ceiling_is_not_charged_beyond_it_without_being_asked(world: World) -> None:
    booking_id = await ride_too_long(world, ceiling=400, spend_ceiling=200)
    assert await owes(world, booking_id) == "arrears 300, refused: spend_ceiling"
    assert world.money(booking_id) == (0, 200)
    await pay(world, booking_id)
    assert await owes(world, booking_id) == "paid 0"
    assert world.money(booking_id) == (0, 500)


async def test_a_refused_card_can_be_followed_by_another(world: World) -> None:
    booking_id = await ride_too_long(world, spend_ceiling=200)
    await pay(world, booking_id, "pm_card_chargeDeclinedInsufficientFunds")
    assert await owes(world, booking_id) == "arrears 300, refused: insufficient_funds"
    await pay(world, booking_id)
    assert await owes(world, booking_id) == "paid 0"
    with pytest.raises(PaymentConflictError):
        await pay(world, booking_id)


async def test_a_challenge_that_is_left_open_is_given_up_and_can_be_begun_again(
    world: World,
) -> None:
    booking_id = await ride_too_long(world, spend_ceiling=200)
    await pay(world, booking_id, WANTS_HER)
    debt_id = await payment_of(world, booking_id)
    later = world.desk.clock() + timedelta(minutes=16)
    await collect(world.at(later), debt_id)
    assert await owes(world, booking_id) == "arrears 300, refused: hold_released"
    await pay(world, booking_id)
    assert await owes(world, booking_id) == "paid 0"
    assert world.money(booking_id) == (0, 500)


async def test_two_who_pay_at_once_pay_once(world: World) -> None:
    booking_id = await ride_too_long(world, spend_ceiling=200)
    await asyncio.gather(*(pay(world, booking_id) for _ in range(4)), return_exceptions=True)
    debt_id = await payment_of(world, booking_id)
    await collect(world.desk, debt_id)
    assert await owes(world, booking_id) == "paid 0"
    assert world.money(booking_id) == (0, 500)


async def test_what_is_recorded_elsewhere_while_a_charge_is_looked_at_takes_nothing_from_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process, which has lost the step, records what became of its call all the same."""
    booking_id = await ride_too_long(world)
    debt_id = await payment_of(world, booking_id)
    elsewhere: list[asyncio.Task[None]] = []

    async def record(operation: Operation) -> None:
        outcome = await charge.call(world.desk.gateway, operation)
        async with transaction(world.desk.engine) as other:
            await charge.record(other, operation, outcome, world.desk.clock())

    async def also_elsewhere(tx: AsyncConnection, payment_id: str) -> tuple[Operation, ...]:
        for operation in await find_open_operations(tx, payment_id):
            elsewhere.append(asyncio.create_task(record(operation)))
            await asyncio.sleep(0.1)
        return await find_open_operations(tx, payment_id)

    monkeypatch.setattr("payments.collect.find_open_operations", also_elsewhere)
    await collect(world.desk, debt_id)
    assert elsewhere
    await asyncio.gather(*elsewhere)
    assert await owes(world, booking_id) == "paid 0"
    assert world.money(booking_id) == (0, 500)


async def test_a_death_at_any_call_of_the_charge_charges_once(world: World) -> None:
    booking_id = await ride_too_long(world)
    debt_id = await payment_of(world, booking_id)
    edge = 1
    while True:
        desk, met = crashing_desk(world.desk, edge)
        try:
            await collect(desk, debt_id)
        except CrashError:
            edge += 1
            continue
        break
    assert met() < edge
    assert edge > 5
    assert await owes(world, booking_id) == "paid 0"
    assert world.money(booking_id) == (0, 500)
    assert (await world.books())["rider_receivable:EUR"] == 0


async def test_what_nothing_was_authorised_for_is_owed_too(world: World) -> None:
    booking_id = await ride_too_long(world, ceiling=0)
    assert await world.story(booking_id) == "settled | bike ended | released"
    assert await owes(world, booking_id) == "open 500"
    async with transaction(world.desk.engine) as tx:
        assert await list_open_bookings(tx, ANNA) == [booking_id]
    await collect(world.desk, await payment_of(world, booking_id))
    assert await owes(world, booking_id) == "paid 0"
    assert world.money(booking_id) == (0, 500)
    async with transaction(world.desk.engine) as tx:
        assert await list_open_bookings(tx, ANNA) == []


async def test_less_than_the_processor_charges_stays_owed_and_bars_nobody(world: World) -> None:
    booking_id = await ride_too_long(world, ceiling=460)
    await collect(world.desk, await payment_of(world, booking_id))
    assert await owes(world, booking_id) == "arrears 40, refused: amount_too_small"
    stands = await standing(world, booking_id)
    assert (stands.captured, stands.outstanding, stands.too_little) == (
        Money(460), Money(40), Money(40),
    )  # fmt: skip
    with pytest.raises(PaymentConflictError, match=r"0\.40 EUR are less than can be charged, and"):
        await pay(world, booking_id, "pm_card_visa")
    assert await books_may(world)


async def test_a_word_of_the_processor_leads_to_the_debt_it_is_about(world: World) -> None:
    booking_id = await ride_too_long(world, spend_ceiling=200)
    await pay(world, booking_id, WANTS_HER)
    async with transaction(world.desk.engine) as tx:
        owed = (await list_owed(tx, ANNA, booking_id=booking_id))[0]
        await tx.exec_driver_sql("delete from step")
    approve(world, owed.redirect_url)
    later = world.desk.clock() + timedelta(minutes=2)
    assert await find_forgotten(world.desk.engine, later) == 1
    async with transaction(world.desk.engine) as tx:
        steps = (await tx.exec_driver_sql("select kind, key from step")).all()
    assert steps == [("collect_debt", owed.debt.id)]
