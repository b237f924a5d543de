"""``POST /v1/bookings`` of the whole product on loopback: how long a rider waits for her answer.

    python -m benchmarks bookings_http

``mobility serve`` as `make run` starts it, rate limits raised: one API process, worker, operators
and processor, all over HTTP, beside the riders on the same cores. Riders book a bike or a bus at
random moments, not faster than they would come by themselves, and give it back; an answer comes
when the holds are decided (at most 10 s). The peer is the same riders' ``GET /v1/me``, one token
and one row, asked just before each.

Exits 1 if a booking was not confirmed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random

import httpx
import numpy as np
from rich.console import Console
from rich.table import Table

from tests.api_client import Rider, rider_of
from tests.processes import Instance, running_instance

RIDERS, BOOKINGS, PAUSE_S = 4, 40, 1.0
"""Bookings of each rider, and how long she waits between two on average."""
RAISED = {"MOBILITY_RATE_LIMIT_PER_MINUTE": "1000000"}


def main() -> int:
    """Measure; 1 where a booking was not confirmed."""
    with instance() as started, ThreadPoolExecutor(RIDERS) as threads:
        parts = list(threads.map(lambda number: book_all(started, number), range(RIDERS)))
    table = Table("over HTTP, ms", "asked", "p50", "p95", "p99", "most")
    for name, taken in (
        ("POST /v1/bookings, a bike", [ms for part in parts for ms in part["bike"]]),
        ("POST /v1/bookings, a bus", [ms for part in parts for ms in part["bus"]]),
        ("GET /v1/me", [ms for part in parts for ms in part["me"]]),
    ):
        values = (*np.percentile(taken, [50, 95, 99]), max(taken))
        table.add_row(name, str(len(taken)), *(f"{ms:.0f}" for ms in values))
    Console().print(table)
    unconfirmed = sum(len(part["unconfirmed"]) for part in parts)
    print(f"not confirmed: {unconfirmed} of {RIDERS * BOOKINGS}")
    return int(unconfirmed > 0)


@contextmanager
def instance() -> Iterator[Instance]:
    """One of its own, started."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir(mode=0o700)
        with running_instance(data, env=RAISED) as started:
            yield started


def book_all(started: Instance, number: int) -> dict[str, list[float]]:
    """Milliseconds of each answer, by what was asked for."""
    chance = Random(number)
    taken: dict[str, list[float]] = {"bike": [], "bus": [], "me": [], "unconfirmed": []}
    with httpx.Client(base_url=started.url, timeout=15) as http:
        rider = rider_of(started, http, f"rider-{number}")
        for turn in range(BOOKINGS):
            time.sleep(chance.expovariate(1 / PAUSE_S))
            mode = ("bike", "bus")[turn % 2]
            offer = rider.offer(mode)
            began = time.perf_counter()
            rider.get("/v1/me")
            taken["me"].append(1000 * (time.perf_counter() - began))
            taken[mode].append(book(rider, offer, taken["unconfirmed"]))
    return taken


def book(rider: Rider, offer: str, unconfirmed: list[float]) -> float:
    """Book and give back; milliseconds until the booking was answered."""
    began = time.perf_counter()
    answer = rider.book(offer)
    took = 1000 * (time.perf_counter() - began)
    booking = answer.json()
    if answer.status_code != 201 or booking["state"] != "confirmed":
        unconfirmed.append(took)
    if "id" in booking:
        rider.post(f"/v1/bookings/{booking['id']}/cancel")
    return took


if __name__ == "__main__":
    sys.exit(main())
