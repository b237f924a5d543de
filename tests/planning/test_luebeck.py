"""The real city: what a reader can check by hand from tariff, map and timetable."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from gtfs.geo import LatLon
from gtfs.text import timetable_from_text
from mobility.planning import notices
from mobility.planning.itinerary import Itinerary, Reason
from mobility.planning.request import SearchRequest, SearchResult
from payments.money import Money
from providers.values import Mode
from tests.planning.world import NOW, TODAY, berlin, luebeck, luebeck_planner, planner_of

HAUPTBAHNHOF = LatLon(53.865892, 10.670654)
TECHNISCHE_HOCHSCHULE = LatLon(53.837723, 10.700286)
STRANDBAHNHOF = LatLon(53.964682, 10.876521)
HAFENBAHNHOF = LatLon(53.958394, 10.865020)
CAMPINGPLATZ = LatLon(53.953725, 10.889424)
TRIP = SearchRequest(HAUPTBAHNHOF, TECHNISCHE_HOCHSCHULE, depart_at=berlin("08:00"))


def search(request: SearchRequest = TRIP, **changes: object) -> SearchResult:
    return luebeck_planner().search(replace(request, **changes), NOW)


def kinds(result: SearchResult) -> set[tuple[Mode, ...]]:
    return {itinerary.kind for itinerary in result.itineraries}


def first(result: SearchResult, *kind: Mode) -> Itinerary:
    return next(i for i in result.itineraries if i.kind == kind)


def codes(result: SearchResult) -> list[str]:
    return [notice.code for notice in result.notices]


def quotes(itinerary: Itinerary) -> list[tuple[str, ...]]:
    return [leg.quote.lines for leg in itinerary.legs if leg.quote]


def test_on_a_weekday_morning_there_are_bus_bike_car_and_combinations() -> None:
    result = search()
    assert {(Mode.BUS,), (Mode.BIKE,), (Mode.CAR,), (Mode.BUS, Mode.BIKE)} <= kinds(result)
    assert len(result.itineraries) <= 8


def test_the_bus_costs_one_single_of_level_two() -> None:
    bus = first(search(), Mode.BUS)
    assert bus.price == Money(360)
    assert quotes(bus) == [
        (
            "Einzelfahrkarte Stadtgebiet (Stufe 2), Erwachsene: 3,60 €",
            "SH-Tarif, Stand 1. April 2026",
        )
    ] or quotes(bus)[0][-1].startswith("SH-Tarif")


def test_the_bike_costs_one_euro_a_started_half_hour() -> None:
    bike = first(search(), Mode.BIKE)
    ride = next(leg for leg in bike.legs if leg.mode is Mode.BIKE)
    assert ride.seconds <= 1800
    assert bike.price == Money(100)
    assert ride.quote is not None
    assert ride.quote.ceiling == Money(200)


def test_the_car_costs_what_minutes_and_kilometres_say() -> None:
    car = first(search(), Mode.CAR)
    ride = next(leg for leg in car.legs if leg.mode is Mode.CAR)
    minutes, km = -(-ride.seconds // 60), -(-ride.metres // 1000)
    assert ride.rental is not None
    by_minute, by_km = {"klein-2026": (19, 27), "kompakt-2026": (24, 31)}[
        ride.rental.type.pricing_plan_id
    ]
    assert car.price == Money(100 + minutes * by_minute + km * by_km)
    assert ride.terms is not None
    assert (ride.terms.minimum_age, ride.terms.driving_licence) == (21, True)


def test_a_combination_costs_its_parts() -> None:
    both = first(search(), Mode.BUS, Mode.BIKE)
    assert both.price == Money(360 + 100)


def test_co2_is_the_factor_times_the_way() -> None:
    result = search()
    bus = first(result, Mode.BUS)
    assert bus.co2_grams == sum((90 * leg.metres + 500) // 1000 for leg in bus.legs if leg.ride)
    assert first(result, Mode.BIKE).co2_grams == 0
    car = first(result, Mode.CAR)
    assert car.co2_grams in {
        sum((grams * leg.metres + 500) // 1000 for leg in car.legs if leg.rental)
        for grams in (230, 98)
    }


def test_at_two_in_the_night_it_says_when_the_first_bus_goes_and_what_else_there_is() -> None:
    result = search(depart_at=berlin("02:00", TODAY + timedelta(days=1)))
    bus = first(result, Mode.BUS)
    ride = next(leg for leg in bus.legs if leg.ride)
    notice = next(n for n in result.notices if n.code == "next_departure")
    assert notice.at == ride.departs_at
    assert f"{ride.departs_at.astimezone(luebeck().timezone):%H:%M}" in notice.text
    assert "taxi" in codes(result)
    assert {(Mode.BIKE,), (Mode.CAR,)} <= kinds(result)
    taxi = next(n for n in result.notices if n.code == "taxi")
    assert taxi.price is not None
    assert Money(1000) < taxi.price < Money(2500)


def test_a_pass_makes_the_bus_free_and_says_what_it_does() -> None:
    result = search(passes=frozenset({"deutschlandticket"}))
    assert first(result, Mode.BUS).price == Money(0)
    assert first(result, Mode.BIKE).price == Money(100)
    assert "Deutschlandticket" in next(n.text for n in result.notices if n.code == "pass")


def test_two_people_pay_twice_on_the_bus_and_do_not_share_a_bike() -> None:
    result = search(passengers=2)
    assert first(result, Mode.BUS).price == Money(720)
    assert not any(Mode.BIKE in kind for kind in kinds(result))
    assert (Mode.CAR,) in kinds(result)


def test_only_wanted_modes_are_shown() -> None:
    assert kinds(search(modes=frozenset({Mode.BUS}))) == {(Mode.BUS,)}
    assert kinds(search(modes=frozenset({Mode.BIKE, Mode.WALK}))) == {(Mode.BIKE,), (Mode.WALK,)}


def test_on_a_sunday_it_says_that_the_timetable_is_derived() -> None:
    result = search(depart_at=berlin("10:00", date(2026, 11, 29)))
    assert "derived_timetable" in codes(result)


def test_an_announced_tariff_is_said_where_it_would_hold() -> None:
    on = date(2027, 1, 4)
    assert "fare_change_announced" in codes(search(depart_at=berlin("08:00", on)))


def test_beyond_the_timetable_it_says_how_far_it_goes() -> None:
    week = timetable_from_text(
        """
        days 2026-11-23..2026-11-29 Europe/Berlin
        stop A 53.8660,10.6707
        stop B 53.8377,10.7003
        1: A 08:00  B 08:20
        """
    )
    planner = planner_of(luebeck(), week)
    result = planner.search(replace(TRIP, depart_at=berlin("08:00", date(2026, 12, 5))), NOW)
    notice = next(n for n in result.notices if n.code == "timetable_ends")
    assert "29.11.2026" in notice.text
    assert {(Mode.BIKE,), (Mode.CAR,)} <= kinds(result)


@pytest.mark.parametrize("start", [STRANDBAHNHOF, HAFENBAHNHOF])
def test_nobody_walks_over_the_trave_to_the_priwall(start: LatLon) -> None:
    streets = luebeck_planner().streets
    for mode in (Mode.WALK, Mode.BIKE):
        around_the_bay = streets.leg(mode, start, CAMPINGPLATZ, TODAY)
        assert around_the_bay is None or around_the_bay.metres > 40_000
    result = search(TRIP, origin=start, destination=CAMPINGPLATZ, depart_at=berlin("10:00"))
    assert result.itineraries
    assert all(itinerary.has_transit for itinerary in result.itineraries)


@pytest.mark.parametrize(
    ("start", "end", "mode", "used"),
    [
        ((53.8655, 10.6895), (53.8645, 10.7), Mode.CAR, "Hüxtertorbrücke"),
        ((53.86, 10.688), (53.858, 10.694), Mode.CAR, "Rehderbrücke"),
        ((53.86, 10.688), (53.858, 10.694), Mode.WALK, "Mühlentorbrücke"),
        ((53.8635, 10.6815), (53.8625, 10.6775), Mode.CAR, "Holstenbrücke"),
        ((53.875, 10.6895), (53.8765, 10.6915), Mode.WALK, "Burgtorbrücke"),
        ((53.9044, 10.7782), (53.8988, 10.7634), Mode.CAR, "Herrentunnel"),
    ],
)
def test_open_bridges_are_used_and_closed_ones_are_not(
    start: tuple[float, float], end: tuple[float, float], mode: Mode, used: str
) -> None:
    leg = luebeck_planner().streets.leg(mode, LatLon(*start), LatLon(*end), TODAY)
    assert leg is not None
    assert leg.crossings == (used,)


def test_closed_bridges_are_on_no_way_at_all() -> None:
    streets = luebeck_planner().streets
    closed = {"Dankwartsbrücke", "Hubbrücken (Marstallbrücke)"}
    for mode in streets.modes():
        names = set(streets._graph(mode, TODAY).names)
        assert not names & closed
    assert "Mühlentorbrücke" not in streets._graph(Mode.CAR, TODAY).names


def test_along_a_bending_river_the_way_stays_on_its_bank() -> None:
    """St. Lorenz to Dänischburg: no bridge is needed, and none must be used."""
    ikea = LatLon(53.914123, 10.735086)
    leg = luebeck_planner().streets.leg(Mode.CAR, LatLon(53.88, 10.67), ikea, TODAY)
    assert leg is not None
    assert leg.crossings == ()
    assert leg.metres < 9000


def test_pages_neither_skip_nor_repeat() -> None:
    """An hour read page by page is the hour read at once."""

    def buses(result: SearchResult) -> list[tuple[object, ...]]:
        plain = [i for i in result.itineraries if i.kind == (Mode.BUS,)]
        return sorted(
            (i.departs_at, i.arrives_at)
            for i in plain
            if not any(o.departs_at >= i.departs_at and o.arrives_at < i.arrives_at for o in plain)
        )

    only_bus = replace(TRIP, modes=frozenset({Mode.BUS}))
    page, seen = search(only_bus), []
    for _ in range(4):
        seen += buses(page)
        assert page.later is not None
        page = search(only_bus, page=page.later)
    assert len(seen) == len(set(seen))
    back, again = search(only_bus, page=page.earlier), []
    while back.earlier is not None and (not again or min(again) > min(seen)):
        again += buses(back)
        back = search(only_bus, page=back.earlier)
    assert set(seen) <= set(again)
    assert len(again) == len(set(again))


def test_arrive_by_is_kept() -> None:
    deadline = berlin("09:00")
    result = search(depart_at=None, arrive_by=deadline)
    assert {(Mode.BUS,), (Mode.BIKE,), (Mode.CAR,)} <= kinds(result)
    assert all(i.arrives_at <= deadline for i in result.itineraries)
    departures = [i.departs_at for i in result.itineraries]
    assert departures == sorted(departures, reverse=True)


def test_legs_join_in_time_and_place() -> None:
    for itinerary in search().itineraries:
        for before, after in zip(itinerary.legs, itinerary.legs[1:], strict=False):
            assert before.arrives_at <= after.departs_at
            assert before.destination.position == after.origin.position
        assert all(len(leg.geometry) >= 2 for leg in itinerary.legs)


def test_the_ends_go_by_the_names_of_what_is_there() -> None:
    legs = first(search(), Mode.BIKE).legs
    assert legs[0].origin.name == "Lübeck Hauptbahnhof / ZOB"
    nowhere = LatLon(53.8520, 10.7100)
    assert {i.legs[-1].destination.name for i in search(destination=nowhere).itineraries} == {
        "Ziel"
    }


def test_a_bus_with_an_assumed_timetable_is_named_with_its_lines() -> None:
    bus = next(leg for leg in first(search(), Mode.BUS).legs if leg.mode is Mode.BUS)
    assert bus.ride is not None
    assumed = tuple(
        bus._replace(ride=bus.ride._replace(note="synthetic: angenommen", line=line))
        for line in ("12", "9", "E")
    )
    (said,) = notices.of_journeys([Itinerary(assumed)], luebeck(), NOW, wheelchair=False)
    assert said.text == (
        "Ein Fahrplan für den Bus (Linie 9, 12, E) ist nicht veröffentlicht: die gezeigten Zeiten "
        "sind ein angenommener Takt."
    )


def test_a_stale_provider_is_left_out_and_named() -> None:
    planner = luebeck_planner()
    later = NOW + timedelta(minutes=30)
    result = planner.search(TRIP, later)
    assert {n.provider_id for n in result.notices if n.code == "provider_left_out"} == {
        "demo-rad",
        "demo-auto",
    }
    assert kinds(result) == {(Mode.BUS,), (Mode.WALK,)}


def test_the_last_bus_of_the_evening_is_named() -> None:
    """Page by page through the evening, somewhere stands the last way home."""
    request = replace(TRIP, depart_at=berlin("23:00"), modes=frozenset({Mode.BUS}))
    result = search(request)
    for _ in range(6):
        last = [i for i in result.itineraries if Reason.LAST_WAY_HOME in i.reasons]
        if last:
            break
        result = search(request, page=result.later)
    assert last
    after = search(request, depart_at=last[0].departs_at + timedelta(minutes=1))
    assert "next_departure" in codes(after)


def test_far_from_every_stop_it_says_so_and_what_else_there_is() -> None:
    wood = LatLon(53.7800, 10.8800)
    result = search(destination=wood, max_walk_m=300)
    assert {"no_stop_near", "taxi"} <= set(codes(result))
    assert "on_demand" not in codes(result), "it runs in the evening"
    evening = search(destination=wood, max_walk_m=300, depart_at=berlin("21:00"))
    assert "on_demand" in codes(evening)


def test_where_no_asked_for_mode_leads_the_ferry_is_named_with_its_frequency() -> None:
    landing, priwall = LatLon(53.9558, 10.8660), LatLon(53.9545, 10.8722)
    ends = {"origin": landing, "destination": priwall, "depart_at": berlin("10:00")}
    result = search(**ends, modes=frozenset({Mode.WALK, Mode.BIKE, Mode.CAR}))
    assert result.itineraries == ()
    (said,) = (n.text for n in result.notices if n.code == "other_mode")
    assert said == (
        "Dorthin geht es mit der Fähre: um 10:08 Uhr ab Travemünde Priwallfähre, Ankunft am Ziel "
        "um 10:14 Uhr; sie fährt etwa alle 8 Minuten. In dieser Suche ist das abgewählt."
    )
    assert "other_mode" not in codes(search(**ends))


def test_no_mode_that_goes_is_said_not_to_go() -> None:
    result = search(modes=frozenset({Mode.FERRY}))
    (said,) = (n.text for n in result.notices if n.code == "no_departure")
    assert said == "Im Umkreis von 24 Stunden fährt hier keine Fähre."


def test_a_mode_that_was_not_asked_for_is_named_only_if_it_is_much_quicker() -> None:
    on_foot = search(modes=frozenset({Mode.WALK}))
    said = next(n.text for n in on_foot.notices if n.code == "other_mode")
    assert said.startswith("Schneller geht es mit dem Bus (Linie 1): um 08:")
    assert "other_mode" not in codes(search(modes=frozenset({Mode.WALK, Mode.BIKE})))


def test_vehicles_that_cannot_carry_all_are_missed_aloud() -> None:
    assert "one_vehicle_each" not in codes(search())
    two = next(n for n in search(passengers=2).notices if n.code == "one_vehicle_each")
    assert two.text.startswith("Leihräder tragen eine Person")
    assert "one_vehicle_each" not in codes(search(passengers=2, modes=frozenset({Mode.BUS})))
    six = search(passengers=6)
    assert {"one_vehicle_each", "vehicle_too_small"} <= set(codes(six))


def test_a_mode_that_the_city_lacks_is_missed_aloud() -> None:
    result = search(modes=frozenset({Mode.SCOOTER}))
    assert [n.text for n in result.notices if n.code == "mode_not_here"] == [
        "Leihroller gibt es in Lübeck nicht."
    ]
    assert "mode_not_here" not in codes(search())


def test_arriving_in_the_night_it_names_the_last_bus_before() -> None:
    result = search(depart_at=None, arrive_by=berlin("04:00", TODAY + timedelta(days=1)))
    notice = next(n for n in result.notices if n.code == "previous_departure")
    assert notice.at is not None
    assert notice.at < berlin("03:00", TODAY + timedelta(days=1))
    assert (Mode.BUS,) in kinds(result)


def test_the_ferry_has_its_own_tariff_and_an_assumed_timetable() -> None:
    landing, priwall = LatLon(53.9558, 10.8660), LatLon(53.9545, 10.8722)
    passes = frozenset({"deutschlandticket"})
    result = search(origin=landing, destination=priwall, depart_at=berlin("10:00"), passes=passes)
    ferry = result.itineraries[0]
    assert [leg.mode for leg in ferry.legs] == [Mode.WALK, Mode.FERRY, Mode.WALK]
    assert ferry.price == Money(210)
    assert {"synthetic_timetable", "co2_unknown", "pass"} <= set(codes(result))
    said = next(n.text for n in result.notices if n.code == "synthetic_timetable")
    assert said.startswith("Ein Fahrplan für die Fähre ist nicht veröffentlicht")
    assert all(i.kind == (Mode.BUS,) for i in result.itineraries), "no detour by bike"
