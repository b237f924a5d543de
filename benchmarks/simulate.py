"""The long run of the fault tests: ``SEEDS=10000 MINUTES=30 python -m benchmarks.simulate``.

Each part is a test that also runs, shorter, in ``make test``; here it goes as far as ``SEEDS`` says
(of races and of days) or time reaches: ``MINUTES`` bounds each part. A part of worlds that do not
know of each other is divided among processes, one for each core and each with a database of its
own. What was tried and what held is printed, of each process when its part is over.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from mobility.embedded.process import spawn, stop

PYTEST = (sys.executable, "-m", "pytest", "-x", "-s", "-p", "no:cacheprovider", "-p", "no:logging")


@dataclass(frozen=True)
class Part:
    """One claim, the tests that try it, and how far they go."""

    claim: str
    tests: tuple[str, ...]
    wanted: Mapping[str, str] = field(default_factory=dict)
    divided: bool = False
    """Its worlds do not know of each other: ``tests/simulation/share.py`` divides them."""


def parts(seeds: str) -> tuple[Part, ...]:
    """All of them, the short ones first."""
    return (
        Part(
            f"{seeds} races for one bike, and a death at every edge of every call",
            ("tests/booking/test_race.py", "tests/booking/test_book.py"),
            {"RACES": seeds},
        ),
        Part(
            "100,000 requests to every operation as everybody, and no answer is an error of ours",
            ("tests/whole/test_every_operation.py",),
            {"CASES": "100000"},
        ),
        Part(
            "two riders, 300 times 40 deeds, doubled clicks and foreign bookings among them",
            ("tests/whole/test_two_riders.py",),
            {"RUNS": "300", "STEPS": "40"},
        ),
        Part(
            "all planted faults are noticed by the tests that are there for them",
            ("tests/mutants",),
            {"MUTANTS": "0"},
        ),
        Part(
            "500 processes are killed while riders book, and no booking is lost or doubled",
            ("tests/whole/test_kills.py",),
            {"KILLS": "500"},
        ),
        Part(
            "10,000 orders, doubles and losses of webhooks end in the same books",
            ("tests/simulation/test_webhooks.py",),
            {"ORDERS": "10000"},
            divided=True,
        ),
        Part(
            "every schedule of deaths and faults of a booking ends in an honest state",
            ("tests/simulation/test_every_crash.py",),
            {"SCHEDULES": "0"},
            divided=True,
        ),
        Part(
            f"{seeds} days of four riders with faults and deaths, each by its seed",
            ("tests/simulation/test_seeds.py",),
            {"SEEDS": seeds},
            divided=True,
        ),
    )


def shares(n_processes: int) -> list[str]:
    """Each process's part of the worlds."""
    return [f"{number}/{n_processes}" for number in range(1, n_processes + 1)]


def run(part: Part, environment: Mapping[str, str], seconds: float) -> bool | None:
    """Whether a part holds in all its processes; None if time was up and nothing had failed.

    Each is asked to end, and given time to remove what it made, however this ends.
    """
    with TemporaryDirectory() as folder, ExitStack() as running:
        logs = [Path(folder, str(n)) for n in range((os.cpu_count() or 1) if part.divided else 1)]
        processes = []
        for log, share in zip(logs, shares(len(logs)), strict=True):
            wanted = {**environment, **part.wanted, "SHARE": share}
            process = spawn(
                [*PYTEST, *part.tests], log=log, env=wanted, death_signal=signal.SIGTERM
            )
            running.callback(_tell, log)
            running.callback(stop, process, within_seconds=60)
            processes.append(process)
        until = monotonic() + seconds
        for process in processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, until - monotonic()))
        ends = [process.poll() for process in processes]
    if any(ends):
        return False
    return None if None in ends else True


def _tell(log: Path) -> None:
    print(log.read_text(errors="replace"), flush=True)


def main() -> int:
    """Run them; 1 if one does not hold."""
    for number in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl-C does
        signal.signal(number, signal.default_int_handler)
    minutes = float(os.environ.get("MINUTES", "30"))
    seed = os.environ.get("SEED") or str(random.SystemRandom().randrange(1, 10**9))
    environment = {**os.environ, "MINUTES": f"{minutes:g}", "SEED": seed}
    told = []
    for part in parts(os.environ.get("SEEDS", "10000")):
        print(f"\n== {part.claim}", flush=True)
        began = monotonic()
        held = run(part, environment, minutes * 60 + 180)
        if held is False:
            print(f"\nDOES NOT HOLD: {part.claim}")
            return 1
        end = f"held ({monotonic() - began:.0f} s)"
        if held is None:
            end = f"not finished within MINUTES={minutes:g}, and nothing had failed by then"
        told.append(f"{part.claim}: {end}")
    print("\nWhat was tried, as far as time reached (the numbers stand above):", *told, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
