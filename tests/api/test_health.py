import httpx
import pytest
from redis.asyncio import Redis

from mobility.db import make_engine
from tests.api.conftest import World


async def test_a_process_that_has_everything(world: World):
    assert (await world.client.get("/livez")).json() == {"alive": True}
    ready = await world.client.get("/readyz")
    good = {"ready": True, "because": None}
    silent = {"ready": False, "because": "not heard of for too long", "age_seconds": None}
    assert (ready.status_code, ready.json()) == (
        200,
        {
            "ready": True,
            "capabilities": {"plan": good, "book": good, "pay": good},
            "providers": {
                "stadtverkehr-luebeck": {**good, "age_seconds": None},
                "priwallfaehre": {**good, "age_seconds": None},
                "demo-rad": silent,
                "demo-auto": silent,
            },
            "realtime": {"feeds": {}, "trip_updates": 0, "matched": 0, "unmatched": {}},
        },
    )
    health = await world.client.get("/healthz")
    assert (health.status_code, health.json()) == (
        200,
        {"healthy": True, "plan": good, "book": good},
    )


async def test_a_payment_outage_takes_no_replica_out_of_planning(world: World):
    world.processor.down = True
    ready, health = await world.client.get("/readyz"), await world.client.get("/healthz")
    outage = "the payment processor does not answer"
    book = {"ready": False, "because": f"{outage}; only what is free can be booked"}
    assert (ready.status_code, ready.json()["ready"], ready.json()["capabilities"]) == (
        200,
        True,
        {
            "plan": {"ready": True, "because": None},
            "book": book,
            "pay": {"ready": False, "because": outage},
        },
    )
    assert (health.status_code, health.json()["healthy"], health.json()["book"]) == (
        503,
        False,
        book,
    )


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (404, None),
        (503, "its booking system does not answer"),
        (None, "its booking system does not answer"),
    ],
)
async def test_a_provider_whose_bookings_do_not_answer_is_named(
    world: World, answer: int | None, expected: str | None
):
    asked: list[str] = []

    def operator(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url}")
        if answer is None:
            raise httpx.ConnectError("refused")
        return httpx.Response(answer)

    world.wiring.settings.__dict__["provider_urls"] = {"stadtverkehr-luebeck": "http://operator/"}
    async with httpx.AsyncClient(transport=httpx.MockTransport(operator)) as http:
        object.__setattr__(world.wiring, "http", http)
        for _ in range(2):
            ready = await world.client.get("/readyz")

    assert ready.json()["providers"]["stadtverkehr-luebeck"] == {
        "ready": expected is None,
        "because": expected,
        "age_seconds": None,
    }
    assert asked == ["HEAD http://operator/"]


async def test_the_processor_is_not_asked_each_time(world: World):
    await world.client.get("/readyz")
    world.processor.down = True
    assert (await world.client.get("/readyz")).json()["capabilities"]["pay"]["ready"]


async def test_without_the_database_it_plans_and_does_not_book(world: World):
    away = make_engine("postgresql://nobody@127.0.0.1:9/nothing")
    object.__setattr__(world.wiring, "engine", away)
    ready = await world.client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["capabilities"]["book"] == {
        "ready": False,
        "because": "the database does not answer",
    }
    assert (await world.client.get("/healthz")).status_code == 503
    await away.dispose()


async def test_without_redis_it_is_not_ready(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("mobility.api.health._PATIENCE_S", 0.2)
    async with Redis(host="127.0.0.1", port=9) as away:
        object.__setattr__(world.wiring, "redis", away)
        ready, health = await world.client.get("/readyz"), await world.client.get("/healthz")
    assert (ready.status_code, health.status_code) == (503, 503)
    assert ready.json()["ready"] is False
    assert (await world.client.get("/livez")).status_code == 200
