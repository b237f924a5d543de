"""Streets and house numbers among the places, from rows like those of an extract."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from gtfs.geo import LatLon
from gtfs.text import timetable_from_text
from mobility.planning.places.index import FoundPlace, PlaceIndex
from mobility.planning.places.rows import PlaceRow
from tests.planning.world import luebeck

STREETS = """
Mühlenstraße 1       23552 Lübeck     53.8600 10.6850
Mühlenstraße 12      23552 Lübeck     53.8601 10.6851
Mühlenstraße 12a     23552 Lübeck     53.8602 10.6852
Mühlenstraße 14-16   23552 Lübeck     53.8603 10.6853
Mühlenstraße 120     23552 Lübeck     53.8604 10.6854
Mühlenstraße 12      23617 Stockelsdorf 53.8900 10.6400
Breite Straße 5      23552 Lübeck     53.8680 10.6860
Straße des 17. Juni 3 23552 Lübeck    53.8700 10.6900
"""
ONE_BUS = timetable_from_text("1: X 08:00  Y 08:10")


def rows() -> list[PlaceRow]:
    found = []
    for i, line in enumerate(STREETS.strip().splitlines()):
        left, lat, lon = line.rsplit(maxsplit=2)
        name, postcode, town = left.rsplit(maxsplit=2)
        found.append(
            PlaceRow(name, "address", float(lat), float(lon), f"node-{i}", f"{postcode} {town}")
        )
    return found


@cache
def index() -> PlaceIndex:
    return PlaceIndex(replace(luebeck(), places=(), car_parks=()), ONE_BUS, rows())


def shown(typed: str, **asked: object) -> list[str]:
    return [f"{p.place.name}, {p.place.detail}" for p in index().search(typed, **asked)]  # type: ignore[arg-type]


def test_a_street_is_one_answer_however_many_houses_it_has() -> None:
    assert shown("Mühlen") == ["Mühlenstraße, 23552 Lübeck", "Mühlenstraße, 23617 Stockelsdorf"]
    assert {p.kind for p in index().find("Mühlen")} == {"street"}


@pytest.mark.parametrize(
    "typed",
    [
        *("Mühlenstraße 12", "muehlenstr 12", "Muhlenstr. 12", "12 Mühlenstraße", "Mühlenstr.12"),
        *("Mühlen Straße 12", "Mülhenstraße 12", "Muehlenstrase 12", "mühlenstr12"),
    ],
)
def test_a_house_is_found_by_its_number(typed: str) -> None:
    assert shown(typed) == ["Mühlenstraße 12, 23552 Lübeck", "Mühlenstraße 12, 23617 Stockelsdorf"]


def test_an_address_says_what_it_is_made_of() -> None:
    assert index().find("Mühlenstraße 12a")[0] == FoundPlace(
        "Mühlenstraße 12a",
        "address",
        LatLon(53.8602, 10.6852),
        None,
        "node-2",
        "23552 Lübeck",
        "Mühlenstraße",
        "12a",
    )


@pytest.mark.parametrize(
    ("typed", "houses"),
    [
        ("Mühlenstraße 12 a", ["12a"]),
        ("Mühlenstraße 12A", ["12a"]),
        ("Mühlenstraße 14-16", ["14-16"]),
        ("Mühlenstraße 14", ["14-16"]),
        ("Mühlenstraße 1", ["1"]),
        ("Mühlenstraße 12b", [""]),
        ("Mühlenstraße 99", [""]),
        ("Straße des 17. Juni 3", ["3"]),
    ],
)
def test_a_number_is_taken_as_it_is_meant(typed: str, houses: list[str]) -> None:
    found = index().find(typed)
    assert [p.house_number for p in found][: len(houses)] == houses


def test_the_town_or_postcode_tells_streets_apart() -> None:
    assert shown("Mühlenstr 12 Stockelsdorf")[0] == "Mühlenstraße 12, 23617 Stockelsdorf"
    assert shown("23617 Mühlenstr 12")[0] == "Mühlenstraße 12, 23617 Stockelsdorf"
    assert shown("Breite Straße 5, 23552 Lübeck") == ["Breite Straße 5, 23552 Lübeck"]


def test_a_town_alone_is_no_place() -> None:
    assert shown("Stockelsdorf") == []
    assert shown("23552") == []


def test_the_near_street_comes_first() -> None:
    there = LatLon(53.8899, 10.6401)
    assert shown("Mühlenstraße 12", near=there)[0] == "Mühlenstraße 12, 23617 Stockelsdorf"


def test_kinds_tell_houses_from_streets() -> None:
    assert shown("Mühlenstr 12", kinds={"street"})[0] == "Mühlenstraße, 23552 Lübeck"
    assert shown("Mühlenstr 12a", kinds={"address"}) == ["Mühlenstraße 12a, 23552 Lübeck"]
    assert shown("Mühlenstr", kinds={"address"}) == []


def test_a_position_has_an_address_where_no_place_is() -> None:
    found = index().find_at(LatLon(53.86021, 10.68521))
    assert found is not None
    assert (found.street, found.house_number) == ("Mühlenstraße", "12a")
    near = index().reverse(LatLon(53.86009, 10.68509), limit=3, max_metres=100)
    assert [n.place.house_number for n in near] == ["12", "1", "12a"]


def test_a_street_without_houses_stands_where_it_says() -> None:
    alone = PlaceRow("Hüxstraße", "street", 53.8660, 10.6900, "way-1", "23552 Lübeck")
    found = PlaceIndex(luebeck(), ONE_BUS, [alone]).find("Hüxstr", limit=20)
    assert (
        FoundPlace(
            "Hüxstraße", "street", alone.position, None, "way-1", "23552 Lübeck", "Hüxstraße"
        )
        in found
    )


def test_a_platform_comes_after_its_station() -> None:
    station = PlaceRow("Bahnhof Neustadt", "stop", 54.1, 10.8, "n", weight=0.2, stop_id="n")
    platform = PlaceRow(
        "Bahnhof Neustadt Gleis 2", "platform", 54.1, 10.8, "n2", stop_id="n2", station_id="n"
    )
    found = PlaceIndex(luebeck(), ONE_BUS, [platform, station])
    assert [p.id for p in found.find("Bahnhof Neustadt")][:2] == ["n", "n2"]
    assert [p.id for p in found.find("Neustadt Gl")] == ["n2"]
