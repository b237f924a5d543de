"""Who is signed in sees what the city's ceiling of the day leaves; where there is none, nobody."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from mobility.booking.advance import advance
from mobility.booking.at_once import wait_for_background
from mobility.booking.day_ceiling import cap_day
from mobility.booking.desk import Desk
from mobility.cities.facts import DayCeiling
from tests.api.conftest import World
from tests.api.test_paid_today import anna
from tests.api.test_search import VIA, of_modes, search
from tests.booking.test_day_ceiling import CEILING
from tests.booking.world import open_world, run_operators, run_processor
from tests.planning.world import luebeck, providers_of

Json = dict[str, Any]
HERE: DayCeiling = replace(CEILING, day_zone="Europe/Berlin")


def under(world: World, *ceilings: DayCeiling) -> World:
    world.wiring = replace(world.wiring, city=replace(world.wiring.city, day_ceilings=ceilings))
    world.app.state.wiring = world.wiring
    return world


def ceilings_in(answer: Json) -> list[tuple[int, str]]:
    return [
        (notice["price"]["amount"], notice["text"])
        for notice in answer["notices"]
        if notice["code"] == "day_ceiling"
    ]


def costs(answer: Json, *modes: str) -> tuple[int, int | None]:
    """The price that is taken, and what of it is paid in the end where that is less."""
    price = of_modes(answer, *modes)["price"]
    return price["amount"], price.get("after_day_ceiling")


@pytest.mark.parametrize(("cents", "left"), [(500, 300), (800, 0), (900, 0)])
async def test_a_search_says_what_the_ceiling_leaves(
    city_world: World, cents: int, left: int
) -> None:
    world = under(city_world, HERE)
    headers = await anna(world, cents)
    found = await search(world, headers)
    ((amount, said),) = ceilings_in(found)
    assert (amount, f"höchstens {left // 100},00 €;" in said, "erfunden" in said) == (
        left, True, True,
    )  # fmt: skip
    assert "am 25.11. zusammen höchstens 8,00 €" in said
    assert (costs(found, "bus"), costs(found, "car")) == ((360, left), (547, left))


async def test_a_journey_is_compared_by_what_it_costs_in_the_end(city_world: World) -> None:
    """With 0.50 left of the day, bus, car and bike cost the same: none is the cheapest."""
    world = under(city_world, HERE)
    headers = await anna(world, 750)
    mine, others = await search(world, headers, paid_today=[]), await search(world)
    assert "cheapest" in of_modes(others, "bike")["reasons"]
    assert not any("cheapest" in journey["reasons"] for journey in mine["journeys"])
    assert [costs(mine, mode) for mode in ("bus", "car", "bike")] == [
        (360, 50), (547, 50), (100, 50),
    ]  # fmt: skip
    assert of_modes(mine, "bus")["price"] == {
        "amount": 360, "currency": "EUR", "kind": "fixed", "max": None, "after_day_ceiling": 50,
    }  # fmt: skip
    assert "after_day_ceiling" not in of_modes(mine)["price"]
    assert "after_day_ceiling" not in of_modes(others, "bus")["price"]


async def test_it_is_said_to_nobody_else_and_of_no_other_day(city_world: World) -> None:
    world = under(city_world, HERE)
    headers = await anna(world, 500)
    for found in (await search(world), await search(world, headers, passengers=2)):
        assert ceilings_in(found) == []
        assert "after_day_ceiling" not in str(found)
    tomorrow = await search(world, headers, depart_at="2026-11-26T09:00:00+01:00")
    assert [amount for amount, _ in ceilings_in(tomorrow)] == [800]
    assert costs(tomorrow, "bus") == (360, None)
    gone = await search(under(world), headers)
    assert (ceilings_in(gone), "after_day_ceiling" in str(gone)) == ([], False)


async def test_pages_and_arrivals_and_the_last_bus_count_to_their_own_day(
    city_world: World,
) -> None:
    """The page after the evening's last one is of the next day, of which nothing is used up."""
    world = under(city_world, HERE)
    headers = await anna(world, 750)
    wish: Json = {"modes": ["bus"], "depart_at": "2026-11-25T22:00:00+01:00"}
    evening = await search(world, headers, **wish)
    assert costs(evening, "bus") == (360, 50)
    page, later = evening["later"], evening
    while later["journeys"] == [] or later["journeys"][0]["departs_at"] < "2026-11-26":
        later = await search(world, headers, **wish, page=page)
        page = later["later"]
    assert (costs(later, "bus"), ceilings_in(later)[0][0]) == ((360, None), 800)
    by_ten = await search(world, headers, arrive_by="2026-11-25T10:00:00+01:00")
    assert costs(by_ten, "bus") == (360, 50)
    first = await search(world, headers, when="first", date="2026-11-26")
    assert (costs(first, "bus"), ceilings_in(first)[0][0]) == ((360, None), 800)
    past = await search(world, headers, via=[VIA], modes=["bus"])
    assert costs(past, "bus", "bus")[1] == 50


