"""One database server and one Redis for the whole run, a database and a key prefix per test.

``DATABASE_URL`` and ``REDIS_URL`` name the servers; where one is unset, the embedded one is
started. Both leave the environment then, so that no test sees what it did not set. With xdist the
servers belong to the controlling process and the workers are told their addresses.
"""

from __future__ import annotations

import gc
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import redis as redis_client
from hypothesis import HealthCheck, settings  # at once: at a run's end it may crash CPython 3.11
from psycopg import sql
from redis.asyncio import Redis
from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import NullPool

from gtfs.kernel_cache import folder as kernel_folder
from mobility.db import make_engine
from mobility.embedded.postgres import EmbeddedPostgres
from mobility.embedded.redis import make_redis
from mobility.embedded.redis import redis_url as url_of
from mobility.migrate import migrate
from mobility.redis_pool import open_redis
from tests.processes import FREELY_ASKED, Instance, running_instance

# How fast a machine is decides no test.
settings.register_profile(
    "patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")

_FROM_OUTSIDE = ("DATABASE_URL", "REDIS_URL")
_NEVER_IN_TESTS = (
    *("STRIPE_API_KEY", "STRIPE_API_BASE", "STRIPE_WEBHOOK_SECRET"),
    "SSL_CERT_FILE",  # and SSL_CERT_DIR is a folder without any: nobody here speaks TLS
    *("PORT", "MOBILITY_DATA", "MOBILITY_CITY", "MOBILITY_PROVIDER_URLS", "MOBILITY_SECRET_KEY"),
)

_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 4 * 2**30
_YOUNG_OBJECTS = 10_000

_COMPILE = """
from types import SimpleNamespace
from mobility.prepare import prepare_kernel
from mobility.settings import Settings
from tests.planning.world import NOW, luebeck_planner
prepare_kernel(Settings(), SimpleNamespace(note=print))
luebeck_planner().warm_up(NOW)
"""


def _with_database(url: str, name: str) -> str:
    plain = make_url("postgresql://" + url.split("://", 1)[1]).set(database=name)
    return plain.render_as_string(hide_password=False)


def _execute(url: str, statement: str, **names: str) -> None:
    composed = sql.SQL(statement).format(**{k: sql.Identifier(v) for k, v in names.items()})
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(composed)


@dataclass
class Servers:
    """What this run talks to, started when first asked for and gone when ``stack`` closes."""

    given: dict[str, str]
    stack: ExitStack = field(default_factory=ExitStack)
    run: str = field(default_factory=lambda: "mobility_test_" + secrets.token_hex(4))
    _addresses: dict[str, str] = field(default_factory=dict)

    def database(self) -> str:
        """The server, by a database that is always there."""
        return self._address("DATABASE_URL", self._start_postgres)

    def template(self) -> str:
        """The name of a migrated database to clone."""
        return self._address("template", self._make_template)

    def redis(self) -> str:
        return self._address("REDIS_URL", self._start_redis)

    def addresses(self) -> dict[str, str]:
        """Everything, started; for an xdist worker's ``given``."""
        self.template(), self.redis()
        return dict(self.given)

    def clone(self) -> str:
        """The name of a new database like the template."""
        name = f"{self.run}_{secrets.token_hex(4)}"
        how = self.given.get("strategy", "WAL_LOG")
        statement = f"CREATE DATABASE {{name}} TEMPLATE {{template}} STRATEGY {how}"
        _execute(self.database(), statement, name=name, template=self.template())
        return name

    def _address(self, name: str, start: Callable[[], str]) -> str:
        if name not in self.given:
            self.given[name] = start()
        return self.given[name]

    def _folder(self) -> Path:
        """In memory where that has room: a database is 330 files, and each test has one."""
        free = shutil.disk_usage(_MEMORY).free if os.access(_MEMORY, os.W_OK) else 0
        place = _MEMORY if free > _ROOM_BYTES else None
        folder = Path(tempfile.mkdtemp(prefix="mobility-tests-", dir=place))
        self.stack.callback(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def _start_postgres(self) -> str:
        folder = self._folder()
        if folder.parent == _MEMORY:  # where files are copied faster than pages
            self.given["strategy"] = "FILE_COPY"
        postgres = EmbeddedPostgres(folder / "postgres", folder / "postgres.log", durable=False)
        self.stack.callback(postgres.stop)
        postgres.start()
        return postgres.url

    def _start_redis(self) -> str:
        server = make_redis(self._folder() / "redis.log")
        self.stack.callback(server.stop)
        server.start()
        server.wait_until_ready()
        return url_of(server)

    def _make_template(self) -> str:
        name = f"{self.run}_template"
        server = self.database()
        _execute(server, "CREATE DATABASE {name}", name=name)
        self.stack.callback(
            _execute, server, "DROP DATABASE IF EXISTS {name} WITH (FORCE)", name=name
        )
        migrate(_with_database(server, name))
        return name


_SERVERS = pytest.StashKey[Servers]()


def pytest_configure(config: pytest.Config) -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl-C does: else a folder in memory stays
        signal.signal(number, signal.default_int_handler)
    given = {name: os.environ.pop(name) for name in _FROM_OUTSIDE if os.environ.get(name)}
    for name in _NEVER_IN_TESTS:
        os.environ.pop(name, None)
    os.environ["SSL_CERT_DIR"] = str(Path(__file__).parent)
    gc.disable()
    given = getattr(config, "workerinput", {}).get("servers", given)
    config.stash[_SERVERS] = Servers(given)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile the kernels once, before the workers would each do it for themselves."""
    ready = kernel_folder() / "compiled"
    if not hasattr(session.config, "workerinput") and not ready.exists():
        subprocess.run([sys.executable, "-c", _COMPILE], check=True, stdout=subprocess.DEVNULL)
        ready.touch()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first, so that no worker has one left when the other is done.

    All that share the instance are thereby the business of one worker, which alone starts it.
    """
    items.sort(key=lambda item: not _is_long(item))


def pytest_collection_finish() -> None:
    """Spare the garbage collector what is there by now, which no test lets go."""
    gc.freeze()
    gc.enable()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 20)


