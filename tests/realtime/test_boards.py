"""Departure boards over HTTP: late, cancelled and added departures, alerts, platforms."""

from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from gtfs.text import timetable_from_text
from mobility.api import stops
from mobility.cities.city import load_city
from mobility.planning.itinerary import Place
from mobility.planning.search import Door
from mobility.realtime.holder import LiveTimetable
from tests.gtfs.realtime_text import NOW, live

TOWN = timetable_from_text("""
    station Hbf A B
    1: A 08:00 C 08:10
    1: A 08:30 C 08:40
    2: B 08:05 C 08:20
    ferry F: C 08:00 D 08:30
""")
MESSAGES = """
    1-1 2026-11-25: A=+420
    cancel 2-3 2026-11-25
    new X route=1 2026-11-25 headsign=Extra: A=08:20 C=08:30
    alert route=2: Ersatzverkehr
    alert stop=Hbf: Aufzug
    alert stop=D: Weit weg
"""


def door(stop_id: str, _name: str) -> Door:
    return Door(Place(stop_id, TOWN.stops[0].position, stop_id), TOWN.children_of(stop_id))


async def board(stop_id: str, messages: str) -> dict[str, Any]:
    holder = LiveTimetable(TOWN)
    if messages:
        holder.put(live(TOWN, messages))
    app = FastAPI()
    app.include_router(stops.router)
    app.state.wiring = SimpleNamespace(
        planner=SimpleNamespace(get_door=door),
        city=load_city("luebeck"),
        clock=lambda: NOW,
        realtime=SimpleNamespace(current=holder.current),
    )
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://api.test"
    ) as client:
        answer = await client.get(f"/v1/stops/{stop_id}/departures?limit=4")
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def lines(shown: dict[str, Any]) -> list[str]:
    return [
        f"{d['departs_at'][11:16]} {d['line']} {d['stop']['stop_id']}"
        + (f" late {d['delay_seconds']}" if d["realtime"] and not d["cancelled"] else "")
        + (" cancelled" if d["cancelled"] else "")
        + (f" planned {d['scheduled_at'][11:16]}" if d["scheduled_at"] else " unplanned")
        for d in shown["departures"]
    ]


async def test_a_station_with_what_is_late_cancelled_and_added():
    shown = await board("Hbf", MESSAGES)

    assert lines(shown) == [
        "08:05 2 B cancelled planned 08:05",
        "08:07 1 A late 420 planned 08:00",
        "08:20 1 A late None unplanned",
        "08:30 1 A planned 08:30",
    ]
    assert shown["realtime_at"] == "2026-11-25T07:30:00+01:00"
    headers = {alert["id"]: alert["header"] for alert in shown["alerts"]}
    assert sorted(headers.values()) == ["Aufzug", "Ersatzverkehr"]
    assert [sorted(headers[i] for i in d["alert_ids"]) for d in shown["departures"]] == [
        ["Aufzug", "Ersatzverkehr"],
        ["Aufzug"],
        ["Aufzug"],
        ["Aufzug"],
    ]


@pytest.mark.parametrize("stop_id", ["A", "Hbf"])
async def test_without_live_times_a_board_says_so(stop_id: str):
    shown = await board(stop_id, "")

    assert lines(shown)[0] == "08:00 1 A planned 08:00"
    assert (shown["realtime_at"], shown["alerts"]) == (None, [])
    assert {d["delay_seconds"] for d in shown["departures"]} == {None}
