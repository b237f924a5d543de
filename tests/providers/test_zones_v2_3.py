"""What is read of a file of geofencing zones of GBFS 2, and what is refused; hostile files too."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.gbfs.zone_areas import MAX_IN_A_ZONE, WORLD
from providers.gbfs.zone_file import ZonesRead
from providers.gbfs.zones_v2_3 import read_zones
from providers.gbfs.zones_v3_0 import reread_zones, write_zones
from providers.zones import Zone, Zones
from tests.providers.test_zone_files import HERE, LUEBECK, SPECS, json_values, positions
from tests.providers.test_zones import limits
from tests.providers.zone_boxes import Box, feature, ring

IN, OUT = (10.65, 53.85), (10.75, 53.85)
OPEN = {"ride_allowed": True, "ride_through_allowed": True}
CLOSED = {**OPEN, "ride_allowed": False}


def read(*features: Any, type_ids: Any = ("rad",)) -> ZonesRead:
    return read_zones(features, type_ids, LUEBECK)


def clockwise(box: Box) -> list[list[float]]:
    return ring(box)[::-1]


def zones_of(*features: Any) -> Zones:
    found = read(*features).zones
    assert found is not None
    return found


def refusal(*features: Any) -> str:
    """Why a file was not taken."""
    found = read(*features)
    assert found.zones is None
    return "; ".join(f"{one.index}: {one.reason}" for one in found.refused)


@pytest.mark.parametrize(
    ("stated", "inside"),
    [
        (CLOSED, "no start no end"),
        ({**OPEN, "ride_through_allowed": False}, "no pass"),
        ({**OPEN, "maximum_speed_kph": 6}, "6"),
        ({**OPEN, "station_parking": True}, "stations"),
        ({**CLOSED, "vehicle_type_id": ["rad", "roller"]}, "no start no end"),
        ({**CLOSED, "vehicle_type_ids": ["rad"]}, "no start no end"),
        ({**CLOSED, "vehicle_type_id": ["roller"]}, ""),
        ({**CLOSED, "vehicle_type_id": []}, "no start no end"),
    ],
)
def test_a_ring_that_turns_clockwise_limits_its_inside(stated: dict[str, Any], inside: str) -> None:
    zones = zones_of(feature(clockwise(HERE), rules=[stated]))
    assert (limits(zones, *IN), limits(zones, *OUT)) == (inside, "")


def test_an_operational_area_turns_counterclockwise_and_limits_what_lies_beyond() -> None:
    found = read(feature(ring(HERE), rules=[CLOSED], name="Gebiet"))
    assert found.zones is not None
    assert limits(found.zones, *IN) == ""
    assert limits(found.zones, *OUT) == limits(found.zones, -120, -33.8) == "no start no end"
    (told,) = found.refused
    assert (told.index, told.ref) == (0, "Gebiet")
    assert told.reason == "taken; it turns counterclockwise: all outside of it is meant"


def test_islands_of_operation_and_a_closed_park_stand_in_one_zone() -> None:
    east: Box = (10.72, 53.8, 10.78, 53.9)
    park: Box = (10.64, 53.84, 10.66, 53.86)
    one = feature(ring(HERE), rules=[CLOSED])
    one["geometry"]["coordinates"] += [[ring(east)], [clockwise(park)]]
    zones = zones_of(one)
    assert limits(zones, *OUT) == limits(zones, 10.62, 53.85) == ""
    assert limits(zones, *IN) == limits(zones, 10.71, 53.85) == "no start no end"


def test_the_earlier_rule_counts_each_field_by_itself() -> None:
    park = feature(clockwise(HERE), rules=[{**OPEN, "maximum_speed_kph": 6}])
    town = feature(clockwise((10.5, 53.7, 11, 54)), rules=[{**CLOSED, "maximum_speed_kph": 20}])
    assert limits(zones_of(park, town), *IN) == "6"
    assert limits(zones_of(town, park), *IN) == "no start no end 20"


def test_times_are_seconds_since_1970() -> None:
    eight = datetime(2026, 11, 26, 8, tzinfo=UTC)
    (one,) = zones_of(feature(clockwise(HERE), rules=[CLOSED], start=int(eight.timestamp()))).zones
    assert (one.start, one.end) == (eight, None)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (None, "0: item: "),
        ({"type": "Feature"}, "geometry: Field required"),
        (feature(clockwise(HERE), rules=[{}]), "ride_allowed: Field required"),
        (feature(clockwise(HERE)), "ride_allowed: Field required"),
        (feature(clockwise(HERE), rules=[{**OPEN, "ride_allowed": 0}]), "valid boolean"),
        (feature(clockwise(HERE), rules=[{**OPEN, "maximum_speed_kph": -1}]), "maximum_speed_kph"),
        (feature(clockwise(HERE), rules=[{**OPEN, "vehicle_type_id": "rad"}]), "valid list"),
        (feature(clockwise(HERE), rules=[OPEN] * 1001), "properties.rules: "),
        (feature(clockwise(HERE), rules=[OPEN], name=[{"text": "A"}]), "properties.name: "),
        (feature(clockwise(HERE), rules=[OPEN], start=True), "whole seconds since 1970"),
        (feature(clockwise(HERE), rules=[OPEN], start=-1), "whole seconds since 1970"),
        (feature(clockwise(HERE), rules=[OPEN], end=10**40), "whole seconds since 1970"),
        (feature(clockwise(HERE), rules=[OPEN], end="2026-11-26"), "whole seconds since 1970"),
        (feature(clockwise(HERE), rules=[OPEN], start=5, end=5), "end does not lie after start"),
        (feature(clockwise(HERE)[:4], rules=[OPEN]), "a ring does not end where it begins"),
        (feature([[10.6, 53.8]] * 4, rules=[OPEN]), "the polygons enclose no area"),
        (feature([p[::-1] for p in ring(HERE)], rules=[OPEN]), "these seem to be swapped"),
        (feature([p[::-1] for p in clockwise(HERE)], rules=[OPEN]), "these seem to be swapped"),
        (
            feature([[10.6 + n * 1e-6, 53.8] for n in range(MAX_IN_A_ZONE + 1)], rules=[OPEN]),
            f"more than {MAX_IN_A_ZONE} positions in one zone",
        ),
    ],
)
def test_a_file_with_a_bad_zone_is_not_taken(bad: Any, reason: str) -> None:
    assert reason in refusal(bad)
    assert refusal(feature(clockwise(HERE), rules=[OPEN]), bad).startswith("1: ")


def test_a_published_file_is_read() -> None:
    path: Path = SPECS / "gbfs/lamassu/v2/geofencing_zones.json"
    if not path.exists():
        pytest.skip("needs ../shared/gbfs")
    features = json.loads(path.read_text(encoding="utf-8"))["data"]["geofencing_zones"]["features"]
    found = read_zones(features, {"TST:VehicleType:CityBike"}, WORLD)
    assert found.refused == ()
    assert found.zones is not None
    assert limits(found.zones, 11.55, 60.12, "TST:VehicleType:CityBike") == "no pass 20"


@settings(max_examples=200)
@given(
    st.lists(json_values | positions.map(lambda p: feature([*p, p[0]], rules=[CLOSED])), max_size=3)
)
def test_whatever_is_pushed_is_taken_whole_or_refused(features: list[Any]) -> None:
    found = read(*features)
    if found.zones is not None:
        assert len(found.zones.zones) == len(features)
        assert all(isinstance(one, Zone) and one.area.is_valid for one in found.zones.zones)
        again = reread_zones(json.loads(json.dumps(write_zones(found.zones))))
        assert again.zones == found.zones.zones
    else:
        assert found.refused
