"""Durable steps on a real database: one worker at a time, taken over when a worker dies."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility import steps
from mobility.db import transaction
from mobility.stuck_steps import list_stuck

LEASE = timedelta(seconds=5)
SHORT = timedelta(seconds=0.15)


def now() -> datetime:
    return datetime.now(UTC)


async def ask(engine: AsyncEngine, *keys: str) -> None:
    async with transaction(engine) as tx:
        for key in keys:
            await steps.enqueue(tx, kind="wash", key=key, run_at=now())


async def take(engine: AsyncEngine, worker: str, lease: timedelta = LEASE) -> str | None:
    held = await steps.claim(engine, kinds=["wash"], worker=worker, lease=lease)
    return held.key if held else None


async def ask_and_take(
    engine: AsyncEngine, worker: str, run_at: datetime | None = None
) -> steps.Claim | None:
    async with transaction(engine) as tx:
        await steps.enqueue(tx, kind="wash", key="car", run_at=run_at or now())
        return await steps.claim_asked(tx, ("wash", "car"), worker=worker, lease=LEASE)


async def rows(engine: AsyncEngine) -> list[tuple[object, ...]]:
    async with transaction(engine) as tx:
        found = await tx.execute(text("select key, attempts from step"))
        return [tuple(row) for row in found]


async def test_a_step_is_claimed_by_one_worker_only(engine: AsyncEngine) -> None:
    await ask(engine, *(f"car-{n}" for n in range(10)))
    claimed = await asyncio.gather(*(take(engine, f"worker-{n}") for n in range(20)))
    assert sorted(key for key in claimed if key) == sorted(f"car-{n}" for n in range(10))


async def test_the_step_of_a_dead_worker_is_taken_over_after_its_lease(engine: AsyncEngine) -> None:
    await ask(engine, "car")
    assert await take(engine, "dies", SHORT) == "car"
    assert await take(engine, "other") is None
    await asyncio.sleep(0.2)
    assert await take(engine, "other") == "car"


async def test_who_asks_for_a_step_may_take_it_at_once_if_nobody_is_at_it(
    engine: AsyncEngine,
) -> None:
    """Also where the database's clock is behind."""
    soon = now() + timedelta(seconds=2)
    held = await ask_and_take(engine, "asks", soon)
    assert held is not None
    assert (held.key, held.attempts) == ("car", 1)
    assert await ask_and_take(engine, "asks as well", soon) is None
    await steps.finish(engine, held, run_again_at=None)
    assert await rows(engine) == [("car", 0)], "asked for meanwhile, so it is run once more"


async def test_a_lease_is_whole_also_where_its_transaction_began_long_before(
    engine: AsyncEngine,
) -> None:
    async with transaction(engine) as tx:
        await steps.enqueue(tx, kind="wash", key="car", run_at=now())
        await tx.execute(text("select pg_sleep(0.3)"))
        await steps.claim_asked(tx, ("wash", "car"), worker="waited", lease=SHORT)
        left = await tx.scalar(text("select lease_until - clock_timestamp() from step"))
    assert timedelta() < left <= SHORT


async def test_who_dies_right_after_asking_for_a_step_keeps_nobody_for_the_whole_lease(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "FIRST_LEASE", SHORT)
    assert await ask_and_take(engine, "dies") is not None
    assert await take(engine, "other") is None
    await asyncio.sleep(0.2)
    assert await take(engine, "other") == "car"


async def test_who_took_a_step_as_it_was_asked_for_keeps_it_while_at_work(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "FIRST_LEASE", SHORT)
    held = await ask_and_take(engine, "slow")
    assert held is not None
    seen: list[object] = []

    async def wash_slowly(_key: str, _now: datetime) -> None:
        await asyncio.sleep(0.3)
        async with transaction(engine) as tx:
            left = await tx.scalar(text("select lease_until - now() from step"))
        seen.extend((await take(engine, "other"), SHORT < left <= LEASE))

    await steps.run_claimed(engine, held, wash_slowly, now=now(), lease=LEASE)
    assert (seen, await rows(engine)) == ([None, True], [])


