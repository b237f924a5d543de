"""Stop-to-stop journeys from Python: ours against MOTIS's nigiri, same feed and run.

    python -m benchmarks.kernel [FOLDER]

FOLDER holds normalised feeds NAME.zip with questions and agreed answers NAME.csv, NAME.range.csv
and NAME.arrive_by.csv; see its README. Both sides are timed from stop ids to journeys with legs, on
one thread, a hundred questions by us and the same hundred by nigiri in turn, so that each runs as
warm as it does when it serves; each question counts its fastest of the rounds. Prints p50, p95, p99
in microseconds and the ratios of p50 and p99; exits 1 where an answer is not the agreed one or a
ratio falls short of what the README claims.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from math import exp, fsum, log
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from gtfs.build import build
from gtfs.journey import MAX_TRANSFERS, between, profile, search, search_latest
from gtfs.load import read_feed
from gtfs.network import network_of
from gtfs.timetable import Timetable
from gtfs.warm_up import warm_up

FOLDER = Path(__file__).parents[2] / "shared/feeds/answers"
ROUNDS = 3
BLOCK = 100
HOUR_S = 3600
LEAST_P50, LEAST_MEAN, LEAST_P99, LEAST_RANGE = 12.0, 18.0, 8.0, 5.0
COLD_START_S = 2.0

Rows = list[dict[str, str]]
Asked = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Result:
    """Times in microseconds by side and percentile, wrong answers, and the name of it all."""

    feed: str
    what: str
    n_asked: int
    n_wrong: int
    ours: list[float]
    theirs: list[float]

    @property
    def p50(self) -> float:
        return self.theirs[0] / self.ours[0]

    @property
    def p99(self) -> float:
        return self.theirs[2] / self.ours[2]


def main() -> int:
    """Run on every feed of the folder; 0 if all answers are exact and fast, or nothing can run."""
    console = Console()
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    cold_s = cold_start(console)
    try:
        from benchmarks.nigiri import Nigiri  # noqa: F401, PLC0415 - a wheel for Linux only
    except ImportError:
        console.print("SKIPPED: pynigiri has no wheel here, so there is no peer to compare with")
        return 0
    names = sorted(path.stem for path in folder.glob("*.csv") if path.with_suffix(".zip").exists())
    if not names:
        console.print(f"SKIPPED: no feeds in {folder}")
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        results = [result for name in names for result in compare(folder, name, Path(scratch))]
    return show(results, cold_s, console)


def show(results: list[Result], cold_s: float, console: Console) -> int:
    """Print the table; 1 if something is wrong or too slow."""
    table = Table(
        "feed", "question", "asked", "wrong", "ours p50 / 95 / 99 µs", "nigiri", "p50", "p99"
    )
    for r in results:
        ours, theirs = (" / ".join(f"{value:.0f}" for value in side) for side in (r.ours, r.theirs))
        table.add_row(
            r.feed, r.what, str(r.n_asked), str(r.n_wrong), ours, theirs, f"{r.p50:.1f}x",
            f"{r.p99:.1f}x",
        )  # fmt: skip
    console.print(table)
    searches = [r for r in results if r.what == "one departure"]
    ranges = [r for r in results if r.what == "one hour"]
    mean = exp(fsum(log(r.p50) for r in searches) / len(searches))
    console.print(f"one departure, geometric mean of p50: {mean:.1f}x (at least {LEAST_MEAN:g}x)")
    short = [f"{r.feed}, {r.what}: {r.n_wrong} wrong" for r in results if r.n_wrong]
    short += [f"{r.feed}: p50 {r.p50:.1f}x" for r in searches if r.p50 < LEAST_P50]
    short += [f"{r.feed}: p99 {r.p99:.1f}x" for r in searches if r.p99 < LEAST_P99]
    short += [f"{r.feed}, one hour: p50 {r.p50:.1f}x" for r in ranges if r.p50 < LEAST_RANGE]
    short += [f"mean {mean:.1f}x"] if mean < LEAST_MEAN else []
    short += [f"cold start {cold_s:.1f} s"] if cold_s > COLD_START_S else []
    for line in short:
        console.print(f"[red]short of the claim: {line}")
    return 1 if short else 0


def cold_start(console: Console) -> float:
    """Seconds until a new process has its kernels from a warm cache; the first run fills it."""
    code = "from gtfs.warm_up import warm_up; warm_up(print)"
    wall = []
    for _ in range(4):
        start = perf_counter_ns()
        subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)
        wall.append((perf_counter_ns() - start) / 1e9)
    console.print(
        f"kernels ready in {wall[0]:.1f} s at first (the cache may have been warm), then in "
        f"{min(wall[1:]):.2f} s (at most {COLD_START_S:g}), Python and numba included"
    )
    return min(wall[1:])


def compare(folder: Path, name: str, scratch: Path) -> list[Result]:
    """All questions on one feed."""
    from benchmarks.nigiri import Nigiri  # noqa: PLC0415

    feed = folder / f"{name}.zip"
    rows = read_rows(folder / f"{name}.csv")
    day = datetime.strptime(rows[0]["date"], "%Y%m%d").replace(tzinfo=UTC).date()
    timetable = build(read_feed(feed)[0], max_footpath_m=0)
    peer = Nigiri(feed, day, scratch)
    warm_up(lambda _: None)
    network_of(timetable, day).transfers(walk_at_ends=True)

    def ask(asked: Asked) -> Any:
        start, end, at = asked
        return search(timetable, between(timetable, start, end, day, at, MAX_TRANSFERS))

    def ask_hour(asked: Asked) -> Any:
        start, end, at = asked
        query = between(timetable, start, end, day, at, MAX_TRANSFERS)
        return profile(timetable, query, at + HOUR_S - 1)

    wrong = sum(
        {f"{j.arrives_s}:{j.transfers}" for j in ask(a)} != set(r["front"].split())
        for a, r in zip(questions(rows), rows, strict=True)
    )
    results = [measure(name, "one departure", questions(rows), wrong, ask, peer.route)]
    hours = read_rows(folder / f"{name}.range.csv")
    wrong = sum(
        {
            f"{j.departs_s}:{j.arrives_s}:{j.transfers}"
            for j in ask_hour(a)
            if j.arrives_s - j.departs_s <= 24 * HOUR_S
        }
        != set(r["profile"].split())
        for a, r in zip(questions(hours), hours, strict=True)
    )
    results.append(measure(name, "one hour", questions(hours), wrong, ask_hour, peer.profile))
    check_latest(timetable, day, read_rows(folder / f"{name}.arrive_by.csv"), name)
    return results


def check_latest(timetable: Timetable, day: date, rows: Rows, name: str) -> None:
    """Print how many arrive-by answers are the agreed ones; see the README of the answers."""
    same = 0
    for row in rows:
        by = int(row["arrive_by_s"])
        query = between(timetable, row["from_stop_id"], row["to_stop_id"], day, by, MAX_TRANSFERS)
        found = {f"{j.departs_s}:{by}:{j.transfers}" for j in search_latest(timetable, query)}
        same += found == set(row["profile"].split())
    print(f"{name}: {same} of {len(rows)} arrive-by answers are the agreed ones")


def read_rows(path: Path) -> Rows:
    """A table of questions and answers; none if there is no such file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def questions(rows: Rows) -> list[Asked]:
    return [(r["from_stop_id"], r["to_stop_id"], int(r["departure_s"])) for r in rows]


def measure(
    feed: str,
    what: str,
    asked: list[Asked],
    wrong: int,
    ours: Callable[[Asked], Any],
    theirs: Callable[[str, str, int], Any],
) -> Result:
    """Time both sides, block by block in turn."""
    times = np.full((2, ROUNDS, len(asked)), np.inf)
    for r in range(ROUNDS):
        for first in range(0, len(asked), BLOCK):
            block = list(enumerate(asked))[first : first + BLOCK]
            for i, question in block:
                start = perf_counter_ns()
                ours(question)
                times[0, r, i] = perf_counter_ns() - start
            for i, (a, b, at) in block:
                start = perf_counter_ns()
                theirs(a, b, at)
                times[1, r, i] = perf_counter_ns() - start
    mine, others = np.percentile(times.min(axis=1) / 1000, [50, 95, 99], axis=1).T.tolist()
    return Result(feed, what, len(asked), wrong, mine, others)


if __name__ == "__main__":
    sys.exit(main())
