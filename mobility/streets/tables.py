"""What is measured once for a set of places on streets: where each is, and the nodes around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock

import numpy as np

from mobility.streets.graph import Floats, Ints, Longs

_SPARE = 1 << 16
_THREADS = 2
_PARALLEL_FROM = 32
"""So many places are worth a second thread."""


@dataclass(frozen=True, slots=True)
class Spots:
    """Positions on streets, and the nodes next to them; street -1 where there is no street."""

    street: Ints
    share: Floats
    """Of the street's length, in the order it is mapped."""
    approach_ms: Ints
    seeds: Ints
    """(spots, 2) nodes from which, or to which, one gets on this street; -1 for none."""
    seed_ms: Ints


@dataclass(frozen=True, slots=True)
class NodeRows:
    """Rows of nodes, sorted, and the time of each; row r is ``ends[r]`` to ``ends[r + 1]``."""

    ends: Longs
    nodes: Ints
    times: Ints


@dataclass(slots=True)
class _Store:
    """Rows one after the other, with room for more; a row never changes."""

    nodes: Ints
    times: Ints
    used: int
    lock: Lock = field(default_factory=Lock)

    def add(self, rows: NodeRows) -> int:
        """Append rows; where the first of them starts."""
        with self.lock:
            first, self.used = self.used, self.used + len(rows.nodes)
            if self.used > len(self.nodes):
                self.nodes = _grown(self.nodes, first, 2 * self.used)
                self.times = _grown(self.times, first, 2 * self.used)
            self.nodes[first : self.used] = rows.nodes
            self.times[first : self.used] = rows.times
            return first


def _grown(array: Ints, used: int, size: int) -> Ints:
    result = np.empty(size, dtype=np.int32)
    result[:used] = array[:used]
    return result


Locate = Callable[[Floats], Spots]
Search = Callable[[Spots], NodeRows]


@dataclass(frozen=True, slots=True)
class StreetTable:
    """The spots and rows of one set of places, as ``reach.Table``."""

    street: Ints
    share: Floats
    approach_ms: Ints
    starts: Longs
    lengths: Ints
    nodes: Ints
    times: Ints
    _store: _Store
    _locate: Locate
    _search: Search

    @staticmethod
    def of(degrees: Floats, locate: Locate, search: Search) -> StreetTable:
        """Measure all places."""
        spots = locate(degrees)
        rows = _in_threads(spots, search)
        store = _Store(rows.nodes, rows.times, len(rows.nodes))
        return StreetTable(
            spots.street, spots.share, spots.approach_ms, rows.ends[:-1].copy(),
            np.diff(rows.ends).astype(np.int32), rows.nodes, rows.times, store, locate, search,
        )  # fmt: skip

    def changed(self, degrees: Floats, places: Sequence[int]) -> StreetTable:
        """With those places measured anew, appended to what is shared.

        Where rows that nobody needs have become the larger part, all is measured anew.
        """
        lengths = _longer(self.lengths, len(degrees))
        if self._store.used > 2 * int(lengths.sum()) + _SPARE:
            return StreetTable.of(degrees, self._locate, self._search)
        chosen = list(places)
        spots = self._locate(degrees[chosen])
        rows = self._search(spots)
        street, share = _longer(self.street, len(degrees)), _longer(self.share, len(degrees))
        approach, starts = (
            _longer(self.approach_ms, len(degrees)),
            _longer(self.starts, len(degrees)),
        )
        street[chosen], share[chosen] = spots.street, spots.share
        approach[chosen], lengths[chosen] = spots.approach_ms, np.diff(rows.ends)
        starts[chosen] = self._store.add(rows) + rows.ends[:-1]
        store = self._store
        return StreetTable(
            street, share, approach, starts, lengths, store.nodes, store.times, store,
            self._locate, self._search,
        )  # fmt: skip


def _longer(array: np.ndarray, size: int) -> np.ndarray:
    result = np.zeros(size, dtype=array.dtype)
    result[: len(array)] = array
    return result


def _in_threads(spots: Spots, search: Search) -> NodeRows:
    """All rows, by two threads where there are many."""
    count = len(spots.street)
    if count < _PARALLEL_FROM:
        return search(spots)
    parts = [
        Spots(*(getattr(spots, name)[start : start + _PARALLEL_FROM] for name in Spots.__slots__))
        for start in range(0, count, _PARALLEL_FROM)
    ]
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="streets") as pool:
        found = list(pool.map(search, parts))
    lengths = np.concatenate([np.diff(rows.ends) for rows in found])
    return NodeRows(
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        np.concatenate([rows.nodes for rows in found]),
        np.concatenate([rows.times for rows in found]),
    )
