"""A child process: it logs to a file, dies with its parent, and is stopped within a time."""

from __future__ import annotations

import http
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mobility.embedded import die_with_parent

_WRAPPER = Path(die_with_parent.__file__)
_LOG_BYTES_KEPT = 8_000_000


class EmbeddedError(Exception):
    """Something of the embedded set-up does not run; the message says what to do."""


def spawn(
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    death_signal: signal.Signals = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Start ``command`` in a session of its own, output appended to ``log``.

    Call it from the main thread only: the kernel sends ``death_signal`` when the spawning thread
    ends. A log beyond 8 MB is moved to ``*.1`` first. Raises OSError if ``log`` cannot be written.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > _LOG_BYTES_KEPT:
        log.replace(log.with_name(log.name + ".1"))
    wrapper = [sys.executable, "-I", "-S", str(_WRAPPER), str(int(death_signal)), str(os.getpid())]
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603  # our own commands, no shell
            [*wrapper, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
            start_new_session=True,
        )


def stop(
    process: subprocess.Popen[bytes],
    *,
    with_signal: signal.Signals = signal.SIGTERM,
    within_seconds: float = 5,
) -> None:
    """Ask the process to end, insist after ``within_seconds``, and reap it."""
    if process.poll() is None:
        process.send_signal(with_signal)
        try:
            process.wait(within_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


@dataclass(slots=True)
class Program:
    """One of our own programs as a child process.

    It is ready when it listens on ``port``, if it has one, and answers ``GET ready_path`` with 200,
    if that is given.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    env: Mapping[str, str] | None = None
    port: int | None = None
    port_holder: socket.socket | None = None
    host: str = "127.0.0.1"
    ready_path: str | None = None
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start the process, without waiting for it to be ready. Main thread only."""
        self._process = spawn(self.command, log=self.log, env=self.env)

    def poll(self) -> int | None:
        """How the process ended; None while it runs, and before it was started."""
        return None if self._process is None else self._process.poll()

    def ask_to_stop(self) -> None:
        """Send SIGTERM and return."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def stop(self) -> None:
        """End it within some seconds, and give its port back."""
        if self._process is not None:
            stop(self._process)
            self._process = None
        if self.port_holder is not None:
            self.port_holder.close()

    def wait_until_ready(self, *, within_seconds: float = 300) -> None:
        """Return once it is ready.

        Raises EmbeddedError, with the end of the log, if it ends first or takes too long.
        """
        deadline = time.monotonic() + within_seconds
        while not self._is_ready():
            self._check(deadline)
            time.sleep(0.03)

    def _is_ready(self) -> bool:
        if self.port is None:
            return True
        if self.ready_path is None:
            return listens(self.port, self.host)
        return answers_ok(self.host, self.port, self.ready_path)

    def _check(self, deadline: float) -> None:
        status = self.poll()
        if status is not None:
            raise EmbeddedError(
                f"{self.name} ended with status {status} instead of starting; "
                f"its log {self.log} ends:\n{tail(self.log)}"
            )
        if time.monotonic() > deadline:
            raise EmbeddedError(
                f"{self.name} did not become ready in time; "
                f"its log {self.log} ends:\n{tail(self.log)}"
            )


def reserve_port() -> tuple[int, socket.socket]:
    """A free loopback TCP port, and the socket that keeps it ours until it is closed.

    The socket is bound and never listens, so a server that sets SO_REUSEADDR (asyncio's and
    socketserver's do) can still listen there, and nobody else is given the port.
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    return int(holder.getsockname()[1]), holder


def listens(port: int, host: str = "127.0.0.1") -> bool:
    """Whether something accepts TCP connections there."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def answers_ok(host: str, port: int, path: str) -> bool:
    """Whether a GET over HTTP is answered with 200."""
    return find_answer(host, port, path) is not None


def find_answer(host: str, port: int, path: str) -> bytes | None:
    """The body of a 200 to a GET over HTTP; None for anything else, silence included."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.read() if response.status == http.HTTPStatus.OK else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log, indented; empty if there is none."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 16_000))
        text = file.read().decode(errors="replace")
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])
