"""Authorise, capture, release and refund against a running processor, with things going wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from payments import charge
from payments.errors import PaymentConflictError
from payments.money import Money
from payments.operation import OutcomeKind
from payments.payment import PaymentState
from payments.stripe_gateway import StripeGateway
from tests.payments.conftest import KEY
from tests.payments.world import Till, split

Misbehave = Callable[..., None]


@pytest.fixture
def till(engine: AsyncEngine, gateway: StripeGateway, now: datetime) -> Till:
    return Till(engine, gateway, now)


@pytest.fixture
def hasty_till(engine: AsyncEngine, hasty: StripeGateway, now: datetime) -> Till:
    return Till(engine, hasty, now)


def charges(sandbox: str) -> list[tuple[str, int, int]]:
    """Status, captured and refunded amount of every charge at the processor."""
    answer = httpx.get(f"{sandbox}/v1/charges", headers={"authorization": f"Bearer {KEY}"})
    return [
        (each["status"], each["amount_captured"], each["amount_refunded"])
        for each in answer.json()["data"]
    ]


async def test_a_bus_ride_as_the_research_report_has_it(till: Till):
    held = await till.authorise(1000)
    assert (held.state, held.authorised) == (PaymentState.AUTHORISED, Money(1000))
    assert held.capture_before is not None
    assert held.capture_before > till.now
    assert await till.balances() == {}

    paid = await till.capture(split(1000, commission=50))

    assert (paid.state, paid.captured) == (PaymentState.CAPTURED, Money(1000))
    assert await till.balances() == {
        "commission:EUR": -42,
        "output_vat:EUR": -8,
        "processor:EUR": 1000,
        "provider_payable:bus:EUR": -950,
    }


async def test_capturing_less_releases_the_rest(till: Till):
    await till.authorise(1000)
    paid = await till.capture(split(300, "leg_1"), split(320, "leg_2", provider="bike"))
    assert (paid.captured, paid.receivable) == (Money(620), Money(0))
    assert (await till.balances())["processor:EUR"] == 620


async def test_what_exceeds_the_hold_is_a_named_receivable(till: Till):
    await till.authorise(1000)
    paid = await till.capture(split(1200))
    assert (paid.captured, paid.receivable) == (Money(1000), Money(200))
    assert await till.balances() == {
        "processor:EUR": 1000,
        "provider_payable:bus:EUR": -1200,
        "rider_receivable:EUR": 200,
    }


async def test_a_declined_card_costs_nothing(till: Till, sandbox: str):
    payment = await till.authorise(1000, "pm_card_chargeDeclinedInsufficientFunds")
    assert (payment.state, payment.decline_code) == (PaymentState.DECLINED, "insufficient_funds")
    assert charges(sandbox) == [("failed", 0, 0)]
    assert await till.begin_release() is None
    with pytest.raises(PaymentConflictError):
        await till.begin_capture(split(1000))


@pytest.mark.parametrize(
    ("answer", "state"),
    [("accept", PaymentState.AUTHORISED), ("refuse", PaymentState.DECLINED)],
)
async def test_three_d_secure(till: Till, answer: str, state: PaymentState):
    waiting = await till.authorise(1000, "pm_card_threeDSecure2Required")
    assert waiting.state is PaymentState.REQUIRES_ACTION
    assert waiting.redirect_url is not None
    assert (await till.resume()).state is PaymentState.REQUIRES_ACTION

    async with httpx.AsyncClient() as browser:
        page = await browser.get(waiting.redirect_url)
        assert "10,00 €" in page.text
        back = await browser.post(waiting.redirect_url, data={"answer": answer})
    assert back.headers["location"].startswith("http://127.0.0.1/back?payment_intent=pi_")

    after = await till.resume()
    assert (after.state, after.redirect_url) == (state, None)


async def test_a_rider_who_never_answers_is_let_go(till: Till):
    await till.authorise(1000, "pm_card_threeDSecure2Required")
    released = await till.drive(await till.begin_release())
    assert released.state is PaymentState.RELEASED
    assert (await till.resume()).state is PaymentState.RELEASED


async def test_releasing_a_hold_moves_no_money(till: Till):
    await till.authorise(1000)
    assert (await till.drive(await till.begin_release())).state is PaymentState.RELEASED
    assert await till.begin_release() is None
    assert await till.balances() == {}


async def test_refunds_in_parts_return_every_account_to_zero(till: Till):
    await till.authorise(1000)
    await till.capture(split(333, commission=50), split(334, "leg_2", 33, "bike"))
    first = await till.refund(100, "a")
    assert (first.state, first.refunded) == (PaymentState.PARTIALLY_REFUNDED, Money(100))
    assert (await till.refund(567, "b")).state is PaymentState.REFUNDED
    assert set((await till.balances()).values()) == {0}


async def test_no_more_is_refunded_than_was_captured(till: Till):
    await till.authorise(1000)
    await till.capture(split(600))
    await till.begin_refund(400, "a")
    with pytest.raises(PaymentConflictError, match="EUR is left"):
        await till.begin_refund(201, "b")
    with pytest.raises(PaymentConflictError, match="another amount"):
        await till.begin_refund(100, "a")


async def test_preparing_twice_is_preparing_once(till: Till):
    first = await till.begin(1000)
    again = await till.begin(1000)
    assert (first.id, first.fresh, again.id, again.fresh) == (again.id, True, first.id, False)
    with pytest.raises(PaymentConflictError):
        await till.begin(999)


@pytest.mark.parametrize(
    "fault", ["timeout_after", "timeout_before", "error_500_after", "error_500_before"]
)
@pytest.mark.parametrize(
    "step",
    [
        "payment_intents.create",
        "payment_intents.confirm",
        "payment_intents.capture",
        "refunds.create",
    ],
)
async def test_whatever_goes_wrong_there_is_one_charge(
    hasty_till: Till, sandbox: str, misbehave: Misbehave, step: str, fault: str
):
    misbehave(fault, step)
    await hasty_till.authorise(1000)
    await hasty_till.resume()
    assert (await hasty_till.resume()).state is PaymentState.AUTHORISED
    await hasty_till.capture(split(700))
    await hasty_till.resume()
    assert (await hasty_till.resume()).state is PaymentState.CAPTURED
    await hasty_till.refund(200)
    await hasty_till.resume()
    assert (await hasty_till.resume()).refunded == Money(200)
    assert charges(sandbox) == [("succeeded", 700, 200)]
    assert (await hasty_till.balances())["processor:EUR"] == 500


async def test_a_crash_between_call_and_record_charges_once(till: Till, sandbox: str):
    create = await till.begin(1000)
    await charge.call(till.gateway, create)
    assert (await till.resume()).state is PaymentState.AUTHORISED
    capture = await till.begin_capture(split(700))
    await charge.call(till.gateway, capture)
    assert (await till.resume()).state is PaymentState.CAPTURED
    refund = await till.begin_refund(700)
    await charge.call(till.gateway, refund)
    assert (await till.resume()).state is PaymentState.REFUNDED
    assert charges(sandbox) == [("succeeded", 700, 700)]


async def test_two_processes_on_one_payment_charge_once(till: Till, sandbox: str):
    await till.begin(1000)
    await asyncio.gather(till.resume(), till.resume())
    assert (await till.resume()).state is PaymentState.AUTHORISED
    operation = await till.begin_capture(split(700))
    await asyncio.gather(till.drive(operation), till.resume())
    assert (await till.payment()).captured == Money(700)
    assert charges(sandbox) == [("succeeded", 700, 0)]
    assert (await till.balances())["processor:EUR"] == 700


async def test_a_release_settles_an_authorisation_whose_outcome_is_unknown(
    hasty_till: Till, sandbox: str, misbehave: Misbehave
):
    misbehave("timeout_after", "payment_intents.confirm")
    assert (await hasty_till.authorise(1000)).state is PaymentState.UNKNOWN
    released = await hasty_till.drive(await hasty_till.begin_release())
    assert released.state is PaymentState.RELEASED
    assert charges(sandbox) == [("succeeded", 0, 1000)]


async def test_a_release_before_the_hold_is_known(hasty_till: Till, misbehave: Misbehave):
    misbehave("timeout_after", "payment_intents.create")
    assert (await hasty_till.authorise(1000)).state is PaymentState.UNKNOWN
    assert (await hasty_till.drive(await hasty_till.begin_release())).state is PaymentState.RELEASED
    assert (await hasty_till.resume()).state is PaymentState.RELEASED


async def test_a_hold_that_is_gone_leaves_the_whole_fare_owed(till: Till):
    held = await till.authorise(1000)
    assert held.hold_id is not None
    await till.gateway.release_hold(held.hold_id, key="by hand")
    payment = await till.capture(split(700, commission=70))
    assert (payment.state, payment.receivable) == (PaymentState.RELEASED, Money(700))
    assert (await till.balances())["rider_receivable:EUR"] == 700


async def test_while_the_processor_is_down_nothing_is_decided(engine: AsyncEngine, now: datetime):
    gateway = StripeGateway(KEY, api_base="http://127.0.0.1:9", timeout_s=0.5)
    till = Till(engine, gateway, now, customer="cus_1")
    operation = await till.begin(1000)
    outcome = await charge.call(gateway, operation)
    assert outcome.kind is OutcomeKind.UNREACHABLE
    assert (await till.record(operation, outcome)).state is PaymentState.AUTHORISING
    await gateway.close()


async def test_a_trip_that_costs_nothing_is_not_authorised(till: Till):
    with pytest.raises(ValueError, match="cannot authorise"):
        await till.begin(0)
