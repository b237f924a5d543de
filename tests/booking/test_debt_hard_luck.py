"""Debts, disputes and days' ceilings that meet each other at the worst moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from mobility.booking.advance import advance
from mobility.booking.cancel import Hindrance, ask_to_cancel, preview
from mobility.booking.collect import collect, list_owed
from mobility.booking.day_ceiling import cap_day
from mobility.booking.payments_seen import see_disputes
from mobility.booking.receipt import list_movements
from mobility.db import transaction
from payments.errors import OutcomeUnknownError, PaymentStuckError, RefusedError
from payments.money import Money
from payments.reconcile import reconcile
from payments.refund import CAME_BACK, prepare_refund
from payments.tables import money_operation
from tests.booking.test_arrears import (
    ANNA,
    books_may,
    owes,
    pay,
    payment_of,
    ride_too_long,
    standing,
)
from tests.booking.test_day_ceiling import CEILING, given_back, town
from tests.booking.test_hard_luck import (
    BUS,
    Unlike,
    cancel,
    changed,
    city,
    later,
    ticket_leg,
)
from tests.booking.world import World, offer_of, run_processor

__all__ = ["city", "town"]
TAKES_BACK = "pm_card_createDispute"


@pytest.fixture
def processor() -> Iterator[str]:
    """One of its own, as runs of reconciliation read all of it."""
    with run_processor() as url:
        yield url


def lose(world: World) -> None:
    """Every dispute is decided for the cardholder."""
    with httpx.Client(
        base_url=world.processor, headers={"Authorization": "Bearer sk_test_x"}
    ) as http:
        for dispute in http.get("/v1/disputes").json()["data"]:
            http.post(f"/v1/disputes/{dispute['id']}/close")


async def reconciled(world: World) -> None:
    now = world.desk.clock()
    run = await reconcile(world.desk.engine, world.desk.gateway, now=now)
    assert run.unexplained.minor == 0
    await see_disputes(world.desk.engine, now)


async def test_a_ticket_whose_hold_is_gone_is_ridden_and_charged_apart(city: World) -> None:
    real = city.desk.gateway

    async def capture_hold(hold_id: str, **how: Any) -> object:
        await real.release_hold(hold_id, key="by hand")
        return await real.capture_hold(hold_id, **how)

    unlucky = changed(city, gateway=Unlike(real, capture_hold=capture_hold))
    booking_id = await city.book(offer_of(ticket_leg(BUS, 360, 30)))
    await unlucky.advance(booking_id)
    assert await city.story(booking_id) == "confirmed | bus confirmed | released"
    terms = preview(await city.trip(booking_id), city.desk.clock())
    assert terms.why_not is Hindrance.OWED
    await collect(city.desk, await payment_of(city, booking_id))
    await later(city, hours=2).advance(booking_id)
    assert await city.story(booking_id) == "settled | bus ended | released"
    assert (await owes(city, booking_id), city.money(booking_id)) == ("paid 0", (0, 360))


async def test_what_a_cancelled_trip_could_not_be_charged_is_not_collected(city: World) -> None:
    real = city.desk.gateway
    held: list[str] = []

    async def capture_hold(hold_id: str, **_how: Any) -> object:
        held.append(hold_id)
        raise OutcomeUnknownError("no answer")

    booking_id = await city.book(offer_of(ticket_leg(BUS, 360, 30)))
    await advance(changed(city, gateway=Unlike(real, capture_hold=capture_hold)).desk, booking_id)
    await real.release_hold(held[0], key="by hand")
    await cancel(city, booking_id)
    await city.advance(booking_id)
    assert await city.story(booking_id) == "cancelled | bus cancelled | released"
    assert (await owes(city, booking_id), city.money(booking_id)) == ("nothing", (0, 0))
    assert set((await city.books()).values()) <= {0}


async def test_a_charge_whose_capture_is_refused_is_let_go_and_paid_otherwise(
    world: World,
) -> None:
    async def capture_hold(*_hold: object, **_how: object) -> object:
        raise RefusedError("this card cannot be captured", "card_error")

    booking_id = await ride_too_long(world)
    strict = changed(world, gateway=Unlike(world.desk.gateway, capture_hold=capture_hold))
    await collect(strict.desk, await payment_of(world, booking_id))
    assert (await owes(world, booking_id)).startswith("arrears 300")
    assert world.money(booking_id) == (0, 200)
    await pay(world, booking_id)
    assert (await owes(world, booking_id), world.money(booking_id)) == ("paid 0", (0, 500))


async def test_a_trip_that_was_cancelled_while_disputed_is_not_owed_when_that_is_lost(
    city: World,
) -> None:
    booking_id = await city.book(offer_of(ticket_leg(BUS, 360, 30)), method=TAKES_BACK)
    await city.advance(booking_id)
    await cancel(city, booking_id)
    with pytest.raises(PaymentStuckError):
        await city.advance(booking_id)
    lose(city)
    for _ in range(2):
        await reconciled(city)
    async with transaction(city.desk.engine) as tx:
        steps = (await tx.exec_driver_sql("select kind, key from step")).all()
    assert ("advance_booking", booking_id) in steps
    await city.advance(booking_id)
    assert await city.story(booking_id) == "cancelled | bus cancelled | refunded"
    assert (await owes(city, booking_id), await books_may(city)) == ("nothing", True)
    books = await city.books()
    assert (books["disputed:EUR"], books["provider_payable:bus:EUR"]) == (0, 0)


async def test_a_refund_that_is_not_known_when_its_charge_is_lost_is_owed_no_more(
    city: World,
) -> None:
    async def refund_hold(*_hold: object, **_how: Any) -> object:
        raise OutcomeUnknownError("no answer")

    booking_id = await city.book(offer_of(ticket_leg(BUS, 360, 30)), method=TAKES_BACK)
    await city.advance(booking_id)
    await cancel(city, booking_id)
    deaf = changed(city, gateway=Unlike(city.desk.gateway, refund_hold=refund_hold))
    await advance(deaf.desk, booking_id)
    lose(city)
    await reconciled(city)
    assert await owes(city, booking_id) == "arrears 360, refused: dispute_lost"
    await city.advance(booking_id)
    assert await city.story(booking_id) == "cancelled | bus cancelled | refunded"
    assert await shown(city, booking_id) == "charge 360, taken_back 360 | 0 - 0, 0 open"
    await _only_fees_are_left(city)


async def test_of_a_trip_cancelled_in_part_while_disputed_only_the_rest_is_owed_when_that_is_lost(
    city: World,
) -> None:
    """Two buses, of which the second was given back."""
    legs = (ticket_leg(BUS, 360, 1), ticket_leg(BUS, 200, 60))
    booking_id = await city.book(offer_of(*legs), method=TAKES_BACK)
    await city.advance(booking_id)
    then = later(city, minutes=3)
    await then.advance(booking_id)
    async with transaction(city.desk.engine) as tx:
        await ask_to_cancel(tx, booking_id, then.desk.clock())
    await then.advance(booking_id)
    tonight = later(city, hours=2)
    with pytest.raises(PaymentStuckError):
        await tonight.advance(booking_id)
    lose(city)
    for _ in range(2):
        await reconciled(city)
    assert await owes(city, booking_id) == "arrears 360, refused: dispute_lost"
    await tonight.advance(booking_id)
    assert await city.story(booking_id) == "settled | bus ended, bus cancelled | captured"
    assert await owes(city, booking_id) == "arrears 360, refused: dispute_lost"
    books = await city.books()
    assert (books["rider_receivable:EUR"], books["disputed:EUR"]) == (360, 0)
    assert await shown(city, booking_id) == "charge 560, taken_back 560 | 0 - 0, 360 open"


async def test_a_trip_cancelled_after_its_dispute_was_lost_is_owed_no_more(city: World) -> None:
    booking_id = await city.book(offer_of(ticket_leg(BUS, 360, 30)), method=TAKES_BACK)
    await city.advance(booking_id)
    lose(city)
    await reconciled(city)
    assert await owes(city, booking_id) == "arrears 360, refused: dispute_lost"
    await cancel(city, booking_id)
    await city.advance(booking_id)
    for _ in range(2):
        await reconciled(city)
    assert await city.story(booking_id) == "cancelled | bus cancelled | refunded"
    assert (await owes(city, booking_id), await books_may(city)) == ("nothing", True)
    assert await shown(city, booking_id) == "charge 360, taken_back 360 | 0 - 0, 0 open"
    await _only_fees_are_left(city)


async def shown(world: World, booking_id: str) -> str:
    """The receipt's movements; what was taken, what of it went back, and what is open."""
    async with transaction(world.desk.engine) as tx:
        moved = await list_movements(tx, booking_id)
    money = await standing(world, booking_id)
    told = ", ".join(sorted(f"{each.kind} {each.amount.minor}" for each in moved))
    kept = f"{money.captured.minor} - {money.refunded.minor}, {money.outstanding.minor} open"
    return f"{told} | {kept}"


