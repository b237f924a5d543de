"""Claims over HTTP: what a rider sees and files, what finance records, and who may not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from mobility.booking.desk import Desk
from mobility.claims.store import add_noticed
from mobility.db import transaction
from mobility.identity.roles import Role
from mobility.tables import booking, leg
from payments.tables import debt, dispute
from tests.api.conftest import START, World
from tests.claims.test_notice import CITY, EVENING, MORNING, at, notice, now

Json = dict[str, Any]
PATH = "/v1/bookings/bkg_1/claims"


async def anna_was_late(world: World) -> dict[str, str]:
    """Anna, signed in, with a late bus in the morning and a missed one at night; nothing paid."""

    async def changed(_booking_id: str) -> None:
        return

    unused: Any = None
    desk = Desk(
        engine=world.wiring.engine, clock=world.wiring.clock, worker="test",
        lease=timedelta(seconds=5), changed=changed, providers={}, gateway=unused,
        pseudonym=unused, customer=unused, known_customer=unused, return_url="",
    )  # fmt: skip
    world.wiring = replace(world.wiring, desk=desk)
    world.app.state.wiring = world.wiring
    headers = await world.sign_in()
    rider_id = (await world.client.get("/v1/trial/rider", headers=headers)).json()
    found = notice([MORNING], now("1-1 2026-11-25: C=+1020"), at("08:36"), CITY)
    found += notice(EVENING, now("3-3 2026-11-25: C=+420"), at("22:06"), CITY)
    async with transaction(world.wiring.engine) as tx:
        await tx.execute(
            booking.insert().values(
                id="bkg_1", rider_id=rider_id, offer_id="off_1", state="settled", aim="travel",
                payment_id="pay_1", payment_method="pm_card_visa", passengers=1, currency="EUR",
                price_minor=0, ceiling_minor=0, created_at=START, expires_at=START,
            )
        )  # fmt: skip
        for position, leg_id in enumerate(sorted({one.ride.leg_id for one in found})):
            await tx.execute(
                leg.insert().values(
                    booking_id="bkg_1", id=leg_id, position=position, mode="bus",
                    provider_id="demo-bus", scarce=False, state="ended", order_key=leg_id,
                    quoted_minor=0, ceiling_minor=0, vat_percent=7, commission_percent=0,
                    co2_grams=0, departs_at=START, arrives_at=START,
                )
            )  # fmt: skip
        for minutes, one in enumerate(found):
            assert await add_noticed(tx, one, "EUR", START + timedelta(minutes=minutes))
    return headers


async def test_a_claim_is_shown_with_what_was_seen_and_with_what_is_not_known(
    world: World,
) -> None:
    headers = await anna_was_late(world)
    late, missed = (await world.client.get(PATH, headers=headers)).json()["claims"]
    assert (late["state"], late["amount"], late["file_by"]) == (
        "noticed",
        {"amount": 360, "currency": "EUR"},
        "2026-12-04T23:00:00Z",
    )
    assert late["guarantee"]["unverified"] == [
        "Wortlaut von 2026",
        "ob das Deutschlandticket zählt",
        "Höchstbetrag im Jahr",
    ]
    assert late["evidence"] == {
        "said_at": "2026-11-25T07:36:00Z",
        "trip_id": "1-1",
        "service_day": "2026-11-25",
        "stop_id": "C",
        "stop_name": "C",
        "planned_at": "2026-11-25T07:20:00Z",
        "seen_at": "2026-11-25T07:37:00Z",
        "delay_seconds": 1020,
        "missed_departure_at": None,
    }
    assert (missed["amount"], missed["most"]["amount"]) == (None, 2500)
    export = (await world.client.get("/v1/me/export", headers=headers)).json()
    assert export["claims"] == [late, missed]


async def file(world: World, headers: dict[str, str], **body: object) -> Any:
    return await world.client.post(PATH, json=body, headers=headers)


async def test_it_is_filed_by_one_request_and_decided_by_finance(world: World) -> None:
    headers = await anna_was_late(world)
    taxi = {"guarantee_id": "bus-connection", "receipt": {"amount": 2150, "currency": "EUR"}}
    answer = await file(world, headers, **taxi)
    claim = answer.json()
    assert (answer.status_code, claim["state"], claim["amount"]["amount"]) == (201, "filed", 2150)
    assert (await file(world, headers, **taxi)).json() == claim
    finance = await world.sign_in("fin@example.org", Role.FINANCE)
    listed = (await world.client.get("/v1/finance/claims", headers=finance)).json()["claims"]
    assert listed == [claim | {"taken_back": None}]

    path = f"/v1/finance/claims/{claim['id']}"
    said = {"reference": "SV-1", "reason": "bestätigt"}
    accepted = await world.client.post(f"{path}/accept", json=said, headers=finance)
    assert (accepted.json()["state"], accepted.json()["refunded"]["amount"]) == ("accepted", 0)
    other = await world.client.post(
        f"{path}/accept", json=said | {"reference": "SV-2"}, headers=finance
    )
    assert (other.status_code, other.json()["type"]) == (409, "/problems/wrong-state")
    paid = await world.client.post(f"{path}/transfer", json=said, headers=finance)
    assert paid.json()["state"] == "paid"
    netted = said | {"how": "offset"}
    cleared = await world.client.post(f"{path}/carrier-paid", json=netted, headers=finance)
    assert cleared.status_code == 200
    rejected = await world.client.post(f"{path}/reject", json=said, headers=finance)
    assert rejected.status_code == 409


async def test_finance_sees_that_the_riders_bank_took_the_fare_back(world: World) -> None:
    headers = await anna_was_late(world)
    claim = (await file(world, headers, guarantee_id="bus-punctuality")).json()
    finance = await world.sign_in("fin@example.org", Role.FINANCE)

    async def listed() -> Any:
        answer = await world.client.get("/v1/finance/claims", headers=finance)
        return answer.json()["claims"][0]["taken_back"]

    async with transaction(world.wiring.engine) as tx:
        await tx.execute(
            dispute.insert().values(
                id="dp_1", payment_id="pay_1", booking_id="bkg_1", state="open", currency="EUR",
                amount_minor=500, reason="fraudulent", created_at=START, updated_at=START,
            )
        )  # fmt: skip
    assert await listed() == {"amount": 500, "currency": "EUR"}
    said = {"reference": "SV-1", "reason": "bestätigt"}
    accepted = await world.client.post(
        f"/v1/finance/claims/{claim['id']}/accept", json=said, headers=finance
    )
    assert accepted.json()["taken_back"] == {"amount": 500, "currency": "EUR"}
    async with transaction(world.wiring.engine) as tx:
        await tx.execute(update(dispute).values(state="lost"))
        await tx.execute(
            debt.insert().values(
                id="dp_1", payment_id="pay_1", booking_id="bkg_1", state="arrears", currency="EUR",
                amount_minor=500, paid_minor=200, opened_at=START, updated_at=START,
            )
        )  # fmt: skip
    both = f"/v1/finance/claims/{claim['id']}/transfer"
    paid = await world.client.post(both, json=said, headers=finance)
    assert paid.json()["taken_back"] == {"amount": 300, "currency": "EUR"}
    async with transaction(world.wiring.engine) as tx:
        await tx.execute(update(dispute).values(state="won"))
    shown = await world.client.get("/v1/finance/claims?state=paid", headers=finance)
    assert shown.json()["claims"][0]["taken_back"] is None
    assert "taken_back" not in (await world.client.get(PATH, headers=headers)).json()["claims"][0]


async def test_pages_of_filed_claims_follow_each_other(world: World) -> None:
    headers = await anna_was_late(world)
    await file(world, headers, guarantee_id="bus-punctuality")
    world.pass_time(minutes=1)
    receipt = {"amount": 1, "currency": "EUR"}
    await file(world, headers, guarantee_id="bus-connection", receipt=receipt)
    finance = await world.sign_in("fin@example.org", Role.FINANCE)
    seen, cursor = [], ""
    while cursor is not None:
        page = await world.client.get(
            f"/v1/finance/claims?limit=1{cursor and '&cursor=' + cursor}", headers=finance
        )
        seen += [claim["guarantee"]["id"] for claim in page.json()["claims"]]
        cursor = page.json()["next_cursor"]
    assert seen == ["bus-punctuality", "bus-connection"]


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        ({"guarantee_id": "bus-connection"}, 422, "claim-incomplete"),
        (
            {"guarantee_id": "bus-connection", "receipt": {"amount": 5, "currency": "CHF"}},
            422,
            "claim-incomplete",
        ),
        (
            {"guarantee_id": "bus-connection", "receipt": {"amount": 0, "currency": "EUR"}},
            422,
            "invalid-request",
        ),
        ({"guarantee_id": "bus-cleanliness"}, 404, "not-found"),
        ({"guarantee_id": "bus-punctuality", "leg_id": "leg_x"}, 404, "not-found"),
        ({"guarantee_id": "\x00"}, 404, "not-found"),
        ({}, 422, "invalid-request"),
    ],
)
async def test_what_was_not_noticed_or_lacks_something_is_not_filed(
    world: World, body: Json, status: int, slug: str
) -> None:
    headers = await anna_was_late(world)
    answer = await file(world, headers, **body)
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}")


async def test_after_its_deadline_it_has_lapsed(world: World) -> None:
    headers = await anna_was_late(world)
    world.pass_time(days=10)
    headers = await world.sign_in()
    states = [c["state"] for c in (await world.client.get(PATH, headers=headers)).json()["claims"]]
    assert states == ["lapsed", "lapsed"]
    answer = await file(world, headers, guarantee_id="bus-punctuality")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/wrong-state")


async def test_nobody_sees_files_or_decides_anothers_claim(world: World) -> None:
    anna = await anna_was_late(world)
    claim = (await file(world, anna, guarantee_id="bus-punctuality")).json()
    ben = await world.sign_in("ben@example.org")
    assert (await world.client.get(PATH, headers=ben)).status_code == 404
    assert (await file(world, ben, guarantee_id="bus-punctuality")).status_code == 404
    said = {"reference": "SV-1", "reason": "bestätigt", "how": "bank"}
    for step in ("accept", "reject", "transfer", "carrier-paid"):
        path = f"/v1/finance/claims/{claim['id']}/{step}"
        assert (await world.client.post(path, json=said, headers=anna)).status_code == 403
    finance = await world.sign_in("fin@example.org", Role.FINANCE)
    del said["how"]
    gone = await world.client.post("/v1/finance/claims/clm_x/accept", json=said, headers=finance)
    assert gone.status_code == 404
    empty = {"reference": " ", "reason": ""}
    path = f"/v1/finance/claims/{claim['id']}/accept"
    assert (await world.client.post(path, json=empty, headers=finance)).status_code == 422
