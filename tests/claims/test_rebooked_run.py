"""Who stays aboard a late bus when she rebooks was late by it once."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from mobility.cities.city import load_city
from mobility.claims import watch
from mobility.claims.notice import BookedRide, Noticed
from mobility.claims.store import add_noticed
from payments.money import Money
from tests.booking.test_hard_luck import do
from tests.booking.world import World
from tests.claims.test_claims import rode, town
from tests.claims.test_notice import CITY, MORNING, at, notice, now

__all__ = ["town"]


async def _see(world: World, booking_id: str, price: int, run: str = "1-1") -> Noticed:
    (one,) = notice([MORNING], now("1-1 2026-11-25: C=+1020"), at("08:36"), CITY)
    leg = (await world.trip(booking_id)).provided[0].id
    ride = replace(one.ride, booking_id=booking_id, leg_id=leg, price=Money(price))
    return replace(one, ride=ride, evidence=replace(one.evidence, trip_id=run))


async def _add(world: World, booking_id: str, price: int, run: str = "1-1") -> bool:
    seen = await _see(world, booking_id, price, run)
    return bool(await do(world, lambda tx: add_noticed(tx, seen, "EUR", at("08:40"))))


async def _rebook(world: World, before: str, after: str) -> None:
    leg = (await world.trip(before)).provided[0].id
    took = f"rebooked_from = '{before}', rebooked_leg_id = '{leg}', locked_minor = 0"
    await do(world, lambda tx: tx.execute(text(f"update booking set {took} where id = '{after}'")))


async def test_one_ticket_on_one_run_is_one_claim_however_often_she_rebooks(town: World) -> None:
    first, second, third, other = [await rode(town) for _ in range(4)]
    await _rebook(town, first, second)
    await _rebook(town, second, third)
    assert await _add(town, first, 360)
    assert not await _add(town, second, 0)
    assert not await _add(town, third, 0)
    assert await _add(town, second, 0, run="1-2")
    assert await _add(town, third, 360)
    assert await _add(town, other, 0)


async def test_both_are_seen_at_once_and_the_first_trip_has_the_claim(
    town: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await rode(town), await rode(town)
    await _rebook(town, first, second)
    seen = {first: await _see(town, first, 360), second: await _see(town, second, 0)}
    later = replace(seen[second].evidence, planned_at=at("08:30"))
    seen[second] = replace(seen[second], evidence=later)

    async def list_rides(*_of: object) -> list[list[BookedRide]]:
        return [[seen[second].ride], [seen[first].ride]]

    def look_at(rides: list[BookedRide], *_by: object) -> tuple[Noticed, ...]:
        return (seen[rides[0].booking_id],)

    told: list[str] = []

    async def publish(booking_id: str) -> None:
        told.append(booking_id)

    monkeypatch.setattr(watch, "list_rides", list_rides)
    monkeypatch.setattr(watch, "notice", look_at)
    realtime: Any = SimpleNamespace(current=None, trips_said_at=at("08:50"))
    changes: Any = SimpleNamespace(publish=publish)
    city = load_city("luebeck")
    found = watch.ClaimsWatch(town.desk.engine, city, realtime, changes, lambda: at("08:50"))
    assert await found.look() == 1
    assert told == [first]
