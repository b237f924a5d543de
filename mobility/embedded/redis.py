"""The embedded Redis: fakeredis's TCP server as a process of its own, on the loopback interface.

``python -m mobility.embedded.redis --port N``. What is in it lives as long as the process.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path
from socketserver import StreamRequestHandler
from typing import cast

from mobility.embedded.process import Program, reserve_port


def make_redis(log: Path) -> Program:
    """A Redis on a free port; its ``url`` is good for every process of this machine."""
    port, holder = reserve_port()
    return Program(
        name="redis",
        command=(sys.executable, "-m", "mobility.embedded.redis", "--port", str(port)),
        log=log,
        port=port,
        port_holder=holder,
    )


def redis_url(redis: Program) -> str:
    """Where a client connects."""
    return f"redis://127.0.0.1:{redis.port}/0"


def main() -> None:
    """Serve until SIGTERM."""
    from fakeredis import TcpFakeServer  # noqa: PLC0415  # slow to import, needed here alone

    parser = argparse.ArgumentParser(prog="mobility.embedded.redis", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    server = TcpFakeServer(("127.0.0.1", parser.parse_args().port))
    # A pipeline's replies leave one by one: held back for an acknowledgement, each set costs 40 ms.
    cast("type[StreamRequestHandler]", server.RequestHandlerClass).disable_nagle_algorithm = True
    server.daemon_threads = True
    server.block_on_close = False
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    server.shutdown()


if __name__ == "__main__":
    main()
