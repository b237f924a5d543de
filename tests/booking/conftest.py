from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility.booking.at_once import wait_for_background
from providers.values import ProviderId
from tests.booking.world import World, open_world, run_operators, run_processor
from tests.providers.sandboxes import Sandbox


@pytest.fixture(scope="session")
def processor() -> Iterator[str]:
    with run_processor() as url:
        yield url


@pytest.fixture
def operators(tmp_path: Path) -> Iterator[dict[ProviderId, Sandbox]]:
    with run_operators(tmp_path) as found:
        yield found


@pytest.fixture
async def world(
    engine: AsyncEngine, operators: dict[ProviderId, Sandbox], processor: str
) -> AsyncIterator[World]:
    async with httpx.AsyncClient() as http:
        world = await open_world(engine, operators, processor, http)
        yield world
        await wait_for_background(10)
        await world.desk.gateway.close()
