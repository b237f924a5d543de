import asyncio
import base64

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility.migrate import alembic_config, head, is_migrated, migrate
from mobility.migrations.metadata import METADATA, comparison_options
from mobility.tables import leg
from providers.bus.ticket import read_claims


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


async def test_tickets_of_the_first_version_become_what_they_say(
    database_url: str, engine: AsyncEngine, sync_engine: Engine
):
    """The payload of ``MT1.<payload>.<signature>`` without its key, and codes as they were."""
    said = (
        '{"tid":"2f7c","iss":"bus-ü","prd":"single:2","pax":1,"amt":360,"cur":"EUR",'
        '"trf":"2026","nbf":1795680000,"exp":1795687200}'
    )
    signed = base64.urlsafe_b64encode(('{"kid":"t1",' + said[1:]).encode()).decode().rstrip("=")
    with sync_engine.begin() as tx:
        tx.execute(text("DROP SCHEMA public CASCADE"))
        tx.execute(text("CREATE SCHEMA public"))
        command.upgrade(alembic_config(tx), "0005")
        for name, code in (("a", f"MT1.{signed}.c2ln"), ("b", "47\\11"), ("c", None)):
            tx.execute(
                text(
                    "INSERT INTO leg (booking_id, id, position, mode, scarce, state, order_key,"
                    " quoted_minor, ceiling_minor, vat_percent, commission_percent, co2_grams,"
                    " departs_at, arrives_at, access_code) VALUES ('bkg', :name, 0, 'bus', false,"
                    " 'confirmed', :name, 0, 0, 0, 0, 0, now(), now(), :code)"
                ),
                {"name": name, "code": code},
            )
    await asyncio.to_thread(migrate, database_url)
    async with engine.begin() as later:
        rows = await later.execute(
            select(leg.c.access_code, leg.c.access_format, leg.c.access_base64).order_by(leg.c.id)
        )
        ticket, *others = rows.all()
    assert read_claims(ticket.access_code) == read_claims(said)
    assert ticket.access_format == "TICKET"
    assert [tuple(row) for row in others] == [("47\\11", "CODE", False), (None, None, False)]


async def test_passes_that_were_only_declared_are_to_be_verified(
    database_url: str, sync_engine: Engine
):
    with sync_engine.begin() as tx:
        tx.execute(text("DROP SCHEMA public CASCADE"))
        tx.execute(text("CREATE SCHEMA public"))
        command.upgrade(alembic_config(tx), "0015")
        tx.execute(text("INSERT INTO rider (id, created_at) VALUES ('rdr_1', now())"))
        tx.execute(text("INSERT INTO rider_pass VALUES ('rdr_1', 'pas_1', 'sealed')"))
    await asyncio.to_thread(migrate, database_url)
    with sync_engine.begin() as tx:
        rows = tx.execute(text("SELECT kind, key FROM step"))
        assert [tuple(row) for row in rows] == [("verify_pass", "rdr_1/pas_1")]
