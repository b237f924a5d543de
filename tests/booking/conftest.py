from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

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
async def world(engine: AsyncEngine, operators: dict[ProviderId, Sandbox], processor: str) -> World:
    return await open_world(engine, operators, processor)
