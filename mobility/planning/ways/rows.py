"""A row of numbers for every place of a set, shared by the sets that came from one another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
import numpy.typing as npt

from mobility.planning.ways.water import Floats

_SPARE = 64


@dataclass(slots=True)
class _Store:
    """Rows in the order in which they were made, with room for more; a row never changes."""

    rows: Floats
    used: int
    lock: Lock = field(default_factory=Lock)

    def add(self, rows: Floats) -> int:
        """Append rows; the index of the first."""
        with self.lock:
            first, self.used = self.used, self.used + len(rows)
            if self.used > len(self.rows):
                grown = np.empty((2 * self.used, self.rows.shape[1]))
                grown[:first] = self.rows[:first]
                self.rows = grown
            self.rows[first : self.used] = rows
            return first


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one set of places: place ``p`` has ``rows[row_of[p]]``."""

    row_of: npt.NDArray[np.int32]
    rows: Floats
    _store: _Store
    _fill: Callable[[Floats], Floats]
    """Measures the row of each of (n, 2) degrees."""

    @staticmethod
    def of(degrees: Floats, fill: Callable[[Floats], Floats]) -> Rows:
        """Measure all places."""
        rows = fill(degrees)
        store = _Store(rows, len(rows))
        return Rows(np.arange(len(rows), dtype=np.int32), rows, store, fill)

    def changed(self, degrees: Floats, places: Sequence[int]) -> Rows:
        """With those places measured anew, appended to what is shared.

        Where rows that nobody needs have become the larger part, the others move to a new store.
        """
        row_of = np.zeros(len(degrees), dtype=np.int32)
        row_of[: len(self.row_of)] = self.row_of
        fresh = self._fill(degrees[list(places)])
        store = self._store
        if store.used > 2 * len(degrees) + _SPARE:
            kept = store.rows[row_of]
            store = _Store(kept, len(kept))
            row_of = np.arange(len(degrees), dtype=np.int32)
        row_of[list(places)] = store.add(fresh) + np.arange(len(fresh), dtype=np.int32)
        return Rows(row_of, store.rows, store, self._fill)
