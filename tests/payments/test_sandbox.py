"""The processor against the bare official SDK: it refuses what Stripe refuses, as Stripe does."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe
from stripe import StripeClient

from tests.payments.conftest import KEY, sandbox_at

V1 = stripe._v1_services.V1Services


def client(url: str) -> StripeClient:
    return StripeClient(
        KEY,
        base_addresses={"api": url},
        http_client=stripe.HTTPXClient(timeout=5),
        max_network_retries=0,
    )


@pytest.fixture
async def v1(sandbox: str) -> AsyncIterator[V1]:
    made = client(sandbox)
    yield made.v1
    await made._requestor._client.close_async()


@pytest.fixture
async def customer(v1: V1) -> str:
    return (await v1.customers.create_async({"metadata": {"pseudonym": "p"}})).id


async def hold(
    v1: V1, customer: str, amount: int = 1000, method: str = "pm_card_visa"
) -> stripe.PaymentIntent:
    return await v1.payment_intents.create_async(
        {
            "amount": amount,
            "currency": "eur",
            "customer": customer,
            "payment_method": method,
            "capture_method": "manual",
            "allowed_payment_method_types": ["card"],
            "confirm": True,
            "return_url": "http://shop/back",
            "metadata": {"money_op": "op"},
        }
    )


async def pay_out(sandbox: str) -> httpx.Response:
    async with httpx.AsyncClient() as http:
        return await http.post(f"{sandbox}/sandbox/payouts")


async def test_the_life_of_a_payment_intent(v1: V1, customer: str):
    intent = await v1.payment_intents.create_async(
        {
            "amount": 1000,
            "currency": "eur",
            "customer": customer,
            "payment_method": "pm_card_visa",
            "capture_method": "manual",
        }
    )
    assert (intent.status, intent.amount_capturable) == ("requires_confirmation", 0)
    intent = await v1.payment_intents.confirm_async(intent.id, {"expand": ["latest_charge"]})
    assert (intent.status, intent.amount_capturable) == ("requires_capture", 1000)
    card = intent.latest_charge.payment_method_details.card
    assert card.capture_before == intent.latest_charge.created + 7 * 86400
    intent = await v1.payment_intents.capture_async(intent.id, {"amount_to_capture": 700})
    assert (intent.status, intent.amount_capturable, intent.amount_received) == (
        "succeeded",
        0,
        700,
    )
    lines = (await v1.balance_transactions.list_async()).data
    assert [(each.reporting_category, each.amount, each.fee, each.net) for each in lines] == [
        ("partial_capture_reversal", -300, 0, -300),
        ("charge", 1000, 36, 964),
    ]
    assert (await v1.balance.retrieve_async()).available[0].amount == 664


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda v1, it: v1.payment_intents.capture_async(it), "payment_intent_unexpected_state"),
        (lambda v1, it: v1.payment_intents.cancel_async(it), "payment_intent_unexpected_state"),
        (lambda v1, it: v1.payment_intents.confirm_async(it), "payment_intent_unexpected_state"),
    ],
)
async def test_a_captured_intent_is_done(
    v1: V1, customer: str, act: Callable[..., Awaitable[object]], code: str
):
    intent = await hold(v1, customer)
    await v1.payment_intents.capture_async(intent.id)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await act(v1, intent.id)
    assert (refused.value.code, refused.value.http_status) == (code, 400)
    assert refused.value.error.payment_intent.id == intent.id


async def test_no_more_is_captured_than_held(v1: V1, customer: str):
    intent = await hold(v1, customer)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await v1.payment_intents.capture_async(intent.id, {"amount_to_capture": 1001})
    assert refused.value.code == "amount_too_large"


async def test_over_refunds_are_refused(v1: V1, customer: str):
    intent = await hold(v1, customer)
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        await v1.refunds.create_async({"payment_intent": intent.id})
    await v1.payment_intents.capture_async(intent.id, {"amount_to_capture": 700})
    await v1.refunds.create_async({"payment_intent": intent.id, "amount": 300})
    with pytest.raises(stripe.InvalidRequestError, match=r"\(€4.01\).*\(€4.00\)"):
        await v1.refunds.create_async({"payment_intent": intent.id, "amount": 401})
    await v1.refunds.create_async({"payment_intent": intent.id})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await v1.refunds.create_async({"payment_intent": intent.id, "amount": 1})
    assert refused.value.code == "charge_already_refunded"
    listed = await v1.refunds.list_async({"payment_intent": intent.id})
    assert [each.amount for each in listed.data] == [400, 300]


@pytest.mark.parametrize(
    ("method", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ],
)
async def test_declined_cards(v1: V1, customer: str, method: str, code: str, decline_code: str):
    with pytest.raises(stripe.CardError) as declined:
        await hold(v1, customer, method=method)
    error = declined.value
    assert (error.http_status, error.code, error.error.decline_code) == (402, code, decline_code)
    intent = await v1.payment_intents.retrieve_async(error.error.payment_intent.id)
    assert (intent.status, intent.payment_method) == ("requires_payment_method", None)
    assert intent.last_payment_error.decline_code == decline_code
    with pytest.raises(stripe.CardError):
        await v1.payment_methods.attach_async(method, {"customer": customer})


async def test_a_card_that_saves_well_may_still_be_declined(v1: V1, customer: str):
    saved = await v1.payment_methods.attach_async(
        "pm_card_chargeCustomerFail", {"customer": customer}
    )
    with pytest.raises(stripe.CardError):
        await hold(v1, customer, method=saved.id)


async def test_three_d_secure_off_session_is_declined(v1: V1, customer: str):
    intent = await v1.payment_intents.create_async(
        {
            "amount": 1000,
            "currency": "eur",
            "customer": customer,
            "payment_method": "pm_card_threeDSecure2Required",
        }
    )
    with pytest.raises(stripe.CardError) as declined:
        await v1.payment_intents.confirm_async(intent.id, {"off_session": True})
    assert declined.value.code == "authentication_required"


async def test_another_customers_card_is_refused(v1: V1, customer: str):
    other = (await v1.customers.create_async()).id
    saved = await v1.payment_methods.attach_async("pm_card_visa", {"customer": other})
    with pytest.raises(stripe.InvalidRequestError, match="must be attached to the customer"):
        await hold(v1, customer, method=saved.id)
    await v1.payment_methods.detach_async(saved.id)
    with pytest.raises(stripe.InvalidRequestError, match="must be attached to the customer"):
        await hold(v1, other, method=saved.id)


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"currency": "eur"}, "parameter_missing"),
        ({"amount": 49, "currency": "eur"}, "amount_too_small"),
        ({"amount": 0, "currency": "eur"}, "parameter_invalid_integer"),
        ({"amount": 100_000_000, "currency": "eur"}, "amount_too_large"),
        ({"amount": "10.5", "currency": "eur"}, "parameter_invalid_integer"),
        ({"amount": 100, "currency": "eur", "colour": "red"}, "parameter_unknown"),
        (
            {"amount": 100, "currency": "eur", "payment_method_types": ["card"]},
            "payment_method_types_no_longer_supported",
        ),
        ({"amount": 100, "currency": "eur", "customer": "cus_none"}, "resource_missing"),
        ({"amount": 100, "currency": "eur", "payment_method": "pm_none"}, "resource_missing"),
    ],
)
async def test_parameters_are_validated(v1: V1, params: Any, code: str):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await v1.payment_intents.create_async(params)
    assert refused.value.code == code


async def test_the_same_key_replays_the_first_answer(v1: V1, customer: str):
    params = {"amount": 1000, "currency": "eur", "customer": customer}
    first = await v1.payment_intents.create_async(params, {"idempotency_key": "k"})
    again = await v1.payment_intents.create_async(params, {"idempotency_key": "k"})
    assert again.id == first.id
    assert again.last_response.headers["idempotent-replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError, match="same parameters"):
        await v1.payment_intents.create_async({**params, "amount": 1001}, {"idempotency_key": "k"})
    assert len((await v1.payment_intents.list_async({"customer": customer})).data) == 1


async def test_a_decline_is_replayed_with_its_status(v1: V1, customer: str):
    params = {
        "amount": 1000,
        "currency": "eur",
        "customer": customer,
        "payment_method": "pm_card_chargeDeclined",
        "confirm": True,
    }
    charges = []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as declined:
            await v1.payment_intents.create_async(params, {"idempotency_key": "k"})
        charges.append(declined.value.error.charge)
    assert charges[0] == charges[1]


async def test_a_refused_parameter_does_not_use_up_the_key(v1: V1):
    with pytest.raises(stripe.InvalidRequestError):
        await v1.payment_intents.create_async({"amount": 1}, {"idempotency_key": "k"})
    params = {"amount": 1000, "currency": "eur"}
    assert await v1.payment_intents.create_async(params, {"idempotency_key": "k"})


async def test_a_key_in_use_is_a_conflict(v1: V1, misbehave: Callable[..., None]):
    misbehave("timeout_after", "payment_intents.create", seconds=0.3)
    params = {"amount": 1000, "currency": "eur"}
    first, second = await asyncio.gather(
        *(v1.payment_intents.create_async(params, {"idempotency_key": "k"}) for _ in range(2)),
        return_exceptions=True,
    )
    refused = first if isinstance(first, Exception) else second
    assert isinstance(refused, stripe.APIError)
    assert refused.http_status == 409
    assert len((await v1.payment_intents.list_async()).data) == 1


async def test_a_stored_500_is_replayed(v1: V1, misbehave: Callable[..., None]):
    misbehave("error_500_after", "payment_intents.create")
    params = {"amount": 1000, "currency": "eur"}
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            await v1.payment_intents.create_async(params, {"idempotency_key": "k"})
    assert len((await v1.payment_intents.list_async()).data) == 1


async def test_lists_have_pages(v1: V1, customer: str):
    made = [(await hold(v1, customer)).id for _ in range(5)]
    page = await v1.payment_intents.list_async({"customer": customer, "limit": 2})
    assert [each.id for each in page.data] == made[:2:-1]
    assert [each.id async for each in page.auto_paging_iter()] == made[::-1]
    later = await v1.payment_intents.list_async({"created": {"gt": int(time.time()) + 60}})
    assert (later.data, later.has_more) == ([], False)


async def test_automatic_payouts_are_itemised(v1: V1, sandbox: str, customer: str):
    assert (await pay_out(sandbox)).status_code == 400
    intent = await hold(v1, customer)
    await v1.payment_intents.capture_async(intent.id)
    assert (await pay_out(sandbox)).status_code == 201
    payout = (await v1.payouts.list_async()).data[0]
    lines = (await v1.balance_transactions.list_async({"payout": payout.id})).data
    assert (payout.amount, payout.automatic) == (960, True)
    assert [(each.type, each.net) for each in lines] == [("payout", -960), ("charge", 960)]
    assert (await v1.balance.retrieve_async()).available[0].amount == 0


async def test_a_deleted_customer_is_gone(v1: V1, customer: str):
    await v1.payment_methods.attach_async("pm_card_visa", {"customer": customer})
    assert (await v1.customers.delete_async(customer)).deleted is True
    assert (await v1.customers.retrieve_async(customer)).deleted is True
    with pytest.raises(stripe.InvalidRequestError):
        await v1.payment_methods.list_async({"customer": customer})


async def test_a_hold_lapses_with_the_clock(tmp_path: Path):
    path = tmp_path / "processor.db"
    with sandbox_at(path) as url:
        v1 = client(url).v1
        customer = (await v1.customers.create_async()).id
        intent = await hold(v1, customer)
    stored = json.loads(_sql(path, "SELECT content FROM object WHERE id LIKE 'ch_%'"))
    stored["payment_method_details"]["card"]["capture_before"] = int(time.time()) - 1
    _sql(path, "UPDATE object SET content = ? WHERE id LIKE 'ch_%'", json.dumps(stored))
    with sandbox_at(path) as url:
        lapsed = await client(url).v1.payment_intents.retrieve_async(intent.id)
    assert (lapsed.status, lapsed.cancellation_reason) == ("canceled", "automatic")


def _sql(path: Path, statement: str, *values: str) -> str:
    import sqlite3  # noqa: PLC0415

    with sqlite3.connect(path) as db:
        row = db.execute(statement, values).fetchone()
    db.close()
    return "" if row is None else row[0]


async def test_the_state_and_the_keys_outlive_the_process(tmp_path: Path):
    path = tmp_path / "processor.db"
    params = {"amount": 1000, "currency": "eur"}
    with sandbox_at(path) as url:
        first = await client(url).v1.payment_intents.create_async(params, {"idempotency_key": "k"})
    with sandbox_at(path) as url:
        again = await client(url).v1.payment_intents.create_async(params, {"idempotency_key": "k"})
        other = await client(url).v1.payment_intents.create_async(params)
    assert again.id == first.id
    assert other.id > first.id


@pytest.mark.parametrize(
    ("header", "status"),
    [({}, 401), ({"authorization": "Bearer sk_live_x"}, 401), ({"authorization": "Basic x"}, 401)],
)
def test_a_test_key_is_needed(sandbox: str, header: dict[str, str], status: int):
    answer = httpx.get(f"{sandbox}/v1/balance", headers=header)
    assert answer.status_code == status
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert answer.headers["request-id"].startswith("req_")
