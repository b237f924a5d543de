"""All tables there are: one metadata per package, and no foreign key from one to another."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, MetaData, text

from mobility import tables
from mobility.identity import tables as identity_tables
from payments import tables as payments_tables

METADATA: tuple[MetaData, ...] = (
    tables.metadata,
    identity_tables.metadata,
    payments_tables.metadata,
)

_DERIVED = """
    SELECT relname FROM pg_class WHERE relispartition
    UNION ALL
    SELECT conname FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
    WHERE conparentid <> 0 AND NOT relispartition
"""


def comparison_options(connection: Connection) -> dict[str, Any]:
    """How Alembic compares these tables with the ones behind ``connection``.

    Partitions and what PostgreSQL derives for them are left out: they follow their table, and new
    ones come with the years.
    """
    derived = set(connection.scalars(text(_DERIVED)))

    def is_compared(name: str | None, _kind: str, _parents: object) -> bool:
        return name not in derived

    return {
        "target_metadata": list(METADATA),
        "compare_type": True,
        "compare_server_default": True,
        "include_name": is_compared,
    }
