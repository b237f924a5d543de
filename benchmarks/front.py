"""The four-criteria front on Lübeck: bus, ferry, rented bikes and cars, door to door.

    python -m benchmarks front
    python -m benchmarks.front [QUESTIONS]

The city's own timetable, fares and demo fleets; ways are great circles times 1.3 (1.2 m/s on foot,
4.2 by bike, 8 by car), so that the kernel is measured and no street search. 1,000 random pairs of
doors at random times from 5 to 22 h, at most 1,200 s from a stop on foot. Prints p50, p95 and
p99 in microseconds: in the kernel, its legs included, and from Python to journeys; each question
counts its fastest of three rounds.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random
from time import perf_counter_ns

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from gtfs import front as api
from gtfs import front_search
from gtfs.build import build
from gtfs.front import DoorEdges, FrontNetwork, FrontQuery, Levels, RentalEdges, search_front
from gtfs.front_layout import N_FRONT, N_LABELS
from gtfs.load import read_feed
from gtfs.network import SECTIONS, View, network_of
from gtfs.timetable import Timetable
from mobility.cities.city import City, load_city
from mobility.cities.network import write_feed
from providers.sandbox.fleet import read_fleet

TODAY = date(2026, 11, 25)
ROUNDS = 3
WALK_MPS, BIKE_MPS, CAR_MPS, DETOUR = 1.2, 4.2, 8.0, 1.3
DOOR_S, STATION_S, UNLOCK_S = 1_200, 600, 120
Degrees = NDArray[np.float64]
I32 = NDArray[np.int32]


def metres(a: Degrees, b: Degrees) -> Degrees:
    """(n, m) metres of way from each of (n, 2) degrees to each of (m, 2)."""
    scale = np.array([111_195.0, 111_195.0 * np.cos(np.radians(53.87))])
    away: Degrees = np.sqrt((((a[:, None] - b[None]) * scale) ** 2).sum(axis=2)) * DETOUR
    return away


@dataclass
class Town:
    """Lübeck as the kernel reads it; kinds 0 bike, 1 car."""

    stops: Degrees
    bikes: Degrees
    cars: Degrees
    networks: dict[str, FrontNetwork]
    rentals: RentalEdges

    @property
    def nodes(self) -> Degrees:
        return np.concatenate([self.stops, self.bikes, self.cars])


def networks_of(city: City, timetable: Timetable) -> dict[str, FrontNetwork]:
    """With the level tariff, and with a pass for it."""
    day = network_of(timetable, TODAY, View.AHEAD)
    section = {
        name: day.data[day.offsets[i] : day.offsets[i + 1]] for i, name in enumerate(SECTIONS)
    }
    degrees = np.stack([timetable.stop_table.lat, timetable.stop_table.lon], axis=1)
    along: list[int] = []
    for a, b in zip(section["stop0"], section["stop0"][1:], strict=False):
        way = degrees[section["stops"][a:b]]
        steps = [metres(p[None], q[None])[0, 0] for p, q in itertools.pairwise(way)]
        along += np.cumsum([0, *steps]).astype(int).tolist()
    agencies = timetable.routes.agency[timetable.trips.route[np.array(day.trip)]]
    ferry = timetable.agencies.id.index("priwallfaehre") if city else -1
    found = {}
    for name, cents in (("tickets", -1), ("pass", 0)):
        found[name] = FrontNetwork.of(
            day,
            mirrored=False,
            trip_cents=np.where(agencies == ferry, 210, cents).astype(np.int32),
            trip_mg_per_m=np.where(agencies == ferry, 0, 90).astype(np.int32),
            metres=np.array(along, np.int32),
            levels=Levels(
                (360, 440), np.full(day.n_stops, 3, np.int32), 7_200, 200, 4,
                tuple((d * 86_400 + 32_400, d * 86_400 + 86_400) for d in (-1, 0, 1)),
            ),
        )  # fmt: skip
    return found


def town_of(city: City, timetable: Timetable) -> Town:
    bikes, cars = [], []
    for stanza in city.providers:
        if stanza.demo_fleet is not None:
            fleet = read_fleet(stanza, city.folder)
            bikes += [(s.lat, s.lon) for s in fleet.stations]
            cars += [(v.lat, v.lon) for v in fleet.vehicles if not v.station_id]
    stops = np.stack([timetable.stop_table.lat, timetable.stop_table.lon], axis=1)
    return Town(
        stops,
        np.array(bikes),
        np.array(cars),
        networks_of(city, timetable),
        rentals_of(timetable, stops, np.array(bikes), np.array(cars)),
    )


def rentals_of(timetable: Timetable, stops: Degrees, bikes: Degrees, cars: Degrees) -> RentalEdges:
    n_stops, n_bikes, n_cars = len(stops), len(bikes), len(cars)
    ride = metres(bikes, bikes)
    a, b = np.nonzero((ride > 0) & (ride / BIKE_MPS < 5_400))
    hubs = np.argsort(-np.bincount(timetable.patterns.stops, minlength=n_stops))[:60]
    drive = metres(cars, stops[hubs])
    c, h = np.nonzero(drive < 25_000)
    way = np.concatenate([ride[a, b], drive[c, h]])
    by_car = np.arange(len(way)) >= len(a)
    cents = np.where(by_car, _by_car(way), 100 * -(-(way / BIKE_MPS + UNLOCK_S) // 1_800))
    walk = metres(stops, np.concatenate([bikes, cars])) / WALK_MPS
    s, p = np.nonzero(walk < STATION_S)
    kinds = np.repeat([0, 1], [n_bikes, n_cars])
    takes = np.zeros((2, n_stops + n_bikes + n_cars), np.bool_)
    takes[0, n_stops : n_stops + n_bikes] = True
    takes[1, hubs] = True
    whole = [
        np.concatenate([a, c + n_bikes]), np.concatenate([b + n_stops, hubs[h]]), by_car,
        way / np.where(by_car, CAR_MPS, BIKE_MPS) + UNLOCK_S, cents, np.where(by_car, 230 * way, 0),
    ]  # fmt: skip
    start, end, kind, seconds, price, mg = (column.astype(np.int32) for column in whole)
    at = walk[s, p].astype(np.int32)
    stop, place = s.astype(np.int32), p.astype(np.int32)
    return RentalEdges.of(
        n_stops, n_bikes + n_cars, 2,
        start=start, end=end, kind=kind, seconds=seconds, cents=price, mg=mg,
        to_place=(stop, place, at), to_stop=(place, stop, at),
        available=np.array([kinds == 0, kinds == 1]), takes=takes,
    )  # fmt: skip


def _by_car(way: Degrees) -> Degrees:
    return 100 + 19 * -(-(way / CAR_MPS + UNLOCK_S) // 60) + 27 * way // 1_000


def question(town: Town, random: Random) -> FrontQuery:
    """Two doors within 500 m of a stop, a moment."""
    start, end = (
        town.stops[random.randrange(len(town.stops))]
        + np.array([random.uniform(-0.004, 0.004), random.uniform(-0.006, 0.006)])
        for _ in range(2)
    )
    nodes = town.nodes
    doors = []
    for door in (start, end):
        seconds = metres(door[None], nodes)[0] / WALK_MPS
        doors.append(np.where(seconds < DOOR_S, seconds, api.FAR).astype(np.int32))
    direct = int(metres(start[None], end[None])[0, 0] / WALK_MPS)
    way = metres(town.cars, end[None])[:, 0]
    place = np.arange(len(town.cars), dtype=np.int32) + np.int32(len(town.bikes))
    edges = DoorEdges.of(
        len(town.stops),
        place=place,
        kind=np.ones(len(way), np.int32),
        seconds=(way / CAR_MPS + UNLOCK_S).astype(np.int32),
        cents=_by_car(way).astype(np.int32),
        mg=(230 * way).astype(np.int32),
    )
    return FrontQuery(
        random.randrange(5 * 3_600, 22 * 3_600),
        doors[0],
        doors[1],
        direct if direct < 4_500 else api.FAR,
        door_edges=edges,
    )


def quick() -> int:
    """Measure few; 0."""
    return main(200)


def main(n: int = 1_000) -> int:
    """Measure; 0."""
    console = Console()
    city = load_city("luebeck")
    with tempfile.TemporaryDirectory() as folder:
        write_feed(city, Path(folder) / "feed.zip", TODAY)
        timetable = build(read_feed(Path(folder) / "feed.zip")[0])
    town = town_of(city, timetable)
    table = Table("fares", "vehicles", "kernel p50 / 95 / 99 µs", "with Python", "points", "labels")
    none = np.zeros_like(town.rentals.available).reshape(-1, 2).T.astype(np.bool_)
    for name, network in town.networks.items():
        for vehicles in ("bike and car", "none"):
            rentals = town.rentals
            if vehicles == "none":
                rentals = rentals.with_masks(none[:, len(town.stops) :], none)
            random = Random(7)
            asked = [question(town, random) for _ in range(n)]
            table.add_row(name, vehicles, *measure(network, rentals, asked))
    console.print(table)
    return 0


def measure(
    network: FrontNetwork, rentals: RentalEdges, asked: list[FrontQuery]
) -> tuple[str, ...]:
    kernel = front_search.find_front
    inside = 0
    sizes = np.zeros((2, len(asked)), np.int64)

    def timed(address: int) -> None:
        nonlocal inside
        start = perf_counter_ns()
        kernel(address)
        inside = perf_counter_ns() - start

    times = np.full((2, ROUNDS, len(asked)), np.inf)
    search_front(network, rentals, asked[0])
    api.find_front = timed  # type: ignore[attr-defined]
    try:
        for r in range(ROUNDS):
            for i, query in enumerate(asked):
                start = perf_counter_ns()
                search_front(network, rentals, query)
                times[:, r, i] = inside / 1_000, (perf_counter_ns() - start) / 1_000
                workspace = network.borrow(rentals.n_nodes, 1)
                sizes[:, i] = workspace.state[N_FRONT], workspace.state[N_LABELS]
                network.give_back(workspace)
    finally:
        api.find_front = kernel  # type: ignore[attr-defined]
    shown = [
        " / ".join(f"{value:.0f}" for value in np.percentile(row, [50, 95, 99]))
        for row in (*times.min(axis=1), *sizes)
    ]
    return tuple(shown)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
