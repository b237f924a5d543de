"""A vehicle that a rider reported is shown to nobody until its operator says more of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from gtfs.geo import LatLon
from providers.mirror import Mirror
from providers.snapshots import Snapshots
from providers.stanza import ProviderStanza
from providers.values import StationId, VehicleId, VehicleRef
from tests.providers.city import HBF
from tests.providers.test_snapshots import BIKE, EIGHT, RAD, bike

A = VehicleRef("a")
LATER = EIGHT + timedelta(minutes=3)
"""When the rider's own booking has long ended at the operator."""


@pytest.fixture
def snapshots(redis: Redis, redis_prefix: str) -> Snapshots:
    return Snapshots(redis, redis_prefix)


@pytest.fixture
async def mirror(snapshots: Snapshots, stanzas: dict[str, ProviderStanza]) -> AsyncIterator[Mirror]:
    mirror = Mirror(snapshots, stanzas.values())
    await mirror.start()
    yield mirror
    await mirror.stop()


async def seen(mirror: Mirror, snapshots: Snapshots) -> str:
    """The bikes that can be rented, once the mirror has heard all that was told."""
    for kind in ("vehicles", "hidden"):
        await mirror.catch_up(RAD, kind, await snapshots.get_sequence(RAD, kind))
    near = mirror.vehicles_near(HBF, 500, BIKE, LATER)
    return " ".join(sorted(vehicle.ref for vehicle in near))


async def test_who_reports_a_bike_hides_it_alone_and_from_every_process(
    mirror: Mirror, snapshots: Snapshots, stanzas: dict[str, ProviderStanza]
) -> None:
    await snapshots.put_vehicles(RAD, 1, [bike("a"), bike("b")], EIGHT)
    assert await seen(mirror, snapshots) == "a b"
    await snapshots.hide_vehicle(RAD, A, EIGHT)
    assert await seen(mirror, snapshots) == "b"
    assert (mirror.is_hidden(RAD, A), mirror.is_hidden(RAD, VehicleRef("b"))) == (True, False)
    begun_later = Mirror(snapshots, stanzas.values())
    await begun_later.start()
    assert await seen(begun_later, snapshots) == "b"
    await begun_later.stop()


async def test_what_the_end_of_the_own_booking_changes_shows_nothing_again(
    mirror: Mirror, snapshots: Snapshots
) -> None:
    await snapshots.put_vehicles(RAD, 1, [bike("a", reserved=True), bike("b")], EIGHT)
    await snapshots.hide_vehicle(RAD, A, EIGHT)
    soon = EIGHT + timedelta(seconds=90)
    free = bike("a", id=VehicleId("demo-rad:new"))
    await snapshots.patch_vehicles(RAD, 2, [free], [], soon)
    assert await seen(mirror, snapshots) == "b"
    await snapshots.put_vehicles(RAD, 3, [free, bike("b")], LATER)
    await snapshots.patch_vehicles(RAD, 4, [bike("b", reserved=True)], [], LATER)
    assert await seen(mirror, snapshots) == ""


@pytest.mark.parametrize(
    "news",
    [
        bike("a", disabled=True),
        bike("a", reserved=True),
        bike("a", station_id=StationId("hbf")),
        bike("a", id=VehicleId("demo-rad:new")),
        bike("a", LatLon(HBF.lat + 0.001, HBF.lon)),
    ],
)
async def test_the_operators_next_word_shows_it_again(
    mirror: Mirror, snapshots: Snapshots, news: object
) -> None:
    await snapshots.put_vehicles(RAD, 1, [bike("a")], EIGHT)
    await snapshots.hide_vehicle(RAD, A, EIGHT)
    await snapshots.patch_vehicles(RAD, 2, [news], [], LATER)  # type: ignore[list-item]
    await snapshots.patch_vehicles(RAD, 3, [bike("a")], [], LATER)
    assert await seen(mirror, snapshots) == "a"


async def test_a_position_that_trembles_and_a_battery_that_runs_down_are_no_news(
    mirror: Mirror, snapshots: Snapshots
) -> None:
    await snapshots.put_vehicles(RAD, 1, [bike("a", range_m=9000)], EIGHT)
    await snapshots.hide_vehicle(RAD, A, EIGHT)
    trembling = bike("a", LatLon(HBF.lat + 0.0002, HBF.lon), range_m=8990, as_of=LATER)
    await snapshots.put_vehicles(RAD, 2, [trembling], LATER)
    assert await seen(mirror, snapshots) == ""


async def test_a_bike_that_was_taken_away_is_shown_when_it_comes_back(
    mirror: Mirror, snapshots: Snapshots
) -> None:
    await snapshots.put_vehicles(RAD, 1, [bike("a")], EIGHT)
    await snapshots.hide_vehicle(RAD, A, EIGHT)
    await snapshots.put_vehicles(RAD, 2, [], LATER)
    await snapshots.put_vehicles(RAD, 3, [bike("a")], LATER)
    assert await seen(mirror, snapshots) == "a"
