"""What a city says is closed is closed on its imported streets too, and nothing beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from mobility.city_streets import list_crossings
from mobility.planning.ways.imported import StreetNetwork
from mobility.streets.closures import Crossing
from mobility.streets.take_over import Report, report_of, take_over
from mobility.streets.way_tags import Profile
from providers.values import Mode
from tests.planning.world import luebeck
from tests.streets.town import DAY, SPEEDS, at, write_extract

# Two bridges over a river that runs west to east, 100 m apart; the west one is in the middle of
# the way from a to d.
TOWN = """
a 0,-200
b 0,-20
c 0,20
d 0,200
e 100,-20
f 100,20
a-b residential
c-d residential
b-e residential
c-f residential
b-c residential bridge=yes {west}
e-f residential bridge=yes {east}
"""
ON_FOOT = frozenset({Profile.WALK, Profile.WHEELCHAIR})
ALL = frozenset(Profile)


def imported(
    folder: Path, crossings: Sequence[Crossing], west: str = "", east: str = ""
) -> tuple[Report, dict[Mode, int | None]]:
    """The report, and the metres from a to d by each mode: 400 over the west, 600 over the east."""
    source, target = folder / "town.osm.pbf", folder / "town.bin"
    points = write_extract(TOWN.format(west=west, east=east), source)
    now = datetime(2026, 11, 25, tzinfo=UTC)
    report = take_over(source, target, 4.7, 14.0, now, lambda *_: None, crossings=crossings)
    streets = StreetNetwork.load(target, SPEEDS)
    legs = {
        mode: streets.leg(mode, points["a"], points["d"], DAY)
        for mode in (Mode.WALK, Mode.BIKE, Mode.CAR)
    }
    assert report_of(target) == report
    return report, {mode: leg.metres if leg else None for mode, leg in legs.items()}


def test_who_walks_goes_round_by_the_next_bridge_and_cars_go_on(tmp_path: Path) -> None:
    closed = [Crossing("Alte Brücke", at(0, 30), ON_FOOT), Crossing("Neue", at(100, 0), ALL - ALL)]
    report, metres = imported(tmp_path, closed)
    assert metres == {Mode.WALK: 600, Mode.BIKE: 400, Mode.CAR: 400}
    assert report.closed == {"Alte Brücke, for walk, wheelchair": 1}


@pytest.mark.parametrize(
    ("west", "east", "expected"),
    [
        ("", "name=Nordbrücke", 400),
        ("name=Nordbrücke", "name=Nordbrücke", None),
        ("bridge:name=Nordbrücke name=Hauptstraße", "", 600),
        ("name=Südbrücke", "", 600),
        ("", "", 600),
    ],
)
def test_a_bridge_that_bears_the_name_is_the_closed_one_else_the_nearest(
    tmp_path: Path, west: str, east: str, expected: int | None
) -> None:
    closed = [Crossing("Hubbrücken (Nordbrücke)", at(30, 0), ALL)]
    _, metres = imported(tmp_path, closed, west, east)
    assert metres[Mode.WALK] == expected


def test_the_open_bridge_beside_a_closed_one_is_not_taken_for_it(tmp_path: Path) -> None:
    """The closed one is not in the extract; both its neighbours are listed as open."""
    beside = [Crossing("West", at(0, 0), ALL - ALL), Crossing("East", at(100, 0), ALL - ALL)]
    report, metres = imported(tmp_path, [*beside, Crossing("Between", at(50, 0), ALL)])
    assert metres == {Mode.WALK: 400, Mode.BIKE: 400, Mode.CAR: 400}
    assert list(report.lines())[-1] == (
        "        0 ways closed as the city says: Between, for walk, wheelchair, bike, car"
        " (the extract has no way there that was open)"
    )


def test_no_bridge_is_left_where_all_are_closed(tmp_path: Path) -> None:
    closed = [Crossing("West", at(0, 0), ALL), Crossing("East", at(100, 0), ALL)]
    _, metres = imported(tmp_path, closed)
    assert metres == {Mode.WALK: None, Mode.BIKE: None, Mode.CAR: None}


def test_what_is_closed_in_luebeck() -> None:
    """An announced end that has passed closes nothing on the map: it may know of the reopening."""

    def closed(on: date) -> dict[str, list[str]]:
        return {
            one.name: [profile.name for profile in sorted(one.closed)]
            for one in list_crossings(luebeck(), on)
            if one.closed
        }

    everyone = ["WALK", "WHEELCHAIR", "BIKE", "CAR"]
    assert closed(date(2026, 11, 25)) == {
        "Mühlentorbrücke": ["CAR"],
        "Hubbrücken (Marstallbrücke)": everyone,
        "Dankwartsbrücke": everyone[:3],
    }
    assert closed(date(2031, 1, 1)) == {"Dankwartsbrücke": everyone[:3]}
