"""Alembic's entry: runs the migrations on the connection that ``mobility.migrate`` opened."""

from __future__ import annotations

from alembic import context

from mobility.migrations.metadata import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=list(METADATA),
    compare_type=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
