"""Availability in this process's memory: what a search reads, kept up with Redis push by push.

A change costs what has changed. A provider that has not been heard of for ``STALE_AFTER`` is not
offered (GBFS: at most five minutes old); ``freshness`` says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache

from redis.exceptions import RedisError

from gtfs.geo import LatLon
from providers.grid import Grid
from providers.snapshots import Change, Kind, Snapshots
from providers.stanza import ProviderStanza
from providers.values import (
    Mode,
    ProviderId,
    Station,
    StationId,
    Vehicle,
    VehicleId,
    VehicleRef,
)
from providers.zone_layer import Layer
from providers.zones import Zones

STALE_AFTER = timedelta(minutes=5)
FIRST_LOAD_SECONDS = 10.0
RECONNECT_SECONDS = 1.0
CATCH_UP_SECONDS = 1.0
STOP_AGAIN_SECONDS = 0.2
_UNREADABLE = (ValueError, LookupError, TypeError)
"""What another version of this program, or a hand, wrote is no reason to follow no longer."""
log = logging.getLogger(__name__)
VehicleKey = tuple[ProviderId, VehicleRef]
Watcher = Callable[[ProviderId, VehicleRef | None, StationId | None], None]
"""Told which vehicle or which station has changed, has come or has gone; without either, that the
provider's geofencing zones are others."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How far what we know of a provider can be trusted; ``stale`` means it is not offered."""

    provider_id: ProviderId
    vehicles: int
    stations: int
    heard_at: datetime | None
    age_seconds: int | None
    stale: bool


@dataclass(slots=True)
class _Fleet:
    vehicles: dict[VehicleRef, Vehicle] = field(default_factory=dict)
    stations: dict[StationId, Station] = field(default_factory=dict)
    zones: Zones = field(default_factory=Zones)
    hidden: frozenset[VehicleRef] = frozenset()
    sequence: dict[Kind, int] = field(default_factory=dict)
    heard_at: dict[Kind, datetime] = field(default_factory=dict)


