import asyncio

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility.migrate import head, is_migrated, migrate
from mobility.migrations.metadata import METADATA, comparison_options


async def test_the_migrations_make_the_tables_that_the_code_expects(engine: AsyncEngine):
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts=comparison_options(connection))
        return list(compare_metadata(context, list(METADATA)))

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_no_table_is_in_two_packages():
    names = [name for metadata in METADATA for name in metadata.tables]
    assert len(names) == len(set(names))


async def test_a_second_migration_changes_nothing(database_url: str, engine: AsyncEngine):
    await asyncio.to_thread(migrate, database_url)
    async with engine.connect() as connection:
        assert await connection.run_sync(is_migrated)


async def test_two_starters_migrate_an_empty_database_once(database_url: str, engine: AsyncEngine):
    async with engine.begin() as tx:
        await tx.execute(text("DROP SCHEMA public CASCADE"))
        await tx.execute(text("CREATE SCHEMA public"))
    await asyncio.gather(*(asyncio.to_thread(migrate, database_url) for _ in range(2)))
    async with engine.begin() as tx:
        versions = (await tx.execute(text("SELECT version_num FROM alembic_version"))).all()
    assert versions == [(head(),)]


async def test_an_unmigrated_database_is_recognised(engine: AsyncEngine):
    async with engine.begin() as tx:
        await tx.execute(text("DELETE FROM alembic_version"))
    async with engine.connect() as connection:
        assert not await connection.run_sync(is_migrated)
