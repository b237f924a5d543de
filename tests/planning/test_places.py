"""Places are found by the start of any word."""

from __future__ import annotations

import pytest

from gtfs.geo import LatLon
from tests.planning.world import luebeck_planner


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Haupt", "Lübeck ZOB/Hauptbahnhof"),
        ("zob", "Lübeck ZOB/Hauptbahnhof"),
        ("hbf", "Lübeck ZOB/Hauptbahnhof"),
        ("Holstentor", "Holstentor"),
        ("technische hoch", "Technische Hochschule"),
        ("muehlentor", "Mühlentor"),
        ("muhlentor", "Mühlentor"),
        ("Mühlentor", "Mühlentor"),
    ],
)
def test_what_people_type(typed: str, meant: str) -> None:
    found = [place.name for place in luebeck_planner().places.find(typed)]
    assert any(meant in name for name in found[:5]), found
    assert len(found) == len(set(found))


def test_nearer_places_come_first() -> None:
    near = LatLon(53.96, 10.87)
    found = luebeck_planner().places.find("priwall", near)
    assert found
    assert found == luebeck_planner().places.find("Priwall", near)


@pytest.mark.parametrize("typed", ["", "   ", "///", "qqqqqq", "\u0000", "😀", "a" * 100])
def test_nonsense_finds_nothing(typed: str) -> None:
    assert luebeck_planner().places.find(typed) == []


def test_car_parks_are_found_but_not_those_that_may_be_closed() -> None:
    found = luebeck_planner().places.find("Parkhaus", limit=50)
    assert {place.kind for place in found} == {"car_park"}
    names = {place.name for place in found}
    assert {"Parkhaus Mitte", "Travemünde Maritim"} <= names
    assert "Parkhaus Karstadt" not in names


@pytest.mark.parametrize(
    ("position", "name"),
    [
        (LatLon(53.866268, 10.679672), "Holstentor"),
        (LatLon(53.866468, 10.679672), "Holstentor"),
        (LatLon(53.7800, 10.8800), None),
    ],
)
def test_a_position_goes_by_the_name_of_what_is_there(position: LatLon, name: str | None) -> None:
    found = luebeck_planner().places.find_at(position)
    assert (found and found.name) == name
