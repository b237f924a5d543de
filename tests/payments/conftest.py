"""The processor as a real server on loopback, and the gateway that talks to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from payments.sandbox.app import create_app
from payments.stripe_gateway import StripeGateway
from tests.served import listening, served, url_of

KEY = "sk_test_payments"
SECRET = "whsec_payments"


@contextmanager
def sandbox_at(path: Path | None = None, webhook_url: str | None = None) -> Iterator[str]:
    sock = listening()
    app = create_app(
        path=path,
        public_url=url_of(sock),
        webhook_url=webhook_url,
        webhook_secret=SECRET,
    )
    with served(app, sock) as url:
        yield url


@pytest.fixture
def sandbox() -> Iterator[str]:
    """A processor of this test's own."""
    with sandbox_at() as url:
        yield url


@pytest.fixture
async def gateway(sandbox: str) -> AsyncIterator[StripeGateway]:
    gateway = StripeGateway(KEY, api_base=sandbox, timeout_s=5)
    yield gateway
    await gateway.close()


@pytest.fixture
async def hasty(sandbox: str) -> AsyncIterator[StripeGateway]:
    """A gateway that soon gives up waiting, for a processor that misbehaves."""
    gateway = StripeGateway(KEY, api_base=sandbox, timeout_s=0.3)
    yield gateway
    await gateway.close()


@pytest.fixture
def misbehave(sandbox: str) -> Callable[..., None]:
    """Arm a fault of the processor."""

    def arm(fault: str, on: str = "*", times: int = 1, seconds: float = 0.5) -> None:
        wanted = {"fault": fault, "on": on, "times": times, "seconds": seconds}
        assert httpx.post(f"{sandbox}/sandbox/faults", json=wanted).status_code == 201

    return arm


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
