"""Ways from a door to all stops and stations: the estimate of Lübeck, and a graph of streets.

    python -m benchmarks streets

The estimate is compared with its definition, computed pair by pair with numpy: every answer equal.
The graph is a made-up town of 62,500 junctions, read from an extract like any other. Each question
counts its fastest of three rounds, in time of this thread. Exits 1 where an answer differs or an
aim is missed.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from time import perf_counter, thread_time_ns

import numpy as np
import numpy.typing as npt
import osmium
from osmium.osm.mutable import Node, Way
from rich.console import Console
from rich.table import Table

from gtfs.geo import LatLon
from mobility.cities.city import City, load_city
from mobility.planning.ways.estimated import Streets, streets_of
from mobility.planning.ways.imported import StreetNetwork
from mobility.planning.ways.reach import Places, StreetWays
from mobility.planning.ways.water import degrees_of, great_circle_m
from mobility.streets.take_over import take_over
from providers.values import Mode

DOORS, ROUNDS, SEED = 300, 3, 11
WALK_S, RIDE_S = 1149, 5400
DAY = date(2026, 11, 25)
AIMS_US = {"703 stops on foot": 40.0, "60 stations by bike": 150.0, "20 cars": 150.0}
SIZE, STEP_DEGREES = 250, 0.0006
KINDS = ("residential", "residential", "footway", "tertiary", "path")

Floats = npt.NDArray[np.float64]


def main() -> int:
    """Both networks; 1 where the estimate is not its definition or is slower than its aim."""
    console = Console()
    city = load_city("luebeck")
    stops = _stops(city)
    random = np.random.default_rng(SEED)
    scattered = stops[random.integers(0, len(stops), DOORS)] + random.normal(0, 0.003, (DOORS, 2))
    doors = [LatLon(*door) for door in scattered.tolist()]
    estimated = streets_of(city.water, city.crossings, city.rules)
    measured = _measure(estimated, stops, doors)
    start = perf_counter()
    estimated.prepare(Places(stops), [Mode.WALK, Mode.CAR], DAY)
    console.print(f"estimate: tables of {len(stops)} stops in {perf_counter() - start:.1f} s")
    table = Table("question", "estimated p50", "p99", "streets p50", "p99", "aim (estimated p50)")
    with tempfile.TemporaryDirectory() as folder:
        network = _town(Path(folder), city, console)
        beside = _measure(network, _in_town(703, random), [
            LatLon(*door) for door in _in_town(DOORS, random).tolist()
        ])  # fmt: skip
    failed = _differing(estimated, stops, doors[:40])
    for name, times in measured.items():
        aim = AIMS_US.get(name)
        p50 = float(np.percentile(times, 50))
        failed += aim is not None and p50 > aim
        both = [np.percentile(t, q) for t in (times, beside[name]) for q in (50, 99)]
        table.add_row(name, *(f"{us:.0f} µs" for us in both), f"{aim:.0f} µs" if aim else "")
    console.print(table)
    return int(failed > 0)


def _stops(city: City) -> Floats:
    with (city.folder / "network" / "stops.csv").open(encoding="utf-8", newline="") as file:
        return np.array([(float(r["lat"]), float(r["lon"])) for r in csv.DictReader(file)])


def _measure(ways: StreetWays, stops: Floats, doors: list[LatLon]) -> dict[str, list[float]]:
    """Microseconds of each question, by door."""
    walked, stations, cars = Places(stops), Places(stops[::12][:60]), Places(stops[5::30][:20])
    questions: dict[str, Callable[[LatLon, LatLon], object]] = {
        "703 stops on foot": lambda a, _: ways.reach(a, Mode.WALK, walked, DAY, max_seconds=WALK_S),
        "60 stations by bike": lambda a, _: ways.reach(
            a, Mode.BIKE, stations, DAY, max_seconds=RIDE_S
        ),
        "20 cars": lambda a, _: ways.reach(
            a, Mode.CAR, cars, DAY, max_seconds=RIDE_S, outward=False
        ),
        "a way across, with its line": lambda a, b: ways.leg(Mode.BIKE, a, b, DAY),
    }
    result: dict[str, list[float]] = {}
    for name, ask in questions.items():
        ask(doors[0], doors[1])
        result[name] = [
            min(_timed(ask, a, b) for _ in range(1 if "line" in name else ROUNDS)) / 1000
            for a, b in zip(doors, doors[1:] + doors[:1], strict=True)
        ]
    return result


def _timed(ask: Callable[[LatLon, LatLon], object], a: LatLon, b: LatLon) -> int:
    start = thread_time_ns()
    ask(a, b)
    return thread_time_ns() - start


def _differing(ways: Streets, stops: Floats, doors: list[LatLon]) -> int:
    """How many answers are not those of the definition: over every pair of way points in sight."""
    places = Places(stops)
    profile, graph = ways._profiles[Mode.WALK], ways._graph(Mode.WALK, DAY)  # noqa: SLF001
    water, plane = ways._water, ways._plane  # noqa: SLF001
    limit = WALK_S * profile.speed_kmh / 3.6 / profile.detour_factor
    differing = 0
    for door in doors:
        start = degrees_of([door])
        start_xy = plane.project(start)

        def sights(xy: Floats, degrees: Floats) -> Floats:
            metres = great_circle_m(degrees, graph.degrees)
            metres[water.crossed(np.broadcast_to(xy, graph.xy.shape), graph.xy)] = np.inf
            return metres

        straight = great_circle_m(start, stops)
        reached = (sights(start_xy, start)[:, None] + graph.metres).min(axis=0)
        found = ways.reach(door, Mode.WALK, places, DAY, max_seconds=WALK_S)
        for stop in np.flatnonzero(straight <= limit).tolist():
            xy = plane.project(stops[stop : stop + 1])
            metres = straight[stop]
            if water.crossed(start_xy, xy)[0]:
                metres = (reached + sights(xy, stops[stop : stop + 1])).min()
            seconds = np.ceil(metres * profile.detour_factor * 3.6 / profile.speed_kmh)
            differing += int(found[stop]) != (int(seconds) if metres <= limit else -1)
        differing += int((found[straight > limit] != -1).sum())
    return differing


def _in_town(count: int, random: np.random.Generator) -> Floats:
    inside = random.uniform(0.05, 0.95, (count, 2)) * SIZE * STEP_DEGREES
    return inside * (1, 1.7) + (53.8, 10.6)


def _town(folder: Path, city: City, console: Console) -> StreetNetwork:
    """A grid with bent streets of all kinds, written as an extract and imported."""
    random = np.random.default_rng(SEED)
    with osmium.SimpleWriter(str(folder / "town.osm.pbf")) as writer:
        for i in range(SIZE):
            for j in range(SIZE):
                lat, lon = np.array([i, j]) * STEP_DEGREES + random.normal(0, 0.0001, 2)
                place = (10.6 + 1.7 * lon, 53.8 + lat)
                writer.add_node(Node(id=i * SIZE + j + 1, location=place))
        for number in range(2 * SIZE):
            line, along = number // 2, range(SIZE)
            nodes = [(line * SIZE + k if number % 2 else k * SIZE + line) + 1 for k in along]
            for start in range(0, SIZE - 1, 12):
                tags = {"highway": KINDS[int(random.integers(len(KINDS)))]}
                refs = nodes[start : start + 13]
                writer.add_way(Way(id=number * SIZE + start + 1, nodes=refs, tags=tags))
    begin = perf_counter()
    rules = city.rules
    take_over(
        folder / "town.osm.pbf", folder / "town.bin", rules.walk_kmh, rules.bike_kmh,
        datetime.now(UTC), lambda _what, _count: None,
    )  # fmt: skip
    console.print(f"streets: imported in {perf_counter() - begin:.1f} s")
    return StreetNetwork.load(folder / "town.bin", rules.speeds_kmh())


if __name__ == "__main__":
    sys.exit(main())
