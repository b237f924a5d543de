"""What alerts look at: the invariants and queues of bookings and money, as numbers.

Each question is one statement that reads the database, cheap by its indexes: invariants are asked
of what is open and of what changed within two days. ``deploy/alerts.yml`` says which answers are
wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import DateTime, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

RECENT = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Question:
    """A metric, and the statement that answers it with rows of (value of the label, number).

    ``:now`` and ``:since`` are bound; a statement without a label gives rows of (number).
    """

    metric: str
    help: str
    sql: str
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A question with its answers, by the value of its label (or None)."""

    question: Question
    answers: tuple[tuple[str | None, float], ...]


_INVARIANTS = """
WITH paid AS (
    SELECT p.id, p.state, p.captured_minor, p.authorised_minor, p.receivable_minor,
        p.captured_minor - p.refunded_minor + p.compensated_minor AS kept, b.id AS booking_id,
        b.state AS booking, b.aim, b.undo_since,
        (SELECT coalesce(sum(coalesce(l.final_minor, l.quoted_minor)), 0) FROM leg l
         WHERE l.booking_id = b.id AND l.provider_id IS NOT NULL AND l.state = 'ended') AS due
    FROM payment p CROSS JOIN LATERAL (
        SELECT * FROM booking WHERE id = p.booking_id AND payment_id = p.id OFFSET 0) AS b
    WHERE p.state IN ('authorising', 'requires_action', 'authorised', 'releasing', 'unknown')
    OR p.updated_at > :since
    AND p.state IN ('captured', 'partially_refunded', 'refunded', 'released')
), kept_legs AS (
    SELECT * FROM leg WHERE state IN ('held', 'confirmed', 'active') AND scarce
)
SELECT 'I1', (SELECT count(*) FROM (
    SELECT 1 FROM entry WHERE posted_on >= cast(:since AS date)
    GROUP BY posted_on, journal_id, currency HAVING sum(amount_minor) <> 0) AS uneven)
UNION ALL
SELECT 'I2', (SELECT count(*) FROM (VALUES
    ('journal', 'journal_unchanged'), ('entry', 'entry_unchanged'),
    ('journal_key', 'journal_key_unchanged'), ('journal', 'journal_is_whole'),
    ('entry', 'entry_keeps_journal_whole'), ('journal', 'never_truncated'),
    ('entry', 'never_truncated'), ('journal_key', 'never_truncated'),
    ('audit', 'audit_unchanged'), ('audit', 'audit_never_truncated')) AS guard (relation, name)
    WHERE NOT EXISTS (
        SELECT 1 FROM pg_trigger t WHERE t.tgrelid = to_regclass(guard.relation)
        AND t.tgname = guard.name AND t.tgenabled IN ('O', 'A')))
UNION ALL
SELECT 'I3', (SELECT count(*) FROM (
    SELECT 1 FROM money_operation
    WHERE state = 'done' AND first_sent_at > :since AND kind IN ('capture', 'cancel')
    GROUP BY payment_id HAVING count(*) > 1) AS twice)
UNION ALL
SELECT 'I4', (SELECT count(*) FROM paid
    WHERE captured_minor > authorised_minor OR captured_minor < (
        SELECT coalesce(sum(o.amount_minor), 0) FROM money_operation o
        WHERE o.payment_id = paid.id AND o.kind = 'refund' AND o.state = 'done'))
UNION ALL
SELECT 'I5', (SELECT count(*) FROM kept_legs a JOIN kept_legs b
    ON b.provider_id = a.provider_id AND b.id > a.id
    AND b.detail ->> 'vehicle_ref' = a.detail ->> 'vehicle_ref'
    AND a.departs_at < greatest(b.arrives_at, :now)
    AND b.departs_at < greatest(a.arrives_at, :now))
UNION ALL
SELECT 'I6', (SELECT count(*) FROM paid
    WHERE aim = 'travel' AND due > kept + receivable_minor
    AND (booking = 'settled' OR booking = 'completed' AND :now - interval '15 minutes' > (
        SELECT max(l.ended_at) FROM leg l WHERE l.booking_id = paid.booking_id)))
UNION ALL
SELECT 'I7', (SELECT count(*) FROM paid
    WHERE kept > 0 AND (aim <> 'travel' AND undo_since < :now - interval '15 minutes'
        OR booking = 'settled' AND kept > due))
UNION ALL
SELECT 'I8', (SELECT count(*) FROM paid
    WHERE state IN ('authorising', 'requires_action', 'authorised', 'releasing', 'unknown')
    AND captured_minor = 0 AND aim <> 'travel' AND undo_since < :now - interval '10 minutes')
UNION ALL
SELECT 'I9', (SELECT count(*) FROM (
    SELECT DISTINCT ON (currency) unexplained_minor FROM reconciliation
    ORDER BY currency, recorded_at DESC) AS latest WHERE unexplained_minor <> 0)
UNION ALL
SELECT 'I10', (SELECT count(*) FROM reconciliation_case
    WHERE state = 'open' AND kind = 'payout')
UNION ALL
SELECT 'I12', (SELECT count(*) FROM reconciliation_case
    WHERE state = 'open' AND kind IN ('missing_ours', 'duplicate'))
"""

