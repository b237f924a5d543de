"""What can be rented where, as the kernel reads it, kept up with the mirror change by change.

Nodes of a search are the stops of the timetable, then a slot for every station and every vehicle
that stands free. Ways are measured when a place is new; who has vehicles and docks is only a mask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date
from math import inf
from threading import Lock

import numpy as np
import numpy.typing as npt

from gtfs.front import RentalEdges
from gtfs.geo import LatLon
from mobility.planning.fleet_kinds import FREE_ENDS, STATION_ENDS, Kind
from mobility.planning.fleet_rides import Geometry, RideEdges, edges_of, no_geometry
from mobility.planning.reach import Places, StreetWays
from providers.mirror import Mirror
from providers.values import ProviderId, Station, StationId, Vehicle, VehicleRef

Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int32]
_Key = tuple[ProviderId, VehicleRef | None, StationId | None]
_Pools = dict[tuple[int, int], tuple[Vehicle, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class FleetView:
    """All fleets at one moment; it never changes, so a search works on one to its end."""

    kinds: tuple[Kind, ...]
    geometry: Geometry
    edges: RideEdges
    ranges: Mapping[tuple[int, int], int]
    rentals: RentalEdges
    pools: Mapping[tuple[int, int], tuple[Vehicle, ...]]
    """By kind and slot the vehicles that could be taken, farthest range first; never empty."""
    stations: Sequence[Station | None]
    """By slot; None where a vehicle stands free."""
    available: Flags
    takes: Flags
    _usable: dict[AbstractSet[int], RentalEdges] = field(default_factory=dict)
    _standing: dict[int, tuple[Ints, Ints]] = field(default_factory=dict)

    @property
    def nodes(self) -> Places:
        """Stops, then slots: the index of a place is its node."""
        return self.geometry.nodes

    def position(self, slot: int) -> LatLon:
        """Where a slot is."""
        lat, lon = self.geometry.slots.degrees[slot].tolist()
        return LatLon(lat, lon)

    def standing(self, kind: int) -> tuple[Ints, Ints]:
        """Where a vehicle of the kind can be taken, and the metres that the best there can go.

        Ranges count as far as they matter.
        """
        found = self._standing.get(kind)
        if found is None:
            slots = np.flatnonzero(self.available[kind]).astype(np.int32)
            longest_m = self.kinds[kind].longest_m
            far = [self.ranges.get((kind, slot), longest_m) for slot in slots.tolist()]
            found = self._standing[kind] = (slots, np.array(far, np.int32))
        return found

    def usable(self, kinds: AbstractSet[int]) -> RentalEdges:
        """The rides by some of the kinds."""
        found = self._usable.get(kinds)
        if found is None:
            allowed = np.zeros((len(self.kinds), 1), np.bool_)
            allowed[list(kinds)] = True
            found = self.rentals.with_masks(self.available & allowed, self.takes)
            self._usable[kinds] = found
        return found


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
        self._standing: list[int | None] = []
        """By slot the kind of the vehicle that stands there free, rentable or not."""
        self._pools: _Pools = {}
        self._pool_of: dict[_Key, tuple[int, int]] = {}
        self._parked: dict[tuple[ProviderId, StationId], set[VehicleRef]] = {}
        """Which vehicles say that they stand at a station, rentable or not, known or not."""
        self._parked_at: dict[_Key, StationId] = {}
        self._moved: dict[date, set[int]] = {}
        self._geometry: dict[date, Geometry] = {}
        self._views: dict[date, FleetView] = {}
        self._current: set[date] = set()
        """The days whose view is up to date."""
        self._empty = no_geometry(stops, hubs)
        mirror.watch(lambda *change: self._told.update({change: None}))
        providers = dict.fromkeys(kind.provider_id for kind in kinds)
        for provider in providers:
            self._told |= {(provider, None, s.id): None for s in mirror.list_stations(provider)}
            self._told |= {(provider, v.ref, None): None for v in mirror.list_vehicles(provider)}

    def view(self, on: date) -> FleetView:
        """The fleets now, with the ways that are open on that day."""
        on = self._streets.like(on)
        if not self._told and on in self._current:
            return self._views[on]
        with self._lock:
            self._take_in()
            if on not in self._current:
                self._views[on] = self._look(on)
                self._current.add(on)
            return self._views[on]

    def _take_in(self) -> None:
        told: set[_Key] = set()
        while self._told:
            told.add(self._told.popitem()[0])
        if not told:
            return
        self._current.clear()
        again: set[tuple[ProviderId, VehicleRef]] = set()
        for provider, ref, station_id in told:
            if ref is not None:
                again.add((provider, ref))
            elif station_id is not None:
                self._put_station(provider, station_id)
                parked = self._parked.get((provider, station_id), ())
                again |= {(provider, there) for there in parked}
        for provider, ref in sorted(again):
            self._put_vehicle(provider, ref)

    def _put_station(self, provider: ProviderId, station_id: StationId) -> None:
        key = (provider, None, station_id)
        station = self._mirror.find_station(provider, station_id)
        slot = self._place(key, station.position if station else None)
        if slot is not None:
            self._stations[slot] = station

    def _put_vehicle(self, provider: ProviderId, ref: VehicleRef) -> None:
        key = (provider, ref, None)
        before = self._pool_of.pop(key, None)
        if before is not None:
            left = tuple(v for v in self._pools[before] if v.ref != ref)
            self._pools[before] = left
            if not left:
                del self._pools[before]
        vehicle = self._mirror.find_vehicle_by_ref(provider, ref)
        self._park(key, vehicle)
        kind = self._kind_of(vehicle) if vehicle else None
        free = kind is not None and self._kinds[kind].type.return_rule in FREE_ENDS
        slot = self._place(key, vehicle.position if vehicle and free else None)
        if slot is not None:
            self._standing[slot] = kind
        if vehicle is None or kind is None or not self._can_be_rented(vehicle):
            return
        if slot is None:
            slot = self._slot_of.get((provider, None, vehicle.station_id))
        if slot is not None:
            there = (*self._pools.get((kind, slot), ()), vehicle)
            self._pools[kind, slot] = tuple(sorted(there, key=_farthest_first))
            self._pool_of[key] = (kind, slot)

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
        return station is not None and station.renting

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
        for moved in self._moved.values():
            moved.add(slot)

    def _look(self, on: date) -> FleetView:
        geometry = self._measured(on)
        ranges = self._short_ranges()
        known = self._views.get(on)
        if known is not None and known.geometry is geometry and known.ranges == ranges:
            edges, rentals = known.edges, known.rentals
        else:
            owners = [s.provider_id if s else None for s in self._stations]
            edges = edges_of(geometry, self._kinds, owners, self._standing, ranges)
            rentals = self._rentals(geometry, edges)
        return FleetView(
            self._kinds,
            geometry,
            edges,
            ranges,
            rentals,
            dict(self._pools),
            tuple(self._stations),
            self._available(geometry),
            self._takes(geometry),
        )

    def _short_ranges(self) -> dict[tuple[int, int], int]:
        """Where even the best vehicle cannot go as far as a ride may lead."""
        return {
            (kind, slot): vehicles[0].range_m
            for (kind, slot), vehicles in self._pools.items()
            if vehicles[0].range_m is not None and vehicles[0].range_m < self._kinds[kind].longest_m
        }

    def _rentals(self, geometry: Geometry, edges: RideEdges) -> RentalEdges:
        return RentalEdges.of(
            len(geometry.stops),
            len(geometry.slots),
            len(self._kinds),
            start=edges.start,
            end=edges.end,
            kind=edges.kind,
            seconds=edges.seconds,
            cents=edges.cents,
            mg=edges.mg,
            to_place=geometry.walks_to_slots(),
            to_stop=geometry.walks_to_stops(),
            available=self._available(geometry),
            takes=self._takes(geometry),
        )

    def _available(self, geometry: Geometry) -> Flags:
        flags = np.zeros((len(self._kinds), len(geometry.slots)), np.bool_)
        for kind, slot in self._pools:
            flags[kind, slot] = True
        return flags

    def _takes(self, geometry: Geometry) -> Flags:
        """Where a vehicle may be left: an unknown number of docks does not forbid it."""
        flags = np.zeros((len(self._kinds), len(geometry.nodes)), np.bool_)
        for number, kind in enumerate(self._kinds):
            if kind.type.return_rule in STATION_ENDS:
                flags[number, len(geometry.stops) :] = [
                    station is not None
                    and station.provider_id == kind.provider_id
                    and station.returning
                    and station.docks_available != 0
                    for station in self._stations
                ]
            if kind.type.return_rule in FREE_ENDS:
                flags[number, geometry.hubs] = True
        return flags

    def _measured(self, on: date) -> Geometry:
        known = self._geometry.get(on)
        moved = self._moved.get(on, set()) if known else set(range(len(self._positions)))
        modes = {kind.mode for kind in self._kinds}
        if known is None or moved:
            known = (known or self._empty).with_slots(
                self._streets, modes, on, {slot: self._positions[slot] for slot in moved}
            )
            self._geometry[on] = known
        self._moved[on] = set()
        return known


def _farthest_first(vehicle: Vehicle) -> tuple[float, str]:
    """By range, where an unknown one is no limit."""
    return (-inf if vehicle.range_m is None else -vehicle.range_m, vehicle.id)
