"""The double-entry ledger: append, reverse, read. Nothing is ever altered: the database refuses.

There are no running balances: a balance is the sum of an account's entries.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Row, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from payments import accounts
from payments.accounts import Account
from payments.errors import JournalConflictError, JournalNotFoundError
from payments.money import Money
from payments.postings import Draft, JournalKind, Posting
from payments.tables import entry, journal, journal_key

BOOKS_ZONE = ZoneInfo("Europe/Berlin")
"""The books are German: the day of a journal is the day in Germany."""


_counter = itertools.count()


@dataclass(frozen=True, slots=True)
class Journal:
    """A journal as it stands in the ledger."""

    id: UUID
    kind: JournalKind
    key: str
    booking_id: str | None
    payment_id: str | None
    operation_id: str | None
    reverses_id: UUID | None
    memo: str
    event_at: datetime
    recorded_at: datetime
    postings: tuple[Posting, ...]


def _time_ordered_id(now: datetime) -> UUID:
    """A version 7 UUID (RFC 9562): milliseconds, then a counter, so ids sort as they were made.

    An index thus grows at its end, and the journals of one transaction keep their order.
    """
    value = int(now.timestamp() * 1000) << 80 | secrets.randbits(64)
    value |= 7 << 76 | (next(_counter) & 0xFFF) << 64
    value = value & ~(0x3 << 62) | 2 << 62
    return UUID(int=value)


def content_sha256(draft: Draft) -> str:
    """A digest of what a journal says, the time it was said left out."""
    content = [
        draft.kind,
        draft.booking_id,
        draft.payment_id,
        draft.operation_id,
        [
            [
                posting.account.code,
                posting.amount.minor,
                posting.leg_id,
                None if posting.vat_percent is None else str(posting.vat_percent.normalize()),
                posting.tariff_version,
            ]
            for posting in draft.postings
        ],
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


async def append(tx: AsyncConnection, draft: Draft, *, event_at: datetime, now: datetime) -> UUID:
    """Append a journal and return its id; the same draft again returns the first one's id.

    Raises:
        JournalConflictError: ``draft.key`` was used for a journal with other content.
    """
    (journal_id,) = await append_all(tx, (draft,), event_at=event_at, now=now)
    return journal_id


async def append_all(
    tx: AsyncConnection, drafts: Sequence[Draft], *, event_at: datetime, now: datetime
) -> tuple[UUID, ...]:
    """Append what one event means, each journal as ``append`` does, in as many statements as one.

    Raises:
        JournalConflictError: a draft's key was used for a journal with other content.
    """
    return await _append(tx, drafts, event_at=event_at, now=now)


async def reverse(tx: AsyncConnection, key: str, *, memo: str, now: datetime) -> UUID:
    """Append the mirror image of the journal with that key, once.

    Raises:
        JournalNotFoundError: no journal has that key.
    """
    found = await _list(tx, journal.c.idem_key == key)
    if not found:
        raise JournalNotFoundError(f"there is no journal with key {key}")
    original = found[0]
    draft = Draft(
        JournalKind.REVERSAL,
        f"{key}:reversed",
        tuple(
            Posting(
                posting.account,
                -posting.amount,
                posting.leg_id,
                posting.vat_percent,
                posting.tariff_version,
            )
            for posting in original.postings
        ),
        original.booking_id,
        original.payment_id,
        original.operation_id,
        memo,
    )
    (journal_id,) = await _append(tx, (draft,), event_at=now, now=now, reverses_id=original.id)
    return journal_id


_CLAIM = insert(journal_key).on_conflict_do_nothing().returning(journal_key.c.journal_id)
_JOURNAL, _ENTRY = insert(journal), insert(entry)


async def _append(
    tx: AsyncConnection,
    drafts: Sequence[Draft],
    *,
    event_at: datetime,
    now: datetime,
    reverses_id: UUID | None = None,
) -> tuple[UUID, ...]:
    if not drafts:
        return ()
    posted_on = now.astimezone(BOOKS_ZONE).date()
    digests = [content_sha256(draft) for draft in drafts]
    ids = [_time_ordered_id(now) for _ in drafts]
    claims = [
        {
            "idem_key": draft.key,
            "journal_id": journal_id,
            "posted_on": posted_on,
            "content_sha256": digest,
        }
        for draft, journal_id, digest in zip(drafts, ids, digests, strict=True)
    ]
    claimed = set(await tx.scalars(_CLAIM, claims))
    new = [
        (draft, {"posted_on": posted_on, "id": journal_id, "reverses_id": reverses_id})
        for draft, journal_id in zip(drafts, ids, strict=True)
        if journal_id in claimed
    ]
    if new:
        await _write(tx, new, event_at, now)
    return tuple(
        [
            journal_id if journal_id in claimed else await _existing(tx, draft.key, digest)
            for draft, journal_id, digest in zip(drafts, ids, digests, strict=True)
        ]
    )


async def _write(
    tx: AsyncConnection,
    new: Sequence[tuple[Draft, dict[str, object]]],
    event_at: datetime,
    now: datetime,
) -> None:
    """Write journals whose keys are claimed, with their lines."""
    await accounts.ensure(tx, (posting.account for draft, _ in new for posting in draft.postings))
    await tx.execute(
        _JOURNAL,
        [
            head
            | {
                "idem_key": draft.key,
                "kind": draft.kind.value,
                "booking_id": draft.booking_id,
                "payment_id": draft.payment_id,
                "operation_id": draft.operation_id,
                "line_count": len(draft.postings),
                "memo": draft.memo,
                "event_at": event_at,
                "recorded_at": now,
            }
            for draft, head in new
        ],
    )
    await tx.execute(
        _ENTRY,
        [
            {
                "posted_on": head["posted_on"],
                "journal_id": head["id"],
                "line": line,
                "account_code": posting.account.code,
                "amount_minor": posting.amount.minor,
                "currency": posting.amount.currency,
                "leg_id": posting.leg_id,
                "vat_percent": posting.vat_percent,
                "tariff_version": posting.tariff_version,
            }
            for draft, head in new
            for line, posting in enumerate(draft.postings, start=1)
        ],
    )


async def _existing(tx: AsyncConnection, key: str, digest: str) -> UUID:
    row = (await tx.execute(select(journal_key).where(journal_key.c.idem_key == key))).one()
    if row.content_sha256 != digest:
        raise JournalConflictError(
            f"key {key} belongs to journal {row.journal_id}, which says something else; "
            "post a correction under a key of its own"
        )
    existing: UUID = row.journal_id
    return existing


async def balance(tx: AsyncConnection, account: Account) -> Money:
    """The sum of an account's entries; positive is a debit balance."""
    total = await tx.scalar(
        select(func.coalesce(func.sum(entry.c.amount_minor), 0)).where(
            entry.c.account_code == account.code
        )
    )
    return Money(int(total or 0), account.currency)


