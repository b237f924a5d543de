"""What a rider sees of a bank account: it is saved, and debited for what she owes alone."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.api.conftest import World
from tests.api.test_arrears import anna_owes, owed, pay
from tests.api.test_search import of_modes, search
from tests.booking.world import run_processor

ACCOUNT = "pm_successDelayed_de"


@pytest.fixture(scope="module")
def processor() -> Iterator[str]:
    with run_processor() as url:
        yield url


async def save(world: World, headers: dict[str, str], *tokens: str) -> list[dict[str, object]]:
    """Save methods on the processor's page, and list what is saved, newest first."""
    for token in tokens:
        begun = await world.client.post("/v1/me/payment-methods", headers=headers)
        choose(begun.json()["redirect_url"], token)
    saved = await world.client.get("/v1/me/payment-methods", headers=headers)
    return list(saved.json()["payment_methods"])


def choose(url: str, token: str) -> None:
    assert httpx.post(url, data={"method": token}).status_code == 303


async def test_wallets_and_accounts_are_shown_as_such(world: World, processor: str) -> None:
    headers = await anna_owes(world, processor, 300)
    account, wallet = await save(world, headers, "pm_card_applePay", ACCOUNT)
    assert wallet == {
        "id": wallet["id"], "type": "card", "label": "Apple Pay, Visa •••• 4242",
        "last4": "4242", "brand": "visa", "expires": "2034-12", "wallet": "apple_pay",
        "bank_code": None, "country": None, "mandate_reference": None,
    }  # fmt: skip
    assert account == {
        "id": account["id"], "type": "sepa_debit", "label": "SEPA-Lastschrift, DE •••• 3003",
        "last4": "3003", "brand": None, "expires": None, "wallet": None,
        "bank_code": "37040044", "country": "DE", "mandate_reference": account["mandate_reference"],
    }  # fmt: skip
    assert account["mandate_reference"]
    assert "DE08370400440532013003" not in str(account)


async def test_what_is_owed_is_debited_and_charged_by_nothing_else_meanwhile(
    world: World, processor: str
) -> None:
    headers = await anna_owes(world, processor, 300)
    account = str((await save(world, headers, ACCOUNT))[0]["id"])
    for _ in range(2):
        answer = await pay(world, headers, account, "one")
        assert (answer.status_code, answer.json()) == (200, owed("processing", 300))
    for method, key in (("pm_card_visa", "two"), (account, "three")):
        answer = await pay(world, headers, method, key)
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/debit-under-way")
        assert "paying twice" in answer.json()["detail"]
    shown = (await world.client.get("/v1/me/arrears", headers=headers)).json()
    assert shown == {"arrears": [owed("processing", 300)]}


async def test_a_booking_is_not_paid_from_an_account_and_hears_what_it_can_be_paid_with(
    city_world: World, processor: str
) -> None:
    headers = await anna_owes(city_world, processor, 300)
    assert (await pay(city_world, headers, "pm_card_visa", "paid")).json() == owed("paid", 0)
    card, account = await save(city_world, headers, ACCOUNT, "pm_card_googlePay")
    offer = of_modes(await search(city_world), "bus")["offer_id"]
    answer = await city_world.client.post(
        "/v1/bookings",
        json={"offer_id": offer, "payment_method": account["id"]},
        headers=headers | {"Idempotency-Key": "one"},
    )
    refused = answer.json()
    assert (answer.status_code, refused["type"]) == (422, "/problems/debit-not-possible")
    assert refused["usable_methods"] == [card["id"]]
    assert "Google Pay, Mastercard •••• 4444" in refused["detail"]


async def test_who_waits_for_a_debit_books_nothing_new(city_world: World, processor: str) -> None:
    headers = await anna_owes(city_world, processor, 300)
    account = str((await save(city_world, headers, ACCOUNT))[0]["id"])
    await pay(city_world, headers, account, "one")
    offer = of_modes(await search(city_world), "bus")["offer_id"]
    answer = await city_world.client.post(
        "/v1/bookings",
        json={"offer_id": offer, "payment_method": "pm_card_visa"},
        headers=headers | {"Idempotency-Key": "two"},
    )
    assert (answer.status_code, answer.json()["type"]) == (402, "/problems/arrears")
    assert "on their way" in answer.json()["detail"]


async def test_an_account_must_be_ones_own_and_have_a_mandate(world: World, processor: str) -> None:
    headers = await anna_owes(world, processor, 300)
    ben = await world.sign_in("ben@example.org")
    of_ben = str((await save(world, ben, ACCOUNT))[0]["id"])
    for method in (of_ben, ACCOUNT, "pm_success_de", "sepa_debit", "DE08370400440532013003"):
        answer = await pay(world, headers, method, f"of-{method}")
        told = answer.json()["type"] if answer.status_code == 422 else answer.text
        assert told == "/problems/unknown-payment-method", method
