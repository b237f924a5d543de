"""How long taking over a feed takes, and how much memory: networks of 1x, 4x and 16x.

The feed is invented from a seed and written as a zip into a temporary folder; 16x has 6 million
stop_times, 300,000 trips, 32,000 stops, shapes and two calendars. Each size is imported in a
process of its own: read, checked, compiled with footpaths, written as an artefact. The aim for
16x on two cores: at most 40 s and 2.5 GB.

    python -m benchmarks importing          all sizes
    python -m benchmarks.importing 1 4      some
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

SIZES = (1, 4, 16)
LIMIT_S, LIMIT_GB = 40.0, 2.5
_SEED = 20261125
_TRIPS, _LINES, _CALLS = 18_750, 75, 20
_STOPS = 2_000
_SHAPE_POINTS = 200
_NIGHT = 5 * 3600

_CHILD = """
import json, resource, sys, time
from pathlib import Path
started = time.perf_counter()
from gtfs.build import build
from gtfs.load import read_feed
ready = time.perf_counter()
feed, report = read_feed(Path(sys.argv[1]))
read = time.perf_counter()
timetable = build(feed)
built = time.perf_counter()
timetable.save(Path(sys.argv[2]))
saved = time.perf_counter()
print(json.dumps({
    "start": ready - started, "read": read - ready, "build": built - read, "save": saved - built,
    "total": saved - started, "calls": len(timetable.events.arrival),
    "trips": len(timetable.trips.id), "stops": len(timetable.stop_table.id),
    "findings": len(report.findings),
    "footpaths": len(timetable.footpaths.to), "patterns": len(timetable.patterns.trip0) - 1,
    "cpu": time.process_time(),
    "gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
}))
"""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a network is."""

    lines: int
    stops: int
    trips: int

    @classmethod
    def times(cls, factor: int) -> Size:
        return cls(_LINES * factor, _STOPS * factor, _TRIPS * factor)


def write_feed(path: Path, size: Size, random: Random) -> None:
    """An invented network: stops on a jittered grid, lines as walks over it, a headway each."""
    side = int(size.stops**0.5)
    place = {
        (x, y): (53 + y * 0.004 + random.uniform(-1, 1) / 900, 10 + x * 0.006)
        for x in range(side)
        for y in range(side)
    }
    walks = [_walk(random, side) for _ in range(size.lines)]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, lines in (
            ("agency", ["agency_id,agency_name,agency_url,agency_timezone", _AGENCY]),
            ("calendar", _calendar()),
            ("calendar_dates", ["service_id,date,exception_type", "D0,20261225,2"]),
            ("stops", _stops(place)),
            ("routes", _routes(size.lines)),
            ("shapes", _shapes(walks, place)),
            ("trips", _trips(size)),
            ("stop_times", _stop_times(size, walks, random)),
        ):
            with archive.open(f"{name}.txt", "w") as file:
                for block in _blocks(lines):
                    file.write(block)


_AGENCY = "A,Grid Transit,https://example.org,Europe/Berlin"


def _blocks(lines: Iterator[str] | list[str]) -> Iterator[bytes]:
    kept: list[str] = []
    for line in lines:
        kept.append(line)
        if len(kept) == 50_000:
            yield ("\n".join(kept) + "\n").encode()
            kept.clear()
    yield ("\n".join(kept) + "\n").encode()


def _walk(random: Random, side: int) -> list[tuple[int, int]]:
    x, y = random.randrange(side), random.randrange(side)
    dx, dy = random.choice([(1, 0), (0, 1), (-1, 0), (0, -1)])
    walk = [(x, y)]
    while len(walk) < _CALLS:
        if random.random() < 0.2:
            dx, dy = (dy, dx) if random.random() < 0.5 else (-dy, -dx)
        if not (0 <= x + dx < side and 0 <= y + dy < side):
            dx, dy = -dx, -dy
        x, y = x + dx, y + dy
        walk.append((x, y))
    return walk


def _calendar() -> list[str]:
    week = "monday,tuesday,wednesday,thursday,friday,saturday,sunday"
    return [
        f"service_id,{week},start_date,end_date",
        "D0,1,1,1,1,1,0,0,20261101,20271031",
        "D1,0,0,0,0,0,1,1,20261101,20271031",
    ]


