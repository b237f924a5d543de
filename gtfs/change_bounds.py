"""How many rules about changing are too many for a network, and which are left out then.

A search tells apart, at each stop, the lines and trips that rules name there, and needs a way from
each to each; and a trip that is named runs in a lane of its own. What no feed of a city comes near
is cut off: first the rules of trips at the stops where they tell most apart, then those of lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gtfs.defects import Kind, Report
from gtfs.trip_columns import Services, TripColumns

I64 = NDArray[np.int64]

MOST_PAIRS = 1 << 17
"""Pairs of stops that all rules together name, counted again for each rule."""
MOST_WAYS = 1 << 19
"""Ways to change between what rules tell apart on a day, at all stops and between those nearby."""
MOST_TRIPS = 1 << 12
"""Trips that are named at a stop on a day, counted at each of their stops."""


class ChangeRule(NamedTuple):
    """A rule for changing between two stops, all by number; -1 where it names none.

    A side that names a trip names no line. `own` of its two stops are named themselves, the others
    by their station. `seconds` None: as long as without the rule.
    """

    from_stop: int
    to_stop: int
    from_route: int
    to_route: int
    from_trip: int
    to_trip: int
    own: int
    seconds: int | None

    @property
    def rank(self) -> tuple[int, int, int]:
        """How specific it is; the greatest holds."""
        n_trips = (self.from_trip >= 0) + (self.to_trip >= 0)
        n_routes = (self.from_route >= 0) + (self.to_route >= 0)
        return n_trips, n_routes, self.own


def within_bounds(
    rules: list[ChangeRule],
    trips: TripColumns,
    services: Services,
    stops: Mapping[str, int],
    routes: Mapping[str, int],
    near: I64,
    report: Report,
) -> list[ChangeRule]:
    """The rules that are not too many; the report names how many are left out.

    `near` is of each stop the number of others with rules to which one can walk.
    """
    if not rules:
        return rules
    by_route, by_trip = _told_apart(rules, trips, services, stops, routes)
    there = 1 + near
    by_lines = there * (1 + by_route) ** 2
    crowded = _crowded(there * (1 + by_route + by_trip) ** 2, by_lines, MOST_WAYS)
    by_trip[crowded] = 0
    crowded = np.append(crowded, _crowded(by_trip, np.zeros_like(by_trip), MOST_TRIPS))
    by_trip[crowded] = 0
    full = set(crowded.tolist())
    kept = [
        rule for rule in rules if max(rule.from_trip, rule.to_trip) < 0 or full.isdisjoint(rule[:2])
    ]
    crowded = _crowded(there * (1 + by_route + by_trip) ** 2, there, MOST_WAYS)
    full = set(crowded.tolist())
    kept = [rule for rule in kept if full.isdisjoint(rule[:2])]
    if len(kept) < len(rules):
        report.add(
            "transfers", None, "", Kind.UNSUPPORTED,
            "rules tell too many lines and trips apart at some stops",
            f"ignored {len(rules) - len(kept)} of {len(rules)} there",
        )  # fmt: skip
    return kept


def _crowded(weight: I64, left: I64, most: int) -> I64:
    """The stops with most that must make do with what is left, for the sum to be `most`."""
    order = np.argsort(weight, kind="stable")
    whole = np.append(0, np.cumsum(weight[order]))
    rest = np.append(0, np.cumsum(left[order]))
    n_kept = int(np.flatnonzero(whole + rest[-1] - rest <= most).max(initial=0))
    crowded = order[n_kept:]
    return crowded[weight[crowded] > left[crowded]]


def _told_apart(
    rules: Sequence[ChangeRule],
    trips: TripColumns,
    services: Services,
    stops: Mapping[str, int],
    routes: Mapping[str, int],
) -> tuple[I64, I64]:
    """How many lines, and how many trips of one day, are named at each stop where they call."""
    place = np.array([stops.get(id_, -1) for id_ in trips.stop_ids], np.int64)
    line = np.array([routes.get(id_, -1) for id_ in trips.route_ids], np.int64)
    trip = np.repeat(np.arange(len(trips)), np.diff(trips.call0))
    at = place[trips.stop]
    table = np.array([rule[:6] for rule in rules], np.int64)
    sides = np.concatenate([table[:, 0::2], table[:, 1::2]])
    named_routes = _called(sides[:, [0, 1]], at, line[trips.route][trip])
    named_trips = _called(sides[:, [0, 2]], at, trip)
    row_of = {id_: row for row, id_ in enumerate(services.id)}
    row = np.array([row_of.get(id_, -1) for id_ in trips.service_ids], np.int64)
    by_trip = np.zeros(len(stops), np.int64)
    edges = np.searchsorted(named_trips[:, 0], np.arange(len(stops) + 1))
    for stop in np.flatnonzero(np.diff(edges)).tolist():
        some = row[trips.service[named_trips[edges[stop] : edges[stop + 1], 1]]]
        by_trip[stop] = services.active[some[some >= 0]].sum(axis=0).max(initial=0)
    return np.bincount(named_routes[:, 0], minlength=len(stops)), by_trip


def _called(named: I64, stop: I64, name: I64) -> I64:
    """The pairs of stop and name, in order, that are both named and among those of the calls."""
    width = int(max(named[:, 1].max(), name.max(initial=0))) + 1
    keys = named[named[:, 1] >= 0] @ np.array([width, 1])
    keys = np.unique(keys[np.isin(keys, np.unique(stop * width + name))])
    return np.stack([keys // width, keys % width], axis=1)
