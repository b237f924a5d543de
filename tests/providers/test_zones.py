"""Geofencing zones: which rule decides where, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtfs.geo import LatLon
from providers.zone_layer import Phase
from providers.zones import Limits, ZoneRule, Zones
from tests.providers.zone_boxes import Box, rule, zone

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
