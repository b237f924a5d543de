"""Pushing availability: what is taken, what is refused item by item, and who sees it."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from gtfs.geo import LatLon
from providers.gbfs.v3_0 import read_stations, read_vehicles
from providers.mirror import Mirror
from providers.stanza import ProviderStanza
from providers.values import Mode, ProviderId, Station, StationId
from providers.zones import Zones
from tests.providers.platform import Platform, open_platform
from tests.providers.zone_boxes import feature, ring, zone

RAD, AUTO = ProviderId("demo-rad"), ProviderId("demo-auto")
EIGHT = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)
HBF = LatLon(53.8671, 10.6698)
STATION = {
    "station_id": "hbf",
    "name": [{"text": "Main station", "language": "en"}, {"text": "Hbf", "language": "de"}],
    "lat": 53.8671,
    "lon": 10.6698,
    "capacity": 10,
    "num_vehicles_available": 4,
    "num_docks_available": 6,
    "is_installed": True,
    "is_renting": True,
    "is_returning": True,
    "last_reported": "2026-11-26T08:59:00+01:00",
}
READ_STATION = Station(
    provider_id=RAD,
    id=StationId("hbf"),
    name="Hbf",
    position=HBF,
    capacity=10,
    vehicles_available=4,
    docks_available=6,
    renting=True,
    returning=True,
    as_of=EIGHT - timedelta(minutes=1),
)


def vehicle(ref: str = "a", **changes: Any) -> dict[str, Any]:
    item = {
        "vehicle_ref": ref,
        "vehicle_id": f"public-{ref}",
        "vehicle_type_id": "rad",
        "lat": 53.8671,
        "lon": 10.6698,
        "is_reserved": False,
        "is_disabled": False,
    }
    return {name: value for name, value in {**item, **changes}.items() if value is not ...}


@pytest.fixture
async def platform(
    redis: Redis, redis_prefix: str, stanzas: dict[str, ProviderStanza]
) -> AsyncIterator[Platform]:
    async with open_platform(redis, redis_prefix, stanzas) as platform:
        platform.now = EIGHT
        yield platform


async def test_a_push_is_visible_to_the_next_search(platform: Platform):
    answer = await platform.call(
        "PUT", "/vehicles", {"sequence": 1, "vehicles": [vehicle("a"), vehicle("b")]}
    )
    assert (answer.status_code, answer.json()) == (
        202,
        {"outcome": "taken", "accepted": 2, "refused": [], "last_sequence": 1},
    )
    near = platform.mirror.vehicles_near(HBF, 50, {Mode.BIKE}, EIGHT)
    assert {v.id for v in near} == {"demo-rad:public-a", "demo-rad:public-b"}
    gone = {"sequence": 2, "vehicles": [vehicle("a", is_reserved=True)], "removed": ["b"]}
    assert (await platform.call("PATCH", "/vehicles", gone)).status_code == 202
    assert platform.mirror.vehicles_near(HBF, 50, {Mode.BIKE}, EIGHT) == ()


async def test_freshness_tells_the_age(platform: Platform):
    await platform.call("PUT", "/vehicles", {"sequence": 1, "vehicles": [vehicle()]})
    platform.now = EIGHT + timedelta(seconds=301)
    assert (await platform.call("GET", "/freshness")).json() == {
        "provider_id": "demo-rad",
        "vehicles": 1,
        "stations": 0,
        "zones": 0,
        "heard_at": "2026-11-26T08:00:00Z",
        "age_seconds": 301,
        "stale": True,
    }


async def test_bad_items_are_refused_one_by_one(platform: Platform):
    items = [
        vehicle("a"),
        vehicle("a", vehicle_id="x"),
        vehicle("b", vehicle_id="public-a"),
        vehicle("c", lat=91),
        vehicle("d", lat="53.8"),
        vehicle("e", lon=...),
        vehicle("f", lat=..., lon=...),
        vehicle("g", lat=0, lon=0),
        vehicle("h", vehicle_type_id="tandem"),
        vehicle("i", is_reserved="no"),
        vehicle("j", station_id="nowhere"),
        vehicle("k", last_reported="2027-01-01T00:00:00Z"),
        vehicle("l", last_reported="2026-11-26T08:00:00"),
        vehicle("m", current_range_meters=-1),
        vehicle(ref=""),
        vehicle("n", vehicle_ref=...),
        vehicle("o", last_reported="0001-01-01T00:00:00+01:00"),
        "bike",
        None,
        vehicle("ok"),
    ]
    answer = (await platform.call("PUT", "/vehicles", {"sequence": 1, "vehicles": items})).json()
    assert answer["accepted"] == 2
    assert [item["index"] for item in answer["refused"]] == list(range(1, 19))
    reasons = {item["index"]: item["reason"] for item in answer["refused"]}
    assert reasons[1] == "this vehicle_ref stands in the push already"
    assert reasons[2] == "this vehicle_id stands in the push already"
    assert reasons[7] == "0, 0 is the position of a receiver without one"
    assert reasons[8] == "no vehicle type 'tandem'"
    assert reasons[10] == "no station 'nowhere'; push stations first"
    assert reasons[11] == "last_reported lies in the future"
    assert {v.ref for v in platform.mirror.list_vehicles(RAD)} == {"a", "ok"}


async def test_a_snapshot_of_rubbish_does_not_empty_the_street(platform: Platform):
    await platform.call("PUT", "/vehicles", {"sequence": 1, "vehicles": [vehicle()]})
    answer = await platform.call("PUT", "/vehicles", {"sequence": 2, "vehicles": ["x"]})
    assert answer.json()["outcome"] == "nothing_acceptable"
    assert len(platform.mirror.list_vehicles(RAD)) == 1
    empty = await platform.call("PUT", "/vehicles", {"sequence": 2, "vehicles": []})
    assert empty.json()["outcome"] == "taken"
    assert platform.mirror.list_vehicles(RAD) == ()


async def test_old_numbers_change_nothing_and_a_gap_asks_for_a_snapshot(platform: Platform):
    await platform.call("PUT", "/vehicles", {"sequence": 5, "vehicles": [vehicle()]})
    stale = await platform.call("PUT", "/vehicles", {"sequence": 5, "vehicles": []})
    assert stale.json() == {"outcome": "stale", "accepted": 0, "refused": [], "last_sequence": 5}
    gap = await platform.call("PATCH", "/vehicles", {"sequence": 7, "removed": ["a"]})
    assert gap.status_code == 409
    assert gap.headers["content-type"] == "application/problem+json"
    assert "PUT all vehicles" in gap.json()["detail"]
    assert len(platform.mirror.list_vehicles(RAD)) == 1


async def test_a_vehicle_without_a_position_stands_at_its_station(platform: Platform):
    await platform.call("PUT", "/stations", {"sequence": 1, "stations": [STATION]})
    docked = vehicle("a", lat=..., lon=..., station_id="hbf")
    answer = await platform.call("PUT", "/vehicles", {"sequence": 1, "vehicles": [docked]})
    assert answer.json()["refused"] == []
    assert platform.mirror.list_vehicles(RAD)[0].position == HBF


async def test_station_deltas_keep_what_they_do_not_say(platform: Platform):
    await platform.call("PUT", "/stations", {"sequence": 1, "stations": [STATION]})
    assert platform.mirror.list_stations(RAD) == (READ_STATION,)
    delta = {"station_id": "hbf", "num_vehicles_available": 3, "is_renting": False}
    new = {"station_id": "new", "num_vehicles_available": 1}
    answer = await platform.call("PATCH", "/stations", {"sequence": 2, "stations": [delta, new]})
    assert answer.json()["refused"] == [
        {
            "index": 1,
            "ref": "new",
            "reason": "a new station needs name, lat, lon and num_vehicles_available",
        }
    ]
    (found,) = platform.mirror.list_stations(RAD)
    assert (found.vehicles_available, found.renting, found.docks_available) == (3, False, 6)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400),
        ("", 422),
        ("[]", 422),
        ("null", 422),
        ({}, 422),
        ({"sequence": 1}, 422),
        ({"sequence": "1", "vehicles": []}, 422),
        ({"sequence": True, "vehicles": []}, 422),
        ({"sequence": 1.5, "vehicles": []}, 422),
        ({"sequence": 0, "vehicles": []}, 422),
        ({"sequence": 2**63, "vehicles": []}, 422),
        ('{"sequence": NaN, "vehicles": []}', 422),
        ({"sequence": 1, "vehicles": {}}, 422),
        ({"sequence": 1, "vehicles": [None] * 20_001}, 422),
    ],
)
async def test_a_body_that_is_no_push_is_a_client_error(platform: Platform, body: Any, status: int):
    answer = await platform.call("PUT", "/vehicles", body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("what", ["vehicles", "stations"])
async def test_a_delta_under_another_name_is_no_news_that_nothing_has_changed(
    platform: Platform, what: str
):
    """As GBFS wraps it, or misspelt: taken for an empty one it would keep alive what is gone."""
    await platform.call("PUT", f"/{what}", {"sequence": 1, what: []})
    for body in ({"data": {what: []}}, {"vehicle": [vehicle("a")]}):
        answer = await platform.call("PATCH", f"/{what}", {"sequence": 2, **body})
        (field,) = body
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, f"body.{field}")


async def test_not_a_number_is_refused_where_it_stands(platform: Platform):
    body = '{"sequence": 1, "vehicles": [{"vehicle_ref": "a", "lat": NaN, "lon": Infinity}]}'
    answer = await platform.call("PUT", "/vehicles", body)
    assert answer.json()["outcome"] == "nothing_acceptable"


def zones(sequence: int, *features: Any, global_rules: Any = ()) -> dict[str, Any]:
    return {
        "sequence": sequence,
        "geofencing_zones": {"type": "FeatureCollection", "features": list(features)},
        "global_rules": list(global_rules),
    }


STATION_SQUARE = ring((10.669, 53.866, 10.671, 53.868))


async def test_zones_of_gbfs_2_are_read_as_that_version_says(platform: Platform):
    await platform.call("PUT", "/vehicles", {"sequence": 1, "vehicles": [vehicle("a")]})
    closed = feature(
        STATION_SQUARE[::-1], rules=[{"ride_allowed": False, "ride_through_allowed": True}]
    )
    body = {**zones(1, closed), "version": "2.3"}
    del body["global_rules"]
    answer = (await platform.call("PUT", "/geofencing-zones", body)).json()
    assert (answer["outcome"], answer["accepted"], answer["refused"]) == ("taken", 1, [])
    (one,) = platform.mirror.zones_of(RAD).zones
    assert [rule.undocked_only for rule in one.rules] == [True]


async def test_zones_are_in_force_for_the_next_search(platform: Platform):
    await platform.call("PUT", "/vehicles", {"sequence": 1, "vehicles": [vehicle("a")]})
    no_start = {
        "ride_start_allowed": False,
        "ride_end_allowed": True,
        "ride_through_allowed": True,
        "vehicle_type_ids": ["rad", "tandem"],
    }
    square = feature(STATION_SQUARE, rules=[no_start], name="Vorplatz")
    answer = await platform.call("PUT", "/geofencing-zones", zones(1, square))
    assert (answer.status_code, answer.json()) == (
        202,
        {
            "outcome": "taken",
            "accepted": 1,
            "refused": [
                {
                    "index": 0,
                    "ref": "Vorplatz",
                    "reason": "taken, but there is no vehicle type 'tandem'",
                }
            ],
            "last_sequence": 1,
        },
    )
    assert platform.mirror.vehicles_near(HBF, 50, {Mode.BIKE}, EIGHT) == ()
    assert (await platform.call("GET", "/freshness")).json()["zones"] == 1
    assert (await platform.call("PUT", "/geofencing-zones", zones(2))).json()["accepted"] == 0
    assert len(platform.mirror.vehicles_near(HBF, 50, {Mode.BIKE}, EIGHT)) == 1


async def test_zones_are_taken_whole_or_not_at_all(platform: Platform):
    await platform.call("PUT", "/geofencing-zones", zones(1, feature(STATION_SQUARE)))
    bad = zones(2, feature(STATION_SQUARE), feature(STATION_SQUARE[:3]))
    answer = (await platform.call("PUT", "/geofencing-zones", bad)).json()
    assert (answer["outcome"], answer["accepted"], answer["last_sequence"]) == (
        "nothing_acceptable",
        0,
        1,
    )
    assert [item["index"] for item in answer["refused"]] == [1]
    assert len(platform.mirror.zones_of(RAD).zones) == 1
    again = await platform.call("PUT", "/geofencing-zones", zones(1))
    assert again.json()["outcome"] == "stale"
    assert len(platform.mirror.zones_of(RAD).zones) == 1


async def test_zones_outlive_the_process_that_was_told_of_them(
    platform: Platform, stanzas: dict[str, ProviderStanza]
):
    await platform.call("PUT", "/geofencing-zones", zones(1, feature(STATION_SQUARE)))
    stated = {
        RAD: Zones((zone((0, 0, 1, 1)), zone((0, 0, 2, 2)))),
        AUTO: Zones((zone((0, 0, 1, 1)),)),
    }
    other = Mirror(platform.snapshots, stanzas.values(), stated)
    await other.start()
    told = platform.mirror.zones_of(RAD).zones
    assert other.zones_of(RAD).zones == told, "what was pushed goes before what the city states"
    assert other.zones_of(AUTO) is stated[AUTO]
    await other.stop()


async def test_zones_that_this_version_does_not_take_stop_nobody(
    platform: Platform, stanzas: dict[str, ProviderStanza]
):
    await platform.call("PUT", "/geofencing-zones", zones(1, feature(STATION_SQUARE)))
    await platform.call("PUT", "/vehicles", {"sequence": 1, "vehicles": [vehicle()]})
    snapshots = platform.snapshots
    written = json.dumps(zones(1, feature(STATION_SQUARE[:3])))
    await snapshots.redis.hset(snapshots._key(RAD, "zones"), "file", written)
    stated = Zones((zone((0, 0, 1, 1)),))
    other = Mirror(snapshots, stanzas.values(), {RAD: stated})
    await other.start()
    assert other.zones_of(RAD) is stated
    assert len(other.list_vehicles(RAD)) == 1
    await other.stop()


@pytest.mark.parametrize(
    "body",
    [
        {"sequence": 1, "geofencing_zones": [], "global_rules": []},
        {"sequence": 1, "geofencing_zones": {"type": "FeatureCollection"}, "global_rules": []},
        {**zones(1), "version": "2.3"},
        {**zones(1), "version": "1.1"},
        {"sequence": 1, "geofencing_zones": zones(1)["geofencing_zones"]},
        {**zones(1), "geofencing_zones": {"type": "Feature", "features": []}},
        zones(0),
        zones(1, *[None] * 1001),
    ],
)
async def test_what_is_no_file_of_zones_is_a_client_error(platform: Platform, body: Any):
    assert (await platform.call("PUT", "/geofencing-zones", body)).status_code == 422
    assert platform.mirror.zones_of(RAD).zones == ()


async def test_a_bus_operator_has_no_vehicles_to_push(platform: Platform):
    platform.provider_id = "demo-bus"
    answer = await platform.call("PUT", "/vehicles", {"sequence": 1, "vehicles": []})
    assert answer.status_code == 409


async def test_a_provider_without_bookings_lists_none(
    redis: Redis, redis_prefix: str, stanzas: dict[str, ProviderStanza], engine: AsyncEngine
):
    async with open_platform(redis, redis_prefix, stanzas, engine) as platform:
        answer = await platform.call("GET", "/bookings")
        assert answer.json() == {"bookings": [], "next_cursor": None}
        for query in ("cursor=bogus", "limit=0", "limit=x"):
            assert 400 <= (await platform.call("GET", f"/bookings?{query}")).status_code < 500


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
FIELDS = [*vehicle(), *STATION]


@settings(max_examples=200)
@given(
    st.lists(
        json_values | st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=8), max_size=5
    )
)
def test_whatever_is_pushed_is_either_taken_or_refused(items: list[Any]):
    bounds = (10.5, 53.7, 11.0, 54.0)
    vehicles = read_vehicles(RAD, items, {"rad"}, {}, bounds, EIGHT)
    assert len(vehicles.accepted) + len(vehicles.refused) == len(items)
    stations = read_stations(RAD, items, {}, bounds, EIGHT)
    assert len(stations.accepted) + len(stations.refused) == len(items)
    assert all(refusal.reason for refusal in (*vehicles.refused, *stations.refused))
