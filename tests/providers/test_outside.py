"""What a provider says stands outside the city."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from redis.asyncio import Redis

from gtfs.geo import LatLon
from mobility.cities.facts import Bounds
from mobility.worker import handlers_of
from providers.stanza import ProviderStanza
from providers.values import Availability, StationId
from tests.providers.platform import Platform, open_platform
from tests.providers.test_pushes import EIGHT, RAD, READ_STATION, STATION, vehicle


@pytest.fixture
async def platform(
    redis: Redis, redis_prefix: str, stanzas: dict[str, ProviderStanza]
) -> AsyncIterator[Platform]:
    async with open_platform(redis, redis_prefix, stanzas) as platform:
        platform.now = EIGHT
        yield platform


async def test_a_vehicle_outside_the_city_is_refused_and_stands_nowhere_any_more(
    platform: Platform,
):
    await platform.call("PUT", "/vehicles", {"sequence": 1, "vehicles": [vehicle("a")]})
    swapped = vehicle("a", lat=10.6698, lon=53.8671)
    delta = {"sequence": 2, "vehicles": [swapped, vehicle("b")]}
    answer = await platform.call("PATCH", "/vehicles", delta)
    assert answer.json() == {
        "outcome": "taken",
        "accepted": 1,
        "refused": [
            {
                "index": 0,
                "ref": "a",
                "reason": "lat 10.6698, lon 53.8671 lies outside the city, which is"
                " lat 53.7 to 54.0 and lon 10.5 to 11.0",
            }
        ],
        "last_sequence": 2,
    }
    assert {v.ref for v in platform.mirror.list_vehicles(RAD)} == {"b"}
    whole = {"sequence": 3, "vehicles": [swapped, vehicle("a", vehicle_id="right")]}
    assert (await platform.call("PUT", "/vehicles", whole)).json()["accepted"] == 1
    await platform.call("PATCH", "/vehicles", {**whole, "sequence": 4})
    assert {v.ref for v in platform.mirror.list_vehicles(RAD)} == {"a"}


async def test_a_vehicle_at_a_station_that_was_refused_stands_nowhere_any_more(platform: Platform):
    """Also where it says where it is."""
    put = {"sequence": 1, "vehicles": [vehicle("a"), vehicle("b"), vehicle("c")]}
    await platform.call("PUT", "/vehicles", put)
    away = {**STATION, "station_id": "away", "lat": 53.55, "lon": 10.0}
    await platform.call("PUT", "/stations", {"sequence": 1, "stations": [STATION, away]})
    docked = [vehicle("a", station_id="away", lat=None, lon=None), vehicle("b", station_id="away")]
    answer = await platform.call("PATCH", "/vehicles", {"sequence": 2, "vehicles": docked})
    reasons = [refused["reason"] for refused in answer.json()["refused"]]
    assert reasons == ["no station 'away'; push stations first"] * 2
    assert {v.ref for v in platform.mirror.list_vehicles(RAD)} == {"c"}


async def test_vehicles_that_all_lie_outside_the_city_do_not_empty_the_street(platform: Platform):
    await platform.call("PUT", "/vehicles", {"sequence": 1, "vehicles": [vehicle()]})
    swapped = [vehicle(lat=10.6698, lon=53.8671)]
    answer = await platform.call("PUT", "/vehicles", {"sequence": 2, "vehicles": swapped})
    assert answer.json()["outcome"] == "nothing_acceptable"
    assert len(platform.mirror.list_vehicles(RAD)) == 1


async def test_a_station_outside_the_city_is_refused_and_stays_where_it_was(platform: Platform):
    await platform.call("PUT", "/stations", {"sequence": 1, "stations": [STATION]})
    moved = {**STATION, "lat": 10.6698, "lon": 53.8671}
    answer = await platform.call("PATCH", "/stations", {"sequence": 2, "stations": [moved]})
    assert "lies outside the city" in answer.json()["refused"][0]["reason"]
    assert platform.mirror.list_stations(RAD) == (READ_STATION,)


async def test_what_is_fetched_and_lies_outside_the_city_is_left_out(platform: Platform):
    away = replace(READ_STATION, id=StationId("away"), position=LatLon(53.55, 10.0))
    found = Availability((), (READ_STATION, away), EIGHT)

    async def availability(_now: datetime) -> Availability:
        return found

    wiring: Any = SimpleNamespace(
        city=SimpleNamespace(bounds=Bounds(10.5, 53.7, 11.0, 54.0)),
        providers={RAD: SimpleNamespace(id=RAD, availability=availability)},
        snapshots=platform.snapshots,
    )
    await handlers_of(wiring)["pull_availability"](RAD, EIGHT)
    await platform.mirror.catch_up(RAD, "vehicles", 1)
    assert platform.mirror.list_stations(RAD) == (READ_STATION,)
