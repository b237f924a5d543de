"""By way of other places: what passes them, what a stay changes, what one ticket covers."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise, product

import numpy as np
import pytest

from gtfs.front import FAR
from gtfs.geo import LatLon
from gtfs.ids import StopIdx
from gtfs.journey import Access, Journey, Query, profile
from gtfs.service_time import day_zero
from gtfs.text import timetable_from_text
from mobility.planning.door_to_door import DoorToDoor
from mobility.planning.errors import BadSearchError, UnknownStopError
from mobility.planning.itinerary import Itinerary
from mobility.planning.offers import make_offers, read_offers, write_offers
from mobility.planning.request import SearchRequest, SearchResult, Via
from mobility.planning.search import Planner
from payments.money import Money
from providers.values import Mode
from tests.planning.test_complaints import Way, quickest, ways_of
from tests.planning.test_luebeck import CAMPINGPLATZ, HAFENBAHNHOF, HAUPTBAHNHOF, TRIP, codes, first
from tests.planning.world import (
    NOW,
    TODAY,
    berlin,
    luebeck,
    luebeck_planner,
    mirror_of,
    providers_of,
)

WAHMSTRASSE = "station-wahmstrasse"
BUS = frozenset({Mode.BUS, Mode.WALK})
PLACED = """
    stop A 53.8660,10.6707
    stop V 53.8500,10.6850
    stop W 53.8510,10.6860
    stop B 53.8377,10.7003
    """
TOWN = (
    PLACED
    + """
    station Mitte V W
    change V 240
    walk V W 180
    1: A 08:00  V 08:10/08:11  B 08:30
    2: V 08:12  B 08:20
    3: W 08:14  B 08:24
    2: V 08:42  B 08:50
    1: A 09:00  V 09:10/09:11  B 09:30
    """
)
ACROSS = SearchRequest("A", "B", berlin("07:50"), modes=BUS, max_walk_m=600)


@cache
def town(text: str = TOWN) -> Planner:
    """Lübeck with other buses, and nothing to rent."""
    city = luebeck()
    mirror = mirror_of(city, (), (), NOW)
    return Planner(city, timetable_from_text(text), mirror, providers_of(city))


def rides(way: Itinerary) -> list[str]:
    return [
        f"{leg.ride.line} {leg.origin.stop_id} {clock(leg.departs_at)} "
        f"{leg.destination.stop_id} {clock(leg.arrives_at)}"
        for leg in way.legs
        if leg.ride
    ]


def clock(at: datetime) -> str:
    return f"{at.astimezone(luebeck().timezone):%H:%M}"


def scheduled(found: SearchResult) -> list[list[str]]:
    return [rides(way) for way in found.itineraries if way.has_transit]


def search(request: SearchRequest, *via: Via, planner: Planner | None = None) -> SearchResult:
    return (planner or town()).search(replace(request, via=via), NOW)


def test_without_a_stay_one_stays_aboard_or_changes_in_the_timetables_time() -> None:
    """Line 2 leaves too soon to change to; line 3, from the other platform, does not."""
    assert scheduled(search(ACROSS, Via("Mitte"))) == [
        ["1 A 08:00 V 08:10", "3 W 08:14 B 08:24"],
        ["1 A 08:00 B 08:30"],
    ]


def test_with_a_stay_one_gets_off_and_takes_what_goes_after_it() -> None:
    assert scheduled(search(ACROSS, Via("Mitte", timedelta(minutes=5)))) == [
        ["1 A 08:00 V 08:10", "2 V 08:42 B 08:50"]
    ]


def test_arriving_by_it_is_the_latest_way_that_passes() -> None:
    asked = replace(ACROSS, depart_at=None, arrive_by=berlin("09:00"))
    assert scheduled(search(asked, Via("Mitte"))) == [
        ["1 A 08:00 V 08:10", "3 W 08:14 B 08:24"],
        ["1 A 08:00 B 08:30"],
    ]
    assert scheduled(search(asked, Via("Mitte", timedelta(minutes=20)))) == [
        ["1 A 08:00 V 08:10", "2 V 08:42 B 08:50"]
    ]


@pytest.mark.parametrize(
    ("rules", "first_way"),
    [
        ("rule V V 1 2 timed", ["1 A 08:00 V 08:10", "2 V 08:12 B 08:20"]),
        ("rule V W 1-1 3 never\nrule V V 1 2-2 60", ["1 A 08:00 V 08:10", "2 V 08:12 B 08:20"]),
        ("rule Mitte Mitte 1 3 never\nrule V V 1 2 never", ["1 A 08:00 B 08:30"]),
    ],
)
def test_a_change_at_the_place_is_as_it_is_ruled_for_the_two_rides(
    rules: str, first_way: list[str]
) -> None:
    ruled = town(TOWN + rules)
    assert scheduled(search(ACROSS, Via("Mitte"), planner=ruled))[0] == first_way
    asked = replace(ACROSS, depart_at=None, arrive_by=berlin("08:35"))
    assert scheduled(search(asked, Via("Mitte"), planner=ruled))[0] == first_way


def test_a_line_that_does_not_pass_is_not_shown() -> None:
    bypass = TOWN + "9: A 08:05  B 08:15"
    assert rides(search(ACROSS, planner=town(bypass)).itineraries[0]) == ["9 A 08:05 B 08:15"]
    for way in search(ACROSS, Via("Mitte"), planner=town(bypass)).itineraries:
        assert not rides(way) or rides(way)[0].startswith("1 A")


def test_one_sets_out_no_earlier_than_the_stay_needs() -> None:
    """On foot to a place near by, and then the bus."""
    bakery = LatLon(53.8668, 10.6712)
    asked = replace(ACROSS, depart_at=berlin("07:40"))
    found = search(asked, Via(bakery, timedelta(minutes=10)))
    way = next(way for way in found.itineraries if way.has_transit)
    out, back = way.legs[:2]
    assert (out.mode, back.mode) == (Mode.WALK, Mode.WALK)
    assert back.departs_at - out.arrives_at == timedelta(minutes=10)
    assert back.arrives_at == berlin("08:00")


def test_there_and_back_is_a_journey() -> None:
    back = TOWN + "1: B 08:40  V 08:55  A 09:05"
    asked = replace(ACROSS, destination="A")
    found = search(asked, Via("B", timedelta(minutes=5)), planner=town(back))
    assert scheduled(found) == [["1 A 08:00 B 08:30", "1 B 08:40 A 09:05"]]


def test_two_places_are_passed_in_the_order_asked() -> None:
    line = PLACED + "1: A 08:00  V 08:10  W 08:20  B 08:30"
    asked = replace(ACROSS, modes=frozenset({Mode.BUS}))
    there = search(asked, Via("V"), Via("W"), planner=town(line))
    assert scheduled(there) == [["1 A 08:00 B 08:30"]]
    assert scheduled(search(asked, Via("W"), Via("V"), planner=town(line))) == []


def test_a_night_and_the_day_after_belong_together() -> None:
    night = PLACED + "1: A 24:50  V 25:10\n2: V 06:00  B 06:20"
    asked = replace(ACROSS, depart_at=berlin("23:30"))
    found = search(asked, Via("V", timedelta(hours=3)), planner=town(night))
    assert scheduled(found) == [["1 A 00:50 V 01:10", "2 V 06:00 B 06:20"]]


def luebeck_search(*via: Via, **changes: object) -> SearchResult:
    return luebeck_planner().search(replace(TRIP, via=via, **changes), NOW)


def test_one_ticket_covers_both_halves_and_all_is_one_offer() -> None:
    found = luebeck_search(Via(WAHMSTRASSE, timedelta(minutes=20)))
    way = first(found, Mode.BUS)
    products = [leg.product for leg in way.legs if leg.ride]
    assert products == ["single:2:adult", "single:2:adult:covered-1"]
    assert way.price == Money(360)
    (offered,) = make_offers(
        [way],
        passes=frozenset(),
        passengers=1,
        now=NOW,
        expires_at=NOW + timedelta(minutes=10),
        lacks=lambda _terms: (),
        city=luebeck(),
    )
    assert offered.bookable
    (offer,) = read_offers(write_offers([offered]))
    assert offer.price == Money(360)


def test_by_bike_one_stops_on_the_way_too() -> None:
    way = first(luebeck_search(Via(WAHMSTRASSE, timedelta(minutes=20))), Mode.BIKE)
    bikes = [leg for leg in way.legs if leg.rental]
    assert len({leg.rental.vehicle.ref for leg in bikes if leg.rental}) == 2
    assert bikes[1].departs_at - bikes[0].arrives_at >= timedelta(minutes=20)
    assert way.price == Money(200)


def test_legs_join_in_time_and_place_also_at_the_place_on_the_way() -> None:
    stays = (timedelta(), timedelta(minutes=15))
    times = ({}, {"depart_at": None, "arrive_by": berlin("12:00")})
    for stay, changes in product(stays, times):
        for place in (WAHMSTRASSE, LatLon(53.8620, 10.6900)):
            found = luebeck_search(Via(place, stay), **changes)
            assert found.itineraries
            for way in found.itineraries:
                gaps = [
                    after.departs_at - before.arrives_at for before, after in pairwise(way.legs)
                ]
                assert min(gaps, default=stay) >= timedelta()
                assert max(gaps, default=stay) >= stay
                for before, after in pairwise(way.legs):
                    assert before.destination.name == after.origin.name


def test_a_morning_of_pages_is_what_two_profiles_give_together() -> None:
    """Six hours by the kernel's profiles, joined by brute force, page by page here."""
    stay = timedelta(minutes=20)
    request = replace(TRIP, depart_at=berlin("04:00"), modes=BUS, via=(Via(WAHMSTRASSE, stay),))
    until = berlin("10:00")
    expected = {way for way in joined_profiles(request) if berlin("04:00") <= way[0] < until}
    for window in (timedelta(hours=6), timedelta(minutes=25)):
        seen: list[Way] = []
        page = luebeck_planner().search(replace(request, window=window), NOW)
        while int((page.later or "l0")[1:]) < until.timestamp():
            seen += ways_of(page)
            asked = replace(request, window=window, page=page.later)
            page = luebeck_planner().search(asked, NOW)
        seen += [way for way in ways_of(page) if way[0] < until]
        assert len(seen) == len(set(seen)) > 20
        assert {way[:3] for way in quickest(seen)} == expected


