"""Stop-to-stop journeys from Python: ours against MOTIS's nigiri, same feed and run.

    python -m benchmarks.kernel [FOLDER]

FOLDER holds normalised feeds NAME.zip with questions NAME.csv; see its README. Both sides are timed
from stop ids to journeys with legs, interleaved, on one thread; each question counts its fastest of
three rounds. Prints p50, p95, p99 in microseconds and the ratio of the p50; exits 1 where an answer
is not the agreed one.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter_ns

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from gtfs.build import build
from gtfs.journey import MAX_TRANSFERS, between, search
from gtfs.load import read_feed
from gtfs.network import network_of
from gtfs.warm_up import warm_up

FOLDER = Path(__file__).parents[2] / "shared/feeds/answers"
ROUNDS = 3


def main() -> int:
    """Run on every feed of the folder; 0 if all answers are exact or nothing can run."""
    console = Console()
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    try:
        from benchmarks.nigiri import Nigiri  # noqa: F401, PLC0415 - a wheel for Linux only
    except ImportError:
        console.print("SKIPPED: pynigiri has no wheel here, so there is no peer to compare with")
        return 0
    feeds = sorted(folder.glob("*.zip"))
    if not feeds:
        console.print(f"SKIPPED: no feeds in {folder}")
        return 0
    table = Table("feed", "questions", "ours p50 / 95 / 99 µs", "nigiri p50 / 95 / 99 µs", "faster")
    wrong = 0
    with tempfile.TemporaryDirectory() as scratch:
        for feed in feeds:
            n_wrong, row = compare(feed, Path(scratch), console)
            wrong += n_wrong
            table.add_row(*row)
    console.print(table)
    if wrong:
        console.print(f"{wrong} answers of ours are not the agreed ones")
    return 1 if wrong else 0


def compare(feed: Path, scratch: Path, console: Console) -> tuple[int, tuple[str, ...]]:
    """Wrong answers of ours, and the row of the table."""
    from benchmarks.nigiri import Nigiri  # noqa: PLC0415

    with feed.with_suffix(".csv").open(newline="", encoding="utf-8") as file:
        questions = list(csv.DictReader(file))
    day = datetime.strptime(questions[0]["date"], "%Y%m%d").replace(tzinfo=UTC).date()
    timetable = build(read_feed(feed)[0], max_footpath_m=0)
    peer = Nigiri(feed, day, scratch)
    warm_up(console.print)
    network_of(timetable, day)
    asked = [(q["from_stop_id"], q["to_stop_id"], int(q["departure_s"])) for q in questions]
    wrong = 0
    for (start, end, at), question in zip(asked, questions, strict=True):
        found = search(timetable, between(timetable, start, end, day, at, MAX_TRANSFERS))
        front = {f"{journey.arrives_s}:{journey.transfers}" for journey in found}
        wrong += front != set(question["front"].split())
    times = np.full((2, ROUNDS, len(asked)), np.inf)
    for r in range(ROUNDS):
        for i, (start, end, at) in enumerate(track(asked, feed.stem, console=console)):
            times[0, r, i] = _microseconds(
                lambda s=start, e=end, a=at: search(  # type: ignore[misc]
                    timetable, between(timetable, s, e, day, a, MAX_TRANSFERS)
                )
            )
            times[1, r, i] = _microseconds(
                lambda s=start, e=end, a=at: peer.route(s, e, a)  # type: ignore[misc]
            )
    ours, theirs = np.percentile(times.min(axis=1), [50, 95, 99], axis=1).T
    return wrong, (
        feed.stem,
        str(len(asked)),
        " / ".join(f"{value:.0f}" for value in ours),
        " / ".join(f"{value:.0f}" for value in theirs),
        f"{theirs[0] / ours[0]:.1f}x",
    )


def _microseconds(call: Callable[[], object]) -> float:
    start = perf_counter_ns()
    call()
    return (perf_counter_ns() - start) / 1000


if __name__ == "__main__":
    sys.exit(main())