async def test_the_bike_in_front_of_me_says_so_too(city_world: World) -> None:
    world = under(city_world, HERE)
    headers = await anna(world, 750)
    bike = next(
        leg for leg in of_modes(await search(world), "bike")["legs"] if leg["mode"] == "bike"
    )
    offered = await world.client.post(
        "/v1/offers", json={"vehicle_id": bike["vehicle_id"]}, headers=headers
    )
    assert offered.json()["price"]["after_day_ceiling"] == 50


@dataclass
class Stage:
    """Anna's trips by bus in the real city, paid at a real processor."""

    api: World
    desk: Desk

    async def search(self) -> Json:
        return await search(self.api, await self.api.sign_in())

    async def ride(self, journey: Json) -> str:
        """Book it, be there, and have it settled; the booking."""
        headers = await self.api.sign_in()
        body = {"offer_id": journey["offer_id"], "payment_method": "pm_card_visa"}
        booked = await self.api.client.post(
            "/v1/bookings", json=body, headers=headers | {"Idempotency-Key": journey["offer_id"]}
        )
        assert (booked.status_code, booked.json()["state"]) == (201, "confirmed"), booked.text
        booking_id: str = booked.json()["id"]
        await wait_for_background(10)
        self.api.pass_time(hours=2)
        await advance(self.desk, booking_id)
        return booking_id

    async def paid(self, booking_id: str) -> int:
        """What is left of its payment once the step that a settlement asks for is done."""
        await cap_day(self.desk, booking_id)
        answer = await self.api.client.get(
            f"/v1/bookings/{booking_id}/receipt", headers=await self.api.sign_in()
        )
        receipt = answer.json()
        kept: int = receipt["captured"]["amount"] - receipt["refunded"]["amount"]
        return kept


@pytest.fixture(scope="module")
def processor() -> Iterator[str]:
    with run_processor() as url:
        yield url


@pytest.fixture
async def stage(city_world: World, processor: str, tmp_path: Path) -> AsyncIterator[Stage]:
    api = under(city_world, HERE)
    with run_operators(tmp_path) as operators:
        async with httpx.AsyncClient() as http:
            made = await open_world(api.wiring.engine, operators, processor, http)
            offices = providers_of(luebeck())
            desk = replace(
                made.desk, clock=lambda: api.now, providers=offices, day_ceilings=(HERE,)
            )
            api.wiring = replace(api.wiring, desk=desk, gateway=desk.gateway, providers=offices)
            api.app.state.wiring = api.wiring
            yield Stage(api, desk)
            await wait_for_background(10)
            await desk.gateway.close()


async def test_what_a_journey_is_said_to_cost_is_what_is_paid_after_its_settlement(
    stage: Stage,
) -> None:
    """3.60 three times under a ceiling of 8.00: the third costs 0.80."""
    trips = []
    for said in (None, None, 80):
        found = await stage.search()
        assert costs(found, "bus") == (360, said)
        trips.append(await stage.ride(of_modes(found, "bus")))
        assert await stage.paid(trips[-1]) == (360 if said is None else said)
    assert [await stage.paid(trip) for trip in trips] == [360, 360, 80]
    assert costs(await stage.search(), "bus") == (360, 0)


async def test_a_trip_that_is_booked_and_not_settled_does_not_count(stage: Stage) -> None:
    first = of_modes(await stage.search(), "bus")
    body = {"offer_id": first["offer_id"], "payment_method": "pm_card_visa"}
    headers = await stage.api.sign_in()
    await stage.api.client.post(
        "/v1/bookings", json=body, headers=headers | {"Idempotency-Key": "one"}
    )
    await wait_for_background(10)
    assert ceilings_in(await stage.search())[0][0] == 800
