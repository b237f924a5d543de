"""A rider goes on another way over HTTP, when the bus she changes to is missed or cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from mobility.booking.advance import advance
from mobility.booking.at_once import wait_for_background
from payments.money import Money
from tests.api.conftest import World
from tests.booking.world import World as Booking
from tests.booking.world import open_world, run_operators, run_processor
from tests.gtfs.realtime_text import live
from tests.planning.world import luebeck, luebeck_timetable, providers_of

Json = dict[str, Any]
FROM, TO = "osm-1260048575", "osm-606349873"
FIRST, SECOND = "3-1-weekday-090900", "5-0-weekday-092500"
CHANGE = "osm-1283856727"
"""Line 3 from 09:16:55 to 09:26:46, a walk, line 5 from 09:34:28: three minutes to spare."""
KAUFHOF = "osm-1293600717"
LATE = f"{FIRST} 2026-11-25: {CHANGE}=+600"


@dataclass
class Stage:
    """Anna's booked trip by two buses on one ticket, in the real city."""

    api: World
    booking: Booking
    headers: dict[str, str]
    monkeypatch: pytest.MonkeyPatch
    trip: Json

    def say(self, text: str) -> None:
        """Let the feed say this."""
        now = live(luebeck_timetable(), text, now=self.api.now)
        self.api.wiring.realtime.live.put(now)
        self.monkeypatch.setattr(self.api.wiring.planner, "current", lambda: now.timetable)

    async def at(self, clock: str) -> None:
        self.api.now = datetime.fromisoformat(f"2026-11-25T{clock}+01:00")
        self.headers = await self.api.sign_in()

    async def get(self, what: str = "", booking_id: str | None = None) -> httpx.Response:
        url = f"/v1/bookings/{booking_id or self.trip['id']}{what}"
        return await self.api.client.get(url, headers=self.headers)

    async def options(self) -> list[Json]:
        found = (await self.get("/rebooking")).json()
        assert found["possible"], found
        return [one for one in found["options"] if _by_bus(one["journey"])]

    async def rebook(self, body: object = None, key: str = "one") -> httpx.Response:
        return await self.api.client.post(
            f"/v1/bookings/{self.trip['id']}/rebook",
            json=body,
            headers=self.headers | ({"Idempotency-Key": key} if key else {}),
        )

    async def advance(self, booking_id: str) -> None:
        await advance(self.booking.desk, booking_id)


def _by_bus(journey: Json) -> bool:
    return {leg["mode"] for leg in journey["legs"]} <= {"bus", "walk"}


@pytest.fixture(scope="module")
def processor() -> Iterator[str]:
    with run_processor() as url:
        yield url


@pytest.fixture
async def stage(
    city_world: World, processor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stage]:
    api = city_world
    with run_operators(tmp_path) as operators:
        async with httpx.AsyncClient() as http:
            made = await open_world(api.wiring.engine, operators, processor, http)
            offices = providers_of(luebeck())
            desk = replace(made.desk, clock=lambda: api.now, providers=offices)
            made = replace(made, desk=desk)
            api.wiring = replace(api.wiring, desk=desk, gateway=desk.gateway, providers=offices)
            api.app.state.wiring = api.wiring
            headers = await api.sign_in()
            found = Stage(api, made, headers, monkeypatch, {})
            found.say("")
            found.trip = await book(found)
            await wait_for_background(10)
            yield found
            await wait_for_background(10)
            await desk.gateway.close()


async def book(stage: Stage, key: str = "booking") -> Json:
    search = {
        "from": {"stop_id": FROM}, "to": {"stop_id": TO}, "modes": ["bus", "walk"],
        "depart_at": "2026-11-25T09:10:00+01:00",
    }  # fmt: skip
    client = stage.api.client
    found = (await client.post("/v1/journeys/search", json=search, headers=stage.headers)).json()
    journey = next(
        one for one in found["journeys"]
        if [leg["trip_id"] for leg in one["legs"] if leg["mode"] == "bus"] == [FIRST, SECOND]
    )  # fmt: skip
    body = {"offer_id": journey["offer_id"], "payment_method": "pm_card_visa"}
    booked = await client.post(
        "/v1/bookings", json=body, headers=stage.headers | {"Idempotency-Key": key}
    )
    assert (booked.status_code, booked.json()["state"]) == (201, "confirmed"), booked.text
    return booked.json()  # type: ignore[no-any-return]


