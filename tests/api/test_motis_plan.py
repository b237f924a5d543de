"""``plan`` in every version: what it shows, and what each parameter changes."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from mobility.planning.offers import find_offer
from tests.api.conftest import START
from tests.api.motis_world import (
    HERE,
    THERE,
    VERSIONS,
    Json,
    Motis,
    assert_fits,
    motis,
    one_bus,
    plan,
)

__all__ = ["motis"]

STATION = "station-luebeck-zob-hauptbahnhof"
UNIVERSITY = "station-technische-hochschule"


def modes(itinerary: Json) -> list[str]:
    return [leg["mode"] for leg in itinerary["legs"]]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("version", VERSIONS)
async def test_from_the_station_to_the_university(motis: Motis, version: int) -> None:
    shown = await plan(motis, version)
    assert_fits(shown, "/api/v6/plan")
    first = one_bus(shown)
    (bus,) = first["legs"]
    assert (bus["mode"], bus["headsign"]) == ("BUS", "Dorothea-Erxleben-Straße")
    assert bus["tripId"] == "20261125_08:55_luebeck_1-0-weekday-085500"
    assert (first["startTime"], first["endTime"], first["duration"], first["transfers"]) == (
        "2026-11-25T08:09:17Z", "2026-11-25T08:24:54Z", 937, 0,
    )  # fmt: skip
    assert bus["legGeometry"]["precision"] == (7 if version == 1 else 6)
    assert bus.get("displayName") == ("1" if version >= 4 else None)
    assert ("level" in bus["from"]) == (version < 6)
    assert len(shown["itineraries"]) >= 5


async def test_a_journey_has_price_and_co2_and_an_offer_that_can_be_booked(motis: Motis) -> None:
    shown = await plan(motis)
    first = one_bus(shown)
    assert first["price"] == {"amount": 360, "currency": "EUR", "kind": "fixed", "max": None}
    assert (first["co2Grams"], first["legs"][0]["co2Grams"], first["bookable"]) == (414, 414, True)
    prefix = motis.wiring.settings.redis_prefix
    offer = await find_offer(motis.wiring.redis, prefix, first["offerId"])
    assert offer is not None
    assert offer.price.minor == 360
    assert shown["attributions"][0]["licence"] == "ODbL 1.0"


async def test_fares_add_up_to_the_price(motis: Motis) -> None:
    shown = await plan(motis, withFares=True, preTransitModes=["WALK", "RENTAL"])
    assert_fits(shown, "/api/v6/plan")
    assert len(shown["itineraries"]) >= 5
    for itinerary in shown["itineraries"]:
        (transfer,) = itinerary["fareTransfers"]
        products = [options[0][0] for options in transfer["effectiveFareLegProducts"]]
        assert round(sum(p["amount"] for p in products) * 100) == itinerary["price"]["amount"]
        indexes = [
            leg["effectiveFareLegIndex"] for leg in itinerary["legs"] if "fareTransferIndex" in leg
        ]
        assert indexes == list(range(len(products)))
    (product,) = one_bus(shown)["fareTransfers"][0]["effectiveFareLegProducts"][0][0]
    assert product == {
        "name": "Einzelfahrkarte Stadtgebiet (Preisstufe 2), Erwachsene",
        "amount": 3.6, "currency": "EUR", "media": {"fareMediaType": "MOBILE_APP"},
    }  # fmt: skip


async def test_posting_an_empty_body_asks_the_same(motis: Motis) -> None:
    asked = {"fromPlace": HERE, "toPlace": THERE}
    answer = await motis.client.post("/api/v6/plan", params=asked, json={})
    got = await plan(motis)
    assert [i["id"] for i in answer.json()["itineraries"]] == [i["id"] for i in got["itineraries"]]
    offsets = {"fromOffsets": [{"stopId": STATION, "duration": 60}]}
    answer = await motis.client.post("/api/v6/plan", params=asked, json=offsets)
    assert_fits(answer.json(), "/api/v6/plan", method="post")
    assert answer.json()["debugOutput"]["notHonoured:fromOffsets"] == 1


async def test_stops_may_be_named_and_levels_come_back(motis: Motis) -> None:
    shown = await plan(motis, fromPlace=STATION, toPlace=f"{THERE},2")
    assert_fits(shown, "/api/v6/plan")
    assert (shown["from"]["stopId"], shown["to"]["level"]) == (STATION, 2)
    assert one_bus(shown)["legs"][0]["from"]["parentId"] == STATION
    assert (await plan(motis, 5, toPlace=f"{THERE},2"))["from"]["level"] == 0


async def test_arriving_by_a_time(motis: Motis) -> None:
    shown = await plan(motis, time="2026-11-25T10:00:00Z", arriveBy=True)
    assert_fits(shown, "/api/v6/plan")
    assert len(shown["itineraries"]) >= 5
    assert all(i["endTime"] <= "2026-11-25T10:00:00Z" for i in shown["itineraries"])


async def test_a_time_without_an_offset_is_the_citys_clock(motis: Motis) -> None:
    local = await plan(motis, time="2026-11-25T09:00")
    assert local["itineraries"] == (await plan(motis, time="2026-11-25T08:00Z"))["itineraries"] or (
        [i["id"] for i in local["itineraries"]]
        == [i["id"] for i in (await plan(motis, time="2026-11-25T08:00Z"))["itineraries"]]
    )


@pytest.mark.parametrize(("version", "allowed"), [(1, -1), (2, -1), (3, 0), (6, 0)])
async def test_before_v3_transfers_are_counted_one_off(
    motis: Motis, version: int, allowed: int
) -> None:
    shown = await plan(motis, version, maxTransfers=0, numItineraries=1)
    found = {i["transfers"] for i in shown["itineraries"]}
    assert found == ({0} if allowed == 0 else set())


async def test_without_lines_or_with_others_there_is_no_ride(motis: Motis) -> None:
    for wanted in ("", "FERRY", "SUBURBAN", "METRO", "RAIL"):
        assert (await plan(motis, transitModes=wanted, numItineraries=1))["itineraries"] == []
    assert (await plan(motis, transitModes="BUS,COACH", numItineraries=1))["itineraries"]


async def test_direct_ways_are_shown_once_and_within_their_time(motis: Motis) -> None:
    asked = {"directModes": ["WALK", "BIKE", "CAR", "RENTAL"], "maxDirectTime": 7200}
    shown = await plan(motis, **asked)
    assert_fits(shown, "/api/v6/plan")
    found = {"+".join(m for m in modes(i) if m != "WALK") or "WALK": i for i in shown["direct"]}
    assert set(found) == {"WALK", "BIKE", "CAR", "RENTAL"}
    assert found["CAR"]["offerId"] is None
    assert found["CAR"]["price"] is None
    assert found["CAR"]["co2Grams"] > 0
    rented = next(leg for leg in found["RENTAL"]["legs"] if leg["mode"] == "RENTAL")
    assert found["RENTAL"]["offerId"]
    assert rented["rental"]["providerId"] in {"demo-rad", "demo-auto"}
    assert [i["duration"] for i in shown["direct"]] == sorted(
        i["duration"] for i in shown["direct"]
    )
    short = await plan(motis, **asked | {"maxDirectTime": 900})
    assert all(i["duration"] <= 900 for i in short["direct"])
    assert (await plan(motis, **asked, pageCursor=shown["nextPageCursor"]))["direct"] == []


@pytest.mark.parametrize(
    ("filters", "rented"),
    [
        ({"directRentalFormFactors": "CAR"}, {"CAR"}),
        ({"directRentalFormFactors": "BICYCLE"}, {"BICYCLE"}),
        ({"directRentalProviders": "demo-auto"}, {"CAR"}),
        ({"directRentalProviderGroups": "nobody"}, set()),
        ({"directRentalPropulsionTypes": "HYDROGEN_FUEL_CELL"}, set()),
    ],
)
async def test_rented_vehicles_can_be_chosen(
    motis: Motis, filters: dict[str, str], rented: set[str]
) -> None:
    shown = await plan(motis, directModes="RENTAL", transitModes="", **filters)
    factors = {
        leg["rental"]["formFactor"] for i in shown["direct"] for leg in i["legs"] if "rental" in leg
    }
    assert factors == rented


async def test_rides_with_a_rented_bike_are_shown_only_where_they_are_asked_for(
    motis: Motis,
) -> None:
    home = "53.8790,10.7210"
    plain = await plan(motis, fromPlace=home, maxPreTransitTime=1800)
    assert all("RENTAL" not in modes(i) for i in plain["itineraries"])
    rented = await plan(
        motis, fromPlace=home, maxPreTransitTime=1800, preTransitModes=["WALK", "RENTAL"]
    )
    for itinerary in rented["itineraries"]:
        used = modes(itinerary)
        if "RENTAL" in used:
            assert used.index("RENTAL") < used.index("BUS")
    for itinerary in (*plain["itineraries"], *rented["itineraries"]):
        first = next(n for n, leg in enumerate(itinerary["legs"]) if leg["mode"] == "BUS")
        assert sum(leg["duration"] for leg in itinerary["legs"][:first]) <= 1800


async def test_a_longer_change_can_be_asked_for(motis: Motis) -> None:
    where = {"fromPlace": "station-achatweg", "toPlace": "station-gothmund"}
    for wanted in (
        {"minTransferTime": 15},
        {"additionalTransferTime": 14},
        {"transferTimeFactor": 20},
        {"minTransferTime": 15, "arriveBy": True, "time": "2026-11-25T12:00:00Z"},
    ):
        shown = await plan(motis, **where, **wanted)
        assert_fits(shown, "/api/v6/plan")
        assert len(shown["itineraries"]) >= 2
        for itinerary in shown["itineraries"]:
            rides = [leg for leg in itinerary["legs"] if leg["mode"] == "BUS"]
            for before, after in pairwise(rides):
                assert at(after["startTime"]) - at(before["endTime"]) >= timedelta(minutes=12)


async def test_waiting_counts_as_travel_without_the_timetable_view(motis: Motis) -> None:
    shown = await plan(motis, timetableView=False)
    assert_fits(shown, "/api/v6/plan")
    earliest = min(i["endTime"] for i in (await plan(motis))["itineraries"])
    ends = {i["transfers"]: i["endTime"] for i in shown["itineraries"]}
    assert len(ends) == len(shown["itineraries"])
    assert min(ends.values()) == earliest


async def test_a_stop_on_the_way_is_passed(motis: Motis) -> None:
    via = "station-wahmstrasse"
    stayed = await plan(motis, via=via)
    assert_fits(stayed, "/api/v6/plan")
    assert stayed["itineraries"]
    for itinerary in stayed["itineraries"]:
        stops = [
            place.get("parentId")
            for leg in itinerary["legs"]
            for place in (leg["from"], *leg.get("intermediateStops", []), leg["to"])
        ]
        assert via in stops
    seated = next(i for i in stayed["itineraries"] if i["transfers"] == 0)
    assert seated["price"]["amount"] == 360
    left = await plan(motis, via=via, viaMinimumStay=20, numItineraries=1)
    for itinerary in left["itineraries"]:
        gaps = [
            at(after["startTime"]) - at(before["endTime"])
            for before, after in pairwise(itinerary["legs"])
            if after["from"].get("parentId") == via
        ]
        assert max(gaps) >= timedelta(minutes=20)


async def test_a_ride_can_be_replaced(motis: Motis) -> None:
    shown = await plan(motis, numLegAlternatives=3)
    assert_fits(shown, "/api/v6/plan")
    (bus,) = one_bus(shown)["legs"]
    assert len(bus["alternatives"]) == 3
    for walk, ride, last in bus["alternatives"]:
        assert (walk["mode"], ride["mode"], last["mode"]) == ("WALK", "BUS", "WALK")
        assert ride["tripId"] != bus["tripId"]
        assert (ride["from"]["parentId"], ride["to"]["parentId"]) == (STATION, UNIVERSITY)


async def test_lines_are_left_out_where_nobody_wants_them_drawn(motis: Motis) -> None:
    shown = await plan(motis, detailedLegs=False)
    assert_fits(shown, "/api/v6/plan")
    drawn = [leg["legGeometry"] for i in shown["itineraries"] for leg in i["legs"]]
    assert {(line["points"], line["length"]) for line in drawn} == {("", 0)}


async def test_a_wheelchair_is_taken_along_only_where_that_is_known(motis: Motis) -> None:
    shown = await plan(motis, pedestrianProfile="WHEELCHAIR")
    assert_fits(shown, "/api/v6/plan")
    flags = {leg.get("wheelchairAccessible") for i in shown["itineraries"] for leg in i["legs"]}
    assert "NOT_ACCESSIBLE" not in flags
    assert (await plan(motis, requireBikeTransport=True, numItineraries=1))["itineraries"] == []


async def test_what_changes_nothing_is_named(motis: Motis) -> None:
    shown = await plan(
        motis, elevationCosts="HIGH", algorithm="TB", mode="TRANSIT,WALK", preTransitModes="CAR"
    )
    assert_fits(shown, "/api/v6/plan")
    named = {name for name in shown["debugOutput"] if name.startswith("notHonoured:")}
    assert named == {
        *("notHonoured:elevationCosts", "notHonoured:algorithm", "notHonoured:mode"),
        "notHonoured:preTransitModes=CAR",
    }


async def test_a_search_that_leads_nowhere_says_so(motis: Motis) -> None:
    shown = await plan(motis, toPlace="0,0")
    assert_fits(shown, "/api/v6/plan")
    assert (shown["itineraries"], shown["direct"]) == ([], [])
    assert [notice["code"] for notice in shown["notices"]] == ["outside_area"]
    assert shown["nextPageCursor"] == ""


async def test_the_first_bus_of_the_morning_is_found_at_night(motis: Motis) -> None:
    shown = await plan(motis, time=(START + timedelta(hours=18)).isoformat())
    assert_fits(shown, "/api/v6/plan")
    assert shown["itineraries"]
