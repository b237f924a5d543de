"""What a rider sees of what she owes, and how she pays it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from mobility.db import transaction
from mobility.identity.customers import get_or_create_customer
from mobility.ids import new_id
from mobility.tables import booking
from payments.debt import leave, open_debt
from payments.money import Money
from payments.payment import new_payment
from tests.api.conftest import START, World
from tests.api.test_search import of_modes, search
from tests.booking.world import open_world, run_processor

Json = dict[str, Any]


@pytest.fixture(scope="module")
def processor() -> Iterator[str]:
    with run_processor() as url:
        yield url


async def anna_owes(world: World, processor: str, cents: int) -> dict[str, str]:
    """Anna, signed in, in arrears for an earlier trip; and a real processor to pay it through."""
    booking_world = await open_world(world.wiring.engine, {}, processor, httpx.AsyncClient())
    gateway = booking_world.desk.gateway

    async def customer_of(rider_id: str) -> str:
        return await get_or_create_customer(
            world.wiring.engine, gateway, world.wiring.secrets, rider_id
        )

    desk = replace(booking_world.desk, clock=lambda: world.now, customer=customer_of)
    world.wiring = replace(world.wiring, gateway=desk.gateway, desk=desk)
    world.app.state.wiring = world.wiring
    headers = await world.sign_in()
    rider_id = (await world.client.get("/v1/trial/rider", headers=headers)).json()
    customer, payment_id = await desk.customer(rider_id), new_id("pay")
    async with transaction(world.wiring.engine) as tx:
        await tx.execute(
            booking.insert().values(
                id="bkg_1", rider_id=rider_id, offer_id="off_1", state="settled", aim="travel",
                payment_id=payment_id, payment_method="pm_card_visa", passengers=1, currency="EUR",
                price_minor=200, ceiling_minor=200, created_at=START, expires_at=START,
            )
        )  # fmt: skip
        await new_payment(
            tx, id=payment_id, booking_id="bkg_1", state="captured", currency="EUR",
            amount_minor=200, authorised_minor=200, captured_minor=200, receivable_minor=cents,
            customer_ref=customer, method="pm_card_visa", return_url=desk.return_url,
            created_at=START, updated_at=START,
        )  # fmt: skip
        await open_debt(tx, payment_id, "bkg_1", Money(cents), START)
        await leave(tx, payment_id, "insufficient_funds", START)
    return headers


async def pay(world: World, headers: dict[str, str], method: str, key: str) -> httpx.Response:
    return await world.client.post(
        "/v1/me/arrears/bkg_1/pay",
        json={"payment_method": method},
        headers=headers | {"Idempotency-Key": key},
    )


async def actions(world: World, headers: dict[str, str]) -> list[str]:
    shown = (await world.client.get("/v1/bookings/bkg_1", headers=headers)).json()
    return [each["action"] for each in shown["next_actions"]]


def owed(state: str, amount: int, **more: str | None) -> Json:
    return {
        "booking_id": "bkg_1",
        "state": state,
        "amount": {"amount": amount, "currency": "EUR"},
        "refused_because": None,
        "redirect_url": None,
    } | more


async def test_who_owes_and_wants_to_be_erased_is_told_to_pay_first(
    world: World, processor: str
) -> None:
    """Her trip is over: there is nothing to end or to cancel."""
    headers = await anna_owes(world, processor, 250)
    answer = await world.client.delete("/v1/me", headers=headers)
    assert (answer.status_code, answer.json()["booking_ids"]) == (409, ["bkg_1"])
    assert "pay what GET /v1/me/arrears lists" in answer.json()["detail"]
    await pay(world, headers, "pm_card_visa", "one")
    assert (await world.client.delete("/v1/me", headers=headers)).status_code == 204


async def test_arrears_are_shown_and_paid_with_any_card_of_hers(
    world: World, processor: str
) -> None:
    headers = await anna_owes(world, processor, 300)
    shown = (await world.client.get("/v1/me/arrears", headers=headers)).json()
    assert shown == {"arrears": [owed("arrears", 300, refused_because="insufficient_funds")]}

    assert await actions(world, headers) == ["pay_arrears"]
    declined = await pay(world, headers, "pm_card_chargeDeclined", "first")
    assert declined.json() == owed("arrears", 300, refused_because="generic_decline")

    paid = await pay(world, headers, "pm_card_visa", "second")
    assert (paid.status_code, paid.json()) == (200, owed("paid", 0))
    assert (await world.client.get("/v1/me/arrears", headers=headers)).json() == {"arrears": []}
    assert await actions(world, headers) == []


async def test_the_same_key_charges_once_and_another_body_is_refused(
    world: World, processor: str
) -> None:
    headers = await anna_owes(world, processor, 300)
    for _ in range(2):
        answer = await pay(world, headers, "pm_card_chargeDeclined", "one")
        assert answer.json()["state"] == "arrears"
    async with transaction(world.wiring.engine) as tx:
        assert (await tx.exec_driver_sql("select attempts from debt")).scalar_one() == 1
    other = await pay(world, headers, "pm_card_visa", "one")
    assert (other.status_code, other.json()["type"]) == (409, "/problems/idempotency-key-reused")


async def test_a_bank_that_wants_her_has_a_page(world: World, processor: str) -> None:
    headers = await anna_owes(world, processor, 300)
    answer = (await pay(world, headers, "pm_card_threeDSecure2Required", "one")).json()
    assert answer["state"] == "collecting"
    assert answer["redirect_url"].startswith(processor)


async def test_nobody_pays_or_sees_what_another_owes(world: World, processor: str) -> None:
    await anna_owes(world, processor, 300)
    ben = await world.sign_in("ben@example.org")
    assert (await world.client.get("/v1/me/arrears", headers=ben)).json() == {"arrears": []}
    answer = await pay(world, ben, "pm_card_visa", "one")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")


@pytest.mark.parametrize("method", ["", "pm card", "x" * 81, "pm_1\x00", None])
async def test_nonsense_is_refused(world: World, processor: str, method: str) -> None:
    headers = await anna_owes(world, processor, 300)
    answer = await pay(world, headers, method, "one")
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-request")


async def test_who_is_in_arrears_books_nothing_new(city_world: World, processor: str) -> None:
    headers = await anna_owes(city_world, processor, 300)
    offer = of_modes(await search(city_world), "bus")["offer_id"]
    answer = await city_world.client.post(
        "/v1/bookings",
        json={"offer_id": offer, "payment_method": "pm_card_visa"},
        headers=headers | {"Idempotency-Key": "one"},
    )
    assert answer.status_code == 402
    refused = answer.json()
    assert (refused["type"], refused["booking_ids"], refused["owed"]["amount"]) == (
        "/problems/arrears",
        ["bkg_1"],
        300,
    )
    assert refused["detail"].startswith("3.00 EUR of earlier trips are not paid")


async def test_a_second_debt_of_a_booking_can_be_paid_too(world: World, processor: str) -> None:
    headers = await anna_owes(world, processor, 300)
    assert (await pay(world, headers, "pm_card_visa", "first")).json() == owed("paid", 0)
    async with transaction(world.wiring.engine) as tx:
        payment_id = (
            await tx.exec_driver_sql("select id from payment where debt_id is null")
        ).scalar_one()
        await open_debt(tx, payment_id, "bkg_1", Money(200), START, dispute_id="du_1")
        await leave(tx, "du_1", "dispute_lost", START)
    shown = (await world.client.get("/v1/me/arrears", headers=headers)).json()
    assert shown == {"arrears": [owed("arrears", 200, refused_because="dispute_lost")]}
    assert (await pay(world, headers, "pm_card_visa", "second")).json() == owed("paid", 0)
    assert (await world.client.get("/v1/me/arrears", headers=headers)).json() == {"arrears": []}


async def test_what_is_too_little_to_be_charged_is_not_asked_for(
    city_world: World, processor: str
) -> None:
    headers = await anna_owes(city_world, processor, 49)
    (owed,) = (await city_world.client.get("/v1/me/arrears", headers=headers)).json()["arrears"]
    assert (owed["state"], owed["amount"]["amount"]) == ("too_little", 49)
    paid = await city_world.client.post(
        "/v1/me/arrears/bkg_1/pay", json={"payment_method": "pm_card_visa"}, headers=headers
    )
    assert await actions(city_world, headers) == []
    assert (paid.status_code, "and need not be paid" in paid.json()["detail"]) == (409, True)