def actions(shown: Json) -> list[str]:
    return [each["action"] for each in shown["next_actions"]]


def bus(shown: Json, number: int) -> Json:
    legs = [leg for leg in shown["legs"] if leg["mode"] == "bus"]
    return legs[number]  # type: ignore[no-any-return]


async def test_who_misses_the_next_bus_goes_on_with_her_ticket_for_nothing(stage: Stage) -> None:
    assert (await stage.get()).json()["disturbed"] is None
    await stage.at("09:20:00")
    stage.say(LATE)
    shown = (await stage.get()).json()
    missed = bus(stage.trip, 1)["id"]
    assert shown["disturbed"] == {
        "leg_id": missed, "because": "missed", "late_seconds": 600,
        "text": "Linie 5 wird verpasst: die Fahrt davor kommt voraussichtlich 10 min später.",
    }  # fmt: skip
    assert "rebook" in actions(shown)
    offered = (await stage.get("/rebooking")).json()
    assert (offered["given_up"], offered["locked_price"]["amount"]) == ([missed], 0)
    assert (offered["from_name"], offered["departs_from"]) == ("Marliring", "2026-11-25T08:36:46Z")
    option = (await stage.options())[0]
    assert option["you_pay"]["amount"] == 0
    assert datetime.fromisoformat(option["journey"]["departs_at"]) >= datetime.fromisoformat(
        "2026-11-25T09:36:46+01:00"
    )

    answer = await stage.rebook({"offer_id": option["journey"]["offer_id"]})
    assert answer.status_code == 201, answer.text
    new = answer.json()
    assert (new["state"], new["rebooked_from"]) == ("confirmed", stage.trip["id"])
    assert (new["price"]["amount"], new["locked_price"]["amount"]) == (0, 0)
    assert bus(new, 0)["state"] in ("confirmed", "ready")
    await stage.advance(stage.trip["id"])
    old = (await stage.get()).json()
    assert (old["rebooked_as"], bus(old, 1)["state"]) == (new["id"], "cancelled")
    assert bus(old, 1)["reported"] == {"kind": "rebooked", "outcome": "given_back"}
    assert (bus(old, 0)["state"], "rebook" in actions(old)) == ("ready", False)

    again = await stage.rebook({"offer_id": option["journey"]["offer_id"]})
    assert again.json() == new
    other = await stage.rebook(key="two")
    assert (other.status_code, other.json()["type"]) == (409, "/problems/already-rebooked")
    assert other.json()["booking_id"] == new["id"]


async def test_a_bus_that_leaves_before_she_is_there_is_missed(stage: Stage) -> None:
    await stage.at("09:20:00")
    stage.say(f"{SECOND} 2026-11-25: {KAUFHOF}=-240")
    shown = (await stage.get()).json()
    text = "Linie 5 wird verpasst: sie fährt voraussichtlich früher ab als gebucht."
    assert (shown["disturbed"]["because"], shown["disturbed"]["text"]) == ("missed", text)
    assert "rebook" in actions(shown)


async def test_a_trip_whose_first_bus_is_cancelled_is_booked_anew_as_a_whole(
    stage: Stage,
) -> None:
    await stage.at("09:05:00")
    stage.say(f"cancel {FIRST} 2026-11-25")
    shown = (await stage.get()).json()
    assert shown["disturbed"]["text"] == "Linie 3 fährt nicht wie gebucht."
    option = (await stage.options())[0]
    assert option["you_pay"]["amount"] <= 360
    new = (await stage.rebook({"offer_id": option["journey"]["offer_id"]})).json()
    assert new["locked_price"]["amount"] == 360
    await stage.advance(stage.trip["id"])
    old = (await stage.get()).json()
    assert (old["state"], old["payment"]["state"]) == ("cancelled", "refunded")


