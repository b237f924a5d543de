"""A new state is ready before it is seen, and days that did not change keep their networks."""

from datetime import UTC, date, timedelta

from gtfs.network import View, known_of, network_of
from gtfs.realtime_live import Live
from gtfs.realtime_read import read_message
from gtfs.text import timetable_from_text
from mobility.realtime.holder import LiveTimetable
from tests.gtfs.realtime_text import NOW, message

TOWN = """
    days 2026-11-20..2026-12-10 Europe/Berlin
    1: A 08:00 B 08:10
    1: A 09:00 B 09:10
"""
DAY = date(2026, 11, 25)


def made(holder: LiveTimetable, text: str) -> Live:
    live = holder.make([read_message(message(text))], NOW.astimezone(UTC))
    holder.put(live)
    return live


def test_what_searches_of_the_day_read_is_there_before_anybody_asks():
    live = made(LiveTimetable(timetable_from_text(TOWN)), "1-1 2026-11-25: A=+60")

    networks = known_of(live.timetable).networks
    assert {(day, view) for day, view, _ in networks} == {(DAY, view) for view in View}
    assert all(
        False in network._transfers
        for (_, view, _), network in networks.items()
        if view is not View.AROUND
    )


def test_what_stays_as_planned_in_a_day_is_taken_over_from_the_planned_network():
    holder = LiveTimetable(timetable_from_text(TOWN))

    live = made(holder, "1-1 2026-11-25: A=+60")

    for view in View:
        planned = network_of(holder.static, DAY, view)
        assert network_of(live.timetable, DAY, view).planned is planned


def test_days_on_which_nothing_changed_keep_their_networks():
    holder = LiveTimetable(timetable_from_text(TOWN))
    far, near = DAY + timedelta(days=9), DAY + timedelta(days=1)
    planned = {day: network_of(holder.static, day) for day in (near, far)}

    first = made(holder, "1-1 2026-11-25: A=+60")
    later = network_of(first.timetable, far, View.MIRRORED)
    second = made(holder, "cancel 1-2 2026-11-25")
    third = made(holder, "1-2 2026-12-04: A=+60")

    assert network_of(first.timetable, far) is planned[far]
    assert network_of(first.timetable, near) is not planned[near]
    assert network_of(second.timetable, far, View.MIRRORED) is later
    assert network_of(third.timetable, far) is not planned[far]
    assert network_of(third.timetable, near) is planned[near]


def test_whoever_prepares_more_is_asked_before_and_told_after():
    holder = LiveTimetable(timetable_from_text(TOWN))
    seen: list[tuple[str, bool]] = []
    holder.before.append(lambda live, _now: seen.append(("before", holder.current is live)))
    holder.after.append(lambda live: seen.append(("after", holder.current is live)))

    made(holder, "1-1 2026-11-25: A=+60")

    assert seen == [("before", False), ("after", True)]


def test_without_messages_it_is_the_plan():
    holder = LiveTimetable(timetable_from_text(TOWN))

    assert holder.make([], NOW).timetable is holder.static
