"""Alembic's entry: runs the migrations on the connection that ``mobility.migrate`` opened."""

from __future__ import annotations

from alembic import context

from mobility.migrations.metadata import comparison_options

connection = context.config.attributes["connection"]
context.configure(connection=connection, **comparison_options(connection))
with context.begin_transaction():
    context.run_migrations()
