"""What can be had where, as providers last said: kept in Redis with its age, told to all processes.

Vehicles are keyed by the provider's private ``ref`` and stations by their id; a vehicle's public
id rotates and is never a key. Every push carries a sequence number, one count for vehicles, one for
stations and one for geofencing zones: a number that was used before changes nothing, a gap asks for
a full snapshot.

Keys, under the prefix: ``availability:{provider}:meta`` (last sequence and instant of each kind),
``…:vehicles`` and ``…:stations`` (hashes of JSON), ``…:zones`` (a hash of the one GBFS file),
``…:hidden`` (``providers.hidden``).
Channel: ``availability``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, Literal, TypeVar

from redis.asyncio import Redis
from redis.exceptions import WatchError

from gtfs.geo import LatLon
from providers.gbfs.zones_v3_0 import reread_zones, write_zones
from providers.hidden import Hidden
from providers.values import (
    Availability,
    ProviderId,
    Station,
    StationId,
    Vehicle,
    VehicleId,
    VehicleRef,
)
from providers.zones import Zones

log = logging.getLogger(__name__)
Kind = Literal["vehicles", "stations", "zones", "hidden"]
T = TypeVar("T", Vehicle, Station)


class Outcome(StrEnum):
    """What became of a push."""

    TAKEN = "taken"
    STALE = "stale"
    """Its sequence number is not above the last one: known already, or overtaken."""
    GAP = "gap"
    """A delta that does not follow the last push: send a full snapshot."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to a push; ``last_sequence`` is the one in force now, 0 before the first."""

    outcome: Outcome
    last_sequence: int


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    """All that is kept of one kind of one provider; ``heard_at`` is None before the first push."""

    items: tuple[T, ...]
    sequence: int
    heard_at: datetime | None


