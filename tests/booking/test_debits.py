"""What is owed is paid from a bank account: it takes days, may fail, and may be taken back."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any

import httpx
import pytest

from mobility.booking.collect import Owed, ask_to_pay, collect, list_owed, refuse_debtors
from mobility.booking.errors import ArrearsError, DebitRefusedError, DebitUnderWayError
from mobility.booking.payments_seen import apply_events, find_forgotten
from mobility.booking.receipt import list_movements
from mobility.db import transaction
from payments.cases import list_cases
from payments.errors import OutcomeUnknownError
from payments.money import Money
from payments.payment import find_payment
from payments.rebuild import Ended, settle_lost
from payments.reconcile import reconcile
from payments.stripe_events import Event, store_event
from tests.booking.test_arrears import ANNA, books_may, owes, pay, payment_of, ride_too_long
from tests.booking.world import World, crashing_desk, run_processor
from tests.simulation.mortal import CrashError

LATER = timedelta(hours=1)
KEY = {"Authorization": "Bearer sk_test_x"}


@pytest.fixture
def processor() -> Iterator[str]:
    """One of its own, as runs of reconciliation read all of it."""
    with run_processor() as url:
        yield url


async def account(world: World, token: str = "pm_successDelayed_de") -> str:
    """A bank account that Anna saves on the processor's page, where she agrees to its mandate."""
    customer = await world.desk.customer(ANNA)
    session = await world.desk.gateway.create_setup_session(
        customer, return_url="http://127.0.0.1/done", key=uuid.uuid4().hex
    )
    assert session.url is not None
    choose(session.url, token)
    return (await world.desk.gateway.list_methods(customer))[0].id


def choose(url: str, token: str) -> None:
    assert httpx.post(url, data={"method": token}).status_code == 303


def misbehave(world: World, fault: str, on: str) -> None:
    armed = {"fault": fault, "on": on, "times": 1, "seconds": 0.1}
    assert httpx.post(f"{world.processor}/sandbox/faults", json=armed).status_code == 201


async def debited(world: World, token: str = "pm_successDelayed_de") -> str:
    """A booking of which 3.00 € are on their way from Anna's account."""
    booking_id = await ride_too_long(world, spend_ceiling=200)
    await pay(world, booking_id, await account(world, token), by_debit=True)
    return booking_id


def debits(world: World, booking_id: str) -> list[dict[str, Any]]:
    found = httpx.get(
        f"{world.processor}/v1/payment_intents", params={"limit": 100}, headers=KEY
    ).json()["data"]
    mine = [each for each in found if each["metadata"].get("booking") == booking_id]
    return [each for each in mine if "sepa_debit" in each["payment_method_types"]]


def bank_says(world: World, booking_id: str, what: str) -> None:
    newest = debits(world, booking_id)[0]["id"]
    answer = httpx.post(f"{world.processor}/sandbox/debits/{newest}/{what}")
    assert answer.status_code == 200, answer.text


async def look(world: World, booking_id: str, after: timedelta = LATER) -> None:
    desk = world.at(world.desk.clock() + after)
    await collect(desk, await payment_of(world, booking_id))


async def reconciled(world: World) -> list[str]:
    """The open cases after a run, which must explain the processor's balance to the cent."""
    run = await reconcile(world.desk.engine, world.desk.gateway, now=world.desk.clock())
    assert run.unexplained.minor == 0
    async with world.desk.engine.connect() as tx:
        return [f"{each.case.kind} {each.case.difference.minor}" for each in await list_cases(tx)]


async def test_it_is_paid_and_booked_when_the_money_has_come_and_not_before(world: World) -> None:
    booking_id = await debited(world)
    assert await owes(world, booking_id) == "processing 300"
    assert (await world.books())["rider_receivable:EUR"] == 300
    assert world.money(booking_id) == (0, 200)
    assert not await books_may(world)

    await look(world, booking_id)
    assert await owes(world, booking_id) == "processing 300"
    bank_says(world, booking_id, "succeed")
    await look(world, booking_id)
    assert await owes(world, booking_id) == "paid 0"
    books = await world.books()
    assert (books["processor:EUR"], books["rider_receivable:EUR"]) == (500, 0)
    assert world.money(booking_id) == (0, 500)
    assert await books_may(world)
    async with transaction(world.desk.engine) as tx:
        movements = await list_movements(tx, booking_id)
    assert [(each.kind, each.amount.minor, each.paid_with) for each in movements] == [
        ("charge", 200, "Visa •••• 4242"),
        ("later_charge", 300, "SEPA-Lastschrift, DE •••• 3003"),
    ]


