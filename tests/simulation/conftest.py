from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.simulation.clock import open_engine
from tests.simulation.world import City, read_city


@pytest.fixture
def city(tmp_path: Path) -> City:
    return read_city(tmp_path)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[AsyncEngine]:
    """A database whose ``now()`` is the simulated one."""
    engine = await open_engine(database_url)
    yield engine
    await engine.dispose()
