"""How a process reaches Redis."""

from __future__ import annotations

from redis.asyncio import BlockingConnectionPool, Redis

REDIS_CONNECTIONS = 16
REDIS_WAIT_S = 2
WATCH_S = 15
"""How long a watcher of a booking waits before it is told that all is quiet."""
_SILENT_S = 5
"""And how much later a server that says nothing is taken for gone."""


def open_redis(url: str) -> Redis:
    """A client for short commands: a burst of requests waits for a connection, it opens none.

    A command that cannot get one of ``REDIS_CONNECTIONS`` within ``REDIS_WAIT_S`` seconds raises
    ``redis.exceptions.ConnectionError``. Reads that block keep a connection: not for those.
    """
    pool = BlockingConnectionPool.from_url(
        url, max_connections=REDIS_CONNECTIONS, timeout=REDIS_WAIT_S
    )
    return Redis.from_pool(pool)


def open_watching_redis(url: str) -> Redis:
    """A client for reads that block, for ``WATCH_S`` seconds at most."""
    return Redis.from_url(url, socket_timeout=WATCH_S + _SILENT_S)
