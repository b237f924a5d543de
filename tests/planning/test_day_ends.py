"""When does the first one go today, when the last: by service day, by night, as clocks change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from mobility.planning.day_ends import say_end
from mobility.planning.errors import BadSearchError
from mobility.planning.itinerary import Reason
from mobility.planning.request import DayEnd, SearchRequest, SearchResult, Via
from mobility.planning.search import Planner
from providers.values import Mode
from tests.planning.test_luebeck import TRIP, codes
from tests.planning.test_via import clock, rides, scheduled, town
from tests.planning.world import NOW, TODAY, berlin, luebeck, luebeck_planner

FRIDAY, SATURDAY, SUNDAY = (date(2026, 11, day) for day in (27, 28, 29))
STOPS = """
    stop A 53.8660,10.6707
    stop V 53.8500,10.6850
    stop B 53.8377,10.7003
    """
WEEK = (
    STOPS
    + """
    1 mon,tue,wed,thu,fri: A 05:00  B 05:30
    1: A 12:00  B 12:30
    1: A 23:30  B 24:00
    N fri,sat: A 25:40  B 26:10
    """
)
"""Night buses of Friday and Saturday, an early bus on weekdays."""
ACROSS = SearchRequest("A", "B", max_walk_m=600, modes=frozenset({Mode.BUS, Mode.WALK}))


def ask(
    end: DayEnd, day: date | None, planner: Planner | None = None, *, now: datetime = NOW,
    request: SearchRequest = ACROSS,
) -> SearchResult:  # fmt: skip
    return (planner or town(WEEK)).search(replace(request, of_day=end, day=day), now)


def shown(found: SearchResult) -> list[str]:
    return [
        f"{way.departs_at.astimezone(luebeck().timezone):%a} {rides(way)[0]}"
        for way in found.itineraries
    ]


@pytest.mark.parametrize(
    ("day", "first", "last"),
    [
        (date(2026, 11, 26), "Thu 1 A 05:00 B 05:30", "Thu 1 A 23:30 B 00:00"),
        (FRIDAY, "Fri 1 A 05:00 B 05:30", "Sat N A 01:40 B 02:10"),
        (SATURDAY, "Sat 1 A 12:00 B 12:30", "Sun N A 01:40 B 02:10"),
        (SUNDAY, "Sun 1 A 12:00 B 12:30", "Sun 1 A 23:30 B 00:00"),
    ],
)
def test_a_night_bus_is_the_last_of_the_evening_before(day: date, first: str, last: str) -> None:
    assert shown(ask(DayEnd.FIRST, day)) == [first]
    assert shown(ask(DayEnd.LAST, day)) == [last]


def test_so_it_is_where_a_feed_gives_the_night_bus_the_next_date() -> None:
    next_date = town(STOPS + "1: A 05:00  B 05:30\nN sat: A 01:40  B 02:10\n1: A 23:30  B 24:00")
    assert shown(ask(DayEnd.LAST, FRIDAY, next_date)) == ["Sat N A 01:40 B 02:10"]
    assert shown(ask(DayEnd.FIRST, SATURDAY, next_date)) == ["Sat 1 A 05:00 B 05:30"]


def test_a_bus_past_three_of_the_day_before_is_not_the_first_of_the_next() -> None:
    late = town(STOPS + "N fri: A 27:20  B 27:50\n1: A 05:00  B 05:30")
    assert shown(ask(DayEnd.LAST, FRIDAY, late)) == ["Sat N A 03:20 B 03:50"]
    assert shown(ask(DayEnd.FIRST, SATURDAY, late)) == ["Sat 1 A 05:00 B 05:30"]


def test_night_is_by_the_city_s_clock_where_a_feed_has_another_zone() -> None:
    """02:30 in London is half past three here, and 01:30 half past two."""
    zone = "days 2026-11-20..2026-12-10 Europe/London"
    text = f"{zone}{STOPS}N sat: A 01:30  B 02:00\n1: A 02:30  B 03:00\n1: A 12:00  B 12:30"
    london = town(text)
    assert shown(ask(DayEnd.LAST, FRIDAY, london)) == ["Sat N A 02:30 B 03:00"]
    assert shown(ask(DayEnd.FIRST, SATURDAY, london)) == ["Sat 1 A 03:30 B 04:00"]


def test_the_last_one_still_gets_there() -> None:
    """The bus of 24:00 misses the last one on: who took it would wait for the morning."""
    text = (
        STOPS + "1: A 22:00  V 22:20\n1: A 24:00  V 24:20\n2: V 22:30  B 22:50\n2: V 29:00  B 29:20"
    )
    assert scheduled(ask(DayEnd.LAST, TODAY, town(text))) == [
        ["1 A 22:00 V 22:20", "2 V 22:30 B 22:50"]
    ]


@pytest.mark.parametrize(
    ("day", "leaves", "last"),
    [
        (date(2027, 3, 27), "26:30", "2027-03-28T03:30:00+02:00"),
        (date(2027, 10, 30), "26:30", "2027-10-31T02:30:00+02:00"),
        (date(2027, 10, 30), "27:30", "2027-10-31T02:30:00+01:00"),
    ],
)
def test_in_the_nights_when_clocks_change_it_is_the_elapsed_time_that_counts(
    day: date, leaves: str, last: str
) -> None:
    """The clock then shows 03:30, 02:30 and, an hour later, 02:30 again."""
    now = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    text = f"days {day - timedelta(days=2)}..{day + timedelta(days=3)} Europe/Berlin"
    text += STOPS + f"1: A 05:00  B 05:30\nN: A {leaves}  B 28:00"
    planner = town(text)
    (way,) = ask(DayEnd.LAST, day, planner, now=now).itineraries
    assert way.departs_at == datetime.fromisoformat(last)
    (way,) = ask(DayEnd.FIRST, day + timedelta(days=1), planner, now=now).itineraries
    assert clock(way.departs_at) == "05:00"


def test_today_by_night_is_still_the_evenings_day() -> None:
    at_night = datetime(2026, 11, 28, 0, 30, tzinfo=UTC)
    assert shown(ask(DayEnd.LAST, None, now=at_night)) == ["Sat N A 01:40 B 02:10"]
    in_the_morning = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
    assert shown(ask(DayEnd.LAST, None, now=in_the_morning)) == ["Sun N A 01:40 B 02:10"]


def test_it_says_which_one_it_is_and_when_the_next_goes_if_it_has_left() -> None:
    found = ask(DayEnd.FIRST, TODAY)
    assert [notice.text for notice in found.notices][:2] == [
        "Die erste Verbindung am Mittwoch, 25.11.2026: ab 05:00 Uhr.",
        "Der nächste Bus fährt um 12:00 Uhr ab A (Linie 1), Ankunft am Ziel um 12:30 Uhr.",
    ]
    night = ask(DayEnd.LAST, FRIDAY)
    assert night.notices[0].text == (
        "Die letzte Verbindung am Freitag, 27.11.2026: ab 01:40 Uhr (in der Nacht zum 28.11.)."
    )
    assert night.itineraries[0].reasons[-1] is Reason.LAST_WAY_HOME
    assert "next_departure" not in codes(night)


def test_where_nothing_goes_that_day_it_says_when_the_next_one_does() -> None:
    sundays = town(STOPS + "1 sun: A 10:00  B 10:30")
    for end in DayEnd:
        found = ask(end, FRIDAY, sundays)
        assert shown(found) == ["Sun 1 A 10:00 B 10:30"]
        assert codes(found)[:2] == ["none_that_day", "next_departure"]
        assert "Freitag, 27.11.2026" in found.notices[0].text
    never = ask(DayEnd.LAST, FRIDAY, town(STOPS + "1: B 10:00  A 10:30"))
    assert {"none_that_day", "no_departure", "taxi"} <= set(codes(never))


def test_pages_go_on_from_it() -> None:
    planner = town(WEEK)
    last = ask(DayEnd.LAST, FRIDAY, planner)
    before = planner.search(replace(ACROSS, of_day=DayEnd.LAST, day=FRIDAY, page=last.earlier), NOW)
    assert shown(before) == ["Fri 1 A 23:30 B 00:00"]
    first = ask(DayEnd.FIRST, FRIDAY, planner)
    after = planner.search(replace(ACROSS, of_day=DayEnd.FIRST, day=FRIDAY, page=first.later), NOW)
    assert shown(after) == ["Fri 1 A 12:00 B 12:30"]


def test_by_way_of_a_place_too() -> None:
    text = STOPS + "1: A 21:00  V 21:20  B 21:40\n1: A 22:00  V 22:20  B 22:40\n9: A 23:00  B 23:20"
    asked = replace(ACROSS, via=(Via("V"),))
    assert shown(ask(DayEnd.LAST, TODAY, town(text), request=asked)) == ["Wed 1 A 22:00 B 22:40"]
    asked = replace(ACROSS, via=(Via("V", timedelta(minutes=30)),))
    assert scheduled(ask(DayEnd.LAST, TODAY, town(text), request=asked)) == [
        ["1 A 21:00 V 21:20", "1 V 22:20 B 22:40"]
    ]


def test_in_luebeck_they_are_the_ends_of_the_day_read_page_by_page() -> None:
    request = replace(TRIP, depart_at=berlin("03:00"), modes=frozenset({Mode.BUS}))
    until = berlin("03:00", TODAY + timedelta(days=1))
    planner = luebeck_planner()
    seen: list[datetime] = []
    page = planner.search(request, NOW)
    while int((page.later or "")[1:]) < until.timestamp():
        seen += [way.departs_at for way in page.itineraries if way.has_transit]
        page = planner.search(replace(request, page=page.later), NOW)
    seen += [way.departs_at for way in page.itineraries if way.departs_at < until]
    alone = replace(request, depart_at=None)
    ends = [ask(end, TODAY, planner, request=alone).itineraries[0].departs_at for end in DayEnd]
    assert ends == [min(seen), max(seen)]


@pytest.mark.parametrize(
    "changes",
    [
        {"of_day": DayEnd.LAST, "depart_at": berlin("08:00")},
        {"of_day": DayEnd.LAST, "arrive_by": berlin("08:00")},
        {"day": TODAY},
        {"of_day": DayEnd.LAST, "day": date.min},
        {"of_day": DayEnd.LAST, "day": date.max},
        {"of_day": DayEnd.FIRST, "day": TODAY - timedelta(days=2)},
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(BadSearchError):
        town(WEEK).search(replace(ACROSS, **changes), NOW)


@pytest.mark.parametrize(
    ("departs", "said"),
    [
        ("2026-10-25T01:59+02:00", "ab 01:59 Uhr (in der Nacht zum 25.10.)."),
        ("2026-10-25T02:30+02:00", "ab 02:30 Uhr Sommerzeit (in der Nacht zum 25.10.)."),
        ("2026-10-25T02:30+01:00", "ab 02:30 Uhr Winterzeit (in der Nacht zum 25.10.)."),
        ("2026-10-25T03:00+01:00", "ab 03:00 Uhr (in der Nacht zum 25.10.)."),
        ("2026-03-29T03:30+02:00", "ab 03:30 Uhr (in der Nacht zum 29.03.)."),
    ],
)
def test_of_an_hour_that_is_there_twice_it_says_which(departs: str, said: str) -> None:
    at = datetime.fromisoformat(departs)
    day = at.date() - timedelta(days=1)
    notice = say_end(DayEnd.LAST, day, at, ZoneInfo("Europe/Berlin"))
    assert notice.text.partition(": ")[2] == said
