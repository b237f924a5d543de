"""The long run of the fault tests: ``SEEDS=1000 python -m benchmarks.simulate``.

Two riders race for one bike SEEDS times, and a booking, an undoing and a settlement die at each
edge of each of their calls, on a real database with the processor's and operators' sandboxes.
Then every schedule of ``tests/simulation`` is played, in a random order, as far as time reaches: a
process dies at a point, its successor's first request meets a fault, and that one dies as well.
``MINUTES`` bounds each of the two.
"""

from __future__ import annotations

import os
import subprocess
import sys


def main() -> int:
    """Run them; the tests' exit status."""
    seeds = os.environ.get("SEEDS", "1000")
    minutes = float(os.environ.get("MINUTES", "30"))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-s",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:logging",
    ]
    races = ["tests/booking/test_race.py", "tests/booking/test_book.py"]
    schedules = ["tests/simulation"]
    wanted = os.environ | {"RACES": seeds, "SCHEDULES": "0", "MINUTES": f"{minutes:g}"}
    for tests in (races, schedules):
        try:
            done = subprocess.run(
                command + tests, env=wanted, timeout=minutes * 60 + 120, check=False
            )
        except subprocess.TimeoutExpired:
            print(f"{tests}: not finished within MINUTES={minutes:g}; nothing had failed by then")
            continue
        if done.returncode:
            return done.returncode
    print(f"tried: {seeds} races, a death at every edge of every call, and the schedules above")
    return 0


if __name__ == "__main__":
    sys.exit(main())
