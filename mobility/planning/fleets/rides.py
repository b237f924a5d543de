"""Ways between rented vehicles, stations and stops, and the rides that follow from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from operator import attrgetter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gtfs.geo import LatLon
from mobility.planning.fleets.kind_zones import NOT_ALLOWED, KindZones
from mobility.planning.fleets.kinds import FREE_ENDS, RIDE_SECONDS, STATION_ENDS, Kind, Rides
from mobility.planning.ways.reach import Places, StreetWays, renew
from mobility.planning.ways.water import degrees_of
from providers.values import Mode, ProviderId, Station

TRANSFER_WALK_SECONDS = 600
"""The longest walk between a bus stop and a rented vehicle in the middle of a journey."""
Ints = npt.NDArray[np.int32]
Ranges = Mapping[tuple[int, int], int]
"""By kind and slot, the metres that the best vehicle there can go, where that is a limit."""
Walks = tuple[Ints, Ints, Ints]
"""Slot, stop and seconds of every walk between a slot and a stop: as long there as back."""


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """What was measured between stops and slots; -1 where there is no way, or too long a one."""

    stops: Places
    hubs: Ints
    """The stops where a vehicle that need not stand at a station may be left."""
    hub_places: Places
    slots: Places
    nodes: Places
    walks: Walks
    """On foot."""
    rolls: Walks
    """In a wheelchair, by ways that are not known to be closed to it."""
    docks: tuple[int, ...]
    """The slots where a station is or was."""
    dock_places: Places
    rides: Mapping[Mode, Ints]
    """(slots, docks) seconds."""
    to_hubs: Mapping[Mode, Ints]
    """(slots, hubs) seconds."""

    def with_slots(
        self, ways: StreetWays, modes: Iterable[Mode], on: date,
        moved: Mapping[int, LatLon | None], docks: tuple[int, ...],
    ) -> Geometry:  # fmt: skip
        """The same with slots added, moved or emptied (None); costs what changed.

        ``docks`` are those known before and, behind them, new ones.
        """
        n_stops, n_slots = len(self.stops), len(self.slots)
        size = max(n_slots, *(slot + 1 for slot in moved)) if moved else n_slots
        fresh = [moved.get(slot) or _SOMEWHERE for slot in range(n_slots, size)]
        old = {slot: where for slot, where in moved.items() if slot < n_slots or where is None}
        slots = self.slots.with_changes(old, fresh)
        nodes = self.nodes.with_changes(
            {n_stops + slot: position for slot, position in old.items()}, fresh
        )
        changed = sorted(moved)
        dock_moved = {n: moved[slot] for n, slot in enumerate(self.docks) if slot in moved}
        added = [LatLon(*slots.degrees[slot].tolist()) for slot in docks[len(self.docks) :]]
        dock_places = self.dock_places.with_changes(dock_moved, added)
        changed_docks = [*dock_moved, *range(len(self.docks), len(docks))]

        def measure(matrix: Ints, mode: Mode, targets: Places, columns: Sequence[int] = ()) -> Ints:
            return renew(
                ways, matrix, mode, slots, targets, on,
                max_seconds=RIDE_SECONDS, changed_origins=changed, changed_targets=columns,
            )  # fmt: skip

        def walk(before: Walks, *, wheelchair: bool) -> Walks:
            reach = partial(
                ways.reach, mode=Mode.WALK, places=self.stops, on=on,
                max_seconds=TRANSFER_WALK_SECONDS, wheelchair=wheelchair,
            )  # fmt: skip
            return _walked(before, slots, changed, reach)

        nothing = np.full((0, 0), -1, np.int32)
        return Geometry(
            self.stops,
            self.hubs,
            self.hub_places,
            slots,
            nodes,
            walk(self.walks, wheelchair=False),
            walk(self.rolls, wheelchair=True),
            docks,
            dock_places,
            {
                mode: measure(self.rides.get(mode, nothing), mode, dock_places, changed_docks)
                for mode in modes
            },
            {
                mode: measure(self.to_hubs.get(mode, nothing), mode, self.hub_places)
                for mode in modes
            },
        )


def _walked(
    before: Walks, slots: Places, changed: Sequence[int], reach: Callable[[LatLon], Ints]
) -> Walks:
    """The walks from some slots measured anew."""
    left = ~_among(changed, len(slots))[before[0]]
    parts = [tuple(column[left] for column in before)]
    for slot in changed:
        lat, lon = slots.degrees[slot].tolist()
        if lat == lat:  # noqa: PLR0124 - nan is nowhere
            seconds = reach(LatLon(lat, lon))
            stops = np.flatnonzero(seconds >= 0).astype(np.int32)
            parts.append((np.full(len(stops), slot, np.int32), stops, seconds[stops]))
    slot_column, stop_column, second_column = map(np.concatenate, zip(*parts, strict=True))
    return slot_column, stop_column, second_column


def _among(numbers: Sequence[int], size: int) -> npt.NDArray[np.bool_]:
    """Of each of so many numbers whether it is one of some."""
    flags = np.zeros(size, np.bool_)
    flags[list(numbers)] = True
    return flags


_SOMEWHERE = LatLon(0.0, 0.0)
"""Where a slot is said to be before it is said to be nowhere."""


def no_geometry(stops: Sequence[LatLon], hubs: Sequence[int]) -> Geometry:
    """The stops alone."""
    degrees = degrees_of(stops)
    nothing = (np.zeros(0, np.int32),) * 3
    numbers = np.array(hubs, np.int32)
    return Geometry(
        Places(degrees), numbers, Places(degrees[numbers]), Places(degrees_of(())),
        Places(degrees), nothing, nothing, (), Places(degrees_of(())), {}, {},
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


_COLUMNS = attrgetter("start", "end", "kind", "seconds", "cents", "mg", "metres")
NO_RIDES = RideEdges(*(np.zeros(0, np.int32),) * 7)


class Slots(NamedTuple):
    """Who is where, by slot."""

    stations: Sequence[Station | None]
    standing: Sequence[int | None]
    """The kind of the vehicle that stands there free, rentable or not."""
    ranges: Ranges

    def owner(self, slot: int) -> ProviderId | None:
        """Whose station it is."""
        station = self.stations[slot]
        return station.provider_id if station else None


def edges_of(
    before: RideEdges,
    geometry: Geometry,
    kinds: tuple[Kind, ...],
    now: Slots,
    zones: Mapping[int, KindZones],
    changed: Sequence[int],
) -> RideEdges:
    """The rides between stations, and from free vehicles to hubs, as far as ranges and zones let.

    Those from and to slots that have ``changed`` are worked out, the others taken over.
    """
    n_stops = len(geometry.stops)
    is_new = _among(changed, len(geometry.slots))
    is_new_node = np.concatenate((np.zeros(n_stops, np.bool_), is_new))
    kept = ~(is_new[before.start] | is_new_node[before.end])
    rides = partial(_rides, geometry, now.ranges, zones, kinds)
    others = np.flatnonzero(~is_new).tolist()
    parts = [tuple(column[kept] for column in _COLUMNS(before))]
    for number, kind in enumerate(kinds):

        def can_start(slot: int, number: int = number, kind: Kind = kind) -> bool:
            return now.standing[slot] == number or now.owner(slot) == kind.provider_id

        if kind.type.return_rule in STATION_ENDS:
            own = [
                dock
                for dock, slot in enumerate(geometry.docks)
                if now.owner(slot) == kind.provider_id
            ]
            fresh = [dock for dock in own if is_new[geometry.docks[dock]]]
            for slots, docks in ((changed, own), (others if fresh else (), fresh)):
                starts = [slot for slot in slots if can_start(slot)]
                ends = np.array([geometry.docks[dock] for dock in docks], np.int32)
                moving = geometry.rides[kind.mode][np.ix_(starts, docks)]
                moving[np.equal.outer(starts, ends)] = -1
                parts.append(rides(number, starts, n_stops + ends, moving))
        if kind.type.return_rule in FREE_ENDS:
            free = [slot for slot in changed if now.standing[slot] == number]
            moving = geometry.to_hubs[kind.mode][free]
            parts.append(rides(number, free, geometry.hubs, moving))
    return RideEdges(*map(np.concatenate, zip(*parts, strict=True)))


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