async def _only_fees_are_left(world: World) -> None:
    books = await world.books()
    left = {account: amount for account, amount in books.items() if amount}
    assert set(left) == {"processor:EUR", "processor_fees:EUR"}
    assert sum(left.values()) == 0


async def test_what_is_given_back_of_a_trip_that_was_lost_is_owed_no_more(city: World) -> None:
    """Two buses, of which the first was ridden: it stays owed."""
    legs = (ticket_leg(BUS, 360, 1), ticket_leg(BUS, 200, 60))
    booking_id = await city.book(offer_of(*legs), method=TAKES_BACK)
    await city.advance(booking_id)
    lose(city)
    await reconciled(city)
    assert await owes(city, booking_id) == "arrears 560, refused: dispute_lost"
    then = later(city, minutes=3)
    await then.advance(booking_id)
    async with transaction(city.desk.engine) as tx:
        await ask_to_cancel(tx, booking_id, then.desk.clock())
    await then.advance(booking_id)
    await later(city, hours=2).advance(booking_id)
    for _ in range(2):
        await reconciled(city)
    assert await owes(city, booking_id) == "arrears 360, refused: dispute_lost"
    assert await city.story(booking_id) == "settled | bus ended, bus cancelled | captured"
    books = await city.books()
    assert (books["rider_receivable:EUR"], books["disputed:EUR"]) == (360, 0)
    assert await shown(city, booking_id) == "charge 560, taken_back 560 | 0 - 0, 360 open"
    await pay(city, booking_id)
    assert await books_may(city)
    assert await shown(city, booking_id) == (
        "charge 560, later_charge 360, taken_back 560 | 360 - 0, 0 open"
    )


