"""An application served over HTTP on the loopback address, from a thread of this process."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

START_SECONDS = 30


class _Prompt(uvicorn.Server):
    """Ends when it is told, and cuts off what is still being answered.

    uvicorn's own ends up to 0.3 s later, as it looks ten times a second.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = threading.Event()

    async def main_loop(self) -> None:
        self._loop, self._told = asyncio.get_running_loop(), asyncio.Event()
        await self.on_tick(0)
        self.up.set()
        await self._told.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for each in (*self.servers, *(sockets or ())):
            each.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        under_way = list(self.server_state.tasks)
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await self.lifespan.shutdown()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._told.set)


def listening() -> socket.socket:
    """A free port, taken."""
    return socket.create_server(("127.0.0.1", 0))


def url_of(sock: socket.socket) -> str:
    host, port = sock.getsockname()
    return f"http://{host}:{port}"


@contextmanager
def served(app: Any, sock: socket.socket | None = None) -> Iterator[str]:
    """Serve it until the block ends; its URL. ``sock`` is where, if the application must know."""
    sock = sock or listening()
    config = uvicorn.Config(app, log_config=None, log_level="critical", access_log=False, ws="none")
    server = _Prompt(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([sock])), daemon=True)
    thread.start()
    assert server.up.wait(START_SECONDS), "it does not start"
    try:
        yield url_of(sock)
    finally:
        server.stop()
        thread.join(timeout=5)
