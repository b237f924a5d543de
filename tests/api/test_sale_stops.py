"""Stopping and resuming sales over HTTP and from the console."""

from __future__ import annotations

import asyncio

import pytest
from typer.testing import CliRunner

from mobility.cli import app
from mobility.identity.roles import Role
from providers.values import Mode, ProviderId
from tests.api.conftest import World
from tests.api.test_search import of_modes, search

PATH = "/v1/operations/stops"
RAD = {"provider_id": "demo-rad", "reason": "locks do not open"}


async def test_staff_stops_and_resumes(world: World) -> None:
    staff = await world.sign_in(role=Role.STAFF)
    client, sales = world.client, world.wiring.sales
    assert sales.stopped is None
    answer = await client.post(PATH, json=RAD, headers=staff)
    assert answer.status_code == 201
    begun = answer.json()
    assert begun["id"].startswith("stp_")
    assert begun["begun_by"].startswith("rdr_")
    assert {name: begun[name] for name in begun if name not in ("id", "begun_by")} == {
        "provider_id": "demo-rad",
        "mode": None,
        "all": False,
        "reason": "locks do not open",
        "begun_at": "2026-11-25T08:00:00Z",
        "ended_by": None,
        "ended_at": None,
    }
    assert sales.stopped is not None
    why = sales.stopped(ProviderId("demo-rad"), Mode.BIKE)
    assert why == "Demo-Rad Lübeck (Demo) wird zurzeit nicht verkauft."
    assert sales.stopped(ProviderId("demo-auto"), Mode.CAR) is None
    assert (await client.get(PATH, headers=staff)).json() == {"stops": [begun]}
    ended = (await client.post(f"{PATH}/{begun['id']}/end", headers=staff)).json()
    assert ended["ended_at"] == "2026-11-25T08:00:00Z"
    assert sales.stopped is None
    assert (await client.get(PATH, headers=staff)).json() == {"stops": []}
    everything = await client.get(f"{PATH}?in_force=false", headers=staff)
    assert everything.json() == {"stops": [ended]}


async def test_a_repeated_stop_does_not_stop_again(world: World) -> None:
    staff = {**await world.sign_in(role=Role.STAFF), "Idempotency-Key": "k1"}
    begun = (await world.client.post(PATH, json=RAD, headers=staff)).json()
    await world.client.post(f"{PATH}/{begun['id']}/end", headers=staff)
    again = await world.client.post(PATH, json=RAD, headers=staff)
    assert (again.status_code, again.json()) == (201, begun)
    assert (await world.client.get(PATH, headers=staff)).json() == {"stops": []}
    other = await world.client.post(PATH, json={**RAD, "reason": "another"}, headers=staff)
    assert (other.status_code, other.json()["type"]) == (409, "/problems/idempotency-key-reused")


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({"all": True}, "Zurzeit wird nichts verkauft."),
        ({"mode": "bike"}, "Leihräder werden zurzeit nicht verkauft."),
    ],
)
async def test_another_process_knows_when_it_reads(
    world: World, what: dict[str, object], said: str
) -> None:
    staff = await world.sign_in(role=Role.STAFF)
    await world.client.post(PATH, json={**what, "reason": "a test"}, headers=staff)
    other = type(world.wiring.sales)(world.wiring.engine, world.wiring.city)
    assert other.stopped is None
    await other.start()
    assert other.stopped is not None
    assert other.stopped(ProviderId("demo-rad"), Mode.BIKE) == said
    await other.stop()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"reason": "a reason"},
        {"all": True},
        {"all": True, "reason": " "},
        {"all": False, "reason": "a reason"},
        {"all": True, "mode": "bike", "reason": "a reason"},
        {"provider_id": "demo-rad", "mode": "bike", "reason": "a reason"},
        {"mode": "walk", "reason": "a reason"},
        {"mode": "zeppelin", "reason": "a reason"},
        {"provider_id": "nobody", "reason": "a reason"},
        {"provider_id": "\x00", "reason": "a reason"},
        {"provider_id": "demo-rad", "reason": "a\x00reason"},
        {"provider_id": "demo-rad", "reason": "a reason", "until": "tomorrow"},
        {"provider_id": ["demo-rad"], "reason": "a reason"},
        [],
        "all",
    ],
)
async def test_what_says_not_what_or_why_is_422(world: World, body: object) -> None:
    staff = await world.sign_in(role=Role.STAFF)
    answer = await world.client.post(PATH, json=body, headers=staff)
    assert answer.status_code == 422, answer.text
    assert (await world.client.get(PATH, headers=staff)).json() == {"stops": []}


