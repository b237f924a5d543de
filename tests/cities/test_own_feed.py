"""A city that brings its own feed: what is wrong with it is said at the start, in short."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from mobility.cities.new import create_city
from mobility.embedded.process import EmbeddedError
from mobility.prepare import prepare_city, timetable_path
from mobility.settings import Settings
from tests.gtfs.test_load import GOOD, write

SOLD = GOOD["agency"].replace("\nA,", "\nstadtbus,")


class Said(list[str]):
    """What a start says beside what it is at."""

    def note(self, text: str) -> None:
        pass

    def say(self, text: str) -> None:
        self.append(text)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    create_city("neustadt", tmp_path, title="Neustadt", lat=53.9, lon=10.7)
    monkeypatch.setenv("MOBILITY_CITY", str(tmp_path / "neustadt"))
    monkeypatch.setenv("MOBILITY_DATA", str(tmp_path / "data"))
    return Settings()


def start(settings: Settings, **tables: str | None) -> list[str]:
    write(Path(settings.city), **tables)
    said = Said()
    prepare_city(settings, said)
    return list(said)


def test_the_worst_of_its_defects_are_said_and_where_all_of_them_are(settings: Settings) -> None:
    stop_times = GOOD["stop_times"] + "[X],1:00:00,1:00:00,B,1,,\nY,1:00:00,1:00:00,B,1,,\n"
    unused = {"levels": "level_id,level_index\nL,0\n", "wishes": "wish_id\nW\n"}
    said = start(settings, stop_times=stop_times, **unused)
    every = timetable_path(settings).with_suffix(".defects.csv")
    unknown = r"line 5: trips.txt has no '\[X]'; ignored its calls"
    unsold = (
        "line 2: no provider of providers.toml has 'A' among its agency_ids; "
        "took its lines: they are found, but have no price and cannot be booked"
    )
    assert said == [
        f"{settings.city}/feed.zip: 5 defects",
        "  stop_times.txt trip_id: unknown reference, 2 times, for example: " + unknown,
        "  agency.txt agency_id: sold by nobody: " + unsold,
        "  wishes.txt: unknown file: 'wishes.txt' is no file of GTFS Schedule; ignored it",
        f"  all of them: {every}",
    ]
    with every.open(newline="", encoding="utf-8") as file:
        assert [row["file"] for row in csv.DictReader(file)] == [
            "wishes.txt",
            "levels.txt",
            "stop_times.txt",
            "stop_times.txt",
            "agency.txt",
        ]


def test_nothing_is_said_of_one_without_any(settings: Settings) -> None:
    start(settings)
    every = timetable_path(settings).with_suffix(".defects.csv")
    assert every.exists()
    assert start(settings, agency=SOLD) == []
    assert not every.exists()


def test_one_that_cannot_serve_ends_the_start_with_why(settings: Settings) -> None:
    with pytest.raises(EmbeddedError, match=r"feed\.zip cannot serve: .*no trips\.txt"):
        start(settings, trips=None)
