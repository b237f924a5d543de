"""A second API process and a second worker beside an instance's own, on its database and Redis."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import httpx
import psycopg

from mobility.embedded.folder import DataFolder, find_running
from mobility.embedded.process import Program, reserve_port
from mobility.embedded.programs import make_api, make_worker
from mobility.settings import Settings
from tests.api_client import Rider, rider_of
from tests.processes import Instance

INSIST_S = 60.0
BANK = httpx.Client(verify=False, trust_env=False)


@dataclass(frozen=True)
class Pair:
    """An instance, whose supervisor starts what dies of its own, and the two beside it."""

    instance: Instance
    api: Program
    worker: Program

    @property
    def urls(self) -> tuple[str, str]:
        """Of both API processes."""
        return self.instance.url, f"http://127.0.0.1:{self.api.port}"

    def found(self, variable: str, name: str | None = None) -> str:
        """How its processes find a thing; of those whose addresses stand together, one by name."""
        running = find_running(self.instance.folder)
        assert running is not None
        value = running[variable]
        return value if name is None else str(json.loads(value)[name])

    def keep(self) -> None:
        """Start again what has died beside the instance. Main thread only."""
        for program in (self.api, self.worker):
            if program.poll() is not None:
                program.start()

    def wait_until_ready(self) -> None:
        """Start what has died and return once both API processes serve."""
        self.keep()
        for url in self.urls:
            answer = insist(lambda url=url: BANK.get(f"{url}/readyz"))  # type: ignore[misc]
            assert answer is not None, url


@contextmanager
def running_pair(instance: Instance) -> Iterator[Pair]:
    """Both started and ready, ended after the block."""
    found = find_running(instance.folder)
    assert found is not None
    port, holder = reserve_port()
    environment = {**os.environ, **instance.env, **found, "PORT": str(port)}
    folder = DataFolder(instance.folder)
    settings = Settings(PORT=port)
    api, worker = make_api(settings, folder, environment), make_worker(folder, environment)
    for program in (api, worker):
        program.log = folder.log(f"second-{program.name}")
    programs = (api, worker)
    try:
        for program in programs:
            program.start()
        for program in programs:
            program.wait_until_ready()
        yield Pair(instance, api, worker)
    finally:
        for program in programs:
            program.stop()
        holder.close()


def rider_at_each(pair: Pair, stack: ExitStack, name: str) -> tuple[Rider, ...]:
    """A rider, signed in at the first API process, with a connection to each."""
    clients = [
        stack.enter_context(httpx.Client(base_url=url, timeout=15, verify=False))
        for url in pair.urls
    ]
    signed_in = rider_of(pair.instance, clients[0], name)
    return tuple(Rider(client, signed_in.token) for client in clients)


def bookings_of(pair: Pair) -> set[str]:
    """All that there are, whether somebody was told of them or not."""
    with psycopg.connect(pair.found("DATABASE_URL")) as database:
        return {row[0] for row in database.execute("SELECT id FROM booking")}


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


def booking_in(answer: httpx.Response) -> str | None:
    """The id of the booking that was asked for, whether it came about or failed.

    None where nothing was booked, as the rider has the vehicle in another booking.
    """
    body = answer.json()
    if str(body.get("type")).endswith("booked-already"):
        return None
    found: str | None = body.get("id") or body.get("booking_id")
    return found
