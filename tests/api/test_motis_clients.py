"""The published npm clients of the MOTIS API against ours, where Node and its packages are."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import pytest
import uvicorn
from redis.asyncio import Redis

from mobility.settings import Settings
from tests.api.motis_world import Json, assert_fits, motis_app, one_bus

CLIENTS = Path(__file__).parents[1] / "motis_clients"
MORNING = "2026-11-25T08:00:00Z"
pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the clients in it, as the lock file says."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("needs node and npm")
    folder = tmp_path_factory.mktemp("clients") / "motis"
    shutil.copytree(CLIENTS, folder, ignore=shutil.ignore_patterns("node_modules"))
    installed = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if installed.returncode:
        pytest.skip(f"npm could not install the clients: {installed.stderr[-300:]}")
    return folder


@pytest.fixture
def url(redis_url: str, redis_prefix: str) -> Iterator[str]:
    """The MOTIS API with Lübeck behind it, served over HTTP by a thread of this process."""
    servers: Queue[uvicorn.Server] = Queue()

    async def serve(listening: socket.socket) -> None:
        async with Redis.from_url(redis_url) as redis:
            app, _ = motis_app(redis, Settings(redis_prefix=redis_prefix, rate_limit_per_minute=0))
            server = uvicorn.Server(
                uvicorn.Config(
                    app, log_level="warning", access_log=False, timeout_graceful_shutdown=2
                )
            )
            servers.put(server)
            await server.serve(sockets=[listening])

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        thread = threading.Thread(target=lambda: asyncio.run(serve(listening)), daemon=True)
        thread.start()
        server = servers.get(timeout=60)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(timeout=10)
    assert not thread.is_alive()


def run(script: str, folder: Path, url: str) -> Json:
    """What a script of ``tests/motis_clients`` prints."""
    node = shutil.which("node")
    assert node is not None
    done = subprocess.run(
        [node, script],
        cwd=folder,
        env={**os.environ, "MOTIS_BASE_URL": url, "MOTIS_TIME": MORNING},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    printed: Json = json.loads(done.stdout)
    return printed


def test_the_generated_client_gets_every_answer(clients: Path, url: str) -> None:
    shown = run("motis-client.mjs", clients, url)
    assert_fits(shown["plan"], "/api/v6/plan")
    first = one_bus(shown["plan"])
    assert (first["price"]["amount"], first["co2Grams"], bool(first["offerId"])) == (360, 414, True)
    assert {leg["mode"] for i in shown["plan"]["direct"] for leg in i["legs"]} >= {"BIKE", "RENTAL"}
    ids = [itinerary["id"] for itinerary in shown["plan"]["itineraries"]]
    assert shown["posted"]
    assert shown["later"]
    assert not set(shown["later"]) & set(ids)
    assert shown["again"]
    assert (shown["geocode"], shown["board"], shown["trip"]) == ("Lübeck ZOB/Hauptbahnhof", 5, 1)
    assert min(shown["reverse"], shown["stops"], shown["rentals"]) > 0
    assert shown["error"] == {"error": "time: write a time as 2026-11-26T08:00:00Z"}


def test_journeys_in_the_friendly_format(clients: Path, url: str) -> None:
    shown = run("fptf-client.mjs", clients, url)
    assert shown["station"] == "Lübeck ZOB/Hauptbahnhof"
    assert len(shown["journeys"]) == 3
    bus = next(journey["legs"][0] for journey in shown["journeys"] if len(journey["legs"]) == 1)
    assert (bus["line"]["name"], bus["line"]["product"], bus["line"]["operator"]["name"]) == (
        "1", "bus", "Stadtverkehr Lübeck",
    )  # fmt: skip
    assert bus["direction"] == "Dorothea-Erxleben-Straße"
    assert bus["plannedDeparture"] == "2026-11-25T09:09:17+01:00"
    assert len(bus["stopovers"]) >= 5
    assert len(bus["polyline"]["features"]) >= 10
    assert shown["arriving"] >= 1
    assert shown["departures"][0]["plannedWhen"] >= "2026-11-25T09:00:00+01:00"
    assert {departure["line"]["product"] for departure in shown["departures"]} == {"bus"}
    assert shown["arrivals"]
    assert shown["stop"]["name"] == "Technische Hochschule"
