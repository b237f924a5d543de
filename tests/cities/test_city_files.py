"""Files of a city that nobody checked before: each defect is named by file, row and field."""

import ast
import csv
import json
import re
import shlex
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

import mobility.cities
from gtfs.build import build
from gtfs.load import read_feed
from mobility.cities.city import UnknownCityError, list_cities, load_city
from mobility.cities.days import easter_sunday
from mobility.cities.network import write_feed
from mobility.cities.network_facts import clock_seconds
from mobility.cities.new import NewCityError, city_app, create_city
from mobility.cities.rows import CityDataError
from providers.sandbox.fleet import read_fleet
from tests.providers.zone_boxes import feature, ring, rule

TODAY = date(2026, 11, 25)
REPOSITORY = Path(mobility.cities.__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return create_city("neustadt", tmp_path, title="Neustadt", lat=50.33, lon=11.12).folder


def test_new_city_loads_builds_and_sells(folder: Path, tmp_path: Path) -> None:
    city = load_city(folder)
    write_feed(city, tmp_path / "feed.zip", TODAY)
    feed, report = read_feed(tmp_path / "feed.zip")
    timetable = build(feed)

    assert (city.name, city.title, len(city.places)) == ("neustadt", "Neustadt", 3)
    assert [stanza.id for stanza in city.providers] == ["stadtbus", "demo-rad"]
    assert city.get_fares("stadtbus").version == "stadttarif-2026-01-01"
    assert report.findings == []
    assert {route.id for route in feed.routes} == {"1", "2"}
    assert len([stop for stop in feed.stops if not stop.is_station]) == 6
    assert timetable.first_day <= TODAY <= timetable.last_day


def test_new_city_by_command(tmp_path: Path) -> None:
    run = CliRunner().invoke(city_app, ["new", "altstadt", "--into", str(tmp_path)])
    again = CliRunner().invoke(city_app, ["new", "altstadt", "--into", str(tmp_path)])

    assert (run.exit_code, again.exit_code) == (0, 1)
    assert "exists already" in again.output
    assert [path.name for path in tmp_path.iterdir()] == ["altstadt"]


def test_new_city_is_found_as_its_readme_says(tmp_path: Path) -> None:
    into = tmp_path / "my cities"
    run = CliRunner().invoke(city_app, ["new", "altstadt", "--into", str(into)])
    made = into / "altstadt"
    (read,) = re.findall(r"`MOBILITY_CITY=(.*) make run`", (made / "README.md").read_text("utf-8"))
    (said,) = re.findall(r"MOBILITY_CITY=(.*) make run", run.output)
    assert read == said
    assert [load_city(path).folder for path in shlex.split(read)] == [made]


def test_new_city_among_ours_is_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mobility.cities.new.CITIES", tmp_path)
    made = create_city("altstadt", tmp_path).folder
    assert "`MOBILITY_CITY=altstadt make run`" in (made / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", ["", "..", "a/b", "Neu", "-x", "_x", "x" * 60, "neu\n"])
def test_new_city_needs_a_plain_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(NewCityError):
        create_city(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_of_a_city_that_does_not_load(tmp_path: Path) -> None:
    with pytest.raises(CityDataError, match=r"city\.toml, field timezone"):
        create_city("neustadt", tmp_path, timezone="Middle/Earth")
    assert list(tmp_path.iterdir()) == []


def test_city_with_a_ready_feed_uses_it_as_it_is(folder: Path, tmp_path: Path) -> None:
    write_feed(load_city(folder), tmp_path / "made.zip", TODAY)
    (folder / "feed.zip").write_bytes((tmp_path / "made.zip").read_bytes())
    write_feed(load_city(folder), tmp_path / "taken.zip", date(2031, 1, 1))

    assert (tmp_path / "taken.zip").read_bytes() == (tmp_path / "made.zip").read_bytes()


def test_city_with_a_folder_of_tables_uses_them(folder: Path, tmp_path: Path) -> None:
    (folder / "feed").mkdir()
    (folder / "feed" / "agency.txt").write_text("agency_id\nx\n")
    write_feed(load_city(folder), tmp_path / "feed.zip", TODAY)
    write_feed(load_city(folder), tmp_path / "again.zip", TODAY)

    assert (tmp_path / "feed.zip").read_bytes() == (tmp_path / "again.zip").read_bytes()


def test_unknown_city_says_which_there_are() -> None:
    with pytest.raises(UnknownCityError, match=r"no city 'atlantis': there are .*luebeck"):
        load_city("atlantis")


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("places.csv", "50.3304", "fifty", r"places\.csv, row 2, field lat: .*fifty"),
        ("places.csv", "50.3304", "nan", r"places\.csv, row 2, field lat: "),
        ("places.csv", "50.3304", "5.0", r"places\.csv, row 2, field lat/lon: .*outside"),
        ("places.csv", "50.330400", "", r"places\.csv, row 2, field lat: is missing"),
        ("places.csv", "example,low", "example,sure", r"row 2, field confidence"),
        ("places.csv", "Rathaus,", "Rathaus,x,y,", r"places\.csv, row 2: 10 cells under 8"),
        ("places.csv", "name,kind", "name,name", r"places\.csv, row 1: a column name stands"),
        ("places.csv", "aliases", "nickname", r"row 2, field nickname: is not a field known"),
        ("places.csv", "Rathaus", '"Rathaus', r"places\.csv, row "),
        ("calendar.csv", "easter-2", "easter", r"calendar\.csv, row 3, field "),
        ("calendar.csv", "01-01", "13-41", r"calendar\.csv, row 2, field "),
        ("city.toml", 'currency = "EUR"', 'currency = "Euro"', r"city\.toml, field currency"),
        ("city.toml", "walk_kmh = 4.7", "walk_kmh = -1", r"city\.toml, field rules\.walk_kmh"),
        ("city.toml", "walk_kmh", "wlak_kmh", r"city\.toml, field rules\."),
        ("city.toml", "[rules]", "[rules", r"city\.toml: not TOML"),
        ("city.toml", 'bus = "local_bus"', 'bus = "lorry"', r"emissions\.csv: no row for lorry"),
        ("fares.toml", '"1.80"', '"-1.80"', r"fares\.toml: .*edition\.0\.prices\.0\.amount"),
        ("fares.toml", '"1.80"', '"1.805"', r"fares\.toml: .*edition\.0\.prices\.0\.amount"),
        ("fares.toml", 'tariff = "stadttarif"', 'tariff = "x"', r"fares\.toml: .*no tariff x"),
        ("providers.toml", "vat_percent", "vat", r"providers\.toml: "),
        ("providers.toml", '"fares.toml"', '"../fares.toml"', r"providers\.toml, fares"),
    ],
)
def test_defect_is_named(folder: Path, file: str, old: str, new: str, complaint: str) -> None:
    replace(folder / file, old, new)

    with pytest.raises(CityDataError, match=complaint):
        load_city(folder)


ZONES = {
    "note": "what is not GBFS is for those who read the file",
    "geofencing_zones": {
        "type": "FeatureCollection",
        "features": [feature(ring((11.1, 50.3, 11.2, 50.4)))],
    },
    "global_rules": [],
}


def state_zones(folder: Path, text: str, name: str = "zones.json") -> None:
    """The city's bike operator has zones."""
    (folder / "zones.json").write_text(text, encoding="utf-8")
    replace(
        folder / "providers.toml", 'kind = "bike"', f'kind = "bike"\ngeofencing_zones = "{name}"'
    )


def test_a_city_may_state_the_zones_of_an_operator(folder: Path) -> None:
    state_zones(folder, json.dumps(ZONES))
    ((provider_id, zones),) = load_city(folder).zones.items()
    assert provider_id in {stanza.id for stanza in load_city(folder).providers}
    assert [one.rules for one in zones.zones] == [(rule("no end"),)]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("{", "[", r"zones\.json: no data of geofencing_zones\.json"),
        ('"global_rules"', '"rules"', r"zones\.json: no data .*'global_rules'"),
        ("ride_end_allowed", "ride_allowed", r"zones\.json, zone 0: .*ride_end_allowed"),
        ('"ride_start', '"vehicle_type_ids": ["tank"], "ride_start', r"zone 0: .*'tank'"),
    ],
)
def test_a_defect_of_zones_is_named(folder: Path, old: str, new: str, complaint: str) -> None:
    state_zones(folder, json.dumps(ZONES).replace(old, new, 1))
    with pytest.raises(CityDataError, match=complaint):
        load_city(folder)


