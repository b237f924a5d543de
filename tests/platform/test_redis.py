"""How a process reaches Redis: connections that close, are waited for, are left half read."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from mobility import redis_pool
from mobility.redis_pool import REDIS_CONNECTIONS


async def connections(redis: Redis) -> set[str]:
    return {client["id"] for client in await redis.client_list()}


async def test_a_connection_that_the_server_has_closed_is_replaced(
    redis: Redis, redis_url: str, redis_prefix: str
):
    key = f"{redis_prefix}a"
    await redis.set(key, "kept", ex=60)
    async with Redis.from_url(redis_url) as other:
        await other.client_kill_filter(_id=await redis.client_id())
    assert await redis.get(key) == b"kept"


async def test_a_burst_waits_for_connections(redis: Redis, redis_url: str, redis_prefix: str):
    async with Redis.from_url(redis_url) as other:
        before = await connections(other)
        counts = await asyncio.gather(*(redis.incr(f"{redis_prefix}a") for _ in range(200)))
        opened = await connections(other) - before
    assert sorted(counts) == list(range(1, 201))
    assert len(opened) == REDIS_CONNECTIONS


async def test_a_reply_that_nobody_waits_for_is_given_to_nobody_else(
    redis: Redis, redis_prefix: str
):
    waiting = asyncio.create_task(redis.blpop([f"{redis_prefix}never"], 1))
    await asyncio.sleep(0.05)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await redis.set(f"{redis_prefix}a", "mine", ex=60)
    assert await redis.get(f"{redis_prefix}a") == b"mine"


async def test_an_error_is_the_answer_to_one_command_alone(redis: Redis, redis_prefix: str):
    await redis.set(f"{redis_prefix}a", "text", ex=60)
    with pytest.raises(ResponseError):
        await redis.incr(f"{redis_prefix}a")
    assert await redis.get(f"{redis_prefix}a") == b"text"


async def test_no_answer_in_time_is_an_error(
    redis: Redis, redis_prefix: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(redis_pool, "REDIS_WAIT_S", 0.1)
    with pytest.raises(RedisTimeoutError):
        await redis.blpop([f"{redis_prefix}never"], 1)
    assert await redis.ping()
