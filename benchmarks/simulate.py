"""The long run of the fault tests: ``SEEDS=1000 python -m benchmarks.simulate``.

Two riders race for one bike SEEDS times, and a booking, an undoing and a settlement die at each
edge of each of their calls, on a real database with the processor's and operators' sandboxes.
``MINUTES`` bounds it.
"""

from __future__ import annotations

import os
import subprocess
import sys


def main() -> int:
    """Run them; the tests' exit status."""
    seeds = os.environ.get("SEEDS", "1000")
    minutes = float(os.environ.get("MINUTES", "30"))
    command = [sys.executable, "-m", "pytest", "-v", "-x", "-p", "no:cacheprovider"]
    command += ["tests/booking/test_race.py", "tests/booking/test_book.py"]
    try:
        done = subprocess.run(
            command, env=os.environ | {"RACES": seeds}, timeout=minutes * 60, check=False
        )
    except subprocess.TimeoutExpired:
        print(f"not finished within MINUTES={minutes:g}; nothing had failed by then")
        return 0
    print(f"tried: {seeds} races, and a death at every edge of every call")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
