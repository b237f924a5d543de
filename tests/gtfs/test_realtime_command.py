"""``mobility feed realtime`` says whether messages fit a timetable."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mobility.cli import app
from tests.gtfs.realtime_text import message

FEED = {
    "agency.txt": "agency_id,agency_name,agency_url,agency_timezone\nA,A,http://a,Europe/Berlin",
    "stops.txt": "stop_id,stop_name,stop_lat,stop_lon\nA,A,53,10\nB,B,53.1,10",
    "routes.txt": "route_id,agency_id,route_short_name,route_long_name,route_type\n1,A,1,,3",
    "trips.txt": "route_id,service_id,trip_id\n1,S,T",
    "stop_times.txt": "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
    "T,08:00:00,08:00:00,A,5\nT,08:10:00,08:10:00,B,9",
    "calendar_dates.txt": "service_id,date,exception_type\nS,20261125,1",
}


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    folder = tmp_path / "feed"
    folder.mkdir()
    for name, content in FEED.items():
        (folder / name).write_text(content + "\n", encoding="utf-8")
    return folder


def run(feed: Path, text: str | bytes) -> tuple[int, list[str]]:
    path = feed / "updates.pb"
    path.write_bytes(message(text) if isinstance(text, str) else text)
    result = CliRunner().invoke(app, ["feed", "realtime", str(path), "--feed", str(feed)])
    return result.exit_code, result.output.splitlines()


def test_messages_that_fit(feed: Path):
    status, lines = run(feed, "T 2026-11-25: #9=+300\nvehicle V T 53.0,10.0")

    assert (status, lines) == (
        0,
        [
            "made          2026-11-25 06:30:00 UTC",
            "trip updates  1 of 1 match",
            "              1 changed, 0 cancelled, 0 added",
            "vehicles      1, on a trip 1, of those 1 match",
            "alerts        0",
        ],
    )


def test_what_was_named_in_vain_and_what_was_put_right(feed: Path):
    status, lines = run(feed, "T 2026-11-25: A=08:05 B=08:01\ncancel X\ncancel Y")

    assert (status, lines[1], lines[5:]) == (
        1,
        "trip updates  1 of 3 match",
        [
            "     2  times that ran backwards",
            "     2  the timetable has no such trip: X, Y",
        ],
    )


def test_what_is_no_message(feed: Path):
    status, lines = run(feed, b"<html>")

    assert (status, len(lines)) == (2, 1)
    assert lines[0].startswith("mobility feed realtime: ")
    assert lines[0].endswith("updates.pb: no GTFS-Realtime message, or one that was cut off")
