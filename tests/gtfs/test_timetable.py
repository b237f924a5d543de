"""The artefact, and what can be read off it."""

import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from gtfs.artefact import ArtefactError
from gtfs.build import build
from gtfs.feed import Agency
from gtfs.geo import LatLon
from gtfs.ids import RouteIdx, TripIdx
from gtfs.journey import Ride, between, search
from gtfs.rides import geometry, intermediate_stops
from gtfs.service_time import parse_clock
from gtfs.shape_paths import points_of_calls
from gtfs.text import feed_from_text, text_of, timetable_from_text
from gtfs.timetable import Route, Station, Stop, Timetable, Trip

TOWN = """
    days 2026-11-23..2026-11-29 Europe/Berlin
    stop H1 53.867,10.670 Hauptbahnhof/ZOB
    stop H2 53.868,10.670 Hauptbahnhof/ZOB
    station H H1 H2
    1: H1 08:00 M 08:05 B 08:10
    1: H1 08:30 M 08:35 B 08:40
    ferry P sat,sun: B 09:00 T 09:04
    walk H1 H2 90
    change M 60
"""


def test_an_artefact_is_the_timetable_again(tmp_path: Path):
    built = timetable_from_text(TOWN)
    built.save(tmp_path / "town.bin")
    loaded = Timetable.load(tmp_path / "town.bin")
    assert loaded.content_hash == built.content_hash
    assert (loaded.stops, loaded.active_days, loaded.tz) == (
        built.stops,
        built.active_days,
        built.tz,
    )
    query = between(loaded, "H", "B", date(2026, 11, 25), parse_clock("08:10:00"))
    assert [text_of(loaded, j) for j in search(loaded, query)] == [
        text_of(built, j) for j in search(built, query)
    ]


def test_equal_content_has_an_equal_hash_and_other_content_another(tmp_path: Path):
    hashes = [timetable_from_text(text).content_hash for text in (TOWN, TOWN, TOWN + "change B 1")]
    assert hashes[0] == hashes[1] != hashes[2]
    for name in ("a", "b"):
        timetable_from_text(TOWN).save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_an_artefact_is_mapped_and_cannot_be_written(tmp_path: Path):
    timetable_from_text(TOWN).save(tmp_path / "town.bin")
    loaded = Timetable.load(tmp_path / "town.bin")
    with pytest.raises(ValueError, match="read-only"):
        loaded.events.arrival[0] = 0


def test_a_new_artefact_does_not_disturb_who_reads_the_old(tmp_path: Path):
    path = tmp_path / "town.bin"
    timetable_from_text(TOWN).save(path)
    old = Timetable.load(path)
    timetable_from_text("1: X 08:00 Y 09:00").save(path)
    assert [stop.id for stop in old.stops] == ["H1", "H2", "M", "B", "T"]
    assert [stop.id for stop in Timetable.load(path).stops] == ["X", "Y"]
    assert [p.name for p in tmp_path.iterdir()] == ["town.bin"]


def test_a_damaged_artefact_says_build_again(tmp_path: Path):
    path = tmp_path / "town.bin"
    timetable_from_text(TOWN).save(path)
    good = path.read_bytes()
    for at in (0, 9, 40, len(good) // 2, len(good) - 3):
        path.write_bytes(good[:at] + bytes([good[at] ^ 0x55]) + good[at + 1 :])
        with pytest.raises(ArtefactError, match="build it again"):
            Timetable.load(path)
    for length in (0, 5, 20, len(good) // 2):
        path.write_bytes(good[:length])
        with pytest.raises(ArtefactError, match="build it again"):
            Timetable.load(path)
    with pytest.raises(ArtefactError, match="build it again"):
        Timetable.load(tmp_path / "absent.bin")


def test_an_artefact_of_another_version_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        patch.setattr("gtfs.artefact.VERSION", 99)
        timetable_from_text(TOWN).save(tmp_path / "town.bin")
    with pytest.raises(ArtefactError, match="version 99"):
        Timetable.load(tmp_path / "town.bin")


def test_rows_are_read_as_values():
    town = timetable_from_text(TOWN)
    h1 = town.stop_index["H1"]
    place = LatLon(53.867, 10.670)
    assert town.stop(h1) == Stop(h1, "H1", "Hauptbahnhof/ZOB", place, "H", 0, "")
    assert town.station_index == {"H": Station("H", "H", place)}
    assert town.children_of("H") == (h1, town.stop_index["H2"])
    assert town.children_of("M") == (town.stop_index["M"],)
    with pytest.raises(KeyError):
        town.children_of("nowhere")
    assert town.route(RouteIdx(1)) == Route("P", "T", "P", "", "", "", 4)
    assert town.trip(TripIdx(2)) == Trip("P-3", RouteIdx(1), "T", -1, 0, "")
    assert town.agency("T") == Agency("T", "Text Transit", "https://example.org")
    with pytest.raises(KeyError):
        town.agency("none")
    assert (town.first_day, town.last_day) == (date(2026, 11, 23), date(2026, 11, 29))
    assert not town.active_services(date(2026, 12, 24)).any()


def test_a_ride_knows_the_stops_between_and_its_way():
    feed = feed_from_text(TOWN)
    stops = {stop.id: stop.position for stop in feed.stops}
    bend = LatLon(45, 5)
    shape = (stops["H1"], LatLon(53, 9), stops["M"], bend, stops["B"])
    trips = tuple(replace(t, shape_id="S") if t.route_id == "1" else t for t in feed.trips)
    town = build(replace(feed, trips=trips, shapes={"S": shape}), max_footpath_m=0)
    query = between(town, "H1", "B", date(2026, 11, 25), parse_clock("08:00:00"))
    (ride,) = search(town, query)[0].legs
    assert isinstance(ride, Ride)
    assert intermediate_stops(town, ride) == (town.stop_index["M"],)
    assert geometry(town, ride) == shape
    part = ride._replace(from_stop=town.stop_index["M"], from_position=1)
    assert geometry(town, part) == (stops["M"], bend, stops["B"])


def test_calls_are_laid_along_a_loop_without_going_back():
    a, b, c = LatLon(50, 8), LatLon(50.01, 8), LatLon(50.01, 8.01)
    assert points_of_calls([a, b, a], [a, b, c, a]) == [0, 1, 3]
    assert points_of_calls([b, b], [a, b, c]) == [1, 1]


def test_reading_a_feed_or_an_artefact_needs_no_numba():
    code = (
        "import sys, gtfs.timetable, gtfs.service_time, gtfs.geo, gtfs.departures, gtfs.load,"
        "gtfs.build, gtfs.merge; sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
