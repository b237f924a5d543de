"""The long run of the fault tests: ``SEEDS=10000 MINUTES=30 python -m benchmarks.simulate``.

Each part is a test that also runs, shorter, in ``make test``; here it goes as far as ``SEEDS`` says
(of races and of days) or time reaches: ``MINUTES`` bounds each part. What was tried and what held
is printed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic

PYTEST = (sys.executable, "-m", "pytest", "-x", "-s", "-p", "no:cacheprovider", "-p", "no:logging")


@dataclass(frozen=True)
class Part:
    """One claim, the tests that try it, and how far they go."""

    claim: str
    tests: tuple[str, ...]
    wanted: Mapping[str, str] = field(default_factory=dict)


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
        ),
        Part(
            "every schedule of deaths and faults of a booking ends in an honest state",
            ("tests/simulation/test_every_crash.py",),
            {"SCHEDULES": "0"},
        ),
        Part(
            f"{seeds} days of four riders with faults and deaths, each by its seed",
            ("tests/simulation/test_seeds.py",),
            {"SEEDS": seeds},
        ),
    )


def main() -> int:
    """Run them; the exit status of the first that fails."""
    minutes = float(os.environ.get("MINUTES", "30"))
    held = []
    for part in parts(os.environ.get("SEEDS", "10000")):
        print(f"\n== {part.claim}", flush=True)
        wanted = {**os.environ, "MINUTES": f"{minutes:g}", **part.wanted}
        began = monotonic()
        try:
            done = subprocess.run(
                [*PYTEST, *part.tests], env=wanted, timeout=minutes * 60 + 180, check=False
            )
        except subprocess.TimeoutExpired:
            held.append(f"not finished within MINUTES={minutes:g}, and nothing had failed by then")
        else:
            if done.returncode:
                print(f"\nDOES NOT HOLD: {part.claim}")
                return done.returncode
            held.append(f"held ({monotonic() - began:.0f} s)")
        held[-1] = f"{part.claim}: {held[-1]}"
    print("\nWhat was tried, as far as time reached (the numbers stand above):", *held, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
