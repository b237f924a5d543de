"""Which vehicle and which station has which slot, kept up with the mirror change by change.

Nodes of a search are the stops of the timetable, then a slot for every station and every vehicle
that stands free. Ways are measured when a place is new; who has vehicles and docks is only a mask
(``fleet_view``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from math import inf
from threading import Lock
from zoneinfo import ZoneInfo

from gtfs.geo import LatLon
from mobility.planning.fleets.kinds import FREE_ENDS, Kind
from mobility.planning.fleets.renewal import view_of
from mobility.planning.fleets.rides import Geometry, no_geometry
from mobility.planning.fleets.view import FleetView
from mobility.planning.fleets.zones import MOST_TIMES, FleetZones, Times
from mobility.planning.ways.reach import StreetWays
from providers.mirror import Mirror
from providers.values import ProviderId, Station, StationId, Vehicle, VehicleRef

_Key = tuple[ProviderId, VehicleRef | None, StationId | None]
_Time = tuple[date, Times]


class FleetMap:
    """The fleets of a mirror around the stops of one timetable. Safe to use from several threads.

    The mirror tells of a change in its own thread; it is taken in by the next search.
    """

    def __init__(
        self,
        kinds: Sequence[Kind],
        streets: StreetWays,
        stops: Sequence[LatLon],
        hubs: Sequence[int],
        mirror: Mirror,
        timezone: ZoneInfo,
    ) -> None:
        """Take the kinds of vehicle, and of the stops those where a free vehicle may be left."""
        self._kinds = tuple(kinds)
        self._streets = streets
        self._mirror = mirror
        self._lock = Lock()
        self._told: dict[_Key, None] = {}
        self._slot_of: dict[_Key, int] = {}
        self._unused: list[int] = []
        self._positions: list[LatLon | None] = []
        self._stations: list[Station | None] = []
        self._docks: dict[int, None] = {}
        """The slots where a station is or was, in order."""
        self._standing: list[int | None] = []
        """By slot the kind of the vehicle that stands there free, rentable or not."""
        self._pools: dict[tuple[int, int], tuple[Vehicle, ...]] = {}
        self._pool_of: dict[_Key, tuple[int, int]] = {}
        self._parked: dict[tuple[ProviderId, StationId], set[VehicleRef]] = {}
        """Which vehicles say that they stand at a station, rentable or not, known or not."""
        self._parked_at: dict[_Key, StationId] = {}
        self._moved: dict[date, set[int]] = {}
        self._geometry: dict[date, Geometry] = {}
        self._views: dict[_Time, FleetView] = {}
        self._touched: dict[_Time, set[int]] = {}
        """By view the slots where anything was told since it was made."""
        self._current: set[_Time] = set()
        """The times whose view is up to date."""
        self._empty = no_geometry(stops, hubs)
        self._zones = FleetZones.none(self._kinds, streets, stops, timezone)
        mirror.watch(lambda *change: self._told.update({change: None}))
        providers = dict.fromkeys(kind.provider_id for kind in kinds)
        self._told |= {(provider, None, None): None for provider in providers}
        for provider in providers:
            self._told |= {(provider, None, s.id): None for s in mirror.list_stations(provider)}
            self._told |= {(provider, v.ref, None): None for v in mirror.list_vehicles(provider)}

    def view(self, on: date) -> FleetView:
        """The fleets now, with the ways and geofencing zones of that day."""
        like = self._streets.like(on)
        at = (like, self._zones.times(on))
        if not self._told and at in self._current:
            known = self._views.get(at)
            if known is not None:
                return known
        with self._lock:
            self._take_in()
            at = (like, self._zones.times(on))
            if at in self._current:
                return self._views[at]
            return self._renew(at)

    def _renew(self, at: _Time) -> FleetView:
        """Look anew, and forget the view that was renewed longest ago."""
        view = self._look(*at)
        self._views.pop(at, None)
        self._views[at] = view
        self._touched[at] = set()
        self._current.add(at)
        if len(self._views) > MOST_TIMES:
            oldest = next(iter(self._views))
            self._current.discard(oldest)
            del self._views[oldest], self._touched[oldest]
        return view

    def _look(self, on: date, times: Times) -> FleetView:
        return view_of(
            self._views.get((on, times)),
            self._kinds,
            self._measured(on),
            self._zones.of_kinds(times, on),
            self._pools,
            self._stations,
            self._standing,
            self._touched.get((on, times), ()),
        )

    def _take_in(self) -> None:
        told: set[_Key] = set()
        while self._told:
            told.add(self._told.popitem()[0])
        if not told:
            return
        self._current.clear()
        again: set[tuple[ProviderId, VehicleRef]] = set()
        for provider, ref, station_id in sorted(told, key=_in_order):
            if ref is not None:
                again.add((provider, ref))
            elif station_id is not None:
                self._put_station(provider, station_id)
                parked = self._parked.get((provider, station_id), ())
                again |= {(provider, there) for there in parked}
            else:
                self._put_zones(provider)
        for provider, ref in sorted(again):
            self._put_vehicle(provider, ref)

    def _put_zones(self, provider: ProviderId) -> None:
        self._zones = self._zones.having(provider, self._mirror.zones_of(provider))
        self._views.clear()
        self._touched.clear()

    def _put_station(self, provider: ProviderId, station_id: StationId) -> None:
        key = (provider, None, station_id)
        station = self._mirror.find_station(provider, station_id)
        slot = self._place(key, station.position if station else None)
        if slot is not None:
            self._stations[slot] = station
            self._docks[slot] = None
            self._touch(slot)

    def _put_vehicle(self, provider: ProviderId, ref: VehicleRef) -> None:
        key = (provider, ref, None)
        before = self._pool_of.pop(key, None)
        if before is not None:
            left = tuple(v for v in self._pools[before] if v.ref != ref)
            self._pools[before] = left
            if not left:
                del self._pools[before]
            self._touch(before[1])
        vehicle = self._mirror.find_vehicle_by_ref(provider, ref)
        self._park(key, vehicle)
        kind = self._kind_of(vehicle) if vehicle else None
        free = kind is not None and self._kinds[kind].type.return_rule in FREE_ENDS
        slot = self._place(key, vehicle.position if vehicle and free else None)
        if slot is not None:
            self._standing[slot] = kind
            self._touch(slot)
        if vehicle is None or kind is None or not self._can_be_rented(vehicle):
            return
        if slot is None:
            slot = self._slot_of.get((provider, None, vehicle.station_id))
        if slot is not None:
            there = (*self._pools.get((kind, slot), ()), vehicle)
            self._pools[kind, slot] = tuple(sorted(there, key=_farthest_first))
            self._pool_of[key] = (kind, slot)
            self._touch(slot)

    def _park(self, key: _Key, vehicle: Vehicle | None) -> None:
        """Remember at which station a vehicle says it stands, to look at it with the station."""
        provider, ref, _ = key
        before = self._parked_at.pop(key, None)
        if before is not None and ref is not None:
            self._parked[provider, before].discard(ref)
            if not self._parked[provider, before]:
                del self._parked[provider, before]
        if vehicle is not None and vehicle.station_id is not None:
            self._parked_at[key] = vehicle.station_id
            self._parked.setdefault((provider, vehicle.station_id), set()).add(vehicle.ref)

    def _kind_of(self, vehicle: Vehicle) -> int | None:
        return next(
            (
                number
                for number, kind in enumerate(self._kinds)
                if (kind.provider_id, kind.type.id) == (vehicle.provider_id, vehicle.type_id)
            ),
            None,
        )

    def _can_be_rented(self, vehicle: Vehicle) -> bool:
        if vehicle.reserved or vehicle.disabled:
            return False
        if vehicle.station_id is None:
            return True
        station = self._mirror.find_station(vehicle.provider_id, vehicle.station_id)
        return station is not None and station.renting and not _is_empty_since(station, vehicle)

    def _place(self, key: _Key, position: LatLon | None) -> int | None:
        """Give a key its slot there, move it, or take it away (None)."""
        slot = self._slot_of.get(key)
        if position is None:
            if slot is not None:
                del self._slot_of[key]
                self._unused.append(slot)
                self._positions[slot] = self._stations[slot] = self._standing[slot] = None
                self._note(slot)
            return None
        if slot is None:
            if self._unused:
                slot = self._unused.pop()
            else:
                slot = len(self._positions)
                self._positions.append(None)
                self._stations.append(None)
                self._standing.append(None)
            self._slot_of[key] = slot
        if self._positions[slot] != position:
            self._positions[slot] = position
            self._note(slot)
        return slot

    def _note(self, slot: int) -> None:
        self._touch(slot)
        for moved in self._moved.values():
            moved.add(slot)

    def _touch(self, slot: int) -> None:
        for touched in self._touched.values():
            touched.add(slot)

    def _measured(self, on: date) -> Geometry:
        known = self._geometry.get(on)
        moved = self._moved.get(on, set()) if known else set(range(len(self._positions)))
        modes = {kind.mode for kind in self._kinds}
        if known is None or moved or len(self._docks) > len(known.docks):
            where = {slot: self._positions[slot] for slot in moved}
            docks = tuple(self._docks)
            known = (known or self._empty).with_slots(self._streets, modes, on, where, docks)
            self._geometry[on] = known
        self._moved[on] = set()
        return known


def _is_empty_since(station: Station, vehicle: Vehicle) -> bool:
    """Whether a station says that nothing stands there, later than a vehicle was said to."""
    return station.vehicles_available == 0 and station.as_of > vehicle.as_of


def _farthest_first(vehicle: Vehicle) -> tuple[float, str]:
    """By range, where an unknown one is no limit."""
    return (-inf if vehicle.range_m is None else -vehicle.range_m, vehicle.id)


def _in_order(key: _Key) -> tuple[str, ...]:
    """Processes that know the same fleet number its places alike, and answer ties alike."""
    return tuple(part or "" for part in key)
