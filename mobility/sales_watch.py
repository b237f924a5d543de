"""What a process knows of stopped sales, for its searches: read every two seconds, not each time.

A search may be so much behind; booking is not, which reads the database itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility.cities.city import City
from mobility.db import transaction
from mobility.planning.offers import Stopped
from mobility.planning.wishes import MANY
from mobility.sale_stops import Target, list_in_force
from providers.values import Mode, ProviderId

log = logging.getLogger(__name__)

READ_EVERY_S = 2.0


class SalesWatch:
    """The stops in force, as last read; where the database is away, what was known before."""

    def __init__(self, engine: AsyncEngine, city: City) -> None:
        self._engine = engine
        self._names = {stanza.provider_id: stanza.name for stanza in city.providers}
        self._targets: tuple[Target, ...] = ()
        self._task: asyncio.Task[None] | None = None

    @property
    def stopped(self) -> Stopped | None:
        """Why a leg is not sold, in the rider's language; None while everything is sold."""
        return self._why_not if self._targets else None

    def _why_not(self, provider_id: ProviderId, mode: Mode) -> str | None:
        for target in self._targets:
            if target.holds(provider_id, mode):
                return self._say(target)
        return None

    def _say(self, target: Target) -> str:
        if target.provider_id is not None:
            name = self._names.get(target.provider_id, target.provider_id)
            return f"{name} wird zurzeit nicht verkauft."
        if target.mode is not None:
            return f"{MANY[target.mode]} werden zurzeit nicht verkauft."
        return "Zurzeit wird nichts verkauft."

    async def read(self) -> None:
        """Read what is stopped now."""
        async with transaction(self._engine) as tx:
            self._targets = tuple(stop.target for stop in await list_in_force(tx))

    async def start(self) -> None:
        """Read it, and then every two seconds."""
        await self._read_or_keep()
        self._task = asyncio.create_task(self._keep_reading())

    async def stop(self) -> None:
        """Read no more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _keep_reading(self) -> None:
        while True:
            await asyncio.sleep(READ_EVERY_S)
            await self._read_or_keep()

    async def _read_or_keep(self) -> None:
        try:
            await self.read()
        except (SQLAlchemyError, OSError) as error:
            log.warning("stopped sales could not be read: %s", type(error).__name__)
