"""Vehicles that riders found broken or missing: hidden until their operator says something new.

What a push says because the rider's own booking ends (free again, under a new id, somewhere else)
is nothing new; so what comes within ``SETTLES_AFTER`` of the report is only taken note of. After
that the vehicle is shown again as soon as a push says something else of it than the one before:
reserved, disabled or repaired, moved, under another id, or gone.

Key, under the prefix: ``availability:{provider}:hidden``, a hash of JSON by ``vehicle_ref``.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from redis.asyncio import Redis

from gtfs.geo import LatLon, distance_m
from providers.values import ProviderId, VehicleRef

SETTLES_AFTER = timedelta(minutes=2)
STANDS_STILL_M = 50
"""Positions of a vehicle that nobody moves differ by so much."""
_TELLING = ("id", "type_id", "station_id", "reserved", "disabled")
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Hidden:
    """The hidden vehicles of all providers in the Redis behind ``redis``."""

    redis: Redis
    prefix: str

    def key(self, provider_id: ProviderId) -> str:
        """Where a provider's are kept."""
        return f"{self.prefix}availability:{{{provider_id}}}:hidden"

    async def add(
        self, provider_id: ProviderId, ref: VehicleRef, told: bytes | str | None, now: datetime
    ) -> None:
        """Hide a vehicle; ``told`` is what its operator last said of it, None if nothing."""
        await self.redis.hset(self.key(provider_id), ref, _mark(now, told))

    async def list_refs(self, provider_id: ProviderId) -> frozenset[VehicleRef]:
        """A provider's hidden vehicles."""
        return frozenset(
            VehicleRef(_text(ref)) for ref in await self.redis.hkeys(self.key(provider_id))
        )

    async def hear(
        self,
        provider_id: ProviderId,
        rows: Mapping[str, str],
        removed: Collection[str] | None,
        now: datetime,
    ) -> bool:
        """Take in a push, with ``removed`` None a full one; whether a vehicle is hidden no more."""
        marks = await self.redis.hgetall(self.key(provider_id))
        shown = False
        for name, mark in marks.items():
            ref, known = _text(name), json.loads(mark)
            if removed is not None and ref not in rows and ref not in removed:
                continue
            since, told = datetime.fromisoformat(known["since"]), rows.get(ref)
            if now < since + SETTLES_AFTER:
                await self.redis.hset(self.key(provider_id), ref, _mark(since, told))
            elif not _says_the_same(known["told"], None if told is None else json.loads(told)):
                await self.redis.hdel(self.key(provider_id), ref)
                shown = True
        return shown


def _mark(since: datetime, told: bytes | str | None) -> str:
    row = None if told is None else json.loads(told)
    return json.dumps({"since": since.isoformat(), "told": row})


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _says_the_same(before: Row | None, now: Row | None) -> bool:
    if before is None or now is None:
        return before is now
    if any(before[name] != now[name] for name in _TELLING):
        return False
    return distance_m(LatLon(*before["position"]), LatLon(*now["position"])) <= STANDS_STILL_M
