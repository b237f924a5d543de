"""What users of other planners complained of, a test each; the names are those of the threads."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from gtfs.geo import LatLon
from mobility.planning.accessibility import Accessible
from mobility.planning.itinerary import Itinerary, Reason
from mobility.planning.offers import make_offers
from mobility.planning.rank import AT_MOST
from mobility.planning.request import SearchRequest, SearchResult
from mobility.planning.scheduled import AT_MOST as AT_MOST_DEPARTURES
from payments.money import Money
from providers.values import Mode
from tests.planning.test_luebeck import TRIP, search
from tests.planning.world import NOW, TODAY, berlin, luebeck, luebeck_planner, luebeck_timetable

STATION = "station-hauptbahnhof-zob"
SUBURB, MARKET = LatLon(53.8377, 10.7003), LatLon(53.8660, 10.6860)
Way = tuple[datetime, datetime, int, Money]
DOORS = (TRIP.origin, TRIP.destination, SUBURB, MARKET, LatLon(53.8890, 10.6900))


def some_searches() -> list[SearchResult]:
    clocks = ("06:10", "11:37", "20:05")
    pairs = [(a, b) for a in DOORS for b in DOORS if a is not b][:9]
    return [
        search(origin=a, destination=b, depart_at=berlin(clocks[n % 3]))
        for n, (a, b) in enumerate(pairs)
    ]


def buses(result: SearchResult) -> list[Itinerary]:
    return [way for way in result.itineraries if way.kind == (Mode.BUS,)]


def test_transitous_902_and_otp_4891_the_price_is_searched_and_not_only_shown() -> None:
    found = [result.itineraries for result in some_searches() if result.itineraries]
    cheapest = [min(ways, key=lambda way: way.price) for ways in found]
    saved = [ways[0].price - way.price for ways, way in zip(found, cheapest, strict=True)]
    assert max(saved) > Money(100)
    said = {reason for way in cheapest for reason in way.reasons}
    assert Reason.CHEAPEST in said


def test_transitous_895_what_is_shown_can_be_booked_as_one() -> None:
    ways = [way for way in search().itineraries if way.kind != (Mode.WALK,)]
    offers = make_offers(
        ways,
        passes=frozenset(),
        passengers=1,
        now=NOW,
        expires_at=NOW + timedelta(minutes=10),
        lacks=lambda _terms: (),
        city=luebeck(),
    )
    assert [o.offer_id is not None and o.bookable for o in offers] == [True] * len(ways)


def test_stadtnavi_691_and_1029_a_price_is_whole_or_said_to_be_unknown() -> None:
    for result in some_searches():
        for way in result.itineraries:
            moving = [leg for leg in way.legs if leg.mode is not Mode.WALK]
            assert all(leg.quote is not None or leg.unsold for leg in moving)
            assert way.price == Money.total(leg.quote.price for leg in moving if leg.quote)


def test_motis_1234_rented_vehicles_never_drive_out_the_plain_bus() -> None:
    for a in DOORS[1:]:
        alone = search(destination=a, modes=frozenset({Mode.BUS, Mode.FERRY}))
        among = search(destination=a)
        plain = {(way.departs_at, way.arrives_at) for way in buses(alone)}
        shown = {(way.departs_at, way.arrives_at) for way in buses(among)}
        assert shown <= plain
        assert bool(shown) == bool(plain)


def test_otp_6294_no_ride_ends_or_begins_where_the_operator_does_not_let_it() -> None:
    market, beside = LatLon(53.8666, 10.6848), LatLon(53.8645, 10.6790)
    by_car = frozenset({Mode.CAR, Mode.WALK})
    to_market = search(destination=market, modes=by_car)
    ends = [leg.destination for way in to_market.itineraries for leg in way.legs if leg.rental]
    assert all(end.stop_id for end in ends), "at a stop, and on foot from there"
    why = [notice.text for notice in to_market.notices if notice.code == "zone_no_parking"]
    assert len(why) == 1
    assert "am Ziel (in der Zone „Markt (Demo)“) darf kein Fahrzeug abgestellt werden" in why[0]
    near = search(destination=beside, modes=by_car)
    ends = [leg.destination for way in near.itineraries for leg in way.legs if leg.rental]
    assert beside in [end.position for end in ends]
    for result in (*some_searches(), to_market, near):
        for leg in (leg for way in result.itineraries for leg in way.legs if leg.rental):
            zones = luebeck().zones[leg.rental.vehicle.provider_id]
            limits = zones.limits(leg.rental.type.id, ())
            assert not limits.may_end.holds_at(leg.destination.position, value=False)
            assert not limits.may_start.holds_at(leg.origin.position, value=False)


def test_otp_7211_a_rented_ride_names_who_rents_it_out_and_which_vehicle() -> None:
    rides = [leg for way in search().itineraries for leg in way.legs if leg.rental]
    assert rides
    for leg in rides:
        assert leg.provider_id in {"demo-rad", "demo-auto"}
        assert leg.rental is not None
        assert leg.rental.vehicle.id.startswith(f"{leg.provider_id}:")


def test_motis_1166_no_hundreds_of_near_identical_ways() -> None:
    for result in some_searches():
        assert len(result.itineraries) <= AT_MOST
        for one in result.itineraries:
            for other in result.itineraries:
                if one is other or one.kind != other.kind:
                    continue
                same = (one.departs_at, one.arrives_at, one.price, one.transfers)
                assert same != (other.departs_at, other.arrives_at, other.price, other.transfers)


def test_motis_753_nobody_waits_for_hours_to_save_minutes_on_foot() -> None:
    for result in some_searches():
        for way in result.itineraries:
            waits = [after.departs_at - before.arrives_at for before, after in pairwise(way.legs)]
            assert max(waits, default=timedelta()) <= timedelta(minutes=75)
        for slow in buses(result):
            for fast in buses(result):
                if fast.departs_at >= slow.departs_at and fast.price <= slow.price:
                    assert slow.arrives_at < fast.arrives_at + timedelta(minutes=45)


def test_otp_3663_no_result_is_missed_for_a_small_window() -> None:
    wide = buses(search(modes=frozenset({Mode.BUS})))
    narrow = buses(search(modes=frozenset({Mode.BUS}), window=timedelta(minutes=5)))
    assert narrow[0].departs_at == min(way.departs_at for way in wide)


def test_motis_1595_a_station_stands_for_all_its_platforms() -> None:
    timetable = luebeck_timetable()
    name = next(
        station for station in timetable.station_index if len(timetable.children_of(station)) >= 4
    )
    platforms = {timetable.stop(idx).id for idx in timetable.children_of(name)}
    used: set[str | None] = set()
    for destination in DOORS:
        result = search(origin=name, destination=destination, modes=frozenset({Mode.BUS}))
        used |= {way.legs[0].origin.stop_id for way in result.itineraries if way.has_transit}
    assert len(used & platforms) >= 2


def test_a_day_read_page_by_page_is_the_day_read_at_once() -> None:
    request = SearchRequest(
        TRIP.origin, SUBURB, berlin("04:00"), modes=frozenset({Mode.BUS}), passes=TRIP.passes
    )
    until = berlin("04:00", TODAY + timedelta(days=1))
    planner = luebeck_planner()

    def read(window: timedelta) -> list[Way]:
        seen: list[Way] = []
        page = planner.search(replace(request, window=window), NOW)
        while True:
            ways = [way for way in buses(page) if way.departs_at < until]
            seen += [(way.departs_at, way.arrives_at, way.transfers, way.price) for way in ways]
            assert page.later is not None
            if int(page.later[1:]) >= until.timestamp():
                return seen
            page = planner.search(replace(request, window=window, page=page.later), NOW)

    by_hours, by_minutes = (quickest(read(timedelta(minutes=m))) for m in (360, 25))
    assert len(by_hours) == len(set(by_hours)) > 10 * AT_MOST_DEPARTURES
    assert sorted(by_hours, key=str) == sorted(by_minutes, key=str)


def quickest(ways: list[Way]) -> list[Way]:
    """Those that no other beats in departure, arrival and changes: the first page has more."""
    return [
        one
        for one in ways
        if not any(
            other[0] >= one[0]
            and other[1] <= one[1]
            and other[2] <= one[2]
            and other[:3] != one[:3]
            for other in ways
        )
    ]


def test_earlier_goes_back_without_a_gap_from_a_wide_window() -> None:
    request = SearchRequest(
        TRIP.origin, MARKET, berlin("14:00"), modes=frozenset({Mode.BUS}), window=timedelta(hours=6)
    )
    planner = luebeck_planner()
    ahead: set[Way] = set()
    page = planner.search(replace(request, depart_at=berlin("12:30")), NOW)
    while int(page.later[1:]) < berlin("14:00").timestamp():
        ahead |= set(ways_of(page))
        page = planner.search(replace(request, page=page.later), NOW)
    back: set[Way] = set()
    page = planner.search(request, NOW)
    while int(page.earlier[1:]) > berlin("12:30").timestamp():
        page = planner.search(replace(request, page=page.earlier), NOW)
        back |= set(ways_of(page))
    first, last = max(min(ahead)[0], min(back)[0]), min(max(ahead)[0], max(back)[0])
    both = [
        {way for way in quickest(list(seen)) if first <= way[0] <= last} for seen in (ahead, back)
    ]
    assert both[0] == both[1]
    assert len(both[0]) > 5


def ways_of(page: SearchResult) -> list[Way]:
    return [(way.departs_at, way.arrives_at, way.transfers, way.price) for way in buses(page)]


def test_what_is_unknown_never_counts_as_accessible() -> None:
    result = search(wheelchair=True)
    legs = [leg for way in result.itineraries for leg in way.legs]
    assert Accessible.NO not in {leg.accessible for leg in legs}
    assert Accessible.YES not in {leg.accessible for leg in legs if leg.estimated}
