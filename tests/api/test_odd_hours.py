"""Searches in nights in which clocks and years do odd things: moments, service days, tariffs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from gtfs.build import build
from gtfs.text import feed_from_text
from mobility.api import journeys
from mobility.cities.city import City
from mobility.planning.offers import find_offer
from mobility.planning.search import Planner
from mobility.realtime.polling import Realtime
from providers.bus.fare_table import read_fares
from tests.api.motis_world import Json, Motis, motis, plan
from tests.planning.world import luebeck, mirror_of, providers_of
from tests.providers.bus.test_fares import FARES

__all__ = ["motis"]

BUS = "stadtverkehr-luebeck"
STOPS = """
    stop A 53.8660,10.6707
    stop V 53.8500,10.6850
    stop B 53.8377,10.7003
    """
FORWARD = """
    days 2027-03-20..2027-04-03 Europe/Berlin
    N 2027-03-27: A 25:50  B 26:10
    N 2027-03-28: A 01:30  B 01:50
    N 2027-03-28: A 04:00  B 04:20
    """
"""At 02:00 it is 03:00. What a timetable calls 01:30 of that Sunday is half past midnight."""
BACK = """
    days 2027-10-25..2027-11-05 Europe/Berlin
    N 2027-10-30: A 26:30  B 26:50
    N 2027-10-30: A 27:30  B 27:50
    N 2027-10-31: A 02:45  B 03:05
    """
"""At 03:00 it is 02:00 again."""
NEW_YEAR = """
    days 2026-12-28..2027-01-05 Europe/Berlin
    N 2026-12-31: A 23:50  B 24:10
    N 2026-12-31: A 24:20  B 24:40
    """
LEAP = """
    days 2028-02-25..2028-03-05 Europe/Berlin
    N 2028-02-28: A 24:20  B 24:40
    N 2028-02-29: A 24:20  B 24:40
    """
CHANGE = """
    days 2026-12-28..2027-01-05 Europe/Berlin
    1 2026-12-31: A 23:50  V 24:00
    2 2026-12-31: V 24:10  B 24:20
    """
OLD, NEW = "sh-tarif-2026-04-01", "sh-tarif-2027-01-01"
NEW_EDITION = f"""
[[edition]]
id = "{NEW}"
tariff = "sh-tarif"
title = "Stand 1. Januar 2027"
valid_from = 2027-01-01
transfer_minutes = 120
zone_levels = [{{ zones = ["HL"], level = 1 }}]
prices = [{{ product = "single:1", rider = "adult", amount = "3.80" }}]
source = "a test"
confidence = "low"
"""


@pytest.fixture
def city(tmp_path: Path) -> City:
    """Lübeck with other prices from 2027 on."""
    (tmp_path / "fares.toml").write_text(FARES.read_text(encoding="utf-8") + NEW_EDITION)
    (name,) = luebeck().fare_tables
    return replace(luebeck(), fare_tables={name: read_fares(tmp_path / "fares.toml")})


def with_buses(world: Motis, city: City, text: str) -> None:
    """Have these buses, all within the town, and nothing to rent, since their first day."""
    feed = feed_from_text(STOPS + text)
    feed = replace(
        feed,
        agencies=tuple(replace(each, id=BUS) for each in feed.agencies),
        routes=tuple(replace(each, agency_id=BUS) for each in feed.routes),
        stops=tuple(replace(each, zone_id="HL") for each in feed.stops),
    )
    now = datetime.fromisoformat(f"{text.split()[1].partition('..')[0]}T12:00:00Z")
    timetable = build(feed, max_footpath_m=0.0)
    mirror = mirror_of(city, (), (), now)
    world.wiring = replace(
        world.wiring,
        clock=lambda: now,
        city=city,
        mirror=mirror,
        planner=Planner(city, timetable, mirror, providers_of(city)),
        realtime=Realtime(timetable, (), world.wiring.http, lambda: now),
    )
    world.app.state.wiring = world.wiring
    world.app.include_router(journeys.router)


async def search(world: Motis, **when: str) -> list[Json]:
    body = {"from": {"stop_id": "A"}, "to": {"stop_id": "B"}, "modes": ["bus", "walk"], **when}
    answer = await world.client.post("/v1/journeys/search", json=body)
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()["journeys"]
    return [each for each in found if "bus" in {leg["mode"] for leg in each["legs"]}]


async def tickets(world: Motis, journey: Json) -> list[str]:
    """By which prices each bus of an offer is sold, and for how many cents."""
    prefix = world.wiring.settings.redis_prefix
    offer = await find_offer(world.wiring.redis, prefix, journey["offer_id"])
    assert offer is not None
    quotes = [leg.quote for leg in offer.legs if leg.quote is not None]
    return [f"{quote.tariff_version} {quote.price.minor}" for quote in quotes]


async def shown(world: Motis, **when: str) -> list[str]:
    """Of each bus by its departure, the moments, prices and the day it belongs to."""
    days = {}
    (at,) = when.values()
    asked = {"fromPlace": "A", "toPlace": "B", "time": at, "arriveBy": "arrive_by" in when}
    for itinerary in (await plan(world, **asked))["itineraries"]:
        for leg in itinerary["legs"]:
            if "tripId" in leg:
                days[datetime.fromisoformat(leg["startTime"])] = leg["tripId"].partition("_")[0]
    lines = []
    for journey in sorted(await search(world, **when), key=lambda each: str(each["departs_at"])):
        (bus,) = [leg for leg in journey["legs"] if leg["mode"] == "bus"]
        (ticket,) = await tickets(world, journey)
        day = days[datetime.fromisoformat(bus["departs_at"])]
        lines.append(f"{bus['departs_at']} {bus['arrives_at']} of {day}: {ticket}")
    return lines


async def test_the_night_in_which_an_hour_is_left_out(motis: Motis, city: City) -> None:
    with_buses(motis, city, FORWARD)
    assert await shown(motis, depart_at="2027-03-28T00:20:00+01:00") == [
        f"2027-03-28T00:30:00+01:00 2027-03-28T00:50:00+01:00 of 20270328: {NEW} 380"
    ]
    into_summer = f"2027-03-28T01:50:00+01:00 2027-03-28T03:10:00+02:00 of 20270327: {NEW} 380"
    assert await shown(motis, depart_at="2027-03-28T01:45:00+01:00") == [into_summer]
    assert await shown(motis, arrive_by="2027-03-28T03:15:00+02:00") == [into_summer]


async def test_the_night_in_which_an_hour_comes_twice(motis: Motis, city: City) -> None:
    with_buses(motis, city, BACK)
    first = f"2027-10-31T02:30:00+02:00 2027-10-31T02:50:00+02:00 of 20271030: {NEW} 380"
    second = f"2027-10-31T02:30:00+01:00 2027-10-31T02:50:00+01:00 of 20271030: {NEW} 380"
    third = f"2027-10-31T02:45:00+01:00 2027-10-31T03:05:00+01:00 of 20271031: {NEW} 380"
    assert await shown(motis, depart_at="2027-10-31T02:20:00+02:00") == [first]
    assert await shown(motis, depart_at="2027-10-31T02:20:00+01:00") == [second, third]
    assert await shown(motis, arrive_by="2027-10-31T02:55:00+02:00") == [first]
    assert await shown(motis, arrive_by="2027-10-31T02:55:00+01:00") == [second]


async def test_a_day_that_comes_once_in_four_years(motis: Motis, city: City) -> None:
    with_buses(motis, city, LEAP)
    into_it = f"2028-02-29T00:20:00+01:00 2028-02-29T00:40:00+01:00 of 20280228: {NEW} 380"
    out_of_it = f"2028-03-01T00:20:00+01:00 2028-03-01T00:40:00+01:00 of 20280229: {NEW} 380"
    assert await shown(motis, depart_at="2028-02-29T00:10:00+01:00") == [into_it]
    assert await shown(motis, arrive_by="2028-03-01T00:50:00+01:00") == [out_of_it]


async def test_a_bus_costs_what_holds_when_it_leaves(motis: Motis, city: City) -> None:
    """The short one of the old year is no more, though both belong to its last night."""
    with_buses(motis, city, NEW_YEAR)
    both = [
        f"2026-12-31T23:50:00+01:00 2027-01-01T00:10:00+01:00 of 20261231: {OLD} 200",
        f"2027-01-01T00:20:00+01:00 2027-01-01T00:40:00+01:00 of 20261231: {NEW} 380",
    ]
    assert await shown(motis, depart_at="2026-12-31T23:40:00+01:00") == both
    assert await shown(motis, arrive_by="2027-01-01T00:45:00+01:00") == both


async def test_a_ticket_of_the_old_year_is_good_until_its_time_is_over(
    motis: Motis, city: City
) -> None:
    with_buses(motis, city, CHANGE)
    (journey,) = await search(motis, depart_at="2026-12-31T23:40:00+01:00")
    assert await tickets(motis, journey) == [f"{OLD} 360", f"{OLD} 0"]
    assert journey["price"]["amount"] == 360