def _is_long(item: pytest.Item) -> bool:
    return (
        item.get_closest_marker("processes") is not None
        or item.get_closest_marker("timeout") is not None
        or "instance" in getattr(item, "fixturenames", ())
    )


def pytest_unconfigure(config: pytest.Config) -> None:
    if _SERVERS in config.stash:
        config.stash[_SERVERS].stack.close()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["servers"] = node.config.stash[_SERVERS].addresses()


@pytest.fixture(scope="session")
def _servers(request: pytest.FixtureRequest) -> Servers:
    return request.config.stash[_SERVERS]


@pytest.fixture
def database_url(_servers: Servers) -> Iterator[str]:
    """A migrated database of this test's own."""
    name, server = _servers.clone(), _servers.database()
    yield _with_database(server, name)
    _execute(server, "DROP DATABASE {name} WITH (FORCE)", name=name)


@pytest.fixture
def sync_engine(database_url: str) -> Iterator[Engine]:
    """The same database as migrations reach it."""
    url = "postgresql+psycopg://" + database_url.split("://", 1)[1]
    engine = create_engine(url, poolclass=NullPool)
    yield engine
    engine.dispose()


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine on this test's database."""
    engine = make_engine(database_url)
    yield engine
    await engine.dispose()


@pytest.fixture(scope="session")
def redis_url(_servers: Servers) -> str:
    """The Redis of this run, shared: keep to ``redis_prefix``."""
    return _servers.redis()


@pytest.fixture
def redis_prefix(redis_url: str) -> Iterator[str]:
    """A key prefix of this test's own, cleared afterwards."""
    prefix = f"test-{secrets.token_hex(6)}:"
    yield prefix
    with redis_client.Redis.from_url(redis_url) as client:
        for key in list(client.scan_iter(match=prefix + "*", count=1000)):
            client.delete(key)


@pytest.fixture
async def redis(redis_url: str, redis_prefix: str) -> AsyncIterator[Redis]:
    """A client of this run's Redis; keys begin with ``redis_prefix``."""
    async with open_redis(redis_url) as client:
        yield client


@pytest.fixture(scope="session")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """The whole product as its processes, for all tests of a worker that share it."""
    folder = tmp_path_factory.mktemp("whole") / "data"
    with running_instance(folder, env=FREELY_ASKED) as started:
        yield started


@pytest.fixture(scope="session")
def http(instance: Instance) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=instance.url, timeout=30) as client:
        yield client
