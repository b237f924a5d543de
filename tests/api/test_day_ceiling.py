"""Who is signed in sees what the city's ceiling of the day leaves; where there is none, nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mobility.cities.facts import DayCeiling
from providers.values import Mode
from tests.api.conftest import World
from tests.api.test_paid_today import anna
from tests.api.test_search import search
from tests.booking.test_day_ceiling import CEILING

HERE: DayCeiling = replace(CEILING, day_zone="Europe/Berlin")


def under(world: World, *ceilings: DayCeiling) -> World:
    world.wiring = replace(world.wiring, city=replace(world.wiring.city, day_ceilings=ceilings))
    world.app.state.wiring = world.wiring
    return world


def ceilings_in(answer: Any) -> list[tuple[int, str]]:
    return [
        (notice["price"]["amount"], notice["text"])
        for notice in answer["notices"]
        if notice["code"] == "day_ceiling"
    ]


@pytest.mark.parametrize(("cents", "left"), [(500, 300), (800, 0), (900, 0)])
async def test_a_search_says_what_the_ceiling_leaves(
    city_world: World, cents: int, left: int
) -> None:
    world = under(city_world, HERE)
    headers = await anna(world, cents)
    ((amount, said),) = ceilings_in(await search(world, headers))
    assert (amount, f"höchstens {left // 100},00 €;" in said, "erfunden" in said) == (
        left, True, True,
    )  # fmt: skip


async def test_it_is_said_to_nobody_else_and_of_no_other_day(city_world: World) -> None:
    world = under(city_world, HERE)
    headers = await anna(world, 500)
    assert ceilings_in(await search(world)) == []
    assert ceilings_in(await search(world, headers, passengers=2)) == []
    tomorrow = await search(world, headers, depart_at="2026-11-26T09:00:00+01:00")
    assert [amount for amount, _ in ceilings_in(tomorrow)] == [800]
    bikes_only = under(world, replace(HERE, modes=(Mode.BUS,)))
    assert [amount for amount, _ in ceilings_in(await search(bikes_only, headers))] == [800]
    assert ceilings_in(await search(under(world), headers)) == []