async def test_one_that_fails_leaves_it_to_the_rider_who_pays_by_card(world: World) -> None:
    booking_id = await debited(world, "pm_insufficientFunds_de")
    bank_says(world, booking_id, "fail")
    await look(world, booking_id)
    assert await owes(world, booking_id) == "arrears 300, refused: insufficient_funds"
    await pay(world, booking_id)
    assert (await owes(world, booking_id), world.money(booking_id)) == ("paid 0", (0, 500))


@pytest.mark.parametrize("by_debit", [True, False])
async def test_nothing_else_is_charged_while_one_is_on_its_way(
    world: World, by_debit: bool
) -> None:
    booking_id = await debited(world)
    with pytest.raises(DebitUnderWayError, match="paying twice"):
        await pay(world, booking_id, by_debit=by_debit)
    bank_says(world, booking_id, "succeed")
    await look(world, booking_id)
    assert (len(debits(world, booking_id)), world.money(booking_id)) == (1, (0, 500))


async def test_who_waits_for_one_is_told_to_wait_and_not_to_pay(world: World) -> None:
    await debited(world)
    with pytest.raises(ArrearsError, match="on their way"):
        async with transaction(world.desk.engine) as tx:
            await refuse_debtors(tx, ANNA)


async def test_a_death_at_any_call_debits_once_and_books_once(world: World) -> None:
    booking_id = await ride_too_long(world, spend_ceiling=200)
    method = await account(world)
    desk, _ = crashing_desk(world.desk, 1)
    with pytest.raises(CrashError):
        await pay(replace(world, desk=desk), booking_id, method, by_debit=True)
    debt_id = await payment_of(world, booking_id)
    for state in ("processing 300", "paid 0"):
        edge = 1
        while True:
            mortal, met = crashing_desk(world.desk, edge)
            try:
                await collect(mortal, debt_id)
            except CrashError:
                edge += 1
                continue
            break
        assert met() < edge
        assert await owes(world, booking_id) == state
        if state != "paid 0":
            bank_says(world, booking_id, "succeed")
    assert (len(debits(world, booking_id)), world.money(booking_id)) == (1, (0, 500))
    assert (await world.books())["rider_receivable:EUR"] == 0


@pytest.mark.parametrize("fault", ["error_500_before", "error_500_after", "error_429"])
@pytest.mark.parametrize("on", ["payment_intents.create", "payment_intents.confirm"])
async def test_whatever_goes_wrong_there_is_one_debit(world: World, fault: str, on: str) -> None:
    booking_id = await ride_too_long(world, spend_ceiling=200)
    method = await account(world)
    misbehave(world, fault, on)
    await pay(world, booking_id, method, by_debit=True)
    await look(world, booking_id, timedelta(seconds=15))
    assert await owes(world, booking_id) == "processing 300"
    bank_says(world, booking_id, "succeed")
    await look(world, booking_id)
    assert (await owes(world, booking_id), world.money(booking_id)) == ("paid 0", (0, 500))


async def test_a_mandate_that_ended_debits_nothing(world: World) -> None:
    booking_id = await ride_too_long(world, spend_ceiling=200)
    method = await account(world)
    await world.desk.gateway.detach_method(method)
    await pay(world, booking_id, method, by_debit=True)
    assert (await owes(world, booking_id)).startswith("arrears 300, refused: ")
    assert world.money(booking_id) == (0, 200)


async def test_one_that_nobody_told_us_about_is_found_but_not_asked_for_each_minute(
    world: World,
) -> None:
    booking_id = await debited(world)
    async with transaction(world.desk.engine) as tx:
        await tx.exec_driver_sql("delete from step")
    now = world.desk.clock()
    assert await find_forgotten(world.desk.engine, now + timedelta(minutes=10)) == 0
    assert await find_forgotten(world.desk.engine, now + timedelta(hours=3)) == 1
    async with transaction(world.desk.engine) as tx:
        steps = (await tx.exec_driver_sql("select kind, key from step")).all()
    assert steps == [("collect_debt", await payment_of(world, booking_id))]


