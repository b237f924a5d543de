"""Each import contract of pyproject.toml refuses the imports that it is there for.

Below a contract's name stand imports that would break it. A file that does not exist yet
(``brand_new``) is refused like the others, so that no new module escapes.
"""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import grimp
import pytest
from importlinter import Contract
from importlinter.api import read_configuration
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.independence import IndependenceContract
from importlinter.contracts.protected import ProtectedContract

ROOT = Path(__file__).parent.parent
OPTIONS = read_configuration(str(ROOT / "pyproject.toml"))
CONTRACTS = {options["name"]: options for options in OPTIONS["contracts_options"]}
KINDS: dict[str, type[Contract]] = {
    "forbidden": ForbiddenContract,
    "independence": IndependenceContract,
    "protected": ProtectedContract,
}
EXAMPLES = """
gtfs and payments import none of ours
    gtfs.trip_based -> mobility.steps
    payments.brand_new -> providers.port
gtfs and payments do not import each other
    gtfs.brand_new -> payments.money
    payments.ledger -> gtfs.geo
providers never import mobility
    providers.brand_new -> mobility.ids
of payments, providers know Money alone
    providers.tariff -> payments.ledger
    providers.brand_new -> payments.gateway
    providers.port -> payments.brand_new
bus, bike and car do not import each other
    providers.bike.adapter -> providers.bus.ticket
    providers.car.adapter -> providers.bike.adapter
planning never imports booking
    mobility.planning.offer -> mobility.booking.book
    mobility.cities.city -> mobility.booking.trip
the API is reached through the application alone
    mobility.worker -> mobility.api.bookings
the application is imported by nothing but the OpenAPI snapshot
    mobility.brand_new -> mobility.app
the sandboxes are reached over HTTP, never imported
    mobility.embedded.serve -> providers.sandbox.app
    payments.charge -> payments.sandbox.cards
    providers.sandbox.app -> payments.sandbox.wire
the payment processor shares no code with what is tested against it
    payments.sandbox.wire -> payments.stripe_wire
    payments.sandbox.brand_new -> payments.money
the demo operator shares no wire code with what is tested against it
    providers.sandbox.answers -> providers.tomp.v1_6
those who know a person: identity's tables and vault
    mobility.booking.queries -> mobility.identity.vault
    mobility.brand_new -> mobility.identity.tables
fastapi and starlette: the application, its API, the sandboxes
    mobility.booking.errors -> fastapi
    payments.brand_new -> starlette
gtfs, providers, planning and cities know no database
    providers.snapshots -> sqlalchemy
    mobility.planning.search -> mobility.db
    mobility.cities.brand_new -> psycopg
booking and planning reach the outside through ports, not over HTTP
    mobility.booking.pay -> httpx
stripe: the modules that talk to it
    payments.charge -> stripe
    mobility.api.brand_new -> stripe
protocol buffers: where a realtime message is read
    gtfs.realtime_match -> google
    mobility.brand_new -> google
data frames: nowhere
    gtfs.load -> gtfs_kit
    gtfs.timetable -> pandas
    mobility.cities.brand_new -> geopandas
numba: where kernels are compiled
    gtfs.trip_based -> numba
osmium: where an extract is read
    mobility.streets.build -> osmium
    mobility.planning.brand_new -> osmium
shapely: where zones are read and asked
    mobility.planning.ways.water -> shapely
    providers.brand_new -> shapely
streets know no search over them
    mobility.streets.spot -> mobility.planning.ways.reach
rapidfuzz: where the words of places are compared
    mobility.planning.places.index -> rapidfuzz
msgspec: where answers of searches and their offers are written
    mobility.api.booking_view -> msgspec
    payments.brand_new -> msgspec
"""


def refused() -> Iterator[tuple[str, str]]:
    """Each example with the contract above it."""
    name = ""
    for line in EXAMPLES.strip().splitlines():
        if line.startswith(" "):
            yield name, line.strip()
        else:
            name = line


REFUSED = list(refused())


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    """All imports of the four packages, as they are."""
    return grimp.build_graph(
        *OPTIONS["session_options"]["root_packages"],
        include_external_packages=True,
        cache_dir=None,
    )


def holds(name: str, graph: grimp.ImportGraph) -> bool:
    options = {key: value for key, value in CONTRACTS[name].items() if key not in ("name", "type")}
    kind = KINDS[CONTRACTS[name]["type"]]
    contract = kind(name, OPTIONS["session_options"], options)
    return contract.check(deepcopy(graph), verbose=False).kept


@pytest.mark.parametrize(("name", "wrong"), REFUSED)
def test_a_contract_refuses_the_import_it_is_there_for(
    imports: grimp.ImportGraph, name: str, wrong: str
):
    importer, imported = wrong.split(" -> ")
    graph = deepcopy(imports)
    if imported not in graph.modules:
        graph.add_module(imported, is_squashed="." not in imported)
    graph.add_import(importer=importer, imported=imported, line_number=1, line_contents=wrong)

    assert (holds(name, imports), holds(name, graph)) == (True, False)


def test_each_contract_is_shown_to_refuse_something():
    assert {name for name, _ in REFUSED} == set(CONTRACTS)


def test_every_package_with_code_is_under_contract():
    with_code = {path.parent.name for path in ROOT.glob("*/__init__.py")}

    assert with_code - {"tests", "benchmarks"} == set(OPTIONS["session_options"]["root_packages"])