async def test_who_started_all_of_it_at_home_loses_nothing(stage: Stage) -> None:
    """Neither while nothing is wrong, nor when her first bus does not come."""
    await stage.at("08:00:00")
    for number in (0, 1):
        leg_id = bus(stage.trip, number)["id"]
        url = f"/v1/bookings/{stage.trip['id']}/legs/{leg_id}/start"
        assert (await stage.api.client.post(url, headers=stage.headers)).status_code == 200
    shown = (await stage.get()).json()
    assert (shown["state"], bus(shown, 0)["state"], bus(shown, 1)["state"]) == ("active",) * 3
    assert "cancel" in actions(shown)
    terms = (await stage.get("/cancellation")).json()
    assert (terms["possible"], terms["refund"]["amount"]) == (True, 360)
    await stage.at("09:05:00")
    stage.say(f"cancel {FIRST} 2026-11-25")
    assert "rebook" in actions((await stage.get()).json())
    option = (await stage.options())[0]
    new = (await stage.rebook({"offer_id": option["journey"]["offer_id"]})).json()
    assert (new["state"], new["locked_price"]["amount"]) == ("confirmed", 360)
    await stage.advance(stage.trip["id"])
    old = (await stage.get()).json()
    assert (old["state"], old["payment"]["state"]) == ("cancelled", "refunded")


async def test_nothing_is_rebooked_of_a_trip_of_which_nothing_is_known(stage: Stage) -> None:
    found = (await stage.get("/rebooking")).json()
    assert (found["possible"], found["options"]) == (False, [])
    answer = await stage.rebook()
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/nothing-to-rebook")


async def test_too_late_is_when_the_trip_is_over(stage: Stage) -> None:
    stage.say(LATE)
    await stage.at("11:30:00")
    await stage.advance(stage.trip["id"])
    answer = await stage.rebook()
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/wrong-state")
    assert "is settled" in answer.json()["detail"]


