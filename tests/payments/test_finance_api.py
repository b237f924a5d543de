"""Webhooks in, and finance's view out, over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility.api import by_hand, finance, webhooks
from mobility.api.dependencies import get_rider
from mobility.api.errors import install_errors
from mobility.audit import list_deeds
from mobility.identity.roles import Role
from mobility.identity.tokens import RiderIdentity
from mobility.settings import Settings
from payments.cases import file_cases
from payments.matching import Case, CaseKind
from payments.money import Money
from payments.sandbox.hooks import sign
from payments.stripe_gateway import StripeGateway
from payments.tables import psp_event
from tests.payments.conftest import SECRET
from tests.payments.test_reconcile import came_back
from tests.payments.world import Till, split


@pytest.fixture
async def api(
    engine: AsyncEngine, gateway: StripeGateway, now: datetime
) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(webhooks.router)
    app.include_router(finance.router)
    app.include_router(by_hand.router)
    install_errors(app)
    someone = RiderIdentity("rdr_finance", frozenset({Role.FINANCE}), "ses_1")
    app.dependency_overrides[get_rider] = lambda: someone
    settings = Settings.model_construct(stripe_webhook_secret=SecretStr(SECRET))
    app.state.wiring = SimpleNamespace(
        engine=engine, gateway=gateway, settings=settings, clock=lambda: datetime.now(UTC)
    )
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
        yield client


def event(event_id: str = "evt_1", **more: object) -> str:
    wire = {
        "id": event_id,
        "object": "event",
        "type": "payment_intent.succeeded",
        "created": 1795680000,
        "data": {"object": {"id": "pi_1", "object": "payment_intent"}},
    }
    return json.dumps({**wire, **more})


async def post(api: httpx.AsyncClient, body: str, signature: str | None = None) -> httpx.Response:
    signed = sign(body, SECRET, int(datetime.now(UTC).timestamp()))
    headers = {"stripe-signature": signed if signature is None else signature}
    return await api.post("/webhooks/stripe", content=body, headers=headers)


async def test_an_event_is_stored_once_and_worked_off_by_a_step(
    api: httpx.AsyncClient, engine: AsyncEngine
):
    first, second = await post(api, event()), await post(api, event())
    assert (first.status_code, first.json()) == (200, {"id": "evt_1", "new": True})
    assert (second.status_code, second.json()) == (200, {"id": "evt_1", "new": False})
    async with engine.connect() as tx:
        stored = (await tx.execute(select(psp_event))).one()
        steps = (await tx.execute(text("SELECT kind, key FROM step"))).all()
    assert (stored.id, stored.hold_id, stored.state) == ("evt_1", "pi_1", "stored")
    assert [tuple(row) for row in steps] == [("apply_events", "all")]


async def test_a_forged_event_is_refused_as_a_problem(api: httpx.AsyncClient):
    answer = await post(api, event(), "t=1,v1=00")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_huge_event_is_refused_before_it_is_read(api: httpx.AsyncClient):
    assert (await post(api, event(padding="x" * 300_000))).status_code == 413


async def test_finance_sees_a_trip_from_hold_to_reconciliation(
    api: httpx.AsyncClient, engine: AsyncEngine, gateway: StripeGateway, now: datetime
):
    till = Till(engine, gateway, now)
    await till.authorise(1000)
    await till.capture(split(620, commission=62))
    await till.refund(120)

    run = await api.post("/v1/finance/reconciliations")
    assert run.status_code == 201
    assert run.json()["cases"] == []
    assert run.json()["balanced"] is True
    assert (run.json()["ledger"], run.json()["processor"]) == (
        {"amount": 500 - 34, "currency": "EUR"},
        {"amount": 500 - 34, "currency": "EUR"},
    )
    again = await api.get(f"/v1/finance/reconciliations/{run.json()['id']}")
    assert again.json() == run.json()

    trace = (await api.get("/v1/finance/traces/bkg_1")).json()
    assert [each["kind"] for each in trace["payments"][0]["operations"]] == [
        "authorise",
        "confirm",
        "capture",
        "refund",
    ]
    assert [each["kind"] for each in trace["journals"]] == [
        "capture",
        "commission",
        "refund",
        "commission",
        "fee",
    ]
    assert [each["net"]["amount"] for each in trace["processor_lines"]] == [966, -380, -120]
    for journal in trace["journals"]:
        assert sum(each["amount"]["amount"] for each in journal["entries"]) == 0

    balances = (await api.get("/v1/finance/balances")).json()["balances"]
    assert sum(each["balance"]["amount"] for each in balances) == 0


async def test_a_repeated_reconciliation_is_the_first_one(api: httpx.AsyncClient):
    path, key = "/v1/finance/reconciliations", {"Idempotency-Key": "k1"}
    run = await api.post(path, headers=key)
    assert (run.status_code, (await api.post(path, headers=key)).json()) == (201, run.json())
    assert (await api.post(path)).json()["id"] != run.json()["id"]
    other = await api.post(path, headers=key, json={"all": True})
    assert (other.status_code, other.json()["type"]) == (409, "/problems/idempotency-key-reused")


async def test_what_is_unknown_is_not_found(api: httpx.AsyncClient):
    for path in ("reconciliations/rec_none", "traces/bkg_none"):
        assert (await api.get(f"/v1/finance/{path}")).status_code == 404
    assert (await api.get("/v1/finance/traces/a%00b")).status_code == 422
    assert (await api.get("/v1/finance/cases?cursor=nonsense")).status_code == 400


async def test_cases_come_in_pages(
    api: httpx.AsyncClient, engine: AsyncEngine, gateway: StripeGateway, now: datetime
):
    customer = await gateway.create_customer("stranger")
    for number in range(3):
        hold = await gateway.create_hold(
            key=f"h{number}",
            operation_id=f"pay_x{number}.authorise",
            booking_id="bkg_x",
            amount=Money(1000),
            customer_ref=customer,
            method="pm_card_visa",
        )
        await gateway.confirm_hold(hold.id, key=f"c{number}", return_url="http://x")
        await gateway.capture_hold(hold.id, key=f"t{number}", amount=Money(1000))
    run = (await api.post("/v1/finance/reconciliations")).json()
    assert (run["case_count"], run["unexplained"]["amount"], run["balanced"]) == (3, 0, False)

    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        shown = (await api.get("/v1/finance/cases", params=params)).json()
        seen += [each["kind"] for each in shown["cases"]]
        cursor = shown["next_cursor"]
    assert seen == ["missing_ours"] * 3


async def audited(engine: AsyncEngine) -> list[tuple[str, str, str, str]]:
    async with engine.begin() as tx:
        deeds = [deed for _, deed in await list_deeds(tx, limit=9)]
    return [(deed.actor, deed.action, deed.subject, deed.reason) for deed in deeds]


async def test_a_refund_that_came_back_and_was_transferred_is_booked_once(
    api: httpx.AsyncClient, engine: AsyncEngine, gateway: StripeGateway, now: datetime, sandbox: str
):
    till = Till(engine, gateway, now)
    await till.authorise(1000)
    await till.capture(split(1000))
    await till.refund(400)
    await api.post("/v1/finance/reconciliations")
    await came_back(sandbox)
    run = (await api.post("/v1/finance/reconciliations")).json()
    assert [(case["kind"], case["subject"]) for case in run["cases"]] == [
        ("refund_failed", "pay_1.refund.all")
    ]
    path, key = "/v1/finance/refunds/pay_1.refund.all/transferred", {"Idempotency-Key": "k1"}
    why = {"reason": "transfer 4711"}
    answers = await asyncio.gather(*(api.post(path, json=why, headers=key) for _ in range(3)))
    assert [(answer.status_code, answer.json()) for answer in answers] == [
        (200, {"refund": "pay_1.refund.all", "amount": {"amount": 400, "currency": "EUR"}})
    ] * 3
    assert (await till.balances())["bank:EUR"] == -400
    assert await audited(engine) == [
        ("rdr_finance", "refund.transferred", "pay_1.refund.all", "4.00 EUR: transfer 4711")
    ]
    assert (await api.get("/v1/finance/cases")).json()["cases"] == []
    again, other = await api.post(path, json=why), await api.post(path, json={}, headers=key)
    assert (again.status_code, other.status_code) == (404, 422)
    other = await api.post(path, json={"reason": "another"}, headers=key)
    assert (other.status_code, other.json()["type"]) == (409, "/problems/idempotency-key-reused")


async def test_a_case_that_a_person_settled_is_closed_once(
    api: httpx.AsyncClient, engine: AsyncEngine
):
    subject = "pay_4xk2s7qpm5u6w3a2c7t4e5n6ra.refund.goodwill.leg_2ab3cd4ef5gh6ij7kl2mn3op4q.360"
    run_id = (await api.post("/v1/finance/reconciliations")).json()["id"]
    case = Case(CaseKind.AMOUNT, subject, Money(5), "they refunded 0.05 EUR less", "bkg_1")
    async with engine.begin() as tx:
        await file_cases(tx, run_id, [case], datetime.now(UTC))
    path, key = f"/v1/finance/cases/{subject}/close", {"Idempotency-Key": "k1"}
    why = {"reason": "transferred the rest"}
    for _ in range(2):
        closed = await api.post(path, json=why, headers=key)
        assert closed.status_code == 200
        (shown,) = closed.json()["cases"]
        assert (shown["subject"], shown["open"], shown["kind"]) == (subject, False, "amount")
    assert await audited(engine) == [("rdr_finance", "case.close", subject, "transferred the rest")]
    again = await api.post(path, json=why)
    assert (again.status_code, "transferred, others when" in again.json()["detail"]) == (404, True)


async def test_finance_needs_the_role(api: httpx.AsyncClient):
    api._transport.app.dependency_overrides.clear()  # type: ignore[attr-defined]
    assert (await api.get("/v1/finance/balances")).status_code == 401
    for path in ("refunds/pay_1.refund.all/transferred", "cases/dp_1/close"):
        answer = await api.post(f"/v1/finance/{path}", json={"reason": "because"})
        assert answer.status_code == 401
