"""One vehicle told of among 100, 1,000 and 10,000: against a whole snapshot of the same fleet.

    python -m benchmarks.availability

Cars stand free all over Lübeck, beside the stations of its bikes. An operator pushes one that was
reserved, and one that stands elsewhere; each goes the real way: `Snapshots` writes it to Redis, the
mirror of the process reads it off the channel, and the next search's view of the fleets is made.
Milliseconds of this process's processor, the median; Redis has a processor of its own. The peer is
a whole snapshot in the same run, as it is first taken in. Exits 1 where a reserved one takes
ten times as long among 10,000 as among 100.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import median
from time import process_time

from rich.console import Console
from rich.table import Table

from gtfs.geo import LatLon
from gtfs.timetable import Timetable
from mobility.cities.city import City, load_city
from mobility.embedded.progress import StartDisplay
from mobility.embedded.redis import make_redis, redis_url
from mobility.planning.fleets.fleet_map import FleetMap
from mobility.planning.fleets.kinds import list_kinds
from mobility.planning.ground import list_hubs
from mobility.planning.ways.estimated import streets_of
from mobility.prepare import build_timetable
from mobility.redis_pool import open_redis
from mobility.settings import Settings
from providers.mirror import Mirror
from providers.sandbox.fleet import read_fleet
from providers.snapshots import Snapshots
from providers.values import ProviderId, Station, StationId, Vehicle, VehicleId, VehicleRef

SIZES = (100, 1_000, 10_000)
CHANGES = 15
AT_MOST = 10.0
"""So many times as long may a change take among 10,000 as among 100; in proportion it were 100."""
CARS, BIKES = ProviderId("demo-auto"), ProviderId("demo-rad")


class Town:
    """What does not change with the fleet."""

    def __init__(self, city: City, timetable: Timetable) -> None:
        self.city = city
        self.timetable = timetable
        self.streets = streets_of(city.water, city.crossings, city.rules)
        self.kinds = list_kinds(city, self.streets)

    def fleets(self, mirror: Mirror) -> FleetMap:
        """The fleets of a mirror, as searches see them."""
        stops = [stop.position for stop in self.timetable.stops]
        hubs = list_hubs(self.timetable)
        return FleetMap(self.kinds, self.streets, stops, hubs, mirror, self.city.timezone)


def main() -> int:
    """Measure; 1 where a change costs as a fleet grows."""
    city = load_city("luebeck")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "timetable.bin"
        today = datetime.now(UTC).date()
        build_timetable(Settings(data=Path(folder)), city, path, today, StartDisplay())
        town = Town(city, Timetable.load(path))
        rows = asyncio.run(_measured(town, Path(folder)))
    table = Table("vehicles", "a whole snapshot, ms", "one reserved, ms", "one moved, ms")
    for size, whole, reserved, moved in rows:
        told = [f"{ms:,.2f} (1/{whole / ms:,.0f})" for ms in (reserved, moved)]
        table.add_row(f"{size:,}", f"{whole:,.0f}", *told)
    Console().print(table)
    return int(rows[-1][2] > AT_MOST * rows[0][2])


async def _measured(town: Town, folder: Path) -> list[tuple[int, float, float, float]]:
    async with _redis(folder) as url:
        await _one_size(town, url, SIZES[0])  # compiles, and is not counted
        return [(size, *await _one_size(town, url, size)) for size in SIZES]


@asynccontextmanager
async def _redis(folder: Path) -> AsyncIterator[str]:
    """The address of the Redis that is given, or of an embedded one."""
    given = os.environ.get("REDIS_URL")
    if given:
        yield given
        return
    server = make_redis(folder / "redis.log")
    server.start()
    try:
        server.wait_until_ready()
        yield redis_url(server)
    finally:
        server.stop()


async def _one_size(town: Town, url: str, size: int) -> tuple[float, float, float]:
    """Milliseconds of a whole snapshot, of one vehicle reserved, of one moved."""
    random, now = Random(size), datetime.now(UTC)
    today = now.astimezone(town.city.timezone).date()
    cars = [_car(number, _somewhere(random), now) for number in range(size)]
    async with open_redis(url) as redis:
        snapshots = Snapshots(redis, f"benchmark-{os.getpid()}-{size}:")
        mirror = Mirror(snapshots, town.city.providers)
        await mirror.start()
        fleets = town.fleets(mirror)
        await snapshots.put_stations(BIKES, 1, _stations(town.city, now), now)
        await mirror.catch_up(BIKES, "stations", 1)
        fleets.view(today)

        start = process_time()
        await snapshots.put_vehicles(CARS, 1, cars, now)
        await _until_seen(mirror, 1)
        fleets.view(today)
        whole = 1e3 * (process_time() - start)

        async def changes(first: int, change: Callable[[Vehicle], Vehicle]) -> float:
            taken = []
            for sequence in range(first, first + CHANGES):
                one = change(cars[sequence])
                start = process_time()
                await snapshots.patch_vehicles(CARS, sequence, [one], (), now)
                await _until_seen(mirror, sequence)
                fleets.view(today)
                taken.append(1e3 * (process_time() - start))
            return median(taken)

        reserved = await changes(2, lambda car: replace(car, reserved=True))
        moved = await changes(2 + CHANGES, lambda car: replace(car, position=_somewhere(random)))
        await mirror.stop()
        async for key in redis.scan_iter(match=f"{snapshots.prefix}*"):
            await redis.delete(key)
    return whole, reserved, moved


async def _until_seen(mirror: Mirror, sequence: int) -> None:
    while not await mirror.catch_up(CARS, "vehicles", sequence):
        pass


def _somewhere(random: Random) -> LatLon:
    return LatLon(53.83 + random.random() * 0.07, 10.62 + random.random() * 0.12)


def _car(number: int, position: LatLon, now: datetime) -> Vehicle:
    return Vehicle(
        CARS, VehicleRef(f"a{number}"), VehicleId(f"{CARS}:a{number}"), "kleinwagen", position,
        None, reserved=False, disabled=False, range_m=None, as_of=now,
    )  # fmt: skip


def _stations(city: City, now: datetime) -> Iterable[Station]:
    """The demo bikes' stations, all empty."""
    for one in read_fleet(city.get_provider(BIKES), city.folder).stations:
        yield Station(
            BIKES, StationId(one.id), one.name, LatLon(one.lat, one.lon), one.capacity, 0,
            one.capacity, renting=True, returning=True, as_of=now,
        )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
