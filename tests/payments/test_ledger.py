"""The ledger's laws, attacked in SQL by its owner, who may do anything that a trigger allows."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from payments import accounts, ledger
from payments.accounts import Account, Role, chart
from payments.errors import JournalConflictError, JournalNotFoundError, UnbalancedJournalError
from payments.money import Money
from payments.postings import Draft, JournalKind, Posting

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
CASH, FEES = Account(Role.PROCESSOR, "EUR"), Account(Role.PROCESSOR_FEES, "EUR")


def draft(key: str = "k1", minor: int = 30) -> Draft:
    lines = (Posting(FEES, Money(minor)), Posting(CASH, Money(-minor)))
    return Draft(JournalKind.FEE, key, lines, booking_id="bkg_1")


async def append(engine: AsyncEngine, wanted: Draft, now: datetime = NOW) -> uuid.UUID:
    async with engine.begin() as tx:
        return await ledger.append(tx, wanted, event_at=now, now=now)


async def raw_journal(
    tx: AsyncConnection,
    lines: list[tuple[str, int, str]],
    *,
    key: str = "raw",
    stated: int | None = None,
    with_key: bool = True,
    journal_id: uuid.UUID | None = None,
) -> None:
    """Write a journal as an attacker would, past our code."""
    chosen = journal_id or uuid.uuid4()
    await accounts.ensure(tx, [CASH, FEES])
    if with_key:
        await tx.execute(
            text("INSERT INTO journal_key VALUES (:key, :id, '2026-11-25', 'x')"),
            {"key": key, "id": chosen},
        )
    await tx.execute(
        text(
            "INSERT INTO journal (posted_on, id, idem_key, kind, line_count, event_at, recorded_at)"
            " VALUES ('2026-11-25', :id, :key, 'fee', :stated, now(), now())"
        ),
        {"id": chosen, "key": key, "stated": len(lines) if stated is None else stated},
    )
    for number, (account, amount, currency) in enumerate(lines, start=1):
        await tx.execute(
            text(
                "INSERT INTO entry (posted_on, journal_id, line, account_code, amount_minor,"
                " currency) VALUES ('2026-11-25', :id, :line, :account, :amount, :currency)"
            ),
            {
                "id": chosen,
                "line": number,
                "account": account,
                "amount": amount,
                "currency": currency,
            },
        )


BALANCED = [(FEES.code, 30, "EUR"), (CASH.code, -30, "EUR")]


async def test_a_balanced_journal_is_taken(engine: AsyncEngine):
    async with engine.begin() as tx:
        await raw_journal(tx, BALANCED)


@pytest.mark.parametrize(
    ("lines", "stated", "complaint"),
    [
        ([(FEES.code, 30, "EUR"), (CASH.code, -29, "EUR")], None, "unbalanced by EUR 1"),
        ([(FEES.code, 30, "EUR"), (CASH.code, -30, "USD")], None, "not kept in USD"),
        ([(FEES.code, 30, "EUR")], 2, "states 2 lines and has 1"),
        ([], 2, "states 2 lines and has 0"),
        ([(FEES.code, 30, "EUR")], 1, "two_lines"),
        ([(FEES.code, 0, "EUR"), (CASH.code, 0, "EUR")], None, "not_zero"),
        ([*BALANCED, *BALANCED], 2, "states 2 lines and has 4"),
        ([("nowhere:EUR", 30, "EUR"), (CASH.code, -30, "EUR")], None, "not kept in EUR"),
    ],
)
async def test_a_journal_that_is_not_whole_is_refused(
    engine: AsyncEngine, lines: list[tuple[str, int, str]], stated: int | None, complaint: str
):
    with pytest.raises(DBAPIError, match=complaint):
        async with engine.begin() as tx:
            await raw_journal(tx, lines, stated=stated)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET amount_minor = amount_minor * 2",
        "UPDATE entry_2026 SET amount_minor = amount_minor * 2",
        "UPDATE entry SET account_code = 'processor:EUR'",
        "UPDATE journal SET memo = 'other'",
        "UPDATE journal SET posted_on = '2027-01-01'",
        "UPDATE journal_key SET content_sha256 = 'y'",
        "DELETE FROM entry",
        "DELETE FROM entry_2026",
        "DELETE FROM journal",
        "DELETE FROM journal_key",
        "TRUNCATE entry",
        "TRUNCATE entry_2026",
        "TRUNCATE journal CASCADE",
        "TRUNCATE journal_2026 CASCADE",
        "TRUNCATE journal_key CASCADE",
        "TRUNCATE account CASCADE",
        """INSERT INTO journal_key VALUES ('k1', gen_random_uuid(), '2026-11-25', 'x')
        ON CONFLICT (idem_key) DO UPDATE SET content_sha256 = 'y'""",
    ],
)
async def test_what_is_posted_stays_posted(engine: AsyncEngine, statement: str):
    await append(engine, draft())
    with pytest.raises(DBAPIError, match="append-only"):
        async with engine.begin() as tx:
            await tx.execute(text(statement))
    async with engine.connect() as tx:
        assert await ledger.balance(tx, CASH) == Money(-30)


async def test_a_journal_gets_no_further_lines(engine: AsyncEngine):
    journal_id = await append(engine, draft())
    for_line = text(
        "INSERT INTO entry (posted_on, journal_id, line, account_code, amount_minor, currency)"
        " VALUES ('2026-11-25', :id, :line, :account, :amount, 'EUR')"
    )
    further = [
        {"id": journal_id, "line": 3, "account": FEES.code, "amount": 5},
        {"id": journal_id, "line": 4, "account": CASH.code, "amount": -5},
    ]
    with pytest.raises(DBAPIError, match="states 2 lines and has 4"):
        async with engine.begin() as tx:
            await tx.execute(for_line, further)


async def test_a_key_serves_one_journal(engine: AsyncEngine):
    await append(engine, draft())
    with pytest.raises(DBAPIError, match="duplicate key"):
        async with engine.begin() as tx:
            await raw_journal(tx, BALANCED, key="k1")
    with pytest.raises(DBAPIError, match="does not own"):
        async with engine.begin() as tx:
            await raw_journal(tx, BALANCED, key="k1", with_key=False)
    with pytest.raises(DBAPIError, match="foreign key"):
        async with engine.begin() as tx:
            await raw_journal(tx, BALANCED, key="none", with_key=False)
    with pytest.raises(DBAPIError, match="has no journal"):
        async with engine.begin() as tx:
            await tx.execute(
                text("INSERT INTO journal_key VALUES ('k2', gen_random_uuid(), '2026-11-25', 'x')")
            )


async def test_the_same_again_is_no_second_journal(engine: AsyncEngine):
    first = await append(engine, draft())
    again = await append(engine, draft(), datetime(2026, 12, 1, tzinfo=UTC))
    assert again == first
    with pytest.raises(JournalConflictError, match="says something else"):
        await append(engine, draft(minor=31))
    async with engine.connect() as tx:
        assert await ledger.balance(tx, FEES) == Money(30)


async def test_a_reversal_takes_a_journal_back_once(engine: AsyncEngine):
    original = await append(engine, draft())
    async with engine.begin() as tx:
        first = await ledger.reverse(tx, "k1", memo="charged by mistake", now=NOW)
        assert await ledger.reverse(tx, "k1", memo="charged by mistake", now=NOW) == first
        with pytest.raises(JournalNotFoundError):
            await ledger.reverse(tx, "none", memo="", now=NOW)
    async with engine.connect() as tx:
        journals = await ledger.list_journals(tx, "bkg_1")
        assert await ledger.list_balances(tx) == ((CASH, Money(0)), (FEES, Money(0)))
    assert [(each.id, each.reverses_id) for each in journals] == [
        (original, None),
        (first, original),
    ]


@pytest.mark.parametrize(
    ("at", "partition"),
    [
        (datetime(2026, 12, 31, 22, 59, tzinfo=UTC), "journal_2026"),
        (datetime(2026, 12, 31, 23, 0, tzinfo=UTC), "journal_2027"),
        (datetime(2031, 1, 1, tzinfo=UTC), "journal_default"),
    ],
)
async def test_the_day_of_a_journal_is_the_day_in_germany(
    engine: AsyncEngine, at: datetime, partition: str
):
    await append(engine, draft(), at)
    async with engine.connect() as tx:
        assert await tx.scalar(text("SELECT tableoid::regclass::text FROM journal")) == partition


@pytest.mark.parametrize(
    "postings",
    [
        (Posting(CASH, Money(1)),),
        (Posting(CASH, Money(1)), Posting(FEES, Money(-2))),
        (Posting(CASH, Money(1)), Posting(FEES, Money(-1)), Posting(FEES, Money(0))),
        (Posting(CASH, Money(1, "USD")), Posting(FEES, Money(-1))),
    ],
)
def test_a_draft_is_whole_before_it_reaches_the_database(postings: tuple[Posting, ...]):
    with pytest.raises(UnbalancedJournalError):
        Draft(JournalKind.FEE, "k", postings)


def test_every_role_is_in_the_chart_and_every_code_names_its_account():
    assert set(chart()) == set(Role)
    for wanted in (CASH, Account(Role.PROVIDER_PAYABLE, "EUR", "a:b")):
        assert Account.of_code(wanted.code) == wanted
    with pytest.raises(ValueError, match="provider"):
        Account(Role.PROVIDER_PAYABLE, "EUR")
