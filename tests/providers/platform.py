"""The provider paths of the API on a real Redis, without the rest of the house."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility.api import provider
from mobility.api.dependencies import get_now, get_provider, get_wiring
from mobility.api.errors import install_errors
from mobility.cities.facts import Bounds
from providers.mirror import Mirror
from providers.snapshots import Snapshots
from providers.stanza import ProviderStanza


@dataclass
class Platform:
    """The API, with the mirror that its searches would read; ``now`` can be set."""

    snapshots: Snapshots
    mirror: Mirror
    app: FastAPI
    provider_id: str = "demo-rad"
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    async def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as http:
            content = body if isinstance(body, str | bytes) else None
            json = None if content is not None else body
            headers = {"Content-Type": "application/json"} if content is not None else {}
            return await http.request(
                method, f"/v1/provider{path}", json=json, content=content, headers=headers
            )


@asynccontextmanager
async def open_platform(
    redis: Redis,
    prefix: str,
    stanzas: dict[str, ProviderStanza],
    engine: AsyncEngine | None = None,
) -> AsyncIterator[Platform]:
    """The API until the block ends."""
    snapshots = Snapshots(redis, prefix)
    mirror = Mirror(snapshots, stanzas.values())
    await mirror.start()
    app = FastAPI()
    app.include_router(provider.router)
    install_errors(app)
    platform = Platform(snapshots, mirror, app)
    wiring = SimpleNamespace(
        city=SimpleNamespace(bounds=Bounds(10.5, 53.7, 11.0, 54.0)),
        stanzas=stanzas,
        snapshots=snapshots,
        mirror=mirror,
        engine=engine,
    )
    app.dependency_overrides = {
        get_wiring: lambda: wiring,
        get_provider: lambda: platform.provider_id,
        get_now: lambda: platform.now,
    }
    yield platform
    await mirror.stop()


@contextmanager
def serve_platform(
    redis_url: str, prefix: str, stanzas: dict[str, ProviderStanza], port: int
) -> Iterator[Platform]:
    """The API on a port, from a thread of its own with a clock that runs."""
    running: list[Platform] = []
    servers: list[uvicorn.Server] = []

    async def serve() -> None:
        async with (
            Redis.from_url(redis_url) as redis,
            open_platform(redis, prefix, stanzas) as platform,
        ):
            platform.app.dependency_overrides[get_now] = lambda: datetime.now(UTC)
            config = uvicorn.Config(
                platform.app, port=port, log_level="critical", timeout_graceful_shutdown=1
            )
            server = uvicorn.Server(config)
            running.append(platform)
            servers.append(server)
            await server.serve()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    while not (servers and servers[0].started):
        time.sleep(0.005)
    yield running[0]
    servers[0].should_exit = True
    thread.join(timeout=5)
