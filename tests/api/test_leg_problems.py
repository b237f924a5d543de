"""A rider reports a leg over HTTP, and staff sees what is open."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from mobility.api.rebooking_options import Options, offer_options
from mobility.booking.at_once import wait_for_background
from mobility.identity.roles import Role
from mobility.planning.offers import find_offer
from payments.money import Money
from providers.snapshots import Snapshots
from tests.api.conftest import START, World
from tests.booking.world import BIKE, bike_leg, offer_of, open_world, run_operators, run_processor
from tests.booking.world import World as Booking

Json = dict[str, Any]


@dataclass
class Stage:
    """Anna's booked bike, behind the API of a real city and before real operators."""

    api: World
    booking: Booking
    headers: dict[str, str]
    booking_id: str
    leg_id: str

    async def post(self, what: str, body: object = None, **headers: str) -> httpx.Response:
        url = f"/v1/bookings/{self.booking_id}/legs/{self.leg_id}/{what}"
        return await self.api.client.post(url, json=body, headers=self.headers | headers)


@pytest.fixture(scope="module")
def processor() -> Iterator[str]:
    with run_processor() as url:
        yield url


@pytest.fixture
async def stage(city_world: World, processor: str, tmp_path: Path) -> AsyncIterator[Stage]:
    api = city_world
    with run_operators(tmp_path) as operators:
        async with httpx.AsyncClient() as http:
            made = await open_world(api.wiring.engine, operators, processor, http)
            made = replace(made, desk=replace(made.desk, clock=lambda: api.now))
            snapshots = Snapshots(api.wiring.redis, api.wiring.settings.redis_prefix)
            api.wiring = replace(
                api.wiring, desk=made.desk, gateway=made.desk.gateway, snapshots=snapshots
            )
            api.app.state.wiring = api.wiring
            headers = await api.sign_in()
            rider_id = (await api.client.get("/v1/trial/rider", headers=headers)).json()
            bike = replace(
                bike_leg(),
                vehicle_type_id="rad",
                departs_at=START,
                arrives_at=START + timedelta(minutes=10),
            )
            expires_at = START + timedelta(minutes=10)
            offer = replace(offer_of(bike), expires_at=expires_at)
            booking_id = await made.book(offer, rider=rider_id)
            await made.advance(booking_id)
            leg_id = (await made.trip(booking_id)).legs[0].id
            yield Stage(api, made, headers, booking_id, leg_id)
            await wait_for_background(10)
            await made.desk.gateway.close()


async def test_a_bike_that_is_not_there_costs_nothing_and_another_one_is_offered(
    stage: Stage,
) -> None:
    wrong = await stage.post("problem", {"kind": "spend_ceiling"})
    assert wrong.json()["errors"][0]["problem"] == (
        "Input should be 'vehicle_missing', 'vehicle_broken', 'wheelchair_refused' or 'other'"
    )
    answer = await stage.post("problem", {"kind": "vehicle_missing", "note": " weg "})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["report"] == {
        "leg_id": stage.leg_id, "kind": "vehicle_missing", "outcome": "given_back", "open": False,
    }  # fmt: skip
    assert found["booking"]["state"] == "cancelled"
    assert found["booking"]["payment"]["state"] == "released"
    reported = {"kind": "vehicle_missing", "outcome": "given_back"}
    assert found["booking"]["legs"][0]["reported"] == reported
    wiring = stage.api.wiring
    assert await wiring.snapshots.hidden.list_refs(BIKE) == {"hbf-01"}
    offered = found["replacement"]
    (bike,) = offered["legs"]
    assert bike["mode"] == "bike"
    assert offered["price"]["amount"] <= 150
    kept = await find_offer(wiring.redis, wiring.settings.redis_prefix, offered["offer_id"])
    assert kept is not None
    assert kept.legs[0].destination == bike_leg().destination
    assert found["no_replacement_because"] is None


async def test_where_no_other_bike_stands_the_answer_says_so(stage: Stage) -> None:
    at_sea = {"lat": 54.5, "lon": 11.5}
    answer = await stage.post("problem", {"kind": "vehicle_broken", "position": at_sea})
    assert answer.json()["replacement"] is None
    assert answer.json()["no_replacement_because"] == (
        "Gerade gibt es nichts Gleiches zum selben Preis; ob dich ein anderer Weg ohne Mehrkosten "
        "ans Ziel bringt, zeigt die Umbuchung."
    )