@dataclass(frozen=True, slots=True)
class Change:
    """One push as it is told to other processes; ``whole`` says to read everything again."""

    provider_id: ProviderId
    kind: Kind
    sequence: int
    heard_at: datetime
    whole: bool
    vehicles: tuple[Vehicle, ...] = ()
    stations: tuple[Station, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshots:
    """Availability of all providers in the Redis behind ``redis``."""

    redis: Redis
    prefix: str

    @property
    def hidden(self) -> Hidden:
        """The vehicles that riders reported."""
        return Hidden(self.redis, self.prefix)

    @property
    def channel(self) -> str:
        """Where changes are published."""
        return f"{self.prefix}availability"

    async def put_vehicles(
        self, provider_id: ProviderId, sequence: int | None, items: Iterable[Vehicle], now: datetime
    ) -> Receipt:
        """Replace all vehicles. Without a sequence number the next one is taken (for polling)."""
        rows = {str(vehicle.ref): _dump(vehicle) for vehicle in items}
        return await self._write_vehicles(provider_id, sequence, rows, None, now)

    async def put_stations(
        self, provider_id: ProviderId, sequence: int | None, items: Iterable[Station], now: datetime
    ) -> Receipt:
        """Replace all stations."""
        rows = {str(station.id): _dump(station) for station in items}
        return await self._write(provider_id, "stations", sequence, rows, None, now)

    async def patch_vehicles(
        self,
        provider_id: ProviderId,
        sequence: int,
        items: Iterable[Vehicle],
        removed: Iterable[VehicleRef],
        now: datetime,
    ) -> Receipt:
        """Add or replace some vehicles, remove others; costs what has changed."""
        rows = {str(vehicle.ref): _dump(vehicle) for vehicle in items}
        return await self._write_vehicles(provider_id, sequence, rows, tuple(removed), now)

    async def patch_stations(
        self,
        provider_id: ProviderId,
        sequence: int,
        items: Iterable[Station],
        removed: Iterable[StationId],
        now: datetime,
    ) -> Receipt:
        """Add or replace some stations, remove others."""
        rows = {str(station.id): _dump(station) for station in items}
        return await self._write(provider_id, "stations", sequence, rows, tuple(removed), now)

    async def put_zones(
        self, provider_id: ProviderId, sequence: int, zones: Zones, now: datetime
    ) -> Receipt:
        """Replace all geofencing zones."""
        rows = {"file": json.dumps(write_zones(zones), separators=(",", ":"))}
        return await self._write(provider_id, "zones", sequence, rows, None, now)

    async def hide_vehicle(self, provider_id: ProviderId, ref: VehicleRef, now: datetime) -> None:
        """Show a vehicle to nobody until its operator says something new of it."""
        told = await self.redis.hget(self._key(provider_id, "vehicles"), ref)
        await self.hidden.add(provider_id, ref, told, now)
        await self._tell_hidden(provider_id, now)

    async def record(
        self, provider_id: ProviderId, availability: Availability, now: datetime
    ) -> None:
        """Keep what a provider that does not push was found to have."""
        await self.put_stations(provider_id, None, availability.stations, now)
        await self.put_vehicles(provider_id, None, availability.vehicles, now)

    async def get_vehicles(self, provider_id: ProviderId) -> Known[Vehicle]:
        """All vehicles of a provider."""
        rows, sequence, heard_at = await self._read(provider_id, "vehicles")
        return Known(tuple(_vehicle(row) for row in rows), sequence, heard_at)

    async def get_stations(self, provider_id: ProviderId) -> Known[Station]:
        """All stations of a provider."""
        rows, sequence, heard_at = await self._read(provider_id, "stations")
        return Known(tuple(_station(row) for row in rows), sequence, heard_at)

    async def find_zones(self, provider_id: ProviderId) -> tuple[Zones | None, int]:
        """The geofencing zones that a provider pushed, and the sequence.

        None where it pushed none, or another version wrote what this one does not take.
        """
        rows, sequence, _ = await self._read(provider_id, "zones")
        try:
            return (reread_zones(rows[0]) if rows else None), sequence
        except ValueError as error:
            log.warning("the zones that %s pushed are left out: %s", provider_id, error)
            return None, sequence

    async def find_stations(
        self, provider_id: ProviderId, ids: Collection[StationId]
    ) -> dict[StationId, Station]:
        """Those of the named stations that are known."""
        if not ids:
            return {}
        rows = await self.redis.hmget(self._key(provider_id, "stations"), *sorted(ids))
        stations = (_station(json.loads(row)) for row in rows if row is not None)
        return {station.id: station for station in stations}

    async def get_sequence(self, provider_id: ProviderId, kind: Kind) -> int:
        """The number of the last push; 0 before the first."""
        return int(await self.redis.hget(self._key(provider_id, "meta"), f"{kind}_sequence") or 0)

    def read_change(self, message: bytes | str) -> Change:
        """A published message."""
        told = json.loads(message)
        vehicles = tuple(_vehicle(item) for item in told["items"] if told["kind"] == "vehicles")
        stations = tuple(_station(item) for item in told["items"] if told["kind"] == "stations")
        return Change(
            provider_id=ProviderId(told["provider_id"]),
            kind=told["kind"],
            sequence=told["sequence"],
            heard_at=datetime.fromisoformat(told["heard_at"]),
            whole=told["whole"],
            vehicles=vehicles,
            stations=stations,
            removed=tuple(told["removed"]),
        )

    def _key(self, provider_id: ProviderId, part: str) -> str:
        # The braces keep one provider's keys on one node of a Redis Cluster.
        return f"{self.prefix}availability:{{{provider_id}}}:{part}"

    async def _write_vehicles(
        self,
        provider_id: ProviderId,
        sequence: int | None,
        rows: Mapping[str, str],
        removed: tuple[str, ...] | None,
        now: datetime,
    ) -> Receipt:
        receipt = await self._write(provider_id, "vehicles", sequence, rows, removed, now)
        taken = receipt.outcome is Outcome.TAKEN
        if taken and await self.hidden.hear(provider_id, rows, removed, now):
            await self._tell_hidden(provider_id, now)
        return receipt

    async def _tell_hidden(self, provider_id: ProviderId, now: datetime) -> None:
        number = await self.redis.hincrby(self._key(provider_id, "meta"), "hidden_sequence", 1)
        told = _message(provider_id, "hidden", number, now.isoformat(), {}, None)
        await self.redis.publish(self.channel, told)

    async def _write(
        self,
        provider_id: ProviderId,
        kind: Kind,
        sequence: int | None,
        rows: Mapping[str, str],
        removed: tuple[str, ...] | None,
        now: datetime,
    ) -> Receipt:
        """Write one push; ``removed`` is None for a full snapshot."""
        meta, key = self._key(provider_id, "meta"), self._key(provider_id, kind)
        async with self.redis.pipeline(transaction=True) as pipe:
            while True:
                await pipe.watch(meta)
                last = int(await pipe.hget(meta, f"{kind}_sequence") or 0)
                number = last + 1 if sequence is None else sequence
                if number <= last:
                    return Receipt(Outcome.STALE, last)
                if removed is not None and (last == 0 or number != last + 1):
                    return Receipt(Outcome.GAP, last)
                pipe.multi()  # type: ignore[no-untyped-call]
                if removed is None:
                    pipe.delete(key)
                elif removed:
                    pipe.hdel(key, *removed)
                if rows:
                    pipe.hset(key, items=[text for row in rows.items() for text in row])
                at = now.isoformat()
                pipe.hset(meta, items=[f"{kind}_sequence", number, f"{kind}_at", at])
                change = _message(provider_id, kind, number, at, rows, removed)
                pipe.publish(self.channel, change)
                try:
                    await pipe.execute()
                except WatchError:
                    continue
                return Receipt(Outcome.TAKEN, number)

    async def _read(
        self, provider_id: ProviderId, kind: Kind
    ) -> tuple[list[dict[str, Any]], int, datetime | None]:
        async with self.redis.pipeline(transaction=True) as pipe:
            pipe.hvals(self._key(provider_id, kind))
            pipe.hmget(self._key(provider_id, "meta"), f"{kind}_sequence", f"{kind}_at")
            values, (sequence, at) = await pipe.execute()
        heard_at = None
        if at is not None:
            heard_at = datetime.fromisoformat(at.decode() if isinstance(at, bytes) else at)
        return [json.loads(value) for value in values], int(sequence or 0), heard_at


def _message(
    provider_id: ProviderId,
    kind: Kind,
    sequence: int,
    at: str,
    rows: Mapping[str, str],
    removed: tuple[str, ...] | None,
) -> str:
    whole = removed is None
    head = {
        "provider_id": provider_id,
        "kind": kind,
        "sequence": sequence,
        "heard_at": at,
        "whole": whole,
        "removed": list(removed or ()),
    }
    items = "" if whole else ",".join(rows.values())
    return f'{json.dumps(head)[:-1]}, "items": [{items}]}}'


def _dump(item: Vehicle | Station) -> str:
    row = asdict(item)
    row["position"] = [item.position.lat, item.position.lon]
    row["as_of"] = item.as_of.isoformat()
    return json.dumps(row, separators=(",", ":"))


def _vehicle(row: dict[str, Any]) -> Vehicle:
    return Vehicle(
        provider_id=ProviderId(row["provider_id"]),
        ref=VehicleRef(row["ref"]),
        id=VehicleId(row["id"]),
        type_id=row["type_id"],
        position=LatLon(*row["position"]),
        station_id=None if row["station_id"] is None else StationId(row["station_id"]),
        reserved=row["reserved"],
        disabled=row["disabled"],
        range_m=row["range_m"],
        as_of=datetime.fromisoformat(row["as_of"]),
    )


def _station(row: dict[str, Any]) -> Station:
    return Station(
        provider_id=ProviderId(row["provider_id"]),
        id=StationId(row["id"]),
        name=row["name"],
        position=LatLon(*row["position"]),
        capacity=row["capacity"],
        vehicles_available=row["vehicles_available"],
        docks_available=row["docks_available"],
        renting=row["renting"],
        returning=row["returning"],
        as_of=datetime.fromisoformat(row["as_of"]),
    )
