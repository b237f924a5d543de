"""The database: one engine, and the only way to a transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine


def make_engine(database_url: str, *, pool_size: int = 10) -> AsyncEngine:
    """An engine for ``postgresql://…`` (any driver suffix), on psycopg.

    Instants come back as aware UTC, a statement that waits longer than 10 s for a lock fails, and
    no error carries a bound value into a log.
    """
    url = "postgresql+psycopg://" + database_url.split("://", 1)[1]
    return create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"options": "-c timezone=UTC -c lock_timeout=10000"},
    )


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One transaction: committed at the end of the block, rolled back when it raises."""
    async with engine.begin() as connection:
        yield connection
