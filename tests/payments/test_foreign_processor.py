"""The sandbox beside a foreign implementation of Stripe: the same calls, the same story.

Only what ``localstripe`` has right is asked. Left out, since it differs from what Stripe documents:
it refunds more than was charged, lists what a partial capture lets go as a refund, fails with 500
on a capture before the confirmation, and knows neither idempotency keys nor ``capture_before``.
Both are asked through the bare SDK; the gateway is not used.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import closing
from typing import Any

import pytest
import stripe
from stripe import StripeClient

V1 = stripe._v1_services.V1Services
KEY = "sk_test_1234567890"
READY_WITHIN_S = 30


def client(url: str) -> StripeClient:
    return StripeClient(
        KEY,
        base_addresses={"api": url},
        http_client=stripe.HTTPXClient(timeout=10),
        max_network_retries=0,
    )


@pytest.fixture
async def foreign() -> AsyncIterator[str]:
    """``localstripe`` as a process of its own, on a free port."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "localstripe", "--from-scratch", "--port", str(port)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    for _ in range(READY_WITHIN_S * 10):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            break
    yield f"http://127.0.0.1:{port}"
    process.kill()
    await process.wait()


class Story:
    """What happened, in words that do not depend on who tells it."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    async def tell(self, what: str, asked: Awaitable[Any]) -> Any:
        try:
            got = await asked
        except stripe.StripeError as error:
            self.lines.append(f"{what}: {type(error).__name__} {error.http_status}")
            return None
        self.lines.append(f"{what}: {self._words(got.to_dict())}")
        return got

    def _words(self, found: dict[str, Any]) -> str:
        shown = {name: found.get(name) for name in _SHOWN.get(found["object"], ())}
        return " ".join([found["object"], *(f"{k}={v}" for k, v in shown.items())])


_SHOWN = {
    "customer": ("email", "metadata"),
    "payment_method": ("type",),
    "payment_intent": ("status", "amount", "currency", "metadata"),
    "refund": ("status", "amount", "currency"),
}


async def play(v1: V1) -> list[str]:
    """Customer, method, create, confirm, capture, plain cancel, refund; and what is refused."""
    story = Story()
    customer = await story.tell(
        "a customer", v1.customers.create_async({"metadata": {"pseudonym": "p1"}})
    )
    await story.tell("no such customer", v1.customers.retrieve_async("cus_none"))

    async def intent(what: str, amount: int) -> Any:
        made = v1.payment_intents.create_async(
            {
                "amount": amount,
                "currency": "eur",
                "customer": customer.id,
                "payment_method": "pm_card_visa",
                "capture_method": "manual",
                "metadata": {"money_op": what},
            }
        )
        return await story.tell(what, made)

    await intent("an intent of nothing", 0)
    ride = await intent("a ride", 1000)
    await story.tell("confirmed", v1.payment_intents.confirm_async(ride.id))
    await story.tell("confirmed twice", v1.payment_intents.confirm_async(ride.id))
    await story.tell(
        "captured", v1.payment_intents.capture_async(ride.id, {"amount_to_capture": 640})
    )
    await story.tell("cancelled too late", v1.payment_intents.cancel_async(ride.id))
    await story.tell("read", v1.payment_intents.retrieve_async(ride.id))
    for amount in (200, 440):
        await story.tell(
            f"{amount} given back",
            v1.refunds.create_async({"payment_intent": ride.id, "amount": amount}),
        )

    unused = await intent("unconfirmed", 500)
    await story.tell("let go unconfirmed", v1.payment_intents.cancel_async(unused.id))
    held = await intent("held", 700)
    await story.tell("confirmed", v1.payment_intents.confirm_async(held.id))
    await story.tell("let go", v1.payment_intents.cancel_async(held.id))
    await story.tell("cancelled twice", v1.payment_intents.cancel_async(held.id))
    await story.tell("confirmed after all", v1.payment_intents.confirm_async(held.id))
    await story.tell("no such intent", v1.payment_intents.retrieve_async("pi_none"))
    return story.lines


async def told_by(url: str) -> list[str]:
    made = client(url)
    try:
        return await play(made.v1)
    finally:
        await made._requestor._client.close_async()


async def test_both_processors_tell_the_same_story(sandbox: str, foreign: str) -> None:
    ours, theirs = await told_by(sandbox), await told_by(foreign)
    assert ours == theirs
    assert "captured: payment_intent status=succeeded" in " | ".join(ours)