@pytest.mark.parametrize(("name", "complaint"), [("../z.json", "elsewhere"), ("z.json", "missing")])
def test_zones_lie_in_the_folder(folder: Path, name: str, complaint: str) -> None:
    state_zones(folder, json.dumps(ZONES), name)
    with pytest.raises(CityDataError, match=complaint):
        load_city(folder)


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("lines.csv", "1,stadtbus", "1,tram", r"lines\.csv, row 2, field agency_id: .*tram"),
        ("lines.csv", "00857A", "green", r"lines\.csv, row 2, field colour"),
        ("route_stops.csv", "1,0,1,markt", "1,0,1,moon", r"row 3.*stops\.csv has no stop moon"),
        ("route_stops.csv", "1,0,1,markt", "1,0,1,nord", r"row 3.*nord stands there twice"),
        ("route_stops.csv", "1,0,1,markt,2100", "1,0,2,markt,2100", r"row 3.*1 is expected"),
        ("route_stops.csv", "bahnhof,3300", "bahnhof,99", r"row 4.*goes backwards"),
        ("route_stops.csv", "1,0,0,nord", "9,0,0,nord", r"row 2.*no line 9"),
        (
            "departures.csv",
            "1,0,daily,0,3",
            "1,0,daily,0,7",
            r"row 2, field last_position: .*4 stops",
        ),
        ("departures.csv", "1,0,daily,0,3", "1,0,daily,3,3", r"row 2, field "),
        ("departures.csv", "05:00..23:45/15", "5 o'clock", r"departures\.csv, row 2, field "),
        ("departures.csv", "05:00..23:45/15", "05:00..23:45/0", r"row 2, field .*whole minutes"),
        ("departures.csv", "05:00..23:45/15", "75:00", r"row 2, field .*service day"),
        ("directions.csv", "1,0,Südstadt,example,low\n", "", r"directions\.csv: no row for"),
    ],
)
def test_defect_of_the_network_is_named(
    folder: Path, tmp_path: Path, file: str, old: str, new: str, complaint: str
) -> None:
    replace(folder / "network" / file, old, new)

    with pytest.raises(CityDataError, match=complaint):
        write_feed(load_city(folder), tmp_path / "feed.zip", TODAY)
    assert not (tmp_path / "feed.zip").exists()


