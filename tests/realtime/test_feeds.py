"""A city names its feeds of live times in its city.toml."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from mobility.cities.city import load_city
from mobility.cities.new import create_city
from mobility.cities.realtime_feed import RealtimeFeed
from mobility.cities.rows import CityDataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return create_city("neustadt", tmp_path, title="Neustadt", lat=50.33, lon=11.12).folder


def with_stanza(folder: Path, **changed: str) -> Path:
    """The city with the stanza that its file shows as a comment, some of it changed."""
    path = folder / "city.toml"
    text = re.sub(r"^# (?=\[\[realtime|\w+ = )", "", path.read_text("utf-8"), flags=re.MULTILINE)
    for name, value in changed.items():
        text = re.sub(
            rf"(?<=\[\[realtime\]\]\n)((?:.*\n)*?){name} = .*", rf"\1{name} = {value}", text
        )
    path.write_text(text, encoding="utf-8")
    return folder


def test_without_a_stanza_there_is_no_feed(folder: Path):
    assert (load_city(folder).realtime, load_city("luebeck").realtime) == ((), ())


def test_the_stanza_of_the_template_is_one(folder: Path):
    (feed,) = load_city(with_stanza(folder)).realtime

    assert feed == RealtimeFeed(
        "trips", "https://example.org/gtfs-realtime/trip-updates.pb", "trip_updates", 30
    )
    assert feed.keeps == timedelta(minutes=5)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("url", '"file:///etc/passwd"'),
        ("kind", '"everything"'),
        ("poll_seconds", "1"),
        ("id", '"../x"'),
    ],
)
def test_what_is_no_feed_is_refused_by_name(folder: Path, name: str, value: str):
    with pytest.raises(CityDataError, match=rf"city\.toml, field realtime\.0\.{name}"):
        load_city(with_stanza(folder, **{name: value}))
