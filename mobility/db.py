"""The database: one engine, and the only way to a transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DataError, DisconnectionError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

STATEMENTS = 500
"""So many prepared statements a connection keeps: more than this program has."""
_CLASSES = {
    "08": OperationalError,  # the connection
    "22": DataError,  # what no column can hold
    "40": OperationalError,  # rolled back, as for a deadlock
    "53": OperationalError,  # disk, memory, connections
    "54": OperationalError,  # a limit of the server
    "55": OperationalError,  # a lock that was waited for too long
    "57": OperationalError,  # shut down, cancelled
    "58": OperationalError,  # the system beneath it
}
"""What the first two letters of an SQLSTATE mean (PostgreSQL's documentation, appendix A)."""


def make_engine(database_url: str, *, pool_size: int = 10) -> AsyncEngine:
    """An engine for ``postgresql://…`` (any driver suffix), on asyncpg.

    Instants come back as aware UTC, a statement that waits longer than 10 s for a lock fails, and
    no error carries the bound values into a log, but for one that fits no column, which the driver
    names. A database that is not there is an OperationalError.
    """
    dsn = "postgresql://" + database_url.split("://", 1)[1]
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: _connect(dsn),
        connect_args={"prepared_statement_cache_size": STATEMENTS},
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_use_lifo=True,
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "checkout", _refuse_lost)
    event.listen(engine.sync_engine, "handle_error", _say_its_class)
    return engine


async def _connect(dsn: str) -> asyncpg.Connection:
    settings = {"timezone": "UTC", "lock_timeout": "10000"}
    try:
        return await asyncpg.connect(dsn, server_settings=settings)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise OperationalError("connect", None, error, hide_parameters=True) from error


def _refuse_lost(connection: Any, _record: object, _proxy: object) -> None:
    """Have the pool open another connection where the server has ended this one.

    It costs nothing, as the driver is told by its socket; SQLAlchemy's ``pool_pre_ping`` asks the
    server before each transaction.
    """
    if connection.driver_connection.is_closed():
        raise DisconnectionError("the server has ended this connection")


def _say_its_class(context: ExceptionContext) -> BaseException | None:
    """Asyncpg's errors as the classes of PEP 249, which SQLAlchemy has for few of them.

    A lost connection shows as whatever the driver was at; a cancelled task is no error.
    """
    found = context.original_exception
    known = _CLASSES.get((getattr(found, "sqlstate", None) or "")[:2])
    lost = context.is_disconnect or isinstance(found.__cause__, asyncpg.InternalClientError)
    if known is None and lost and isinstance(found, Exception):
        known = OperationalError
    if known is None:
        return None
    return known(context.statement, None, found, hide_parameters=True)


@asynccontextmanager
async def autocommit(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection on which each statement is a transaction of its own.

    For a single statement: it saves the two round trips that begin and end a transaction.
    """
    async with engine.connect() as connection:
        yield await connection.execution_options(isolation_level="AUTOCOMMIT")


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One transaction: committed at the end of the block, rolled back when it raises."""
    async with engine.begin() as connection:
        yield connection
