"""When a trip cannot be made as booked: by what feeds say, and by nothing that they do not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gtfs.geo import LatLon
from gtfs.text import timetable_from_text
from mobility.booking.leg_reports import Kind, LegReport, Outcome
from mobility.booking.queries import LegRecord
from mobility.planning.offer import OfferLeg, TripCalls
from mobility.rebooking.disturbance import Disturbance, find_disturbance, find_reported
from payments.money import Money
from providers.bus.fares import FareRide
from providers.values import Mode, ProviderId
from tests.gtfs.realtime_text import live

TOWN = timetable_from_text("""
    1: A 08:00 B 08:10 C 08:20
    2: C 08:25 D 08:40
    3: C 08:40 D 08:55
""")
PLACES = {name: LatLon(53.8 + number / 100, 10.7) for number, name in enumerate("ABCDE")}


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-25T{clock}:00+01:00")


def leg(
    what: str,
    ends: str,
    departs: str,
    arrives: str,
    *,
    calls: tuple[int, int] = (0, 1),
    state: str = "confirmed",
    stays: bool = False,
) -> LegRecord:
    """A booked leg: ``what`` is a trip of the town, ``bike`` or ``walk``."""
    line = what not in ("bike", "walk")
    mode = Mode.BUS if line else Mode(what)
    provider = None if what == "walk" else ProviderId("bus" if line else "rad")
    times = (at(departs), at(arrives))
    detail = OfferLeg(
        mode, PLACES[ends[0]], PLACES[ends[1]], ends[0], ends[1], *times, 1000, 0,
        trip=TripCalls(what, *calls) if line else None,
        fare_ride=FareRide("a", "r", 1, None, None, *times, stays=stays) if line else None,
    )  # fmt: skip
    nothing = Money(0)
    return LegRecord(
        id=f"leg_{what}", order_key="", mode=mode, state=state if provider else "planned",
        provider_id=provider, metered=what == "bike", departs_at=times[0], arrives_at=times[1],
        quoted=nothing, ceiling=nothing, final=None, vat_percent="7", tariff_version=None,
        product="single:2:adult" if line else None, price_lines=(), co2_grams=0,
        hold_expires_at=None, access_code=None, access_format=None, access_base64=False,
        started_at=None, ended_at=None, used_minutes=None, used_metres=None, claimed=None,
        paid_before=None, detail=detail,
    )  # fmt: skip


FIRST = leg("1-1", "AC", "08:00", "08:20", calls=(0, 2))
SECOND = leg("2-2", "CD", "08:25", "08:40")
WALK = leg("walk", "CD", "08:20", "08:24")
BIKE = leg("bike", "DE", "08:24", "08:34")


def told(found: Disturbance | None) -> str:
    """As ``because leg +seconds, from first at place hour``."""
    if found is None:
        return "as booked"
    name = next(name for name, place in PLACES.items() if place == found.origin)
    clock = found.at.astimezone(at("00:00").tzinfo)
    return (
        f"{found.because} {found.leg_id} +{found.late_seconds}, "
        f"from {found.first_leg_id} at {name} {clock:%H:%M}"
    )


@pytest.mark.parametrize(
    ("message", "now", "expected"),
    [
        # before the first bus leaves all of it is looked for anew, and later from where it arrives
        ("1-1 2026-11-25: C=+360", "07:50", "missed leg_2-2 +360, from leg_1-1 at A 08:00"),
        ("1-1 2026-11-25: C=+360", "08:00", "missed leg_2-2 +360, from leg_2-2 at C 08:26"),
        ("1-1 2026-11-25: C=+360", "08:28", "missed leg_2-2 +360, from leg_2-2 at C 08:28"),
        ("1-1 2026-11-25: C=+300", "08:00", "as booked"),  # just in time
        ("1-1 2026-11-25: B=+600 C=+60", "08:00", "as booked"),  # it makes up for it
        ("cancel 2-2 2026-11-25", "08:05", "cancelled leg_2-2 +0, from leg_2-2 at C 08:20"),
        ("cancel 2-2 2026-11-25", "07:59", "cancelled leg_2-2 +0, from leg_1-1 at A 08:00"),
        ("cancel 1-1 2026-11-25", "07:30", "cancelled leg_1-1 +0, from leg_1-1 at A 08:00"),
        ("cancel 1-1 2026-11-25", "08:03", "cancelled leg_1-1 +0, from leg_1-1 at A 08:03"),
        ("1-1 2026-11-25: A=+60 C=skip", "07:50", "cancelled leg_1-1 +0, from leg_1-1 at A 08:00"),
        ("1-1 2026-11-25: A=+600 B=skip C=+0", "07:50", "as booked"),  # passed on the way
        ("1-1 2026-11-25: A=+60 C=?", "07:50", "as booked"),  # nothing is said
        ("cancel 1-1 2026-11-26", "07:50", "as booked"),  # another day's run
        ("cancel 3-3 2026-11-25", "07:50", "as booked"),  # another trip
    ],
)  # fmt: skip
def test_a_connection_by_bus(message: str, now: str, expected: str) -> None:
    found = find_disturbance([FIRST, SECOND], live(TOWN, message), at(now))
    assert told(found) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("1-1 2026-11-25: A=+300", "as booked"),
        ("1-1 2026-11-25: A=+300 C=+900", "as booked"),  # just in time
        ("1-1 2026-11-25: A=+300 C=+901", "missed leg_2-2 +601, from leg_2-2 at C 08:35"),
        ("1-1 2026-11-25: A=+0", "as booked"),  # it made up for it
    ],
)
def test_a_bus_that_was_booked_when_it_was_late_is_late_by_what_is_more(
    message: str, expected: str
) -> None:
    """Booked as five minutes late, with ten minutes to spare for the next one."""
    late = leg("1-1", "AC", "08:05", "08:25", calls=(0, 2))
    following = leg("2-2", "CD", "08:35", "08:50")
    state = live(TOWN, message, "2-2 2026-11-25: C=+600")
    assert told(find_disturbance([late, following], state, at("08:10"))) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("2-2 2026-11-25: C=+600", "as booked"),
        ("2-2 2026-11-25: C=+0", "as booked"),  # and she is there by then
        ("1-1 2026-11-25: C=+240; 2-2 2026-11-25: C=+300", "as booked"),
        ("1-1 2026-11-25: C=+360; 2-2 2026-11-25: C=+0",
         "missed leg_2-2 +60, from leg_2-2 at C 08:26"),
        ("1-1 2026-11-25: C=+300; 2-2 2026-11-25: C=-60",
         "missed leg_2-2 +0, from leg_2-2 at C 08:25"),
    ],
)  # fmt: skip
def test_a_bus_that_was_booked_when_it_was_late_may_make_up_for_it(
    message: str, expected: str
) -> None:
    """The one before is as booked, and the one that was to be ten minutes late no longer is."""
    first = leg("1-1", "AC", "08:05", "08:25", calls=(0, 2))
    late = leg("2-2", "CD", "08:35", "08:50")
    state = live(TOWN, *message.split("; "))
    assert told(find_disturbance([first, late], state, at("08:10"))) == expected


def test_a_bus_that_waits_is_not_missed() -> None:
    state = live(TOWN, "1-1 2026-11-25: C=+360", "2-2 2026-11-25: C=+120")
    assert find_disturbance([FIRST, SECOND], state, at("08:00")) is None


def test_the_walk_between_counts() -> None:
    ahead = [FIRST, WALK, leg("2-2", "CD", "08:25", "08:40")]
    assert told(find_disturbance(ahead, live(TOWN, "1-1 2026-11-25: C=+60"), at("08:01"))) == (
        "as booked"
    )
    assert told(find_disturbance(ahead, live(TOWN, "1-1 2026-11-25: C=+90"), at("08:01"))) == (
        "missed leg_2-2 +90, from leg_2-2 at C 08:21"
    )


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("07:00", "cancelled leg_1-1 +0, from leg_1-1 at E 07:45"),  # she is at home
        ("07:44", "cancelled leg_1-1 +0, from leg_1-1 at E 07:45"),
        ("07:45", "cancelled leg_1-1 +0, from leg_1-1 at A 07:59"),
        ("08:03", "cancelled leg_1-1 +0, from leg_1-1 at A 08:03"),
    ],
)
def test_who_has_not_left_home_goes_on_from_there(now: str, expected: str) -> None:
    """Another stop may be nearer than the one of a bus that does not come."""
    to_the_stop = leg("walk", "EA", "07:45", "07:59")
    state = live(TOWN, "cancel 1-1 2026-11-25")
    assert told(find_disturbance([to_the_stop, FIRST, SECOND], state, at(now))) == expected


def test_where_a_vehicle_before_was_given_back_nobody_knows_that_she_is_at_home() -> None:
    gone = replace(leg("bike", "EA", "07:45", "07:59"), state="cancelled")
    state = live(TOWN, "cancel 1-1 2026-11-25")
    found = find_disturbance([gone, FIRST, SECOND], state, at("07:30"))
    assert told(found) == "cancelled leg_1-1 +0, from leg_1-1 at A 07:59"


@pytest.mark.parametrize(
    ("late", "kept_until", "expected"),
    [
        (1199, None, "as booked"),
        (1200, None, "missed leg_bike +1200, from leg_bike at C 08:40"),
        (1200, "08:45", "as booked"),
        (1260, "08:45", "missed leg_bike +1260, from leg_bike at C 08:41"),
    ],
)
def test_a_vehicle_is_missed_once_it_is_no_longer_kept(
    late: int, kept_until: str | None, expected: str
) -> None:
    bike = replace(BIKE, kept_until=at(kept_until) if kept_until else None)
    state = live(TOWN, f"1-1 2026-11-25: C=+{late}")
    assert told(find_disturbance([FIRST, WALK, bike], state, at("08:01"))) == expected


def test_nothing_is_missed_in_the_vehicle_that_goes_on() -> None:
    goes_on = leg("2-2", "CD", "08:20", "08:40", stays=True)
    assert (
        find_disturbance([FIRST, goes_on], live(TOWN, "1-1 2026-11-25: C=+900"), at("08:01"))
        is None
    )


def report(of: LegRecord) -> LegReport:
    return LegReport(
        booking_id="bkg_1",
        leg_id=of.id,
        kind=Kind.OTHER,
        outcome=Outcome.GIVEN_BACK,
        believed=True,
        open=False,
        reported_at=at("08:00"),
    )


@pytest.mark.parametrize(
    "legs",
    [
        [],
        [leg("walk", "AB", "08:00", "08:10")],
        [FIRST, replace(SECOND, state="active", started_at=at("08:25"))],  # she got it after all
        [FIRST, replace(SECOND, state="cancelled")],
        [FIRST, replace(SECOND, state="held")],
        [FIRST, replace(SECOND, detail=None)],  # its places have been forgotten
        [replace(FIRST, detail=None), SECOND],
        [FIRST, replace(SECOND, report=report(SECOND))],
        [replace(FIRST, state="cancelled"), SECOND],  # how she comes there is not known
        [FIRST, SECOND, replace(BIKE, state="ended")],
    ],
)
def test_what_cannot_be_known_or_is_done_with_is_left_alone(legs: list[LegRecord]) -> None:
    state = live(TOWN, "1-1 2026-11-25: C=+360")
    assert find_disturbance(legs, state, at("08:01")) is None


def test_a_trip_that_the_timetable_no_longer_has_runs_as_planned() -> None:
    gone = leg("gone", "AC", "08:00", "08:20")
    state = live(TOWN, "cancel 2-2 2026-11-25")
    found = find_disturbance([gone, SECOND], state, at("08:01") + timedelta(seconds=30))
    assert told(found) == "cancelled leg_2-2 +0, from leg_2-2 at C 08:20"


def begun(one: LegRecord, clock: str) -> LegRecord:
    return replace(one, state="active", started_at=at(clock))


@pytest.mark.parametrize(
    ("message", "first", "second", "now", "expected"),
    [
        # all was begun at home: as if nothing was
        ("cancel 1-1 2026-11-25", "07:00", "07:00", "07:30",
         "cancelled leg_1-1 +0, from leg_1-1 at A 08:00"),
        ("cancel 2-2 2026-11-25", "07:00", "07:00", "07:30",
         "cancelled leg_2-2 +0, from leg_1-1 at A 08:00"),
        ("cancel 2-2 2026-11-25", "07:00", "07:00", "08:05",
         "cancelled leg_2-2 +0, from leg_2-2 at C 08:20"),
        ("1-1 2026-11-25: C=+360", "07:00", "07:00", "08:05",
         "missed leg_2-2 +360, from leg_2-2 at C 08:26"),
        # aboard the first
        ("1-1 2026-11-25: C=+360", "08:00", "07:00", "08:05",
         "missed leg_2-2 +360, from leg_2-2 at C 08:26"),
        # it left early, with her in it
        ("1-1 2026-11-25: A=-120 C=+360", "07:58", "07:00", "07:59",
         "missed leg_2-2 +360, from leg_2-2 at C 08:26"),
        # she waits for the second, which leaves late, and got it
        ("1-1 2026-11-25: C=+360; 2-2 2026-11-25: C=+50", "08:00", "08:25", "08:27",
         "missed leg_2-2 +360, from leg_2-2 at C 08:27"),
        ("1-1 2026-11-25: C=+360; 2-2 2026-11-25: C=+50", "08:00", "08:26", "08:27", "as booked"),
        # a bus that does not run, or not there, leaves with nobody
        ("cancel 1-1 2026-11-25", "08:01", "07:00", "08:03",
         "cancelled leg_1-1 +0, from leg_1-1 at A 08:03"),
        ("cancel 2-2 2026-11-25", "08:00", "08:26", "08:30",
         "cancelled leg_2-2 +0, from leg_2-2 at C 08:30"),
    ],
)  # fmt: skip
def test_a_ticket_begun_before_its_bus_has_left_says_nothing(
    message: str, first: str, second: str, now: str, expected: str
) -> None:
    legs = [begun(FIRST, first), begun(SECOND, second)]
    assert told(find_disturbance(legs, live(TOWN, *message.split("; ")), at(now))) == expected


def reported(
    one: LegRecord,
    kind: Kind = Kind.VEHICLE_BROKEN,
    outcome: Outcome = Outcome.GIVEN_BACK,
    *,
    believed: bool = True,
) -> LegRecord:
    report = LegReport(
        booking_id="bkg_1", leg_id=one.id, kind=kind, outcome=outcome, believed=believed,
        open=False, reported_at=at("08:24"),
    )  # fmt: skip
    return replace(one, report=report, state="cancelled")


@pytest.mark.parametrize(
    ("legs", "now", "expected"),
    [
        ([reported(BIKE), SECOND], "08:24", "reported leg_bike +0, from leg_bike at D 08:24"),
        ([reported(BIKE), SECOND], "08:25", "as booked"),  # its ticket may have been shown
        ([reported(SECOND), BIKE], "08:30", "reported leg_2-2 +0, from leg_2-2 at C 08:30"),
        ([FIRST, reported(BIKE)], "09:23", "reported leg_bike +0, from leg_bike at D 09:23"),
        ([FIRST, reported(BIKE)], "09:24", "as booked"),  # an hour later
        ([reported(BIKE, believed=False)], "08:25", "as booked"),
        ([reported(BIKE, Kind.OTHER)], "08:25", "as booked"),
        ([reported(BIKE, Kind.REBOOKED)], "08:25", "as booked"),
        ([reported(BIKE, outcome=Outcome.CHARGED)], "08:25", "as booked"),
        ([reported(BIKE, outcome=Outcome.NOTED)], "08:25", "as booked"),
        ([replace(reported(BIKE), state="confirmed")], "08:25", "as booked"),  # still to go back
        ([replace(reported(BIKE), state="active")], "08:25", "as booked"),
        ([reported(BIKE), begun(SECOND, "08:26")], "08:27", "as booked"),  # she went on
        (
            [reported(BIKE), begun(SECOND, "07:00")],
            "08:24",
            "reported leg_bike +0, from leg_bike at D 08:24",
        ),
        ([reported(SECOND), begun(BIKE, "08:24")], "08:24", "as booked"),
        ([replace(reported(BIKE), detail=None)], "08:25", "as booked"),  # places are forgotten
        ([reported(leg("bike", "DD", "08:24", "08:54"))], "08:25", "as booked"),  # bound nowhere
    ],
)
def test_a_leg_that_its_rider_could_not_use(legs: list[LegRecord], now: str, expected: str) -> None:
    assert told(find_reported(legs, at(now))) == expected


def test_all_legs_count_that_she_could_not_use() -> None:
    walked = replace(reported(FIRST), report=None)
    found = find_reported([walked, reported(SECOND), WALK, reported(BIKE)], at("08:30"))
    assert (found and found.reported) == ("leg_2-2", "leg_bike")
    noted = reported(BIKE, outcome=Outcome.NOTED)
    found = find_reported([walked, reported(SECOND), noted], at("08:30"))
    assert (found and found.reported) == ("leg_2-2",)
