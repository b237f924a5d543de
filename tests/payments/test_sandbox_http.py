"""The processor over plain HTTP: odd requests, hosted pages, and the fields of Stripe's objects."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from tests.payments.conftest import KEY
from tests.payments.test_sandbox import V1, customer, hold, pay_out, v1

__all__ = ["customer", "v1"]
FIXTURES = Path("../shared/payments/stripe-fixtures3.json")
RESOURCES = json.loads(FIXTURES.read_text())["resources"] if FIXTURES.exists() else {}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("nothing", "", 404),
        ("payment_intents", "amount[a]=1&amount=2", 400),
        ("payment_intents", "amount=1&amount[a]=2", 400),
        ("payment_intents", "a" + "[b]" * 50 + "=1", 400),
        ("payment_intents", "=1", 400),
        ("customers", "metadata=x", 400),
        ("customers", "metadata[a][b]=x", 400),
        ("customers", "name=" + "x" * 300_000, 413),
        ("payment_intents", "&".join(f"a{n}=1" for n in range(2000)), 400),
        ("payment_intents", "created=x&expand=latest_charge&amount=100&currency=eur", 400),
        ("refunds", "payment_intent[]=pi_1", 400),
        ("checkout/sessions", "mode=payment", 400),
        ("checkout/sessions", "mode=setup", 400),
    ],
)
def test_odd_requests_get_stripes_errors(sandbox: str, path: str, body: str, status: int):
    headers = {"authorization": f"Bearer {KEY}"}
    answer = httpx.post(f"{sandbox}/v1/{path}", content=body, headers=headers)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])


def test_hosted_pages_run_no_script_and_end_when_used(sandbox: str):
    headers = {"authorization": f"Bearer {KEY}"}
    params = {
        "mode": "setup",
        "allowed_payment_method_types[0]": "card",
        "success_url": "http://shop/ok?s={CHECKOUT_SESSION_ID}",
        "cancel_url": 'http://shop/"><script>',
    }
    made = httpx.post(f"{sandbox}/v1/checkout/sessions", data=params, headers=headers).json()
    page = httpx.get(made["url"])
    assert "<script" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' http://shop;" in policy
    refused = httpx.post(made["url"], data={"method": "pm_card_chargeDeclined"})
    assert (refused.status_code, "abgelehnt" in refused.text) == (402, True)
    done = httpx.post(made["url"], data={"method": "pm_card_visa"})
    assert (done.status_code, done.headers["location"]) == (303, f"http://shop/ok?s={made['id']}")
    for path in (made["url"], f"{sandbox}/pay/3ds/pi_none_secret_x", f"{sandbox}/pay/setup/none"):
        assert httpx.get(path).status_code == 404
        assert (
            httpx.post(path, data={"method": "pm_card_visa", "answer": "accept"}).status_code == 404
        )


def test_faults_are_checked(sandbox: str):
    url = f"{sandbox}/sandbox/faults"
    assert httpx.post(url, json={"fault": "earthquake"}).status_code == 422
    assert httpx.post(url, content="[").status_code == 422
    httpx.post(url, json={"fault": "error_429"})
    assert len(httpx.get(url).json()["faults"]) == 1
    assert httpx.delete(url).json() == {"faults": []}


@pytest.mark.peer
@pytest.mark.skipif(not RESOURCES, reason="Stripe's fixtures lie beside the repository")
async def test_objects_have_the_fields_of_stripes_own(v1: V1, sandbox: str, customer: str):
    saved = await v1.payment_methods.attach_async("pm_card_visa", {"customer": customer})
    intent = await hold(v1, customer, method=saved.id)
    await v1.payment_intents.capture_async(intent.id)
    refund = await v1.refunds.create_async({"payment_intent": intent.id, "amount": 1})
    await pay_out(sandbox)
    taken_back = await hold(v1, customer, method="pm_card_createDispute")
    await v1.payment_intents.capture_async(taken_back.id)
    session = await v1.checkout.sessions.create_async(
        {"mode": "setup", "currency": "eur", "customer": customer, "success_url": "http://x"}
    )
    paths = {
        "customer": f"customers/{customer}",
        "payment_method": f"payment_methods/{saved.id}",
        "payment_intent": f"payment_intents/{intent.id}",
        "charge": f"charges/{intent.latest_charge}",
        "refund": f"refunds/{refund.id}",
        "balance": "balance",
        "balance_transaction": f"balance_transactions/{refund.balance_transaction}",
        "checkout.session": f"checkout/sessions/{session.id}",
        "setup_intent": f"setup_intents/{session.setup_intent}",
        "dispute": f"disputes/{(await v1.disputes.list_async()).data[0].id}",
        "payout": f"payouts/{(await v1.payouts.list_async()).data[0].id}",
        "event": f"events/{(await v1.events.list_async()).data[0].id}",
    }
    headers = {"authorization": f"Bearer {KEY}"}
    missing = {}
    async with httpx.AsyncClient(base_url=sandbox, headers=headers) as http:
        for kind, path in paths.items():
            answer = await http.get(f"/v1/{path}")
            missing[kind] = sorted(set(RESOURCES[kind]) - set(answer.json()))
    assert {kind: names for kind, names in missing.items() if names} == {}