QUESTIONS: Sequence[Question] = (
    Question(
        "mobility_invariant_breaks",
        "Cases in which an invariant of bookings and money does not hold.",
        _INVARIANTS,
        "invariant",
    ),
    Question(
        "mobility_steps",
        "Durable steps that fail, rest as dead letters, or were given up.",
        """
        SELECT condition, count(kind) FROM (VALUES ('failing'), ('dead'), ('given_up')) AS c
            (condition)
        LEFT JOIN step ON condition = CASE
            WHEN given_up_at IS NOT NULL THEN 'given_up'
            WHEN dead_at IS NOT NULL THEN 'dead'
            WHEN last_error IS NOT NULL THEN 'failing' END
        GROUP BY condition
        """,
        "condition",
    ),
    Question(
        "mobility_step_oldest_due_seconds",
        "Since when the step that has been due the longest is due.",
        """
        SELECT coalesce(extract(epoch FROM :now - min(run_at)), 0) FROM step
        WHERE run_at <= :now AND (dead_at IS NULL OR generation > dead_generation)
        """,
    ),
    Question(
        "mobility_bookings_needing_attention",
        "Bookings that a person must look at.",
        "SELECT count(*) FROM booking WHERE state = 'needs_attention'",
    ),
    Question(
        "mobility_booking_oldest_attention_seconds",
        "Since when the one that has waited the longest for a person waits.",
        """
        SELECT coalesce(extract(epoch FROM :now - min(attention_since)), 0) FROM booking
        WHERE state = 'needs_attention'
        """,
    ),
    Question(
        "mobility_payment_operations_undecided",
        "Operations at the processor whose outcome has not been known for a minute.",
        """
        SELECT count(*) FROM money_operation
        WHERE state IN ('planned', 'sent', 'unknown')
        AND first_sent_at < :now - interval '60 seconds'
        """,
    ),
    Question(
        "mobility_holds_lapsing",
        "Authorisations that lapse within twelve hours and are not captured.",
        """
        SELECT count(*) FROM payment
        WHERE state = 'authorised' AND capture_before < :now + interval '12 hours'
        """,
    ),
    Question(
        "mobility_debits_undecided",
        "Debits that have been on their way for more than twenty-six days.",
        """
        SELECT count(*) FROM money_operation
        WHERE state = 'processing' AND first_sent_at < :now - interval '26 days'
        """,
    ),
    Question(
        "mobility_webhooks",
        "Webhooks of the last day that concern nothing known, or that wait for a quarter of an "
        "hour to be applied.",
        """
        SELECT 'unmatched', count(*) FROM psp_event
        WHERE state = 'unmatched' AND applied_at > :now - interval '1 day'
        UNION ALL
        SELECT 'late', count(*) FROM psp_event
        WHERE state = 'stored' AND received_at < :now - interval '15 minutes'
        """,
        "state",
    ),
    Question(
        "mobility_reconciliation_open_cases",
        "Cases that the reconciliation with the processor has opened.",
        "SELECT count(*) FROM reconciliation_case WHERE state = 'open'",
    ),
    Question(
        "mobility_reconciliation_age_seconds",
        "Since the last reconciliation; absent before the first.",
        """
        SELECT extract(epoch FROM :now - max(recorded_at)) FROM reconciliation
        HAVING max(recorded_at) IS NOT NULL
        """,
    ),
    Question(
        "mobility_sale_stops",
        "Stops of sales that are in force.",
        "SELECT count(*) FROM sale_stop WHERE ended_at IS NULL",
    ),
)


async def read_all(tx: AsyncConnection, now: datetime) -> list[Reading]:
    """The answers to all questions; a database that takes longer than 5 s has not answered."""
    await tx.execute(text("SET LOCAL jit = off"))  # compiling took longer than answering
    await tx.execute(text("SET LOCAL statement_timeout = 5000"))
    bound = {"now": now, "since": now - RECENT}
    readings = []
    for question in QUESTIONS:
        used = [
            bindparam(name, value, DateTime(timezone=True))
            for name, value in bound.items()
            if f":{name}" in question.sql
        ]
        rows = await tx.execute(text(question.sql).bindparams(*used))
        answers = tuple(
            (None if question.label is None else str(row[0]), float(row[-1])) for row in rows
        )
        readings.append(Reading(question, answers))
    return readings