def test_file_that_is_no_text(folder: Path) -> None:
    (folder / "places.csv").write_bytes(b"\x50\x4b\x03\x04\xff\xfe")

    with pytest.raises(CityDataError, match="not UTF-8"):
        load_city(folder)


@pytest.mark.parametrize(
    "shape",
    [
        "POINT (11 50)",
        "LINESTRING (11 50)",
        "POLYGON ((11 50, 12 50, 12 51))",
        "LINESTRING (a b, c d)",
    ],
)
def test_water_needs_a_line(folder: Path, shape: str) -> None:
    (folder / "water.csv").write_text(
        f'name,reach,shape,note,source,confidence\nBach,all,"{shape}",,example,low\n'
    )

    with pytest.raises(CityDataError, match=r"water\.csv, row 2, field shape"):
        load_city(folder)


def test_city_that_has_neither_feed_nor_facts(folder: Path, tmp_path: Path) -> None:
    text = (folder / "city.toml").read_text()
    (folder / "city.toml").write_text(text[: text.index("# How network/")])

    with pytest.raises(CityDataError, match=r"no feed\.zip"):
        write_feed(load_city(folder), tmp_path / "feed.zip", TODAY)


def code_words(path: Path) -> Iterator[tuple[int, str]]:
    """The names and texts of a module, without what only explains it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    explanations = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in explanations:
                yield node.lineno, node.value
        elif isinstance(node, ast.Name):
            yield node.lineno, node.id


def test_the_code_knows_no_city() -> None:
    """Neither the names of the cities, nor of what is in them, stand in any module."""
    words = set(list_cities()) | {load_city(name).title for name in list_cities()}
    words |= {"travemünde", "priwall", "trave", "lümo", "luemo", "swhl"}
    pattern = re.compile("|".join(rf"\b{re.escape(word)}\b" for word in words), re.IGNORECASE)
    allowed = {REPOSITORY / "mobility" / "settings.py"}  # which city is the default
    examples = REPOSITORY / "mobility" / "api"  # OpenAPI's examples are of the demo city
    found = [
        f"{path.relative_to(REPOSITORY)}:{number}: {text[:80]}"
        for package in ("gtfs", "payments", "providers", "mobility")
        for path in sorted((REPOSITORY / package).rglob("*.py"))
        if path not in allowed and examples not in path.parents
        for number, text in code_words(path)
        if pattern.search(text) and not text.startswith("example:")  # a command's --help
    ]

    assert found == []


def test_every_row_says_its_source_and_confidence() -> None:
    for name in list_cities():
        for path in sorted(load_city(name).folder.rglob("*.csv")):
            with path.open(encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    assert row["source"], path
                    assert row["confidence"] in {"high", "medium", "low"}, path


@pytest.mark.parametrize(
    ("year", "easter"),
    [
        (2024, (3, 31)),
        (2025, (4, 20)),
        (2026, (4, 5)),
        (2027, (3, 28)),
        (2028, (4, 16)),
        (2038, (4, 25)),
    ],
)
def test_easter(year: int, easter: tuple[int, int]) -> None:
    assert easter_sunday(year) == date(year, *easter)


def test_times_of_a_service_day() -> None:
    assert [clock_seconds(text) for text in ("00:00", "07:30", "24:17:30")] == [0, 27000, 87450]


def test_demo_fleets_stand_ready() -> None:
    for city in (load_city(name) for name in list_cities()):
        for stanza in city.providers:
            if stanza.demo_fleet is not None:
                assert read_fleet(stanza, city.folder).vehicles
