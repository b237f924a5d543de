"""Availability kept in Redis, and the mirror that searches read."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from gtfs.geo import LatLon, distance_m
from providers.grid import Grid
from providers.hidden import Hidden
from providers.mirror import Freshness, Mirror
from providers.snapshots import Outcome, Receipt, Snapshots
from providers.stanza import ProviderStanza
from providers.values import (
    Mode,
    ProviderId,
    Station,
    StationId,
    Vehicle,
    VehicleId,
    VehicleRef,
)
from tests.providers.city import HBF, KOBERG

RAD = ProviderId("demo-rad")
EIGHT = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)
BIKE = frozenset({Mode.BIKE})


def bike(ref: str, position: LatLon = HBF, **changes: object) -> Vehicle:
    standing = Vehicle(
        provider_id=RAD,
        ref=VehicleRef(ref),
        id=VehicleId(f"demo-rad:{ref}-public"),
        type_id="rad",
        position=position,
        station_id=None,
        reserved=False,
        disabled=False,
        range_m=None,
        as_of=EIGHT,
    )
    return replace(standing, **changes)


def station(station_id: str, position: LatLon = HBF, **changes: object) -> Station:
    standing = Station(
        provider_id=RAD,
        id=StationId(station_id),
        name=station_id.title(),
        position=position,
        capacity=10,
        vehicles_available=4,
        docks_available=6,
        renting=True,
        returning=True,
        as_of=EIGHT,
    )
    return replace(standing, **changes)


@pytest.fixture
def snapshots(redis: Redis, redis_prefix: str) -> Snapshots:
    return Snapshots(redis, redis_prefix)


@pytest.fixture
async def mirror(snapshots: Snapshots, stanzas: dict[str, ProviderStanza]) -> AsyncIterator[Mirror]:
    mirror = Mirror(snapshots, stanzas.values())
    await mirror.start()
    yield mirror
    await mirror.stop()


async def test_a_snapshot_is_read_as_it_was_put(snapshots: Snapshots):
    bikes = [bike("a", range_m=12_000, station_id=StationId("hbf")), bike("b", reserved=True)]
    assert await snapshots.put_vehicles(RAD, 7, bikes, EIGHT) == Receipt(Outcome.TAKEN, 7)
    await snapshots.put_stations(RAD, 1, [station("hbf")], EIGHT)
    known = await snapshots.get_vehicles(RAD)
    assert sorted(known.items, key=lambda v: v.ref) == bikes
    assert (known.sequence, known.heard_at) == (7, EIGHT)
    assert (await snapshots.get_stations(RAD)).items == (station("hbf"),)
    assert await snapshots.find_stations(RAD, {StationId("hbf"), StationId("x")}) == {
        "hbf": station("hbf")
    }


async def test_a_delta_changes_what_it_names(snapshots: Snapshots):
    await snapshots.put_vehicles(RAD, 1, [bike("a"), bike("b"), bike("c")], EIGHT)
    moved = bike("b", KOBERG)
    taken = await snapshots.patch_vehicles(RAD, 2, [moved], [VehicleRef("c")], EIGHT)
    assert taken == Receipt(Outcome.TAKEN, 2)
    known = await snapshots.get_vehicles(RAD)
    assert sorted(known.items, key=lambda v: v.ref) == [bike("a"), moved]


@pytest.mark.parametrize(
    ("whole", "sequence", "outcome"),
    [
        (True, 4, Outcome.STALE),
        (True, 5, Outcome.STALE),
        (True, 6, Outcome.TAKEN),
        (True, 900, Outcome.TAKEN),
        (False, 4, Outcome.STALE),
        (False, 5, Outcome.STALE),
        (False, 6, Outcome.TAKEN),
        (False, 7, Outcome.GAP),
    ],
)
async def test_sequence_numbers(snapshots: Snapshots, whole: bool, sequence: int, outcome: Outcome):
    await snapshots.put_vehicles(RAD, 5, [bike("a")], EIGHT)
    if whole:
        receipt = await snapshots.put_vehicles(RAD, sequence, [], EIGHT)
    else:
        receipt = await snapshots.patch_vehicles(RAD, sequence, [], [VehicleRef("a")], EIGHT)
    assert receipt.outcome is outcome
    assert receipt.last_sequence == (sequence if outcome is Outcome.TAKEN else 5)
    known = await snapshots.get_vehicles(RAD)
    assert known.items == (() if outcome is Outcome.TAKEN else (bike("a"),))


async def test_a_delta_before_any_snapshot_is_a_gap(snapshots: Snapshots):
    receipt = await snapshots.patch_vehicles(RAD, 1, [bike("a")], [], EIGHT)
    assert receipt == Receipt(Outcome.GAP, 0)


async def test_of_pushes_that_race_one_number_is_taken_once(snapshots: Snapshots):
    receipts = await asyncio.gather(
        *(snapshots.put_vehicles(RAD, 1, [bike(str(n))], EIGHT) for n in range(8))
    )
    assert [r.outcome for r in receipts].count(Outcome.TAKEN) == 1
    assert len((await snapshots.get_vehicles(RAD)).items) == 1


async def test_the_mirror_starts_with_what_is_known(
    snapshots: Snapshots, stanzas: dict[str, ProviderStanza]
):
    await snapshots.put_vehicles(RAD, 3, [bike("a"), bike("far", KOBERG)], EIGHT)
    mirror = Mirror(snapshots, stanzas.values())
    await mirror.start()
    assert mirror.vehicles_near(HBF, 300, BIKE, EIGHT) == (bike("a"),)
    assert mirror.vehicles_near(HBF, 3000, BIKE, EIGHT) == (bike("a"), bike("far", KOBERG))
    assert mirror.vehicles_in((10.68, 53.87, 10.70, 53.88), BIKE, EIGHT) == (bike("far", KOBERG),)
    await mirror.stop()


async def test_the_mirror_follows_pushes(snapshots: Snapshots, mirror: Mirror):
    await snapshots.put_vehicles(RAD, 1, [bike("a"), bike("b")], EIGHT)
    assert await mirror.catch_up(RAD, "vehicles", 1)
    rotated = bike("a", KOBERG, id=VehicleId("demo-rad:a-new"))
    await snapshots.patch_vehicles(RAD, 2, [rotated], [VehicleRef("b")], EIGHT)
    assert await mirror.catch_up(RAD, "vehicles", 2)
    assert mirror.list_vehicles(RAD) == (rotated,)
    assert mirror.vehicles_near(HBF, 500, BIKE, EIGHT) == ()
    assert mirror.find_vehicle(VehicleId("demo-rad:a-new")) == rotated
    assert mirror.find_vehicle(VehicleId("demo-rad:a-public")) is None


async def test_a_public_name_may_pass_from_one_vehicle_to_another(
    snapshots: Snapshots, mirror: Mirror
):
    one, two = VehicleId("demo-rad:1"), VehicleId("demo-rad:2")
    await snapshots.put_vehicles(RAD, 1, [bike("a", id=one), bike("b", id=two)], EIGHT)
    await mirror.catch_up(RAD, "vehicles", 1)
    await snapshots.patch_vehicles(RAD, 2, [bike("a", id=two), bike("b", id=one)], [], EIGHT)
    await mirror.catch_up(RAD, "vehicles", 2)
    assert mirror.find_vehicle(one) == bike("b", id=one)
    assert mirror.find_vehicle(two) == bike("a", id=two)


async def test_a_lost_message_is_made_good(snapshots: Snapshots, mirror: Mirror):
    await snapshots.put_vehicles(RAD, 1, [bike("a")], EIGHT)
    await mirror.catch_up(RAD, "vehicles", 1)
    meta = f"{snapshots.prefix}availability:{{demo-rad}}:meta"
    await snapshots.redis.hset(meta, "vehicles_sequence", 2)  # push 2, of which nobody was told
    await snapshots.patch_vehicles(RAD, 3, [bike("b")], [], EIGHT)
    assert await mirror.catch_up(RAD, "vehicles", 3)
    assert {v.ref for v in mirror.list_vehicles(RAD)} == {"a", "b"}


@pytest.mark.parametrize("message", ["no JSON", "[]", '{"provider_id": "demo-rad"}'])
async def test_a_message_that_cannot_be_read_ends_nothing(
    snapshots: Snapshots, mirror: Mirror, monkeypatch: pytest.MonkeyPatch, message: str
):
    monkeypatch.setattr("providers.mirror.RECONNECT_SECONDS", 0.0)
    await snapshots.redis.publish(snapshots.channel, message)
    await snapshots.put_vehicles(RAD, 1, [bike("a")], EIGHT)
    assert await mirror.catch_up(RAD, "vehicles", 1)


async def test_the_mirror_stops_where_a_cancellation_was_lost(snapshots: Snapshots, mirror: Mirror):
    asking = asyncio.Event()

    async def swallow(*_asked: object) -> frozenset[VehicleRef]:
        asking.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(10)
        return frozenset()

    with mock.patch.object(Hidden, "list_refs", swallow):
        await snapshots.put_vehicles(RAD, 1, [bike("a")], EIGHT)
        await asking.wait()
        stopped, _ = await asyncio.wait([asyncio.create_task(mirror.stop())], timeout=2)
    assert stopped


async def test_what_cannot_be_rented_is_not_shown(snapshots: Snapshots, mirror: Mirror):
    closed = StationId("closed")
    await snapshots.put_stations(RAD, 1, [station("hbf"), station("closed", renting=False)], EIGHT)
    standing = [
        bike("free"),
        bike("docked", station_id=StationId("hbf")),
        bike("reserved", reserved=True),
        bike("broken", disabled=True),
        bike("shut-in", station_id=closed),
        bike("odd", type_id="unknown"),
    ]
    await snapshots.put_vehicles(RAD, 1, standing, EIGHT)
    await mirror.catch_up(RAD, "vehicles", 1)
    await mirror.catch_up(RAD, "stations", 1)
    shown = mirror.vehicles_near(HBF, 100, BIKE, EIGHT)
    assert {v.ref for v in shown} == {"free", "docked"}
    assert mirror.vehicles_near(HBF, 100, {Mode.CAR}, EIGHT) == ()
    assert len(mirror.list_vehicles(RAD)) == 6


async def test_what_is_older_than_five_minutes_is_not_offered_and_said_so(
    snapshots: Snapshots, mirror: Mirror
):
    await snapshots.put_stations(RAD, 1, [station("hbf")], EIGHT)
    await snapshots.put_vehicles(RAD, 1, [bike("a")], EIGHT)
    await mirror.catch_up(RAD, "vehicles", 1)
    limit = EIGHT + timedelta(minutes=5)
    assert mirror.vehicles_near(HBF, 100, BIKE, limit) == (bike("a"),)
    late = limit + timedelta(seconds=1)
    assert mirror.vehicles_near(HBF, 100, BIKE, late) == ()
    assert mirror.freshness(late) == (
        Freshness(RAD, 1, 1, EIGHT, 301, stale=True),
        Freshness(ProviderId("demo-auto"), 0, 0, None, None, stale=True),
    )
    await snapshots.patch_vehicles(RAD, 2, [], [], late)
    await mirror.catch_up(RAD, "vehicles", 2)
    assert mirror.age(RAD, late) == timedelta(0)
    assert mirror.vehicles_near(HBF, 100, BIKE, late) == (bike("a"),)


points = st.builds(LatLon, st.floats(53.8, 54.0), st.floats(10.5, 10.9))


@given(st.lists(points, max_size=40), points, st.floats(0, 20_000))
def test_the_grid_finds_what_a_full_search_finds(
    positions: list[LatLon], centre: LatLon, radius_m: float
):
    grid: Grid[int, int] = Grid()
    for key, position in enumerate(positions):
        grid.put(key, centre, key)
        grid.put(key, position, key)
    near = sorted(
        (distance_m(centre, position), key)
        for key, position in enumerate(positions)
        if distance_m(centre, position) <= radius_m
    )
    found = grid.near(centre, radius_m)
    assert [distance_m(centre, positions[key]) for key in found] == [away for away, _ in near]
    for key in range(len(positions)):
        grid.remove(key)
    assert grid.near(centre, radius_m) == []