async def test_what_she_tried_in_vain_to_pay_is_owed_no_more_once_it_is_cancelled(
    city: World,
) -> None:
    booking_id = await city.book(offer_of(ticket_leg(BUS, 360, 30)), method=TAKES_BACK)
    await city.advance(booking_id)
    lose(city)
    await reconciled(city)
    await pay(city, booking_id, "pm_card_chargeDeclined")
    assert await owes(city, booking_id) == "arrears 360, refused: generic_decline"
    async with transaction(city.desk.engine) as tx:
        (owed,) = await list_owed(tx, ANNA, booking_id=booking_id)
    await cancel(city, booking_id)
    await city.advance(booking_id)
    for _ in range(2):
        await reconciled(city)
    assert await city.story(booking_id) == "cancelled | bus cancelled | refunded"
    assert (await owes(city, booking_id), await books_may(city)) == ("nothing", True)
    assert await collect(city.desk, owed.debt.id) is None  # a webhook may still ask for it
    await _only_fees_are_left(city)


async def test_a_refund_that_came_back_before_its_charge_was_lost_is_left_to_a_person(
    city: World,
) -> None:
    booking_id = await city.book(offer_of(ticket_leg(BUS, 360, 30)), method=TAKES_BACK)
    await city.advance(booking_id)
    payment_id = await payment_of(city, booking_id)
    async with transaction(city.desk.engine) as tx:
        now = city.desk.clock()
        made = await prepare_refund(tx, payment_id, Money(360), "", key="0", now=now)
        came_back = {"state": "declined", "error_code": CAME_BACK, "decided_at": now}
        of = money_operation.c.id == made.id
        await tx.execute(update(money_operation).where(of).values(**came_back))
    lose(city)
    await reconciled(city)
    await cancel(city, booking_id)
    with pytest.raises(PaymentStuckError):
        await city.advance(booking_id)
    assert await owes(city, booking_id) == "arrears 360, refused: dispute_lost"


async def test_what_was_paid_again_after_it_was_lost_is_left_to_a_person(city: World) -> None:
    booking_id = await city.book(offer_of(ticket_leg(BUS, 360, 30)), method=TAKES_BACK)
    await city.advance(booking_id)
    lose(city)
    await reconciled(city)
    await pay(city, booking_id)
    await cancel(city, booking_id)
    with pytest.raises(PaymentStuckError):
        await city.advance(booking_id)
    assert await owes(city, booking_id) == "paid 0"


async def test_a_day_is_capped_when_what_it_owes_is_paid(town: World) -> None:
    cheap = changed(town, day_ceilings=(replace(CEILING, amount=Decimal("1.00")),))
    booking_id = await ride_too_long(cheap, spend_ceiling=200)
    assert await cap_day(cheap.desk, booking_id) is None
    assert await given_back(cheap, booking_id) == 0
    await pay(cheap, booking_id)
    async with transaction(cheap.desk.engine) as tx:
        steps = (await tx.exec_driver_sql("select kind from step")).all()
    assert ("cap_day",) in steps
