"""What every booking use case needs from the outside world."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mobility import steps
from mobility.cities.facts import DayCeiling
from payments.gateway import Gateway
from providers.port import Provider
from providers.values import ProviderId


@dataclass(frozen=True, slots=True)
class Desk:
    """The collaborators of booking, put together by the composition root."""

    engine: AsyncEngine
    providers: Mapping[ProviderId, Provider]
    gateway: Gateway
    clock: Callable[[], datetime]
    pseudonym: Callable[[ProviderId, str], str]
    """The name by which a provider knows a rider."""
    customer: Callable[[str], Awaitable[str]]
    """The processor's name of a rider, made when it is first needed."""
    known_customer: Callable[[AsyncConnection, str], Awaitable[str | None]]
    """That name where it has been made; only reads."""
    return_url: str
    """Where the processor sends the rider back to after 3-D Secure."""
    worker: str
    lease: timedelta
    changed: Callable[[str], Awaitable[None]]
    """Told the id of every booking that changed, for those who watch it."""
    day_ceilings: tuple[DayCeiling, ...] = ()
    """What a rider's day costs at most over several modes; none where the city has none."""

    async def run_now(
        self,
        kind: str,
        key: str,
        work: Callable[[Desk, str], Awaitable[datetime | None]],
        bury: steps.Bury | None = None,
    ) -> None:
        """Do a step in this process if it is due, unless somebody else is at it."""
        await steps.run_if_free(
            self.engine,
            (kind, key),
            lambda key, _now: work(self, key),
            worker=self.worker,
            lease=self.lease,
            now=self.clock(),
            bury=bury,
        )
