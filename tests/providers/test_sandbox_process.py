"""The demo operator as a process of its own, pushing to a platform that comes and goes."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from providers.registry import open_provider
from providers.stanza import ProviderStanza
from providers.values import ProviderId
from tests.providers.city import bike_order
from tests.providers.conformance import now
from tests.providers.platform import serve_platform

pytestmark = pytest.mark.processes
RAD = ProviderId("demo-rad")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(true: Callable[[], object], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.05)


@contextmanager
def operator(folder: Path, port: int, platform_port: int) -> Iterator[str]:
    """The program, up; its address."""
    command = [
        *(sys.executable, "-m", "providers.sandbox"),
        *("--stanza", str(folder / "providers.toml"), "--id", "demo-rad", "--port", str(port)),
        *("--state", str(folder / "state" / "rad.sqlite"), "--token", "secret"),
        *("--push-url", f"http://127.0.0.1:{platform_port}/v1/provider", "--push-token", "key"),
    ]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2])
    url = f"http://127.0.0.1:{port}"

    def up() -> bool:
        assert process.poll() is None
        try:
            return httpx.get(f"{url}/operator/ping").is_success
        except httpx.HTTPError:
            return False

    try:
        wait_until(up)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)


async def test_it_starts_alone_pushes_when_it_can_and_goes_on_after_restarts(
    city_folder: Path,
    stanzas: dict[str, ProviderStanza],
    redis_url: str,
    redis_prefix: str,
):
    port, platform_port = free_port(), free_port()
    order = bike_order("leg_1")

    def refs(platform: object) -> dict[str, bool]:
        return {v.ref: v.reserved for v in platform.mirror.list_vehicles(RAD)}  # type: ignore[attr-defined]

    async with httpx.AsyncClient() as http:
        provider = open_provider(
            stanzas["demo-rad"],
            base_url=f"http://127.0.0.1:{port}",
            token="secret",
            http=http,
            fares=None,
        )
        free = {"hbf-01": False, "hbf-02": False, "koberg-01": False}
        with operator(city_folder, port, platform_port):
            with serve_platform(redis_url, redis_prefix, stanzas, platform_port) as platform:
                wait_until(lambda: refs(platform) == free)
                await provider.hold(order, now())
                wait_until(lambda: refs(platform) == {**free, "hbf-01": True})
                await provider.confirm(order, now())
                await provider.start(order, now())
                wait_until(lambda: "hbf-01" not in refs(platform))
            await provider.finish(order, now())
        with (
            serve_platform(redis_url, redis_prefix, stanzas, platform_port) as platform,
            operator(city_folder, port, platform_port),
        ):
            wait_until(lambda: refs(platform) == free)
            (moved,) = (v for v in platform.mirror.list_vehicles(RAD) if v.ref == "hbf-01")
            assert moved.station_id == "koberg"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--id", "nobody"], "no provider nobody"),
        (["--id", "demo-bus"], "no demo_fleet to run"),
    ],
)
def test_it_refuses_loudly_what_it_cannot_be(city_folder: Path, arguments: list[str], said: str):
    command = [
        *(sys.executable, "-m", "providers.sandbox", "--token", "x", "--port", "1"),
        *("--stanza", str(city_folder / "providers.toml"), "--state", str(city_folder / "s")),
        *arguments,
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2]
    )
    assert done.returncode != 0
    assert said in done.stderr