def joined_profiles(request: SearchRequest) -> set[tuple[object, ...]]:
    """All undominated (departure, arrival, transfers): the stay is longer than any change.

    The first half may be walked, the second is too far.
    """
    planner, stay_s = luebeck_planner(), int(request.via[0].stay.total_seconds())
    ends = (request.origin, request.via[0].place, request.destination)
    halves = [
        hours_long(planner, replace(request, origin=a, destination=b, via=()))
        for a, b in pairwise(ends)
    ]
    way = planner.streets.leg(
        Mode.WALK, HAUPTBAHNHOF, planner.get_door(WAHMSTRASSE, "").place.position, TODAY
    )
    assert way is not None
    found = [
        (one.departs_s, other.arrives_s, one.transfers + other.transfers + 1)
        for one, other in product(*halves)
        if 0 <= other.departs_s - one.arrives_s - stay_s <= 7200
    ]
    found += [
        (two.departs_s - stay_s - way.seconds, two.arrives_s, two.transfers) for two in halves[1]
    ]
    zero = day_zero(TODAY, luebeck().timezone)
    best = [
        (d, a, t)
        for d, a, t in set(found)
        if not any(
            (d2, a2, t2) != (d, a, t) and d2 >= d and a2 <= a and t2 <= t for d2, a2, t2 in found
        )
    ]
    return {(zero + timedelta(seconds=d), zero + timedelta(seconds=a), t) for d, a, t in best}


