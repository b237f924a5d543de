"""The embedded Redis: fakeredis's TCP server as a process of its own, on the loopback interface.

``python -m mobility.embedded_redis --port N``. What is in it lives as long as the process.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from socket import socket

from mobility.embedded_process import reserve_port, spawn, stop, wait_for_port


@dataclass(frozen=True, slots=True)
class RunningRedis:
    """A started Redis, reachable at ``url`` by every process of this machine."""

    url: str
    process: subprocess.Popen[bytes]
    port_holder: socket

    def stop(self) -> None:
        """End it; its content goes with it."""
        stop(self.process, within_seconds=2)
        self.port_holder.close()


def redis_command(port: int) -> list[str]:
    """The command line that serves on the loopback ``port``."""
    return [sys.executable, "-m", "mobility.embedded_redis", "--port", str(port)]


def start_redis(log: Path) -> RunningRedis:
    """Start a Redis on a free port. Raises EmbeddedError if it does not come up."""
    port, holder = reserve_port()
    process = spawn(redis_command(port), log=log)
    wait_for_port(process, port, log=log)
    return RunningRedis(f"redis://127.0.0.1:{port}/0", process, holder)


def main() -> None:
    """Serve until SIGTERM."""
    from fakeredis import TcpFakeServer  # noqa: PLC0415  # slow to import, needed here alone

    parser = argparse.ArgumentParser(prog="mobility.embedded_redis", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    server = TcpFakeServer(("127.0.0.1", parser.parse_args().port))
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    thread.start()
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    server.shutdown()


if __name__ == "__main__":
    main()
