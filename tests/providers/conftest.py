from collections.abc import Iterator
from pathlib import Path

import pytest

from providers.bus.fare_table import FareTable, read_fares
from providers.stanza import ProviderStanza, read_stanzas
from tests.providers.city import write_city
from tests.providers.sandboxes import Sandbox, run_sandbox

LUEBECK_FARES = Path(__file__).parents[2] / "mobility/cities/luebeck/fares.toml"


@pytest.fixture
def city_folder(tmp_path: Path) -> Path:
    """The tiny city as files."""
    write_city(tmp_path)
    return tmp_path


@pytest.fixture
def stanzas(city_folder: Path) -> dict[str, ProviderStanza]:
    return {stanza.id: stanza for stanza in read_stanzas(city_folder / "providers.toml")}


@pytest.fixture(scope="session")
def fares() -> FareTable:
    return read_fares(LUEBECK_FARES)


@pytest.fixture
def bikes(stanzas: dict[str, ProviderStanza], city_folder: Path) -> Iterator[Sandbox]:
    """The bike operator, running."""
    with run_sandbox(stanzas["demo-rad"], city_folder, city_folder / "rad.sqlite") as sandbox:
        yield sandbox


@pytest.fixture
def cars(stanzas: dict[str, ProviderStanza], city_folder: Path) -> Iterator[Sandbox]:
    """The car operator, running."""
    with run_sandbox(stanzas["demo-auto"], city_folder, city_folder / "auto.sqlite") as sandbox:
        yield sandbox