async def test_where_nothing_else_goes_the_answer_says_what_does(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is offered that is dearer by more than the city's rules let us bear."""
    await stage.at("09:05:00")
    stage.say(f"cancel {FIRST} 2026-11-25")
    monkeypatch.setattr("mobility.api.rebooking_options.ceiling_of", lambda _one: Money(1361))
    answer = await stage.rebook()
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/no-option")
    assert answer.json()["reasons"]
    assert (await stage.get()).json()["state"] == "confirmed"


async def test_two_at_once_are_one(stage: Stage) -> None:
    await stage.at("09:05:00")
    stage.say(f"cancel {FIRST} 2026-11-25")
    body = {"offer_id": (await stage.options())[0]["journey"]["offer_id"]}
    answers = await asyncio.gather(*(stage.rebook(body, key) for key in ("one", "two", "one")))
    made = [each.json()["id"] for each in answers if each.status_code == 201]
    refused = [each.json()["type"] for each in answers if each.status_code != 201]
    assert len(set(made)) == 1, [each.text for each in answers]
    assert set(refused) == {"/problems/already-rebooked"}


async def test_such_an_offer_is_good_for_that_trip_alone(stage: Stage) -> None:
    await stage.at("09:20:00")
    stage.say(LATE)
    offer_id = (await stage.options())[0]["journey"]["offer_id"]
    body = {"offer_id": offer_id, "payment_method": "pm_card_visa"}
    headers = stage.headers | {"Idempotency-Key": "three"}
    free = await stage.api.client.post("/v1/bookings", json=body, headers=headers)
    assert (free.status_code, free.json()["type"]) == (410, "/problems/offer-expired")
    ordinary = await stage.rebook({"offer_id": "off_" + "a" * 26})
    assert (ordinary.status_code, ordinary.json()["type"]) == (410, "/problems/offer-expired")


async def test_nobody_sees_or_rebooks_anothers_trip(stage: Stage) -> None:
    await stage.at("09:20:00")
    stage.say(LATE)
    stage.headers = await stage.api.sign_in("eve@example.org")
    assert (await stage.get("/rebooking")).status_code == 404
    assert (await stage.rebook()).status_code == 404


@pytest.mark.parametrize(
    ("body", "key", "status"),
    [
        ({}, "", 400),
        ({"offer_id": ""}, "one", 422),
        ({"offer_id": "x" * 81}, "one", 422),
        ({"offer_id": "\x00"}, "one", 410),
        ({"offer_id": 5}, "one", 422),
        ({"payment_method": "pm card"}, "one", 422),
        ({"locked_price": 0}, "one", 422),
        ([], "one", 422),
    ],
)
async def test_nonsense_is_refused(stage: Stage, body: object, key: str, status: int) -> None:
    await stage.at("09:20:00")
    stage.say(LATE)
    answer = await stage.rebook(body, key)
    assert answer.status_code == status, answer.text


async def test_a_ticket_that_can_still_be_given_back_carries_nobody_on(stage: Stage) -> None:
    """Else the bus instead of the cancelled one would be free once the first one is cancelled."""
    await stage.at("09:05:00")
    stage.say(f"cancel {SECOND} 2026-11-25")
    offered = (await stage.get("/rebooking")).json()
    both = [bus(stage.trip, 0)["id"], bus(stage.trip, 1)["id"]]
    assert (offered["given_up"], offered["locked_price"]["amount"]) == (both, 360)
    option = (await stage.options())[0]
    assert option["you_pay"]["amount"] == 360
    new = (await stage.rebook({"offer_id": option["journey"]["offer_id"]})).json()
    assert (new["state"], new["price"]["amount"]) == ("confirmed", 360)
    await stage.advance(stage.trip["id"])
    assert (await stage.get()).json()["state"] == "cancelled"


async def test_a_ride_that_she_said_is_over_carries_her_on_also_before_its_departure(
    stage: Stage,
) -> None:
    """Its ticket is not given back any more, so that nobody has to bear another one."""
    await stage.at("09:05:00")
    first = bus(stage.trip, 0)["id"]
    for verb in ("start", "finish"):
        url = f"/v1/bookings/{stage.trip['id']}/legs/{first}/{verb}"
        assert (await stage.api.client.post(url, headers=stage.headers)).status_code == 200
    stage.say(f"cancel {SECOND} 2026-11-25")
    offered = (await stage.get("/rebooking")).json()
    assert (offered["given_up"], offered["locked_price"]["amount"]) == (
        [bus(stage.trip, 1)["id"]], 0,
    )  # fmt: skip
    option = (await stage.options())[0]
    assert option["journey"]["price"]["amount"] == 0


async def test_what_is_too_dear_for_what_is_left_to_give_up_is_not_booked(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A vehicle of the rest may have been given back since, so that less than then is locked."""
    await stage.at("09:05:00")
    stage.say(f"cancel {FIRST} 2026-11-25")
    option = (await stage.options())[0]
    monkeypatch.setattr("mobility.api.rebooking.lock_price", lambda *_: Money(0))
    monkeypatch.setattr("mobility.api.rebooking.most_ceiling", lambda *_: Money(359))
    answer = await stage.rebook({"offer_id": option["journey"]["offer_id"]})
    assert (answer.status_code, answer.json()["type"]) == (410, "/problems/offer-expired")
    assert (await stage.get()).json()["rebooked_as"] is None


@pytest.mark.parametrize(
    ("cancelled", "expires_at"),
    [(SECOND, "09:16:55"), (FIRST, "09:20:00")],  # aboard the first one; nobody is
)
async def test_it_is_to_be_certain_before_she_may_be_aboard_what_she_gives_up(
    stage: Stage, cancelled: str, expires_at: str
) -> None:
    await stage.at("09:10:00")
    stage.say(f"cancel {cancelled} 2026-11-25")
    answer = await stage.rebook({"payment_method": "pm_card_threeDSecure2Required"})
    assert answer.status_code == 201, answer.text
    shown = answer.json()
    assert (shown["state"], actions(shown)) == ("awaiting_payment", ["pay", "cancel"])
    expected = datetime.fromisoformat(f"2026-11-25T{expires_at}+01:00")
    assert datetime.fromisoformat(shown["expires_at"]) == expected


async def test_aboard_a_bus_that_is_very_late_she_still_has_her_ticket_to_show(
    stage: Stage,
) -> None:
    first = bus(stage.trip, 0)["id"]
    stage.say(LATE.replace("+600", "+2400"))
    await stage.at("10:00:00")
    await stage.advance(stage.trip["id"])
    shown = (await stage.get()).json()
    assert bus(shown, 0)["state"] == "ended"
    offered = [each["leg_id"] for each in shown["next_actions"] if each["action"] == "show_ticket"]
    assert first in offered
    ticket = await stage.get(f"/legs/{first}/ticket")
    assert ticket.status_code == 200, ticket.text
    await stage.at("10:10:00")
    await stage.advance(stage.trip["id"])
    shown = (await stage.get()).json()
    assert (shown["state"], actions(shown)) == ("settled", ["show_ticket", "show_ticket"])
    await stage.at("12:30:00")
    assert actions((await stage.get()).json()) == []
