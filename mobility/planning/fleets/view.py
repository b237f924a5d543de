"""What can be rented where at one moment, as the kernel reads it.

What changes by the second is only a mask: who has vehicles, who has docks. What geofencing zones
say of places is a mask too; what they do to rides stands in the edges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gtfs.front import RentalEdges
from gtfs.geo import LatLon
from mobility.planning.fleets.kind_zones import KindZones
from mobility.planning.fleets.kinds import FREE_ENDS, Kind
from mobility.planning.fleets.rides import Geometry, RideEdges
from mobility.planning.ways.reach import Places
from providers.values import Mode, Station, Vehicle

Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int32]
Pools = Mapping[tuple[int, int], tuple[Vehicle, ...]]
"""By kind and slot the vehicles that could be taken, farthest range first; never empty."""


class Standing(NamedTuple):
    """Where vehicles can be taken that are ridden alike, a column for each kind and slot."""

    mode: Mode
    kinds: tuple[int, ...]
    slots: Ints
    numbers: Ints
    """Of the kinds."""
    ranges: Ints
    """The metres that the best vehicle there can go, as far as they matter."""


class Allowed(NamedTuple):
    """What geofencing zones allow, by kind."""

    starts: Flags
    """(kinds, slots), of a vehicle that stands free there."""
    docked_starts: Flags
    """The same at a station."""
    ends: Flags
    """(kinds, nodes)"""


@dataclass(frozen=True, slots=True, eq=False)
class FleetView:
    """All fleets at one moment; it never changes, so a search works on one to its end."""

    kinds: tuple[Kind, ...]
    geometry: Geometry
    edges: RideEdges
    ranges: Mapping[tuple[int, int], int]
    rentals: RentalEdges
    zones: Mapping[int, KindZones]
    """By kind what geofencing zones do to it; a kind without zones is absent."""
    allowed: Allowed
    pools: Pools
    stations: Sequence[Station | None]
    """By slot; None where a vehicle stands free."""
    standing_kinds: Sequence[int | None]
    """By slot the kind of the vehicle that stands there free, rentable or not."""
    available: Flags
    takes: Flags
    rolling: list[RentalEdges]
    """``rentals`` with the ways of a wheelchair, once somebody has asked for them."""
    _usable: dict[tuple[AbstractSet[int], bool], RentalEdges] = field(default_factory=dict)
    _standing: dict[AbstractSet[int], tuple[Standing, ...]] = field(default_factory=dict)

    @property
    def nodes(self) -> Places:
        """Stops, then slots: the index of a place is its node."""
        return self.geometry.nodes

    def position(self, slot: int) -> LatLon:
        """Where a slot is."""
        lat, lon = self.geometry.slots.degrees[slot].tolist()
        return LatLon(lat, lon)

    def standing(self, kinds: AbstractSet[int]) -> tuple[Standing, ...]:
        """Which of the kinds that need no station at a ride's end can be taken where, by mode."""
        found = self._standing.get(kinds)
        if found is None:
            free = [
                number
                for number in sorted(kinds)
                if self.kinds[number].type.return_rule in FREE_ENDS and self.available[number].any()
            ]
            modes = dict.fromkeys(self.kinds[number].mode for number in free)
            found = tuple(
                self._standing_of(mode, [n for n in free if self.kinds[n].mode is mode])
                for mode in modes
            )
            self._standing[kinds] = found
        return found

    def _standing_of(self, mode: Mode, kinds: list[int]) -> Standing:
        number, slot = np.nonzero(self.available[kinds])
        numbers = np.array(kinds, np.int32)[number]
        far = [
            self.ranges.get(at, self.kinds[at[0]].longest_m)
            for at in zip(numbers.tolist(), slot.tolist(), strict=True)
        ]
        return Standing(mode, tuple(kinds), slot.astype(np.int32), numbers, np.array(far, np.int32))

    def within(self, walk_s: int, kinds: AbstractSet[int], *, wheelchair: bool) -> RentalEdges:
        """The rides by some of the kinds, with the walks that take no longer."""
        walks = self.geometry.rolls if wheelchair else self.geometry.walks
        near = walks[2] <= walk_s
        slots, stops, seconds = (column[near] for column in walks)
        rentals = self.usable(kinds, wheelchair=wheelchair)
        return rentals.with_walks((stops, slots, seconds), (slots, stops, seconds))

    def usable(self, kinds: AbstractSet[int], *, wheelchair: bool = False) -> RentalEdges:
        """The rides by some of the kinds, with the walks to and from them."""
        found = self._usable.get((kinds, wheelchair))
        if found is None:
            allowed = np.zeros((len(self.kinds), 1), np.bool_)
            allowed[list(kinds)] = True
            rentals = self._for_wheelchairs() if wheelchair else self.rentals
            found = rentals.with_masks(self.available & allowed, self.takes)
            self._usable[kinds, wheelchair] = found
        return found

    def _for_wheelchairs(self) -> RentalEdges:
        if not self.rolling:
            slots, stops, seconds = self.geometry.rolls
            walks = (stops, slots, seconds), (slots, stops, seconds)
            self.rolling.append(self.rentals.with_walks(*walks))
        return self.rolling[0]
