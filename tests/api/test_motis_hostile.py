"""What cannot be answered is refused with the document's error and a sentence that helps."""

from __future__ import annotations

import logging
import re

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import generate_latest
from redis.asyncio import Redis

from mobility.api.motis.geocode import GeocodeQuery, ReverseQuery
from mobility.api.motis.map_stops import MapStopsQuery
from mobility.api.motis.parameters import Parameters
from mobility.api.motis.plan_query import PlanQuery
from mobility.api.motis.refresh import RefreshQuery
from mobility.api.motis.rentals import RentalsQuery
from mobility.api.motis.stoptimes import StopTimesQuery
from mobility.api.motis.trip import TripQuery
from mobility.settings import Settings
from tests.api.conftest import make_client
from tests.api.motis_world import (
    HERE,
    THERE,
    Motis,
    ask,
    assert_fits,
    motis,
    motis_app,
    plan,
)

__all__ = ["motis"]

PLAN = {"fromPlace": HERE, "toPlace": THERE}
STOP = {"stopId": "station-technische-hochschule"}
BOX = {"min": "53.8,10.6", "max": "53.9,10.7"}
HUGE = str(10**30)
REFUSED = [
    ("plan", PLAN | {"fromPlace": "91,0"}, 400, "fromPlace: latitude is -90 to 90"),
    ("plan", PLAN | {"fromPlace": "nan,0"}, 404, "stop"),
    ("plan", PLAN | {"fromPlace": "1e999,0"}, 404, "stop"),
    ("plan", PLAN | {"fromPlace": "53.8"}, 404, "stop"),
    ("plan", PLAN | {"fromPlace": "53.8,"}, 400, "fromPlace: write latitude,longitude"),
    ("plan", PLAN | {"fromPlace": "1,2,3,4"}, 400, "fromPlace: write latitude,longitude"),
    ("plan", PLAN | {"fromPlace": "nowhere"}, 404, "no stop or station 'nowhere'"),
    ("plan", PLAN | {"fromPlace": "x\x00"}, 400, "latitude,longitude or a stop id of"),
    ("plan", PLAN | {"fromPlace": "x" * 5000}, 400, "fromPlace: at most 4000 characters"),
    ("plan", {"toPlace": THERE}, 400, "fromPlace is missing"),
    ("plan", PLAN | {"pageCursor": "gibberish"}, 400, "pageCursor: use the cursor of an earlier"),
    ("plan", PLAN | {"pageCursor": "LATER|99999999999"}, 400, "page"),
    ("plan", PLAN | {"pageCursor": "LATER|" + HUGE}, 400, "pageCursor"),
    ("plan", PLAN | {"numItineraries": HUGE}, 400, "numItineraries: input should be less than"),
    ("plan", PLAN | {"numItineraries": "-1"}, 400, "numItineraries: input should be greater"),
    ("plan", PLAN | {"numItineraries": "five"}, 400, "numItineraries: input should be a valid"),
    ("plan", PLAN | {"maxItineraries": "0"}, 400, "maxItineraries"),
    ("plan", PLAN | {"searchWindow": HUGE}, 400, "searchWindow"),
    ("plan", PLAN | {"maxTransfers": "1.5"}, 400, "maxTransfers"),
    ("plan", PLAN | {"passengers": "10"}, 400, "should be less than or equal to 9"),
    ("plan", PLAN | {"transitModes": "BROOM"}, 400, "transitModes: input should be 'WALK', 'BIKE'"),
    ("plan", PLAN | {"arriveBy": "perhaps"}, 400, "arriveBy: input should be a valid boolean"),
    ("plan", PLAN | {"pedestrianProfile": "STILTS"}, 400, "'FOOT' or 'WHEELCHAIR'"),
    ("plan", PLAN | {"algorithm": "MAGIC"}, 400, "'RAPTOR', 'PONG' or 'TB'"),
    ("plan", PLAN | {"transferTimeFactor": "nan"}, 400, "transferTimeFactor"),
    ("plan", PLAN | {"time": "tomorrow"}, 400, "time: write a time as 2026-11-26T08:00:00Z"),
    ("plan", PLAN | {"time": "1970-01-01T00:00:00Z"}, 400, "too far away"),
    ("plan", PLAN | {"time": "9999-12-31T23:59:59-12:00"}, 400, "too far away"),
    ("plan", PLAN | {"via": "a,b,c"}, 400, "via: give at most 2 values"),
    ("plan", PLAN | {"via": "nowhere"}, 404, "no stop"),
    ("plan", PLAN | {"directModes": ",".join(["WALK"] * 100)}, 400, "at most 60 values"),
    ("stoptimes", {}, 400, "stopId is missing; give it, or center with radius"),
    ("stoptimes", {"stopId": "nowhere"}, 404, "geocode or map/stops say which there are"),
    ("stoptimes", {"center": HERE}, 400, "radius is missing"),
    ("stoptimes", {"center": "0,0", "radius": "100"}, 404, "choose a larger one"),
    ("stoptimes", STOP | {"n": HUGE}, 400, "n: input"),
    ("stoptimes", STOP | {"direction": "UP"}, 400, "'EARLIER' or 'LATER'"),
    ("stoptimes", STOP | {"time": "0001-01-01T00:00:00Z"}, 400, "too far away"),
    ("stoptimes", STOP | {"pageCursor": "LATER"}, 400, "pageCursor"),
    ("trip", {"tripId": "x"}, 404, "use the id of a leg or a stop time"),
    ("trip", {"tripId": "20269999_08:00_luebeck_x"}, 404, "use the id of a leg"),
    ("trip", {}, 400, "tripId is missing"),
    ("map/stops", {"min": "53.8,10.6"}, 400, "max is missing"),
    ("map/stops", BOX | {"max": "53.9"}, 400, "max: write latitude,longitude"),
    ("refresh-itinerary", {}, 400, "itineraryId is missing"),
    ("refresh-itinerary", {"itineraryId": "xyz"}, 400, "use the id of an itinerary"),
]  # fmt: skip
REFUSED_V1 = [
    ("geocode", {}, 400, "text is missing"),
    ("geocode", {"text": "x", "place": "here"}, 400, "place: write latitude,longitude"),
    ("geocode", {"text": "x", "type": "CASTLE"}, 400, "'ADDRESS', 'PLACE' or 'STOP'"),
    ("geocode", {"text": "x", "numResults": "0"}, 400, "numResults"),
    ("reverse-geocode", {"place": "a,b"}, 400, "place: write latitude,longitude"),
    ("rentals", {"min": "53.8,10.6"}, 400, "give both corners"),
    ("rentals", {"point": HERE}, 400, "point and radius belong together"),
    ("rentals", {"point": "nowhere", "radius": "5"}, 404, "no stop"),
    ("map/rentals", BOX | {"max": "95,10"}, 400, "max: latitude is -90 to 90"),
]


