"""Places, boards, trips, stops, vehicles, and journeys found again: each fits the document."""

from __future__ import annotations

import pytest

from gtfs.geo import LatLon
from mobility.api.motis.rental_zones import list_rules
from mobility.planning.ways import polyline
from tests.api.motis_world import (
    HERE,
    VERSIONS,
    Motis,
    ask,
    assert_fits,
    motis,
    one_bus,
    plan,
)
from tests.planning.world import luebeck
from tests.providers.zone_boxes import rule

__all__ = ["motis"]

UNIVERSITY = "station-technische-hochschule"
BOX = {"min": "53.86,10.66", "max": "53.87,10.68"}


async def test_haupt_finds_the_station(motis: Motis) -> None:
    shown = await ask(motis, "/api/v1/geocode", text="Haupt")
    assert_fits(shown, "/api/v1/geocode")
    first = shown[0]
    assert (first["type"], first["name"], first["id"], first["tokens"], first["modes"]) == (
        "STOP", "Lübeck ZOB/Hauptbahnhof", "station-luebeck-zob-hauptbahnhof", [[0, 5]], ["BUS"],
    )  # fmt: skip


async def test_matches_can_be_narrowed(motis: Motis) -> None:
    path = "/api/v1/geocode"
    places = await ask(motis, path, text="Markt", type="PLACE")
    assert {match["type"] for match in places} == {"PLACE"}
    stops = await ask(motis, path, text="Markt", type="STOP", mode="FERRY")
    assert stops == []
    inside = await ask(motis, path, text="Straße", **BOX)
    assert inside
    assert all(53.86 <= m["lat"] <= 53.87 and 10.66 <= m["lon"] <= 10.68 for m in inside)
    assert len(await ask(motis, path, text="a", numResults=3)) <= 3


async def test_a_place_of_an_answer_can_be_where_a_plan_begins(motis: Motis) -> None:
    for match in (await ask(motis, "/api/v1/geocode", text="Holsten"))[:4]:
        shown = await plan(motis, fromPlace=match["id"], numItineraries=1)
        assert shown["itineraries"]


async def test_what_is_around_a_position(motis: Motis) -> None:
    shown = await ask(motis, "/api/v1/reverse-geocode", place=HERE)
    assert_fits(shown, "/api/v1/reverse-geocode")
    assert (len(shown), shown[0]["name"]) == (5, "Lübeck Hauptbahnhof / ZOB")
    stops = await ask(motis, "/api/v1/reverse-geocode", place=HERE, type="STOP", numResults=2)
    assert [match["type"] for match in stops] == ["STOP", "STOP"]


@pytest.mark.parametrize("version", VERSIONS)
async def test_what_leaves_a_stop(motis: Motis, version: int) -> None:
    shown = await ask(motis, f"/api/v{version}/stoptimes", stopId=UNIVERSITY, n=3)
    if version >= 4:
        assert_fits(shown, "/api/v6/stoptimes")
    assert [(s["routeShortName"], s["place"]["departure"]) for s in shown["stopTimes"]] == [
        ("1", "2026-11-25T08:08:09Z"), ("9", "2026-11-25T08:08:29Z"), ("9", "2026-11-25T08:12:55Z"),
    ]  # fmt: skip
    assert shown["place"]["name"] == "Technische Hochschule"
    assert ("level" in shown["place"]) == (version < 6)
    assert ("displayName" in shown["stopTimes"][0]) == (version >= 4)


