"""Who has reached the day's cap sees it in every price, and books at no other one."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from mobility.db import transaction
from mobility.tables import booking, leg
from tests.api.conftest import START, World
from tests.api.test_search import of_modes, search

Json = dict[str, Any]


async def has_ridden(world: World, rider_id: str, cents: int) -> None:
    """An hour ago, on a bike that is paid by time."""
    ended = START - timedelta(hours=1)
    async with transaction(world.wiring.engine) as tx:
        await tx.execute(
            booking.insert().values(
                id="bkg_1", rider_id=rider_id, offer_id="off_1", state="settled", aim="travel",
                payment_id="pay_1", payment_method="pm_card_visa", passengers=1, currency="EUR",
                price_minor=cents, ceiling_minor=cents, created_at=ended, expires_at=ended,
            )
        )  # fmt: skip
        await tx.execute(
            leg.insert().values(
                booking_id="bkg_1", id="leg_1", position=0, mode="bike", provider_id="demo-rad",
                scarce=True, state="ended", order_key="leg_1", tariff_version="rad-2026/2026-01",
                quoted_minor=cents, ceiling_minor=cents, final_minor=cents, co2_grams=0,
                vat_percent=Decimal(19), commission_percent=Decimal(8), departs_at=ended,
                arrives_at=ended, started_at=ended - timedelta(minutes=30), ended_at=ended,
            )
        )  # fmt: skip


async def anna(world: World, cents: int) -> dict[str, str]:
    headers = await world.sign_in()
    me = (await world.client.get("/v1/trial/rider", headers=headers)).json()
    await has_ridden(world, me, cents)
    return headers


async def book(world: World, headers: dict[str, str], offer_id: str) -> httpx.Response:
    return await world.client.post(
        "/v1/bookings",
        json={"offer_id": offer_id, "payment_method": "pm_card_visa"},
        headers=headers | {"Idempotency-Key": offer_id},
    )


async def test_a_signed_in_rider_sees_what_a_ride_adds_to_the_day(city_world: World) -> None:
    headers = await anna(city_world, 850)
    assert of_modes(await search(city_world), "bike")["price"]["amount"] == 100
    mine = of_modes(await search(city_world, headers), "bike")
    assert (mine["price"]["amount"], mine["price"]["max"]) == (50, 50)
    assert of_modes(await search(city_world, headers, paid_today=[]), "bike")["price"] == {
        "amount": 100, "currency": "EUR", "kind": "estimate", "max": 200,
    }  # fmt: skip


async def test_anybody_may_say_what_was_paid_today(city_world: World) -> None:
    said = {"provider_id": "demo-rad", "tariff_version": "rad-2026/2026-01", "amount": 900}
    bike = of_modes(await search(city_world, paid_today=[said]), "bike")
    assert bike["price"]["amount"] == 0
    lines = next(part for part in bike["legs"] if part["mode"] == "bike")["price"]["lines"]
    assert lines[-1] == "höchstens 9,00 € am Tag, davon schon 9,00 € gezahlt: -1,00 €"


async def test_an_offer_made_for_nobody_is_a_409_with_the_riders_own_price(
    city_world: World,
) -> None:
    world = city_world
    headers = await anna(world, 900)
    answer = await book(world, headers, of_modes(await search(world), "bike")["offer_id"])
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/offer-changed")
    assert answer.json()["price"] == {"amount": 0, "currency": "EUR"}
    assert answer.json()["offer_id"].startswith("off_")


async def test_nobody_books_at_a_price_that_rests_on_what_others_paid(
    city_world: World,
) -> None:
    world = city_world
    said = {"provider_id": "demo-rad", "tariff_version": "rad-2026/2026-01", "amount": 900}
    free = of_modes(await search(world, paid_today=[said]), "bike")
    answer = await book(world, await world.sign_in(), free["offer_id"])
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/offer-changed")
    assert answer.json()["price"] == {"amount": 100, "currency": "EUR"}


@pytest.mark.parametrize(
    "said",
    [
        {"provider_id": "demo-rad", "tariff_version": "rad-2026/2026-01", "amount": -1},
        {"provider_id": "demo-rad", "tariff_version": "rad-2026/2026-01", "amount": 10**30},
        {"provider_id": "demo-rad", "tariff_version": "rad-2026/2026-01"},
        {"provider_id": "demo-auto", "tariff_version": "klein-2026/2026-01", "amount": 1},
        {"provider_id": "nobody", "tariff_version": "x", "amount": 1},
    ],
)
async def test_nonsense_is_refused(city_world: World, said: Json) -> None:
    body = {
        "from": {"lat": 53.86, "lon": 10.67},
        "to": {"lat": 53.83, "lon": 10.70},
        "paid_today": [said],
    }
    answer = await city_world.client.post("/v1/journeys/search", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
