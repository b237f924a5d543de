"""A process that dies at a chosen point, and the database as such a process sees it.

Points are the edges of every request and of every commit. Nothing in the product knows of them:
they are met in what is handed to it, the database and the network.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine


class CrashError(BaseException):
    """The process dies here. Nothing of ours catches a BaseException."""


@dataclass
class Life:
    """Counts the points a process passes; it dies at the ``ends_at``-th, and stays dead."""

    ends_at: int | None = None
    passed: int = 0
    where: str = ""
    """The point at which it died."""

    def point(self, name: str) -> None:
        """Pass a point.

        Raises:
            CrashError: it is the last one, or lies behind it.
        """
        self.passed += 1
        if self.ends_at is not None and self.passed >= self.ends_at:
            self.where = self.where or name
            raise CrashError(name)


class MortalEngine:
    """An engine of a mortal process: what it has not committed when it dies is rolled back."""

    def __init__(self, engine: AsyncEngine, life: Life) -> None:
        self._engine = engine
        self._life = life

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """A transaction, with a point on either side of its commit."""
        async with self._engine.begin() as connection:
            yield connection
            self._life.point("before a commit")
        self._life.point("after a commit")

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """A connection whose statements commit by themselves, with a point on either side."""
        self._life.point("before a statement")
        async with self._engine.connect() as connection:
            yield connection
        self._life.point("after a statement")