async def test_boards_of_arrivals_of_both_and_around_a_position(motis: Motis) -> None:
    path = "/api/v6/stoptimes"
    arrivals = await ask(motis, path, stopId=UNIVERSITY, n=4, arriveBy=True, fetchStops=True)
    assert_fits(arrivals, path)
    assert all(s["place"]["arrival"] < "2026-11-25T08:00:00Z" for s in arrivals["stopTimes"])
    assert all(s["previousStops"] for s in arrivals["stopTimes"])
    both = await ask(motis, path, center=HERE, radius=300, both=True, window=300)
    assert_fits(both, path)
    assert both["stopTimes"]
    assert (await ask(motis, path, stopId=UNIVERSITY, n=3, mode="FERRY"))["stopTimes"] == []
    assert (await ask(motis, path, stopId=UNIVERSITY, n=0))["stopTimes"] == []
    hedged = await ask(motis, path, stopId="gone", center=HERE, radius=200, n=1)
    assert hedged["place"]["parentId"] == "station-luebeck-zob-hauptbahnhof"


async def test_one_platform_alone(motis: Motis) -> None:
    board = await ask(
        motis, "/api/v6/stoptimes", stopId="osm-1274897063", n=9, radius=0, exactRadius=True
    )
    assert {s["place"]["stopId"] for s in board["stopTimes"]} == {"osm-1274897063"}


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_trip_of_a_leg_is_shown_from_end_to_end(motis: Motis, version: int) -> None:
    leg = one_bus(await plan(motis, version))["legs"][0]
    shown = await ask(motis, f"/api/v{version}/trip", tripId=leg["tripId"])
    assert_fits(shown, "/api/v6/trip")
    (whole,) = shown["legs"]
    assert (whole["from"]["name"], whole["to"]["name"]) == (
        "Tremser Teich", "Dorothea-Erxleben-Straße",
    )  # fmt: skip
    stops = [stop["stopId"] for stop in whole["intermediateStops"]]
    first = stops.index(leg["from"]["stopId"])
    between = [stop["stopId"] for stop in leg["intermediateStops"]]
    assert stops[first + 1 : first + 1 + len(between)] == between
    assert whole["legGeometry"]["precision"] == (7 if version == 1 else 6)


async def test_the_stops_of_a_part_of_the_map(motis: Motis) -> None:
    shown = await ask(motis, "/api/v6/map/stops", **BOX)
    assert_fits(shown, "/api/v6/map/stops")
    stations = await ask(motis, "/api/v1/map/stops", **BOX, grouped=True)
    assert {stop["parentId"] for stop in shown} >= {stop["stopId"] for stop in stations}
    assert all(stop["level"] == 0 for stop in stations)
    assert await ask(motis, "/api/v6/map/stops", **BOX, modes="FERRY") == []


@pytest.mark.parametrize("name", ["rentals", "map/rentals"])
async def test_what_can_be_rented(motis: Motis, name: str) -> None:
    path = f"/api/v1/{name}"
    shown = await ask(motis, path, **BOX)
    assert_fits(shown, "/api/v1/rentals")
    assert {provider["id"] for provider in shown["providers"]} == {"demo-rad", "demo-auto"}
    station = next(s for s in shown["stations"] if s["id"] == "rad-01")
    assert station["numVehiclesAvailable"] == sum(station["vehicleTypesAvailable"].values())
    assert {vehicle["formFactor"] for vehicle in shown["vehicles"]} == {"CAR"}
    everywhere = await ask(motis, path)
    assert (everywhere["stations"], everywhere["vehicles"]) == ([], [])
    cars = await ask(motis, path, providers="demo-auto", withProviders=False)
    assert (cars["providers"], cars["stations"], len(cars["vehicles"]) > 5) == ([], [], True)
    refs = {vehicle.ref for vehicle in motis.wiring.mirror.list_vehicles("demo-auto")}
    assert not refs & {vehicle["id"] for vehicle in cars["vehicles"]}