async def test_in_place_of_a_missing_bike_she_goes_on_by_whatever_goes_at_its_price(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1.50 for the bike are locked: a bus for 3.60 costs her no more, and we bear the rest.

    By her word alone once a week.
    """
    answer = (await stage.post("problem", {"kind": "vehicle_missing"})).json()
    actions = [each["action"] for each in answer["booking"]["next_actions"]]
    assert (answer["booking"]["state"], actions) == ("cancelled", ["rebook"])
    url = f"/v1/bookings/{stage.booking_id}/rebooking"
    found = (await stage.api.client.get(url, headers=stage.headers)).json()
    assert found["locked_price"]["amount"] == 150
    dearer = [one for one in found["options"] if one["journey"]["price"]["amount"] > 150]
    assert dearer
    assert {one["you_pay"]["amount"] for one in dearer} == {150}
    assert max(one["journey"]["price"]["amount"] for one in dearer) <= 150 + 1000
    asked: list[object] = []

    async def has_gone_on(_tx: object, *of: object) -> bool:
        asked.append(of)
        return True

    monkeypatch.setattr("mobility.api.rebooking.has_gone_on", has_gone_on)
    again = (await stage.api.client.get(url, headers=stage.headers)).json()
    rider_id = (await stage.booking.trip(stage.booking_id)).rider_id
    assert asked == [(rider_id, stage.api.now - timedelta(days=7))]
    prices = [one["journey"]["price"] for one in again["options"]]
    assert [each for each in prices if (each["max"] or each["amount"]) > 150] == []


async def test_what_she_pays_at_most_is_what_a_metered_way_may_cost(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A way for 0.40, and no more than 1.20, in place of a bike for 1.50."""

    async def metered(*asked: Any) -> Options:
        one = (await offer_options(*asked)).journeys[0]
        rides = [leg for leg in one.itinerary.legs if leg.quote]
        assert rides[0].quote is not None
        quote = replace(rides[0].quote, price=Money(40), ceiling=Money(120))
        way = replace(one.itinerary, legs=(rides[0]._replace(quote=quote),))
        return Options((one._replace(itinerary=way),), ())

    monkeypatch.setattr("mobility.api.rebooking.offer_options", metered)
    await stage.post("problem", {"kind": "vehicle_missing"})
    url = f"/v1/bookings/{stage.booking_id}/rebooking"
    (option,) = (await stage.api.client.get(url, headers=stage.headers)).json()["options"]
    assert option["journey"]["price"] == {
        "amount": 40, "currency": "EUR", "kind": "estimate", "max": 120,
    }  # fmt: skip
    assert option["you_pay"] == {"amount": 120, "currency": "EUR"}


async def test_a_ride_that_was_long_is_charged_and_staff_closes_the_case(stage: Stage) -> None:
    assert (await stage.post("start")).status_code == 200
    stage.booking.operators[BIKE].ride(minutes=9, metres=300)
    stage.api.pass_time(minutes=9)
    answer = await stage.post("problem", {"kind": "vehicle_broken", "note": "Kette ab"})
    assert answer.json()["report"]["outcome"] == "charged"
    assert answer.json()["booking"]["state"] == "settled"

    staff = await stage.api.sign_in("staff@example.org", Role.STAFF)
    await _grant_goodwill(stage, staff)
    path = "/v1/operations/leg-reports"
    (case,) = (await stage.api.client.get(path, headers=staff)).json()["reports"]
    assert (case["note"], case["asked"], case["seen"]) == ("Kette ab", "finish", "ended")
    closing = f"{path}/{stage.booking_id}/{stage.leg_id}/close"
    done = await stage.api.client.post(closing, json={"reason": "paid back"}, headers=staff)
    assert (done.status_code, done.json()["open"]) == (200, False)
    assert (await stage.api.client.get(path, headers=staff)).json() == {"reports": []}
    assert (await stage.api.client.get(path, headers=stage.headers)).status_code == 403
    nobody = await stage.api.client.post(
        f"{path}/bkg_1/leg_1/close", json={"reason": "paid back"}, headers=staff
    )
    assert nobody.status_code == 404


async def _grant_goodwill(stage: Stage, staff: dict[str, str]) -> None:
    """A euro, by impatient clicks; then the rest: the receipt says so, and she has paid nothing."""
    client, booking = stage.api.client, stage.booking_id
    path = f"/v1/operations/bookings/{booking}/legs/{stage.leg_id}/goodwill"
    a_euro: Json = {"reason": "chain off", "amount": {"amount": 100, "currency": "EUR"}}
    for _ in range(2):
        found = await client.post(path, json=a_euro, headers=staff | {"Idempotency-Key": "one"})
        assert found.status_code == 202, found.text
    other = await client.post(
        path, json={"reason": "chain off"}, headers=staff | {"Idempotency-Key": "one"}
    )
    assert other.json()["type"] == "/problems/idempotency-key-reused"
    without = await client.post(path, json=a_euro, headers=staff)
    assert without.json()["type"] == "/problems/idempotency-key-missing"
    rest = await client.post(
        path, json={"reason": "all of it"}, headers=staff | {"Idempotency-Key": "two"}
    )
    made = rest.json()["goodwill"]
    assert [(each["leg_id"], each["state"], each["error"]) for each in made] == [
        (stage.leg_id, "done", None),
        (stage.leg_id, "done", None),
    ]
    receipt = (await client.get(f"/v1/bookings/{booking}/receipt", headers=stage.headers)).json()
    cost = receipt["total"]["amount"]
    assert [(each["kind"], each["amount"]["amount"]) for each in receipt["movements"]] == [
        ("charge", cost), ("goodwill", 100), ("goodwill", cost - 100),
    ]  # fmt: skip
    assert receipt["refunded"]["amount"] == cost
    paper = await client.get(
        f"/v1/bookings/{booking}/receipt", headers=stage.headers | {"Accept": "application/pdf"}
    )
    assert paper.content.startswith(b"%PDF")
    gone = await client.post(
        path, json={"reason": "once more"}, headers=staff | {"Idempotency-Key": "three"}
    )
    assert (gone.status_code, gone.json()["type"]) == (409, "/problems/wrong-state")


async def test_a_rider_is_told_when_her_ride_will_be_ended(stage: Stage) -> None:
    begun = (await stage.post("start")).json()
    *_, finish, report = begun["next_actions"]
    assert finish == {
        "action": "finish",
        "leg_id": stage.leg_id,
        "before": "2026-11-26T08:00:00Z",
        "because": "longest_ride",
    }
    assert (report["action"], report["leg_id"]) == ("report_problem", stage.leg_id)


async def test_the_same_key_is_one_report_and_another_body_is_refused(stage: Stage) -> None:
    key = {"Idempotency-Key": "one"}
    first = await stage.post("problem", {"kind": "vehicle_broken"}, **key)
    again = await stage.post("problem", {"kind": "vehicle_broken"}, **key)
    assert first.json()["report"] == again.json()["report"]
    other = await stage.post("problem", {"kind": "other"}, **key)
    assert (other.status_code, other.json()["type"]) == (409, "/problems/idempotency-key-reused")


async def test_a_vehicle_that_is_shown_again_is_not_hidden_by_an_old_report(stage: Stage) -> None:
    await stage.post("problem", {"kind": "vehicle_missing"})
    hidden = stage.api.wiring.snapshots.hidden
    assert await hidden.list_refs(BIKE) == {"hbf-01"}
    await stage.api.wiring.redis.delete(hidden.key(BIKE))
    again = await stage.post("problem", {"kind": "vehicle_missing"})
    assert again.json()["report"]["outcome"] == "given_back"
    assert await hidden.list_refs(BIKE) == set()


async def test_nobody_reports_anothers_leg_or_one_that_is_not_there(stage: Stage) -> None:
    mine = stage.headers
    stage.headers = await stage.api.sign_in("eve@example.org")
    foreign = await stage.post("problem", {"kind": "vehicle_broken"})
    stage.headers, stage.leg_id = mine, "leg_none"
    unknown = await stage.post("problem", {"kind": "vehicle_broken"})
    assert (foreign.status_code, unknown.status_code) == (404, 404)
    assert (await stage.booking.trip(stage.booking_id)).state == "confirmed"


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"kind": "stolen"},
        {"kind": "spend_ceiling"},
        {"kind": "other", "note": "x" * 501},
        {"kind": "other", "note": "a\x00b"},
        {"kind": "other", "position": {"lat": 91, "lon": 0}},
        {"kind": "other", "amount": 5},
    ],
)
async def test_nonsense_is_refused(stage: Stage, body: object) -> None:
    assert (await stage.post("problem", body)).status_code == 422
