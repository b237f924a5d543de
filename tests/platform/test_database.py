"""What goes wrong at the database is an OperationalError, which the API answers with 503."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mobility.db import autocommit, transaction


async def end_connection_of(engine: AsyncEngine, tx: AsyncConnection) -> None:
    pid = await tx.scalar(text("SELECT pg_backend_pid()"))
    async with transaction(engine) as other:
        await other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})


@pytest.mark.parametrize("seconds", [0, 0.2])
@pytest.mark.parametrize("what", ["next statement", "commit"])
async def test_a_connection_that_is_lost_in_a_transaction(
    engine: AsyncEngine, seconds: float, what: str
) -> None:
    async def lose() -> None:
        async with transaction(engine) as tx:
            await end_connection_of(engine, tx)
            await asyncio.sleep(seconds)
            if what == "next statement":
                await tx.execute(text("SELECT 1"))

    with pytest.raises(OperationalError):
        await lose()
    async with transaction(engine) as tx:
        assert await tx.scalar(text("SELECT 1")) == 1


async def test_two_that_wait_for_each_other(engine: AsyncEngine) -> None:
    async def lock(first: int, second: int) -> None:
        async with transaction(engine) as tx:
            await tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": first})
            await asyncio.sleep(0.3)
            await tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": second})

    ends = await asyncio.gather(lock(1, 2), lock(2, 1), return_exceptions=True)
    assert sorted(type(end) for end in ends if end is not None) == [OperationalError]


async def test_a_task_that_is_cancelled_stays_cancelled(engine: AsyncEngine) -> None:
    async def wait() -> None:
        async with transaction(engine) as tx:
            await tx.execute(text("SELECT pg_sleep(5)"))

    task = asyncio.ensure_future(wait())
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("cancelled", [False, True])
async def test_a_transaction_is_one_on_a_connection_that_committed_by_itself(
    engine: AsyncEngine, cancelled: bool
) -> None:
    async def begun_and_undone() -> None:
        async with transaction(engine) as tx:
            await tx.execute(text("CREATE TABLE undone ()"))
            raise LookupError

    async def by_itself() -> None:
        async with autocommit(engine) as db:
            await db.execute(text("SELECT pg_sleep(5)") if cancelled else text("SELECT 1"))

    task = asyncio.ensure_future(by_itself())
    await asyncio.wait({task}, timeout=0.2)
    task.cancel()
    await asyncio.wait({task})
    with pytest.raises(LookupError):
        await begun_and_undone()
    async with transaction(engine) as tx:
        assert await tx.scalar(text("SELECT to_regclass('undone')")) is None
