"""Ways between rented vehicles, stations and stops, and the rides that follow from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

import numpy as np
import numpy.typing as npt

from gtfs.geo import LatLon
from mobility.planning.fleets.kind_zones import NOT_ALLOWED, KindZones
from mobility.planning.fleets.kinds import FREE_ENDS, RIDE_SECONDS, STATION_ENDS, Kind, Rides
from mobility.planning.ways.reach import Places, StreetWays, renew
from mobility.planning.ways.water import degrees_of
from providers.values import Mode, ProviderId

TRANSFER_WALK_SECONDS = 600
"""The longest walk between a bus stop and a rented vehicle in the middle of a journey."""
Ints = npt.NDArray[np.int32]
Ranges = Mapping[tuple[int, int], int]
"""By kind and slot, the metres that the best vehicle there can go, where that is a limit."""


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """What was measured between stops and slots; -1 where there is no way, or too long a one."""

    stops: Places
    hubs: Ints
    """The stops where a vehicle that need not stand at a station may be left."""
    hub_places: Places
    slots: Places
    nodes: Places
    walks: Ints
    """(slots, stops) seconds on foot."""
    rolls: Ints
    """The same in a wheelchair, by ways that are not known to be closed to it."""
    rides: Mapping[Mode, Ints]
    """(slots, slots) seconds."""
    to_hubs: Mapping[Mode, Ints]
    """(slots, hubs) seconds."""

    def with_slots(
        self, ways: StreetWays, modes: Iterable[Mode], on: date, moved: Mapping[int, LatLon | None]
    ) -> Geometry:
        """The same with slots added, moved or emptied (None); costs what changed."""
        n_stops, n_slots = len(self.stops), len(self.slots)
        size = max(n_slots, *(slot + 1 for slot in moved)) if moved else n_slots
        fresh = [moved.get(slot) or _SOMEWHERE for slot in range(n_slots, size)]
        old = {slot: where for slot, where in moved.items() if slot < n_slots or where is None}
        slots = self.slots.with_changes(old, fresh)
        nodes = self.nodes.with_changes(
            {n_stops + slot: position for slot, position in old.items()}, fresh
        )
        changed = sorted(moved)

        def measure(
            matrix: Ints, mode: Mode, targets: Places, limit: int, columns: Sequence[int] = (), *,
            wheelchair: bool = False,
        ) -> Ints:  # fmt: skip
            return renew(
                ways, matrix, mode, slots, targets, on,
                max_seconds=limit, changed_origins=changed, changed_targets=columns,
                wheelchair=wheelchair,
            )  # fmt: skip

        def walks(before: Ints, *, wheelchair: bool) -> Ints:
            limit = TRANSFER_WALK_SECONDS
            return measure(before, Mode.WALK, self.stops, limit, wheelchair=wheelchair)

        nothing = np.full((0, 0), -1, np.int32)
        return Geometry(
            self.stops,
            self.hubs,
            self.hub_places,
            slots,
            nodes,
            walks(self.walks, wheelchair=False),
            walks(self.rolls, wheelchair=True),
            {
                mode: measure(self.rides.get(mode, nothing), mode, slots, RIDE_SECONDS, changed)
                for mode in modes
            },
            {
                mode: measure(self.to_hubs.get(mode, nothing), mode, self.hub_places, RIDE_SECONDS)
                for mode in modes
            },
        )

    def list_walks(self, *, wheelchair: bool) -> tuple[Ints, Ints, Ints]:
        """(slot, stop, seconds) of every walk between a slot and a stop, as long there as back."""
        seconds = self.rolls if wheelchair else self.walks
        slot, stop = np.nonzero(seconds >= 0)
        return slot.astype(np.int32), stop.astype(np.int32), seconds[slot, stop]


_SOMEWHERE = LatLon(0.0, 0.0)
"""Where a slot is said to be before it is said to be nowhere."""


def no_geometry(stops: Sequence[LatLon], hubs: Sequence[int]) -> Geometry:
    """The stops alone."""
    degrees = degrees_of(stops)
    nothing = np.full((0, 0), -1, np.int32)
    numbers = np.array(hubs, np.int32)
    return Geometry(
        Places(degrees), numbers, Places(degrees[numbers]), Places(degrees_of(())),
        Places(degrees), nothing, nothing, {}, {},
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class RideEdges:
    """Every ride there is, a column each; ``end`` is a node, ``start`` a slot."""

    start: Ints
    end: Ints
    kind: Ints
    seconds: Ints
    cents: Ints
    mg: Ints
    metres: Ints


def edges_of(
    geometry: Geometry,
    kinds: tuple[Kind, ...],
    owners: Sequence[ProviderId | None],
    standing: Sequence[int | None],
    ranges: Ranges,
    zones: Mapping[int, KindZones],
) -> RideEdges:
    """The rides between stations, and from free vehicles to hubs, as far as ranges and zones let.

    By slot: whose station it is, or the kind of the vehicle that stands there free.
    """
    n_stops = len(geometry.stops)
    rides = partial(_rides, geometry, ranges, zones, kinds)
    parts: list[tuple[Ints, ...]] = []
    for number, kind in enumerate(kinds):
        own = [slot for slot, owner in enumerate(owners) if owner == kind.provider_id]
        free = [slot for slot, stands in enumerate(standing) if stands == number]
        if kind.type.return_rule in STATION_ENDS:
            starts = sorted({*own, *free})
            moving = geometry.rides[kind.mode][np.ix_(starts, own)]
            moving[np.equal.outer(starts, own)] = -1
            ends = n_stops + np.array(own, np.int32)
            parts.append(rides(number, starts, ends, moving))
        if kind.type.return_rule in FREE_ENDS:
            moving = geometry.to_hubs[kind.mode][free]
            parts.append(rides(number, free, geometry.hubs, moving))
    nothing = (np.zeros(0, np.int32),) * 7
    return RideEdges(*(np.concatenate(column) for column in zip(nothing, *parts, strict=True)))


def _rides(
    geometry: Geometry, ranges: Ranges, zones: Mapping[int, KindZones], kinds: tuple[Kind, ...],
    number: int, starts: Sequence[int], ends: Ints, moving: Ints,
) -> tuple[Ints, ...]:  # fmt: skip
    kind = kinds[number]
    row, column = np.nonzero(moving >= 0)
    moving_s = moving[row, column]
    held_s = np.zeros(len(row), np.int32)
    if number in zones:
        from_slots, to_nodes = geometry.slots.degrees[starts], geometry.nodes.degrees[ends]
        held_s = zones[number].held_up(from_slots, to_nodes, row, column, kind.metres[moving_s])
    allowed = held_s != NOT_ALLOWED
    row, column, moving_s, held_s = (of[allowed] for of in (row, column, moving_s, held_s))
    rides = Rides.of(kinds, number, moving_s, held_s)
    far = np.array([ranges.get((number, s), kind.longest_m) for s in starts], np.int64)
    columns = (
        np.array(starts, np.int32)[row],
        ends[column],
        np.full(len(row), number, np.int32),
        rides.seconds,
        rides.cents,
        rides.mg,
        rides.metres,
    )
    reached = rides.metres <= far[row]
    return tuple(values[reached] for values in columns)
