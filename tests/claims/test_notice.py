"""When a guarantee is noticed: by what a feed says, and by nothing that it does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest

from gtfs.realtime_live import Live
from gtfs.text import timetable_from_text
from mobility.booking.errors import WrongStateError
from mobility.cities.city import City, load_city
from mobility.claims.notice import BookedRide, Noticed, last_day, notice
from mobility.claims.states import ClaimEvent, ClaimState, after, standing
from mobility.planning.offer import TripCalls
from payments.money import Money
from tests.gtfs.realtime_text import live

CITY = load_city("luebeck")
TOWN = timetable_from_text("""
    1: A 08:00 B 08:10 C 08:20
    2: C 08:25 D 08:40
    3: A 21:40 C 22:00
    4: C 22:05 D 22:20
    5: A 24:30 C 24:50
    6: C 24:55 D 25:10
    ferry F: P 10:00 Q 10:04
""")
BUS, FERRY = "stadtverkehr-luebeck", "priwallfaehre"


def at(clock: str, day: str = "2026-11-25") -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}:00+01:00")


def ride(
    trip: str,
    departs: str,
    arrives: str,
    *,
    day: str = "2026-11-25",
    agency: str = BUS,
    ends: tuple[int, int] = (0, 1),
    product: str = "single:2:adult",
    price: int = 360,
    persons: int = 1,
) -> BookedRide:
    version = "priwallfaehre-2026-01-01" if agency == FERRY else "sh-tarif-2026-04-01"
    return BookedRide(
        "bkg_1", f"leg_{trip}", agency, agency, TripCalls(trip, *ends), at(departs, day),
        at(arrives, day), persons, Money(price), product, version,
    )  # fmt: skip


def now(text: str) -> Live:
    return live(TOWN, text)


def told(found: tuple[Noticed, ...]) -> list[str]:
    """Each as ``guarantee leg amount/most``."""
    return [
        f"{one.guarantee.id} {one.ride.leg_id} "
        f"{one.amount.minor if one.amount else '?'}/{one.most.minor if one.most else '?'}"
        for one in found
    ]


MORNING = ride("1-1", "08:00", "08:20", ends=(0, 2))


def test_a_bus_that_arrives_too_late_is_noticed_with_what_was_seen() -> None:
    (found,) = notice([MORNING], now("1-1 2026-11-25: C=+1020"), at("08:36"), CITY)
    assert told((found,)) == ["bus-punctuality leg_1-1 360/360"]
    seen = found.evidence
    assert (seen.said_at, seen.trip_id, seen.service_day) == (
        at("08:36"), "1-1", date(2026, 11, 25),
    )  # fmt: skip
    assert (seen.stop_id, seen.planned_at, seen.live_at, seen.delay_seconds) == (
        "C", at("08:20"), at("08:37"), 1020,
    )  # fmt: skip
    assert found.file_by == datetime.fromisoformat("2026-12-05T00:00:00+01:00")
    assert "Wortlaut von 2026" in found.guarantee.unknown


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("1-1 2026-11-25: C=+900", "08:36"),  # fifteen minutes are not more than fifteen
        ("1-1 2026-11-25: C=+1020", "08:35"),  # a forecast: it could still make up for it
        ("1-1 2026-11-25: B=+1020 C=+60", "08:36"),  # late on the way, in time where one gets off
        ("1-1 2026-11-25: A=+60 C=?", "08:50"),  # no data
        ("1-1 2026-11-25: A=+60 C=skip", "08:50"),
        ("1-1 2026-11-25: A=+1020 B=+1020 C=skip", "08:50"),  # it does not stop there
        ("cancel 1-1 2026-11-25", "08:50"),
        ("1-1 2026-11-26: C=+1020", "08:50"),  # another day's run
        ("2-2 2026-11-25: D=+1020", "08:50"),  # another trip
    ],
)
def test_what_a_feed_does_not_say_for_certain_is_not_noticed(message: str, said: str) -> None:
    assert notice([MORNING], now(message), at(said), CITY) == ()


def test_a_trip_that_the_timetable_no_longer_has_is_passed_over() -> None:
    state = now("1-1 2026-11-25: C=+1020")
    for trip in (TripCalls("gone", 0, 2), TripCalls("1-1", 0, 9), TripCalls("1-1", 2, 2)):
        assert notice([replace(MORNING, trip=trip)], state, at("08:50"), CITY) == ()


def test_a_guarantee_holds_from_its_day_on_and_for_its_carrier() -> None:
    state = now("1-1 2026-11-25: C=+1020")
    assert notice([replace(MORNING, agency_id="other")], state, at("08:50"), CITY) == ()
    later = [replace(one, valid_from=date(2026, 11, 26)) for one in CITY.guarantees]
    city: City = replace(CITY, guarantees=tuple(later))
    assert notice([MORNING], state, at("08:50"), city) == ()


@pytest.mark.parametrize(
    ("product", "persons", "amount"),
    [
        ("single:2:adult", 2, "720/720"),
        ("single:2:adult:covered-1", 1, "360/360"),  # on the ticket of the ride before
        ("single:2:adult:pass", 1, "360/360"),  # whether a pass counts is said to be unknown
        ("short:adult", 1, "200/200"),
        ("single:9:adult", 1, "?/?"),  # in no list: nothing is guessed
    ],
)
def test_it_gives_the_value_of_a_single_ticket(product: str, persons: int, amount: str) -> None:
    mine = replace(MORNING, product=product, passengers=persons)
    found = notice([mine], now("1-1 2026-11-25: C=+1020"), at("08:50"), CITY)
    assert told(found) == [f"bus-punctuality leg_1-1 {amount}"]


EVENING = [ride("3-3", "21:40", "22:00"), ride("4-4", "22:05", "22:20")]


def test_a_missed_connection_at_night_gives_a_taxi_up_to_25_euros() -> None:
    (found,) = notice(EVENING, now("3-3 2026-11-25: C=+420"), at("22:06"), CITY)
    assert told((found,)) == ["bus-connection leg_3-3 ?/2500"]
    assert (found.evidence.live_at, found.evidence.missed_departure_at) == (
        at("22:07"), at("22:05"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("3-3 2026-11-25: C=+420", "22:05"),  # it has not left yet
        ("3-3 2026-11-25: C=+240", "22:06"),  # in time
        ("3-3 2026-11-25: C=+420\n4-4 2026-11-25: C=+300", "22:08"),  # it waited
    ],
)
def test_a_connection_that_was_made_is_not_noticed(message: str, said: str) -> None:
    assert notice(EVENING, now(message), at(said), CITY) == ()


def test_a_connection_missed_in_the_morning_gives_nothing_but_one_after_midnight_does() -> None:
    morning = [MORNING, ride("2-2", "08:25", "08:40")]
    assert notice(morning, now("1-1 2026-11-25: C=+420"), at("08:30"), CITY) == ()
    night = [
        ride("5-5", "00:30", "00:50", day="2026-11-26"),
        ride("6-6", "00:55", "01:10", day="2026-11-26"),
    ]
    found = notice(night, now("5-5 2026-11-25: C=+420"), at("00:58", "2026-11-26"), CITY)
    assert told(found) == ["bus-connection leg_5-5 ?/2500"]
    assert "Ende des Nachtfensters" in found[0].guarantee.unknown


def test_a_ferry_that_lets_wait_gives_three_euros_each_with_a_ticket_of_its_own() -> None:
    mine = ride("F-7", "10:00", "10:04", agency=FERRY, product="ferry:adult", price=420, persons=2)
    state = now("F-7 2026-11-25: P=+1260 Q=+1260")
    assert told(notice([mine], state, at("10:21"), CITY)) == ["ferry-waiting leg_F-7 600/600"]
    assert notice([mine], state, at("10:20"), CITY) == ()
    assert notice([replace(mine, price=Money(0))], state, at("10:21"), CITY) == ()
    one_pays = replace(mine, product="ferry:adult:pass", price=Money(210))
    assert told(notice([one_pays], state, at("10:21"), CITY)) == ["ferry-waiting leg_F-7 300/300"]
    (found,) = notice([mine], state, at("10:21"), CITY)
    assert found.file_by is None


@pytest.mark.parametrize(
    ("event", "last"),
    [
        ("2026-11-25", "2026-12-04"),
        ("2026-11-28", "2026-12-08"),  # of a Saturday
        ("2026-12-22", "2027-01-04"),  # over Christmas and New Year's Day
        ("2026-10-28", "2026-11-06"),  # Reformationstag is a Saturday
    ],
)
def test_working_days_know_weekends_and_holidays(event: str, last: str) -> None:
    assert last_day(date.fromisoformat(event), 7, CITY) == date.fromisoformat(last)


def test_a_claims_way() -> None:
    deadline = at("08:00")
    for state in ClaimState:
        lapsed = state is ClaimState.NOTICED
        assert standing(state, deadline, deadline) is (ClaimState.LAPSED if lapsed else state)
        assert standing(state, deadline, at("07:59")) is state
        assert standing(state, None, deadline) is state
    possible = {
        (state, event) for state in ClaimState for event in ClaimEvent if _possible(state, event)
    }
    assert possible == {
        (ClaimState.NOTICED, ClaimEvent.FILE),
        (ClaimState.FILED, ClaimEvent.ACCEPT),
        (ClaimState.FILED, ClaimEvent.REJECT),
        (ClaimState.ACCEPTED, ClaimEvent.PAY),
    }


def _possible(state: ClaimState, event: ClaimEvent) -> bool:
    try:
        after(state, event)
    except WrongStateError:
        return False
    return True
