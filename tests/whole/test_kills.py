"""Real processes are killed at random while riders book, ride and cancel; nothing is lost.

``KILLS`` says how many deaths there are, ``SEED`` with which chance.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import httpx
import psycopg
import pytest

from mobility.embedded.folder import find_running
from tests.api_client import Rider, rider_of
from tests.processes import Instance, processes_of, running_instance
from tests.whole.audit import breaks_when_calm

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
INSIST_S = 60.0
UNTIRING = """
from mobility.embedded import supervisor
supervisor._DEATHS_ALLOWED, supervisor._LONGEST_PAUSE_SECONDS = 10**6, 0.2
from mobility.cli import app
app(["serve"])
"""
"""The supervisor as it is, but that it never gives up."""


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """An instance with two workers, short leases and short holds."""
    environment = {
        "MOBILITY_RATE_LIMIT_PER_MINUTE": "1000000",
        "MOBILITY_STEP_LEASE_SECONDS": "1.5",
        "MOBILITY_HOLD_SECONDS": "20",
    }
    command = (sys.executable, "-c", UNTIRING)
    folder = tmp_path_factory.mktemp("mortal") / "data"
    with running_instance(folder, env=environment, command=command) as instance:
        yield instance


@dataclass
class SecondWorker:
    """A worker beside the supervised one, started again whenever it has died."""

    instance: Instance
    process: subprocess.Popen[bytes] | None = None

    def keep(self) -> None:
        """Start it if it does not run."""
        if self.process is not None and self.process.poll() is None:
            return
        found = find_running(self.instance.folder)
        assert found is not None
        own = {"MOBILITY_DATA": str(self.instance.folder), "MOBILITY_STEP_LEASE_SECONDS": "1.5"}
        with (self.instance.folder / "logs" / "second-worker.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mobility.cli", "worker"],
                env={**os.environ, **found, **own},
                stdout=log,
                stderr=log,
            )

    def end(self) -> None:
        """Kill it for good."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@dataclass
class Load:
    """What riders asked for, and what they were told."""

    rider: Rider
    chance: random.Random
    over: threading.Event
    told: dict[str, str] = field(default_factory=dict)
    """The booking by the key it was asked for with."""
    undecided: list[Callable[[], httpx.Response]] = field(default_factory=list)
    """Requests that nobody answered for a minute."""
    seen: Counter[str] = field(default_factory=Counter)

    def run(self) -> None:
        """Book, and then ride, cancel or go away, until it is over."""
        while not self.over.is_set():
            try:
                offer = self.rider.offer("bike")
            except (httpx.HTTPError, AssertionError, KeyError, ValueError):
                time.sleep(0.2)
                continue
            self._book(offer)

    def _book(self, offer: str) -> None:
        key, method = str(uuid.uuid4()), self.chance.choice(METHODS)

        def ask() -> httpx.Response:
            return self.rider.book(offer, key=key, method=method)

        answer = insist(ask)
        if answer is None:
            self.undecided.append(ask)
            return
        self._learn(key, answer)

    def _learn(self, key: str, answer: httpx.Response) -> None:
        self.seen[str(answer.status_code)] += 1
        body = answer.json()
        booking_id = body.get("id") or body.get("booking_id")
        if booking_id is not None:
            self.told[key] = booking_id
        if answer.status_code == 201:
            leg = next(leg["id"] for leg in body["legs"] if leg["provider_id"])
            self._go_on(booking_id, leg, body["payment"]["redirect_url"])

    def _go_on(self, booking_id: str, leg: str, page: str | None) -> None:
        path = f"/v1/bookings/{booking_id}"
        if page is not None and self.chance.random() < 0.7:
            insist(lambda: BANK.post(page, data={"answer": "accept"}))
        deeds = self.chance.choice(([f"/legs/{leg}/start", f"/legs/{leg}/finish"], ["/cancel"], []))
        for deed in deeds:
            insist(lambda deed=deed: self.rider.post(path + deed))  # type: ignore[misc]

    def go_home(self) -> None:
        """Hear what became of everything, end every ride, give back what was not ridden."""
        for ask in self.undecided:
            answer = insist(ask)
            assert answer is not None
            self._learn(str(uuid.uuid4()), answer)
        for booking_id in self.told.values():
            booking = self.rider.get(f"/v1/bookings/{booking_id}").json()
            for leg in booking["legs"]:
                self.rider.post(f"/v1/bookings/{booking_id}/legs/{leg['id']}/finish")
            self.rider.post(f"/v1/bookings/{booking_id}/cancel")


BANK = httpx.Client(verify=False, trust_env=False)


def insist(ask: Callable[[], httpx.Response]) -> httpx.Response | None:
    """Ask until there is an answer that decides; None if none came in a minute."""
    deadline = time.monotonic() + INSIST_S
    while time.monotonic() < deadline:
        try:
            answer = ask()
        except httpx.HTTPError:
            time.sleep(0.1)
            continue
        assert answer.status_code in (503, *range(500)), answer.text
        if answer.status_code != 503 or "booking_id" in answer.json():
            return answer
        time.sleep(0.1)
    return None


def kill_at_random(instance: Instance, second: SecondWorker, chance: random.Random) -> Counter[str]:
    """Kill one process after the other; how often each kind died."""
    deaths: Counter[str] = Counter()
    while deaths.total() < KILLS:
        time.sleep(chance.uniform(0.05, 2.0))
        second.keep()
        victim = chance.choices(list(VICTIMS), list(VICTIMS.values()))[0]
        alive = [pid for pid, line in processes_of(instance.folder).items() if victim in line]
        if alive:
            os.kill(chance.choice(alive), signal.SIGKILL)
            deaths[victim] += 1
        insist(lambda: BANK.get(f"{instance.url}/livez"))
    return deaths


def test_no_booking_is_lost_or_doubled_whatever_is_killed(mortal: Instance) -> None:
    chance, over = random.Random(SEED), threading.Event()
    with ExitStack() as stack:
        clients = [
            stack.enter_context(httpx.Client(base_url=mortal.url, timeout=15, verify=False))
            for _ in RIDERS
        ]
        loads = [
            Load(rider_of(mortal, http, name), random.Random(f"{SEED} {name}"), over)
            for name, http in zip(RIDERS, clients, strict=True)
        ]
        second = SecondWorker(mortal)
        stack.callback(second.end)
        threads = [threading.Thread(target=load.run) for load in loads]
        for thread in threads:
            thread.start()
        try:
            deaths = kill_at_random(mortal, second, chance)
        finally:
            over.set()
            for thread in threads:
                thread.join()
        second.keep()
        assert insist(lambda: clients[0].get("/readyz")) is not None
        for load in loads:
            load.go_home()
        told = [each for load in loads for each in load.told.values()]
        seen = sum((load.seen for load in loads), Counter[str]())
        sys.stdout.write(f"{dict(deaths)} died, {len(told)} bookings: {dict(seen)}, SEED={SEED}\n")
        assert breaks_when_calm(mortal, told, within_s=90) == []
        assert len(set(told)) == len(told)
        assert unheard_of(mortal, told) == set()


def unheard_of(instance: Instance, told: list[str]) -> set[str]:
    """Bookings that there are, and of which nobody was told: doubles."""
    found = find_running(instance.folder)
    assert found is not None
    with psycopg.connect(found["DATABASE_URL"]) as database:
        return {row[0] for row in database.execute("SELECT id FROM booking")} - set(told)
