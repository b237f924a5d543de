from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.processes import Instance, running_instance


@pytest.fixture(scope="session")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """The whole product as its processes, for all tests of this folder."""
    folder = tmp_path_factory.mktemp("whole") / "data"
    environment = {
        "MOBILITY_RATE_LIMIT_PER_MINUTE": "1000000",
        "MOBILITY_RATE_LIMIT_CODES_PER_HOUR": "1000000",
        "MOBILITY_STEP_LEASE_SECONDS": "1.5",
    }
    with running_instance(folder, env=environment) as started:
        yield started


@pytest.fixture(scope="session")
def http(instance: Instance) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=instance.url, timeout=30) as client:
        yield client
