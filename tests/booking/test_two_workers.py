"""Two worker processes share the work; the steps of one that is killed move within the lease."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility import steps
from mobility.db import transaction

LEASE_S = 1.0
WORKER = """
import asyncio, sys
from datetime import UTC, datetime, timedelta
from sqlalchemy import text
from mobility import steps
from mobility.db import make_engine, transaction

url, name, lease_s = sys.argv[1:]
engine = make_engine(url, pool_size=4)

async def wash(key, now):
    async with transaction(engine) as tx:
        await tx.execute(text("insert into washed values (:k, :w, 'begun')"), {"k": key, "w": name})
    await asyncio.sleep(30 if key == "hangs" and name == "first" else 0.05)
    async with transaction(engine) as tx:
        await tx.execute(text("insert into washed values (:k, :w, 'done')"), {"k": key, "w": name})

async def lane(number):
    lease = timedelta(seconds=float(lease_s))
    while True:
        await steps.run_due(engine, {"wash": wash}, worker=f"{name}/{number}", lease=lease,
                            clock=lambda: datetime.now(UTC))
        await steps.wait_for_work(engine, 0.1)

async def main():
    await asyncio.gather(lane(0), lane(1))

asyncio.run(main())
"""


@contextmanager
def worker(database_url: str, name: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", WORKER, database_url, name, str(LEASE_S)]
    with subprocess.Popen(command) as process:
        try:
            yield process
        finally:
            process.kill()


async def washed(engine: AsyncEngine, what: str) -> dict[str, set[str]]:
    """Who has begun or done which steps."""
    found: dict[str, set[str]] = {}
    async with transaction(engine) as tx:
        query = text("select worker, key from washed where what = :what")
        for who, key in await tx.execute(query, {"what": what}):
            found.setdefault(who, set()).add(key)
    return found


async def wait_for(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it holds, at most 20 s."""
    deadline = time.monotonic() + 20
    while not await holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def wait_until_begun(engine: AsyncEngine, who: str, key: str) -> None:
    async def begun() -> bool:
        return key in (await washed(engine, "begun")).get(who, set())

    await wait_for(begun)


async def ask(engine: AsyncEngine, *keys: str) -> None:
    async with transaction(engine) as tx:
        for key in keys:
            await steps.enqueue(tx, kind="wash", key=key, run_at=datetime.now(UTC))


async def test_the_steps_of_a_killed_worker_move_to_the_other_within_the_lease(
    engine: AsyncEngine, database_url: str
) -> None:
    async with transaction(engine) as tx:
        await tx.execute(text("create table washed (key text, worker text, what text)"))
    cars = {f"car-{n}" for n in range(40)}

    async def second_works() -> bool:
        await ask(engine, "greeting")
        return "second" in await washed(engine, "done")

    async def cars_are_washed() -> bool:
        return cars <= set().union(*(await washed(engine, "done")).values())

    with worker(database_url, "first") as first:
        await ask(engine, "hangs")
        await wait_until_begun(engine, "first", "hangs")
        with worker(database_url, "second"):
            await wait_for(second_works)
            await ask(engine, *cars)
            await wait_for(cars_are_washed)
            assert "hangs" not in (await washed(engine, "begun")).get("second", set())
            first.kill()
            killed_at = time.monotonic()
            await wait_until_begun(engine, "second", "hangs")
            took_s = time.monotonic() - killed_at
    both = await washed(engine, "done")
    assert both["first"] & cars
    assert both["second"] & cars
    assert took_s < LEASE_S + 3
