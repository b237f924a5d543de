"""What people type, and the place they mean."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gtfs.geo import LatLon
from gtfs.text import timetable_from_text
from mobility.planning.places.index import FoundPlace, PlaceIndex
from tests.planning.world import luebeck, luebeck_planner

MAIN_STATION = "Lübeck ZOB/Hauptbahnhof"


def index() -> PlaceIndex:
    return luebeck_planner().places


def names(typed: str, near: LatLon | None = None, limit: int = 10) -> list[str]:
    return [place.name for place in index().find(typed, near, limit)]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("Haupt", MAIN_STATION),
        ("haupt", MAIN_STATION),
        ("zob", MAIN_STATION),
        ("HBF", MAIN_STATION),
        ("Lübeck Hbf", MAIN_STATION),
        ("Bahnhof", MAIN_STATION),
        ("Lübeck Hauptbahnhof / ZOB", MAIN_STATION),
        ("Holstentor", "Holstentor"),
        ("holstentor lübeck", "Holstentor"),
        ("technische hoch", "Technische Hochschule"),
        ("Hochschule Technische", "Technische Hochschule"),
        ("muehlentor", "Verwaltungszentrum Mühlentor"),
        ("muhlentor", "Verwaltungszentrum Mühlentor"),
        ("MÜHLENTOR", "Verwaltungszentrum Mühlentor"),
        ("Mu\u0308hlentor", "Verwaltungszentrum Mühlentor"),
        ("Bürgermeister", ""),
        ("guenter grass haus", "Günter-Grass-Haus"),
        ("grasshaus", "Günter-Grass-Haus"),
        ("Sankt Annen", "St. Annen Museumsquartier"),
        ("St Annen", "St. Annen Museumsquartier"),
        ("grosse burgstr", "Große Burgstraße"),
        ("Gr. Burgstr.", "Große Burgstraße"),
        ("Große Burg Strasse", "Große Burgstraße"),
    ],
)
def test_the_first_place_is_the_one_meant(typed: str, first: str) -> None:
    assert [*names(typed), ""][0] == first


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("Hauptbanhof", MAIN_STATION),
        ("Hauptbanh", MAIN_STATION),
        ("Travemuende Strnd", "Bahnhof Lübeck-Travemünde Strand"),
        ("Holstentr", "Holstentor"),
        ("Hoslentor", "Holstentor"),
        ("Holsten tor", "Holstentor"),
        ("Holstenntor", "Holstentor"),
        ("media dcoks", "media docks"),
        ("Mediadocks", "media docks"),
        ("Hauptbanhfo", MAIN_STATION),
        ("Sr. Petri", "Petrikirche"),
        ("Hansemuseum beim Burgtor", "Europäisches Hansemuseum"),
    ],
)
def test_slips_are_forgiven(typed: str, first: str) -> None:
    assert names(typed)[0] == first


def test_a_place_written_right_comes_before_one_written_nearly_so() -> None:
    assert names("Parkplatz Lastadie P4")[0] == "Parkplatz Lastadie P4"
    assert names("Genin")[0] == "Genin"


def test_a_slip_costs_a_place_its_rank_not_its_answer() -> None:
    right, wrong = index().search("Holstentor")[0], index().search("Holstentr")[0]
    assert right.place == wrong.place
    assert right.score > wrong.score


def test_a_station_is_shown_once_whoever_names_it() -> None:
    found = index().find("Hauptbahnhof", limit=50)
    assert [place.name for place in found if "Hauptbahnhof" in place.name] == [MAIN_STATION]
    assert found[0] == FoundPlace(
        MAIN_STATION,
        "stop",
        LatLon(53.865833, 10.670917),
        "station-luebeck-zob-hauptbahnhof",
        "station-luebeck-zob-hauptbahnhof",
    )


def test_the_near_one_of_two_comes_first() -> None:
    at_the_beach, in_town = LatLon(53.9647, 10.8765), LatLon(53.8667, 10.6847)
    assert names("Kirch", at_the_beach) != names("Kirch", in_town)
    assert names("Strand", at_the_beach)[0] == "Strandbahnhof"


def test_nearness_does_not_drive_out_the_name_that_was_typed() -> None:
    beside_another = LatLon(53.8670, 10.6830)
    assert names("Schlutup Markt", beside_another)[0] in ("Schlutup Markt", "Schlutup/Markt")


def test_what_many_depart_from_comes_before_what_few_do() -> None:
    timetable = timetable_from_text(
        """
        1: Ring 08:00  Ringweg 08:10  Ringsee 08:20
        every 10 2: Ringweg 08:00..20:00  Ringallee +7
        """
    )
    found = PlaceIndex(replace(luebeck(), places=(), car_parks=()), timetable).find("Rin")
    assert [place.name for place in found] == ["Ringweg", "Ring", "Ringsee", "Ringallee"]


def test_answers_keep_their_order() -> None:
    near = LatLon(53.96, 10.87)
    assert index().search("priwall", near) == index().search("Priwall", near)
    everything = names("str", limit=200)
    assert everything[:10] == names("str", limit=10)


@pytest.mark.parametrize(
    "typed",
    [
        *("", "   ", "///", "qqqqqq", "\u0000", "😀", "a" * 100, "a" * 10_000, "\r\n\t\x1b[31m"),
        *(".*", "(+)+$", "[", "\\", "%", "'; DROP TABLE places; --", "שלום", "مرحبا", "\u202e"),
        *("\ud800", "\u0308" * 10_000, "ﷺ" * 10_000, "99 " * 5000),
    ],
)
def test_nonsense_finds_nothing(typed: str) -> None:
    assert names(typed) == []


@pytest.mark.parametrize("typed", ["Haupt " * 5000, "Haupt" * 5000, "Lübeck" + " " * 9_990 + "x"])
def test_a_long_text_is_read_to_its_limit(typed: str) -> None:
    assert len(names(typed)) <= 10


@pytest.mark.parametrize("limit", [0, -1])
def test_who_wants_nothing_gets_nothing(limit: int) -> None:
    assert index().search("Haupt", limit=limit) == []
    assert index().reverse(LatLon(53.8667, 10.6847), limit=limit) == []


def test_car_parks_are_found_but_not_those_that_may_be_closed() -> None:
    found = index().find("Parkhaus", limit=50)
    assert {place.kind for place in found} == {"car_park"}
    names = {place.name for place in found}
    assert {"Parkhaus Mitte", "Travemünde Maritim"} <= names
    assert "Parkhaus Karstadt" not in names


def test_kinds_narrow_the_answer() -> None:
    everything = {match.place.kind for match in index().search("Travemünde", limit=50)}
    assert {"stop", "car_park", "station"} <= everything
    for kinds in ({"car_park"}, {"stop"}, {"stop", "station"}):
        found = index().search("Travemünde", limit=50, kinds=kinds)
        assert {match.place.kind for match in found} == kinds
    assert index().search("Travemünde", kinds=()) == []
    assert index().search("Travemünde", kinds={"volcano"}) == []


def test_a_place_of_two_kinds_answers_as_the_one_asked_for() -> None:
    (match,) = index().search("Hauptbahnhof", kinds={"station"})
    assert (match.place.name, match.place.kind) == ("Lübeck Hauptbahnhof / ZOB", "station")


@pytest.mark.parametrize(
    ("typed", "name", "held", "understood"),
    [
        ("haupt", "Hauptbahnhof", ["Haupt"], ["haupt"]),
        ("  holsten tor", "Holstentor", ["Holstentor"], ["holsten", "tor"]),
        ("guenter gr", "Günter-Grass-Haus", ["Günter", "Gr"], ["guenter", "gr"]),
        ("Guen", "Günter-Grass-Haus", ["Gün"], ["Guen"]),
        ("Holstentr", "Holstentor", ["Holstentor"], ["Holstentr"]),
        ("holstentor lübeck", "Holstentor", ["Holstentor"], ["holstentor", "lübeck"]),
    ],
)
def test_an_answer_shows_what_matched(
    typed: str, name: str, held: list[str], understood: list[str]
) -> None:
    match = index().search(typed)[0]
    assert match.name == name
    assert [match.name[at : at + length] for at, length in match.parts] == held
    assert [typed[at : at + length] for at, length in match.typed] == understood


@pytest.mark.parametrize(
    ("position", "name"),
    [
        (LatLon(53.866268, 10.679672), "Holstentor"),
        (LatLon(53.866468, 10.679672), "Holstentor"),
        (LatLon(53.7800, 10.8800), None),
    ],
)
def test_a_position_goes_by_the_name_of_what_is_there(position: LatLon, name: str | None) -> None:
    found = index().find_at(position)
    assert (found and found.name) == name


def test_around_a_position_the_nearest_comes_first_and_each_once() -> None:
    found = index().reverse(LatLon(53.866268, 10.679672), limit=50, max_metres=400)
    assert found[0].place.name == "Holstentor"
    away = [near.metres for near in found]
    assert away == sorted(away)
    assert away[-1] <= 400
    assert len({near.place.id for near in found}) == len(found) > 3


def test_around_a_position_only_the_kinds_asked_for() -> None:
    found = index().reverse(LatLon(53.866268, 10.679672), 3, 2000, kinds={"stop"})
    assert [near.place.kind for near in found] == ["stop"] * 3
    assert index().reverse(LatLon(-53, 10), 3, 2000) == []
    assert index().reverse(LatLon(90, 180), 3, 2000) == []
