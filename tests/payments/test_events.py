"""Webhooks as a hostile boundary, and events as hints."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import UTC, datetime, timedelta

import pytest
import stripe
from fastapi import FastAPI, HTTPException, Request
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from payments.errors import WebhookRefusedError
from payments.money import Money
from payments.sandbox.hooks import sign
from payments.stripe_events import (
    Event,
    apply_event,
    list_unapplied,
    store_event,
    verify_event,
)
from payments.stripe_gateway import StripeGateway
from payments.tables import psp_event
from tests.payments.conftest import KEY, SECRET, sandbox_at
from tests.payments.world import Till
from tests.served import served

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
BODY = json.dumps(
    {
        "id": "evt_1",
        "object": "event",
        "type": "payment_intent.succeeded",
        "created": 1795680000,
        "data": {
            "object": {
                "id": "pi_1",
                "object": "payment_intent",
                "metadata": {"money_op": "pay_1.authorise"},
                "shipping": {"name": "Anna Example"},
            }
        },
    }
)


def verify(body: str | bytes, signature: str | None, now: datetime = NOW) -> Event:
    raw = body.encode() if isinstance(body, str) else body
    return verify_event(raw, signature, SECRET, now)


def signed(body: str, at: datetime = NOW, secret: str = SECRET) -> str:
    return sign(body, secret, int(at.timestamp()))


def test_the_sandbox_signs_as_the_sdk_does():
    at = int(NOW.timestamp())
    assert sign(BODY, SECRET, at) == stripe.WebhookSignature.generate_signature_header(
        BODY, SECRET, at
    )


def test_a_signed_event_is_reduced_to_names():
    assert verify(BODY, signed(BODY)) == Event(
        "evt_1",
        "payment_intent.succeeded",
        datetime.fromtimestamp(1795680000, UTC),
        "pi_1",
        "pi_1",
        "pay_1.authorise",
    )


@pytest.mark.parametrize("drift_s", [-301, 301, 10 * 365 * 86400])
def test_neither_an_old_nor_a_future_signature_is_taken(drift_s: int):
    with pytest.raises(WebhookRefusedError, match="too far from now"):
        verify(BODY, signed(BODY, NOW + timedelta(seconds=drift_s)))


@pytest.mark.parametrize("drift_s", [-299, 299])
def test_clocks_may_differ_a_little(drift_s: int):
    assert verify(BODY, signed(BODY, NOW + timedelta(seconds=drift_s))).id == "evt_1"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "nonsense",
        "t=1",
        "v1=00",
        "t=x,v1=00",
        "t=99999999999999999999,v1=00",
        signed(BODY, secret="whsec_other"),
        signed(BODY).replace("v1=", "v0="),
        signed(BODY) + ",t=1",
        "t=1," + signed(BODY),
        "t=" + "9" * 5000 + ",v1=00",
    ],
)
def test_what_is_not_signed_by_us_is_refused(header: str | None):
    with pytest.raises(WebhookRefusedError):
        verify(BODY, header)


@given(st.integers(0, len(BODY) - 1), st.characters(codec="utf-8"))
def test_no_changed_byte_passes(place: int, other: str):
    changed = BODY[:place] + other + BODY[place + 1 :]
    if changed != BODY:
        with pytest.raises(WebhookRefusedError):
            verify(changed, signed(BODY))


@given(st.binary(max_size=200))
def test_no_bytes_break_it(body: bytes):
    with pytest.raises(WebhookRefusedError):
        verify(body, signed(BODY))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=9,
)


@given(
    st.sampled_from(["id", "object", "type", "created", "data"]),
    _JSON,
    st.sampled_from(["id", "payment_intent", "metadata", "object", None]),
)
def test_odd_content_even_if_signed_is_refused_or_harmless(
    field: str, value: object, inner: str | None
):
    wire = json.loads(BODY)
    if inner is None:
        wire[field] = value
    else:
        wire["data"]["object"][inner] = value
    body = json.dumps(wire)
    with contextlib.suppress(WebhookRefusedError):
        event = verify(body, signed(body))
        for name in (event.id, event.hold_id, event.operation_id, event.type):
            assert name is None or (name.isascii() and name.isprintable())


@pytest.mark.parametrize("body", ["[" * 100_000, "null", "1e999", "{}", "[]", '"\\ud800"'])
def test_signed_nonsense_is_refused(body: str):
    with pytest.raises(WebhookRefusedError):
        verify(body, signed(body))


def test_a_huge_body_is_refused_unread():
    with pytest.raises(WebhookRefusedError, match="more than"):
        verify(b"x" * 300_000, None)


def event(event_id: str, hold_id: str | None, operation_id: str | None = None) -> Event:
    return Event(event_id, "payment_intent.succeeded", NOW, hold_id, hold_id, operation_id)


async def store(engine: AsyncEngine, wanted: Event, now: datetime) -> bool:
    async with engine.begin() as tx:
        return await store_event(tx, wanted, now)


async def apply(engine: AsyncEngine, event_id: str, now: datetime) -> tuple[str, ...]:
    async with engine.begin() as tx:
        return await apply_event(tx, event_id, now)


async def state_of(engine: AsyncEngine, event_id: str) -> str:
    async with engine.connect() as tx:
        found = await tx.scalar(select(psp_event.c.state).where(psp_event.c.id == event_id))
        return str(found)


async def test_an_event_names_the_payments_it_touches(
    engine: AsyncEngine, gateway: StripeGateway, now: datetime
):
    held = await Till(engine, gateway, now).authorise(1000)
    assert await store(engine, event("evt_1", held.hold_id), now)
    assert not await store(engine, event("evt_1", held.hold_id), now)
    await store(engine, event("evt_2", "pi_not_yet_ours", "pay_1.authorise"), now)
    await store(engine, event("evt_3", None), now)
    async with engine.connect() as tx:
        assert await list_unapplied(tx, now) == ("evt_1", "evt_2", "evt_3")
    assert await apply(engine, "evt_1", now) == ("pay_1",)
    assert await apply(engine, "evt_1", now) == ()
    assert await apply(engine, "evt_2", now) == ("pay_1",)
    assert await apply(engine, "evt_3", now) == ()
    async with engine.connect() as tx:
        assert await list_unapplied(tx, now) == ()


async def test_an_event_is_done_only_with_its_effect(
    engine: AsyncEngine, gateway: StripeGateway, now: datetime
):
    held = await Till(engine, gateway, now).authorise(1000)
    await store(engine, event("evt_1", held.hold_id), now)
    with contextlib.suppress(ZeroDivisionError):
        async with engine.begin() as tx:
            assert await apply_event(tx, "evt_1", now) == ("pay_1",)
            raise ZeroDivisionError
    assert await apply(engine, "evt_1", now) == ("pay_1",)


async def test_an_event_of_a_stranger_is_tried_for_an_hour(engine: AsyncEngine):
    await store(engine, event("evt_1", "pi_unknown"), NOW)
    assert await apply(engine, "evt_1", NOW) == ()
    assert await state_of(engine, "evt_1") == "stored"
    async with engine.connect() as tx:
        assert await list_unapplied(tx, NOW + timedelta(seconds=59)) == ()
        assert await list_unapplied(tx, NOW + timedelta(seconds=60)) == ("evt_1",)
    assert await apply(engine, "evt_1", NOW + timedelta(hours=1)) == ()
    assert await state_of(engine, "evt_1") == "unmatched"


async def test_the_sandbox_delivers_signed_events_until_they_are_taken():
    seen: list[Event] = []
    refusals = [503]
    app = FastAPI()

    @app.post("/hook")
    async def hook(request: Request) -> None:
        body = await request.body()
        found = verify_event(body, request.headers["stripe-signature"], SECRET, datetime.now(UTC))
        if refusals:
            raise HTTPException(refusals.pop())
        seen.append(found)

    with served(app) as here, sandbox_at(webhook_url=f"{here}/hook") as sandbox:
        gateway = StripeGateway(KEY, api_base=sandbox)
        customer = await gateway.create_customer("p")
        hold = await gateway.create_hold(
            key="k",
            operation_id="pay_1.authorise",
            booking_id="bkg_1",
            amount=Money(500),
            customer_ref=customer,
            method="pm_card_visa",
        )
        await gateway.confirm_hold(hold.id, key="k2", return_url="http://x")
        wanted = {
            "customer.created",
            "payment_intent.created",
            "charge.succeeded",
            "payment_intent.amount_capturable_updated",
        }
        for _ in range(200):
            if {each.type for each in seen} >= wanted:
                break
            await asyncio.sleep(0.02)
        assert {each.type for each in seen} == wanted
        assert {each.hold_id for each in seen} == {None, hold.id}
        await gateway.close()