async def list_balances(tx: AsyncConnection) -> tuple[tuple[Account, Money], ...]:
    """Every account that was ever posted to, with its balance, by code."""
    rows = await tx.execute(
        select(entry.c.account_code, func.sum(entry.c.amount_minor).label("total"))
        .group_by(entry.c.account_code)
        .order_by(entry.c.account_code)
    )
    found = ((Account.of_code(row.account_code), int(row.total)) for row in rows)
    return tuple((account, Money(total, account.currency)) for account, total in found)


async def list_journals(tx: AsyncConnection, booking_id: str) -> tuple[Journal, ...]:
    """A booking's journals in the order they were posted."""
    return await _list(tx, journal.c.booking_id == booking_id)


async def _list(tx: AsyncConnection, condition: ColumnElement[bool]) -> tuple[Journal, ...]:
    rows = await tx.execute(
        select(
            journal,
            entry.c.account_code,
            entry.c.amount_minor,
            entry.c.currency,
            entry.c.leg_id,
            entry.c.vat_percent,
            entry.c.tariff_version,
        )
        .join(
            entry,
            (entry.c.posted_on == journal.c.posted_on) & (entry.c.journal_id == journal.c.id),
        )
        .where(condition)
        .order_by(journal.c.recorded_at, journal.c.id, entry.c.line)
    )
    grouped: dict[UUID, list[Row[tuple[object, ...]]]] = {}
    for row in rows:
        grouped.setdefault(row.id, []).append(row)
    return tuple(_journal(lines) for lines in grouped.values())


def _journal(lines: Sequence[Row[tuple[object, ...]]]) -> Journal:
    head = lines[0]
    return Journal(
        head.id,
        JournalKind(head.kind),
        head.idem_key,
        head.booking_id,
        head.payment_id,
        head.operation_id,
        head.reverses_id,
        head.memo,
        head.event_at,
        head.recorded_at,
        tuple(
            Posting(
                Account.of_code(line.account_code),
                Money(line.amount_minor, line.currency),
                line.leg_id,
                None if line.vat_percent is None else Decimal(line.vat_percent).normalize(),
                line.tariff_version,
            )
            for line in lines
        ),
    )
