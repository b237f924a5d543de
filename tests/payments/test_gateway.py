"""What every gateway must do; the processor it talks to is told to misbehave."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from payments.errors import (
    DeclinedError,
    MisconfiguredError,
    OutcomeUnknownError,
    RefusedError,
    UnreachableError,
)
from payments.gateway import Gateway, Hold, HoldState, LineCategory, RefundState
from payments.money import Money
from payments.stripe_gateway import StripeGateway
from payments.stripe_wire import balance_line_of, hold_of
from tests.payments.conftest import KEY

EVER = datetime(2020, 1, 1, tzinfo=UTC)
Misbehave = Callable[..., None]


@pytest.fixture
async def customer(gateway: StripeGateway) -> str:
    return await gateway.create_customer("rider")


async def make(gateway: Gateway, customer: str, method: str = "pm_card_visa") -> Hold:
    return await gateway.create_hold(
        key="pay_1.authorise:1",
        operation_id="pay_1.authorise",
        booking_id="bkg_1",
        amount=Money(1000),
        customer_ref=customer,
        method=method,
    )


async def held(gateway: Gateway, customer: str) -> Hold:
    made = await make(gateway, customer)
    return await gateway.confirm_hold(made.id, key="confirm", return_url="http://shop/")


async def test_a_hold_is_created_without_touching_money(gateway: StripeGateway, customer: str):
    made = await make(gateway, customer)
    assert made == Hold(
        id=made.id,
        state=HoldState.UNCONFIRMED,
        amount=Money(1000),
        capturable=Money(0),
        captured=Money(0),
        operation_id="pay_1.authorise",
    )
    assert await make(gateway, customer) == made
    assert await gateway.get_hold(made.id) == made


async def test_a_hold_is_found_by_our_operation(
    gateway: StripeGateway, customer: str, now: datetime
):
    made = await make(gateway, customer)
    since = now - timedelta(minutes=1)
    find = gateway.find_hold
    assert await find("pay_1.authorise", customer_ref=customer, since=since) == made
    assert await find("pay_2.authorise", customer_ref=customer, since=since) is None
    later = now + timedelta(minutes=1)
    assert await find("pay_1.authorise", customer_ref=customer, since=later) is None


async def test_confirm_capture_refund(gateway: StripeGateway, customer: str):
    hold = await held(gateway, customer)
    assert (hold.state, hold.capturable) == (HoldState.HELD, Money(1000))
    assert hold.capture_before is not None
    taken = await gateway.capture_hold(hold.id, key="capture", amount=Money(700))
    assert (taken.state, taken.captured) == (HoldState.CAPTURED, Money(700))
    back = await gateway.refund_hold(
        hold.id, key="r", operation_id="pay_1.refund.a", amount=Money(9)
    )
    assert (back.state, back.amount) == (RefundState.DONE, Money(9))
    assert await gateway.find_refund(hold.id, "pay_1.refund.a") == back
    assert await gateway.find_refund(hold.id, "pay_1.refund.b") is None
    lines = await gateway.list_balance_lines(since=EVER)
    assert [(each.category, each.amount.minor, each.operation_id) for each in lines] == [
        (LineCategory.CHARGE, 1000, "pay_1.authorise"),
        (LineCategory.PARTIAL_CAPTURE_REVERSAL, -300, "pay_1.authorise"),
        (LineCategory.REFUND, -9, "pay_1.refund.a"),
    ]
    assert {each.hold_id for each in lines} == {hold.id}
    assert await gateway.get_balance() == {"EUR": Money.total(each.net for each in lines)}


async def test_release(gateway: StripeGateway, customer: str):
    hold = await held(gateway, customer)
    assert (await gateway.release_hold(hold.id, key="x")).state is HoldState.RELEASED
    with pytest.raises(RefusedError) as refused:
        await gateway.release_hold(hold.id, key="y")
    assert refused.value.code == "payment_intent_unexpected_state"


async def test_saving_and_removing_a_card(gateway: StripeGateway, customer: str):
    session = await gateway.create_setup_session(customer, return_url="http://shop/", key="s")
    assert session.url is not None
    async with httpx.AsyncClient() as browser:
        await browser.post(session.url, data={"method": "pm_card_mastercard"})
    assert (await gateway.get_setup_session(session.id)).complete
    saved = await gateway.list_methods(customer)
    assert [(each.brand, each.last4, each.expires) for each in saved] == [
        ("mastercard", "4444", "2034-12")
    ]
    await gateway.detach_method(saved[0].id)
    await gateway.detach_method(saved[0].id)
    assert list(await gateway.list_methods(customer)) == []
    await gateway.delete_customer(customer)
    await gateway.delete_customer(customer)
    await gateway.delete_customer("cus_never_there")


async def test_a_decline_has_its_code(gateway: StripeGateway, customer: str):
    made = await make(gateway, customer, "pm_card_chargeDeclinedInsufficientFunds")
    with pytest.raises(DeclinedError) as declined:
        await gateway.confirm_hold(made.id, key="c", return_url="http://shop/")
    assert declined.value.code == "insufficient_funds"
    after = await gateway.get_hold(made.id)
    assert (after.state, after.decline_code) == (HoldState.DECLINED, "insufficient_funds")


async def test_no_answer_is_no_failure(hasty: StripeGateway, misbehave: Misbehave):
    customer = await hasty.create_customer("rider")
    misbehave("timeout_after", "payment_intents.create")
    with pytest.raises(OutcomeUnknownError) as unknown:
        await make(hasty, customer)
    assert not unknown.value.answered
    misbehave("timeout_after", "balance.retrieve", times=3)
    with pytest.raises(UnreachableError):
        await hasty.get_balance()


async def test_a_500_is_an_answer_that_decides_nothing(
    gateway: StripeGateway, customer: str, misbehave: Misbehave
):
    misbehave("error_500_after", "payment_intents.create")
    with pytest.raises(OutcomeUnknownError) as unknown:
        await make(gateway, customer)
    assert unknown.value.answered


async def test_a_busy_processor_is_asked_again(
    gateway: StripeGateway, customer: str, misbehave: Misbehave
):
    misbehave("error_429", "payment_intents.create", times=2)
    assert (await make(gateway, customer)).state is HoldState.UNCONFIRMED
    misbehave("error_429", "refunds.create", times=3)
    with pytest.raises(UnreachableError, match="busy"):
        await gateway.refund_hold("pi_x", key="k", operation_id="o", amount=Money(1))


async def test_a_key_for_two_different_calls_is_our_mistake(gateway: StripeGateway, customer: str):
    hold = await held(gateway, customer)
    await gateway.capture_hold(hold.id, key="k", amount=Money(700))
    with pytest.raises(MisconfiguredError, match="two different calls"):
        await gateway.capture_hold(hold.id, key="k", amount=Money(701))


async def test_nobody_there(now: datetime):
    gateway = StripeGateway(KEY, api_base="http://127.0.0.1:9", timeout_s=0.5)
    with pytest.raises(UnreachableError, match="nothing was sent"):
        await gateway.create_customer("rider")
    await gateway.close()


@pytest.mark.parametrize(
    ("key", "complaint"),
    [
        ("sk_live_x", "live key"),
        ("rk_live_x", "live key"),
        ("pk_test_x", "not a Stripe test key"),
        ("", "not a Stripe test key"),
    ],
)
def test_only_a_test_key_is_accepted(key: str, complaint: str):
    with pytest.raises(MisconfiguredError, match=complaint):
        StripeGateway(key)


@pytest.mark.parametrize(
    "wire", [{}, {"id": "pi_1", "status": "new", "currency": "eur"}, {"currency": None}]
)
def test_an_odd_answer_travels_no_further(wire: dict[str, object]):
    with pytest.raises(OutcomeUnknownError, match="cannot read"):
        hold_of(wire)
    with pytest.raises(OutcomeUnknownError, match="cannot read"):
        balance_line_of(wire)