def _stops(place: dict[tuple[int, int], tuple[float, float]]) -> Iterator[str]:
    yield "stop_id,stop_name,stop_lat,stop_lon"
    for (x, y), (lat, lon) in place.items():
        yield f"de:01003:{x}:{y},Halt {x}/{y},{lat:.6f},{lon:.6f}"


def _routes(n_lines: int) -> Iterator[str]:
    yield "route_id,agency_id,route_short_name,route_type"
    for line in range(n_lines):
        yield f"R{line},A,{line},3"


def _shapes(
    walks: list[list[tuple[int, int]]], place: dict[tuple[int, int], tuple[float, float]]
) -> Iterator[str]:
    yield "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence"
    per_hop = _SHAPE_POINTS // _CALLS
    for line, walk in enumerate(walks):
        for direction, way in ((0, walk), (1, walk[::-1])):
            for hop, (a, b) in enumerate(zip(way, [*way[1:], way[-1]], strict=True)):
                (lat, lon), (to_lat, to_lon) = place[a], place[b]
                for part in range(per_hop):
                    share = part / per_hop
                    yield (
                        f"S{line}.{direction},{lat + (to_lat - lat) * share:.6f},"
                        f"{lon + (to_lon - lon) * share:.6f},{hop * per_hop + part}"
                    )


def _trips(size: Size) -> Iterator[str]:
    yield "route_id,service_id,trip_id,trip_headsign,direction_id,shape_id"
    for trip in range(size.trips):
        line, direction = trip % size.lines, trip // size.lines % 2
        service = "D1" if trip % 5 == 0 else "D0"
        id_, shape = f"{trip}.T0.{line}-{direction}.H", f"S{line}.{direction}"
        yield f"R{line},{service},{id_},Nach {line},{direction},{shape}"


def _stop_times(size: Size, walks: list[list[tuple[int, int]]], random: Random) -> Iterator[str]:
    yield "trip_id,arrival_time,departure_time,stop_id,stop_sequence,pickup_type,drop_off_type"
    clock = [f"{s // 3600:02}:{s // 60 % 60:02}:00" for s in range(0, 30 * 3600, 60)]
    per_line = size.trips // size.lines
    for trip in range(size.trips):
        line, turn = trip % size.lines, trip // size.lines
        way = walks[line] if turn % 2 == 0 else walks[line][::-1]
        minute = (_NIGHT + turn * 72_000 // per_line) // 60
        id_ = f"{trip}.T0.{line}-{turn % 2}.H"
        for sequence, (x, y) in enumerate(way):
            at = clock[minute]
            yield f"{id_},{at},{at},de:01003:{x}:{y},{sequence},0,0"
            minute += random.choice((1, 2))


def measured(factor: int) -> dict[str, float]:
    """Import the network of that size in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="importing-") as folder:
        feed, artefact = Path(folder) / "feed.zip", Path(folder) / "timetable.bin"
        write_feed(feed, Size.times(factor), Random(_SEED))
        done = subprocess.run(
            [sys.executable, "-c", _CHILD, str(feed), str(artefact)],
            check=True,
            capture_output=True,
            text=True,
        )
        facts: dict[str, float] = json.loads(done.stdout)
        facts["zip_mb"] = feed.stat().st_size / 2**20
        facts["artefact_mb"] = artefact.stat().st_size / 2**20
        return facts


def quick() -> int:
    """The smallest size only."""
    return main(SIZES[:1])


def main(sizes: tuple[int, ...] = SIZES) -> int:
    """Print a row for each size; 1 where 16x misses its aim."""
    print("\nimport of an invented feed, one process each; seconds by the clock, and of the CPU")
    print("size   stop_times  zip MB   read  build  write  total s    cpu s  peak GB  artefact MB")
    missed = False
    for factor in sizes:
        facts = measured(factor)
        print(
            f"{factor:>3}x {facts['calls']:>12,} {facts['zip_mb']:>7.0f} {facts['read']:>6.1f} "
            f"{facts['build']:>6.1f} {facts['save']:>6.1f} {facts['total']:>8.1f} "
            f"{facts['cpu']:>8.1f} {facts['gb']:>8.2f} {facts['artefact_mb']:>12.0f}"
        )
        if factor == SIZES[-1]:
            missed = facts["total"] > LIMIT_S or facts["gb"] > LIMIT_GB
            verdict = "missed" if missed else "reached"
            print(f"aim for {factor}x: {LIMIT_S:.0f} s by the clock and {LIMIT_GB} GB, {verdict}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(tuple(map(int, sys.argv[1:])) or SIZES))
