"""A demo operator served from a thread on the loopback address, and its controls."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from providers.sandbox.app import make_app
from providers.sandbox.fleet import read_fleet
from providers.sandbox.rules import Operator
from providers.sandbox.store import Store
from providers.stanza import ProviderStanza
from tests.served import served

TOKEN = "opensesame"
CONTROL = httpx.Client(verify=False, trust_env=False)
"""One for all: reading the certificates of the world takes longer than most tests."""


@dataclass(frozen=True)
class Sandbox:
    """A running demo operator."""

    stanza: ProviderStanza
    url: str

    def fault(self, operation: str, fault: str, **more: object) -> None:
        body = {"operation": operation, "fault": fault, **more}
        CONTROL.post(f"{self.url}/sandbox/faults", json=body).raise_for_status()

    def ride(self, minutes: int, metres: int) -> None:
        body = {"minutes": minutes, "metres": metres}
        CONTROL.post(f"{self.url}/sandbox/ride", json=body).raise_for_status()

    def advance(self, seconds: int) -> None:
        body = {"advance_seconds": seconds}
        CONTROL.post(f"{self.url}/sandbox/clock", json=body).raise_for_status()

    def bookings(self) -> dict[str, str]:
        """State of each booking by its id."""
        rows = CONTROL.get(f"{self.url}/sandbox/state").json()["bookings"]
        return {row["id"]: row["state"] for row in rows}

    def holders(self, vehicle_ref: str) -> list[str]:
        """Who holds a vehicle now."""
        rows = CONTROL.get(f"{self.url}/sandbox/state").json()["bookings"]
        active = {"PENDING", "CONFIRMED", "STARTED"}
        return [r["id"] for r in rows if r["vehicle_ref"] == vehicle_ref and r["state"] in active]


@contextmanager
def run_sandbox(stanza: ProviderStanza, folder: Path, state: Path) -> Iterator[Sandbox]:
    """Serve the operator until the block ends."""
    store = Store(state)
    store.stock(read_fleet(stanza, folder))
    app = make_app(Operator(stanza, store), token=TOKEN)
    with served(app) as url:
        yield Sandbox(stanza, url)
    store.close()
