"""What the city's own timetable says in the nights the clocks change."""

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from gtfs.departures import list_departures
from gtfs.ids import StopIdx
from gtfs.timetable import Timetable
from tests.planning.world import BERLIN, luebeck, timetable_of


@pytest.fixture(scope="module")
def timetable(tmp_path_factory: pytest.TempPathFactory) -> Timetable:
    folder: Path = tmp_path_factory.mktemp("feed")
    return timetable_of(luebeck(), folder)


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (date(2027, 3, 28), {0, 1, 3, 4}),
        (date(2027, 6, 6), {0, 1, 2, 3, 4}),
        (date(2027, 10, 31), {0, 1, 2, 3, 4}),
    ],
)
def test_the_ferry_goes_by_the_clock(timetable: Timetable, day: date, hours: set[int]) -> None:
    """As 00:20 of its own day, noon less 11:40, it would go at 23:20 in spring, 01:20 in autumn."""
    (landing,) = [n for n, stop in enumerate(timetable.stops) if stop.id == "ferry-travemuende"]
    evening = datetime(day.year, day.month, day.day, tzinfo=BERLIN) - timedelta(hours=1)
    found = list_departures(timetable, [StopIdx(landing)], evening, 40)
    gone = [one.at.astimezone(BERLIN) for one in found]
    assert len([at for at in gone if at.hour == 23]) == 3
    assert {at.hour for at in gone if at.hour < 5} == hours


@pytest.mark.parametrize("day", [date(2027, 3, 27), date(2027, 3, 28), date(2027, 3, 29)])
def test_no_ferry_of_the_hour_that_the_clock_skips_goes_in_the_next_one(
    timetable: Timetable, day: date
) -> None:
    landings = [n for n, stop in enumerate(timetable.stops) if stop.id.startswith("ferry-")]
    for landing in landings:
        morning = datetime(day.year, day.month, day.day, tzinfo=BERLIN)
        found = [one.at for one in list_departures(timetable, [StopIdx(landing)], morning, 40)]
        assert len(found) == len(set(found)) == 40
