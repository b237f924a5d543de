"""Searching over HTTP: the contract's shape, hostile input, and what a rider sees of their own."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from msgspec.json import decode, encode

from gtfs.geo import LatLon
from mobility.api.attribution import ATTRIBUTIONS_EXAMPLE
from mobility.api.journey_view import JourneyWriter
from mobility.api.journey_wire import EXAMPLE, JourneyOut
from mobility.db import transaction
from mobility.identity.vault import DrivingLicence, LicenceStatus, PersonalData
from mobility.planning.offers import find_offer, make_offers
from mobility.planning.request import SearchRequest
from tests.api.conftest import START, World
from tests.planning.world import luebeck, luebeck_planner

Json = dict[str, Any]
HERE = {"lat": 53.865892, "lon": 10.670654}
THERE = {"lat": 53.837723, "lon": 10.700286}
VIA = {"stop_id": "station-wahmstrasse", "stay_minutes": 20}
LEG_FIELDS = {
    "mode", "from", "to", "departs_at", "arrives_at", "provider_id", "line", "vehicle_id",
    "price", "geometry", "realtime", "estimated", "accessible",
}  # fmt: skip


async def search(world: World, headers: dict[str, str] | None = None, **body: object) -> Json:
    answer = await world.client.post(
        "/v1/journeys/search", json={"from": HERE, "to": THERE} | body, headers=headers
    )
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def of_modes(found: Json, *modes: str) -> Json:
    for journey in found["journeys"]:
        if [leg["mode"] for leg in journey["legs"] if leg["mode"] != "walk"] == list(modes):
            chosen: Json = journey
            return chosen
    raise AssertionError(f"no journey by {modes}")


async def test_a_journey_says_all_that_the_contract_lists(city_world: World) -> None:
    found = await search(city_world)
    assert set(found) == {"journeys", "earlier", "later", "notices", "attributions"}
    for journey in found["journeys"]:
        assert {
            "id", "bookable", "departs_at", "arrives_at", "transfers", "price", "co2_grams",
            "reasons", "legs",
        } <= set(journey)  # fmt: skip
        assert set(journey["price"]) == {"amount", "currency", "kind", "max"}
        for leg in journey["legs"]:
            assert set(leg) >= LEG_FIELDS
            assert leg["realtime"] is False
            assert leg["accessible"] in {"yes", "no", "unknown"}
            assert leg["geometry"]["precision"] == 6


async def test_the_documented_journey_is_one_that_is_found() -> None:
    morning = datetime(2026, 11, 26, 6, 55, tzinfo=UTC)
    request = SearchRequest(
        LatLon(**HERE), LatLon(**THERE), depart_at=morning + timedelta(minutes=5)
    )
    offered = make_offers(
        luebeck_planner(morning).search(request, morning).itineraries,
        passes=frozenset(),
        passengers=1,
        now=morning,
        expires_at=morning + timedelta(minutes=10),
        lacks=lambda _terms: (),
        city=luebeck(),
    )
    writer = JourneyWriter(luebeck().timezone, "EUR")
    found = [decode(encode(writer.journey(journey))) for journey in offered]
    assert EXAMPLE in [journey | {"offer_id": EXAMPLE["offer_id"]} for journey in found]
    for journey in found:
        as_documented = JourneyOut.model_validate(journey).model_dump(mode="json", by_alias=True)
        assert journey == as_documented


async def test_every_answer_names_its_sources(city_world: World) -> None:
    client = city_world.client
    answers = [
        await client.post("/v1/journeys/search", json={"from": HERE, "to": THERE}),
        await client.post("/v1/places/search", json={"text": "Haupt"}),
        await client.get("/v1/vehicles?bbox=10.66,53.86,10.68,53.87"),
        await client.get("/v1/stops/station-technische-hochschule/departures"),
    ]
    for answer in answers:
        assert answer.json()["attributions"] == ATTRIBUTIONS_EXAMPLE


async def test_offers_can_be_found_until_they_expire(city_world: World) -> None:
    found = await search(city_world)
    bus = of_modes(found, "bus")
    settings = city_world.wiring.settings
    offer = await find_offer(city_world.wiring.redis, settings.redis_prefix, bus["offer_id"])
    assert offer is not None
    assert offer.price.minor == bus["price"]["amount"] == 360
    assert offer.expires_at == START + timedelta(seconds=settings.offer_seconds)
    assert bus["price"]["kind"] == "fixed"
    walk = of_modes(found)
    assert (walk["offer_id"], walk["bookable"]) == (None, False)


async def test_who_is_nobody_sees_the_terms_and_a_rider_what_is_missing(city_world: World) -> None:
    car = of_modes(await search(city_world), "car")
    assert car["bookable"]
    leg = next(leg for leg in car["legs"] if leg["mode"] == "car")
    assert leg["terms"]["driving_licence"] is True
    headers = await city_world.sign_in()
    mine = of_modes(await search(city_world, headers), "car")
    assert not mine["bookable"]
    assert "Führerschein" in mine["not_bookable_because"]


async def test_a_rider_who_meets_the_terms_can_book(city_world: World) -> None:
    headers = await city_world.sign_in()
    me = (await city_world.client.get("/v1/trial/rider", headers=headers)).json()
    person = PersonalData(
        email="anna@example.org",
        birth_date=date(1991, 4, 23),
        driving_licence=DrivingLicence(LicenceStatus.DECLARED, START.date()),
    )
    async with transaction(city_world.wiring.engine) as tx:
        await city_world.wiring.vault.write(tx, me, person)
    found = await search(city_world, headers)
    assert of_modes(found, "car")["bookable"]
    assert of_modes(found, "bike")["bookable"]


async def test_pages_go_on(city_world: World) -> None:
    first = await search(city_world, modes=["bus"])
    later = await search(city_world, modes=["bus"], page=first["later"])
    ids = {journey["id"] for journey in first["journeys"]}
    assert ids
    assert not ids & {journey["id"] for journey in later["journeys"]}


async def test_a_stop_on_the_way_is_part_of_one_offer(city_world: World) -> None:
    found = await search(city_world, via=[VIA], modes=["bus"])
    journey = of_modes(found, "bus", "bus")
    first, second = journey["legs"]
    arrived, left = (datetime.fromisoformat(t) for t in (first["arrives_at"], second["departs_at"]))
    assert (first["to"]["name"], second["from"]["name"]) == ("Wahmstraße", "Wahmstraße")
    assert left - arrived >= timedelta(minutes=20)
    assert journey["bookable"]
    assert journey["price"]["amount"] == 360
    later = await search(city_world, via=[VIA], modes=["bus"], page=found["later"])
    assert not {j["id"] for j in found["journeys"]} & {j["id"] for j in later["journeys"]}


async def test_the_last_connection_of_a_day_is_told(city_world: World) -> None:
    found = await search(city_world, when="last", date="2026-11-27")
    notice = found["notices"][0]
    assert notice["code"] == "last_of_day"
    assert {journey["departs_at"] for journey in found["journeys"]} == {notice["at"]}
    assert "last way home" in found["journeys"][0]["reasons"]
    later = await search(city_world, when="last", date="2026-11-27", page=found["later"])
    assert all(journey["departs_at"] > notice["at"] for journey in later["journeys"])


async def test_stops_may_be_named(city_world: World) -> None:
    answer = await city_world.client.post("/v1/places/search", json={"text": "Haupt", "near": HERE})
    stop = next(p for p in answer.json()["places"] if p["stop_id"])
    assert "Hauptbahnhof" in stop["name"]
    found = await search(city_world, **{"from": {"stop_id": stop["stop_id"]}})
    assert of_modes(found, "bus")["legs"][0]["from"]["name"] == stop["name"]
    board = await city_world.client.get(f"/v1/stops/{stop['stop_id']}/departures?limit=5")
    assert len(board.json()["departures"]) == 5
    assert board.json()["stop"]["name"] == stop["name"]
    assert {(d["times_known"], d["note"]) for d in board.json()["departures"]} == {
        (
            "published",
            "Abfahrt am ersten Halt veröffentlicht, Zeiten danach aus der Entfernung geschätzt",
        )
    }


async def test_car_parks_are_places(city_world: World) -> None:
    answer = await city_world.client.post("/v1/places/search", json={"text": "Parkhaus Mitte"})
    (park,) = answer.json()["places"]
    assert (park["name"], park["kind"], park["stop_id"]) == ("Parkhaus Mitte", "car_park", None)


async def test_what_is_wrong_is_said_of_what_was_meant(city_world: World) -> None:
    at = "2026-11-25T09:00:00Z"
    for body, said in (
        ({"from": {"lat": 91, "lon": 10}}, "body.from.lat: Input should be less than or equal"),
        ({"to": {"stop_id": ""}}, "body.to.stop_id: String should have at least 1 character"),
        ({"via": [{"lat": 1}]}, "body.via.0.lon: Field required"),
        ({"depart_at": at, "arrive_by": at}, "body: give depart_at or arrive_by, not both"),
    ):
        answer = await city_world.client.post(
            "/v1/journeys/search", json={"from": HERE, "to": THERE} | body
        )
        assert len(answer.json()["errors"]) == 1
        assert answer.json()["detail"].startswith(said)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"from": {"lat": 91, "lon": 0}}, 422),
        ({"from": {"lat": "NaN", "lon": 0}}, 422),
        ({"from": {"lat": 1e999, "lon": 0}}, 422),
        ({"from": {"lat": None, "lon": 0}}, 422),
        ({"from": {}}, 422),
        ({"from": {"stop_id": "nowhere"}}, 404),
        ({"to": {"stop_id": "x\u0000"}}, 422),
        ({"to": {"stop_id": ""}}, 422),
        ({"modes": []}, 422),
        ({"modes": ["broom"]}, 422),
        ({"passes": ["nonsense"]}, 422),
        ({"passengers": 0}, 422),
        ({"passengers": 10**9}, 422),
        ({"window_minutes": 0}, 422),
        ({"max_walk_m": -1}, 422),
        ({"page": "gibberish"}, 422),
        ({"page": "l99999999999"}, 422),
        ({"depart_at": "2026-11-25T08:00:00"}, 422),
        ({"depart_at": "1970-01-01T00:00:00Z"}, 422),
        ({"depart_at": "9999-12-31T23:59:59-12:00"}, 422),
        ({"depart_at": "0001-01-01T00:00:00+14:00"}, 422),
        ({"depart_at": 1e300}, 422),
        ({"depart_at": "2026-11-25T09:00:00Z", "arrive_by": "2026-11-25T09:00:00Z"}, 422),
        ({"surprise": 1}, 422),
        ({"via": [{"stop_id": "nowhere"}]}, 404),
        ({"via": [{"stop_id": "nowhere", "lat": 1}]}, 422),
        ({"via": [{"lat": 53.86, "lon": 10.68, "stay_minutes": -1}]}, 422),
        ({"via": [{"lat": 53.86, "lon": 10.68, "stay_minutes": 721}]}, 422),
        ({"via": [{"lat": 53.86, "lon": 10.68 + n / 99} for n in range(3)]}, 422),
        ({"via": [HERE]}, 422),
        ({"when": "middle"}, 422),
        ({"date": "2026-11-27"}, 422),
        ({"when": "last", "date": "2026-11-27T00:00:01"}, 422),
        ({"when": "last", "date": "0001-01-01"}, 422),
        ({"when": "last", "date": "9999-12-31"}, 422),
        ({"when": "last", "depart_at": "2026-11-25T09:00:00Z"}, 422),
        ({"via": [VIA, VIA]}, 422),
    ],
)
async def test_hostile_searches_are_refused(city_world: World, body: Json, status: int) -> None:
    text = _dump({"from": HERE, "to": THERE} | body)
    answer = await city_world.client.post(
        "/v1/journeys/search", content=text, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def _dump(body: Json) -> str:
    return json.dumps(body).replace("Infinity", "1e999")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"to": HERE}, "already_there"),
        ({"to": {"lat": 0, "lon": 0}}, "outside_area"),
        ({"to": {"lat": -90, "lon": 180}}, "outside_area"),
    ],
)
async def test_a_search_that_leads_nowhere_says_so(
    city_world: World, body: Json, code: str
) -> None:
    found = await search(city_world, **body)
    assert found["journeys"] == []
    assert [notice["code"] for notice in found["notices"]] == [code]


async def test_vehicles_in_a_box(city_world: World) -> None:
    answer = await city_world.client.get("/v1/vehicles?bbox=10.66,53.86,10.68,53.87&modes=bike")
    assert answer.status_code == 200
    shown = answer.json()
    assert {vehicle["mode"] for vehicle in shown["vehicles"]} == {"bike"}
    assert any(station["id"] == "rad-01" for station in shown["stations"])
    assert "ref" not in answer.text.replace("preferred", "")


@pytest.mark.parametrize(
    "box",
    ["", "1,2,3", "a,b,c,d", "nan,0,1,1", "inf,0,1,1", "10,54,9,55", "0,-91,1,0", "1,2,3,4,5"],
)
async def test_bad_boxes_are_refused(city_world: World, box: str) -> None:
    answer = await city_world.client.get("/v1/vehicles", params={"bbox": box})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_same_key_gets_the_same_offer(city_world: World) -> None:
    first, second = [v.id for v in city_world.wiring.mirror.list_vehicles("demo-rad")][:2]
    mine = {**await city_world.sign_in(), "Idempotency-Key": "k1"}

    async def offer(vehicle_id: str, **headers: str) -> httpx.Response:
        body = {"vehicle_id": vehicle_id}
        return await city_world.client.post("/v1/offers", json=body, headers={**mine, **headers})

    made = await offer(first)
    assert (made.status_code, (await offer(first)).content) == (201, made.content)
    another = await offer(first, **{"Idempotency-Key": "k2"})
    assert another.json()["offer_id"] != made.json()["offer_id"]
    other = await offer(second)
    assert (other.status_code, other.json()["type"]) == (409, "/problems/idempotency-key-reused")
    prefix = city_world.wiring.settings.redis_prefix
    await city_world.wiring.redis.delete(f"{prefix}offered:{made.json()['offer_id']}")
    late = await offer(first)
    assert (late.status_code, late.json()["type"]) == (410, "/problems/offer-expired")


async def test_an_unknown_stop_has_no_departures(city_world: World) -> None:
    answer = await city_world.client.get("/v1/stops/nowhere/departures")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
    far = "/v1/stops/nowhere/departures?at=9999-12-31T00:00:00Z"
    assert (await city_world.client.get(far)).status_code in {404, 422}


async def test_the_bike_in_front_of_me_is_offered(city_world: World) -> None:
    bike = next(v for v in city_world.wiring.mirror.list_vehicles("demo-rad") if v.type_id == "rad")
    assert (
        await city_world.client.post("/v1/offers", json={"vehicle_id": bike.id})
    ).status_code == 401
    headers = await city_world.sign_in()
    answer = await city_world.client.post(
        "/v1/offers", json={"vehicle_id": bike.id}, headers=headers
    )
    assert answer.status_code == 201, answer.text
    offered = answer.json()
    assert offered["price"] == {"amount": 100, "currency": "EUR", "kind": "estimate", "max": 200}
    assert bike.ref not in answer.text.replace(bike.id, "")
    for wrong in ({}, {"vehicle_id": bike.id, "qr": "x"}):
        refused = await city_world.client.post("/v1/offers", json=wrong, headers=headers)
        assert refused.status_code == 422
    gone = await city_world.client.post("/v1/offers", json={"qr": "demo-rad:x"}, headers=headers)
    assert gone.status_code == 404


async def test_providers_say_who_they_are(city_world: World) -> None:
    shown = (await city_world.client.get("/v1/providers")).json()["providers"]
    by_id = {provider["id"]: provider for provider in shown}
    assert all(provider["demo"] for provider in shown)
    assert by_id["demo-auto"]["terms"]["driving_licence"] is True
    assert by_id["demo-auto"]["terms"]["minimum_age"] == 21
    assert by_id["stadtverkehr-luebeck"]["terms"]["minimum_age"] is None
    assert by_id["demo-rad"]["freshness"]["stale"] is False
    assert by_id["stadtverkehr-luebeck"]["freshness"] is None
    assert any("3,60 €" in line for line in by_id["stadtverkehr-luebeck"]["tariff"])


async def test_a_client_that_goes_while_it_asks_is_no_fault_of_ours(city_world: World) -> None:
    said = iter(
        [
            {"type": "http.request", "body": b'{"from": ', "more_body": True},
            {"type": "http.disconnect"},
            {"type": "http.disconnect"},
        ]
    )
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return next(said)

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/v1/journeys/search",
        "raw_path": b"/v1/journeys/search",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    await city_world.app(scope, receive, send)
    assert [message["status"] for message in sent if "status" in message] == [400]