@pytest.mark.parametrize(
    "told", [*permutations(("processing", "succeeded")), ("payment_failed", "succeeded")]
)
async def test_a_hint_has_it_read_at_once_and_is_not_believed(
    world: World, told: tuple[str, ...]
) -> None:
    booking_id = await debited(world)
    bank_says(world, booking_id, "succeed")
    now, hold_id = world.desk.clock(), debits(world, booking_id)[0]["id"]
    debt_id = await payment_of(world, booking_id)
    async with transaction(world.desk.engine) as tx:
        await tx.exec_driver_sql("delete from step")
        for number, kind in enumerate(told):
            event = Event(f"evt_{number}", f"payment_intent.{kind}", now, hold_id, hold_id, None)
            await store_event(tx, event, now)
    assert await apply_events(world.desk.engine, now) == len(told)
    async with transaction(world.desk.engine) as tx:
        steps = (await tx.exec_driver_sql("select kind, key from step")).all()
    assert steps == [("collect_debt", debt_id)]
    for _ in told:
        await collect(world.desk, debt_id)
    assert (await owes(world, booking_id), world.money(booking_id)) == ("paid 0", (0, 500))


async def test_the_books_match_to_the_cent_at_every_stage_of_one_that_comes(world: World) -> None:
    booking_id = await debited(world)
    assert await reconciled(world) == []
    bank_says(world, booking_id, "succeed")
    await look(world, booking_id)
    assert await reconciled(world) == []
    books = await world.books()
    fees = 28 + 35
    assert (books["processor:EUR"], books["processor_fees:EUR"]) == (500 - fees, fees)


async def test_and_of_one_that_fails(world: World) -> None:
    booking_id = await debited(world, "pm_insufficientFunds_de")
    assert await reconciled(world) == []
    bank_says(world, booking_id, "fail")
    await look(world, booking_id)
    assert await reconciled(world) == []
    books = await world.books()
    fees = 28 + 35
    assert (books["processor:EUR"], books["rider_receivable:EUR"]) == (200 - fees, 300)


async def test_one_returned_weeks_later_is_owed_again_and_not_debited_again(world: World) -> None:
    booking_id = await debited(world)
    bank_says(world, booking_id, "succeed")
    await look(world, booking_id)
    assert await reconciled(world) == []
    bank_says(world, booking_id, "return")
    for _ in range(2):
        assert await reconciled(world) == []
    async with transaction(world.desk.engine) as tx:
        owed = await list_owed(tx, ANNA, booking_id=booking_id)
    told = [f"{o.debt.state} {o.debt.left.minor} {o.debt.refused_because}" for o in owed]
    assert sorted(told) == ["arrears 300 dispute_lost", "paid 0 None"]
    books = await world.books()
    assert (books["rider_receivable:EUR"], books["disputed:EUR"]) == (300, 0)
    assert not await books_may(world)

    again = next(each for each in owed if each.debt.is_of_dispute)
    await _pay_again(world, again, "pm_card_visa")
    assert (await world.books())["rider_receivable:EUR"] == 0
    assert await books_may(world)


async def _pay_again(world: World, owed: Owed, method: str) -> None:
    now = world.desk.clock()
    url = "http://127.0.0.1/done"
    async with transaction(world.desk.engine) as tx:
        with pytest.raises(DebitRefusedError, match="took 3"):
            await ask_to_pay(tx, owed, method="pm_x", by_debit=True, return_url=url, now=now)
        await ask_to_pay(tx, owed, method=method, return_url=url, now=now)
    await collect(world.desk, owed.debt.id)


async def test_one_of_a_booking_that_a_restore_lost_is_waited_for_and_given_back(
    world: World,
) -> None:
    method, desk = await account(world), world.desk
    made = await desk.gateway.create_hold(
        key="k1",
        operation_id="pay_lost-1.authorise",
        booking_id="bkg_lost",
        amount=Money(300),
        customer_ref=await desk.customer(ANNA),
        method=method,
        debit=True,
    )
    await desk.gateway.confirm_hold(made.id, key="k2", return_url="http://127.0.0.1/done")
    (found,) = await desk.gateway.list_holds(since=desk.clock() - LATER)

    async def settle() -> Ended:
        return await settle_lost(
            desk.engine, desk.gateway, found, [], return_url="", now=desk.clock()
        )

    with pytest.raises(OutcomeUnknownError, match="on its way"):
        await settle()
    async with transaction(desk.engine) as tx:
        assert await find_payment(tx, "pay_lost-1") is None
    bank_says(world, "bkg_lost", "succeed")
    assert await settle() == Ended(taken=Money(300), kept=Money(0), unused=Money(0))
    back = await desk.gateway.list_refunds(made.id)
    assert [each.amount for each in back] == [Money(300)]
