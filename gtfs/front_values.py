"""What goes into a search of the four-criteria front and what comes out; all numbers are whole.

The definition is docs/decisions/0022-four-criteria.md. A *node* is a stop (0 to S-1) or a rental
place (S + 0 to S + P-1): a station, or where a vehicle stands free. Seconds are on the axis of the
network's day, prices in the smallest coin, CO2 in milligrams.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gtfs.front_layout import DOOR_ROW, STEP_MG

I32 = NDArray[np.int32]
Bool = NDArray[np.bool_]

FAR = 1 << 30
"""Seconds to a node that is out of reach."""
LEVELS = -1
"""In place of a trip's price: the level tariff knows it."""
ORIGIN, GOAL = -1, -2
"""The two doors, as ends of legs."""
MAX_RIDES = 12
DAY_S = 86_400


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """The tariff with single tickets by area and a short-hop ticket; for all who pay together.

    A single ticket costs what the cheapest area costs that holds both ends of all its rides. It
    lasts for further rides of this tariff that end within ``transfer_s`` of its first departure.
    The short-hop ticket carries one ride of at most ``short_stops`` stops (0: there is none) that
    departs within a window [from, until), seconds on the day's axis.
    """

    area_cents: tuple[int, ...]
    stop_areas: I32
    """Of each stop, bit i: area i holds its zone; -1 for a stop without a zone."""
    transfer_s: int
    short_cents: int = 0
    short_stops: int = 0
    short_windows: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= len(self.area_cents) <= 30:
            raise ValueError("a level tariff has 1 to 30 areas")
        if min(*self.area_cents, self.short_cents, self.short_stops, self.transfer_s) < 0:
            raise ValueError("prices, stops and times of a tariff are not negative")


@dataclass(frozen=True, slots=True, eq=False)
class DoorEdges:
    """Rides on rented vehicles from a node to the goal door itself.

    ``rows`` are (n, DOOR_ROW) as the kernel reads them (`front_layout`), C-contiguous. It writes
    to one column, the same each time, so one thread may ask with them.
    """

    rows: I32

    @classmethod
    def of(
        cls, n_stops: int, *, place: I32, kind: I32, seconds: I32, cents: I32, mg: I32
    ) -> DoorEdges:
        """Make them of equal-long columns; ``place`` is 0 to P-1."""
        rows = np.zeros((len(place), DOOR_ROW), np.int32)
        rows[:, 0] = place + np.int32(n_stops)
        rows[:, 1], rows[:, 2], rows[:, 3] = kind, seconds, cents
        rows[:, 4] = (mg + np.int32(STEP_MG - 1)) // np.int32(STEP_MG)
        rows[:, 6] = mg
        return cls(rows)

    def costing(self, cents: I32) -> DoorEdges:
        """The same rides at other prices."""
        rows = self.rows.copy()
        rows[:, 3] = cents
        return DoorEdges(rows)


@dataclass(frozen=True, slots=True, eq=False)
class FrontQuery:
    """One question: leave the door at ``seconds`` or later (for the latest: arrive by then).

    ``access`` and ``egress`` are seconds on foot from the one door to each node and from each node
    to the other, FAR where out of reach; ``direct_s`` from door to door. What takes longer than
    ``horizon_s``, counted from ``seconds``, is no answer. With ``rents_once``
    a journey has at most one rented vehicle, and beside it at most ``rides_beside`` rides.
    """

    seconds: int
    access: I32
    egress: I32
    direct_s: int = FAR
    max_rides: int = 5
    horizon_s: int = 7_200
    door_edges: DoorEdges | None = None
    rents_once: bool = True
    rides_beside: int = 3

    def __post_init__(self) -> None:
        if not 0 <= self.max_rides <= MAX_RIDES:
            raise ValueError(f"max_rides is 0 to {MAX_RIDES}, not {self.max_rides}")
        if self.rides_beside < 0:
            raise ValueError(f"rides_beside is not negative, not {self.rides_beside}")
        if not 0 <= self.horizon_s <= DAY_S:
            raise ValueError(f"horizon_s is 0 to a day, not {self.horizon_s}")
        if abs(self.seconds) > 4 * DAY_S:
            raise ValueError(f"{self.seconds} s is not on the day's axis; use its own service day")


class LegKind(IntEnum):
    """How one moves."""

    WALK = 0
    RIDE = 1
    RENTAL = 2


class FrontLeg(NamedTuple):
    """A leg between two nodes or doors.

    ``ride`` is the trip of a RIDE in its `DayNetwork`, the edge of a RENTAL (``~edge`` for one of
    the query's ``door_edges``), -1 of a WALK; ``board`` and ``alight`` are positions in the trip's
    pattern, -1 otherwise.
    """

    kind: LegKind
    start: int
    end: int
    departs_s: int
    arrives_s: int
    ride: int
    board: int
    alight: int


class FrontJourney(NamedTuple):
    """One point of the front: criteria, the latest departure that catches its first ride, legs.

    ``transfers`` is the number of vehicle legs minus one; ``co2_steps`` are of 50 g, each leg
    rounded up.
    """

    departs_s: int
    arrives_s: int
    transfers: int
    cents: int
    co2_steps: int
    mg: int
    legs: tuple[FrontLeg, ...]
