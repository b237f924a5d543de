"""`mobility feed answer` as it is used."""

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mobility.feed_command import feed_app
from tests.gtfs.test_agreed_answers import FEEDS, FOLDER
from tests.gtfs.test_load import GOOD, write

ASKED = "from_stop_id,to_stop_id,date,departure_s\n"


def answer(folder: Path, feed: Path, questions: str) -> tuple[int, str, list[dict[str, str]]]:
    (folder / "asked.csv").write_text(questions, encoding="utf-8")
    out = folder / "out.csv"
    call = ["answer", str(feed), str(folder / "asked.csv"), str(out)]
    done = CliRunner().invoke(feed_app, call)
    if not out.exists():
        return done.exit_code, done.output, []
    with out.open(newline="", encoding="utf-8") as file:
        return done.exit_code, done.output, list(csv.DictReader(file))


def test_answers_have_the_questions_columns_the_front_and_the_time(tmp_path: Path):
    questions = ASKED + "H1,B,20261125,0\nH1,B,20261123,86400\nB,H1,20261123,0\nC,C,20261123,60\n"
    code, _, rows = answer(tmp_path, write(tmp_path), questions)
    assert code == 0
    assert all(int(row.pop("microseconds")) > 0 for row in rows)
    assert [list(row.values()) for row in rows] == [
        ["H1", "B", "20261125", "0", "4200", "0", "4200:0"],
        ["H1", "B", "20261123", "86400", "90600", "0", "90600:0"],
        ["B", "H1", "20261123", "0", "-1", "-1", ""],
        ["C", "C", "20261123", "60", "60", "-1", "60:-1"],
    ]


def test_a_departure_days_from_its_date_is_one_of_another_day(tmp_path: Path):
    """The feed's bus leaves 24:50 after the zero of its day and runs until the 28th."""
    questions = ASKED + "H1,B,20261123,436800\nH1,B,20261130,-90000\nH1,B,20261123,518400\n"
    code, _, rows = answer(tmp_path, write(tmp_path), questions)
    assert (code, [row["front"] for row in rows]) == (0, ["522600:0", "-82200:0", "522600:0"])


def test_a_station_where_nothing_stops_has_no_journeys(tmp_path: Path):
    stops = GOOD["stops"] + "E,Ende,53.875,10.690,1,,\n"
    questions = ASKED + "E,B,20261125,0\nH1,E,20261125,0\nH,B,20261125,0\n"
    code, _, rows = answer(tmp_path, write(tmp_path, stops=stops), questions)
    assert (code, [row["front"] for row in rows]) == (0, ["", "", "4200:0"])


def test_a_folder_that_is_not_there_is_named(tmp_path: Path):
    asked = tmp_path / "asked.csv"
    asked.write_text(ASKED, encoding="utf-8")
    for out, complaint in ((tmp_path / "no" / "out.csv", "there is no folder"), (tmp_path, "Is a")):
        done = CliRunner().invoke(feed_app, ["answer", str(write(tmp_path)), str(asked), str(out)])
        assert done.exit_code == 2
        assert complaint in done.output


def test_a_plain_feed_gets_footpaths(tmp_path: Path):
    stops = GOOD["stops"] + "D,Nebenan,53.8751,10.6901,,,\n"
    code, _, rows = answer(tmp_path, write(tmp_path, stops=stops), ASKED + "H1,D,20261123,86400\n")
    assert (code, rows[0]["transfers"]) == (0, "0")
    assert 90_600 < int(rows[0]["arrival_s"]) < 90_640


@pytest.mark.parametrize(
    ("questions", "complaint"),
    [
        ("from_stop_id,date\n", "no column to_stop_id, departure_s"),
        (ASKED + "H1,B,20260230,0\n", "line 2, date: '20260230' is no date YYYYMMDD"),
        (ASKED + "H1,B,20261125,10:00\n", "departure_s: '10:00' is no whole number of seconds"),
        (ASKED + "H1,B,20261125,0\nH1,nowhere,20261125,0\n", "line 3: no such stop"),
        (ASKED + "H1,B,00010101,0\n", "line 2, date: '00010101' is no date"),
        (ASKED + "H1,B,2026112,0\n", "line 2, date: '2026112' is no date"),
        (ASKED + "H1,B,20261125,99999999999\n", "'99999999999' is no whole number"),
        (ASKED + "H1\n", "line 2"),
    ],
)
def test_a_question_that_makes_no_sense_is_named(tmp_path: Path, questions: str, complaint: str):
    code, output, _ = answer(tmp_path, write(tmp_path), questions)
    assert code == 2
    assert complaint in output


def test_a_feed_that_cannot_serve_is_named(tmp_path: Path):
    code, output, rows = answer(tmp_path, write(tmp_path, trips=None), ASKED)
    assert (code, rows) == (2, [])
    assert "no trips.txt" in output


def test_help_shows_an_example():
    for command in ("answer", "import"):
        shown = CliRunner().invoke(feed_app, [command, "--help"]).output
        assert f"Example: mobility feed {command}" in shown


def test_a_feed_is_imported_for_the_city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MOBILITY_DATA", str(tmp_path / "data"))
    done = CliRunner().invoke(feed_app, ["import", str(write(tmp_path))])
    assert done.exit_code == 0, done.output
    assert "3 stops, 1 trips, 2026-11-23 to 2026-11-28" in done.output


def test_an_import_that_cannot_be_fetched_is_named():
    done = CliRunner().invoke(feed_app, ["import", "http://127.0.0.1:9/feed.zip"])
    assert done.exit_code == 2
    assert "cannot be fetched" in done.output


@pytest.mark.parametrize("name", FEEDS)
def test_the_agreed_answers_come_out_of_the_command(name: str, tmp_path: Path):
    agreed = (FOLDER / f"{name}.csv").read_text(encoding="utf-8").replace("\r", "").splitlines()
    questions = "\n".join(line for line in agreed[:200])
    code, _, rows = answer(tmp_path, FOLDER / f"{name}.zip", questions)
    assert code == 0
    assert [",".join(list(row.values())[:7]) for row in rows] == agreed[1:200]