async def test_a_heartbeat_keeps_the_lease_of_a_slow_worker(engine: AsyncEngine) -> None:
    await ask(engine, "car")
    held = await steps.claim(engine, kinds=["wash"], worker="slow", lease=SHORT)
    assert held is not None
    others: list[str | None] = []

    async def wash_slowly(_key: str, _now: datetime) -> None:
        await asyncio.sleep(0.4)
        others.append(await take(engine, "other"))

    await steps.run_claimed(engine, held, wash_slowly, now=now(), lease=SHORT)
    assert (others, await rows(engine)) == ([None], [])


async def test_of_all_kinds_that_are_due_the_oldest_is_first(engine: AsyncEngine) -> None:
    due_since = {"wash": 2, "wax": 3, "tow": 9, "park": -60}
    async with transaction(engine) as tx:
        for kind, seconds in due_since.items():
            run_at = now() - timedelta(seconds=seconds)
            await steps.enqueue(tx, kind=kind, key="car", run_at=run_at)
    done: list[str] = []

    def doing(kind: str) -> steps.Handler:
        async def do(_key: str, _now: datetime) -> None:
            done.append(kind)

        return do

    mine = {kind: doing(kind) for kind in ("wash", "wax", "park")}
    await steps.run_due(engine, mine, worker="w", lease=LEASE, clock=now)
    assert done == ["wax", "wash"]


async def test_a_step_that_is_done_is_gone(engine: AsyncEngine) -> None:
    await ask(engine, "car")

    async def wash(_key: str, _now: datetime) -> None:
        return

    done = await steps.run_due(engine, {"wash": wash}, worker="w", lease=LEASE, clock=now)
    assert (done, await rows(engine)) == (1, [])


async def test_a_step_asked_for_while_it_runs_runs_once_more(engine: AsyncEngine) -> None:
    await ask(engine, "car")
    washed: list[str] = []

    async def wash(key: str, _now: datetime) -> None:
        washed.append(key)
        if len(washed) == 1:
            await ask(engine, "car")

    await steps.run_due(engine, {"wash": wash}, worker="w", lease=LEASE, clock=now)
    assert (washed, await rows(engine)) == (["car", "car"], [])


async def test_a_failing_step_is_tried_again_ever_later_and_is_shown_as_stuck(
    engine: AsyncEngine,
) -> None:
    await ask(engine, "car")

    async def wash(_key: str, _now: datetime) -> None:
        raise RuntimeError("no water")

    pauses = []
    for attempt in range(1, 15):
        async with transaction(engine) as tx:
            await tx.execute(text("update step set run_at = now()"))
        held = await steps.claim(engine, kinds=["wash"], key="car", worker="w", lease=LEASE)
        assert held is not None
        assert held.attempts == attempt
        at = now()
        await steps.run_claimed(engine, held, wash, now=at, lease=LEASE)
        assert await take(engine, "w") is None
        async with transaction(engine) as tx:
            (stuck,) = await list_stuck(tx)
        assert (stuck.key, stuck.last_error) == ("car", "RuntimeError: no water")
        pauses.append((stuck.run_at - at).total_seconds())
    assert pauses[:3] == [1, 2, 4]
    assert pauses[-3:] == [300, 300, 300]


async def test_a_worker_that_lost_its_lease_cannot_end_the_step(engine: AsyncEngine) -> None:
    await ask(engine, "car")
    lost = await steps.claim(engine, kinds=["wash"], worker="same", lease=SHORT)
    assert lost is not None
    await asyncio.sleep(0.2)
    assert await take(engine, "same") == "car"
    await steps.finish(engine, lost, run_again_at=None)
    assert len(await rows(engine)) == 1


async def test_a_worker_that_loses_its_lease_stops_working(engine: AsyncEngine) -> None:
    await ask(engine, "car")
    held = await steps.claim(engine, kinds=["wash"], worker="paused", lease=SHORT)
    assert held is not None
    washed: list[str] = []

    async def wash(key: str, _now: datetime) -> None:
        async with transaction(engine) as tx:
            await tx.execute(text("update step set worker = 'another'"))
        await asyncio.sleep(1)
        washed.append(key)

    await steps.run_claimed(engine, held, wash, now=now(), lease=SHORT)
    assert washed == []
