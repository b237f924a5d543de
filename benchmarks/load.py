"""Asks a server over HTTP as fast as it answers, or at a given pace, in a process of its own.

    python -m benchmarks.load < JOB > RESULT

A job is the JSON of ``Job``. In a closed loop each connection asks again as soon as it is answered.
In an open one questions come at ``rate`` a second, whatever is still unanswered, and a question's
time runs from the moment it was due: so waiting for a connection counts.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from itertools import cycle
from random import Random
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Job:
    """Whom to ask what, POST only. ``rate`` None is a closed loop."""

    ports: list[int]
    path: str
    bodies: list[str]
    connections: int
    seconds: float
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """The time of each answered question in milliseconds, in the order of answers."""

    milliseconds: list[float]
    failed: int
    seconds: float


class Connection:
    """One kept-alive connection."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> bool:
        """Send a question and read the whole answer; whether it was 200."""
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection("127.0.0.1", self.port)
            reader, writer = self._streams
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line[15:])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length:")
            )
            await reader.readexactly(length)
        except (OSError, asyncio.IncompleteReadError, StopIteration):
            self._streams = None
            return False
        return head[9:12] == b"200"

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()


Asking = Callable[[Connection, float], Awaitable[None]]


def requests_of(job: Job) -> list[bytes]:
    """What goes over the wire for each body."""
    return [
        (
            f"POST {job.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body.encode())}\r\n\r\n{body}"
        ).encode()
        for body in job.bodies
    ]


async def run(job: Job) -> Result:
    """Do it."""
    requests = cycle(requests_of(job))
    ports = cycle(job.ports)
    connections = [Connection(next(ports)) for _ in range(job.connections)]
    taken: list[float] = []
    failed = 0
    began = perf_counter()
    until = began + job.seconds

    async def ask(connection: Connection, since: float) -> None:
        nonlocal failed
        if await connection.ask(next(requests)):
            taken.append(1000 * (perf_counter() - since))
        else:
            failed += 1

    async def keep_asking(connection: Connection) -> None:
        while perf_counter() < until:
            await ask(connection, perf_counter())

    if job.rate is None:
        await asyncio.gather(*map(keep_asking, connections))
    else:
        await _at_pace(job.rate, until, connections, ask)
    for connection in connections:
        connection.close()
    return Result(taken, failed, perf_counter() - began)


async def _at_pace(rate: float, until: float, connections: list[Connection], ask: Asking) -> None:
    """Questions at exponential intervals, as independent people ask them.

    Each goes where the fewest are unanswered, as the proxy of a deployment has it.
    """
    rng = Random(1)
    idle, free = list(connections), asyncio.Semaphore(len(connections))
    unanswered = Counter[int]()
    under_way: set[asyncio.Task[None]] = set()

    async def one(since: float) -> None:
        async with free:
            least = min(idle, key=lambda each: unanswered[each.port])
            idle.remove(least)
            unanswered[least.port] += 1
            await ask(least, since)
            unanswered[least.port] -= 1
            idle.append(least)

    due = perf_counter()
    while due < until:
        await asyncio.sleep(max(due - perf_counter(), 0))
        task = asyncio.create_task(one(due))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
        due += rng.expovariate(rate)
    await asyncio.gather(*under_way)


if __name__ == "__main__":
    result = asyncio.run(run(Job(**json.load(sys.stdin))))
    json.dump(asdict(result), sys.stdout)
