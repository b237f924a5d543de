"""One command runs it, nothing outlives it, and after any death the next start recovers."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility.alone import alone
from mobility.db import transaction
from mobility.embedded.folder import find_running
from mobility.embedded.process import reserve_port
from tests.processes import SERVE, Instance, processes_of

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """An instance that runs."""
    instance = Instance(tmp_path_factory.mktemp("first") / "data")
    try:
        instance.start()
        yield instance
    finally:
        instance.close()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    """One that is not started yet."""
    instance = Instance(tmp_path / "data")
    yield instance
    instance.close()


def database_of(instance: Instance) -> psycopg.Connection:
    running = find_running(instance.folder)
    assert running is not None
    return psycopg.connect(running["DATABASE_URL"], autocommit=True)


def remember(instance: Instance, text: str) -> None:
    with database_of(instance) as database:
        database.execute("CREATE TABLE IF NOT EXISTS remembered (what text)")
        database.execute("INSERT INTO remembered VALUES (%s)", [text])


def remembered(instance: Instance) -> list[str]:
    with database_of(instance) as database:
        database.execute("CREATE TABLE IF NOT EXISTS remembered (what text)")
        return [what for (what,) in database.execute("SELECT what FROM remembered ORDER BY what")]


def test_two_instances_live_side_by_side_but_not_on_one_folder(first: Instance, instance: Instance):
    instance.start()
    remember(first, "first")
    remember(instance, "second")
    assert (remembered(first), remembered(instance)) == (["first"], ["second"])

    refused = refuse(first.folder, port=instance.port)
    assert f"runs on the data folder {first.folder}" in refused
    assert "MOBILITY_DATA" in refused

    instance.send(signal.SIGINT)
    assert instance.wait() == 0
    assert processes_of(instance.folder) == {}


def test_a_killed_part_is_started_again(first: Instance):
    before = remembered(first)
    postmaster = int((first.folder / "postgres" / "postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while "postgres ended" not in first.output():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    while True:
        try:
            assert remembered(first) == before
            break
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_it_leaves_nothing_behind_and_finds_everything_again_after_each_way_to_end(
    first: Instance, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    remember(first, "1 a booking")
    known = remembered(first)
    assert first.stop() == 0
    assert processes_of(first.folder) == {}
    assert find_running(first.folder) is None

    seconds = first.start()
    with capsys.disabled():
        sys.stdout.write(f"\nready again in {seconds:.1f} s\n")
    assert f"open {first.url}" in first.output().splitlines()[-1]
    assert remembered(first) == known
    remember(first, "2 another, then the supervisor is killed")
    known = remembered(first)
    first.kill()
    assert first.survivors() == []

    makefile = tmp_path / "Makefile"
    makefile.write_text(f"run:\n\t@exec {' '.join(SERVE)} --die-with-parent\n")
    first.command = ("make", "--no-print-directory", "-f", str(makefile), "run")
    first.start()
    assert remembered(first) == known
    assert [what[0] for what in known[:2]] == ["1", "2"]
    assert len(processes_of(first.folder)) > 5
    first.kill()
    assert first.survivors(within_seconds=20) == []


def test_a_port_in_use_is_named(tmp_path: Path):
    with subprocess.Popen(
        [sys.executable, "-c", _LISTEN], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        port = int(other.stdout.readline())
        refused = refuse(tmp_path / "data", port=port)
        other.terminate()
    assert f"port {port} on 127.0.0.1 cannot be used" in refused
    assert f"make run PORT={port + 1}" in refused
    assert processes_of(tmp_path / "data") == {}


@pytest.mark.parametrize(
    ("variable", "url", "said"),
    [
        ("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing", "connection failed"),
        ("REDIS_URL", "redis://127.0.0.1:1/0", "Error 111 connecting to 127.0.0.1:1"),
    ],
)
def test_a_server_that_does_not_answer_is_named(
    tmp_path: Path, variable: str, url: str, said: str
) -> None:
    port, holder = reserve_port()
    with holder:
        refused = refuse(tmp_path / "data", port=port, **{variable: url})
    assert f"{variable} cannot be used: {said}" in refused


async def test_nothing_is_changed_in_a_database_while_a_restore_is_rebuilt(
    tmp_path: Path, engine: AsyncEngine, database_url: str
) -> None:
    unmigrated = text("DELETE FROM alembic_version RETURNING version_num")
    async with transaction(engine) as tx:
        assert await tx.scalar(unmigrated)
    await engine.dispose()
    port, holder = reserve_port()
    with holder:
        async with alone(engine):
            refused = await asyncio.to_thread(
                refuse, tmp_path / "data", port=port, DATABASE_URL=database_url
            )
    assert "mobility: `mobility restore rebuild` is at work on this database" in refused
    async with transaction(engine) as tx:
        assert await tx.scalar(unmigrated) is None


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("MOBILITY_CITY", "atlantis", "mobility: MOBILITY_CITY: no city 'atlantis': there are"),
        ("STRIPE_API_KEY", "sk_live_x", "mobility: STRIPE_API_KEY is a live key"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line_before_anything_starts(
    tmp_path: Path, variable: str, value: str, said: str
):
    refused = refuse(tmp_path / "data", port=8000, **{variable: value})
    assert refused.startswith(said)
    assert refused.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_a_key_without_a_webhook_secret_is_told_what_that_means(tmp_path: Path):
    port, holder = reserve_port()
    with holder:
        refused = refuse(
            tmp_path / "data",
            port=port,
            STRIPE_API_KEY="sk_test_x",
            DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing",
        )
    assert refused.startswith("STRIPE_API_KEY is set and STRIPE_WEBHOOK_SECRET is not")


_LISTEN = """
import socket, time
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
time.sleep(60)
"""


def refuse(folder: Path, *, port: int, **variables: str) -> str:
    """What a start that is refused says."""
    environment = {**os.environ, "PORT": str(port), "MOBILITY_DATA": str(folder), **variables}
    done = subprocess.run(
        SERVE, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    return done.stdout + done.stderr
