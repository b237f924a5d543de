"""What could not be taken at once for a leg that costs nothing after all is owed by nobody."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from sqlalchemy import select

from mobility.booking.collect import STEP, collect
from mobility.booking.leg_reports import Kind
from mobility.booking.problem import Problem, report_problem
from mobility.tables import step
from payments.errors import PaymentConflictError
from tests.booking.test_arrears import owes, pay, payment_of
from tests.booking.test_hard_luck import BUS, Unlike, changed, city, do, later, ticket_leg
from tests.booking.world import World, offer_of, run_processor

__all__ = ["city"]


@pytest.fixture
def processor() -> Iterator[str]:
    with run_processor() as url:
        yield url


async def hold_gone(city: World, *prices: int) -> tuple[str, list[str]]:
    """A trip by buses whose hold was let go before it could be captured, and its legs."""
    real, tries = city.desk.gateway, count()

    async def capture_hold(hold_id: str, **how: Any) -> object:
        await real.release_hold(hold_id, key=f"by hand {hold_id} {next(tries)}")
        return await real.capture_hold(hold_id, **how)

    unlucky = changed(city, gateway=Unlike(real, capture_hold=capture_hold))
    legs = [ticket_leg(BUS, price, 30 + 20 * place) for place, price in enumerate(prices)]
    booking_id = await city.book(offer_of(*legs))
    await unlucky.advance(booking_id)
    return booking_id, [leg.id for leg in (await city.trip(booking_id)).legs]


async def report(city: World, booking_id: str, leg_id: str) -> None:
    said = Problem(Kind.OTHER)
    now = city.desk.clock()
    await do(city, lambda tx: report_problem(tx, booking_id, leg_id, said, now))
    await city.advance(booking_id)


async def collected(city: World, booking_id: str) -> None:
    """As the worker does what was asked for."""
    debt_id = await payment_of(city, booking_id)
    asked = select(step.c.key).where(step.c.kind == STEP, step.c.key == debt_id)
    if await do(city, lambda tx: tx.scalar(asked)) is not None:
        await collect(city.desk, debt_id)


async def test_only_the_legs_that_were_used_are_charged_apart(city: World) -> None:
    booking_id, legs = await hold_gone(city, 360, 200)
    await collected(city, booking_id)
    await report(city, booking_id, legs[1])
    await later(city, hours=2).advance(booking_id)
    await collected(city, booking_id)
    assert await city.story(booking_id) == "settled | bus ended, bus cancelled | released"
    assert (await owes(city, booking_id), city.money(booking_id)) == ("paid 0", (0, 360))
    books = await city.books()
    assert (books["rider_receivable:EUR"], books["processor:EUR"]) == (0, 360)


async def test_a_trip_of_which_nothing_is_used_is_not_owed(city: World) -> None:
    booking_id, legs = await hold_gone(city, 360)
    await collected(city, booking_id)
    with pytest.raises(PaymentConflictError, match="once that is over"):
        await pay(city, booking_id)
    await report(city, booking_id, legs[0])
    await collected(city, booking_id)
    assert await city.story(booking_id) == "cancelled | bus cancelled | released"
    assert (await owes(city, booking_id), city.money(booking_id)) == ("nothing", (0, 0))
    assert set((await city.books()).values()) == {0}
