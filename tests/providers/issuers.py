"""A demo issuer of passes served from a thread on the loopback address, and its controls."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from mobility.cities.city import load_city
from providers.entitlements import Issuer, open_issuer
from providers.sandbox.issuer import Register, make_app
from tests.providers.sandboxes import CONTROL, TOKEN
from tests.served import served

DEMO = "demo-abo"


@dataclass(frozen=True)
class IssuerSandbox:
    """A running demo issuer."""

    url: str

    def fault(self, operation: str, fault: str, **more: object) -> None:
        body = {"operation": operation, "fault": fault, **more}
        CONTROL.post(f"{self.url}/sandbox/faults", json=body).raise_for_status()

    def sell(self, reference: str, **known: object) -> None:
        CONTROL.put(f"{self.url}/sandbox/subscriptions/{reference}", json=known).raise_for_status()

    def claims(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = CONTROL.get(f"{self.url}/sandbox/claims").json()
        return found

    def ask(self, http: httpx.AsyncClient, token: str = TOKEN) -> Issuer:
        """The issuer as we ask it, with the terms of Lübeck's."""
        known = load_city("luebeck").find_pass_issuer("deutschlandticket")
        assert known is not None
        assert known.id == DEMO
        return open_issuer(known, self.url, token, http)


@contextmanager
def run_issuer(state: Path) -> Iterator[IssuerSandbox]:
    """Serve the issuer until the block ends."""
    with served(make_app(DEMO, Register(state), token=TOKEN)) as url:
        yield IssuerSandbox(url)