def hours_long(planner: Planner, request: SearchRequest) -> tuple[Journey, ...]:
    search = DoorToDoor(planner, request, NOW)
    search.measure_doors()
    stops = len(planner.scene.stops)
    ends = [
        tuple(Access(StopIdx(n), int(seconds[n])) for n in np.flatnonzero(seconds < FAR).tolist())
        for seconds in (search.doors.access[:stops], search.doors.egress[:stops])
    ]
    query = Query(TODAY, 4 * 3600, ends[0], ends[1], max_transfers=4, usable=search.usable)
    return profile(planner.timetable, query, 14 * 3600)


def test_earlier_and_later_meet_without_a_gap() -> None:
    request = replace(TRIP, modes=BUS, via=(Via(WAHMSTRASSE),))
    page = luebeck_planner().search(replace(request, depart_at=berlin("10:00")), NOW)
    ahead: list[Way] = []
    while int((page.later or "l0")[1:]) < berlin("12:00").timestamp():
        ahead += ways_of(page)
        page = luebeck_planner().search(replace(request, page=page.later), NOW)
    back: list[Way] = []
    page = luebeck_planner().search(replace(request, depart_at=berlin("12:00")), NOW)
    while int((page.earlier or "e0")[1:]) > berlin("10:00").timestamp():
        page = luebeck_planner().search(replace(request, page=page.earlier), NOW)
        back += ways_of(page)
    assert len(back) == len(set(back))
    within = [
        {way for way in quickest(seen) if berlin("10:10") <= way[0] < berlin("11:50")}
        for seen in (ahead, back)
    ]
    assert within[0] == within[1]
    assert len(within[0]) > 5


@pytest.mark.parametrize(
    ("via", "error", "words"),
    [
        ((Via("nowhere"),), UnknownStopError, "no stop or station 'nowhere'"),
        ((Via("A"),), BadSearchError, "same one"),
        ((Via("B"),), BadSearchError, "same one"),
        ((Via("V"), Via("Mitte")), BadSearchError, "same one"),
        ((Via("V"), Via("B"), Via("V")), BadSearchError, "at most 2"),
        ((Via("V", timedelta(minutes=-1)),), BadSearchError, "from 0 minutes"),
        ((Via("V", timedelta(days=1)),), BadSearchError, "to 12 hours"),
    ],
)
def test_what_makes_no_sense_is_refused(
    via: tuple[Via, ...], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        search(ACROSS, *via)


def test_outside_the_city_it_says_so() -> None:
    found = luebeck_search(Via(LatLon(0, 0)))
    assert (found.itineraries, codes(found)) == ((), ["outside_area"])


def test_where_nothing_goes_any_more_today_it_is_tomorrow_that_is_shown() -> None:
    found = luebeck_search(Via(HAFENBAHNHOF), depart_at=berlin("02:00"), modes=BUS)
    assert scheduled(found)
    assert "next_departure" in codes(found)


def test_over_the_water_one_goes_there_and_back() -> None:
    found = luebeck_search(Via(CAMPINGPLATZ), origin=HAUPTBAHNHOF, destination=HAUPTBAHNHOF)
    assert any(Mode.FERRY in {leg.mode for leg in way.legs} for way in found.itineraries)