async def test_zones_of_what_can_be_rented(motis: Motis) -> None:
    old_town = {"min": "53.866,10.684", "max": "53.867,10.685"}
    shown = await ask(motis, "/api/v1/rentals", **old_town)
    assert_fits(shown, "/api/v1/rentals")
    named = {zone["name"]: zone for zone in shown["zones"]}
    assert set(named) == {"Markt (Demo)"}
    market = named["Markt (Demo)"]
    assert (market["providerId"], market["z"]) == ("demo-auto", 2)
    assert market["bbox"] == [10.6841, 53.8662, 10.6854, 53.867]
    assert market["rules"] == [
        {
            "vehicleTypeIdxs": [],
            "rideStartAllowed": True,
            "rideEndAllowed": False,
            "rideThroughAllowed": True,
        }
    ]
    ((ring,),) = market["area"]
    assert polyline.decode(ring["points"])[0] == LatLon(53.8662, 10.6841)
    assert "demo-auto" in {provider["id"] for provider in shown["providers"]}


async def test_zones_can_be_left_out_and_asked_for_by_provider(motis: Motis) -> None:
    path = "/api/v1/rentals"
    assert (await ask(motis, path))["zones"] == []
    assert (await ask(motis, path, providers="demo-auto", withZones=False))["zones"] == []
    assert len((await ask(motis, path, providers="demo-auto"))["zones"]) == 2
    near = await ask(motis, path, point="53.8666,10.6848", radius=20, providers="demo-auto")
    assert [zone["name"] for zone in near["zones"]] == ["Markt (Demo)"]
    assert (await ask(motis, path, point="53.80,10.60", radius=50))["zones"] == []


def test_rules_name_types_by_number_and_those_for_other_types_are_left_out() -> None:
    stanza = luebeck().get_provider("demo-rad")
    rules = (rule("no end stations", "pedelec", "tandem"), rule("no pass", "tandem"))
    assert list_rules(stanza, rules) == [
        {
            "vehicleTypeIdxs": [1],
            "rideStartAllowed": True,
            "rideEndAllowed": False,
            "rideThroughAllowed": True,
            "stationParking": True,
        }
    ]


async def test_a_journey_is_found_again_by_its_id(motis: Motis) -> None:
    path = "/api/v6/refresh-itinerary"
    where = {"fromPlace": "station-achatweg", "toPlace": "53.8970,10.7610"}
    found = [*(await plan(motis))["itineraries"], *(await plan(motis, **where))["itineraries"]]
    assert {itinerary["transfers"] for itinerary in found} > {0}
    for itinerary in found:
        again = await ask(motis, path, itineraryId=itinerary["id"])
        assert_fits(again, path)
        assert again["offerId"] != itinerary["offerId"]
        for name in ("id", "startTime", "endTime", "transfers", "price", "co2Grams", "legs"):
            assert again[name] == itinerary[name], name


async def test_a_journey_is_found_again_by_its_legs(motis: Motis) -> None:
    leg = one_bus(await plan(motis))["legs"][0]
    one = {
        "displayName": "1",
        "tripId": leg["tripId"],
        "fromId": leg["from"]["stopId"],
        "fromLat": leg["from"]["lat"],
        "fromLon": leg["from"]["lon"],
        "toId": leg["to"]["stopId"],
        "toLat": leg["to"]["lat"],
        "toLon": leg["to"]["lon"],
        "schedStart": 1795594157,
        "schedEnd": 1795595094,
        "mode": "BUS",
        "scheduled": True,
    }
    path = "/api/v6/refresh-itinerary"

    async def refreshed(**changes: object) -> dict[str, object]:
        answer = await motis.client.post(path, json={"id": {"legs": [one | changes]}})
        shown: dict[str, object] = answer.json()
        return shown

    shown = await refreshed()
    assert_fits(shown, path, method="post")
    assert (shown["startTime"], shown["endTime"]) == (leg["startTime"], leg["endTime"])
    assert "another name" in str((await refreshed(displayName="99"))["error"])
    assert "no longer runs" in str((await refreshed(tripId="20261125_08:55_luebeck_x"))["error"])
    assert "no longer calls" in str((await refreshed(toId="osm-679452199"))["error"])
    assert "rented vehicle" in str((await refreshed(mode="RENTAL", tripId=""))["error"])
    assert "outside the area" in str(
        (await refreshed(mode="WALK", tripId="", fromLat=0, schedEnd=1795594357))["error"]
    )