class Mirror:
    """The fleets of those operators of ``stanzas`` that have vehicles."""

    def __init__(
        self,
        snapshots: Snapshots,
        stanzas: Iterable[ProviderStanza],
        zones: Mapping[ProviderId, Zones] | None = None,
    ) -> None:
        """Take the geofencing zones that hold until an operator pushes its own."""
        self._snapshots = snapshots
        self._modes = {
            stanza.provider_id: {kind.id: kind.mode for kind in stanza.vehicle_types()}
            for stanza in stanzas
            if stanza.vehicle_type
        }
        stated = zones or {}
        self._fleets = {
            provider_id: _Fleet(zones=stated.get(provider_id, Zones()))
            for provider_id in self._modes
        }
        self._vehicles: Grid[VehicleKey, Vehicle] = Grid()
        self._by_id: dict[VehicleId, Vehicle] = {}
        self._loaded = asyncio.Event()
        self._moved = asyncio.Condition()
        self._watchers: list[Watcher] = []
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load everything, then follow changes until ``stop``.

        Raises:
            TimeoutError: Redis did not answer within ten seconds.
        """
        self._task = asyncio.create_task(self._follow())
        async with asyncio.timeout(FIRST_LOAD_SECONDS):
            await self._loaded.wait()

    async def stop(self) -> None:
        """Stop following; asked again where a cancellation was lost on its way through Redis."""
        while self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait((self._task,), timeout=STOP_AGAIN_SECONDS)

    def watch(self, watcher: Watcher) -> None:
        """Have every change told, in the thread that makes it; what is known already is not."""
        self._watchers.append(watcher)

    async def catch_up(self, provider_id: ProviderId, kind: Kind, sequence: int) -> bool:
        """Wait until push ``sequence`` is seen here, at most a second; whether it was."""
        fleet = self._fleets[provider_id]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CATCH_UP_SECONDS), self._moved:
                await self._moved.wait_for(lambda: fleet.sequence.get(kind, 0) >= sequence)
        return fleet.sequence.get(kind, 0) >= sequence

    def vehicles_near(
        self, position: LatLon, radius_m: float, modes: Collection[Mode], now: datetime
    ) -> tuple[Vehicle, ...]:
        """Vehicles that can be rented within ``radius_m`` metres, nearest first."""
        return self._rentable(self._vehicles.near(position, radius_m), modes, now)

    def vehicles_in(
        self,
        box: tuple[float, float, float, float],
        modes: Collection[Mode],
        now: datetime,
    ) -> tuple[Vehicle, ...]:
        """Vehicles that can be rented in a box of west, south, east, north (degrees)."""
        west, south, east, north = box
        return self._rentable(self._vehicles.within(south, west, north, east), modes, now)

    def find_vehicle_by_ref(self, provider_id: ProviderId, ref: VehicleRef) -> Vehicle | None:
        """A provider's vehicle; None if it has gone."""
        fleet = self._fleets.get(provider_id)
        return fleet.vehicles.get(ref) if fleet else None

    def find_vehicle(self, vehicle_id: VehicleId) -> Vehicle | None:
        """The vehicle that now bears a public id, whether or not it can be rented."""
        return self._by_id.get(vehicle_id)

    def find_station(self, provider_id: ProviderId, station_id: StationId) -> Station | None:
        """A provider's station."""
        fleet = self._fleets.get(provider_id)
        return fleet.stations.get(station_id) if fleet else None

    def is_hidden(self, provider_id: ProviderId, ref: VehicleRef) -> bool:
        """Whether riders reported the vehicle; until its operator says more it is ``disabled``."""
        fleet = self._fleets.get(provider_id)
        return fleet is not None and ref in fleet.hidden

    def list_vehicles(self, provider_id: ProviderId) -> tuple[Vehicle, ...]:
        """All vehicles a provider has told of, reserved and broken ones too."""
        fleet = self._fleets.get(provider_id)
        return tuple(fleet.vehicles.values()) if fleet else ()

    def list_stations(self, provider_id: ProviderId) -> tuple[Station, ...]:
        """All stations of a provider."""
        fleet = self._fleets.get(provider_id)
        return tuple(fleet.stations.values()) if fleet else ()

    def zones_of(self, provider_id: ProviderId) -> Zones:
        """The geofencing zones in force."""
        fleet = self._fleets.get(provider_id)
        return fleet.zones if fleet else Zones()

    def age(self, provider_id: ProviderId, now: datetime) -> timedelta | None:
        """How long ago the provider last told of its vehicles; None if never."""
        fleet = self._fleets.get(provider_id)
        heard_at = fleet.heard_at.get("vehicles") if fleet else None
        return None if heard_at is None else max(timedelta(0), now - heard_at)

    def fresh(self, provider_id: ProviderId, now: datetime) -> bool:
        """Whether the provider may be offered."""
        age = self.age(provider_id, now)
        return age is not None and age <= STALE_AFTER

    def freshness(self, now: datetime) -> tuple[Freshness, ...]:
        """Each provider's state, in the order of the city's stanzas."""
        return tuple(self.get_freshness(provider_id, now) for provider_id in self._fleets)

    def get_freshness(self, provider_id: ProviderId, now: datetime) -> Freshness:
        """One provider's state.

        Raises:
            KeyError: no provider of vehicles by that id.
        """
        fleet = self._fleets[provider_id]
        age = self.age(provider_id, now)
        return Freshness(
            provider_id=provider_id,
            vehicles=len(fleet.vehicles),
            stations=len(fleet.stations),
            heard_at=fleet.heard_at.get("vehicles"),
            age_seconds=None if age is None else int(age.total_seconds()),
            stale=not self.fresh(provider_id, now),
        )

    def _rentable(
        self, vehicles: Iterable[Vehicle], modes: Collection[Mode], now: datetime
    ) -> tuple[Vehicle, ...]:
        fresh = {provider_id for provider_id in self._fleets if self.fresh(provider_id, now)}

        @cache
        def may_start(provider_id: ProviderId, type_id: str, *, docked: bool) -> Layer[bool]:
            zones = self.zones_of(provider_id)
            limits = zones.limits(type_id, zones.phases(now, now))
            return limits.docked_start if docked else limits.may_start

        return tuple(
            vehicle
            for vehicle in vehicles
            if vehicle.provider_id in fresh
            and self._for_rent(vehicle, modes)
            and not may_start(
                vehicle.provider_id, vehicle.type_id, docked=vehicle.station_id is not None
            ).holds_at(vehicle.position, value=False)
        )

    def _for_rent(self, vehicle: Vehicle, modes: Collection[Mode]) -> bool:
        mode = self._modes[vehicle.provider_id].get(vehicle.type_id)
        if vehicle.reserved or vehicle.disabled or mode not in modes:
            return False
        if vehicle.station_id is None:
            return True
        station = self.find_station(vehicle.provider_id, vehicle.station_id)
        return station is None or station.renting

    async def _follow(self) -> None:
        while True:
            try:
                async with self._snapshots.redis.pubsub() as channel:
                    await channel.subscribe(self._snapshots.channel)
                    for provider_id in self._fleets:
                        await self._load(provider_id, "zones")
                        await self._load(provider_id, "stations")
                        await self._load(provider_id, "vehicles")
                    self._loaded.set()
                    async for message in channel.listen():
                        if message["type"] == "message":
                            await self._apply(self._snapshots.read_change(message["data"]))
                            async with self._moved:
                                self._moved.notify_all()
            except (RedisError, OSError, *_UNREADABLE) as error:
                log.warning("lost sight of availability, trying again: %r", error)
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _load(self, provider_id: ProviderId, kind: Kind) -> None:
        fleet = self._fleets[provider_id]
        if kind == "hidden":
            number = await self._snapshots.get_sequence(provider_id, kind)
            await self._load(provider_id, "vehicles")
            sequence, heard_at = number, None
        elif kind == "vehicles":
            fleet.hidden = await self._snapshots.hidden.list_refs(provider_id)
            vehicles = await self._snapshots.get_vehicles(provider_id)
            self._drop_vehicles(fleet, set(fleet.vehicles) - {v.ref for v in vehicles.items})
            self._put_vehicles(fleet, vehicles.items)
            sequence, heard_at = vehicles.sequence, vehicles.heard_at
        elif kind == "zones":
            zones, sequence = await self._snapshots.find_zones(provider_id)
            heard_at = None
            if zones is not None:
                self._put_zones(provider_id, fleet, zones)
        else:
            stations = await self._snapshots.get_stations(provider_id)
            gone = set(fleet.stations) - {s.id for s in stations.items}
            self._drop_stations(provider_id, fleet, gone)
            self._put_stations(fleet, stations.items)
            sequence, heard_at = stations.sequence, stations.heard_at
        fleet.sequence[kind] = sequence
        if heard_at is not None:
            fleet.heard_at[kind] = heard_at

    async def _apply(self, change: Change) -> None:
        fleet = self._fleets.get(change.provider_id)
        if fleet is None or change.sequence <= fleet.sequence.get(change.kind, 0):
            return
        if change.whole or change.sequence != fleet.sequence.get(change.kind, 0) + 1:
            await self._load(change.provider_id, change.kind)
            return
        if change.kind == "vehicles":
            self._drop_vehicles(fleet, {VehicleRef(ref) for ref in change.removed})
        else:
            gone = {StationId(station_id) for station_id in change.removed}
            self._drop_stations(change.provider_id, fleet, gone)
        self._put_vehicles(fleet, change.vehicles)
        self._put_stations(fleet, change.stations)
        fleet.sequence[change.kind] = change.sequence
        fleet.heard_at[change.kind] = change.heard_at

    def _put_vehicles(self, fleet: _Fleet, vehicles: Iterable[Vehicle]) -> None:
        hidden = fleet.hidden
        vehicles = tuple(replace(v, disabled=True) if v.ref in hidden else v for v in vehicles)
        changed = []
        for vehicle in vehicles:
            before = fleet.vehicles.get(vehicle.ref)
            if before is not None:
                self._by_id.pop(before.id, None)
            if before is None or replace(before, as_of=vehicle.as_of) != vehicle:
                changed.append(vehicle)
        for vehicle in vehicles:
            fleet.vehicles[vehicle.ref] = vehicle
            self._by_id[vehicle.id] = vehicle
            self._vehicles.put((vehicle.provider_id, vehicle.ref), vehicle.position, vehicle)
        for vehicle in changed:
            self._tell(vehicle.provider_id, vehicle.ref, None)

    def _drop_vehicles(self, fleet: _Fleet, refs: Iterable[VehicleRef]) -> None:
        for ref in refs:
            gone = fleet.vehicles.pop(ref, None)
            if gone is not None:
                self._by_id.pop(gone.id, None)
                self._vehicles.remove((gone.provider_id, ref))
                self._tell(gone.provider_id, ref, None)

    def _put_stations(self, fleet: _Fleet, stations: Iterable[Station]) -> None:
        for station in stations:
            before = fleet.stations.get(station.id)
            fleet.stations[station.id] = station
            if before is None or replace(before, as_of=station.as_of) != station:
                self._tell(station.provider_id, None, station.id)

    def _put_zones(self, provider_id: ProviderId, fleet: _Fleet, zones: Zones) -> None:
        fleet.zones = zones
        self._tell(provider_id, None, None)

    def _drop_stations(
        self, provider_id: ProviderId, fleet: _Fleet, ids: Iterable[StationId]
    ) -> None:
        for station_id in ids:
            fleet.stations.pop(station_id, None)
            self._tell(provider_id, None, station_id)

    def _tell(
        self, provider_id: ProviderId, ref: VehicleRef | None, station_id: StationId | None
    ) -> None:
        for watcher in self._watchers:
            watcher(provider_id, ref, station_id)
