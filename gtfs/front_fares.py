"""The area sets that tickets can have, numbered, so that a search computes with small tables.

A ticket's set of areas is the intersection over the ends of its rides: the closure of the stops'
sets under intersection is finite and small. All tables are flat int32 over the numbers of sets.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gtfs.front_values import I32, Levels

NEVER = 1 << 29
"""The price of a ticket that is not sold."""
_MOST_SETS = 64


class AreaTables(NamedTuple):
    """Sets of areas by number; set 0 is the whole, that of a ticket not yet used.

    ``both[a * n + b]`` is the intersection. ``gap[a * n + b]`` is the most that holding a ticket of
    set a instead of b can cost more, however both are used from now on.
    """

    of_stop: I32
    cents: I32
    both: I32
    gap: I32


def area_tables(levels: Levels | None, stops: I32) -> AreaTables:
    """Number the sets; `stops` are the stops and, of each stand, its stop (`gtfs.stands`).

    Raises:
        ValueError: stops lie in too many different sets, or the areas are those of other stops.
    """
    if levels is None:
        zero = np.zeros(1, np.int32)
        return AreaTables(np.zeros(len(stops), np.int32), zero, zero, zero)
    n_stops = int(stops.max(initial=-1)) + 1
    if len(levels.stop_areas) != n_stops:
        raise ValueError(f"areas of {len(levels.stop_areas)} stops for a network of {n_stops}")
    whole = (1 << len(levels.area_cents)) - 1
    stop_sets = (levels.stop_areas[stops] & np.int32(whole)).tolist()
    sets = [whole]
    for found in dict.fromkeys(stop_sets):
        sets += [s for s in dict.fromkeys(found & known for known in sets) if s not in sets]
        if len(sets) > _MOST_SETS:
            raise ValueError(f"tickets of more than {_MOST_SETS} different area sets")
    number = {areas: i for i, areas in enumerate(sets)}
    cents = np.array([_price(areas, levels.area_cents) for areas in sets], np.int64)
    both = np.array([[number[a & b] for b in sets] for a in sets], np.int32)
    more = cents[both][:, None, :] - cents[both][None, :, :]
    more[np.broadcast_to((cents[both] == NEVER)[None, :, :], more.shape)] = -NEVER
    gap = np.minimum(more.max(axis=2), NEVER)
    return AreaTables(
        np.array([number[areas] for areas in stop_sets], np.int32),
        cents.astype(np.int32),
        both.ravel(),
        np.ascontiguousarray(gap.ravel(), np.int32),
    )


def _price(areas: int, cents: tuple[int, ...]) -> int:
    """The cheapest of the areas: it never falls as rides take areas from the set."""
    return min((price for i, price in enumerate(cents) if areas >> i & 1), default=NEVER)
