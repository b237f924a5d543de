"""The memory of a running Trip-Based search, behind one address."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gtfs.record import Record
from gtfs.trip_based_layout import ENTRY, INF, JOURNEY_ROW, LEG_ROW, SEGMENT
from gtfs.trip_based_transfers import Transfers

I32 = NDArray[np.int32]

MAX_RIDES = 16
ROOM = max(1 << 18, (MAX_RIDES + 1) * (JOURNEY_ROW + LEG_ROW * (2 * MAX_RIDES + 1)))
"""Numbers that `Workspace.out` has room for."""


class Workspace:
    """What one search of a network writes to, and what it reads.

    `out` has room for any answer of one search, and for thousands of journeys of a profile. Memory
    that no search touches is never given to the process by the operating system, so room for the
    worst case costs nothing.
    """

    __slots__ = ("_ends", "_record", "address", "n_stops", "out", "shift")

    def __init__(self, network: Sequence[I32], transfers: Transfers, room: int = ROOM) -> None:
        """Take the arrays of `network.SECTIONS` in order."""
        n_patterns, n_trips = len(network[0]), len(transfers.unreached)
        n_boardings = len(network[6])
        self.n_stops = len(network[17])
        self.shift = transfers.shift
        ends = np.empty(4 * self.n_stops + 4, np.int32)
        self._ends = memoryview(ends)  # type: ignore[arg-type]
        self.out = np.empty(room, np.int32)
        stops = [np.empty(self.n_stops, np.int32) for _ in range(5)]
        arrays: list[NDArray[Any]] = [
            *network,
            transfers.calls,
            transfers.change,
            transfers.return0,
            transfers.returns,
            transfers.unreached,
            transfers.trip_info,
            transfers.landmarks,
            np.empty(n_trips, np.uint16),
            np.empty(SEGMENT * (n_boardings + 1), np.int32),
            np.full(n_patterns, -1, np.int32),
            np.empty(ENTRY * len(network[20]), np.int32),
            np.full(self.n_stops, INF, np.int32),
            *stops[:2],
            np.full(self.n_stops, INF, np.int32),
            *stops[2:],
            ends,
            self.out,
            np.empty(MAX_RIDES * n_trips, np.uint16),
            np.empty(2 * n_boardings, np.int32),
            np.empty(n_boardings, np.int64),
            np.empty(MAX_RIDES + 2, np.int32),
        ]
        self._record = Record(arrays)
        self.address = self._record.address

    def set_ends(
        self, sources: Sequence[tuple[int, int]], targets: Sequence[tuple[int, int]]
    ) -> tuple[int, int]:
        """Put (stop, seconds) pairs where the kernel reads them; how many of each it finds."""
        ends = self._ends
        if len(sources) == 1 == len(targets):
            ends[0], ends[1] = sources[0]
            ends[2], ends[3] = targets[0]
            return 1, 1
        if max(len(sources), len(targets)) > self.n_stops:
            sources, targets = _least(sources), _least(targets)
        pairs = array("i", chain.from_iterable(chain(sources, targets)))
        if len(pairs) > len(ends):
            return 0, 0
        ends[: len(pairs)] = pairs
        return len(sources), len(targets)


def _least(ends: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Each stop once, with its least seconds."""
    least: dict[int, int] = {}
    for stop, seconds in ends:
        least[stop] = min(seconds, least.get(stop, seconds))
    return list(least.items())
