"""The processor as a real server on loopback, and the gateway that talks to it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from payments.sandbox.app import create_app
from payments.stripe_gateway import StripeGateway

KEY = "sk_test_payments"
SECRET = "whsec_payments"


@contextmanager
def served(app: FastAPI, sock: socket.socket) -> Iterator[str]:
    """Serve an application in a thread of its own."""
    config = uvicorn.Config(
        app, log_level="error", access_log=False, timeout_graceful_shutdown=0, ws="none"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    host, port = sock.getsockname()
    yield f"http://{host}:{port}"
    server.should_exit = True
    thread.join()
    sock.close()


def listening() -> socket.socket:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock


@contextmanager
def sandbox_at(path: Path | None = None, webhook_url: str | None = None) -> Iterator[str]:
    sock = listening()
    host, port = sock.getsockname()
    app = create_app(
        path=path,
        public_url=f"http://{host}:{port}",
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
