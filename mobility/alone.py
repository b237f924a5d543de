"""Who works on the database while a restore is rebuilt: the one who rebuilds, and nobody else.

It holds a lock from before it looks who is connected to its end, and whoever starts asks for that
lock once connected. So of two that start at once at least one sees the other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mobility.db import transaction

_LOCK = 7_041_118  # any number, the same for all: the key of PostgreSQL's advisory lock
_STAY = """
SELECT set_config('idle_session_timeout', '0', false),
    set_config('tcp_keepalives_idle', '60', false),
    set_config('tcp_keepalives_interval', '10', false),
    set_config('tcp_keepalives_count', '6', false)
"""
"""The connection that holds the lock lies idle for as long as it takes: nothing between is to cut
it, and the lock of a machine that is gone is to be free after two minutes."""


class NotAloneError(Exception):
    """Somebody else works on the database; the message says who."""


@asynccontextmanager
async def alone(engine: AsyncEngine) -> AsyncIterator[None]:
    """Work on the database alone; to be the first use of its engine.

    Raises:
        NotAloneError: somebody else is connected, or rebuilds.
        OperationalError: at the end, the connection that held the lock was lost meanwhile.
    """
    async with engine.connect() as connection:
        await connection.execute(text(_STAY))
        if not await connection.scalar(select(func.pg_try_advisory_lock(_LOCK))):
            raise NotAloneError("a restore is being rebuilt by another command; let it end first")
        await connection.commit()
        try:
            await _refuse_company(connection)
            await connection.commit()
            yield
        finally:
            await connection.execute(select(func.pg_advisory_unlock(_LOCK)))


async def refuse_while_rebuilding(engine: AsyncEngine) -> None:
    """Start nothing while a restore is rebuilt; asked of each process once it is connected.

    A database that is not there yet keeps nobody from starting.

    Raises:
        NotAloneError: one is.
    """
    try:
        async with transaction(engine) as tx:
            await tx.run_sync(require_nobody_rebuilding)
    except OperationalError:
        return


def require_nobody_rebuilding(connection: Connection) -> None:
    """The same, asked on a connection that is open.

    Raises:
        NotAloneError: a restore is being rebuilt.
    """
    if not connection.scalar(select(func.pg_try_advisory_xact_lock_shared(_LOCK))):
        raise NotAloneError(
            "`mobility restore rebuild` is at work on this database; start when it is through"
        )


async def _refuse_company(tx: AsyncConnection) -> None:
    rows = await tx.execute(
        text(
            "SELECT pid, application_name, client_addr FROM pg_stat_activity WHERE pid <>"
            " pg_backend_pid() AND datname = current_database() AND backend_type = 'client backend'"
        )
    )
    others = [f"{row.pid} {row.application_name or row.client_addr or ''}".strip() for row in rows]
    if others:
        raise NotAloneError(
            f"{len(others)} other connections to the database ({', '.join(others[:5])}); stop API "
            "processes, workers and consoles first: what they did meanwhile would be done twice"
        )
