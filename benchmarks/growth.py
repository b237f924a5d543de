"""Networks of 1x, 4x and 16x: how long they take to prepare, what they weigh, how searches grow.

    python -m benchmarks.growth [SEED]

A made-up city on a grid: lines wander across it in both directions every ten minutes or so; 16x is
sixteen times the area, lines and trips, about six million calls. As cities do, a larger one has
faster lines that stop at every second or fourth corner. Searches cross it at random. Each
size runs in a process of its own, so that its memory is its own. Exits 1 if a search grows faster
than the network.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from dataclasses import replace
from random import Random
from time import perf_counter, perf_counter_ns

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from gtfs.journey import Access, Query, search
from gtfs.network import View, prepare
from gtfs.tables import Strings
from gtfs.text import timetable_from_text
from gtfs.timetable import Timetable

SIZES = (1, 4, 16)
CORNERS = 350  # of the 1x grid; two stops at each
LINES, CALLS, TRIPS = 60, 25, 125
WALK_S, CHANGE_S, HEADWAY_S = 60, 30, 600
QUERIES = 400


def main() -> int:
    """Measure all sizes, or the one named by ``--size``, which prints its numbers as JSON."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    if sys.argv[2:3] == ["--size"]:
        print(json.dumps(measure(int(sys.argv[3]), seed)))
        return 0
    table = Table("size", "stops", "calls", "network s", "changes s", "MB", "p50 µs", "p99 µs")
    found = []
    for size in SIZES:
        command = [sys.executable, "-m", "benchmarks.growth", str(seed), "--size", str(size)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found.append(json.loads(done.stdout.splitlines()[-1]))
        row = found[-1]
        table.add_row(
            f"{size}x", f"{row['stops']:,}", f"{row['calls']:,}", f"{row['network_s']:.2f}",
            f"{row['changes_s']:.2f}", f"{row['mb']:.0f}", f"{row['p50']:.0f}", f"{row['p99']:.0f}",
        )  # fmt: skip
    console = Console()
    console.print(table)
    grown = found[-1]["p50"] / found[0]["p50"]
    console.print(f"a search on the largest takes {grown:.1f} times as long as on the smallest")
    return 1 if grown > SIZES[-1] / SIZES[0] else 0


def measure(size: int, seed: int) -> dict[str, float]:
    """Prepare a city and search in it."""
    timetable = city(size, seed)
    day = timetable.first_day
    prepare(city(1, seed), day, View.AHEAD).transfers(walk_at_ends=True)  # compiles
    start = perf_counter()
    network = prepare(timetable, day, View.AHEAD)
    network_s = perf_counter() - start
    start = perf_counter()
    network.transfers(walk_at_ends=True)
    changes_s = perf_counter() - start
    random = Random(seed)
    n_stops = len(timetable.stop_table.change_s)
    times = []
    for _ in range(QUERIES):
        ends = [(Access(random.randrange(n_stops), 0),) for _ in range(2)]  # type: ignore[arg-type]
        query = Query(day, random.randrange(6 * 3600, 18 * 3600), *ends, 15, walk_at_ends=True)
        best = min(_nanoseconds(timetable, query) for _ in range(3))
        times.append(best / 1000)
    p50, p99 = np.percentile(times, [50, 99]).tolist()
    return {
        "stops": n_stops,
        "calls": len(timetable.events.arrival),
        "network_s": network_s,
        "changes_s": changes_s,
        "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "p50": p50,
        "p99": p99,
    }


def _nanoseconds(timetable: Timetable, query: Query) -> int:
    start = perf_counter_ns()
    search(timetable, query)
    return perf_counter_ns() - start


def city(size: int, seed: int) -> Timetable:
    """A timetable of `size` times the area, lines and trips of the smallest."""
    random = np.random.default_rng(seed)
    side = round((CORNERS * size) ** 0.5)
    n_stops, n_lines = 2 * side * side, LINES * size
    strides = [stride for stride in (1, 2, 4) if stride * stride <= size]
    ways = np.concatenate(
        [both for _ in range(n_lines) for both in _line(random, side, random.choice(strides))]
    )
    n_patterns = 2 * n_lines
    n_trips = n_patterns * TRIPS
    hop = random.integers(60, 180, (n_patterns, 1, CALLS))
    first = 5 * 3600 + random.integers(0, HEADWAY_S, (n_patterns, 1)) + HEADWAY_S * np.arange(TRIPS)
    arrival = (first[:, :, None] + np.cumsum(hop, axis=2)).astype(np.int32).ravel()
    small = timetable_from_text("1: A 08:00 B 08:10")
    calls = len(ways)
    ids = Strings.of(str(i) for i in range(n_stops))
    blank = Strings.of([""])
    none = Strings(np.zeros(n_trips + 1, np.int64), blank.blob)
    bare = Strings(np.zeros(n_stops + 1, np.int64), blank.blob)
    twin = np.arange(n_stops, dtype=np.int32) ^ 1
    return replace(
        small,
        stop_table=replace(
            small.stop_table, id=ids, name=ids, zone=bare, code=bare, platform=bare,
            lat=np.zeros(n_stops), lon=np.zeros(n_stops),
            station=np.full(n_stops, -1, np.int32), wheelchair=np.zeros(n_stops, np.int8),
            change_s=np.full(n_stops, CHANGE_S, np.int32),
        ),
        patterns=replace(
            small.patterns,
            stop0=_every(CALLS, n_patterns),
            trip0=_every(TRIPS, n_patterns),
            event0=_every(CALLS * TRIPS, n_patterns),
            stops=ways.astype(np.int32),
            boards=np.ones(calls, np.bool_), alights=np.ones(calls, np.bool_),
            pickup=np.zeros(calls, np.int8), drop_off=np.zeros(calls, np.int8),
        ),
        trips=replace(
            small.trips, id=none, headsign=none, note=none, block=none,
            route=np.zeros(n_trips, np.int32), service=np.zeros(n_trips, np.int32),
            pattern=np.repeat(np.arange(n_patterns, dtype=np.int32), TRIPS),
            direction=np.zeros(n_trips, np.int8), wheelchair=np.zeros(n_trips, np.int8),
            path=np.full(n_trips, -1, np.int32), bikes=np.zeros(n_trips, np.int8),
        ),
        events=replace(
            small.events, arrival=arrival, departure=arrival + np.int32(20),
            sequence=np.zeros(len(arrival), np.int32),
        ),
        footpaths=replace(
            small.footpaths, from0=np.arange(n_stops + 1, dtype=np.int32), to=twin,
            seconds=np.full(n_stops, WALK_S, np.int32),
        ),
    )  # fmt: skip


def _every(width: int, n: int) -> NDArray[np.int32]:
    return np.arange(0, width * (n + 1), width, dtype=np.int32)


def _line(random: np.random.Generator, side: int, stride: int) -> list[NDArray[np.int64]]:
    """The calls of a line that wanders, and those of its way back on the other side of the road."""
    at = random.integers(0, side, 2)
    heading = random.integers(0, 4)
    corners = []
    for _ in range(CALLS):
        corners.append(int(at[0] * side + at[1]))
        if random.random() < 0.15:
            heading = (heading + random.choice([1, 3])) % 4
        step = ((0, stride), (stride, 0), (0, -stride), (-stride, 0))[heading]
        if not (0 <= at[0] + step[0] < side and 0 <= at[1] + step[1] < side):
            heading = (heading + 2) % 4
            step = (-step[0], -step[1])
        at = at + np.array(step)
    there = np.array(corners)
    return [2 * there, 2 * there[::-1] + 1]


if __name__ == "__main__":
    sys.exit(main())
