"""The processor's debits against the bare official SDK, as Stripe documents them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import stripe

from payments.sandbox.app import create_app
from tests.payments.conftest import KEY
from tests.payments.test_sandbox import V1, client, customer, v1
from tests.payments.test_sandbox_http import RESOURCES
from tests.served import served

__all__ = ["customer", "v1"]


async def account(v1: V1, customer: str, token: str = "pm_successDelayed_de") -> str:
    """A saved account, whose holder has agreed to a mandate."""
    setup = await v1.setup_intents.create_async(
        {
            "customer": customer,
            "payment_method": token,
            "confirm": True,
            "allowed_payment_method_types": ["sepa_debit"],
        }
    )
    return str(setup.payment_method)


async def debit(v1: V1, customer: str, method: str) -> stripe.PaymentIntent:
    intent = await v1.payment_intents.create_async(
        {
            "amount": 1000,
            "currency": "eur",
            "customer": customer,
            "payment_method": method,
            "allowed_payment_method_types": ["card", "sepa_debit"],
            "payment_method_options": {"card": {"capture_method": "manual"}},
        }
    )
    return await v1.payment_intents.confirm_async(intent.id, {"expand": ["latest_charge"]})


def command(sandbox: str, intent_id: str, what: str) -> httpx.Response:
    return httpx.post(f"{sandbox}/sandbox/debits/{intent_id}/{what}")


async def events(v1: V1) -> list[str]:
    kinds = [each.type for each in (await v1.events.list_async({"limit": 100})).data]
    return [kind for kind in reversed(kinds) if not kind.startswith(("customer", "setup"))]


async def lines(v1: V1) -> list[tuple[str, str, int]]:
    found = (await v1.balance_transactions.list_async()).data
    return [(each.type, each.reporting_category, each.amount) for each in reversed(found)]


async def balance(v1: V1) -> tuple[int, int]:
    found = await v1.balance.retrieve_async()
    return found.available[0].amount, found.pending[0].amount


async def test_one_that_comes(v1: V1, sandbox: str, customer: str):
    intent = await debit(v1, customer, await account(v1, customer))
    charge = intent.latest_charge
    assert (intent.status, charge.status, charge.paid) == ("processing", "pending", False)
    details = charge.payment_method_details.sepa_debit
    assert (details.bank_code, details.last4, details.country) == ("37040044", "3003", "DE")
    assert (await v1.mandates.retrieve_async(details.mandate)).status == "active"
    assert await balance(v1) == (0, 965)
    for act in (v1.payment_intents.cancel_async, v1.payment_intents.capture_async):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await act(intent.id)
        assert refused.value.code == "payment_intent_unexpected_state"
    with pytest.raises(stripe.InvalidRequestError):
        await v1.refunds.create_async({"payment_intent": intent.id})

    assert command(sandbox, intent.id, "succeed").json()["status"] == "succeeded"
    assert (await v1.payment_intents.retrieve_async(intent.id)).amount_received == 1000
    assert await balance(v1) == (965, 0)
    assert await lines(v1) == [("payment", "charge", 1000)]
    assert (await events(v1))[-4:] == [
        "charge.pending",
        "payment_intent.processing",
        "charge.succeeded",
        "payment_intent.succeeded",
    ]
    assert (await v1.refunds.create_async({"payment_intent": intent.id})).amount == 1000


async def test_one_that_fails_leaves_the_balance(v1: V1, sandbox: str, customer: str):
    intent = await debit(v1, customer, await account(v1, customer, "pm_insufficientFunds_de"))
    command(sandbox, intent.id, "fail")
    failed = await v1.payment_intents.retrieve_async(intent.id, {"expand": ["latest_charge"]})
    assert (failed.status, failed.latest_charge.failure_code) == (
        "requires_payment_method",
        "insufficient_funds",
    )
    assert await lines(v1) == [
        ("payment", "charge", 1000),
        ("payment_failure_refund", "charge_failure", -1000),
    ]
    assert await balance(v1) == (-35, 0)
    assert (await events(v1))[-1] == "payment_intent.payment_failed"


async def test_one_that_is_returned_is_lost_at_once(v1: V1, sandbox: str, customer: str):
    method = await account(v1, customer)
    intent = await debit(v1, customer, method)
    command(sandbox, intent.id, "succeed")
    assert command(sandbox, intent.id, "return").status_code == 200
    found = (await v1.disputes.list_async()).data
    assert [(each.status, each.amount, each.evidence_details.due_by) for each in found] == [
        ("lost", 1000, None)
    ]
    assert (await events(v1))[-3:] == [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.closed",
    ]
    with pytest.raises(stripe.InvalidRequestError) as ended:
        await debit(v1, customer, method)
    assert ended.value.code == "payment_intent_mandate_invalid"


@pytest.mark.parametrize(
    ("token", "after_s", "status", "disputes"),
    [
        ("pm_success_de", 10, "succeeded", 0),
        ("pm_successDelayed_de", 10, "processing", 0),
        ("pm_successDelayed_de", 180, "succeeded", 0),
        ("pm_failed_de", 10, "requires_payment_method", 0),
        ("pm_failedDelayed_de", 180, "requires_payment_method", 0),
        ("pm_insufficientFunds_de", 10, "requires_payment_method", 0),
        ("pm_disputed_de", 10, "succeeded", 1),
    ],
)
async def test_test_accounts_decide_by_the_clock(
    tmp_path: Path, token: str, after_s: int, status: str, disputes: int
):
    moment = [datetime(2026, 11, 26, 12, tzinfo=UTC)]
    app = create_app(path=tmp_path / "state", clock=lambda: moment[0])
    with served(app) as url:
        made = client(url)
        buyer = (await made.v1.customers.create_async({})).id
        intent = await debit(made.v1, buyer, await account(made.v1, buyer, token))
        assert intent.status == "processing"
        moment[0] += timedelta(seconds=after_s)
        assert (await made.v1.payment_intents.retrieve_async(intent.id)).status == status
        assert len((await made.v1.disputes.list_async()).data) == disputes
        await made._requestor._client.close_async()


async def test_what_a_debit_cannot_do_is_refused(v1: V1, sandbox: str, customer: str):
    method = await account(v1, customer)
    paid = {"amount": 1000, "currency": "eur", "customer": customer, "payment_method": method}
    for more in (
        {"allowed_payment_method_types": ["card"]},
        {"allowed_payment_method_types": ["sepa_debit"], "capture_method": "manual"},
    ):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await v1.payment_intents.create_async({**paid, **more})
        assert refused.value.code == "payment_intent_incompatible_payment_method"
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        await v1.payment_intents.create_async({**paid, "allowed_payment_method_types": ["barter"]})
    assert unknown.value.param == "allowed_payment_method_types"
    with pytest.raises(stripe.InvalidRequestError) as unsigned:
        await debit(v1, customer, "pm_success_de")
    assert unsigned.value.code == "payment_intent_mandate_invalid"
    for path in ("pi_none/succeed", "pi_none/explode", "x/return"):
        assert command(sandbox, *path.split("/")).status_code == 404
    intent = await debit(v1, customer, method)
    assert command(sandbox, intent.id, "return").status_code == 400
    command(sandbox, intent.id, "succeed")
    assert command(sandbox, intent.id, "fail").status_code == 400


def test_the_page_shows_the_mandate_only_where_accounts_are_allowed(sandbox: str):
    headers = {"authorization": f"Bearer {KEY}"}
    for types, mandate, status in ((["card"], False, 402), (["card", "sepa_debit"], True, 303)):
        params = {"mode": "setup", "success_url": "http://shop/ok"}
        params |= {f"allowed_payment_method_types[{n}]": each for n, each in enumerate(types)}
        made = httpx.post(f"{sandbox}/v1/checkout/sessions", data=params, headers=headers).json()
        assert ("SEPA-Lastschriftmandat" in httpx.get(made["url"]).text) is mandate
        assert httpx.post(made["url"], data={"method": "pm_success_de"}).status_code == status


@pytest.mark.peer
@pytest.mark.skipif(not RESOURCES, reason="Stripe's fixtures lie beside the repository")
async def test_a_mandate_has_the_fields_of_stripes_own(v1: V1, sandbox: str, customer: str):
    intent = await debit(v1, customer, await account(v1, customer))
    mandate = intent.latest_charge.payment_method_details.sepa_debit.mandate
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {KEY}"}) as http:
        answer = await http.get(f"{sandbox}/v1/mandates/{mandate}")
    assert sorted(set(RESOURCES["mandate"]) - set(answer.json())) == []
