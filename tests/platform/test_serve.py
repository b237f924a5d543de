"""One command runs it, nothing outlives it, and after any death the next start recovers."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from mobility.embedded.folder import find_running
from mobility.embedded.process import reserve_port
from tests.processes import SERVE, Instance, processes_of

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """The folder of an instance that ran once, and how many seconds its start took."""
    instance = Instance(tmp_path_factory.mktemp("first") / "data")
    try:
        return instance.folder, instance.start()
    finally:
        instance.close()


@pytest.fixture
def instance(tmp_path: Path, first: tuple[Path, float]) -> Iterator[Instance]:
    instance = Instance(tmp_path / "data", prepared=first[0])
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
        return [what for (what,) in database.execute("SELECT what FROM remembered ORDER BY what")]


def test_it_starts_says_what_to_open_and_leaves_nothing_behind(
    instance: Instance, first: tuple[Path, float], capsys: pytest.CaptureFixture[str]
):
    instance.start()
    assert f"open {instance.url}" in instance.output().splitlines()[-1]
    remember(instance, "a booking")

    assert instance.stop() == 0
    assert processes_of(instance.folder) == {}
    assert find_running(instance.folder) is None

    second = instance.start()
    assert remembered(instance) == ["a booking"]
    with capsys.disabled():
        sys.stdout.write(f"\nfirst start ready in {first[1]:.1f} s, second in {second:.1f} s\n")

    # Somebody kills the supervisor: nothing survives, and the next start finds everything.
    remember(instance, "another one")
    instance.kill()
    assert instance.survivors() == []
    instance.start()
    assert remembered(instance) == ["a booking", "another one"]

    instance.send(signal.SIGINT)
    assert instance.wait() == 0
    assert processes_of(instance.folder) == {}


def test_when_make_is_killed_nothing_survives(tmp_path: Path, first: tuple[Path, float]):
    makefile = tmp_path / "Makefile"
    makefile.write_text(f"run:\n\t@exec {' '.join(SERVE)} --die-with-parent\n")
    make = ("make", "--no-print-directory", "-f", str(makefile), "run")
    instance = Instance(tmp_path / "data", command=make, prepared=first[0])
    instance.start()
    assert len(processes_of(instance.folder)) > 5
    instance.kill()
    assert instance.survivors(within_seconds=20) == []


def test_two_instances_live_side_by_side_but_not_on_one_folder(
    instance: Instance, tmp_path: Path, first: tuple[Path, float]
):
    other = Instance(tmp_path / "other", prepared=first[0])
    try:
        instance.start()
        other.start()
        remember(instance, "one")
        remember(other, "other")
        assert (remembered(instance), remembered(other)) == (["one"], ["other"])

        refused = refuse(instance.folder, port=other.port)
        assert f"runs on the data folder {instance.folder}" in refused
        assert "MOBILITY_DATA" in refused
    finally:
        other.close()


def test_a_killed_part_is_started_again(instance: Instance):
    instance.start()
    postmaster = int((instance.folder / "postgres" / "postmaster.pid").read_text().split()[0])
    remember(instance, "before")
    os.kill(postmaster, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while "postgres ended" not in instance.output():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    while True:
        try:
            assert remembered(instance) == ["before"]
            break
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert instance.stop() == 0


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


def test_a_database_that_does_not_answer_is_named(tmp_path: Path):
    port, holder = reserve_port()
    with holder:
        url = "postgresql://nobody@127.0.0.1:1/nothing"
        refused = refuse(tmp_path / "data", port=port, DATABASE_URL=url)
    assert "DATABASE_URL cannot be used: connection failed" in refused


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
    return done.stderr
