"""`mobility feed import` from paths and from a real server: the last good timetable stays."""

from __future__ import annotations

import csv
import json
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gtfs.artefact import ArtefactError
from gtfs.timetable import Timetable
from mobility.cities.city import load_city
from mobility.cities.new import create_city
from mobility.feed_command import feed_app
from mobility.feed_fetch import FetchError, Kept, fetch
from mobility.feed_import import compile_kept
from mobility.planning.ways.estimated import estimated_walk
from mobility.prepare import prepare_city
from mobility.settings import Settings
from tests.gtfs.test_load import GOOD, write

SECOND = {
    "agency": GOOD["agency"].replace("Europe/Berlin", "America/New_York"),
    "calendar_dates": None,
    "stops": GOOD["stops"].replace("53.", "40."),
}
SOLD = GOOD["agency"].replace("\nA,", "\nstadtverkehr-luebeck,")
"""An agency whose rides a provider of the city sells."""


@dataclass
class Server:
    """What it answers, and what it was asked."""

    address: str
    body: bytes = b""
    etag: str = '"one"'
    asked: list[tuple[str | None, str | None]] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers["If-None-Match"]
            facts.asked.append((known, self.headers["If-Modified-Since"]))
            if self.path.startswith("/loop"):
                self._answer(302, {"Location": self.path + "o"}, b"")
            elif self.path == "/moved":
                self._answer(301, {"Location": "/feed.zip"}, b"")
            elif self.path == "/cut":
                self._answer(200, {}, facts.body[: len(facts.body) // 2], len(facts.body))
            elif self.path != "/feed.zip":
                self._answer(404, {}, b"gone")
            elif known == facts.etag:
                self._answer(304, {"ETag": facts.etag}, b"")
            else:
                said = {"ETag": facts.etag, "Last-Modified": "Wed, 25 Nov 2026 08:00:00 GMT"}
                self._answer(200, said, facts.body)

        def _answer(
            self, status: int, headers: dict[str, str], body: bytes, length: int | None = None
        ) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    facts = Server(f"http://127.0.0.1:{listening.server_port}/feed.zip")
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield facts
    listening.shutdown()
    listening.server_close()
    thread.join()


@dataclass
class City:
    """A data folder, and the command on it."""

    folder: Path

    def run(self, *arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(feed_app, ["import", *arguments])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.output

    @property
    def artefact(self) -> Path:
        return self.folder / "timetables/luebeck.bin"

    def trips(self) -> list[str]:
        return list(Timetable.load(self.artefact).trips.id)

    def files(self) -> list[str]:
        return sorted(p.name for p in (self.folder / "timetables").rglob("*") if p.is_file())


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> City:
    monkeypatch.setenv("MOBILITY_DATA", str(tmp_path / "data"))
    return City(tmp_path / "data")


def test_a_feed_is_fetched_kept_and_asked_for_only_if_it_changed(
    tmp_path: Path, city: City, server: Server
):
    server.body = write(tmp_path).read_bytes()
    code, said = city.run(server.address)
    assert (code, city.trips()) == (0, ["T"])
    assert "3 stops, 1 trips, 2026-11-23 to 2026-11-28" in said
    code, said = city.run(server.address)
    assert (code, "Nothing has changed" in said) == (0, True)
    assert server.asked == [(None, None), ('"one"', "Wed, 25 Nov 2026 08:00:00 GMT")]
    assert city.files() == [
        "feed.json", "feed.zip", "luebeck.bin", "luebeck.origins.json", "luebeck.source",
        "luebeck.walked",
    ]  # fmt: skip


def test_a_bad_feed_is_refused_whole_and_the_old_one_stays(
    tmp_path: Path, city: City, server: Server
):
    server.body = write(tmp_path).read_bytes()
    city.run(server.address)
    before, files = city.artefact.read_bytes(), city.files()
    server.body, server.etag = write(tmp_path, trips=None).read_bytes(), '"two"'
    code, said = city.run(server.address)
    assert code == 2
    assert "no trips.txt" in said
    assert "The timetable in use stays as it is" in said
    assert (city.artefact.read_bytes(), city.files()) == (before, files)
    server.body, server.etag = b"<html>maintenance</html>", '"three"'
    code, said = city.run(server.address)
    assert code == 2
    assert "it is no readable zip" in said
    assert ".partial" not in said
    assert (city.artefact.read_bytes(), city.files()) == (before, files)
    server.etag = '"one"'
    assert "Nothing has changed" in city.run(server.address)[1]


def test_what_the_server_sends_again_is_not_imported_again(
    tmp_path: Path, city: City, server: Server
):
    server.body = write(tmp_path).read_bytes()
    city.run(server.address)
    server.etag = '"renamed"'
    assert "Nothing has changed" in city.run(server.address)[1]
    assert "3 stops" in city.run(server.address, "--force")[1]


def test_a_feed_in_a_folder_of_a_folder_is_known_by_its_tables(tmp_path: Path, city: City):
    inside = tmp_path / "outer/inner"
    zipfile.ZipFile(write(tmp_path)).extractall(inside)
    assert city.run(f"hl={inside.parent}")[0] == 0
    (inside / "trips.txt").write_text(GOOD["trips"].replace("derived", "N1"), "utf-8")
    code, said = city.run(f"hl={inside.parent}")
    assert (code, "Nothing has changed" in said) == (0, False)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/gone.zip", "answered 404"),
        ("/loop", "Exceeded maximum allowed redirects"),
        ("/cut", "cannot be fetched"),
    ],
)
def test_a_feed_that_does_not_come_is_named(
    tmp_path: Path, city: City, server: Server, path: str, why: str
):
    server.body = write(tmp_path).read_bytes()
    code, said = city.run(server.address.replace("/feed.zip", path))
    assert code == 2
    assert why in said
    assert not (city.folder / "timetables/luebeck.feeds").exists() or city.files() == []


def test_a_moved_feed_is_followed(tmp_path: Path, city: City, server: Server):
    server.body = write(tmp_path).read_bytes()
    assert city.run(server.address.replace("/feed.zip", "/moved"))[0] == 0


@pytest.mark.parametrize(
    ("limit", "value", "why"),
    [("MAX_BYTES", 100, "is larger than"), ("MAX_SECONDS", -1, "took more than")],
)
def test_a_feed_that_is_too_much_is_not_kept(
    tmp_path: Path,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
    value: int,
    why: str,
):
    server.body = write(tmp_path).read_bytes()
    monkeypatch.setattr(f"mobility.feed_fetch.{limit}", value)
    with pytest.raises(FetchError, match=why):
        fetch(server.address, Kept(tmp_path / "kept/feed.zip"), lambda _n, _of: None)
    assert [p.name for p in (tmp_path / "kept").glob("*")] == []


def test_a_kept_copy_that_was_altered_is_fetched_anew(tmp_path: Path, server: Server):
    server.body = b"a feed"
    kept = Kept(tmp_path / "feed.zip")
    kept.keep(fetch(server.address, kept, lambda _n, _of: None))
    assert not fetch(server.address, kept, lambda _n, _of: None).is_new
    kept.path.write_bytes(b"other")
    assert fetch(server.address, kept, lambda _n, _of: None).is_new


def test_several_feeds_become_one_timetable(tmp_path: Path, city: City):
    (tmp_path / "ny").mkdir()
    hl, ny = write(tmp_path), write(tmp_path / "ny", **SECOND)
    code, said = city.run(f"hl={hl}", f"ny={ny}")
    assert code == 0, said
    assert sorted(city.trips()) == ["hl:T", "ny:T"]
    assert Timetable.load(city.artefact).tz_name == "Europe/Berlin"
    code, said = city.run(str(hl), str(ny))
    assert (code, "two feeds are called 'feed'" in said) == (2, True)


def test_an_agency_whose_rides_nobody_sells_is_named(tmp_path: Path, city: City):
    feed = write(tmp_path)
    code, said = city.run(str(feed), "--defects", str(tmp_path / "found.csv"))
    assert code == 0
    assert "sold by nobody" in said
    with (tmp_path / "found.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.DictReader(file)) == [
            {
                "feed": "feed", "file": "agency.txt", "row": "2", "field": "agency_id",
                "kind": "sold by nobody", "severity": "warning",
                "problem": "no provider of providers.toml has 'A' among its agency_ids",
                "action": "took its lines: they are found, but have no price and cannot be booked",
            }
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("agency_ids", "problem"),
    [
        ('["hl:A", "stadtbus"]', "no tariff of fares.toml has 'hl:A' among its agency_ids"),
        ('["A", "stadtbus"]', "no provider of providers.toml has 'hl:A' among its agency_ids"),
    ],
)
def test_of_several_feeds_an_agency_is_named_as_it_is_sold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, agency_ids: str, problem: str
):
    made = create_city("neustadt", tmp_path, lat=53.9, lon=10.7).folder / "providers.toml"
    named = made.read_text(encoding="utf-8").replace('["stadtbus"]', agency_ids)
    made.write_text(named, encoding="utf-8")
    monkeypatch.setenv("MOBILITY_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("MOBILITY_CITY", str(made.parent))
    sold = tmp_path / "sold"
    sold.mkdir()
    feeds = write(tmp_path), write(sold, agency=GOOD["agency"].replace("A,", "B,"))
    found = tmp_path / "found.json"
    arguments = [f"hl={feeds[0]}", f"other={feeds[1]}", "--defects", str(found)]
    assert City(tmp_path / "data").run(*arguments)[0] == 0
    unsold = {one["feed"]: one["problem"] for one in json.loads(found.read_text(encoding="utf-8"))}
    assert unsold == {
        "hl": problem,
        "other": "no provider of providers.toml has 'other:B' among its agency_ids",
    }


def test_a_fare_zone_that_no_price_list_holds_is_named(tmp_path: Path, city: City):
    head, *stops = GOOD["stops"].splitlines()
    zones = ["", "HL", "HL", "4711"]
    told = "\n".join(f"{row},{zone}" for row, zone in zip(stops, zones, strict=True))
    feed = write(tmp_path, agency=SOLD, stops=f"{head},zone_id\n{told}\n")
    assert city.run(str(feed), "--defects", str(tmp_path / "found.json"))[0] == 0
    (found,) = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert (found["file"], found["field"], found["kind"]) == (
        "stops.txt", "zone_id", "sold by nobody",
    )  # fmt: skip
    assert found["problem"] == "no zone_levels of tariff sh-tarif hold '4711', as of stop 'C'"


def test_an_agency_without_a_line_is_no_defect(tmp_path: Path, city: City):
    agency = f"{SOLD}N,Night,http://n,Europe/Berlin\n"
    routes = "route_id,route_short_name,route_type,agency_id\nR,1,3,stadtverkehr-luebeck\n"
    _, said = city.run(str(write(tmp_path, agency=agency, routes=routes)))
    assert "sold by nobody" not in said


def test_every_defect_is_written_where_one_asks(tmp_path: Path, city: City):
    calls = GOOD["stop_times"] + "T,25:20:00,25:20:00,Z,4,,\n"
    feed = write(tmp_path, agency=SOLD, stop_times=calls)
    code, said = city.run(str(feed), "--defects", str(tmp_path / "found.csv"))
    assert code == 0
    assert all(word in said for word in ("stop_times", "unknown", "line 5"))
    with (tmp_path / "found.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.DictReader(file)) == [
            {
                "feed": "feed", "file": "stop_times.txt", "row": "5", "field": "stop_id",
                "kind": "unknown reference", "severity": "error",
                "problem": "stops.txt has no stop 'Z' with a position",
                "action": "left the call out",
            }
        ]  # fmt: skip
    city.run(str(feed), "--force", "--defects", str(tmp_path / "found.json"))
    (found,) = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert (found["row"], found["file"]) == (5, "stop_times.txt")


def test_the_defects_of_a_refused_feed_are_written_too(tmp_path: Path, city: City):
    feed = write(tmp_path, agency=None)
    code, said = city.run(str(feed), "--defects", str(tmp_path / "found.csv"))
    assert (code, "feed: the feed has no agency.txt" in said) == (2, True)
    assert "missing file" in (tmp_path / "found.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize("agency", [GOOD["agency"], None])
def test_where_defects_cannot_be_written_it_says_so(tmp_path: Path, city: City, agency: str | None):
    path = tmp_path / "no" / "found.csv"
    code, said = city.run(str(write(tmp_path, agency=agency)), "--defects", str(path))
    assert (code, f"{path} cannot be written: No such file" in said) == (2, True)
    assert ("no agency.txt" in said) == (agency is None)


def test_another_version_compiles_the_kept_feeds_again(
    tmp_path: Path, city: City, monkeypatch: pytest.MonkeyPatch
):
    feed = write(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("gtfs.artefact.VERSION", 1)
        city.run(str(feed))
    feed.unlink()
    with pytest.raises(ArtefactError, match="version 1"):
        city.trips()
    today = date(2026, 11, 25)
    demo = load_city("luebeck")
    walk = estimated_walk(demo, today)
    assert compile_kept(city.artefact, walk)
    assert city.trips() == ["T"]
    (city.folder / "timetables/luebeck.feeds/feed.zip").write_bytes(b"altered")
    assert not compile_kept(city.artefact, walk)


def test_a_feed_that_has_ended_does_not_displace_one_that_runs(tmp_path: Path, city: City):
    today = datetime.now(UTC).date()
    first, last = (today + timedelta(days) for days in (-9, 9))
    week = f"W,1,1,1,1,1,1,1,{first:%Y%m%d},{last:%Y%m%d}"
    running = GOOD["calendar"].replace("W,1,1,1,1,1,0,0,20261123,20261129", week)
    assert city.run(str(write(tmp_path, calendar=running, calendar_dates=None)))[0] == 0
    day = f"{first:%Y%m%d}"
    ended = write(tmp_path, calendar=running.replace(f"{last:%Y%m%d}", day), calendar_dates=None)
    code, said = city.run(str(ended))
    assert (code, f"runs until {last} and stays as it is" in said) == (2, True)
    assert Timetable.load(city.artefact).last_day == last
    assert city.run(str(ended), "--force")[0] == 0


class Silent:
    def note(self, text: str) -> None:
        pass

    def say(self, text: str) -> None:
        pass


def test_the_start_keeps_an_imported_timetable_to_its_last_day(tmp_path: Path, city: City):
    today = datetime.now(UTC).date()
    first, last = (today + timedelta(days) for days in (-9, 1))
    week = f"W,1,1,1,1,1,1,1,{first:%Y%m%d},{last:%Y%m%d}"
    running = GOOD["calendar"].replace("W,1,1,1,1,1,0,0,20261123,20261129", week)
    city.run(str(write(tmp_path, calendar=running, calendar_dates=None)))
    imported = city.artefact.read_bytes()
    prepare_city(Settings(), Silent())
    assert city.artefact.read_bytes() == imported
    city.artefact.write_bytes(imported[:1000])
    prepare_city(Settings(), Silent())
    assert city.artefact.read_bytes() == imported
