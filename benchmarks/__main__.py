"""The benchmarks: ``python -m benchmarks`` runs all, briefly; names run those in full.

The exit status is 1 when an answer was wrong or an aim was missed.
"""

from __future__ import annotations

import sys

from benchmarks import (
    availability,
    bookings,
    bookings_http,
    front,
    importing,
    kernel,
    places,
    realtime,
    search,
)

BRIEF = {
    "availability": availability.main,
    "bookings": bookings.main,
    "bookings_http": bookings_http.main,
    "kernel": kernel.main,
    "front": front.quick,
    "importing": importing.quick,
    "places": places.quick,
    "realtime": realtime.main,
    "search": search.main,
}
FULL = {
    "availability": availability.main,
    "bookings": bookings.main,
    "bookings_http": bookings_http.main,
    "kernel": kernel.main,
    "front": front.main,
    "importing": importing.main,
    "places": places.main,
    "realtime": realtime.main,
    "search": search.main,
}


def main(names: list[str]) -> int:
    """Run each; the highest exit status."""
    unknown = [name for name in names if name not in FULL]
    if unknown:
        sys.stderr.write(f"no benchmark {', '.join(unknown)}; there are {', '.join(FULL)}\n")
        return 2
    runs = [FULL[name] for name in names] or list(BRIEF.values())
    return max(run() for run in runs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
