"""A child process: it logs to a file, dies with its parent, and is stopped within a time."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from mobility import die_with_parent

_WRAPPER = Path(die_with_parent.__file__)
_LOG_BYTES_KEPT = 8_000_000


class EmbeddedError(Exception):
    """Something of the embedded set-up does not run; the message says what to do."""


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    death_signal: signal.Signals = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Start ``command`` in a session of its own, output appended to ``log``.

    Call it from the main thread only: the kernel sends ``death_signal`` when the spawning thread
    ends. A log beyond 8 MB is moved to ``*.1`` first. Raises OSError if ``log`` cannot be written.
    """
    _rotate(log)
    wrapper: list[str | Path] = [
        sys.executable,
        "-I",
        "-S",
        _WRAPPER,
        str(int(death_signal)),
        str(os.getpid()),
    ]
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


def reserve_port(host: str = "127.0.0.1") -> tuple[int, socket.socket]:
    """A free TCP port, and the socket that keeps it ours until it is closed.

    The socket is bound and never listens, so a server that sets SO_REUSEADDR (asyncio's and
    socketserver's do) can still listen there, and nobody else is given the port.
    """
    holder = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind((host, 0))
    return int(holder.getsockname()[1]), holder


def wait_for_port(
    process: subprocess.Popen[bytes], port: int, *, log: Path, within_seconds: float = 30
) -> None:
    """Return once something listens on the loopback ``port``.

    Raises EmbeddedError, with the end of the log, if the process ends first or takes too long.
    """
    deadline = time.monotonic() + within_seconds
    while True:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            raise EmbeddedError(
                f"{log.stem} ended with status {process.returncode} before it listened on port "
                f"{port}; its log {log} ends:\n{tail(log)}"
            )
        if time.monotonic() > deadline:
            raise EmbeddedError(
                f"{log.stem} does not listen on port {port} after {within_seconds:.0f} s; "
                f"its log {log} ends:\n{tail(log)}"
            )
        time.sleep(0.02)


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log, indented; empty if there is none."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 16_000))
        text = file.read().decode(errors="replace")
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])


def _rotate(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > _LOG_BYTES_KEPT:
        log.replace(log.with_name(log.name + ".1"))
