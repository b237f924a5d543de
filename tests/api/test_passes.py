"""A pass lowers a price once it is verified, and only on its days."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from mobility import steps
from mobility.cities.city import load_city
from mobility.db import transaction
from mobility.identity.pass_states import PassKind
from mobility.identity.passes import VERIFY_STEP
from mobility.identity.riders import find_rider_id
from mobility.identity.verify_pass import Seen, see_pass, verify_pass
from tests.api.conftest import START, World
from tests.api.motis_world import HERE, THERE, one_bus
from tests.api.test_search import of_modes, search
from tests.providers.issuers import DEMO, IssuerSandbox, run_issuer

PASSES = "/v1/me/passes"
Json = dict[str, Any]


@pytest.fixture
def issuer(tmp_path: Path) -> Iterator[IssuerSandbox]:
    with run_issuer(tmp_path / "issuer.sqlite") as found:
        yield found


@pytest.fixture
async def counter(city_world: World, issuer: IssuerSandbox) -> AsyncIterator[World]:
    """Lübeck with its demo issuer, and bookings up to the price."""
    async with httpx.AsyncClient() as http:
        office = replace(city_world.wiring.pass_office, issuers={DEMO: issuer.ask(http)})
        city_world.wiring = replace(city_world.wiring, pass_office=office)
        city_world.app.state.wiring = city_world.wiring
        yield city_world


async def added(world: World, headers: dict[str, str], **body: object) -> Json:
    answer = await world.client.post(PASSES, json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()
    return found


async def look_again(world: World, headers: dict[str, str], pass_id: str) -> Json:
    """What the worker does with a pass, at the world's time; the pass as it is shown then."""
    me = (await world.client.get("/v1/trial/rider", headers=headers)).json()
    await verify_pass(world.wiring.pass_office, f"{me}/{pass_id}", world.now)
    held = (await world.client.get(PASSES, headers=headers)).json()["passes"]
    (shown,) = (item for item in held if item["id"] == pass_id)
    found: Json = shown
    return found


async def hold(world: World, headers: dict[str, str], **body: object) -> Json:
    """A pass whose issuer has been asked."""
    shown = await added(world, headers, kind="deutschlandticket", **body)
    return await look_again(world, headers, shown["id"])


async def book(world: World, headers: dict[str, str], offer_id: str) -> httpx.Response:
    return await world.client.post(
        "/v1/bookings",
        json={"offer_id": offer_id, "payment_method": "pm_card_visa"},
        headers=headers | {"Idempotency-Key": offer_id},
    )


async def bus_price(world: World, headers: dict[str, str], **body: Any) -> int:
    price: int = of_modes(await search(world, headers, **body), "bus")["price"]["amount"]
    return price


async def test_adding_a_pass_asks_its_issuer_while_one_waits(counter: World):
    """The step is due by the database's clock, so the world's is that of today."""
    counter.now = datetime.now(UTC)
    mine = await counter.sign_in()
    shown = await added(counter, mine, kind="deutschlandticket", reference="DEMO-4711")
    today = counter.now.astimezone(load_city("luebeck").timezone).date().isoformat()
    assert shown | {"id": "", "verified_until": ""} == {
        "id": "",
        "kind": "deutschlandticket",
        "valid_from": today,
        "valid_until": None,
        "reference": "DEMO-4711",
        "valid_today": True,
        "state": "verified",
        "lowers_prices": True,
        "verified_until": "",
        "because": None,
        "next_action": None,
        "text": None,
    }
    until = datetime.fromisoformat(shown["verified_until"])
    assert until == counter.now + timedelta(hours=72)


async def test_a_step_that_a_worker_has_taken_is_waited_for(counter: World):
    """Also then the answer tells what the issuer says."""
    counter.now = datetime.now(UTC)
    mine = await counter.sign_in()
    office = counter.wiring.pass_office

    async def work() -> None:
        async def verify(key: str, now: datetime) -> datetime | None:
            await asyncio.sleep(0.3)
            return await verify_pass(office, key, now)

        for _ in range(1000):
            if await steps.run_due(
                office.engine,
                {VERIFY_STEP: verify},
                worker="w",
                lease=timedelta(seconds=5),
                clock=lambda: counter.now,
            ):
                return

    shown, _ = await asyncio.gather(
        added(counter, mine, kind="deutschlandticket", reference="DEMO-4711"), work()
    )
    assert shown["state"] == "verified"


