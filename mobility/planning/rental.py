"""Rented vehicles as a search sees them: who has what where just now, and a ride on one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gtfs.geo import LatLon
from providers.values import (
    Mode,
    ProviderId,
    ReturnRule,
    Station,
    StationId,
    Vehicle,
    VehicleType,
)

FREE_ENDS = frozenset({ReturnRule.FREE_FLOATING, ReturnRule.HYBRID})
STATION_ENDS = frozenset({ReturnRule.ANY_STATION, ReturnRule.HYBRID})


@dataclass(frozen=True, slots=True)
class Fleet:
    """What one provider has now, as far as a search may use it."""

    provider_id: ProviderId
    types: Mapping[str, VehicleType]
    vehicles: tuple[Vehicle, ...]
    stations: tuple[Station, ...]

    def free(self, mode: Mode) -> tuple[Vehicle, ...]:
        """The vehicles of a mode that can be rented where they stand."""
        renting = {station.id for station in self.stations if station.renting}
        return tuple(
            vehicle
            for vehicle in self.vehicles
            if not vehicle.reserved
            and not vehicle.disabled
            and vehicle.type_id in self.types
            and self.types[vehicle.type_id].mode is mode
            and (vehicle.station_id is None or vehicle.station_id in renting)
        )


@dataclass(frozen=True, slots=True)
class RentalWay:
    """Walk to a vehicle, ride, and walk on; a station is None where it stands or ends free."""

    vehicles: tuple[Vehicle, ...]
    """Those at the pick-up that could be taken."""
    type: VehicleType
    pickup: Station | None
    dropoff: Station | None
    walk_to_seconds: int
    ride_seconds: int
    """Unlocking and locking included."""
    walk_from_seconds: int

    @property
    def seconds(self) -> int:
        """From door to door."""
        return self.walk_to_seconds + self.ride_seconds + self.walk_from_seconds

    @property
    def start(self) -> LatLon:
        """Where the vehicle stands."""
        return self.pickup.position if self.pickup else self.vehicles[0].position


def list_stations(fleet: Fleet) -> tuple[Station, ...]:
    """The stations in an order that does not change with what stands there."""
    return tuple(sorted(fleet.stations, key=lambda station: station.id))


def taking(stations: Sequence[Station]) -> npt.NDArray[np.bool_]:
    """Where a vehicle can be returned: an unknown number of docks does not forbid it."""
    return np.array([s.returning and s.docks_available != 0 for s in stations])


def at_stations(
    fleet: Fleet, mode: Mode, rules: frozenset[ReturnRule]
) -> dict[StationId, tuple[Vehicle, ...]]:
    """The free vehicles by station, of the kind that most of them are, farthest range first."""
    found: dict[StationId, list[Vehicle]] = {}
    for vehicle in fleet.free(mode):
        if vehicle.station_id is not None and fleet.types[vehicle.type_id].return_rule in rules:
            found.setdefault(vehicle.station_id, []).append(vehicle)
    result = {}
    for station_id, vehicles in found.items():
        types = [vehicle.type_id for vehicle in vehicles]
        common = max(sorted(set(types)), key=types.count)
        same = [vehicle for vehicle in vehicles if vehicle.type_id == common]
        result[station_id] = tuple(sorted(same, key=lambda v: (-(v.range_m or 0), v.id)))
    return result
