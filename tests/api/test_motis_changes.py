"""Changes that the timetable rules for two lines, as the MOTIS document shows them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from gtfs.realtime_live import Live
from tests.api.motis_world import Motis, assert_fits, motis, plan
from tests.planning.test_in_seat import planner as seated_town
from tests.planning.test_via import TOWN, town

__all__ = ["motis"]

RULES = "rule V W 1 3 never\nrule V V 1 2-5 never"


@pytest.mark.parametrize(
    ("rules", "ways"),
    [
        ("", [["1 08:10", "3 08:24"], ["1 08:30"]]),
        (RULES, [["1 08:30"]]),
        (RULES + "\nrule V V 1-1 2 timed", [["1 08:10", "2 08:20"], ["1 08:30"]]),
    ],
)
async def test_only_changes_that_are_possible_are_shown(
    motis: Motis, rules: str, ways: list[list[str]]
) -> None:
    planner = town(TOWN + rules)
    now = SimpleNamespace(current=Live.of(planner.timetable))
    for name, part in (("planner", planner), ("mirror", planner.mirror), ("realtime", now)):
        object.__setattr__(motis.wiring, name, part)
    shown = await plan(
        motis, fromPlace="53.8660,10.6707", toPlace="53.8377,10.7003", transitModes="BUS",
        time="2026-11-25T07:50:00+01:00", numItineraries=1, searchWindow=900,
    )  # fmt: skip
    assert_fits(shown, "/api/v6/plan")
    assert [
        [
            f"{leg['routeShortName']} {_berlin(leg['endTime'])}"
            for leg in way["legs"]
            if "tripId" in leg
        ]
        for way in shown["itineraries"]
    ] == ways


def _berlin(instant: str) -> str:
    return f"{int(instant[11:13]) + 1:02}:{instant[14:16]}"


@pytest.mark.parametrize(
    "asked",
    [{"maxTransfers": 0}, {"minTransferTime": 10}, {"additionalTransferTime": 10}],
)
async def test_who_stays_seated_does_not_change(motis: Motis, asked: dict[str, int]) -> None:
    planner = seated_town("2: B 08:35 C 08:45")
    now = SimpleNamespace(current=Live.of(planner.timetable))
    for name, part in (("planner", planner), ("mirror", planner.mirror), ("realtime", now)):
        object.__setattr__(motis.wiring, name, part)
    shown = await plan(
        motis, fromPlace="A", toPlace="C", transitModes="BUS", time="2026-11-25T07:50:00+01:00",
        numItineraries=1, searchWindow=900, **asked,
    )  # fmt: skip
    assert [
        [(leg["routeShortName"], leg.get("interlineWithPreviousLeg", False)) for leg in way["legs"]]
        for way in shown["itineraries"]
    ] == [[("1", False), ("2", True)]]