async def test_a_verified_pass_lowers_prices_until_it_is_removed(counter: World):
    mine = await counter.sign_in()
    assert await bus_price(counter, mine) == 360
    held = await hold(counter, mine, valid_from="2026-01-01")
    assert (held["state"], held["lowers_prices"]) == ("verified", True)
    assert await bus_price(counter, mine) == 0
    assert await bus_price(counter, mine, passes=[]) == 360
    await counter.client.delete(f"{PASSES}/{held['id']}", headers=mine)
    assert await bus_price(counter, mine) == 360


async def test_an_issuer_that_does_not_answer_grants_nothing(counter: World, issuer: IssuerSandbox):
    counter.now = datetime.now(UTC)
    issuer.fault("claim", "error", count=99)
    mine = await counter.sign_in()
    shown = await added(counter, mine, kind="deutschlandticket", reference="DEMO-4711")
    assert (shown["state"], shown["lowers_prices"]) == ("pending", False)
    assert shown["next_action"] == "wait"
    assert "Demo-Abostelle" in shown["text"]


async def test_a_pass_of_somebody_else_is_refused_with_what_to_do(
    counter: World, issuer: IssuerSandbox
):
    issuer.sell("DEMO-4711", birth_date="1991-04-23")
    mine = await counter.sign_in()
    shown = await hold(counter, mine, reference="DEMO-4711")
    assert (shown["state"], shown["because"]) == ("refused", "wrong_person")
    assert (shown["next_action"], shown["lowers_prices"]) == ("add_again", False)
    assert "Geburtsdatum" in shown["text"]
    await counter.client.patch("/v1/me", json={"birth_date": "1991-04-23"}, headers=mine)
    again = await hold(counter, mine, reference="DEMO-4711")
    assert again["state"] == "verified"
    otto = await counter.sign_in("otto@example.org")
    await counter.client.patch("/v1/me", json={"birth_date": "1991-04-23"}, headers=otto)
    assert (await hold(counter, otto, reference="DEMO-4711"))["because"] == "bound_elsewhere"


async def test_who_guesses_at_references_is_stopped(counter: World):
    """Each answer would tell whether somebody has a pass of that number."""
    mine, otto = await counter.sign_in(), await counter.sign_in("otto@example.org")

    async def guess(number: int, headers: dict[str, str]) -> httpx.Response:
        body = {"kind": "wertmarke", "reference": f"DEMO-{number}"}
        return await counter.client.post(PASSES, json=body, headers=headers)

    assert {(await guess(number, mine)).status_code for number in range(10)} == {201}
    refused = await guess(10, mine)
    assert (refused.status_code, refused.json()["type"]) == (429, "/problems/too-many-requests")
    assert int(refused.headers["Retry-After"]) <= 24 * 3600 / 10
    assert (await guess(10, otto)).status_code == 201


async def test_a_search_says_that_a_pass_does_not_count_yet_and_not_which(counter: World):
    mine = await counter.sign_in()
    await added(counter, mine, kind="wertmarke")
    found = await search(counter, mine)
    notices = [n for n in found["notices"] if n["code"] == "pass_not_verified"]
    assert len(notices) == 1
    assert "wertmarke" not in str(found).lower()
    assert of_modes(found, "bus")["price"]["amount"] == 360
    assert not [n for n in (await search(counter))["notices"] if n["code"] == "pass_not_verified"]


async def test_what_is_priced_with_a_pass_is_not_sold_to_who_has_none_verified(counter: World):
    mine = await counter.sign_in()
    await added(counter, mine, kind="wertmarke")
    free = of_modes(await search(counter, mine, passes=["wertmarke"]), "bus")
    assert free["price"]["amount"] == 0
    answer = await book(counter, mine, free["offer_id"])
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (409, "/problems/offer-changed")
    assert problem["price"] == {"amount": 360, "currency": "EUR"}
    assert problem["offer_id"] != free["offer_id"]
    assert "GET /v1/me/passes says what is missing" in problem["detail"]


async def test_of_three_persons_one_rides_on_the_pass_of_who_books(counter: World):
    holder, other = await counter.sign_in(), await counter.sign_in("other@example.org")
    assert await bus_price(counter, holder, passengers=3) == 1080
    await hold(counter, holder, reference="DEMO-4711")
    shown = of_modes(await search(counter, holder, passengers=3), "bus")
    assert shown["price"]["amount"] == 720
    answer = await book(counter, other, shown["offer_id"])
    assert (answer.status_code, answer.json()["price"]["amount"]) == (409, 1080)


