"""Searches of the whole front of arrival (departure), transfers, price and CO2, door to door.

The one definition, shared with the brute-force oracle: docs/decisions/0022-four-criteria.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from gtfs import front_layout as at
from gtfs.front_layout import LEG_ROW
from gtfs.front_network import FrontNetwork, FrontWorkspace
from gtfs.front_question import pose
from gtfs.front_rentals import RentalEdges
from gtfs.front_search import find_front
from gtfs.front_values import (
    FAR,
    GOAL,
    I32,
    LEVELS,
    ORIGIN,
    DoorEdges,
    FrontJourney,
    FrontLeg,
    FrontQuery,
    LegKind,
    Levels,
)
from gtfs.stands import Stands

__all__ = [
    "FAR",
    "GOAL",
    "LEVELS",
    "ORIGIN",
    "DoorEdges",
    "FrontJourney",
    "FrontLeg",
    "FrontNetwork",
    "FrontQuery",
    "LegKind",
    "Levels",
    "RentalEdges",
    "search_front",
    "search_front_latest",
]

_LABELS = 1 << 14
_MOST_LABELS = 1 << 21
_KINDS = tuple(LegKind)
_leg: Callable[[list[Any]], FrontLeg] = partial(tuple.__new__, FrontLeg)
"""A leg of its list; half as long as by its own constructor."""
_NO_EDGES = np.zeros((0, at.DOOR_ROW), np.int32)
_RENTALS = slice(at.ARRAYS_AT + 2 * at.EDGE0, at.ARRAYS_AT + 2 * (at.RENTABLE + 1))


class FrontTooLargeError(RuntimeError):
    """A front needs more labels than memory is given to; narrow the query."""


class FrontsDisagreeError(RuntimeError):
    """What arrives in time by one network does not depart in time by the other."""


def search_front(
    network: FrontNetwork, rentals: RentalEdges, query: FrontQuery
) -> tuple[FrontJourney, ...]:
    """The front of (arrival, transfers, price, CO2 steps) leaving at ``query.seconds`` or later.

    Fewest transfers first, then the earliest. Of equal points one is given. Releases the GIL.

    Raises:
        ValueError: network, rentals and query do not fit each other.
        FrontTooLargeError: the front, or the way to it, is beyond all measure.
    """
    if network.mirrored:
        raise ValueError("a mirrored network answers search_front_latest")
    workspace = _run(network, rentals, query)
    journeys = _journeys(workspace)
    network.give_back(workspace)
    if network.stands.at:
        journeys = [_at_stops(network.stands, journey) for journey in journeys]
    return tuple(journeys)


def search_front_latest(
    mirrored: FrontNetwork, ahead: FrontNetwork, rentals: RentalEdges, query: FrontQuery
) -> tuple[FrontJourney, ...]:
    """The front of (latest departure, transfers, price, CO2 steps) there by ``query.seconds``.

    ``mirrored`` is of View.MIRRORED, ``ahead`` of View.AROUND, both of the same day. Each arrives
    as early as its departure and the other criteria allow. Fewest transfers first, then the latest.

    Raises:
        ValueError: networks, rentals and query do not fit each other.
        FrontTooLargeError: the front, or the way to it, is beyond all measure.
        FrontsDisagreeError: the two networks are not of the same timetable and prices.
    """
    if ahead.mirrored or not mirrored.mirrored:
        raise ValueError("search_front_latest needs a mirrored network, then one that is not")
    asked = replace(query, seconds=-query.seconds, access=query.egress, egress=query.access)
    workspace = _run(mirrored, rentals.mirrored(), asked)
    rows = workspace.front[: workspace.state[at.N_FRONT]].tolist()
    mirrored.give_back(workspace)
    by_departure: dict[int, list[list[int]]] = {}
    for row in rows:
        by_departure.setdefault(-row[at.F_TIME], []).append(row)
    journeys: list[FrontJourney] = []
    for departs_s, points in by_departure.items():
        again = replace(
            query,
            seconds=departs_s,
            max_rides=max(point[at.F_LEGS] for point in points),
            horizon_s=query.seconds - departs_s,
        )
        found = search_front(ahead, rentals, again)
        journeys += [_completed(found, row) for row in points]
    return tuple(sorted(journeys, key=lambda j: (j.transfers, -j.departs_s)))


def _completed(found: tuple[FrontJourney, ...], row: list[int]) -> FrontJourney:
    """The earliest of what was found that costs no more in any criterion."""
    fits = [
        journey
        for journey in found
        if journey.transfers < row[at.F_LEGS]
        and journey.cents <= row[at.F_CENTS]
        and journey.co2_steps <= row[at.F_STEPS]
    ]
    if not fits:
        raise FrontsDisagreeError("a journey backwards has none forwards; different timetables?")
    return min(fits, key=lambda journey: journey.arrives_s)


def _at_stops(stands: Stands, journey: FrontJourney) -> FrontJourney:
    """The same between stops and places, without walks from one stand of a stop to another."""
    stop_of, n_more = stands.stop, len(stands.stop) - stands.n_stops

    def place(node: int) -> int:
        if node < stands.n_stops:
            return node
        return int(stop_of[node]) if node < len(stop_of) else node - n_more

    legs = (leg._replace(start=place(leg.start), end=place(leg.end)) for leg in journey.legs)
    return journey._replace(
        legs=tuple(leg for leg in legs if leg.kind is not LegKind.WALK or leg.start != leg.end)
    )


def _spread(stands: Stands, query: FrontQuery) -> FrontQuery:
    """The same question where stops have stands: one walks to and from each of them."""
    n = stands.n_stops
    nodes = np.concatenate([stands.stop, np.arange(n, len(query.access), dtype=np.int32)])
    doors = query.door_edges
    if doors is not None:
        rows = doors.rows.copy()
        rows[:, 0] += np.where(rows[:, 0] < n, 0, len(stands.stop) - n).astype(np.int32)
        doors = DoorEdges(rows)
    return replace(query, access=query.access[nodes], egress=query.egress[nodes], door_edges=doors)


def _run(network: FrontNetwork, rentals: RentalEdges, query: FrontQuery) -> FrontWorkspace:
    n_nodes = rentals.n_nodes
    if n_nodes < network.stands.n_stops or rentals.given.n_stops != network.stands.n_stops:
        raise ValueError("the rentals are of another network")
    if len(query.access) != n_nodes or len(query.egress) != n_nodes:
        raise ValueError(f"{len(query.access)} access times for {n_nodes} nodes")
    if network.stands.at:
        rentals, query = rentals.spread(network.stands), _spread(network.stands, query)
        n_nodes = rentals.n_nodes
    access, egress = _seconds(query.access), _seconds(query.egress)
    rows = query.door_edges.rows if query.door_edges else _NO_EDGES
    first, last = (rows, _NO_EDGES) if network.mirrored else (_NO_EDGES, rows)
    n_labels = _LABELS
    while n_labels <= _MOST_LABELS:
        workspace = network.borrow(n_nodes, n_labels)
        state = workspace.state
        state[_RENTALS] = rentals.record
        pose(
            state, access, egress, first, last, rentals.n_kinds, rentals.least_cents,
            query.seconds, query.horizon_s, query.direct_s, query.max_rides,
            int(query.rents_once), query.rides_beside if query.rents_once else query.max_rides,
        )  # fmt: skip
        find_front(workspace.address)
        failed = state[at.IS_FULL]
        if failed == at.NOT_THERE:
            network.give_back(workspace)
            raise ValueError("a ride to the door from a place or on a kind that is not there")
        if not failed:
            return workspace
        n_labels = 4 * workspace.n_labels
    raise FrontTooLargeError(f"a front needs more than {_MOST_LABELS} labels")


def _seconds(given: I32) -> I32:
    return np.ascontiguousarray(given, np.int32)


def _journeys(workspace: FrontWorkspace) -> list[FrontJourney]:
    n = int(workspace.state[at.N_FRONT])
    rows = workspace.front[: n + 1].tolist()
    legs = workspace.out[: LEG_ROW * rows[n][at.F_LEG0]].reshape(-1, LEG_ROW).tolist() if n else []
    for leg in legs:
        leg[0] = _KINDS[leg[0]]
    made: list[FrontLeg] = list(map(_leg, legs))
    made.reverse()
    journeys = [
        FrontJourney(
            row[at.F_DEPARTS],
            row[at.F_TIME],
            row[at.F_LEGS] - 1,
            row[at.F_CENTS],
            row[at.F_STEPS],
            row[at.F_MG],
            tuple(made[len(made) - after[at.F_LEG0] : len(made) - row[at.F_LEG0]]),
        )
        for row, after in pairwise(rows)
    ]
    journeys.sort(key=lambda journey: (journey.transfers, journey.arrives_s))
    return journeys
