from datetime import UTC, datetime

import pytest

from mobility.identity.secrets import Secrets, derive_secrets
from mobility.identity.vault import Vault


@pytest.fixture(scope="session")
def secrets() -> Secrets:
    return derive_secrets("a secret of this test run, long enough")


@pytest.fixture(scope="session")
def vault(secrets: Secrets) -> Vault:
    return Vault(secrets.vault_key)


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
