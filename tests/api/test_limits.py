import asyncio
import ipaddress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from mobility.api.limits import client_key, take
from mobility.identity.secrets import derive_secrets
from tests.api.conftest import START, World, make_app, make_client

MINUTE = timedelta(minutes=1)


async def test_a_limit_allows_as_many_at_once_and_refills_evenly(redis: Redis, redis_prefix: str):
    async def at(seconds: float) -> int:
        now = START + timedelta(seconds=seconds)
        return await take(redis, f"{redis_prefix}a", limit=3, period=MINUTE, now=now)

    assert [await at(0) for _ in range(5)] == [0, 0, 0, 20, 20]
    assert [await at(19.9), await at(20), await at(20)] == [1, 0, 20]
    assert [await at(100) for _ in range(4)] == [0, 0, 0, 20]


async def test_of_many_at_once_no_more_than_the_limit_get_through(redis: Redis, redis_prefix: str):
    waits = await asyncio.gather(
        *(take(redis, f"{redis_prefix}a", limit=10, period=MINUTE, now=START) for _ in range(50))
    )
    assert waits.count(0) == 10


async def test_a_limit_of_nothing_is_none(redis: Redis, redis_prefix: str):
    waits = [
        await take(redis, f"{redis_prefix}a", limit=0, period=MINUTE, now=START) for _ in range(9)
    ]
    assert waits == [0] * 9


async def test_a_limit_beyond_all_measure_still_counts(redis: Redis, redis_prefix: str):
    assert await take(redis, f"{redis_prefix}a", limit=10**9, period=MINUTE, now=START) == 0


@pytest.fixture
def two_a_minute(world: World) -> World:
    object.__setattr__(
        world.wiring,
        "settings",
        world.wiring.settings.model_copy(update={"rate_limit_per_minute": 2}),
    )
    return world


async def test_a_client_that_asks_too_often_waits(two_a_minute: World):
    answers = [await two_a_minute.client.get("/problems") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json()["type"] == "/problems/too-many-requests"
    assert answers[2].headers["retry-after"] == "30"
    assert (await two_a_minute.client.get("/livez")).status_code == 200
    two_a_minute.pass_time(seconds=31)
    assert (await two_a_minute.client.get("/problems")).status_code == 200


async def test_the_limit_holds_over_all_api_processes(two_a_minute: World):
    other = make_app(two_a_minute.wiring.settings)
    other.state.wiring = two_a_minute.wiring
    async with make_client(other) as second:
        clients = [two_a_minute.client, second, two_a_minute.client, second]
        statuses = [(await client.get("/problems")).status_code for client in clients]
    assert statuses == [200, 200, 429, 429]


async def test_riders_are_counted_by_person_and_invented_tokens_by_address(two_a_minute: World):
    anna = await two_a_minute.sign_in("anna@example.org")
    otto = await two_a_minute.sign_in("otto@example.org")
    get = two_a_minute.client.get
    assert [(await get("/v1/me", headers=anna)).status_code for _ in range(3)] == [200, 200, 429]
    assert (await get("/v1/me", headers=otto)).status_code == 200
    invented = [
        (await get("/v1/me", headers={"Authorization": f"Bearer {n}"})).status_code
        for n in range(3)
    ]
    assert invented == [401, 401, 429]


async def test_without_redis_searches_go_on_and_sign_in_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("mobility.api.limits.COUNT_WITHIN_S", 0.2)
    async with Redis(host="127.0.0.1", port=9) as away:
        object.__setattr__(world.wiring, "redis", away)
        assert (await world.client.get("/problems")).status_code == 200
        codes = await world.client.post("/v1/auth/codes", json={"email": "anna@example.org"})
    assert (codes.status_code, codes.json()["type"]) == (503, "/problems/temporarily-unavailable")
    assert world.mails() == []


async def test_pages_on_the_list_may_call_and_no_others(world: World):
    preflight = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
    }
    allowed = await world.client.options("/v1/auth/codes", headers=preflight)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == "https://app.example"
    preflight["Origin"] = "https://evil.example"
    refused = await world.client.options("/v1/auth/codes", headers=preflight)
    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers
    for path, status in (("/v1/me", 401), ("/v1/trial/boom/x", 500), ("/problems", 200)):
        answer = await world.client.get(path, headers={"Origin": "https://app.example"})
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == "https://app.example"
        assert "access-control-allow-credentials" not in answer.headers


SECRETS = derive_secrets("a secret of this test run, long enough")


@given(st.ip_addresses(v=6))
def test_an_ipv6_client_is_its_network(address: object):
    host = str(address)
    network = host_of_network(host)
    assert client_key({"client": (host, 1)}, SECRETS) == client_key({"client": network}, SECRETS)
    assert host not in client_key({"client": (host, 1)}, SECRETS)


def host_of_network(host: str) -> tuple[str, int]:
    return str(ipaddress.ip_network((host, 64), strict=False).network_address), 2


def test_a_client_without_an_address_is_one_client():
    assert client_key({}, SECRETS) == client_key({"client": None}, SECRETS)
    assert client_key({"client": ("testclient", 1)}, SECRETS) != client_key({}, SECRETS)
