"""The embedded database: as root and not, in a closed folder, after every death of its parent."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from mobility.embedded import postgres as module
from mobility.embedded.postgres import EmbeddedPostgres
from tests.processes import processes_of

pytestmark = pytest.mark.processes

WAYS = ("unshare", "setpriv") if os.geteuid() == 0 else ("directly",)

HOLDER = """
import sys, time
from pathlib import Path
from mobility.embedded import postgres as module
way, folder = sys.argv[1], Path(sys.argv[2])
allowed = module._runs
module._runs = lambda command: command[0] == way and allowed(command)
server = module.EmbeddedPostgres(folder / "postgres", folder / "postgres.log")
server.start()
print(server.url, flush=True)
time.sleep(60)
"""


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A folder that nobody else can enter."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture(params=WAYS)
def holder(request: pytest.FixtureRequest, closed: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds a database in ``closed`` and prints its address."""
    command = [sys.executable, "-c", HOLDER, request.param, str(closed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_it_dies_with_its_parent_and_comes_back_with_its_data(
    holder: subprocess.Popen[str], closed: Path
):
    assert holder.stdout is not None
    url = holder.stdout.readline().strip()
    with psycopg.connect(url) as database:
        database.execute("CREATE TABLE ride AS SELECT 42 AS minutes")
        assert database.execute("SHOW fsync").fetchone() == ("on",)
        assert database.execute("SHOW listen_addresses").fetchone() == ("",)
    holder.kill()
    holder.wait()

    # At once, whether the old one is still shutting down or not, and by whichever way works here.
    server = EmbeddedPostgres(closed / "postgres", closed / "postgres.log")
    server.start()
    with psycopg.connect(server.url) as database:
        assert database.execute("SELECT minutes FROM ride").fetchall() == [(42,)]
    server.stop()
    assert processes_of(closed / "postgres") == {}
    assert closed.stat().st_mode & 0o777 == 0o700


def test_a_lock_left_by_somebody_else_s_process_id_is_no_obstacle(closed: Path):
    server = EmbeddedPostgres(closed / "postgres", closed / "postgres.log", durable=False)
    server.start()
    server.stop()
    # What a container finds after a restart: the id of the old postmaster is alive, but ours.
    (closed / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{closed}/postgres\n")
    server.start()
    server.stop()


def test_the_socket_folder_is_short_and_closed_whatever_the_data_folder(tmp_path: Path):
    deep = tmp_path / ("a-long-name-of-a-folder-" * 4) / "postgres"
    server = EmbeddedPostgres(deep, tmp_path / "postgres.log", durable=False)
    server.start()
    folder = Path(server.url.partition("host=")[2].partition("&")[0])
    assert len(str(folder / ".s.PGSQL.5432").encode()) <= 107
    assert folder.stat().st_mode & 0o777 == 0o700
    server.stop()
    assert not folder.exists()


def test_where_a_stranger_owns_the_usual_socket_folder_another_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    usual = module._make_socket_folder(tmp_path / "postgres")
    usual.chmod(0o777)
    other = module._make_socket_folder(tmp_path / "postgres")
    assert other != usual
    assert other.stat().st_mode & 0o777 == 0o700
