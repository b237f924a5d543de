"""Geofencing zones: which rule decides where, and what is read of a file."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from shapely import LineString

from gtfs.geo import LatLon
from providers.gbfs.zones_v3_0 import (
    MAX_POSITIONS,
    WORLD,
    ZonesRead,
    read_zones,
    reread_zones,
    write_zones,
)
from providers.zone_layer import Phase
from providers.zones import Limits, Zone, ZoneRule, Zones
from tests.providers.zone_boxes import Box, feature, ring, rule, zone

LUEBECK: Box = (10.5, 53.7, 11.0, 54.0)
HERE: Box = (10.6, 53.8, 10.7, 53.9)
SPECS = Path(__file__).parents[2].parent / "shared"
EIGHT = datetime(2026, 11, 26, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


def limits(zones: Zones, x: float, y: float, type_id: str = "rad", at: datetime = EIGHT) -> str:
    """What is closed to a kind at a point, in words."""
    found = zones.limits(type_id, zones.phases(at, at))
    return words_of(found, LatLon(y, x))


def words_of(found: Limits, at: LatLon) -> str:
    holds = {
        "no start": found.may_start.holds_at(at, value=False),
        "no end": found.may_end.holds_at(at, value=False),
        "no pass": found.may_pass.holds_at(at, value=False),
        "stations": found.only_stations.holds_at(at, value=True),
        **{str(kmh): found.max_kmh.holds_at(at, value=kmh) for kmh in (0, 6, 10, 20, 25)},
    }
    return " ".join(word for word, does in holds.items() if does)


def test_without_a_rule_nothing_is_limited() -> None:
    assert limits(Zones(), 0.5, 0.5) == ""
    assert limits(Zones((zone((0, 0, 1, 1)),)), 0.5, 0.5) == ""


def test_of_two_zones_over_each_other_the_first_decides() -> None:
    small, large = zone((0, 0, 1, 1), rule()), zone((0, 0, 9, 9), rule("no start no end no pass"))
    assert limits(Zones((small, large)), 0.5, 0.5) == ""
    assert limits(Zones((small, large)), 5, 5) == "no start no end no pass"
    assert limits(Zones((large, small)), 0.5, 0.5) == "no start no end no pass"


def test_of_the_rules_of_a_zone_the_first_for_the_kind_decides() -> None:
    one = zone((0, 0, 1, 1), rule("no end", "rad"), rule("no pass"), rule("no start", "roller"))
    assert limits(Zones((one,)), 0.5, 0.5, "rad") == "no end"
    assert limits(Zones((one,)), 0.5, 0.5, "roller") == "no pass"


def test_what_the_first_rule_does_not_state_the_next_one_decides() -> None:
    first = zone((0, 0, 1, 1), rule("no end"))
    second = zone((0, 0, 9, 9), rule("stations", kmh=20), rule(kmh=6))
    assert limits(Zones((first, second)), 0.5, 0.5) == "no end stations 20"


def test_global_rules_hold_where_no_zone_says_otherwise() -> None:
    operating = Zones((zone((0, 0, 9, 9), rule()),), (rule("no start no end", kmh=20),))
    assert limits(operating, 5, 5) == "20"
    assert limits(operating, 50, 5) == "no start no end 20"


def test_the_border_belongs_to_a_zone() -> None:
    assert limits(Zones((zone((0, 0, 1, 1), rule("no end")),)), 1, 1) == "no end"


def test_a_zone_has_its_time() -> None:
    market = Zones((zone((0, 0, 1, 1), rule("no end"), start=EIGHT, end=EIGHT + HOUR),))
    assert limits(market, 0.5, 0.5, at=EIGHT - HOUR) == ""
    assert limits(market, 0.5, 0.5, at=EIGHT) == "no end"
    assert limits(market, 0.5, 0.5, at=EIGHT + HOUR) == ""


def test_what_is_open_for_a_part_of_the_time_is_not_opened_by_it() -> None:
    fair = zone((0, 0, 1, 1), rule(), start=EIGHT, end=EIGHT + HOUR)
    closed = zone((0, 0, 9, 9), rule("no end"))
    inside, outside = LatLon(0.5, 0.5), LatLon(5, 5)
    zones = Zones((fair, closed))
    assert words_of(zones.limits("rad", (Phase.WHOLE,)), inside) == ""
    for at in (inside, outside):
        assert words_of(zones.limits("rad", (Phase.PART,)), at) == "no end"
    banned = Zones((zone((0, 0, 1, 1), rule("no end"), start=EIGHT), zone((0, 0, 9, 9), rule())))
    assert words_of(banned.limits("rad", (Phase.PART,)), inside) == "no end"


def test_what_may_hold_does_not_surely_hold() -> None:
    fair = zone((0, 0, 1, 1), rule("stations"), start=EIGHT, end=EIGHT + HOUR)
    stations = Zones((fair,)).limits("rad", (Phase.PART,)).only_stations
    there = np.array([[0.5, 0.5], [np.nan, np.nan]])
    assert stations.holds(there, value=True).tolist() == [True, False]
    assert stations.holds(there, value=True, surely=True).tolist() == [False, False]


@pytest.mark.parametrize(
    ("start", "end", "phase"),
    [
        (None, None, Phase.WHOLE),
        (-1, None, Phase.WHOLE),
        (0, 2, Phase.WHOLE),
        (1, None, Phase.PART),
        (None, 1, Phase.PART),
        (2, None, Phase.OFF),
        (None, 0, Phase.OFF),
    ],
)
def test_how_much_of_two_hours_a_zone_holds(
    start: int | None, end: int | None, phase: Phase
) -> None:
    times = [None if hours is None else EIGHT + hours * HOUR for hours in (start, end)]
    found = zone((0, 0, 1, 1), start=times[0], end=times[1])
    assert found.phase(EIGHT, EIGHT + 2 * HOUR) is phase


def test_a_zone_is_named_that_has_the_rule() -> None:
    zones = Zones(
        (
            zone((0, 0, 9, 9), rule("no end", "roller"), name="für Roller"),
            zone((0, 0, 9, 9), rule("no end"), name="Markt"),
        )
    )
    assert zones.name_at(LatLon(5, 5), "rad", lambda r: not r.may_end) == "Markt"
    assert zones.name_at(LatLon(5, 5), "rad", lambda r: not r.may_start) == ""


# Against the definition: rules looked at one by one, at points inside of boxes

coordinate = st.integers(0, 4)
boxes = st.tuples(coordinate, coordinate, coordinate, coordinate).map(
    lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]) + 1, max(b[1], b[3]) + 1)
)
rules = st.builds(
    ZoneRule,
    st.sampled_from([frozenset(), frozenset({"rad"}), frozenset({"roller"})]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, 0, 6, 20]),
    st.sampled_from([None, True, False]),
)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(boxes, st.lists(rules, max_size=3)), max_size=5),
    st.lists(rules, max_size=2),
)
def test_areas_say_what_the_rules_say_one_by_one(
    stated: list[tuple[Box, list[ZoneRule]]], everywhere: list[ZoneRule]
) -> None:
    zones = Zones(tuple(zone(box, *its) for box, its in stated), tuple(everywhere))
    for x in range(0, 6, 2):
        for y in range(6):
            here = [
                one
                for (west, south, east, north), its in stated
                if west < x + 0.5 < east and south < y + 0.5 < north
                for one in its
            ]
            ours = [one for one in (*here, *everywhere) if one.type_ids <= {"rad"}]
            assert limits(zones, x + 0.5, y + 0.5) == worded(ours)


def worded(ours: list[ZoneRule]) -> str:
    first = ours[0] if ours else rule()
    kmh = next((one.max_kmh for one in ours if one.max_kmh is not None), None)
    stations = next((one.only_stations for one in ours if one.only_stations is not None), False)
    holds = {
        "no start": not first.may_start,
        "no end": not first.may_end,
        "no pass": not first.may_pass,
        "stations": stations,
        str(kmh): kmh is not None,
    }
    return " ".join(word for word, does in holds.items() if does)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(boxes, rules), max_size=5),
    st.lists(rules, max_size=1),
    st.integers(0, 4),
)
def test_a_line_is_cut_as_the_rules_say(
    stated: list[tuple[Box, ZoneRule]], everywhere: list[ZoneRule], row: int
) -> None:
    zones = Zones(tuple(zone(box, its) for box, its in stated), tuple(everywhere))
    layer = zones.limits("rad", ()).max_kmh
    found: dict[int, float] = {}
    for kmh, _, part in layer.along(LineString([(0, row + 0.5), (5, row + 0.5)])):
        found[kmh] = found.get(kmh, 0) + part.length
    points = [LatLon(row + 0.5, x + 0.5) for x in range(5)]
    by_point = {kmh: sum(layer.holds_at(at, value=kmh) for at in points) for kmh in (0, 6, 20)}
    assert {kmh: metres for kmh, metres in found.items() if metres} == {
        kmh: count for kmh, count in by_point.items() if count
    }


# Reading


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
    steps = [[10.6 + n * 1e-6, 53.8 + (n % 2) * 1e-6] for n in range(MAX_POSITIONS - 2)]
    long = [*steps, [10.7, 53.9], steps[0]]
    assert "more than 50000 positions in all zones" in refusal(feature(ring(HERE)), feature(long))


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
