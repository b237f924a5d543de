"""Looks, with every state of the live timetable, for guarantees that booked rides have come to.

Every API process follows the feeds and looks; what two of them see is written once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility.cities.city import City
from mobility.claims.notice import notice
from mobility.claims.store import add_noticed, list_rides
from mobility.db import transaction
from mobility.live import Changes
from mobility.realtime.polling import Realtime

log = logging.getLogger(__name__)
LOOK_EVERY_S = 30.0


class ClaimsWatch:
    """Notices claims while it runs."""

    def __init__(
        self,
        engine: AsyncEngine,
        city: City,
        realtime: Realtime,
        changes: Changes,
        clock: Callable[[], datetime],
    ) -> None:
        self._engine, self._city, self._realtime = engine, city, realtime
        self._changes, self._clock = changes, clock
        agencies = {agency for known in city.guarantees for agency in known.agency_ids}
        self._providers = [
            stanza.provider_id for stanza in city.providers if agencies & set(stanza.agency_ids)
        ]
        self._looked_at: datetime | None = None
        self._task: asyncio.Task[None] | None = None

    async def look(self) -> int:
        """Look once at what the feeds said last; returns how many claims were new."""
        live, said_at = self._realtime.current, self._realtime.trips_said_at
        if said_at is None or not self._providers:
            return 0
        async with transaction(self._engine) as tx:
            trips = await list_rides(tx, self._providers, self._clock())
        found = [one for rides in trips for one in notice(rides, live, said_at, self._city)]
        if not found:
            return 0
        found.sort(key=lambda one: one.evidence.planned_at)  # the trip before its rebooking
        async with transaction(self._engine) as tx:
            new = [
                one.ride.booking_id
                for one in found
                if await add_noticed(tx, one, self._city.currency, self._clock())
            ]
        for booking_id in dict.fromkeys(new):
            await self._changes.publish(booking_id)
        return len(new)

    def start(self) -> None:
        """Look again and again."""
        if self._providers:
            self._task = asyncio.create_task(self._keep_looking())

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            said_at = self._realtime.trips_said_at
            if said_at == self._looked_at:
                continue
            try:
                await self.look()
            except (SQLAlchemyError, OSError) as error:
                log.warning("claims could not be looked for: %s", type(error).__name__)
            else:
                self._looked_at = said_at
