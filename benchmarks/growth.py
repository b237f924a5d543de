"""Networks of 1x, 4x and 16x: how long they take to prepare, what they weigh, how searches grow.

    python -m benchmarks.growth [SEED]

A made-up city on a grid: lines wander across it in both directions every ten minutes. It grows in
two ways, to about six million calls. *Wider* is sixteen times the area, lines and trips; as cities
do, a larger one has faster lines that stop at every second or fourth corner. *Denser* is the same
lines with sixteen times the trips. Searches cross it at random, which in a wider one asks for
longer journeys of more rides; and *nearby* between corners no farther apart than those of the 1x
city are. Each runs in a process of its own, so that its memory is its own. Exits 1 if searches
across grow faster than the network.
"""

from __future__ import annotations

import json
import math
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

from gtfs.ids import StopIdx
from gtfs.journey import Access, Query, search
from gtfs.network import View, prepare
from gtfs.tables import Strings
from gtfs.text import timetable_from_text
from gtfs.timetable import Timetable

CITIES = ((1, 1), (4, 1), (16, 1), (1, 4), (1, 16))  # how much wider, how much denser
CORNERS = 350  # of the 1x grid; two stops at each
LINES, CALLS, TRIPS = 60, 25, 125
WALK_S, CHANGE_S, HEADWAY_S = 60, 30, 600
QUERIES = 400


def main() -> int:
    """Measure all sizes, or the one named by ``--size``, which prints its numbers as JSON."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    if sys.argv[2:3] == ["--size"]:
        print(json.dumps(measure(int(sys.argv[3]), int(sys.argv[4]), seed)))
        return 0
    table = Table(
        "city", "stops", "calls", "network, changes s", "MB", "across p50 / 99 µs", "nearby"
    )
    found = {}
    for wider, denser in CITIES:
        command = [sys.executable, "-m", "benchmarks.growth", str(seed), "--size"]
        done = subprocess.run(
            [*command, str(wider), str(denser)], check=True, capture_output=True, text=True
        )
        row = json.loads(done.stdout.splitlines()[-1])
        found[wider, denser] = row["p50"]
        table.add_row(
            f"{wider}x wider" if wider > 1 else f"{denser}x denser" if denser > 1 else "1x",
            f"{row['stops']:,}", f"{row['calls']:,}",
            f"{row['network_s']:.1f}, {row['changes_s']:.1f}", f"{row['mb']:.0f}",
            f"{row['p50']:.0f} / {row['p99']:.0f}",
            f"{row['near_p50']:.0f} / {row['near_p99']:.0f}",
        )  # fmt: skip
    console = Console()
    console.print(table)
    wider, denser = (found[largest] / found[1, 1] for largest in ((16, 1), (1, 16)))
    console.print(
        f"a search across takes {wider:.1f} times as long where 16 times as wide, "
        f"{denser:.1f} times as long where 16 times as dense"
    )
    return 1 if max(wider, denser) > 16 else 0


def measure(wider: int, denser: int, seed: int) -> dict[str, float]:
    """Prepare a city and search in it."""
    timetable = city(wider, seed, denser)
    day = timetable.first_day
    prepare(city(1, seed), day, View.AHEAD).transfers(walk_at_ends=True)  # compiles
    radius = _side(1)
    start = perf_counter()
    network = prepare(timetable, day, View.AHEAD)
    network_s = perf_counter() - start
    start = perf_counter()
    network.transfers(walk_at_ends=True)
    changes_s = perf_counter() - start
    random = Random(seed)
    n_stops = len(timetable.stop_table.change_s)
    across: list[float] = []
    near: list[float] = []
    while len(near) < QUERIES:
        start_at, end_at = (StopIdx(random.randrange(n_stops)) for _ in range(2))
        is_near = _apart(start_at, end_at, _side(wider)) < radius
        if len(across) == QUERIES and not is_near:
            continue
        ends = (Access(start_at, 0),), (Access(end_at, 0),)
        query = Query(day, random.randrange(6 * 3600, 18 * 3600), *ends, 15, walk_at_ends=True)
        best = min(_nanoseconds(timetable, query) for _ in range(3)) / 1000
        if len(across) < QUERIES:
            across.append(best)
        if is_near:
            near.append(best)
    p50, p99 = np.percentile(across, [50, 99]).tolist()
    near_p50, near_p99 = np.percentile(near, [50, 99]).tolist()
    return {
        "stops": n_stops,
        "calls": len(timetable.events.arrival),
        "network_s": network_s,
        "changes_s": changes_s,
        "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "p50": p50,
        "p99": p99,
        "near_p50": near_p50,
        "near_p99": near_p99,
    }


def _side(wider: int) -> int:
    return round(math.sqrt(CORNERS * wider))


def _apart(a: int, b: int, side: int) -> int:
    """Corners between two stops, along the longer side."""
    rows, columns = abs(a // 2 // side - b // 2 // side), abs(a // 2 % side - b // 2 % side)
    return max(rows, columns)


def _nanoseconds(timetable: Timetable, query: Query) -> int:
    start = perf_counter_ns()
    search(timetable, query)
    return perf_counter_ns() - start


def city(wider: int, seed: int, denser: int = 1) -> Timetable:
    """A timetable of so many times the area and lines of the smallest, and trips of each line."""
    random = np.random.default_rng(seed)
    side = _side(wider)
    n_stops, n_lines, n_runs = 2 * side * side, LINES * wider, TRIPS * denser
    strides = [stride for stride in (1, 2, 4) if stride * stride <= wider]
    ways = np.concatenate(
        [both for _ in range(n_lines) for both in _line(random, side, random.choice(strides))]
    )
    n_patterns = 2 * n_lines
    n_trips = n_patterns * n_runs
    hop = random.integers(60, 180, (n_patterns, 1, CALLS))
    first = 5 * 3600 + random.integers(0, HEADWAY_S, (n_patterns, 1))
    first = first + HEADWAY_S * np.arange(n_runs) // denser
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
            trip0=_every(n_runs, n_patterns),
            event0=_every(CALLS * n_runs, n_patterns),
            stops=ways.astype(np.int32),
            boards=np.ones(calls, np.bool_), alights=np.ones(calls, np.bool_),
            pickup=np.zeros(calls, np.int8), drop_off=np.zeros(calls, np.int8),
        ),
        trips=replace(
            small.trips, id=none, headsign=none, note=none, block=none,
            route=np.zeros(n_trips, np.int32), service=np.zeros(n_trips, np.int32),
            pattern=np.repeat(np.arange(n_patterns, dtype=np.int32), n_runs),
            direction=np.zeros(n_trips, np.int8), wheelchair=np.zeros(n_trips, np.int8),
            path=np.full(n_trips, -1, np.int32), bikes=np.zeros(n_trips, np.int8),
            planned=np.arange(n_trips, dtype=np.int32),
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
