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
