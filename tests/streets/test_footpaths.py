"""Footpaths between the stops of a timetable follow imported streets."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gtfs.geo import LatLon
from mobility.cities.city import load_city
from mobility.city_streets import footpath_walk
from mobility.cli import app
from mobility.prepare import mark_walked, walked_as_now
from mobility.settings import Settings
from tests.streets.town import DAY, write_extract

# Between a and d lies no street: one walks round by b and c. The middle of Lübeck is at m.
ROUND = """
a 0,0
b 0,200
c 150,200
d 150,0
m 300,700
n 600,900
a-b residential
b-c residential
c-d footway
c-m-n residential
"""
BEYOND = LatLon(53.9, 10.9)


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    monkeypatch.setenv("MOBILITY_DATA", str(tmp_path / "data"))
    return Settings()


def imported(tmp_path: Path) -> dict[str, LatLon]:
    points = write_extract(ROUND, tmp_path / "town.osm.pbf")
    done = CliRunner().invoke(app, ["streets", "import", str(tmp_path / "town.osm.pbf")])
    assert done.exit_code == 0, done.output
    return points


def seconds(data: Settings, start: LatLon, end: LatLon, on: date = DAY) -> int | None:
    return footpath_walk(data, load_city(data.city), on)(start, end)


def test_without_streets_a_footpath_is_straight_and_with_them_it_goes_round(
    data: Settings, tmp_path: Path
) -> None:
    assert seconds(data, LatLon(53.86, 10.68), LatLon(53.86, 10.682)) == 143
    points = imported(tmp_path)
    speed_mps = load_city(data.city).rules.speeds_kmh()["walk"] / 3.6
    assert seconds(data, points["a"], points["d"]) == pytest.approx(550 / speed_mps, abs=2)


def test_beyond_the_extract_a_footpath_is_estimated(data: Settings, tmp_path: Path) -> None:
    imported(tmp_path)
    assert seconds(data, BEYOND, LatLon(53.9, 10.902)) == seconds(
        data, LatLon(53.9, 10.902), BEYOND
    )


def test_a_timetable_is_made_again_once_the_streets_have_changed(
    data: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "timetable.bin"
    assert not walked_as_now(path, data)
    mark_walked(path, data)
    assert walked_as_now(path, data)
    imported(tmp_path)
    assert not walked_as_now(path, data)
    mark_walked(path, data)
    assert walked_as_now(path, data)
