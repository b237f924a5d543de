"""The tables of bookings and of the work that is still to be done for them.

No table here knows a person: ``rider_id`` is a pseudonym, whose person ``identity`` alone knows.
``booking_id`` is the partition key of everything that grows with bookings, ``rider_id`` that of
the idempotency answers, so that both can be spread over several database servers later.
"""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    Integer,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class _AnyText(TypeDecorator[str]):
    """Text that may hold U+0000, which PostgreSQL's does not: it and the backslash are escaped."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:  # noqa: ARG002
        """The text as it is stored."""
        return None if value is None else value.replace("\\", "\\\\").replace("\0", "\\0")

    def process_result_value(self, value: str | None, dialect: Any) -> str | None:  # noqa: ARG002
        """The text as it was."""
        if value is None:
            return None
        return re.sub(r"\\(.)", lambda found: "\0" if found[1] == "0" else found[1], value)


def _instant(name: str, *, nullable: bool = True) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


booking = Table(
    "booking",
    metadata,
    Column("id", Text, primary_key=True),
    Column("rider_id", Text, nullable=False),
    Column("offer_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("aim", Text, nullable=False),
    Column("payment_id", Text, nullable=False),
    Column("payment_method", Text, nullable=False),
    Column("passengers", Integer, nullable=False),
    Column("currency", Text, nullable=False),
    Column("price_minor", BigInteger, nullable=False),
    Column("ceiling_minor", BigInteger, nullable=False),
    Column("spend_ceiling_minor", BigInteger),
    Column("failure_type", Text),
    Column("failure_detail", Text),
    _instant("created_at", nullable=False),
    _instant("expires_at", nullable=False),
    _instant("extended_to"),  # until when its rider asked to have it held for longer
    _instant("decided_at"),
    _instant("attention_since"),
    _instant("undo_since"),  # when its aim was no longer to travel
    Column("rebooked_from", Text),  # the booking whose legs from this one on it takes the place of
    Column("rebooked_leg_id", Text),
    Column("locked_minor", BigInteger),  # what its rider pays at most for it then
    CheckConstraint(
        "state in ('held','awaiting_payment','confirmed','active','completed','settled',"
        "'cancelled','failed','needs_attention')",
        name="state",
    ),
    CheckConstraint("aim in ('travel','cancel','fail','give_back')", name="aim"),
    CheckConstraint("0 <= price_minor and price_minor <= ceiling_minor", name="price"),
    Index("ix_booking_rider_id", "rider_id", "created_at", "id"),
    Index(
        "ix_booking_attention",
        "attention_since",
        postgresql_where=text("state = 'needs_attention'"),
    ),
    CheckConstraint(
        "(rebooked_from is null) = (locked_minor is null) and "
        "(rebooked_from is null) = (rebooked_leg_id is null) and locked_minor >= 0",
        name="rebooked",
    ),
    Index(
        "ix_booking_rebooked_from",
        "rebooked_from",
        unique=True,
        postgresql_where=text("rebooked_from is not null and aim <> 'fail'"),
    ),
)

leg = Table(
    "leg",
    metadata,
    Column("booking_id", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("mode", Text, nullable=False),
    Column("provider_id", Text),
    Column("scarce", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("order_key", Text, nullable=False),
    Column("tariff_version", Text),
    Column("product", Text),
    Column("quoted_minor", BigInteger, nullable=False),
    Column("ceiling_minor", BigInteger, nullable=False),
    Column("final_minor", BigInteger),
    Column("claimed_minor", BigInteger),  # what the provider asked; final is what is due
    Column("paid_before_minor", BigInteger),  # for the day's earlier rides under the same cap
    Column("vat_percent", Numeric(5, 2), nullable=False),
    Column("commission_percent", Numeric(5, 2), nullable=False),
    Column("co2_grams", Integer, nullable=False),
    _instant("departs_at", nullable=False),
    _instant("arrives_at", nullable=False),
    Column("detail", JSONB(none_as_null=True)),
    Column("price_lines", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    Column("provider_ref", Text),
    _instant("hold_expires_at"),
    Column("access_code", _AnyText),
    Column("access_format", Text),
    Column("access_base64", Boolean, nullable=False, server_default=text("false")),
    _instant("started_at"),
    _instant("ended_at"),
    _instant("looked_at"),
    _instant("kept_until"),
    _instant("end_by"),  # when we end the ride, whatever the rider wants
    Column("most_minutes", Integer),  # how long it may last before that
    Column("most_minor", BigInteger),  # what of the rider's spend ceiling is left for it
    Column("most_because", Text),
    Column("used_minutes", Integer),
    Column("used_metres", Integer),
    Column("charged_minutes", Integer),  # at most, where we ended the ride
    Column("goodwill_minor", BigInteger, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("booking_id", "id", name="pk_leg"),
    CheckConstraint(
        "goodwill_minor between 0 and coalesce(final_minor, quoted_minor)", name="goodwill"
    ),
    CheckConstraint(
        "state in ('planned','held','confirmed','active','ended','cancelled','failed')",
        name="state",
    ),
    Index("ix_leg_provider_id", "provider_id", "departs_at", "id"),
    Index("ix_leg_order_key", "order_key", unique=True),
    Index(
        "ix_leg_kept",
        "provider_id",
        postgresql_where=text("state IN ('held', 'confirmed', 'active') AND scarce"),
    ),
)

leg_report = Table(
    "leg_report",
    metadata,
    Column("booking_id", Text, nullable=False),
    Column("leg_id", Text, nullable=False),
    Column("rider_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("note", Text),
    Column("outcome", Text, nullable=False),
    Column("believed", Boolean, nullable=False),
    Column("open", Boolean, nullable=False),  # a person is to look at it
    _instant("reported_at", nullable=False),
    Column("asked", Text),  # the last ask of the provider since, and what became of it
    Column("answer", Text),
    Column("answer_error", Text),
    Column("seen", Text),  # the reservation's state as the provider last told it
    _instant("seen_at"),
    PrimaryKeyConstraint("booking_id", "leg_id", name="pk_leg_report"),
    Index("ix_leg_report_rider_id", "rider_id", "reported_at"),
    Index("ix_leg_report_open", "reported_at", postgresql_where=text("open")),
)

ticket = Table(
    "ticket",
    metadata,
    Column("booking_id", Text, nullable=False),
    Column("leg_id", Text, nullable=False),
    Column("ticket_id", Text, nullable=False),
    _instant("valid_until", nullable=False),
    Column("binding", Integer, nullable=False),  # the one that is valid; those before are revoked
    Column("device_key", Text),
    Column("session", Text),
    Column("moves_left", Integer, nullable=False),
    _instant("void_at"),  # from then on the last binding is revoked, too
    PrimaryKeyConstraint("booking_id", "leg_id", name="pk_ticket"),
    CheckConstraint("binding >= 1 and moves_left >= 0", name="binding"),
    CheckConstraint("device_key is null or session is null", name="holder"),
    Index(
        "ix_ticket_revoked",
        "valid_until",
        postgresql_where=text("binding > 1 or void_at is not null"),
    ),
)

ticket_key_revocation = Table(
    "ticket_key_revocation",
    metadata,
    Column("key_id", Text, primary_key=True),
    _instant("revoked_at", nullable=False),
)

provider_operation = Table(
    "provider_operation",
    metadata,
    Column("booking_id", Text, nullable=False),
    Column("leg_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("error", Text),
    Column("ours", Boolean, nullable=False, server_default=text("false")),
    _instant("asked_at", nullable=False),
    _instant("sent_at"),
    _instant("decided_at"),
    PrimaryKeyConstraint("booking_id", "leg_id", "kind", name="pk_provider_operation"),
    CheckConstraint("kind in ('hold','confirm','start','finish','cancel','extend')", name="kind"),
    CheckConstraint("state in ('planned','sent','done','refused')", name="state"),
)

step = Table(
    "step",
    metadata,
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("generation", BigInteger, nullable=False, server_default=text("1")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("worker", Text),
    Column("last_error", Text),
    _instant("run_at", nullable=False),
    _instant("lease_until"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    _instant("failing_since"),
    _instant("dead_at"),
    Column("dead_generation", BigInteger),  # asked for again when generation is beyond it
    _instant("given_up_at"),
    PrimaryKeyConstraint("kind", "key", name="pk_step"),
    Index("ix_step_run_at", "run_at"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("reason", Text, nullable=False),
    _instant("at", nullable=False),
    Index("ix_audit_subject", "subject", "id"),
)

sale_stop = Table(
    "sale_stop",
    metadata,
    Column("id", Text, primary_key=True),
    Column("target", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("begun_by", Text, nullable=False),
    _instant("begun_at", nullable=False),
    Column("ended_by", Text),
    _instant("ended_at"),
    Index(
        "ix_sale_stop_in_force", "target", unique=True, postgresql_where=text("ended_at IS NULL")
    ),
)

day_rebate = Table(
    "day_rebate",
    metadata,
    Column("booking_id", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("rider_id", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    PrimaryKeyConstraint("booking_id", "day", name="pk_day_rebate"),
    CheckConstraint("amount_minor > 0", name="amount"),
    Index("ix_day_rebate_rider_id", "rider_id", "day"),
)

claim = Table(
    "claim",
    metadata,
    Column("booking_id", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("leg_id", Text, nullable=False),
    Column("guarantee_id", Text, nullable=False),
    Column("provider_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount_minor", BigInteger),
    Column("most_minor", BigInteger),
    Column("refunded_minor", BigInteger),
    Column("guarantee", JSONB, nullable=False),
    Column("evidence", JSONB(none_as_null=True)),
    _instant("noticed_at", nullable=False),
    _instant("file_by"),
    _instant("filed_at"),
    _instant("decided_at"),
    Column("carrier_reference", Text),
    Column("reason", Text),
    _instant("paid_at"),
    _instant("carrier_paid_at"),
    PrimaryKeyConstraint("booking_id", "id", name="pk_claim"),
    CheckConstraint("state in ('noticed','filed','accepted','rejected','paid')", name="state"),
    CheckConstraint("amount_minor > 0 and amount_minor <= most_minor", name="amount"),
    CheckConstraint("refunded_minor between 0 and amount_minor", name="refunded"),
    Index("ix_claim_id", "id", unique=True),
    Index("ix_claim_of_leg", "booking_id", "leg_id", "guarantee_id", unique=True),
    Index("ix_claim_state", "state", "filed_at", "id"),
)

idempotent_answer = Table(
    "idempotent_answer",
    metadata,
    Column("rider_id", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("status", Integer),
    Column("body", JSONB),
    _instant("created_at", nullable=False),
    PrimaryKeyConstraint("rider_id", "key", name="pk_idempotent_answer"),
)
