"""`mobility feed import` on stops that lie outside the city: mostly slips in their coordinates."""

from __future__ import annotations

import json
from pathlib import Path

from tests.gtfs.test_feed_import import SOLD, City, city
from tests.gtfs.test_load import GOOD, write

__all__ = ["city"]

STOPS = GOOD["stops"]
ASKED = (
    "none of the 4 stops lies in the area of Lübeck, as 'H' at 10.67, 53.867: "
    "are latitude and longitude exchanged?"
)


def find_outside(tmp_path: Path, city: City, stops: str) -> list[tuple[str, str, str]]:
    feed, found = write(tmp_path, agency=SOLD, stops=stops), tmp_path / "found.json"
    assert city.run(str(feed), "--defects", str(found))[0] == 0
    defects = json.loads(found.read_text(encoding="utf-8")) if found.exists() else []
    return [
        (one["severity"], one["problem"], one["action"])
        for one in defects
        if one["kind"] == "outside the city"
    ]


def test_stops_within_the_city_are_no_defect(tmp_path: Path, city: City):
    assert find_outside(tmp_path, city, STOPS) == []


def test_a_stop_outside_the_city_is_named_with_where_it_is_said_to_be(tmp_path: Path, city: City):
    stops = STOPS.replace("53.866,10.684", "10.684,53.866")
    assert find_outside(tmp_path, city, stops) == [
        (
            "note",
            "'C' lies outside the area of Lübeck, at 10.684, 53.866",
            "took it: rides pass there, but no search begins or ends there",
        )
    ]


def test_a_feed_with_latitude_and_longitude_exchanged_is_asked_about(tmp_path: Path, city: City):
    head, *rows = STOPS.splitlines()
    cells = [row.split(",") for row in rows]
    exchanged = [",".join((*row[:2], row[3], row[2], *row[4:])) for row in cells]
    assert find_outside(tmp_path, city, "\n".join((head, *exchanged, ""))) == [
        (
            "warning",
            ASKED,
            "took them: no search finds any",
        )
    ]