async def test_a_journey_refreshed_with_a_pass_is_not_sold_without_it(counter: World):
    holder, other = await counter.sign_in(), await counter.sign_in("other@example.org")
    await hold(counter, holder, reference="DEMO-4711")
    asked = {"fromPlace": HERE, "toPlace": THERE, "time": counter.now.isoformat()}
    shown = (await counter.client.get("/api/v6/plan", params=asked, headers=holder)).json()
    bus = {"itineraryId": one_bus(shown)["id"]}
    path = "/api/v6/refresh-itinerary"
    again = (await counter.client.get(path, params=bus, headers=holder)).json()
    assert again["price"]["amount"] == 0
    answer = await book(counter, other, again["offerId"])
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/offer-changed")
    assert answer.json()["price"] == {"amount": 360, "currency": "EUR"}


async def test_a_wertmarke_counts_once_staff_has_seen_it(counter: World):
    mine = await counter.sign_in()
    held = await added(counter, mine, kind="wertmarke")
    assert (held["state"], held["next_action"]) == ("declared", "show_card")
    wiring = counter.wiring
    seen = Seen(PassKind.WERTMARKE, "23-4711", START.date() + timedelta(days=2))
    async with transaction(wiring.engine) as tx:
        rider_id = await find_rider_id(tx, wiring.secrets, "anna@example.org")
        assert rider_id is not None
        await see_pass(
            tx, wiring.vault, wiring.secrets, rider_id, seen, wiring.city.timezone,
            ("console:otto", counter.now),
        )  # fmt: skip
    assert (await look_again(counter, mine, held["id"]))["state"] == "verified"
    assert await bus_price(counter, mine) == 0


async def test_a_pass_that_ends_before_the_day_of_travel_does_not_count_there(counter: World):
    """Today it is valid; the trip is on Friday."""
    mine = await counter.sign_in()
    await hold(counter, mine, valid_from="2026-11-01", valid_until="2026-11-26")
    friday = "2026-11-27T09:00:00+01:00"
    assert await bus_price(counter, mine) == 0
    assert await bus_price(counter, mine, depart_at=friday) == 360
    free = of_modes(
        await search(counter, mine, depart_at=friday, passes=["deutschlandticket"]), "bus"
    )
    assert free["price"]["amount"] == 0
    answer = await book(counter, mine, free["offer_id"])
    assert (answer.status_code, answer.json()["price"]["amount"]) == (409, 360)


async def test_a_revoked_pass_does_not_count_any_more(counter: World, issuer: IssuerSandbox):
    mine = await counter.sign_in()
    held = await hold(counter, mine, reference="DEMO-4711")
    free = of_modes(await search(counter, mine), "bus")
    issuer.sell("DEMO-4711", revoked=True)
    assert (await look_again(counter, mine, held["id"]))["state"] == "revoked"
    assert await bus_price(counter, mine) == 360
    answer = await book(counter, mine, free["offer_id"])
    assert (answer.status_code, answer.json()["price"]["amount"]) == (409, 360)


async def test_a_verification_that_lapses_does_not_count_any_more(counter: World):
    mine = await counter.sign_in()
    await hold(counter, mine)
    counter.pass_time(hours=72)
    mine = await counter.sign_in()
    assert await bus_price(counter, mine) == 360
    (shown,) = (await counter.client.get(PASSES, headers=mine)).json()["passes"]
    assert (shown["state"], shown["lowers_prices"], shown["next_action"]) == (
        "verified",
        False,
        "wait",
    )


@pytest.mark.parametrize(
    "reference",
    ["", " ", "x" * 61, "DEMO\u0000", "DEMO\n1", "<b>", "DEMO-é", "'; --", 4711, ["DEMO-1"]],
)
async def test_a_reference_that_cannot_be_is_422(counter: World, reference: object):
    mine = await counter.sign_in()
    body = {"kind": "deutschlandticket", "reference": reference}
    answer = await counter.client.post(PASSES, json=body, headers=mine)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-request")


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"])
async def test_a_time_beyond_all_calendars_is_422_for_who_is_signed_in_too(counter: World, at: str):
    mine = await counter.sign_in()
    body = {
        "from": {"lat": 53.8669, "lon": 10.67},
        "to": {"lat": 53.835, "lon": 10.7},
        "depart_at": at,
    }
    answer = await counter.client.post("/v1/journeys/search", json=body, headers=mine)
    assert answer.status_code == 422
