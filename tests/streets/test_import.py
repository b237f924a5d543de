"""Extracts as they come: damaged, of another kind, empty; real ones; and what is kept of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from gtfs.artefact import ArtefactError
from gtfs.geo import LatLon
from mobility.planning.ways.imported import StreetNetwork
from mobility.planning.ways.reach import Places
from mobility.streets.addresses import Address, Addresses
from mobility.streets.errors import StreetsError
from mobility.streets.graph import load_graph
from mobility.streets.leg import Passable
from mobility.streets.take_over import Report, report_of, take_over
from mobility.streets.way_tags import Profile
from mobility.streets.wheelchair_tags import Wheels
from providers.values import Mode
from tests.streets.town import DAY, SPEEDS, at, town, write_extract

SHARED = Path(__file__).parents[3] / "shared" / "osm"
NOW = datetime(2026, 11, 25, 7, 0, tzinfo=UTC)
STREET = "a 0,0\nb 100,0\na-b residential name=Lange_Straße"


def imported(source: Path, target: Path) -> Report:
    return take_over(source, target, 4.7, 14.0, NOW, lambda _what, _count: None)


def pbf(text: str, folder: Path) -> Path:
    write_extract(text, folder / "extract.osm.pbf")
    return folder / "extract.osm.pbf"


def test_what_cannot_serve_leaves_the_old_streets_in_place(tmp_path: Path) -> None:
    target = tmp_path / "streets.bin"
    good = pbf(STREET, tmp_path)
    imported(good, target)
    before = target.read_bytes()
    whole = good.read_bytes()
    for name, content, problem in (
        ("cut.osm.pbf", whole[: len(whole) // 2], "cannot be read"),
        ("text.osm.pbf", b"no extract at all", "cannot be read"),
        ("other.zip", whole, "cannot be read"),
        ("empty.osm.pbf", b"", "cannot be read|no streets"),
        ("xml.osm", b"<osm version='0.6'><node id='1'", "cannot be read"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(StreetsError, match=problem):
            imported(tmp_path / name, target)
        assert target.read_bytes() == before
    with pytest.raises(StreetsError, match="is no file"):
        imported(tmp_path / "missing.osm.pbf", target)


def test_an_extract_without_streets_is_refused(tmp_path: Path) -> None:
    bare = pbf("a 0,0 amenity=cafe name=Kaffeehaus\nb 1,1", tmp_path)
    with pytest.raises(StreetsError, match="no streets that anybody could use"):
        imported(bare, tmp_path / "streets.bin")
    assert not (tmp_path / "streets.bin").exists()


def test_plain_xml_is_read_too(tmp_path: Path) -> None:
    write_extract(STREET, tmp_path / "town.osm")
    assert imported(tmp_path / "town.osm", tmp_path / "streets.bin").found["streets"] == 1


def test_the_report_says_what_was_found_and_what_was_left_out(tmp_path: Path) -> None:
    source = pbf(
        STREET
        + "\nc 200,0 barrier=bollard\nd 300,0"
        + "\nb-c steps\nc-d construction"
        + "\nb-d residential motor_vehicle:conditional=no",
        tmp_path,
    )
    report = imported(source, tmp_path / "streets.bin")
    assert report == report_of(tmp_path / "streets.bin")
    assert report.source == "extract.osm.pbf"
    assert report.imported_at == "2026-11-25T07:00:00+00:00"
    assert dict(report.ignored) == {
        "way nobody may use or no street (highway=construction)": 1,
        "motor_vehicle:conditional (what holds at times only)": 1,
    }
    assert {
        name: report.found[name]
        for name in ("streets", "streets open for walk", "streets open for wheelchair",
                     "streets open for car", "points with a barrier or a kerb", "street names")
    } == {
        "streets": 3, "streets open for walk": 3, "streets open for wheelchair": 2,
        "streets open for car": 2, "points with a barrier or a kerb": 1, "street names": 1,
    }  # fmt: skip
    assert "        3 streets" in list(report.lines())


def test_a_street_is_not_joined_over_points_that_are_missing(tmp_path: Path) -> None:
    """An extract cut off at an edge names points that it does not have."""
    write_extract(
        "a 0,0\nb 100,0\nm 300,900\nc 500,0\nd 600,0\na-b-m-c-d residential",
        tmp_path / "whole.osm",
    )
    text = (tmp_path / "whole.osm").read_text(encoding="utf-8")
    cut = "\n".join(line for line in text.splitlines() if '<node id="3"' not in line)
    assert cut != text
    (tmp_path / "cut.osm").write_text(cut, encoding="utf-8")
    report = imported(tmp_path / "cut.osm", tmp_path / "streets.bin")
    assert report.found["streets"] == 2
    assert dict(report.ignored) == {"pieces of streets whose points are not in the extract": 1}


def test_a_ferry_that_is_a_line_is_no_street(tmp_path: Path) -> None:
    source = pbf(
        "a 0,0\nb 100,0\nc 500,0\nd 9000,0\ne 9300,0\n"
        "a-b footway\nb-c route=ferry\nc-d footway\nd-e route=ferry",
        tmp_path,
    )
    target = tmp_path / "streets.bin"
    report = take_over(
        source, target, 4.7, 14.0, NOW, lambda _what, _count: None, lines_at=[at(300, 200)]
    )
    assert report.found["streets"] == 3
    assert dict(report.ignored) == {"ferry that is a line with a timetable": 1}


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        ("tourism=information information=office", "information"),
        ("tourism=information information=visitor_centre", "information"),
        ("tourism=information", "information"),
        ("tourism=information information=board", None),
        ("tourism=information information=map", None),
        ("tourism=information information=guidepost", None),
        ("tourism=information information=tactile_model historic=memorial", "memorial"),
        ("tourism=museum information=board", "museum"),
    ],
)
def test_who_asks_for_a_place_wants_no_board_that_tells_of_it(
    tmp_path: Path, tags: str, kind: str | None
) -> None:
    there = town(f"{STREET}\nb 20,10 name=Bahnhof {tags}", tmp_path)
    kinds = [row.kind for row in Addresses.load(there.path) if row.name == "Bahnhof"]
    assert kinds == [kind] * (kind is not None)


def test_names_go_into_the_table_of_addresses(tmp_path: Path) -> None:
    there = town(
        STREET + "\nh 20,10 addr:housenumber=7a addr:street=Lange_Straße addr:postcode=23552"
        " addr:city=Bad_Ort\nm 30,10 tourism=museum name=Museum\nt 40,10 natural=tree name=Eiche"
        "\np 3000,3000\nq 3100,3000\np-q residential name=Lange_Straße",
        tmp_path,
    )
    rows = list(Addresses.load(there.path))
    h, m = there.points["h"], there.points["m"]
    assert [(row.name, row.kind, row.postcode, row.locality) for row in rows] == [
        ("Lange Straße 7a", "address", "23552", "Bad Ort"),
        ("Museum", "museum", "", ""),
        ("Lange Straße", "street", "", ""),
        ("Lange Straße", "street", "", ""),
    ]
    assert (rows[0].lat, rows[0].lon) == pytest.approx((h.lat, h.lon), abs=1e-6)
    assert (rows[1].lat, rows[1].lon) == pytest.approx((m.lat, m.lon), abs=1e-6)


def test_tracks_pipelines_and_platforms_are_no_places_to_go_to(tmp_path: Path) -> None:
    """Nobody starts from ``Ammertalbahn`` (railway=rail); a stop is what a timetable calls at."""
    there = town(
        STREET + "\nc 20,20\nc-a railway=rail name=Ammertalbahn"
        "\nc-b man_made=pipeline name=Gasleitung\ns 30,10 railway=stop name=Gleis_1"
        "\nt 30,20 railway=platform name=Steig_2\nu 40,10 railway=halt name=Zwerchweg"
        "\nw 50,10 man_made=works name=Werk",
        tmp_path,
    )
    rows = [(row.name, row.kind) for row in Addresses.load(there.path)]
    assert rows == [("Zwerchweg", "halt"), ("Werk", "works"), ("Lange Straße", "street")]


def test_addresses_are_packed_and_unpacked() -> None:
    rows = [Address("Ägidienstraße 1", "address", 53.8, 10.6, "23552", "Lübeck")]
    assert list(Addresses.unpack(Addresses.of(rows).pack())) == rows
    assert list(Addresses.unpack(Addresses.of([]).pack())) == []


def test_another_artefact_is_not_taken_for_streets(tmp_path: Path) -> None:
    (tmp_path / "streets.bin").write_bytes(b"GTFS-TT\nnothing of the kind")
    with pytest.raises(ArtefactError):
        load_graph(tmp_path / "streets.bin")


def real(name: str, folder: Path) -> StreetNetwork:
    source = SHARED / f"{name}.osm.pbf"
    if not source.is_file():
        pytest.skip(f"{source} does not lie beside the repository")
    imported(source, folder / "streets.bin")
    return StreetNetwork.load(folder / "streets.bin", SPEEDS)


@pytest.mark.parametrize(
    ("name", "streets"),
    [
        ("otp_herrenberg", (2500, 3500)),
        ("motis_karlsruhe-kit-nord", (300, 500)),
    ],
)
def test_a_real_extract_is_read_and_its_streets_hang_together(
    tmp_path: Path, name: str, streets: tuple[int, int]
) -> None:
    ways = real(name, tmp_path)
    graph = ways.graph
    assert streets[0] < len(graph.wheels) < streets[1]
    for profile in Profile:
        net = graph.nets[profile]
        open_ = (net.ms >= 0).any(axis=1)
        usable = (graph.usable >> profile & 1).astype(bool)
        assert 0.85 * open_.sum() < usable.sum() <= open_.sum()
    random = np.random.default_rng(3)
    everyone = sum(1 << profile for profile in (Profile.WALK, Profile.BIKE, Profile.CAR))
    shared = np.flatnonzero(graph.usable[graph.owner] & everyone == everyone)
    points = graph.degrees[random.choice(shared, 30, replace=False)]
    places = Places(points)
    for mode, least in ((Mode.WALK, 150), (Mode.BIKE, 150), (Mode.CAR, 100)):
        pairs = 0
        for lat, lon in points[:6].tolist():
            found = ways.reach(LatLon(lat, lon), mode, places, DAY, max_seconds=10_800)
            pairs += int((found >= 0).sum())
            for place in range(0, 30, 7):
                leg = ways.leg(mode, LatLon(lat, lon), LatLon(*points[place].tolist()), DAY)
                assert (leg.seconds if leg else -1) == found[place]
        assert pairs > least


def test_a_wheelchair_is_not_sent_down_the_stairs_of_herrenberg_otp_7502(tmp_path: Path) -> None:
    """Between the two ends of every flight of stairs of a hilly old town."""
    ways = real("otp_herrenberg", tmp_path)
    graph = ways.graph
    stairs = np.flatnonzero(graph.wheels == Wheels.NO)
    assert len(stairs) > 100
    walked = rolled = 0
    for street in stairs.tolist():
        first, last = graph.first[street], graph.first[street + 1] - 1
        a, b = (LatLon(*graph.degrees[point].tolist()) for point in (first, last))
        on_foot = ways.leg(Mode.WALK, a, b, DAY)
        walked += on_foot is not None and on_foot.accessible is Passable.NO
        leg = ways.leg(Mode.WALK, a, b, DAY, wheelchair=True)
        if leg is not None:
            rolled += 1
            assert leg.accessible is not Passable.NO
    assert walked > 60
    assert rolled > 60
