"""``POST /v1/journeys/search`` of real API processes on loopback, and a bare route beside it.

``mobility serve`` runs on a folder of its own, rate limits raised; beside its API process as many
more as make one a core, with its environment. The questions come from a process of their own
(``load``): in a closed loop, which gives the capacity, and then at half of it in an open one. The
bare route (``bare``) sends an answer of the same size and is asked by the same closed loop, a
process of either kind; CPU is what the processes themselves report.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import httpx
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import bare
from benchmarks.load import Job, Result
from gtfs import kernel_cache
from gtfs.geo import LatLon
from mobility.embedded.folder import find_running
from mobility.embedded.process import answers_ok, reserve_port, tail
from mobility.embedded.programs import APP, api_command
from mobility.planning.request import SearchRequest
from mobility.settings import Settings
from tests.processes import processes_of, running_instance

PATH = "/v1/journeys/search"
BODIES = 2000
CONNECTIONS = 4
"""A process, in the closed loop."""
MANY_CONNECTIONS = 64
WARM_S, CLOSED_S, OPEN_S, BARE_S = 2.0, 6.0, 8.0, 2.0
AIM_P50_MS, AIM_P99_MS, AIM_A_SECOND, AIM_RATIO = 5.0, 20.0, 300, 25
RAISED = {"MOBILITY_RATE_LIMIT_PER_MINUTE": "6000000"}
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Server:
    """A process that answers."""

    pid: int
    port: int

    def cpu_seconds(self) -> float:
        """User and system, of all its threads, so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


def measure(asked: Iterator[SearchRequest], console: Console) -> int:
    """Start, ask, print; 1 where an aim is missed."""
    bodies = [json.dumps(_body(request)) for request in islice(asked, BODIES)]
    cores = os.cpu_count() or 1
    with ExitStack() as stack:
        servers = stack.enter_context(_servers(cores))
        sample = _sample(servers[0], bodies)
        _ask(servers, PATH, bodies, WARM_S)
        closed, cpu = _ask(servers, PATH, bodies, CLOSED_S)
        capacity = len(closed.milliseconds) / closed.seconds
        opened, _ = _ask(servers, PATH, bodies, OPEN_S, rate=capacity / 2)
        idle = [stack.enter_context(_bare(sample))]
        _ask(idle, "/", bodies, 0.5)
        plain, plain_cpu = _ask(idle, "/", bodies, BARE_S)
    p50, p99 = np.percentile(opened.milliseconds, [50, 99])
    each = 1000 * cpu / len(closed.milliseconds)
    bare_each = 1000 * plain_cpu / len(plain.milliseconds)
    rows = (
        ("answered a second, closed loop", capacity, f">= {AIM_A_SECOND}"),
        ("p50 at half of it, ms", p50, f"<= {AIM_P50_MS:.0f}"),
        ("p99 at half of it, ms", p99, f"<= {AIM_P99_MS:.0f}"),
        ("CPU a request, ms", each, ""),
        ("CPU a bare request, ms", bare_each, ""),
        ("ratio of the two", each / bare_each, f"<= {AIM_RATIO}"),
    )
    table = Table(f"over HTTP, {len(servers)} API processes", "measured", "aim")
    for name, value, aim in rows:
        table.add_row(name, f"{value:.2f}", aim)
    failed = closed.failed + opened.failed + plain.failed
    table.add_row("not answered with 200", str(failed), "0")
    table.add_row("bytes of the answer that the bare route sends", str(len(sample)), "")
    console.print(table)
    reached = (
        capacity >= AIM_A_SECOND and p50 <= AIM_P50_MS and p99 <= AIM_P99_MS,
        each / bare_each <= AIM_RATIO and not failed,
    )
    return int(not all(reached))


def _body(request: SearchRequest) -> dict[str, object]:
    start, end, at = request.origin, request.destination, request.depart_at
    assert isinstance(start, LatLon)
    assert isinstance(end, LatLon)
    assert at is not None
    return {"from": asdict(start), "to": asdict(end), "depart_at": at.isoformat()}


def _sample(server: Server, bodies: Sequence[str]) -> bytes:
    """Of some answers the one of middle length."""
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as client:
        answers = [
            client.post(PATH, content=body, headers={"Content-Type": "application/json"})
            for body in bodies[:15]
        ]
    return sorted((answer.raise_for_status().content for answer in answers), key=len)[7]


def _ask(
    servers: Sequence[Server],
    path: str,
    bodies: Sequence[str],
    seconds: float,
    rate: float | None = None,
) -> tuple[Result, float]:
    """What the load generator saw, and the CPU seconds that the servers took for it."""
    connections = MANY_CONNECTIONS if rate else CONNECTIONS * len(servers)
    job = Job([s.port for s in servers], path, list(bodies), connections, seconds, rate)
    before = sum(server.cpu_seconds() for server in servers)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=json.dumps(asdict(job)),
        capture_output=True,
        text=True,
        check=True,
    )
    cpu = sum(server.cpu_seconds() for server in servers) - before
    return Result(**json.loads(done.stdout)), cpu


@contextmanager
def _servers(count: int) -> Iterator[list[Server]]:
    """So many API processes of one instance, ready."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "data"
        folder.mkdir(mode=0o700)
        kernels = kernel_cache.folder()
        if kernels.exists():
            (folder / "kernels").mkdir()
            (folder / "kernels" / kernels.name).symlink_to(kernels)
        instance = stack.enter_context(running_instance(folder, env=RAISED))
        environment = find_running(folder)
        assert environment is not None
        first = next(pid for pid, line in processes_of(folder).items() if f"uvicorn {APP}" in line)
        servers = [Server(first, instance.port)]
        for _ in range(count - 1):
            more = {**os.environ, **RAISED, **environment}
            servers.append(stack.enter_context(_uvicorn(APP, more, "/readyz")))
        yield servers


@contextmanager
def _bare(body: bytes) -> Iterator[Server]:
    """The bare route, ready to send that body."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        environment = {**os.environ, bare.BODY: file.name}
        with _uvicorn("benchmarks.bare:create_app", environment, None) as server:
            yield server


@contextmanager
def _uvicorn(app: str, environment: Mapping[str, str], ready: str | None) -> Iterator[Server]:
    """One process as ``mobility serve`` would run it, on a port of its own."""
    port, holder = reserve_port()
    command = api_command(Settings().model_copy(update={"port": port}), app)
    log = tempfile.NamedTemporaryFile()  # noqa: SIM115 - closed with the others
    own = {**environment, "PORT": str(port)}
    with holder, log, subprocess.Popen(command, env=own, stdout=log, stderr=log) as process:
        try:
            while not (answers_ok("127.0.0.1", port, ready) if ready else _listens(port)):
                if process.poll() is not None:
                    raise RuntimeError(f"{app} ended at its start: {tail(Path(log.name), 20)}")
                time.sleep(0.05)
            yield Server(process.pid, port)
        finally:
            process.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
