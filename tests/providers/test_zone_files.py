"""What is read of a file of geofencing zones, and what is refused; hostile files too."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from providers.gbfs.zone_areas import MAX_IN_A_ZONE, MAX_POSITIONS, WORLD
from providers.gbfs.zone_file import ZonesRead
from providers.gbfs.zones_v3_0 import read_zones, reread_zones, write_zones
from providers.zones import Zone, Zones
from tests.providers.test_zones import limits
from tests.providers.zone_boxes import Box, feature, ring, rule, zone

LUEBECK: Box = (10.5, 53.7, 11.0, 54.0)
HERE: Box = (10.6, 53.8, 10.7, 53.9)
SPECS = Path(__file__).parents[2].parent / "shared"
EIGHT = datetime(2026, 11, 26, 8, tzinfo=UTC)


def read(*features: Any, global_rules: Any = (), type_ids: Any = ("rad",)) -> ZonesRead:
    return read_zones(features, global_rules, type_ids, LUEBECK)


def refusal(*features: Any, **more: Any) -> str:
    """Why a file was not taken."""
    found = read(*features, **more)
    assert found.zones is None
    return "; ".join(f"{one.index}: {one.reason}" for one in found.refused)


def test_a_zone_with_a_hole_is_read() -> None:
    hole: Box = (10.64, 53.84, 10.66, 53.86)
    name = [{"text": "Old town", "language": "en"}, {"text": "Altstadt", "language": "de"}]
    found = read(
        feature(ring(HERE), ring(hole), name=name, start="2026-11-26T09:00:00+01:00"),
        global_rules=[
            {
                "vehicle_type_ids": ["rad"],
                "ride_start_allowed": False,
                "ride_end_allowed": True,
                "ride_through_allowed": True,
                "maximum_speed_kph": 25,
                "station_parking": False,
            }
        ],
    )
    assert found.zones is not None
    assert found.refused == ()
    (one,) = found.zones.zones
    assert (one.name, one.start, one.end, one.rules) == ("Altstadt", EIGHT, None, (rule("no end"),))
    assert one.area.equals(shapely.box(*HERE) - shapely.box(*hole))
    assert found.zones.global_rules == (rule("no start anywhere", "rad", kmh=25),)


def test_which_way_a_ring_turns_does_not_matter() -> None:
    there = read(feature(ring(HERE))).zones
    back = read(feature(ring(HERE)[::-1])).zones
    assert there
    assert back
    assert there.zones[0].area.equals(back.zones[0].area)


def test_a_ring_that_crosses_itself_encloses_all_that_it_goes_round() -> None:
    bow = [[10.6, 53.8], [10.7, 53.9], [10.7, 53.8], [10.6, 53.9], [10.6, 53.8]]
    zones = read(feature(bow)).zones
    assert zones is not None
    assert [limits(zones, x, 53.85) for x in (10.61, 10.69)] == ["no end"] * 2
    assert limits(zones, 10.65, 53.81) == ""
    star = [[10.6, 53.84], [10.7, 53.84], [10.62, 53.9], [10.65, 53.8], [10.68, 53.9]]
    whole = read(feature([*star, star[0]])).zones
    assert whole is not None
    assert limits(whole, 10.65, 53.85) == "no end"


def test_a_type_that_is_not_here_is_told_and_refuses_nothing() -> None:
    closed = {"ride_start_allowed": True, "ride_end_allowed": False, "ride_through_allowed": True}
    found = read(feature(ring(HERE), rules=[{**closed, "vehicle_type_ids": ["tandem"]}]))
    assert [one.reason for one in found.refused] == ["taken, but there is no vehicle type 'tandem'"]
    assert found.zones is not None
    assert limits(found.zones, 10.65, 53.85) == ""


def test_swapped_coordinates_are_seen() -> None:
    swapped = [[lat, lon] for lon, lat in ring(HERE)]
    assert "these seem to be swapped" in refusal(feature(swapped))
    elsewhere = read(feature(ring((9.9, 53.5, 10.1, 53.6))))
    assert elsewhere.zones is not None, "an operator may have zones in other cities"


RULE = {"ride_start_allowed": True, "ride_end_allowed": True, "ride_through_allowed": True}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (None, "0: item: "),
        ("zone", "0: item: "),
        ({"type": "Feature"}, "geometry: Field required"),
        (feature(), "geometry.coordinates.0: List should have at least 1 item"),
        (feature(ring(HERE)[:3]), "List should have at least 4 items"),
        (feature(ring(HERE)[:4]), "a ring does not end where it begins"),
        (feature([[10.6, 53.8]] * 4), "the polygons enclose no area"),
        (feature([[10.6, 53.8], [10.7, 53.9]] * 2 + [[10.6, 53.8]]), "enclose no area"),
        (feature([*ring(HERE)[:2], [float("nan"), 53.8], *ring(HERE)[3:]]), "finite number"),
        (feature([*ring(HERE)[:2], [float("inf"), 53.8], *ring(HERE)[3:]]), "finite number"),
        (feature([*ring(HERE)[:2], ["10.6", 53.8], *ring(HERE)[3:]]), "not a JSON number"),
        (feature([*ring(HERE)[:2], [10.6], *ring(HERE)[3:]]), "a position is [longitude, lat"),
        (feature([*ring(HERE)[:2], [10.6, 91], *ring(HERE)[3:]]), "less than or equal to 90"),
        (feature(ring(HERE), rules=[{}]), "ride_start_allowed: Field required"),
        (feature(ring(HERE), rules={}), "properties.rules: "),
        (feature(ring(HERE), rules=[{**RULE, "ride_end_allowed": "no"}]), "valid boolean"),
        (feature(ring(HERE), rules=[{**RULE, "maximum_speed_kph": -1}]), "maximum_speed_kph"),
        (feature(ring(HERE), rules=[{**RULE, "maximum_speed_kph": 6.5}]), "maximum_speed_kph"),
        (
            feature(ring(HERE), rules=[{"ride_allowed": False, "ride_through_allowed": True}]),
            "ride_start_allowed: Field required",
        ),
        (feature(ring(HERE), start="2026-11-26T08:00:00"), "start: "),
        (feature(ring(HERE), start="0001-01-01T00:00:00+14:00"), "start: Value error, out of the"),
        (feature(ring(HERE), end="9999-12-31T23:59:59-14:00"), "end: Value error, out of the"),
        (
            feature(ring(HERE), start="2026-11-26T08:00:00Z", end="2026-11-26T08:00:00Z"),
            "end does not lie after start",
        ),
        ({**feature(ring(HERE)), "geometry": {"type": "Polygon", "coordinates": []}}, "type: "),
    ],
)
def test_a_file_with_a_bad_zone_is_not_taken(bad: Any, reason: str) -> None:
    assert reason in refusal(bad)
    assert refusal(feature(ring(HERE)), bad).startswith("1: ")


def test_a_bad_global_rule_is_counted_after_the_zones() -> None:
    assert refusal(feature(ring(HERE)), global_rules=[{}]).startswith("1: ride_start_allowed")


def test_a_file_that_is_too_large_is_not_taken() -> None:
    steps = [[10.6 + n * 1e-6, 53.8 + (n % 2) * 1e-6] for n in range(MAX_IN_A_ZONE)]
    long, longest = [*steps[:-2], [10.7, 53.9], steps[0]], [*steps, steps[0]]
    assert "0: more than 10000 positions in one zone" in refusal(feature(longest))
    many = [feature(long)] * (MAX_POSITIONS // MAX_IN_A_ZONE)
    assert "more than 50000 positions in all zones" in refusal(*many, feature(ring(HERE)))


def tangle(positions: int) -> dict[str, Any]:
    """A ring that crosses itself at every turn."""
    ways = [
        [10.6 + 0.0001 * (n * n * 7 % 983), 53.8 + 0.0001 * (n * n % 977)]
        for n in range(positions - 1)
    ]
    return feature([*ways, ways[0]])


def test_a_tangle_is_not_taken() -> None:
    assert "0: rings cross too often: Self-intersection" in refusal(tangle(600))
    assert "1: rings cross too often: Self-intersection" in refusal(tangle(300), tangle(300))
    taken = read(tangle(400)).zones
    assert taken is not None
    assert reread_zones(write_zones(taken)).zones == taken.zones, "however many positions it has"
    pile = [feature(ring((10.6, 53.8, 10.7 + 0.001 * n, 53.9))) for n in range(50)]
    assert "more than 20 zones lie over each other" in refusal(*pile)
    wide = feature(ring((10.5, 53.7, 11, 54)))
    apart = [feature(ring((10.6 + n / 1e4, 53.8, 10.60005 + n / 1e4, 53.9))) for n in range(50)]
    assert read(wide, *apart).zones is not None


def test_a_file_of_our_own_is_read_as_it_was() -> None:
    timed = zone(HERE, rule("no end stations", "rad", kmh=6), name="Markt", start=EIGHT)
    zones = Zones((timed, zone(HERE, rule())), (rule("no start"),))
    again = reread_zones(json.loads(json.dumps(write_zones(zones))))
    assert (again.zones, again.global_rules) == (zones.zones, zones.global_rules)


def test_what_we_write_is_gbfs() -> None:
    path = SPECS / "specs/gbfs/v3.0/geofencing_zones.json"
    if not path.exists():
        pytest.skip("needs ../shared/specs/gbfs")
    data = write_zones(Zones((zone(HERE, rule("no end", kmh=6), name="Markt"),), (rule(),)))
    head = {"last_updated": "2026-11-26T08:00:00+01:00", "ttl": 60, "version": "3.0"}
    validator = Draft7Validator(json.loads(path.read_text(encoding="utf-8")))
    assert list(validator.iter_errors({**head, "data": data})) == []


def test_a_published_file_is_read() -> None:
    path = SPECS / "gbfs/lamassu/v3/geofencing_zones.json"
    if not path.exists():
        pytest.skip("needs ../shared/gbfs")
    data = json.loads(path.read_text(encoding="utf-8"))["data"]
    features = data["geofencing_zones"]["features"]
    found = read_zones(features, data["global_rules"], {"moped1", "car1"}, WORLD)
    assert found.refused == ()
    assert found.zones is not None
    (one,) = found.zones.zones
    assert one.rules == (rule("no start no end stations", "moped1", "car1", kmh=10),)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "properties", "geometry", "coordinates", "rules"]), inner
        )
    ),
    max_leaves=10,
)
positions = st.lists(
    st.tuples(st.floats(10, 11), st.floats(53, 54)).map(list), min_size=3, max_size=8
)


@settings(max_examples=200)
@given(st.lists(json_values | positions.map(lambda p: feature([*p, p[0]])), max_size=3))
def test_whatever_is_pushed_is_taken_whole_or_refused(features: list[Any]) -> None:
    found = read(*features)
    assert (found.zones is None) == bool(found.refused)
    if found.zones is not None:
        assert all(isinstance(one, Zone) and one.area.is_valid for one in found.zones.zones)
        again = reread_zones(json.loads(json.dumps(write_zones(found.zones))))
        assert again.zones == found.zones.zones
