"""Steps that go on failing: they rest in sight, and staff tries them again or gives them up."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mobility import steps
from mobility.audit import Deed, list_deeds, write_down
from mobility.booking.advance import STEP, advance, leave_to_staff
from mobility.booking.trip import BookingState
from mobility.db import transaction
from mobility.stuck_steps import Condition, NotStuckError, Stuck, give_up, list_stuck, retry
from mobility.watch import read_all
from tests.booking.world import World, bike_leg, offer_of

LEASE = timedelta(seconds=5)
SHORT = timedelta(seconds=0.15)


def now() -> datetime:
    return datetime.now(UTC)


async def ask(engine: AsyncEngine, *, key: str = "car", wake_dead: bool = True) -> None:
    async with transaction(engine) as tx:
        await steps.enqueue(tx, kind="wash", key=key, run_at=now(), wake_dead=wake_dead)


async def no_water(_key: str, _now: datetime) -> None:
    raise RuntimeError("no water")


async def bury(tx: AsyncConnection, key: str, _now: datetime) -> None:
    await tx.execute(text("create table if not exists grave (key text)"))
    await tx.execute(text("insert into grave values (:key)"), {"key": key})


async def graves(engine: AsyncEngine) -> int:
    async with transaction(engine) as tx:
        if await tx.scalar(text("select to_regclass('grave')")) is None:
            return 0
        return int(await tx.scalar(text("select count(*) from grave")) or 0)


async def run(
    engine: AsyncEngine, handler: steps.Handler = no_water, *, at: datetime | None = None
) -> bool:
    """One run of the step as if it were due; False when nobody may have it."""
    async with transaction(engine) as tx:
        await tx.execute(text("update step set run_at = least(run_at, now())"))
    held = await steps.claim(engine, kinds=["wash"], worker="w", lease=LEASE)
    if held is None:
        return False
    await steps.run_claimed(engine, held, handler, now=at or now(), lease=LEASE, bury=bury)
    return True


async def stuck(engine: AsyncEngine) -> list[Stuck]:
    async with transaction(engine) as tx:
        return await list_stuck(tx)


async def die(engine: AsyncEngine) -> None:
    """Let the step fail for an hour."""
    began = now()
    for attempt in range(steps.FEWEST_ATTEMPTS):
        late = steps.DEAD_AFTER if attempt == steps.FEWEST_ATTEMPTS - 1 else timedelta(0)
        assert await run(engine, at=began + late)


async def test_a_step_that_fails_for_an_hour_becomes_a_dead_letter(engine: AsyncEngine) -> None:
    await ask(engine)
    began = now()
    for attempt in range(1, steps.FEWEST_ATTEMPTS + 4):
        assert await run(engine, at=began + timedelta(minutes=59))
        (found,) = await stuck(engine)
        assert (found.condition, found.attempts) == (Condition.FAILING, attempt)
    assert await graves(engine) == 0
    assert await run(engine, at=began + timedelta(minutes=59) + steps.DEAD_AFTER)
    (found,) = await stuck(engine)
    assert (found.condition, found.last_error) == (Condition.DEAD, "RuntimeError: no water")
    assert found.since == began + timedelta(minutes=59)
    assert await graves(engine) == 1
    assert not await run(engine)


async def test_an_hour_without_attempts_buries_nothing(engine: AsyncEngine) -> None:
    await ask(engine)
    assert await run(engine)
    assert await run(engine, at=now() + timedelta(hours=9))
    (found,) = await stuck(engine)
    assert found.condition is Condition.FAILING


async def test_a_step_that_kills_every_process_is_buried_unrun(engine: AsyncEngine) -> None:
    await ask(engine)
    ran: list[str] = []

    async def wash(key: str, _now: datetime) -> None:
        ran.append(key)

    async with transaction(engine) as tx:
        await tx.execute(text("update step set attempts = 60, worker = 'dead one'"))
    assert await run(engine, wash)
    (found,) = await stuck(engine)
    assert (ran, found.condition) == ([], Condition.DEAD)
    assert found.last_error == "60 attempts were begun, and none ended"


async def test_a_dead_letter_that_is_asked_for_is_tried_once_and_rests_again(
    engine: AsyncEngine,
) -> None:
    await ask(engine)
    await die(engine)
    first = (await stuck(engine))[0]
    await ask(engine, wake_dead=False)
    assert not await run(engine)
    await ask(engine)
    assert await run(engine, at=now() + timedelta(hours=2))
    assert not await run(engine)
    (found,) = await stuck(engine)
    assert (found.condition, found.since) == (Condition.DEAD, first.since)


async def test_a_dead_letter_that_succeeds_is_forgotten(engine: AsyncEngine) -> None:
    await ask(engine)
    await die(engine)
    await ask(engine)

    async def wash(_key: str, _now: datetime) -> datetime:
        return now() + timedelta(hours=1)

    assert await run(engine, wash)
    assert await stuck(engine) == []


async def test_nobody_sleeps_less_because_of_a_dead_letter(engine: AsyncEngine) -> None:
    await ask(engine)
    await die(engine)
    async with transaction(engine) as tx:
        await tx.execute(text("update step set run_at = now() - interval '1 day'"))
    began = asyncio.get_running_loop().time()
    await steps.wait_for_work(engine, 0.4)
    assert asyncio.get_running_loop().time() - began > 0.35


async def test_retrying_a_dead_letter_counts_its_attempts_anew(engine: AsyncEngine) -> None:
    await ask(engine)
    await die(engine)
    async with transaction(engine) as tx:
        await retry(tx, "wash", "car", actor="rdr_otto", reason="water is back", now=now())
    assert await run(engine)
    (found,) = await stuck(engine)
    assert (found.condition, found.attempts) == (Condition.FAILING, 1)
    async with transaction(engine) as tx:
        ((_, deed),) = await list_deeds(tx, limit=10)
    said = (deed.actor, deed.action, deed.subject, deed.reason)
    assert said == ("rdr_otto", "step.retry", "wash car", "water is back")


async def test_giving_up_takes_the_step_from_who_works_on_it(engine: AsyncEngine) -> None:
    await ask(engine)
    assert await run(engine)
    async with transaction(engine) as tx:
        await tx.execute(text("update step set run_at = now()"))
    held = await steps.claim(engine, kinds=["wash"], worker="hangs", lease=LEASE)
    assert held is not None
    (found,) = await stuck(engine)
    assert found.worker == "hangs"
    async with transaction(engine) as tx:
        await give_up(tx, "wash", "car", actor="rdr_otto", reason="sold the car", now=now())
    await steps.fail(engine, held, "too late", now=now(), bury=bury)
    (found,) = await stuck(engine)
    said = (found.condition, found.worker, found.last_error)
    assert said == (Condition.GIVEN_UP, None, "RuntimeError: no water")
    assert not await run(engine)


async def test_who_lost_its_lease_buries_nothing(engine: AsyncEngine) -> None:
    await ask(engine)
    lost = await steps.claim(engine, kinds=["wash"], worker="lost", lease=SHORT)
    assert lost is not None
    async with transaction(engine) as tx:
        await tx.execute(
            text("update step set worker = 'other', failing_since = now() - interval '2 hours'")
        )
    late = replace(lost, attempts=99)
    await steps.fail(engine, late, "no water", now=now(), bury=bury)
    assert await graves(engine) == 0


async def test_what_is_not_stuck_is_neither_retried_nor_given_up(engine: AsyncEngine) -> None:
    await ask(engine)
    for steer in (retry, give_up):
        for key in ("car", "nobody's", "x" * 5000):
            with pytest.raises(NotStuckError):
                async with transaction(engine) as tx:
                    await steer(tx, "wash", key, actor="rdr_otto", reason="why not", now=now())
    async with transaction(engine) as tx:
        assert await list_deeds(tx, limit=10) == []


async def test_a_step_that_is_due_and_not_taken_is_shown(engine: AsyncEngine) -> None:
    await ask(engine)
    assert await stuck(engine) == []
    async with transaction(engine) as tx:
        await tx.execute(text("update step set run_at = now() - interval '61 seconds'"))
    (found,) = await stuck(engine)
    assert (found.condition, found.last_error) == (Condition.OVERDUE, None)


async def test_a_dead_booking_step_needs_a_person_and_gets_well_when_retried(
    world: World,
) -> None:
    engine = world.desk.engine
    booking_id = await world.book(offer_of(bike_leg()))
    async with transaction(engine) as tx:
        await tx.execute(
            text("update step set attempts = 60, failing_since = now() - interval '2 hours'")
        )
    held = await steps.claim(engine, kinds=[STEP], worker="w", lease=LEASE)
    assert held is not None
    await steps.fail(engine, held, "no rest", now=now(), bury=leave_to_staff)
    assert (await world.trip(booking_id)).state is BookingState.NEEDS_ATTENTION
    async with transaction(engine) as tx:
        await retry(tx, STEP, booking_id, actor="rdr_otto", reason="mended", now=now())
    await world.advance(booking_id)
    assert await world.story(booking_id) == "confirmed | bike confirmed | authorised"


@pytest.mark.parametrize("state", ["settled", "cancelled", "failed"])
async def test_a_booking_that_is_over_stays_over(world: World, state: str) -> None:
    booking_id = await world.book(offer_of(bike_leg()))
    async with transaction(world.desk.engine) as tx:
        await tx.execute(text("update booking set state = :state"), {"state": state})
        await leave_to_staff(tx, booking_id, now())
        await leave_to_staff(tx, "bkg_nobody", now())
    assert (await world.trip(booking_id)).state == state


@pytest.mark.parametrize(
    "change", ["update audit set reason = 'none'", "delete from audit", "truncate audit"]
)
async def test_the_audit_log_is_only_added_to(engine: AsyncEngine, change: str) -> None:
    deed = Deed("rdr_otto", "step.retry", "wash car", "water is back", now())
    async with transaction(engine) as tx:
        await write_down(tx, deed)
    with pytest.raises(IntegrityError, match="append-only"):
        async with transaction(engine) as tx:
            await tx.execute(text(change))
    async with transaction(engine) as tx:
        assert [found for _, found in await list_deeds(tx, limit=10)] == [deed]


async def test_an_answer_of_the_processor_that_cannot_be_recorded_is_seen_long_before_its_hour(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a step with its error, and after a minute as a payment whose outcome is not known."""

    async def record(*_: object) -> None:
        raise RuntimeError("the books refuse it")

    monkeypatch.setattr("mobility.booking.pay.record", record)
    await world.book(offer_of(bike_leg()))
    await steps.run_due(
        world.desk.engine,
        {STEP: lambda key, _now: advance(world.desk, key)},
        worker="w",
        lease=LEASE,
        clock=now,
        bury={STEP: leave_to_staff},
    )
    async with transaction(world.desk.engine) as tx:
        (stuck,) = await list_stuck(tx)
        readings = await read_all(tx, now() + timedelta(seconds=61))
    assert (stuck.condition, stuck.last_error) == (
        Condition.FAILING,
        "RuntimeError: the books refuse it",
    )
    found = {reading.question.metric: reading.answers for reading in readings}
    assert found["mobility_payment_operations_undecided"] == ((None, 1.0),)
