"""Pages by cursor: nothing twice, nothing skipped, in both directions and for boards too."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.conftest import START
from tests.api.motis_world import Json, Motis, ask, motis, plan

__all__ = ["motis"]

PLACES = [
    *("53.865892,10.670654", "53.837723,10.700286", "53.8790,10.7210", "53.9550,10.8660"),
    *("station-technische-hochschule", "station-gothmund", "station-flughafen"),
]
PAIRS = st.lists(st.sampled_from(PLACES), min_size=2, max_size=2, unique=True)
FORWARD = settings(
    max_examples=8,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def keys(shown: Json) -> list[str]:
    """What makes an itinerary the same as another: its rides, and when it leaves and arrives."""
    return [
        f"{i['startTime']} {i['endTime']} {[leg.get('tripId', leg['mode']) for leg in i['legs']]}"
        for i in shown["itineraries"]
    ]


@FORWARD
@given(
    PAIRS,
    st.integers(0, 23),
    st.booleans(),
    st.sampled_from(["nextPageCursor", "previousPageCursor"]),
    st.sampled_from([None, 1, 3]),
    st.sampled_from(["WALK", "WALK,RENTAL"]),
)
async def test_pages_never_repeat_an_itinerary(
    motis: Motis,
    ends: list[str],
    hour: int,
    arrive_by: bool,
    cursor: str,
    most: int | None,
    pre: str,
) -> None:
    asked = {
        "fromPlace": ends[0],
        "toPlace": ends[1],
        "time": (START + timedelta(hours=hour)).isoformat(),
        "arriveBy": arrive_by,
        "numItineraries": 3,
        "preTransitModes": pre,
    } | ({"maxItineraries": most} if most else {})
    shown = await plan(motis, **asked)
    seen = keys(shown)
    for _ in range(3):
        if not shown[cursor]:
            break
        shown = await plan(motis, **asked, pageCursor=shown[cursor])
        seen += keys(shown)
    assert len(seen) == len(set(seen)), seen


@pytest.mark.parametrize("most", [1, 2])
async def test_small_pages_show_what_large_ones_do(motis: Motis, most: int) -> None:
    def when(shown: Json) -> list[str]:
        return [i["startTime"] for i in shown["itineraries"]]

    large = await plan(motis, numItineraries=12)
    until = when(large)[6]
    found: list[str] = []
    shown = await plan(motis, maxItineraries=most)
    while not found or found[-1] < until:
        assert len(shown["itineraries"]) >= 1
        found += when(shown)
        shown = await plan(motis, maxItineraries=most, pageCursor=shown["nextPageCursor"])
    assert [at for at in found if at <= until] == [at for at in when(large) if at <= until]


@pytest.mark.parametrize("arrive_by", [False, True])
async def test_a_board_walked_page_by_page_is_the_long_board(motis: Motis, arrive_by: bool) -> None:
    asked = {"stopId": "station-luebeck-zob-hauptbahnhof", "arriveBy": arrive_by}
    asked["direction"] = "LATER"
    path = "/api/v6/stoptimes"

    def events(board: Json) -> list[tuple[str, str]]:
        word = "arrival" if arrive_by else "departure"
        return [(s["tripId"], s["place"][word]) for s in board["stopTimes"]]

    long = events(await ask(motis, path, **asked, n=60))
    board = await ask(motis, path, **asked, n=7)
    found, first = events(board), board
    while len(found) < 60:
        board = await ask(motis, path, **asked, n=7, pageCursor=board["nextPageCursor"])
        found += events(board)
    assert found[:60] == long[:60]
    back = await ask(motis, path, **asked, n=200, pageCursor=board["previousPageCursor"])
    shown = events(board)
    assert events(back)[-(len(found) - len(shown)) :] == found[: len(found) - len(shown)]
    before = await ask(motis, path, **asked, n=5, pageCursor=first["previousPageCursor"])
    assert events(before)[-1][1] < events(first)[0][1]


@pytest.mark.parametrize(("direction", "word"), [("LATER", "next"), ("EARLIER", "previous")])
async def test_a_board_read_by_a_narrow_window_gets_over_the_night(
    motis: Motis, direction: str, word: str
) -> None:
    at = f"2026-11-26T0{1 if direction == 'LATER' else 3}:30:00+01:00"
    asked = {"stopId": "station-luebeck-zob-hauptbahnhof", "time": at, "direction": direction}
    asked |= {"window": 1200}
    path = "/api/v6/stoptimes"
    (near,) = (await ask(motis, path, **asked | {"n": 1}))["stopTimes"][:1]
    board = await ask(motis, path, **asked)
    pages = 0
    while not board["stopTimes"] and pages < 20:
        board = await ask(motis, path, **asked, pageCursor=board[f"{word}PageCursor"])
        pages += 1
    assert pages > 1
    assert near in board["stopTimes"]