@pytest.mark.parametrize(
    ("path", "query", "status", "said"),
    [(f"/api/v6/{path}", *rest) for path, *rest in REFUSED]
    + [(f"/api/v1/{path}", *rest) for path, *rest in REFUSED_V1],
)
async def test_hostile_queries_are_refused_in_words_that_help(
    motis: Motis, path: str, query: dict[str, str], status: int, said: str
) -> None:
    answer = await ask(motis, path, status, **query)
    assert set(answer) == {"error"}
    assert said in answer["error"]


async def test_there_are_six_versions_and_nothing_else(motis: Motis) -> None:
    for number in (0, 7, 99):
        answer = await ask(motis, f"/api/v{number}/plan", 404, **PLAN)
        assert answer == {"error": "there are /api/v1 to /api/v6 of this; use v6"}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"fromOffsets": 3}', b'{"fromOffsets": [{"stopId": ""}]}']
)
async def test_a_posted_body_that_cannot_be_read_is_refused(motis: Motis, body: bytes) -> None:
    answer = await motis.client.post("/api/v6/plan", params=PLAN, content=body)
    assert (answer.status_code, set(answer.json())) == (400, {"error"})
    assert_fits(answer.json(), "/api/v6/plan", method="post", status=400)


async def test_an_error_of_ours_keeps_the_shape_and_its_words_to_itself(
    motis: Motis, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError(f"somebody is at {HERE}")

    monkeypatch.setattr(type(motis.wiring.planner), "search", fail)
    with caplog.at_level(logging.DEBUG):
        shown = await plan(motis, status=500)
    assert_fits(shown, "/api/v6/plan", status=500)
    assert "ZeroDivisionError" in caplog.text
    assert HERE not in caplog.text + shown["error"]


async def test_a_position_in_the_address_reaches_no_log_and_no_metric(
    motis: Motis, caplog: pytest.LogCaptureFixture
) -> None:
    lat, lon = "53.861234", "10.681234"
    spot = f"{lat},{lon}"
    with caplog.at_level(logging.DEBUG):
        shown = await plan(motis, fromPlace=spot)
        await plan(motis, fromPlace=f"{lat},200", status=400)
        await ask(motis, "/api/v1/reverse-geocode", place=spot)
        await ask(motis, "/api/v1/geocode", text="Markt", place=spot)
        await ask(motis, "/api/v6/stoptimes", center=spot, radius=500)
        await ask(motis, "/api/v6/map/stops", min=spot, max="53.9,10.7")
        await ask(motis, "/api/v1/rentals", point=spot, radius=500)
        await ask(motis, "/api/v6/refresh-itinerary", itineraryId=shown["itineraries"][0]["id"])
    ours = [r for r in caplog.records if not r.name.startswith(("httpx", "httpcore"))]
    logged = "\n".join(f"{r.getMessage()} {r.args}" for r in ours)
    counted = generate_latest().decode()
    for text in (logged, counted):
        assert "/api/v{version:int}/plan" in text
        assert not re.search(rf"{re.escape(lat)}|{re.escape(lon)}|{lat[:-2]}|{lon[:-2]}", text)


async def test_answers_are_not_stored_on_the_way(motis: Motis) -> None:
    answer = await motis.client.get("/api/v6/plan", params=PLAN)
    assert answer.headers["cache-control"] == "no-store"


async def test_the_rate_limit_counts_here_too(redis: Redis, redis_prefix: str) -> None:
    app: FastAPI
    app, _ = motis_app(redis, Settings(redis_prefix=redis_prefix, rate_limit_per_minute=2))
    async with make_client(app) as client:
        query = {"text": "Markt"}
        answers: list[httpx.Response] = [
            await client.get("/api/v1/geocode", params=query) for _ in range(3)
        ]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[-1].headers["retry-after"]) >= 1