@pytest.mark.parametrize("stop_id", ["stp_nobody", "%00", "x" * 3000, "'--"])
async def test_a_stop_that_is_none_is_404_or_422(world: World, stop_id: str) -> None:
    staff = await world.sign_in(role=Role.STAFF)
    answer = await world.client.post(f"{PATH}/{stop_id}/end", headers=staff)
    assert answer.status_code in {404, 422}
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path"), [("GET", PATH), ("POST", PATH), ("POST", f"{PATH}/stp_x/end")]
)
async def test_nobody_else_may(world: World, method: str, path: str) -> None:
    who = {
        401: [{}, await world.provider_key("demo-rad")],
        403: [
            await world.sign_in("otto@example.org"),
            await world.sign_in("fina@example.org", role=Role.FINANCE),
        ],
    }
    for status, headers in who.items():
        for each in headers:
            answer = await world.client.request(method, path, headers=each, json=RAD)
            assert answer.status_code == status


async def test_the_console_does_the_same(
    world: World, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)

    async def mobility(*words: str) -> tuple[int, str]:
        found = await asyncio.to_thread(CliRunner().invoke, app, ["sales", *words])
        return found.exit_code, found.output

    assert await mobility("list") == (0, "Everything is sold.\n")
    assert (await mobility("stop", "all"))[0] == 2
    for target in ("zeppelins", "mode:zeppelin", "provider:nobody"):
        assert (await mobility("stop", target, "--reason", "no gas"))[0] == 2
    stopped = await mobility("stop", "mode:bike", "--reason", "ice on the roads")
    assert stopped == (0, "mode:bike is not sold any more: ice on the roads\n")
    status, said = await mobility("list")
    assert status == 1
    assert said.startswith("mode:bike  since ")
    assert said.endswith(": ice on the roads\n")
    assert (await mobility("resume", "mode:car"))[0] == 1
    assert await mobility("resume", "mode:bike") == (0, "mode:bike is sold again.\n")
    assert await mobility("list") == (0, "Everything is sold.\n")


async def test_what_is_not_sold_at_the_moment_says_so(city_world: World) -> None:
    bus_alone = of_modes(await search(city_world), "bus")
    staff = await city_world.sign_in("otto@example.org", role=Role.STAFF)
    stop = {"provider_id": "demo-rad", "reason": "locks do not open"}
    begun = await city_world.client.post("/v1/operations/stops", json=stop, headers=staff)
    found = await search(city_world)
    why = "Demo-Rad Lübeck (Demo) wird zurzeit nicht verkauft."
    for journey in found["journeys"]:
        if "bike" in [leg["mode"] for leg in journey["legs"]]:
            assert (journey["bookable"], journey["not_bookable_because"]) == (False, why)
    assert of_modes(found, "bike")["price"]["amount"] == 100
    assert of_modes(found, "bus") == bus_alone | {
        "offer_id": of_modes(found, "bus")["offer_id"],
    }
    bike = next(v for v in city_world.wiring.mirror.list_vehicles("demo-rad") if v.type_id == "rad")
    answer = await city_world.client.post("/v1/offers", json={"vehicle_id": bike.id}, headers=staff)
    assert answer.json()["not_bookable_because"].startswith(why)
    await city_world.client.post(f"/v1/operations/stops/{begun.json()['id']}/end", headers=staff)
    assert of_modes(await search(city_world), "bike")["bookable"]


@pytest.mark.parametrize("mode", ["walk", "tram"])
def test_the_console_says_which_modes_are_sold(
    mode: str, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    done = CliRunner().invoke(app, ["sales", "stop", f"mode:{mode}", "--reason", "trial"])
    assert done.exit_code == 2
    assert "bus, ferry, bike, scooter, car" in " ".join(done.stderr.replace("│", "").split())
