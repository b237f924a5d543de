"""The only tables that know a person.

Everything a person told us is sealed under that rider's own key (``vault``); everywhere else a
rider is the pseudonym ``rider_id``. Deleting the row in ``rider_key`` shreds all of it at once.
``rider_id`` is the partition key; look-ups that come before it is known (``email_index``,
``login_code``, ``refresh_token``, ``provider_key``) go by a hash.
"""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
    }
)


def _instant(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _rider_id(*, primary_key: bool = False) -> Column[str]:
    return Column("rider_id", Text, ForeignKey("rider.id"), primary_key=primary_key, nullable=False)


rider = Table(
    "rider",
    metadata,
    Column("id", Text, primary_key=True),
    _instant("created_at"),
    _instant("erased_at", nullable=True),
)
"""The pseudonym stays when the person is erased: bookings and books refer to it."""

rider_key = Table(
    "rider_key",
    metadata,
    _rider_id(primary_key=True),
    Column("wrapped_key", LargeBinary, nullable=False),
)
"""Each rider's own AES-256 key, wrapped by the installation's ``vault_key``."""

vault = Table(
    "vault",
    metadata,
    _rider_id(primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
"""Personal data as sealed JSON: ``identity.vault.PersonalData``."""

email_index = Table(
    "email_index",
    metadata,
    Column("email_hash", LargeBinary, primary_key=True),
    _rider_id(),
    Index("ix_email_index_rider_id", "rider_id", unique=True),
)
"""HMAC of the address: finds a rider by e-mail without storing the e-mail."""

login_code = Table(
    "login_code",
    metadata,
    Column("email_hash", LargeBinary, primary_key=True),
    Column("code_hash", LargeBinary, nullable=False),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    _instant("expires_at"),
    Index("ix_login_code_expires_at", "expires_at"),
)

refresh_token = Table(
    "refresh_token",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("family", Text, nullable=False),
    _rider_id(),
    _instant("expires_at"),
    _instant("used_at", nullable=True),
    Index("ix_refresh_token_family", "family"),
    Index("ix_refresh_token_rider_id", "rider_id"),
)
"""One row per token ever issued in a family; a used one that returns ends the family."""

role_grant = Table(
    "role_grant",
    metadata,
    _rider_id(),
    Column("role", Text, nullable=False),
    _instant("granted_at"),
    PrimaryKeyConstraint("rider_id", "role"),
    CheckConstraint("role in ('finance','staff')", name="role"),
)

rider_pass = Table(
    "rider_pass",
    metadata,
    _rider_id(),
    Column("id", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    PrimaryKeyConstraint("rider_id", "id"),
)
"""Passes, sealed with all that is known of them: a Wertmarke tells of the rider's health."""

pass_binding = Table(
    "pass_binding",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    _rider_id(),
    Column("pass_id", Text, nullable=False),
    Index("ix_pass_binding_rider_id", "rider_id"),
)
"""One pass serves one account: HMAC of the name that its issuer, or its card, gives it."""

processor_customer = Table(
    "processor_customer",
    metadata,
    _rider_id(primary_key=True),
    Column("customer_id", Text, nullable=False),
    _instant("forget_at", nullable=True),
)
"""The payment processor's customer, who is a pseudonym there too. ``forget_at`` is set when the
rider is erased, until the processor has been told."""

provider_key = Table(
    "provider_key",
    metadata,
    Column("key_hash", LargeBinary, primary_key=True),
    Column("provider_id", Text, nullable=False),
    Column("hint", Text, nullable=False),
    _instant("created_at"),
    _instant("revoked_at", nullable=True),
    Index("ix_provider_key_provider_id", "provider_id"),
)
"""Bearer keys of providers, hashed. ``hint`` is the key's first characters, to tell keys apart."""
