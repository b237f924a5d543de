"""The exact front over arrival, transfers, price and CO2 of everything that a city has together."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gtfs.front import (
    FAR,
    FrontJourney,
    FrontNetwork,
    FrontQuery,
    LegKind,
    RentalEdges,
    search_front,
    search_front_latest,
)
from gtfs.network import DayNetwork, Usable, View, network_of
from gtfs.service_time import day_zero, service_day
from mobility.planning.candidate import Candidate
from mobility.planning.day_ceiling import front_under
from mobility.planning.doors import WALK_TO_VEHICLE_SECONDS, Doors
from mobility.planning.fleets.view import FleetView
from mobility.planning.fronts import Party
from mobility.planning.ground import Ground
from mobility.planning.paid_today import Left
from mobility.planning.plain import MAX_TRANSFERS
from mobility.planning.request import SearchRequest
from mobility.planning.scene import Scene
from providers.values import Mode

Ints = npt.NDArray[np.int32]
_BUS, _ON_FOOT = Mode.BUS, (Mode.WALK,)


_WALK, _RIDE = LegKind.WALK, LegKind.RIDE
"""By a name of its own: a member looked up at its class costs a tenth of a microsecond."""


class Found(NamedTuple):
    """What a candidate's legs are made of."""

    journey: FrontJourney
    day: date
    network: DayNetwork


class AllWays:
    """All ways between two doors, with the vehicles that may be used."""

    def __init__(
        self, ground: Ground, scene: Scene, fleets: FleetView, request: SearchRequest,
        doors: Doors, *, usable: Usable, kinds: frozenset[int], walk_s: int,
    ) -> None:  # fmt: skip
        """Take what a search has; nobody walks longer than ``walk_s`` to a vehicle or from one."""
        self._fronts = ground.fronts
        self._scene = scene
        self._fleets = fleets
        self._doors = doors
        self._usable = usable
        self._kinds = kinds
        self._walk_s = walk_s
        self._party = Party(request.passes, request.passengers)
        self._wheelchair = request.wheelchair
        self._paid = request.paid
        self._ceilings = request.ceilings
        self._direct_s = doors.direct_s if Mode.WALK in request.modes else FAR
        self._backwards = request.arrive_by is not None

    def ask(self, moment: int, horizon_s: int) -> list[Candidate]:
        """The front that leaves (arrive-by: arrives) at a moment, POSIX seconds, and takes no more.

        Each ``found`` of them is a ``Found``.
        """
        timetable, doors = self._scene.timetable, self._doors
        day = service_day(datetime.fromtimestamp(moment, UTC), timetable.tz)
        zero = int(day_zero(day, timetable.tz).timestamp())
        rentals = self._rentals()
        door_edges = doors.rides.edges
        if self._paid:
            left = self._left(moment, horizon_s)
            rentals, door_edges = left.rentals(rentals), left.doors(door_edges)
        query = FrontQuery(
            seconds=moment - zero,
            access=doors.access,
            egress=doors.egress,
            direct_s=self._direct_s,
            max_rides=MAX_TRANSFERS + 1,
            horizon_s=horizon_s,
            door_edges=door_edges,
        )
        view = View.AROUND if self._backwards else View.AHEAD
        network = self._network(day, view)
        if self._backwards:
            found = search_front_latest(self._network(day, View.MIRRORED), network, rentals, query)
        else:
            found = search_front(network, rentals, query)
        if self._ceilings:
            found = front_under(self._ceilings, found, zero, backwards=self._backwards)
        of = network_of(timetable, day, view, self._usable)
        return [self._candidate(Found(journey, day, of), zero) for journey in found]

    def _rentals(self) -> RentalEdges:
        if self._kinds and self._walk_s < WALK_TO_VEHICLE_SECONDS:
            return self._fleets.within(self._walk_s, self._kinds, wheelchair=self._wheelchair)
        return self._fleets.usable(self._kinds, wheelchair=self._wheelchair)

    def _left(self, moment: int, horizon_s: int) -> Left:
        ends = (moment - horizon_s, moment) if self._backwards else (moment, moment + horizon_s)
        first, last = (datetime.fromtimestamp(at, UTC) for at in ends)
        return Left(self._paid, self._fleets.kinds, first, last)

    def _network(self, day: date, view: View) -> FrontNetwork:
        scene = self._scene
        return self._fronts.network(
            scene.timetable, scene.lines, day, view, self._usable, self._party
        )

    def _candidate(self, found: Found, zero: int) -> Candidate:
        journey, trips = found.journey, found.network.trip
        modes: list[Mode] = []
        key: list[object] = [zero]
        walk_s = wait_s = 0
        has_transit = has_rental = False
        departs_s, arrives_s, transfers, cents, _, mg, legs = journey
        before = departs_s
        for kind, start, end, leaves_s, there_s, ride, board, alight in legs:
            wait_s = max(wait_s, leaves_s - before)
            before = there_s
            if kind is _WALK:
                walk_s += there_s - leaves_s
                continue
            if kind is _RIDE:
                has_transit, mode = True, _BUS
                key.append((trips[ride], board, alight, leaves_s))
            else:
                number = self._kind_of(ride)
                has_rental, mode = True, self._fleets.kinds[number].mode
                key.append((number, start, end, leaves_s))
            if not modes or modes[-1] is not mode:
                modes.append(mode)
        return Candidate(
            zero + departs_s,
            zero + arrives_s,
            max(0, transfers),
            cents,
            (mg + 500) // 1000,
            tuple(modes) or _ON_FOOT,
            walk_s,
            tuple(key),
            found,
            (),
            has_transit,
            has_rental,
            wait_s,
        )

    def _kind_of(self, ride: int) -> int:
        if ride < 0:
            return self._doors.rides.kind_of(ride)
        return int(self._fleets.edges.kind[ride])
