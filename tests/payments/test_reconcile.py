"""Whole runs: processor, ledger and database together."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import httpx
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from payments import charge, ledger
from payments.accounts import Account, Role
from payments.cases import close_by_hand, list_cases
from payments.errors import PaymentNotFoundError
from payments.matching import CaseKind
from payments.money import Money
from payments.payment import PaymentState
from payments.postings import Draft, JournalKind, Posting
from payments.reconcile import _know, find_since, reconcile, record_statement
from payments.reconciliation import get_reconciliation
from payments.refund import (
    GUARANTEE,
    REBATE,
    prepare_compensation,
    prepare_refund,
    try_refused_again,
)
from payments.refund_failures import Transferred, transfer_by_hand
from payments.statement import fetch_statement, store_lines
from payments.stripe_gateway import StripeGateway
from payments.tables import balance_line
from tests.payments.world import Till, split


@pytest.fixture
def till(engine: AsyncEngine, gateway: StripeGateway, now: datetime) -> Till:
    return Till(engine, gateway, now)


async def run(till: Till, minutes: int = 1):
    return await reconcile(till.engine, till.gateway, now=till.now + timedelta(minutes=minutes))


async def open_cases(till: Till) -> list[tuple[CaseKind, str, int]]:
    async with till.engine.connect() as tx:
        found = await list_cases(tx)
    return [(each.case.kind, each.case.subject, each.case.difference.minor) for each in found]


async def test_a_day_balances_to_the_cent(till: Till, sandbox: str):
    for number in range(5):
        pid = f"pay_{number}"
        await till.authorise(1000, pid=pid)
        await till.capture(split(1000 - 77 * number, commission=33), pid=pid)
    await till.refund(100, "a", "pay_1")
    await till.authorise(800, pid="pay_held")
    async with httpx.AsyncClient() as http:
        assert (await http.post(f"{sandbox}/sandbox/payouts")).status_code == 201
    await till.refund(100, "b", "pay_1")

    found = await run(till)

    assert (found.line_count, found.matched_count, found.case_count) == (12, 12, 0)
    assert (found.ledger, found.processor, found.unexplained) == (
        Money(-100),
        Money(-100),
        Money(0),
    )
    assert found.balanced
    balances = await till.balances()
    assert balances["processor_fees:EUR"] == found.fees.minor == 5 * 25 + 15 + 14 + 13 + 12 + 10
    assert balances["payout_transit:EUR"] == found.paid_out.minor
    assert sum(balances.values()) == 0

    again = await run(till, 2)
    assert (again.line_count, again.fees, again.balanced) == (0, Money(0), True)
    async with till.engine.connect() as tx:
        assert await get_reconciliation(tx, again.id) == again
        assert await find_since(tx) == again.read_at - timedelta(days=3)


async def test_a_refund_that_comes_back_after_days_is_a_case(till: Till, sandbox: str):
    await till.authorise(1000)
    await till.capture(split(1000))
    await till.refund(400)
    assert (await run(till)).balanced
    async with httpx.AsyncClient(headers={"Authorization": "Bearer sk_test_x"}) as http:
        refund = (await http.get(f"{sandbox}/v1/refunds")).json()["data"][0]
        path = f"{sandbox}/sandbox/refunds/{refund['id']}/fail"
        failed = (await http.post(path)).json()
        assert (failed["status"], (await http.post(path)).status_code) == ("failed", 400)

    for minutes in (2, 3):
        found = await run(till, minutes)
        assert await open_cases(till) == [(CaseKind.REFUND_FAILED, "pay_1.refund.all", 400)]
        assert (found.processor, found.unexplained) == (found.ledger, Money(0))
    payment = await till.payment()
    assert (payment.state, payment.captured, payment.refunded) == (
        PaymentState.CAPTURED, Money(1000), Money(0),
    )  # fmt: skip
    assert (await till.balances())["provider_payable:bus:EUR"] == -1000


async def came_back(sandbox: str) -> None:
    async with httpx.AsyncClient(headers={"Authorization": "Bearer sk_test_x"}) as http:
        refund = (await http.get(f"{sandbox}/v1/refunds")).json()["data"][0]
        await http.post(f"{sandbox}/sandbox/refunds/{refund['id']}/fail")


@pytest.mark.parametrize(
    ("reason", "bearer", "borne"),
    [
        ("", "provider_payable:bus", -600),
        (REBATE, "day_ceiling_rebates", 400),
        (GUARANTEE, "claim_payable", 400),
    ],
)
async def test_one_that_came_back_is_made_once_it_was_transferred_by_hand(
    till: Till, sandbox: str, reason: str, bearer: str, borne: int
):
    """From our bank, and at the expense of whom the refund was."""
    await till.authorise(1000)
    await till.capture(split(1000))
    async with till.engine.begin() as tx:
        refund = await (
            prepare_compensation(tx, "pay_1", Money(400), reason=reason, key="all", now=till.now)
            if reason
            else prepare_refund(tx, "pay_1", Money(400), "", now=till.now)
        )
    await till.drive(refund)
    await run(till)
    await came_back(sandbox)
    await run(till, 2)
    operation_id = "pay_1.refund.all"
    assert await open_cases(till) == [(CaseKind.REFUND_FAILED, operation_id, 400)]
    async with till.engine.begin() as tx:
        assert await transfer_by_hand(tx, operation_id, till.now) == (Money(400), "bkg_1")
    assert await open_cases(till) == []
    for refused in (operation_id, "pay_1.refund.none"):
        with pytest.raises(PaymentNotFoundError, match=f"no refund {refused} came back, or"):
            async with till.engine.begin() as tx:
                await transfer_by_hand(tx, refused, till.now)
    assert (await run(till, 3)).balanced
    books = await till.balances()
    assert (books["bank:EUR"], books[f"{bearer}:EUR"]) == (-400, borne)
    payment = await till.payment()
    assert (payment.state, payment.refunded) == (PaymentState.PARTIALLY_REFUNDED, Money(400))
    assert payment.compensated == Money(400 if reason else 0)


async def test_what_came_back_and_is_given_back_with_the_rest_is_not_paid_by_hand_too(
    till: Till, sandbox: str
):
    await till.authorise(1000)
    await till.capture(split(1000))
    await till.refund(400, "600")
    await run(till)
    await came_back(sandbox)
    await run(till, 2)
    till.now += timedelta(minutes=3)
    await till.refund(1000, "0")
    await run(till)
    assert await open_cases(till) == []
    with pytest.raises(PaymentNotFoundError):
        async with till.engine.begin() as tx:
            await transfer_by_hand(tx, "pay_1.refund.600", till.now)
    assert (await till.payment()).refunded == Money(1000)


async def test_two_who_say_that_it_was_transferred_book_it_once(till: Till, sandbox: str):
    await till.authorise(1000)
    await till.capture(split(1000))
    await till.refund(400)
    await run(till)
    await came_back(sandbox)
    await run(till, 2)

    async def say() -> Transferred:
        async with till.engine.begin() as tx:
            return await transfer_by_hand(tx, "pay_1.refund.all", till.now)

    said = await asyncio.gather(*(say() for _ in range(3)), return_exceptions=True)
    assert [each for each in said if isinstance(each, Transferred)] == [(Money(400), "bkg_1")]
    assert (await till.balances())["bank:EUR"] == -400


async def test_a_refund_that_failed_before_its_answer_was_read_is_a_persons_alone(
    till: Till, sandbox: str
):
    """It is asked for under its id, so that the processor would show the same one for ever."""
    await till.authorise(1000)
    await till.capture(split(1000))
    refund = await till.begin_refund(400)
    await charge.call(till.gateway, refund)
    await run(till)
    assert [kind for kind, _, _ in await open_cases(till)] == [CaseKind.STATUS]
    await came_back(sandbox)
    await till.resume()
    found = await run(till, 2)
    assert await open_cases(till) == [(CaseKind.REFUND_FAILED, refund.id, 400)]
    assert (found.processor, found.unexplained) == (found.ledger, Money(0))
    async with till.engine.begin() as tx:
        assert await try_refused_again(tx, "pay_1") == 0
        await transfer_by_hand(tx, refund.id, till.now)
    assert (await run(till, 3)).balanced
    assert await open_cases(till) == []
    assert (await till.payment()).refunded == Money(400)


async def test_a_refund_that_comes_back_before_it_was_matched_is_booked_by_the_next_run(
    till: Till, sandbox: str
):
    await till.authorise(1000)
    await till.capture(split(1000))
    await till.refund(400)
    async with httpx.AsyncClient(headers={"Authorization": "Bearer sk_test_x"}) as http:
        refund = (await http.get(f"{sandbox}/v1/refunds")).json()["data"][0]
        failed = (await http.post(f"{sandbox}/sandbox/refunds/{refund['id']}/fail")).json()
    await run(till)
    line = failed["failure_balance_transaction"]
    assert await open_cases(till) == [(CaseKind.REFUND_FAILED, line, 400)]
    found = await run(till, 2)
    assert await open_cases(till) == [(CaseKind.REFUND_FAILED, "pay_1.refund.all", 400)]
    assert (found.processor, found.unexplained) == (found.ledger, Money(0))


async def test_a_person_closes_what_was_refunded_by_hand_and_came_back_but_no_refund_of_ours(
    till: Till, sandbox: str
):
    await till.authorise(1000)
    await till.capture(split(1000))
    async with httpx.AsyncClient(headers={"Authorization": "Bearer sk_test_x"}) as http:
        (charge,) = (await http.get(f"{sandbox}/v1/charges")).json()["data"]
        made = await http.post(
            f"{sandbox}/v1/refunds", data={"charge": charge["id"], "amount": "100"}
        )
    assert made.status_code == 200
    await came_back(sandbox)
    await till.refund(400)
    await run(till)
    await came_back(sandbox)
    await run(till, 2)
    for _, subject, _ in await open_cases(till):
        async with till.engine.begin() as tx:
            closed = await close_by_hand(tx, subject, till.now)
        assert closed is (subject != "pay_1.refund.all")
    assert (await run(till, 3)).case_count == 1
    assert await open_cases(till) == [(CaseKind.REFUND_FAILED, "pay_1.refund.all", 400)]


async def test_a_rebate_that_comes_back_is_booked_like_any_refund(till: Till, sandbox: str):
    await till.authorise(1000)
    await till.capture(split(1000))
    async with till.engine.begin() as tx:
        rebate = await prepare_compensation(
            tx, "pay_1", Money(260), reason=REBATE, key="day", now=till.now
        )
    await till.drive(rebate)
    assert (await run(till)).balanced
    await came_back(sandbox)
    found = await run(till, 2)
    assert await open_cases(till) == [(CaseKind.REFUND_FAILED, "pay_1.refund.day", 260)]
    assert (found.processor, found.unexplained) == (found.ledger, Money(0))
    assert (await till.balances())["day_ceiling_rebates:EUR"] == 0


async def test_an_empty_world_is_balanced(till: Till):
    assert (await run(till)).balanced


async def test_a_capture_that_we_did_not_record_is_a_case_until_we_do(till: Till):
    await till.authorise(1000)
    operation = await till.begin_capture(split(700))
    outcome = await charge.call(till.gateway, operation)

    found = await run(till)
    assert (found.case_count, found.unexplained, found.balanced) == (2, Money(0), False)
    assert [each[0] for each in await open_cases(till)] == [CaseKind.STATUS] * 2

    await till.record(operation, outcome)
    assert (await run(till, 2)).balanced
    assert await open_cases(till) == []


async def test_somebody_elses_refund_is_a_case_and_stays_one(till: Till):
    await till.authorise(1000)
    paid = await till.capture(split(700))
    assert paid.hold_id is not None
    await till.gateway.refund_hold(paid.hold_id, key="x", operation_id="by hand", amount=Money(9))
    for minutes in (1, 2):
        found = await run(till, minutes)
        assert (found.case_count, found.unexplained) == (1, Money(0))
        assert found.processor - found.ledger == Money(-9)
    assert [(kind, cents) for kind, _, cents in await open_cases(till)] == [
        (CaseKind.MISSING_OURS, -9)
    ]
    async with till.engine.connect() as tx:
        case = (await list_cases(tx))[0]
    assert case.opened_at == till.now + timedelta(minutes=1)


async def test_a_journal_without_an_operation_shows_in_the_balance(till: Till):
    processor, fees = Account(Role.PROCESSOR, "EUR"), Account(Role.PROCESSOR_FEES, "EUR")
    lines = (Posting(processor, Money(5)), Posting(fees, Money(-5)))
    async with till.engine.begin() as tx:
        draft = Draft(JournalKind.FEE, "by hand", lines)
        await ledger.append(tx, draft, event_at=till.now, now=till.now)
    found = await run(till)
    assert (found.ledger, found.processor, found.unexplained) == (Money(5), Money(0), Money(-5))
    assert await open_cases(till) == [(CaseKind.BALANCE, "EUR", -5)]


async def test_a_line_that_comes_late_closes_its_case(till: Till):
    await till.authorise(1000)
    await till.capture(split(1000))
    later = till.now + timedelta(minutes=1)
    whole = await fetch_statement(till.gateway, since=till.now - timedelta(days=1), now=later)
    without = replace(whole, lines=(), balance={})
    async with till.engine.begin() as tx:
        first = await record_statement(tx, without, now=later)
    assert (first.case_count, first.unexplained) == (1, Money(0))
    assert await open_cases(till) == [(CaseKind.MISSING_THEIRS, "pay_1.capture", -1000)]
    async with till.engine.begin() as tx:
        second = await record_statement(tx, whole, now=later)
    assert second.balanced
    async with till.engine.connect() as tx:
        (closed,) = await list_cases(tx, only_open=False)
    assert (closed.is_open, closed.closed_at) == (False, later)


async def test_lines_are_stored_once_and_with_their_payout(till: Till, sandbox: str):
    await till.authorise(1000)
    await till.capture(split(1000))
    async with httpx.AsyncClient() as http:
        payout = (await http.post(f"{sandbox}/sandbox/payouts")).json()
    await run(till)
    await run(till, 2)
    async with till.engine.connect() as tx:
        rows = await tx.execute(
            text("SELECT category, payout_id, net_minor FROM balance_line ORDER BY net_minor")
        )
        assert [tuple(row) for row in rows] == [
            ("payout", payout["id"], -960),
            ("charge", payout["id"], 960),
        ]


async def test_more_lines_than_a_query_takes_parameters(till: Till, gateway: StripeGateway):
    await till.authorise(1000)
    await till.capture(split(1000))
    read = await fetch_statement(gateway, since=till.now - timedelta(hours=1), now=till.now)
    (line,) = read.lines
    many = tuple(
        replace(line, id=f"txn_{n}", operation_id=f"pay_{n}.authorise") for n in range(33_000)
    )
    read = replace(read, lines=many, payout_lines={"po_1": many})
    async with till.engine.begin() as tx:
        await store_lines(tx, read)
        known = await _know(tx, read, many, "EUR")
        stored = await tx.scalar(select(func.count()).where(balance_line.c.payout_id == "po_1"))
        await tx.rollback()
    assert (stored, known.unfinished_operations) == (33_000, frozenset())
