"""Simulated time, the database's ``now()`` included."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import quote

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility.db import autocommit, make_engine

SCHEMA = """
CREATE SCHEMA sim;
CREATE TABLE sim.clock (at timestamptz NOT NULL);
INSERT INTO sim.clock VALUES ('2026-12-01T08:00:00Z');
CREATE FUNCTION sim.now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT at FROM sim.clock';
CREATE FUNCTION sim.clock_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS
    'SELECT sim.now()';
DROP INDEX public.ix_step_run_at;
CREATE INDEX ix_step_run_at ON public.step (run_at, kind, key);
"""
"""Steps that fall due at one moment are taken in the order of the index, where ours would leave it
to how the pages of the table happen to lie.
"""
OPTIONS = (
    "-c synchronous_commit=off -c enable_sort=off -c jit=off -c search_path=sim,public,pg_catalog"
)
"""With ``pg_catalog`` last, the time of day is ours; what an index has in order is not sorted."""

_SET = text("UPDATE sim.clock SET at = :at")

WIPE = """
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        IF name NOT IN ('alembic_version', 'account') THEN
            EXECUTE format('DELETE FROM public.%I', name);
        END IF;
    END LOOP;
END $$
"""


async def open_engine(database_url: str) -> AsyncEngine:
    """An engine whose statements see simulated time."""
    mark = "&" if "?" in database_url else "?"
    engine = make_engine(f"{database_url}{mark}options={quote(OPTIONS)}")
    async with engine.begin() as tx:
        for statement in SCHEMA.strip().split(";\n"):
            await tx.execute(text(statement))
    return engine


async def wipe(engine: AsyncEngine) -> None:
    """Empty every table, the ledger's too: another world begins."""
    async with engine.begin() as tx:
        await tx.execute(text("SET LOCAL session_replication_role = replica"))
        await tx.execute(text(WIPE))


class Clock:
    """One time for the processes, the database, the processor and the operators."""

    def __init__(self, engine: AsyncEngine, start: datetime) -> None:
        self._engine = engine
        self.now = start

    def __call__(self) -> datetime:
        """Now."""
        return self.now

    async def move_to(self, moment: datetime) -> None:
        """Go on to a moment; it never goes back."""
        self.now = max(self.now, moment)
        async with autocommit(self._engine) as db:
            await db.execute(_SET, {"at": self.now})

    async def pass_time(self, length: timedelta) -> None:
        """Let so much time go by."""
        await self.move_to(self.now + length)
