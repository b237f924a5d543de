"""`mobility streets`: an extract goes in, and the next process searches on its streets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mobility.app import create_app
from mobility.cities.city import load_city
from mobility.cities.new import create_city
from mobility.city_streets import credit_streets, list_addresses, open_streets, streets_path
from mobility.cli import app
from mobility.settings import Settings
from providers.values import Mode
from tests.streets.town import DAY, write_extract

# From the town's origin through the middle of Lübeck.
LUEBECK = """
a 0,0
b 300,700
c 600,900
h 10,10 addr:housenumber=1 addr:street=Lange_Straße addr:postcode=23552 addr:city=Lübeck
a-b residential name=Lange_Straße
b-c footway
"""
DANKWARTSBRUECKE = """
u -60,900
v 30,290
w -60,290
u-w residential
a-v residential
w-v footway bridge=yes
"""
FAR_AWAY = "a 90000,0\nb 90100,0\na-b residential name=Weit_weg"


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    monkeypatch.setenv("MOBILITY_DATA", str(tmp_path / "data"))
    return Settings()


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["streets", *arguments])
    return result.exit_code, result.output


def test_an_extract_goes_in_and_is_searched_on(data: Settings, tmp_path: Path) -> None:
    points = write_extract(LUEBECK, tmp_path / "luebeck.osm.pbf")
    code, said = run("import", str(tmp_path / "luebeck.osm.pbf"))
    assert code == 0
    assert "2 streets\n" in said
    streets = open_streets(data, load_city(data.city))
    assert streets is not None
    leg = streets.leg(Mode.WALK, points["a"], points["c"], DAY)
    assert leg is not None
    assert not leg.estimated
    code, said = run("show")
    assert code == 0
    assert said.startswith("luebeck.osm.pbf, imported ")
    assert "1 address names" in said


def test_names_in_the_city_are_found_by_the_place_search(data: Settings, tmp_path: Path) -> None:
    write_extract(LUEBECK + FAR_AWAY.replace("a-b", "x-y").replace("a 9", "x 9").replace(
        "b 9", "y 9"), tmp_path / "both.osm.pbf")  # fmt: skip
    run("import", str(tmp_path / "both.osm.pbf"))
    rows = list_addresses(data, load_city(data.city))
    assert [(row.name, row.kind, row.detail) for row in rows] == [
        ("Lange Straße 1", "address", "23552 Lübeck"),
        ("Lange Straße", "street", ""),
    ]


def test_a_bad_file_is_refused_in_one_line_and_the_old_streets_stay(
    data: Settings, tmp_path: Path
) -> None:
    write_extract(LUEBECK, tmp_path / "luebeck.osm.pbf")
    run("import", str(tmp_path / "luebeck.osm.pbf"))
    before = streets_path(data).read_bytes()
    (tmp_path / "bad.osm.pbf").write_bytes(b"nothing of the kind")
    code, said = run("import", str(tmp_path / "bad.osm.pbf"))
    assert code == 2
    assert "mobility streets: " in said
    assert "cannot be read as an OpenStreetMap extract" in said
    assert streets_path(data).read_bytes() == before


def test_an_extract_of_another_place_is_refused_and_the_old_streets_stay(
    data: Settings, tmp_path: Path
) -> None:
    write_extract(FAR_AWAY, tmp_path / "far.osm.pbf")
    code, said = run("import", str(tmp_path / "far.osm.pbf"))
    assert code == 2
    assert "Lübeck: far.osm.pbf has no street in the centre of the city (53.8667, 10.6847)" in said
    assert not streets_path(data).exists()
    write_extract(LUEBECK, tmp_path / "luebeck.osm.pbf")
    run("import", str(tmp_path / "luebeck.osm.pbf"))
    before = streets_path(data).read_bytes()
    assert run("import", str(tmp_path / "far.osm.pbf"))[0] == 2
    assert streets_path(data).read_bytes() == before
    assert open_streets(data, load_city(data.city)) is not None


def test_whose_streets_they_are_is_named_once(data: Settings, tmp_path: Path) -> None:
    """ODbL 1.0, 4.3: also in a city whose own data is of nobody's map."""
    own = create_city("neustadt", tmp_path, lat=53.8655, lon=10.6866)
    city = load_city(data.city)
    assert credit_streets(data, own) == own
    write_extract(LUEBECK, tmp_path / "luebeck.osm.pbf")
    run("import", str(tmp_path / "luebeck.osm.pbf"))
    there = streets_path(data)
    there.rename(there.with_name("neustadt.bin"))
    here = data.model_copy(update={"city": str(own.folder)})
    assert "© OpenStreetMap contributors" in create_app(here).description
    credited = credit_streets(here, own)
    assert [one.text for one in credited.attributions] == [
        "Example network", "© OpenStreetMap contributors",
    ]  # fmt: skip
    run("import", str(tmp_path / "luebeck.osm.pbf"))
    assert credit_streets(data, city).attributions == city.attributions


def test_without_an_import_ways_are_estimated(data: Settings) -> None:
    city = load_city(data.city)
    assert open_streets(data, city) is None
    assert list_addresses(data, city) == []
    assert run("show") == (
        0, "No streets were imported: ways are straight lines times a factor.\n",
    )  # fmt: skip


def test_a_damaged_artefact_is_no_reason_not_to_start(data: Settings) -> None:
    path = streets_path(data)
    path.parent.mkdir(parents=True)
    path.write_bytes(json.dumps({"no": "artefact"}).encode())
    city = load_city(data.city)
    assert open_streets(data, city) is None
    assert list_addresses(data, city) == []
    code, said = run("show")
    assert code == 2
    assert "is damaged; run `mobility streets import` again" in said


def test_the_next_import_is_what_the_next_process_opens(data: Settings, tmp_path: Path) -> None:
    """The old file stays mapped by those who have it open."""
    city = load_city(data.city)
    write_extract(LUEBECK, tmp_path / "one.osm.pbf")
    run("import", str(tmp_path / "one.osm.pbf"))
    old = open_streets(data, city)
    points = write_extract(LUEBECK + "a-c residential", tmp_path / "two.osm.pbf")
    run("import", str(tmp_path / "two.osm.pbf"))
    new = open_streets(data, city)
    assert old is not None
    assert new is not None
    before, after = (ways.leg(Mode.WALK, points["a"], points["c"], DAY) for ways in (old, new))
    assert before is not None
    assert after is not None
    assert after.metres < before.metres


def test_a_bridge_that_is_closed_for_years_is_crossed_by_nobody(
    data: Settings, tmp_path: Path
) -> None:
    """Dankwartsbrücke, which the extract has as open; the import says what it did."""
    text = LUEBECK + DANKWARTSBRUECKE
    points = write_extract(text, tmp_path / "luebeck.osm.pbf")
    said = run("import", str(tmp_path / "luebeck.osm.pbf"))[1]
    assert "1 ways closed as the city says: Dankwartsbrücke, for walk, wheelchair, bike\n" in said
    assert "0 ways closed as the city says: Mühlentorbrücke, for car (the extract has" in said
    assert "ways closed as the city says: Dankwartsbrücke" in run("show")[1]
    streets = open_streets(data, load_city(data.city))
    assert streets is not None
    assert streets.leg(Mode.WALK, points["w"], points["v"], DAY) is None
