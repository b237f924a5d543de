"""The payment tables.

Everything here grows, so every table has the column by which it is or will be partitioned:
``posted_on`` for the ledger (from the start, by year), ``payment_id`` for payments and their
operations, the processor's id for what it sends us. The ledger's idempotency keys live apart in
``journal_key``, because a unique constraint on a partitioned table must hold the partition column.

What a column type cannot say (sums to zero, never altered) is in the migrations, in
``0001_ledger_laws.sql``.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
    Uuid,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

YEARS = range(2026, 2031)
"""The ledger's yearly partitions; later years fall into the default one."""


def _instant(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _minor(name: str, *, default: int | None = None) -> Column[Any]:
    server_default = None if default is None else text(str(default))
    return Column(name, BigInteger, nullable=False, server_default=server_default)


account = Table(
    "account",
    metadata,
    Column("code", String(80), primary_key=True),
    Column("role", String(40), nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", String(10), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("provider_id", String(40)),
    Column("skr03", String(9), nullable=False),
    Column("skr04", String(9), nullable=False),
    CheckConstraint("kind IN ('asset','liability','income','expense')", name="kind"),
)

journal_key = Table(
    "journal_key",
    metadata,
    Column("idem_key", String(200), primary_key=True),
    Column("journal_id", Uuid, nullable=False, unique=True),
    Column("posted_on", Date, nullable=False),
    Column("content_sha256", String(64), nullable=False),
)

journal = Table(
    "journal",
    metadata,
    Column("posted_on", Date, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("idem_key", ForeignKey("journal_key.idem_key"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("booking_id", String(40)),
    Column("payment_id", String(40)),
    Column("operation_id", String(120)),
    Column("line_count", SmallInteger, nullable=False),
    Column("reverses_id", Uuid),
    Column("memo", Text, nullable=False, server_default=""),
    _instant("event_at"),
    _instant("recorded_at"),
    CheckConstraint("line_count >= 2", name="two_lines"),
    Index("ix_journal_booking", "booking_id"),
    Index("ix_journal_operation", "operation_id"),
    postgresql_partition_by="RANGE (posted_on)",
)

entry = Table(
    "entry",
    metadata,
    Column("posted_on", Date, primary_key=True),
    Column("journal_id", Uuid, primary_key=True),
    Column("line", SmallInteger, primary_key=True),
    Column("account_code", ForeignKey("account.code"), nullable=False),
    _minor("amount_minor"),
    Column("currency", String(3), nullable=False),
    Column("leg_id", String(40)),
    Column("vat_percent", Numeric(5, 2)),
    Column("tariff_version", String(80)),
    ForeignKeyConstraint(
        ["posted_on", "journal_id"], ["journal.posted_on", "journal.id"], name="fk_entry_journal"
    ),
    CheckConstraint("amount_minor <> 0", name="not_zero"),
    Index("ix_entry_account", "account_code", "posted_on"),
    postgresql_partition_by="RANGE (posted_on)",
)

debt = Table(
    "debt",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("payment_id", String(40), nullable=False, index=True),
    Column("booking_id", String(40), nullable=False, index=True),
    Column("state", String(12), nullable=False),
    Column("currency", String(3), nullable=False),
    _minor("amount_minor"),
    _minor("paid_minor", default=0),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("refused_because", String(80)),
    _instant("opened_at"),
    _instant("updated_at"),
    CheckConstraint("state IN ('open','collecting','processing','arrears','paid')", name="state"),
    CheckConstraint("amount_minor > 0", name="positive"),
    CheckConstraint("paid_minor BETWEEN 0 AND amount_minor", name="paid_within"),
    CheckConstraint("(state = 'paid') = (paid_minor = amount_minor)", name="paid_whole"),
    Index("ix_debt_state", "state", "updated_at"),
)

payment = Table(
    "payment",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("booking_id", String(40), nullable=False, index=True),
    Column("state", String(20), nullable=False),
    Column("currency", String(3), nullable=False),
    _minor("amount_minor"),
    _minor("authorised_minor", default=0),
    _minor("captured_minor", default=0),
    _minor("refunded_minor", default=0),
    _minor("compensated_minor", default=0),  # of what was refunded, what no leg gives back
    _minor("receivable_minor", default=0),
    Column("customer_ref", String(80), nullable=False),
    Column("method", String(80), nullable=False),
    Column("return_url", Text, nullable=False),
    Column("debt_id", ForeignKey("debt.id"), index=True),
    Column("off_session", Boolean, nullable=False, server_default=text("false")),
    Column("hold_id", String(80), unique=True),
    Column("charge_id", String(80)),
    Column("paid_with", String(80)),
    Column("redirect_url", Text),
    Column("decline_code", String(80)),
    _instant("capture_before", nullable=True),
    _instant("created_at"),
    _instant("updated_at"),
    CheckConstraint("amount_minor > 0", name="positive"),
    CheckConstraint("captured_minor <= authorised_minor", name="capture_within_hold"),
    CheckConstraint("refunded_minor <= captured_minor", name="refund_within_capture"),
    CheckConstraint(
        "compensated_minor BETWEEN 0 AND refunded_minor", name="compensation_within_refund"
    ),
    Index("ix_payment_state", "state", "updated_at"),
)

dispute = Table(
    "dispute",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("payment_id", String(40), index=True),
    Column("booking_id", String(40), index=True),
    Column("state", String(10), nullable=False),
    Column("currency", String(3), nullable=False),
    _minor("amount_minor"),
    Column("reason", String(80), nullable=False),
    _instant("answer_by", nullable=True),
    _instant("created_at"),
    _instant("updated_at"),
    CheckConstraint("state IN ('open','won','lost')", name="state"),
)

money_operation = Table(
    "money_operation",
    metadata,
    Column("payment_id", ForeignKey("payment.id"), primary_key=True),
    Column("id", String(120), primary_key=True),
    Column("kind", String(10), nullable=False),
    Column("state", String(16), nullable=False),
    Column("currency", String(3), nullable=False),
    _minor("amount_minor"),
    Column("attempt", Integer, nullable=False, server_default=text("1")),
    Column("shares", JSONB),
    Column("reason", Text, nullable=False, server_default=""),
    Column("psp_id", String(80)),
    Column("error_code", String(80)),
    _instant("first_sent_at"),
    _instant("decided_at", nullable=True),
    CheckConstraint("kind IN ('authorise','confirm','capture','cancel','refund')", name="kind"),
    CheckConstraint(
        "state IN ('planned','sent','done','declined','requires_action','processing','unknown')",
        name="state",
    ),
    Index("ix_money_operation_state", "state", "first_sent_at"),
    Index("ix_money_operation_psp", "psp_id"),
)

psp_event = Table(
    "psp_event",
    metadata,
    Column("id", String(120), primary_key=True),
    Column("type", String(120), nullable=False),
    Column("object_id", String(120)),
    Column("hold_id", String(120)),
    Column("operation_id", String(120)),
    Column("state", String(12), nullable=False),
    _instant("created_at"),
    _instant("received_at"),
    _instant("due_at"),
    _instant("applied_at", nullable=True),
    CheckConstraint("state IN ('stored','applied','unmatched')", name="state"),
    Index("ix_psp_event_due", "state", "due_at"),
)

balance_line = Table(
    "balance_line",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("category", String(40), nullable=False),
    Column("wire_type", String(60), nullable=False),
    Column("currency", String(3), nullable=False),
    _minor("amount_minor"),
    _minor("fee_minor"),
    _minor("net_minor"),
    Column("source_id", String(80)),
    Column("hold_id", String(80), index=True),
    Column("operation_id", String(120), index=True),
    Column("payout_id", String(80)),
    _instant("created_at"),
    _instant("available_at"),
    _instant("fetched_at"),
    Index("ix_balance_line_created", "created_at"),
)

reconciliation = Table(
    "reconciliation",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("currency", String(3), nullable=False),
    _instant("since"),
    _instant("fetched_at"),
    _instant("recorded_at"),
    Column("line_count", Integer, nullable=False),
    Column("matched_count", Integer, nullable=False),
    Column("case_count", Integer, nullable=False),
    _minor("ledger_minor"),
    _minor("processor_minor"),
    _minor("unexplained_minor"),
    _minor("fees_minor"),
    _minor("paid_out_minor"),
)

reconciliation_match = Table(
    "reconciliation_match",
    metadata,
    Column("line_id", ForeignKey("balance_line.id"), primary_key=True),
    Column("reconciliation_id", ForeignKey("reconciliation.id"), nullable=False, index=True),
    Column("operation_id", String(120), index=True),
    Column("booking_id", String(40), index=True),
    Column("matched_by", String(20), nullable=False),
)

reconciliation_case = Table(
    "reconciliation_case",
    metadata,
    Column("kind", String(30), primary_key=True),
    Column("subject", String(120), primary_key=True),
    Column("reconciliation_id", ForeignKey("reconciliation.id"), nullable=False, index=True),
    Column("currency", String(3), nullable=False),
    _minor("difference_minor"),
    Column("explanation", Text, nullable=False),
    Column("booking_id", String(40)),
    Column("state", String(10), nullable=False),
    _instant("opened_at"),
    _instant("closed_at", nullable=True),
    CheckConstraint("state IN ('open','explained','closed')", name="state"),
)


def _partition(table: Table) -> None:
    bounds = [(f"{year}", f"FROM ('{year}-01-01') TO ('{year + 1}-01-01')") for year in YEARS]
    statements = [
        f"CREATE TABLE {table.name}_{name} PARTITION OF {table.name} FOR VALUES {bound}"
        for name, bound in bounds
    ]
    statements.append(f"CREATE TABLE {table.name}_default PARTITION OF {table.name} DEFAULT")

    def create_partitions(_table: Table, connection: Connection, **_options: Any) -> None:
        for statement in statements:
            connection.execute(text(statement))

    event.listen(table, "after_create", create_partitions)


_partition(journal)
_partition(entry)
