"""Real processes are killed at random while riders book, ride and cancel; nothing is lost.

``KILLS`` says how many deaths there are, ``SEED`` with which chance.
"""

from __future__ import annotations

import os
import random
import re
import signal
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime

import httpx
import psycopg
import pytest

from tests.api_client import Rider
from tests.processes import processes_of, running_instance
from tests.whole.audit import breaks_when_calm
from tests.whole.pair import (
    BANK,
    Pair,
    booking_in,
    bookings_of,
    insist,
    rider_at_each,
    running_pair,
)

KILLS = int(os.environ.get("KILLS", "8"))
SEED = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(10**9)
pytestmark = [pytest.mark.processes, pytest.mark.timeout(300 + 20 * KILLS)]

RIDERS = ("anna", "ben", "cleo")
METHODS = (
    "pm_card_visa",
    "pm_card_visa",
    "pm_card_threeDSecure2Required",
    "pm_card_chargeDeclined",
)
VICTIMS = {
    "mobility.app": 4,
    "mobility.cli worker": 6,
    "payments.sandbox": 5,
    "providers.sandbox": 4,
    "postgres": 2,
    "valkey-server": 1,
}
"""How often each is chosen; without the API, which takes seconds to start, nobody books."""
LEASE_S, IDLE_S, SLOW_S = 1.5, 1.0, 1.5
"""The lease; how long a worker sleeps at most; what a busy machine may add."""
Asking = Callable[[Rider], httpx.Response]
UNTIRING = """
from mobility.embedded import supervisor
supervisor._DEATHS_ALLOWED, supervisor._LONGEST_PAUSE_SECONDS = 10**6, 0.2
from mobility.cli import app
app(["serve"])
"""
"""The supervisor as it is, but that it never gives up."""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Two API processes and two workers, with short leases and short holds."""
    environment = {
        "MOBILITY_RATE_LIMIT_PER_MINUTE": "1000000",
        "MOBILITY_STEP_LEASE_SECONDS": str(LEASE_S),
        "MOBILITY_HOLD_SECONDS": "20",
    }
    command = (sys.executable, "-c", UNTIRING)
    folder = tmp_path_factory.mktemp("mortal") / "data"
    with (
        running_instance(folder, env=environment, command=command) as instance,
        running_pair(instance) as started,
    ):
        yield started


@dataclass
class Load:
    """What a rider asked for, each time of an API process chosen at random, and was told."""

    at: tuple[Rider, ...]
    """The same rider at each of the API processes."""
    chance: random.Random
    over: threading.Event
    asked: dict[str, Asking] = field(default_factory=dict)
    """Each request that books, by its key."""
    told: dict[str, str] = field(default_factory=dict)
    """The booking by the key it was asked for with."""
    seen: Counter[str] = field(default_factory=Counter)

    @property
    def rider(self) -> Rider:
        """At one of the API processes, as a balancer chooses it."""
        return self.chance.choice(self.at)

    def run(self) -> None:
        """Book, and then ride, cancel or go away, until it is over."""
        while not self.over.is_set():
            try:
                offer = self.rider.offer("bike")
            except (httpx.HTTPError, AssertionError, KeyError, ValueError):
                time.sleep(0.2)
                continue
            key, method = str(uuid.uuid4()), self.chance.choice(METHODS)
            self.asked[key] = lambda rider, offer=offer, key=key, method=method: rider.book(  # type: ignore[misc]
                offer, key=key, method=method
            )
            self._book(key)

    def _book(self, key: str) -> bool:
        """Whether an answer came."""
        answer = insist(lambda: self.asked[key](self.rider))
        if answer is None:
            return False
        self.seen[str(answer.status_code)] += 1
        booking_id = booking_in(answer)
        if booking_id is not None:
            self.told[key] = booking_id
        if booking_id is not None and answer.status_code == 201:
            body = answer.json()
            leg = next(leg["id"] for leg in body["legs"] if leg["provider_id"])
            self._go_on(booking_id, leg, body["payment"]["redirect_url"])
        return True

    def _go_on(self, booking_id: str, leg: str, page: str | None) -> None:
        path = f"/v1/bookings/{booking_id}"
        if page is not None and self.chance.random() < 0.7:
            insist(lambda: BANK.post(page, data={"answer": "accept"}))
        deeds = self.chance.choice(([f"/legs/{leg}/start", f"/legs/{leg}/finish"], ["/cancel"], []))
        for deed in deeds:
            insist(lambda deed=deed: self.rider.post(path + deed))  # type: ignore[misc]

    def go_home(self) -> None:
        """Hear what became of everything, end every ride, give back what was not ridden."""
        for key in self.asked.keys() - self.told.keys():
            assert self._book(key), key
        for booking_id in self.told.values():
            booking = self.rider.get(f"/v1/bookings/{booking_id}").json()
            for leg in booking["legs"]:
                self.rider.post(f"/v1/bookings/{booking_id}/legs/{leg['id']}/finish")
            self.rider.post(f"/v1/bookings/{booking_id}/cancel")

    def told_again(self) -> list[dict[str, str | None]]:
        """The bookings by key, as each of the API processes tells them when asked once more."""
        return [{key: booking_in(self.asked[key](rider)) for key in self.told} for rider in self.at]


def kill_at_random(pair: Pair, chance: random.Random) -> Counter[str]:
    """Kill one process after the other; how often each kind died."""
    deaths: Counter[str] = Counter()
    while deaths.total() < KILLS:
        time.sleep(chance.uniform(0.05, 2.0))
        pair.keep()
        victim = chance.choices(list(VICTIMS), list(VICTIMS.values()))[0]
        lines = processes_of(pair.instance.folder)
        alive = sorted(pid for pid, line in lines.items() if victim in line)
        if alive:
            os.kill(chance.choice(alive), signal.SIGKILL)
            deaths[victim] += 1
        insist(lambda: BANK.get(f"{chance.choice(pair.urls)}/livez"))
    return deaths


def test_no_booking_is_lost_or_doubled_whatever_is_killed(pair: Pair) -> None:
    chance, over, before = random.Random(SEED), threading.Event(), bookings_of(pair)
    lines = processes_of(pair.instance.folder).values()
    assert [victim for victim in VICTIMS if not any(victim in line for line in lines)] == []
    with ExitStack() as stack:
        loads = [
            Load(rider_at_each(pair, stack, name), random.Random(f"{SEED} {name}"), over)
            for name in RIDERS
        ]
        threads = [threading.Thread(target=load.run) for load in loads]
        for thread in threads:
            thread.start()
        try:
            deaths = kill_at_random(pair, chance)
        finally:
            over.set()
            for thread in threads:
                thread.join()
        pair.wait_until_ready()
        for load in loads:
            load.go_home()
        told = [each for load in loads for each in load.told.values()]
        seen = sum((load.seen for load in loads), Counter[str]())
        sys.stdout.write(f"{dict(deaths)} died, {len(told)} bookings: {dict(seen)}, SEED={SEED}\n")
        assert breaks_when_calm(pair.instance, told, within_s=90) == []
        assert len(set(told)) == len(told)
        assert bookings_of(pair) - before == set(told)
        assert [load.told_again() for load in loads] == [[load.told, load.told] for load in loads]


def test_another_process_takes_over_a_booking_within_the_lease(pair: Pair) -> None:
    """Whoever works on it is killed, three times over, the API process first that was asked."""
    pair.wait_until_ready()
    faults = f"{pair.found('MOBILITY_PROVIDER_URLS', 'demo-rad')}/sandbox/faults"
    chance, key, waits = random.Random(SEED), str(uuid.uuid4()), list[float]()
    before, told = bookings_of(pair), set[str | None]()
    with ExitStack() as stack:
        dora = rider_at_each(pair, stack, "dora")
        offer = dora[0].offer("bike")
        for operation in ("book", "read"):
            hang = {"operation": operation, "fault": "hang", "seconds": 60, "count": 99}
            BANK.post(faults, json=hang).raise_for_status()
        pool = stack.enter_context(ThreadPoolExecutor(1))
        first = pool.submit(insist, lambda: chance.choice(dora).book(offer, key=key))
        working = wait_for_worker(pair, before, other_than=0)
        for _ in range(3):
            os.kill(working.pid, signal.SIGKILL)
            left = working_on(pair, before)
            assert left is not None
            working = wait_for_worker(pair, before, other_than=working.pid)
            assert working.at >= left.lease_until, "not while the other may still be at it"
            waits.append((working.at - left.at).total_seconds())
        BANK.delete(faults).raise_for_status()
        pair.wait_until_ready()
        for answer in (first.result(), *(each.book(offer, key=key) for each in dora)):
            assert answer is not None
            told.add(booking_in(answer))
        assert told == bookings_of(pair) - before
        dora[0].post(f"/v1/bookings/{booking_in(answer)}/cancel")
    assert breaks_when_calm(pair.instance) == []
    sys.stdout.write(f"{waits} s after a death somebody else went on; the lease is {LEASE_S} s\n")
    assert max(waits) < LEASE_S + IDLE_S + SLOW_S


@dataclass(frozen=True)
class Working:
    """A process at a booking's step, the end of its lease, and when this was seen."""

    pid: int
    lease_until: datetime
    at: datetime
    """By the database's clock, as the lease is."""


def working_on(pair: Pair, before: set[str]) -> Working | None:
    """Who is at the booking that was not there before; None if nobody is."""
    with psycopg.connect(pair.found("DATABASE_URL")) as database:
        row = database.execute(
            "SELECT worker, lease_until, clock_timestamp() FROM step"
            " WHERE kind = 'advance_booking' AND worker IS NOT NULL AND key <> ALL (%s)",
            [list(before)],
        ).fetchone()
    if row is None:
        return None
    name = row[0].partition(":")[2]
    return Working(int(re.split("[/#]", name)[0]), row[1], row[2])


def wait_for_worker(pair: Pair, before: set[str], *, other_than: int) -> Working:
    """Who is at it, as soon as that is another process."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = working_on(pair, before)
        if found is not None and found.pid != other_than:
            return found
        time.sleep(0.02)
    raise AssertionError("nobody has taken it over")
