"""The next view of the fleets, from the one before it and the slots that were touched.

Masks are looked at anew for those slots alone, rides and walks for those that are elsewhere or
somebody else's. What is left that grows with a fleet is copying: of masks and references at each
change, of the edges where a place is new.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from gtfs.front import RentalEdges
from mobility.planning.fleets.kind_zones import KindZones
from mobility.planning.fleets.kinds import FREE_ENDS, STATION_ENDS, Kind
from mobility.planning.fleets.rides import NO_RIDES, Geometry, Ranges, Slots, edges_of
from mobility.planning.fleets.view import Allowed, Flags, FleetView, Pools
from providers.values import Station


def view_of(
    before: FleetView | None,
    kinds: tuple[Kind, ...],
    geometry: Geometry,
    zones: Mapping[int, KindZones],
    pools: Pools,
    stations: Sequence[Station | None],
    standing: Sequence[int | None],
    touched: Collection[int],
) -> FleetView:
    """The fleets now; ``touched`` are the slots where anything is other than in ``before``."""
    if before is not None and before.zones != zones:
        before = None
    slots = sorted(touched) if before else list(range(len(geometry.slots)))
    moved = [slot for slot in slots if not _is_where_it_was(before, geometry, slot)]
    allowed = _allowed(before, kinds, geometry, zones, moved)
    ranges = _short_ranges(before.ranges if before else {}, kinds, pools, slots)
    available = _grown(before.available if before else None, kinds, len(geometry.slots), fill=False)
    available[:, slots] = False
    for slot in slots:
        starts = allowed.starts if stations[slot] is None else allowed.docked_starts
        for number in range(len(kinds)):
            available[number, slot] = (number, slot) in pools and starts[number, slot]
    takes = _takes(before, kinds, geometry, stations, slots) & allowed.ends
    now = Slots(stations, standing, ranges)
    changed = slots if before is None else _changed(before, now, moved, slots)
    if before is not None and not changed:
        edges, rentals, rolling = before.edges, before.rentals, before.rolling
    else:
        edges = edges_of(before.edges if before else NO_RIDES, geometry, kinds, now, zones, changed)
        rolling = []
        walk_slots, walk_stops, walk_s = geometry.walks
        rentals = RentalEdges.of(
            len(geometry.stops),
            len(geometry.slots),
            len(kinds),
            start=edges.start,
            end=edges.end,
            kind=edges.kind,
            seconds=edges.seconds,
            cents=edges.cents,
            mg=edges.mg,
            to_place=(walk_stops, walk_slots, walk_s),
            to_stop=(walk_slots, walk_stops, walk_s),
            available=available,
            takes=takes,
        )
    return FleetView(
        kinds,
        geometry,
        edges,
        ranges,
        rentals,
        zones,
        allowed,
        dict(pools),
        tuple(stations),
        tuple(standing),
        available,
        takes,
        rolling,
    )


def _grown(before: Flags | None, kinds: Sequence[Kind], width: int, *, fill: bool) -> Flags:
    """A copy of a mask with room for new places."""
    result = np.full((len(kinds), width), fill, np.bool_)
    if before is not None:
        result[:, : before.shape[1]] = before
    return result


def _is_where_it_was(before: FleetView | None, geometry: Geometry, slot: int) -> bool:
    if before is None or slot >= len(before.geometry.slots):
        return False
    old, new = (places.degrees[slot] for places in (before.geometry.slots, geometry.slots))
    return bool(np.array_equal(old, new, equal_nan=True))


def _changed(
    before: FleetView, now: Slots, moved: Collection[int], slots: Sequence[int]
) -> list[int]:
    """The slots that are new, elsewhere, somebody else's, or with another range."""
    kinds = range(len(before.kinds))
    then = Slots(before.stations, before.standing_kinds, before.ranges)

    def is_as_before(slot: int) -> bool:
        return (
            slot not in moved
            and then.standing[slot] == now.standing[slot]
            and then.owner(slot) == now.owner(slot)
            and all(then.ranges.get((n, slot)) == now.ranges.get((n, slot)) for n in kinds)
        )

    return [slot for slot in slots if not is_as_before(slot)]


def _short_ranges(
    before: Ranges, kinds: Sequence[Kind], pools: Pools, slots: Sequence[int]
) -> Ranges:
    """Where even the best vehicle cannot go as far as a ride may lead."""
    keys = [(number, slot) for slot in slots for number in range(len(kinds))]
    short = {
        (number, slot): range_m
        for number, slot in keys
        for range_m in [_range_of(pools, number, slot)]
        if range_m is not None and range_m < kinds[number].longest_m
    }
    if all(before.get(key) == short.get(key) for key in keys):
        return before
    kept = dict(before)
    for key in keys:
        kept.pop(key, None)
    return kept | short


def _range_of(pools: Pools, number: int, slot: int) -> int | None:
    vehicles = pools.get((number, slot))
    return vehicles[0].range_m if vehicles else None


def _allowed(
    before: FleetView | None, kinds: Sequence[Kind], geometry: Geometry,
    zones: Mapping[int, KindZones], slots: Sequence[int],
) -> Allowed:  # fmt: skip
    if before is not None and not slots:
        return before.allowed
    hubs, stops = geometry.hubs, len(geometry.stops)
    known = (None, None, None) if before is None else tuple(before.allowed)
    widths = (len(geometry.slots), len(geometry.slots), len(geometry.nodes))
    starts, docked, ends = (
        _grown(flags, kinds, width, fill=True) for flags, width in zip(known, widths, strict=True)
    )
    places = np.array(slots, np.int32)
    degrees = geometry.slots.degrees[places]
    for number, limits in zones.items():
        starts[number, places] = limits.may_start(degrees, docked=False)
        docked[number, places] = limits.may_start(degrees, docked=True)
        ends[number, stops + places] = limits.may_end(degrees, docked=True)
        if before is None:
            ends[number, hubs] = limits.may_end(geometry.hub_places.degrees, docked=False)
    return Allowed(starts, docked, ends)


def _takes(
    before: FleetView | None, kinds: Sequence[Kind], geometry: Geometry,
    stations: Sequence[Station | None], slots: Sequence[int],
) -> Flags:  # fmt: skip
    """Where a vehicle may be left: an unknown number of docks does not forbid it."""
    flags = _grown(before.takes if before else None, kinds, len(geometry.nodes), fill=False)
    for number, kind in enumerate(kinds):
        if kind.type.return_rule in STATION_ENDS:
            flags[number, [len(geometry.stops) + slot for slot in slots]] = [
                _takes_back(stations[slot], kind) for slot in slots
            ]
        if kind.type.return_rule in FREE_ENDS:
            flags[number, geometry.hubs] = True
    return flags


def _takes_back(station: Station | None, kind: Kind) -> bool:
    return (
        station is not None
        and station.provider_id == kind.provider_id
        and station.returning
        and station.docks_available != 0
    )
