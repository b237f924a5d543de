"""What alerts warn of, brought about in the real database, each by name of its alert."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from uuid import uuid4

import httpx
from sqlalchemy import text

from mobility import steps
from mobility.booking.advance import STEP, leave_to_staff
from mobility.booking.trip import Aim
from mobility.booking.trips import mark_needs_attention, set_undo_aim
from mobility.db import make_engine, transaction
from mobility.sale_stops import Target, begin_stop
from mobility.stuck_steps import give_up
from payments.tables import (
    account,
    entry,
    journal,
    journal_key,
    psp_event,
    reconciliation,
    reconciliation_case,
)
from tests.api.alert_rows import MINUTE, add_leg, book, operate, pay, put
from tests.api.conftest import World

Act = Callable[[World], Awaitable[None]]


@dataclass(frozen=True)
class Fault:
    """An act, how long after it the alert is to fire, and which alerts fire with it."""

    act: Act
    after: timedelta = timedelta(0)
    also: frozenset[str] = frozenset()


async def ledger_uneven(world: World) -> None:
    of = {"posted_on": date(2026, 11, 25)}
    one, key = uuid4(), "pay_1.capture"
    async with transaction(world.wiring.engine) as tx:
        await tx.execute(text("set local session_replication_role = replica"))
        await tx.execute(
            account.insert().values(
                code="odd",
                role="odd",
                name="odd",
                kind="asset",
                currency="EUR",
                skr03="1",
                skr04="1",
            )
        )
        await tx.execute(
            journal_key.insert().values(**of, idem_key=key, journal_id=one, content_sha256="0")
        )
        at = {"event_at": world.now, "recorded_at": world.now}
        await tx.execute(
            journal.insert().values(**of, **at, id=one, idem_key=key, kind="odd", line_count=2)
        )
        line = {"journal_id": one, "line": 0, "account_code": "odd", "currency": "EUR"}
        await tx.execute(entry.insert().values(**of, **line, amount_minor=1))


async def ledger_unguarded(world: World) -> None:
    async with transaction(world.wiring.engine) as tx:
        await tx.execute(text("alter table journal disable trigger journal_unchanged"))


async def hold_resolved_twice(world: World) -> None:
    await pay(world, "released")
    await operate(world, "capture", "done")
    await operate(world, "cancel", "done")


async def given_back_too_much(world: World) -> None:
    await book(world, "cancelled", aim="cancel")
    await pay(world, "refunded", captured_minor=300, refunded_minor=300)
    await operate(world, "refund", "done", 301)


async def vehicle_kept_twice(world: World) -> None:
    for name in ("1", "2"):
        await book(world, "confirmed", name=name)
        await add_leg(world, "confirmed", name=name)


async def ride_unpaid(world: World) -> None:
    await book(world, "completed")
    await add_leg(world, "ended", ended_at=world.now)
    await pay(world, "authorised")


async def settled_too_cheap(world: World) -> None:
    await book(world, "settled")
    await add_leg(world, "ended", ended_at=world.now)
    await pay(world, "captured", captured_minor=299)


async def paid_undelivered(world: World) -> None:
    await book(world, "confirmed")
    await pay(world, "captured", captured_minor=300)
    await turn_back(world)


async def settled_too_dear(world: World) -> None:
    await book(world, "settled")
    await add_leg(world, "ended", final_minor=299)
    await pay(world, "captured", captured_minor=300)


async def hold_of_cancelled(world: World) -> None:
    await book(world, "confirmed")
    await pay(world, "authorised", capture_before=world.now + timedelta(days=6))
    await turn_back(world)


async def turn_back(world: World) -> None:
    async with transaction(world.wiring.engine) as tx:
        await set_undo_aim(tx, "bkg_1", Aim.CANCEL, world.now)


async def reconcile(world: World, unexplained: int = 0) -> None:
    await put(
        world,
        reconciliation,
        id="rec_1",
        currency="EUR",
        since=world.now,
        fetched_at=world.now,
        recorded_at=world.now,
        line_count=1,
        matched_count=0,
        case_count=1,
        ledger_minor=0,
        processor_minor=unexplained,
        unexplained_minor=unexplained,
        fees_minor=0,
        paid_out_minor=0,
    )


async def reconcile_with_a_difference(world: World) -> None:
    await reconcile(world, 5)


def opens_case(kind: str) -> Act:
    async def act(world: World) -> None:
        await reconcile(world)
        await put(
            world,
            reconciliation_case,
            kind=kind,
            subject="txn_1",
            reconciliation_id="rec_1",
            currency="EUR",
            difference_minor=5,
            explanation="…",
            state="open",
            opened_at=world.now,
        )

    return act


async def fail_steps(world: World, attempts: int, count: int = 1) -> None:
    for number in range(count):
        async with transaction(world.wiring.engine) as tx:
            await steps.enqueue(tx, kind=STEP, key=f"bkg_{number}", run_at=world.now)
        claimed = await steps.claim(
            world.wiring.engine,
            kinds=[STEP],
            key=f"bkg_{number}",
            worker="w",
            lease=MINUTE,
        )
        assert claimed is not None
        held = replace(claimed, attempts=attempts)
        now = world.now + timedelta(days=9)
        await steps.fail(world.wiring.engine, held, "no rest", now=now, bury=leave_to_staff)


async def step_dead(world: World) -> None:
    await fail_steps(world, steps.MOST_ATTEMPTS)


async def step_given_up(world: World) -> None:
    await fail_steps(world, 1)
    async with transaction(world.wiring.engine) as tx:
        await give_up(tx, STEP, "bkg_0", actor="rdr_1", reason="a test", now=world.now)


async def steps_failing(world: World) -> None:
    await fail_steps(world, 1, count=6)


async def work_not_done(world: World) -> None:
    async with transaction(world.wiring.engine) as tx:
        await steps.enqueue(tx, kind=STEP, key="bkg_1", run_at=world.now)


async def needs_attention(world: World) -> None:
    await book(world, "confirmed")
    async with transaction(world.wiring.engine) as tx:
        await mark_needs_attention(tx, "bkg_1", world.now)


async def outcome_unknown(world: World) -> None:
    await pay(world, "unknown")
    await operate(world, "authorise", "unknown")


async def debit_undecided(world: World) -> None:
    await pay(world, "processing")
    await operate(world, "authorise", "processing", since=timedelta(days=26) - MINUTE)


async def hold_lapses(world: World) -> None:
    await pay(world, "authorised", capture_before=world.now + timedelta(hours=12) + MINUTE)


def hears(state: str) -> Act:
    async def act(world: World) -> None:
        await put(
            world,
            psp_event,
            id="evt_1",
            type="charge.refunded",
            state=state,
            created_at=world.now,
            received_at=world.now,
            due_at=world.now,
            applied_at=world.now if state == "unmatched" else None,
        )

    return act


async def provider_silent(world: World) -> None:
    def refuse(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    world.wiring.settings.__dict__["provider_urls"] = {"stadtverkehr-luebeck": "http://operator/"}
    http = httpx.AsyncClient(transport=httpx.MockTransport(refuse))
    object.__setattr__(world.wiring, "http", http)


async def processor_silent(world: World) -> None:
    world.processor.down = True


async def database_silent(world: World) -> None:
    away = make_engine("postgresql://nobody@127.0.0.1:9/nothing")
    object.__setattr__(world.wiring, "engine", away)


async def sale_stopped(world: World) -> None:
    async with transaction(world.wiring.engine) as tx:
        await begin_stop(tx, Target(), actor="rdr_1", reason="a test", now=world.now)


CASE = frozenset({"ReconciliationCaseOpen"})
FAULTS: dict[str, list[Fault]] = {
    "LedgerUneven": [Fault(ledger_uneven)],
    "LedgerUnguarded": [Fault(ledger_unguarded)],
    "HoldResolvedTwice": [Fault(hold_resolved_twice)],
    "TakenOrGivenBackTooMuch": [Fault(given_back_too_much)],
    "VehicleKeptTwice": [Fault(vehicle_kept_twice)],
    "RideUnpaid": [Fault(ride_unpaid, 15 * MINUTE), Fault(settled_too_cheap)],
    "PaidUndelivered": [Fault(paid_undelivered, 15 * MINUTE), Fault(settled_too_dear)],
    "HoldOfCancelledBooking": [Fault(hold_of_cancelled, 10 * MINUTE)],
    "LedgerAndProcessorDiffer": [Fault(reconcile_with_a_difference)],
    "PayoutDiffers": [Fault(opens_case("payout"), also=CASE)],
    "ProcessorObjectUnknown": [
        Fault(opens_case("missing_ours"), also=CASE),
        Fault(opens_case("duplicate"), also=CASE),
    ],
    "DatabaseSilent": [Fault(database_silent)],
    "StepDead": [Fault(step_dead)],
    "StepGivenUp": [Fault(step_given_up)],
    "StepsFailing": [Fault(steps_failing)],
    "WorkNotDone": [Fault(work_not_done, 2 * MINUTE)],
    "BookingNeedsAttention": [Fault(needs_attention)],
    "BookingWaitsForAttention": [
        Fault(needs_attention, 60 * MINUTE, frozenset({"BookingNeedsAttention"}))
    ],
    "PaymentOutcomeUnknown": [Fault(outcome_unknown, MINUTE)],
    "HoldLapses": [Fault(hold_lapses, MINUTE)],
    "DebitUndecided": [Fault(debit_undecided, MINUTE)],
    "WebhookUnmatched": [Fault(hears("unmatched"))],
    "WebhooksLate": [Fault(hears("stored"), 15 * MINUTE)],
    "ReconciliationCaseOpen": [Fault(opens_case("amount"))],
    "ReconciliationOld": [Fault(reconcile, timedelta(hours=26))],
    "ProviderSilent": [Fault(provider_silent)],
    "ProcessorSilent": [Fault(processor_silent)],
    "SaleStopped": [Fault(sale_stopped)],
}
