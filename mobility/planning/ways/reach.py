"""How far one gets through the streets: fixed sets of places, and what a street network answers.

A search asks from its two doors to stops, stations and free vehicles, which are the same for all
searches. A network measures for each such place once what it needs (its *table*), so that a door
costs a look at its surroundings and an addition a place.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import date
from threading import Lock
from typing import Protocol, Self, TypeVar, cast

import numpy as np
import numpy.typing as npt

from gtfs.geo import LatLon
from mobility.planning.ways.water import Floats
from mobility.streets.leg import StreetLeg
from providers.values import Mode

Seconds = npt.NDArray[np.int32]


class Table(Protocol):
    """What a network has measured for each place of a set."""

    def changed(self, degrees: Floats, places: Sequence[int]) -> Self:
        """The table of a set in which those places are new or elsewhere; nan is gone."""
        ...


_T = TypeVar("_T", bound=Table)


class Places:
    """A fixed set of positions with the tables that networks have made for it.

    Frozen: a change makes a new set, which takes over all that has not changed.
    """

    __slots__ = ("_lock", "_tables", "degrees")

    def __init__(self, degrees: Floats) -> None:
        """Take (n, 2) latitudes and longitudes; a place goes by its index. A nan row is nowhere."""
        self.degrees = np.array(degrees, dtype=np.float64).reshape(-1, 2)
        self.degrees.flags.writeable = False
        self._tables: dict[Hashable, Table] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self.degrees)

    def table(self, key: Hashable, make: Callable[[Floats], _T]) -> _T:
        """The table of that key, made at the first call."""
        table = self._tables.get(key)
        if table is None:
            with self._lock:
                table = self._tables.get(key)
                if table is None:
                    table = self._tables[key] = make(self.degrees)
        return cast("_T", table)

    def with_changes(
        self, moved: Mapping[int, LatLon | None], added: Iterable[LatLon] = ()
    ) -> Places:
        """The set with places moved, gone (None) or added at its end; costs what changed.

        A place that is gone keeps its index, answers -1, and may be filled again.
        """
        new = [(place.lat, place.lon) for place in added]
        degrees = np.concatenate([self.degrees, np.array(new, dtype=np.float64).reshape(-1, 2)])
        for index, position in moved.items():
            degrees[index] = (np.nan, np.nan) if position is None else (position.lat, position.lon)
        result = Places(degrees)
        changed = [*moved, *range(len(self), len(degrees))]
        with self._lock:
            tables = dict(self._tables)
        result._tables = {key: t.changed(result.degrees, changed) for key, t in tables.items()}
        return result


class StreetWays(Protocol):
    """The ways of one city. Safe to use from several threads."""

    def modes(self) -> frozenset[Mode]:
        """The modes that have streets."""
        ...

    def like(self, on: date) -> date:
        """A day with the same ways open, one for all such days: to remember ways by."""
        ...

    def seconds(self, mode: Mode, travelled_m: float) -> int:
        """How long a mode takes for metres travelled."""
        ...

    def metres(self, mode: Mode, seconds: float) -> int:
        """How far a mode gets in that time."""
        ...

    def leg(
        self, mode: Mode, a: LatLon, b: LatLon, on: date, *, wheelchair: bool = False
    ) -> StreetLeg | None:
        """The way from ``a`` to ``b`` on that day; None where there is none."""
        ...

    def reach(
        self, door: LatLon, mode: Mode, places: Places, on: date, *, max_seconds: int,
        outward: bool = True, wheelchair: bool = False,
    ) -> Seconds:  # fmt: skip
        """Whole seconds from the door to each place, or to the door; -1 beyond ``max_seconds``."""
        ...

    def prepare(
        self, places: Places, modes: Iterable[Mode], on: date, *, max_seconds: int,
        wheelchair: bool = False,
    ) -> None:  # fmt: skip
        """Measure the places now, so that no search up to that time has to wait for it."""
        ...


def between(
    ways: StreetWays, mode: Mode, origins: Places, targets: Places, on: date, *,
    max_seconds: int, wheelchair: bool = False,
) -> Seconds:  # fmt: skip
    """(origins, targets) whole seconds from each to each; -1 beyond ``max_seconds``."""
    result = np.full((len(origins), len(targets)), -1, dtype=np.int32)
    return _renewed(ways, result, mode, (origins, targets), on, max_seconds,
                    range(len(origins)), (), wheelchair=wheelchair)  # fmt: skip


def renew(
    ways: StreetWays, matrix: Seconds, mode: Mode, origins: Places, targets: Places, on: date, *,
    max_seconds: int, changed_origins: Iterable[int], changed_targets: Iterable[int],
    wheelchair: bool = False,
) -> Seconds:  # fmt: skip
    """What ``between`` gives, from its answer before some places changed: their rows and columns.

    The old matrix stays as it is; the places' numbers may have grown.
    """
    result = np.full((len(origins), len(targets)), -1, dtype=np.int32)
    result[: matrix.shape[0], : matrix.shape[1]] = matrix
    return _renewed(ways, result, mode, (origins, targets), on, max_seconds,
                    changed_origins, changed_targets, wheelchair=wheelchair)  # fmt: skip


def _renewed(
    ways: StreetWays, result: Seconds, mode: Mode, places: tuple[Places, Places], on: date,
    max_seconds: int, rows: Iterable[int], columns: Iterable[int], *, wheelchair: bool,
) -> Seconds:  # fmt: skip
    origins, targets = places
    for outward, lines, doors, others in (
        (True, rows, origins, targets), (False, columns, targets, origins),
    ):  # fmt: skip
        for index in lines:
            lat, lon = doors.degrees[index].tolist()
            seconds: Seconds | int = -1
            if lat == lat:  # noqa: PLR0124 - nan is nowhere
                seconds = ways.reach(
                    LatLon(lat, lon), mode, others, on,
                    max_seconds=max_seconds, outward=outward, wheelchair=wheelchair,
                )  # fmt: skip
            if outward:
                result[index] = seconds
            else:
                result[:, index] = seconds
    return result