NASTY = st.one_of(
    st.sampled_from(
        [
            *("", "0", "-1", "1", "true", "null", "nan", "1e999", HUGE, "\x00", "ä", ",", ",,"),
            *(
                HERE,
                THERE,
                "53.86,10.68,3",
                "0,0",
                "90,180",
                "TRANSIT,WALK,RENTAL",
                "BUS",
                "EARLIER",
            ),
            *("2026-11-25T23:59:59Z", "2027-06-01T12:00", "LATER|1795597972", "EARLIER|1795597972"),
            *("station-gothmund", "20261125_08:55_luebeck_1-0-weekday-085500", "WHEELCHAIR", "CAR"),
        ]
    ),
    st.text(max_size=12),
)
QUESTIONS: dict[str, type[Parameters]] = {
    "/api/v6/plan": PlanQuery,
    "/api/v3/stoptimes": StopTimesQuery,
    "/api/v6/trip": TripQuery,
    "/api/v6/map/stops": MapStopsQuery,
    "/api/v1/geocode": GeocodeQuery,
    "/api/v1/reverse-geocode": ReverseQuery,
    "/api/v1/rentals": RentalsQuery,
    "/api/v1/map/rentals": RentalsQuery,
    "/api/v6/refresh-itinerary": RefreshQuery,
}


@settings(
    max_examples=80,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.sampled_from(sorted(QUESTIONS)), st.data())
async def test_no_query_is_our_fault(motis: Motis, path: str, data: st.DataObject) -> None:
    names = sorted(QUESTIONS[path].known())
    query = data.draw(st.dictionaries(st.sampled_from(names), NASTY, max_size=4))
    whole = {"/api/v6/plan": PLAN, "/api/v3/stoptimes": STOP, "/api/v6/map/stops": BOX}
    answer = await motis.client.get(path, params=whole.get(path, {}) | query)
    assert answer.status_code in {200, 400, 404}, (query, answer.text)
    if answer.status_code != 200:
        assert set(answer.json()) == {"error"}
