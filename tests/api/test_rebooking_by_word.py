"""A rider who could not use a leg goes on another way over HTTP, by her word alone."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from mobility.api.booking_flow import check_offer
from mobility.booking.rebooked import has_gone_on
from mobility.db import transaction
from payments.money import Money
from tests.api.test_rebooking import (
    FIRST,
    SECOND,
    Json,
    Stage,
    actions,
    book,
    bus,
    processor,
    stage,
)

__all__ = ["processor", "stage"]


async def report(stage: Stage, leg_id: str, kind: str) -> Json:
    answer = await stage.api.client.post(
        f"/v1/bookings/{stage.trip['id']}/legs/{leg_id}/problem",
        json={"kind": kind}, headers=stage.headers,
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    return answer.json()["booking"]  # type: ignore[no-any-return]


async def test_who_could_not_use_a_leg_goes_on_at_the_locked_price(stage: Stage) -> None:
    """The first bus takes no wheelchair: both rides on its ticket go back, the next is taken."""
    await stage.at("09:05:00")
    first = bus(stage.trip, 0)["id"]
    shown = await report(stage, first, "wheelchair_refused")
    assert (shown["state"], actions(shown)) == ("cancelled", ["rebook"])
    assert shown["disturbed"] == {
        "leg_id": first, "because": "reported", "late_seconds": 0,
        "text": "Linie 3 konntest du nicht nutzen.",
    }  # fmt: skip
    found = (await stage.get("/rebooking")).json()
    assert (found["given_up"], found["locked_price"]["amount"]) == ([], 360)
    rides = [leg["trip_id"] for one in found["options"] for leg in one["journey"]["legs"]]
    assert FIRST not in rides
    new = await stage.rebook()
    assert (new.status_code, new.json()["state"]) == (201, "confirmed"), new.text
    assert new.json()["locked_price"]["amount"] == 360
    old = (await stage.get()).json()
    assert (old["rebooked_as"], actions(old)) == (new.json()["id"], [])
    again = await stage.rebook(key="two")
    assert again.json()["type"] == "/problems/already-rebooked"


async def test_of_two_trips_rebooked_at_once_one_is_at_our_expense(stage: Stage) -> None:
    await stage.at("09:05:00")
    other = replace(stage, trip=await book(stage, "other"))
    for each in (stage, other):
        await report(each, bus(each.trip, 0)["id"], "wheelchair_refused")

    async def slowly(*asked: Any) -> bool:
        found = await has_gone_on(*asked)
        await asyncio.sleep(0.3)
        return found

    stage.monkeypatch.setattr("mobility.api.rebooking.has_gone_on", slowly)
    stage.monkeypatch.setattr("mobility.api.rebooking.lock_price", lambda *_: Money(0))
    answers = await asyncio.gather(stage.rebook(key="one"), other.rebook(key="two"))
    assert sorted(each.status_code for each in answers) == [201, 410], [a.text for a in answers]


async def test_who_is_erased_meanwhile_books_nothing_more(stage: Stage) -> None:
    await stage.at("09:05:00")
    await report(stage, bus(stage.trip, 0)["id"], "wheelchair_refused")

    async def checked(*asked: Any, **more: Any) -> Any:
        wanted = await check_offer(*asked, **more)
        await stage.api.client.delete("/v1/me", headers=stage.headers)
        return wanted

    stage.monkeypatch.setattr("mobility.api.rebooking.check_offer", checked)
    answer = await stage.rebook()
    assert answer.status_code == 401, answer.text


@pytest.mark.parametrize(
    ("kind", "clock", "possible"),
    [
        ("wheelchair_refused", "10:04:59", True),
        ("wheelchair_refused", "10:05:00", False),
        ("other", "09:06:00", False),
    ],
)
async def test_what_was_reported_is_rebooked_within_an_hour_and_not_for_any_reason(
    stage: Stage, kind: str, clock: str, *, possible: bool
) -> None:
    await stage.at("09:05:00")
    await report(stage, bus(stage.trip, 0)["id"], kind)
    await stage.at(clock)
    shown = (await stage.get()).json()
    assert (actions(shown) == ["rebook"], (await stage.get("/rebooking")).json()["possible"]) == (
        possible,
        possible,
    )


async def test_all_legs_count_that_she_could_not_use_and_none_of_them_is_offered(
    stage: Stage,
) -> None:
    """Two tickets, 3.60 and 2.00: neither bus takes a wheelchair."""
    await stage.at("09:05:00")
    first, second = (bus(stage.trip, number)["id"] for number in (0, 1))
    own = "update leg set product = 'single:2:adult', quoted_minor = 200 where id = :id"
    async with transaction(stage.booking.desk.engine) as tx:
        await tx.execute(text(own), {"id": second})
    for leg_id in (second, first):
        await report(stage, leg_id, "wheelchair_refused")
    found = (await stage.get("/rebooking")).json()
    assert (found["given_up"], found["locked_price"]["amount"]) == ([], 560)
    rides = {leg["trip_id"] for one in found["options"] for leg in one["journey"]["legs"]}
    assert rides
    assert not rides & {FIRST, SECOND}
