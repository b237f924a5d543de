"""Bring a database to the schema of this version, by Alembic, safe against two starters."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from mobility.alone import require_nobody_rebuilding

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 7_041_116  # any number, the same for all: pg_advisory_lock's key for this database


def migrate(database_url: str) -> None:
    """Run every migration that ``database_url`` lacks; nothing happens if it lacks none.

    A second starter waits for the first.

    Raises:
        NotAloneError: a restore is being rebuilt.
        alembic.util.CommandError: the database is newer than this version.
    """
    engine = create_engine(
        "postgresql+psycopg://" + database_url.split("://", 1)[1], poolclass=NullPool
    )
    with engine.connect() as connection:
        require_nobody_rebuilding(connection)
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        connection.commit()
        try:
            command.upgrade(alembic_config(connection), "head")
            connection.commit()
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
            connection.commit()


def is_migrated(connection: Connection) -> bool:
    """Whether the schema behind ``connection`` is the one of this version."""
    scripts = ScriptDirectory.from_config(alembic_config(connection))
    here = MigrationContext.configure(connection).get_current_heads()
    return set(here) == set(scripts.get_heads())


def head() -> str:
    """The last migration of this version."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    found = ScriptDirectory.from_config(config).get_current_head()
    assert found is not None
    return found


def alembic_config(connection: Connection) -> Config:
    """Alembic's configuration without an ini file, on a connection that is already open."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config
