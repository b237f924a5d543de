"""Rides that do not end: they are ended for their rider, and cost no more than that."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from mobility.booking.book import BookingRequest, ProviderTerms, prepare_booking
from mobility.booking.leg_reports import Kind, LegReport, Outcome, count_reports, find_report
from mobility.booking.longest import CAPPED, Bound, find_bound
from mobility.booking.ride import ask_to_start
from mobility.booking.trips import order_of
from mobility.db import transaction
from payments.money import Money
from providers import tariff
from providers.price_item import ItemKind
from providers.values import Mode, PricingPlan, Segment, Usage
from tests.booking.test_hard_luck import do, later
from tests.booking.test_problem import claims, tell
from tests.booking.test_receipt import receipt_of
from tests.booking.world import BIKE, World, bike_leg, offer_of

HALF_HOURS = PricingPlan(
    id="basis", version="2026-01", name="Basis", currency="EUR", price=Decimal(0),
    per_min=(Segment(0, Decimal(1), 30),),
)  # fmt: skip
DAY = timedelta(hours=24)


@pytest.mark.parametrize(
    ("most", "bound"),
    [
        (None, Bound(1440, Kind.LONGEST_RIDE)),
        (Money(10_000), Bound(1440, Kind.LONGEST_RIDE)),
        (Money(200), Bound(59, Kind.SPEND_CEILING)),
        (Money(299), Bound(59, Kind.SPEND_CEILING)),
        (Money(100), Bound(29, Kind.SPEND_CEILING)),
    ],
)
def test_a_ride_may_last_as_long_as_its_rider_pays_and_the_city_allows(
    most: Money | None, bound: Bound
) -> None:
    assert find_bound(HALF_HOURS, DAY, most, 2000) == bound


def test_the_distance_planned_counts_where_it_is_paid_for() -> None:
    by_km = replace(HALF_HOURS, per_km=(Segment(0, Decimal("0.50"), 1),))
    assert find_bound(by_km, DAY, Money(200), 2000).minutes == 29


@given(st.integers(100, 3000), st.integers(1, 60), st.integers(0, 200))
def test_the_last_minute_allowed_is_the_last_that_costs_no_more(
    most: int, interval: int, rate: int
) -> None:
    plan = replace(HALF_HOURS, per_min=(Segment(0, Decimal(rate) / 100, interval),))
    within = tariff.minutes_within(plan, Money(most), 0, 600)
    assert within == 0 or tariff.price(plan, Usage(within, 0)) <= Money(most)
    assert within == 600 or tariff.price(plan, Usage(within + 1, 0)) > Money(most)


async def riding(world: World, spend_ceiling: int | None = None) -> str:
    """A bike is ridden, at 1 € a started half hour."""
    stanza = world.operators[BIKE].stanza
    ceiling = None if spend_ceiling is None else Money(spend_ceiling)
    request = BookingRequest(
        "rdr_anna", offer_of(bike_leg()), "pm_card_visa", ceiling, lambda _terms: ()
    )
    terms = ProviderTerms(
        world.desk.providers[BIKE],
        Decimal(8),
        tuple(stanza.pricing_plans()),
        {Mode.BIKE: timedelta(hours=24)},
    )
    async with transaction(world.desk.engine) as tx:
        booking_id = await prepare_booking(
            tx, request, lambda _id: terms, hold=timedelta(minutes=10), now=world.desk.clock()
        )
    await world.advance(booking_id)
    first = (await world.trip(booking_id)).legs[0]
    await do(world, lambda tx: ask_to_start(tx, booking_id, first.id, world.desk.clock()))
    await world.advance(booking_id)
    return booking_id


async def noted(world: World, booking_id: str) -> LegReport | None:
    first = (await world.trip(booking_id)).legs[0]
    async with transaction(world.desk.engine) as tx:
        return await find_report(tx, booking_id, first.id)


async def ends_after(world: World, booking_id: str) -> int:
    first = (await world.trip(booking_id)).legs[0]
    assert first.end_by is not None
    assert first.started_at is not None
    return (first.end_by - first.started_at) // timedelta(minutes=1)


async def test_a_ride_is_ended_before_it_costs_more_than_its_rider_allows(world: World) -> None:
    booking_id = await riding(world, spend_ceiling=400)
    plan = tariff.find_plan(tuple(world.operators[BIKE].stanza.pricing_plans()), "basis/2026-01")
    assert plan is not None
    minutes = await ends_after(world, booking_id)
    assert tariff.price(plan, Usage(minutes, 2000)) <= Money(400)
    await later(world, minutes=minutes - 1).advance(booking_id)
    assert await world.story(booking_id) == "active | bike active | authorised"
    world.operators[BIKE].ride(minutes=minutes, metres=3000)
    await later(world, minutes=minutes).advance(booking_id)
    assert (await world.trip(booking_id)).state == "settled"
    report = await noted(world, booking_id)
    assert report is not None
    assert (report.kind, report.outcome) == (Kind.SPEND_CEILING, Outcome.ENDED_BY_US)
    assert (report.asked, report.answer, report.seen, report.open) == (
        "finish", "done", "ended", False,
    )  # fmt: skip
    ((claimed, final, lines),) = await claims(world, booking_id)
    assert claimed == final
    assert CAPPED not in lines
    assert world.money(booking_id) == (0, final)


async def test_a_ride_that_cannot_be_ended_costs_no_more_and_is_a_persons_case(
    world: World,
) -> None:
    booking_id = await riding(world, spend_ceiling=400)
    minutes = await ends_after(world, booking_id)
    world.operators[BIKE].fault("finish", "refuse")
    await later(world, minutes=minutes).advance(booking_id)
    assert await world.story(booking_id) == "needs_attention | bike active | authorised"
    report = await noted(world, booking_id)
    assert report is not None
    assert (report.answer, report.seen, report.open) == ("refused", "in_use", True)

    world.operators[BIKE].ride(minutes=900, metres=3000)
    order = await _order(world, booking_id)
    await world.desk.providers[BIKE].finish(order, datetime.now(UTC))
    await later(world, minutes=minutes + 6).advance(booking_id)
    assert (await world.trip(booking_id)).state == "settled"
    ((claimed, final, lines),) = await claims(world, booking_id)
    assert claimed is not None
    assert final is not None
    assert final <= 400 < claimed
    assert lines[-1] == CAPPED
    assert world.money(booking_id) == (0, final)
    assert (await world.trip(booking_id)).owed == Money(0)
    await _is_computed_anew(world)
    async with transaction(world.desk.engine) as tx:
        await tx.execute(text("update leg set final_minor = final_minor + 1"))
    assert (await receipt_of(world)).lines[0].off == Money(1)


async def _is_computed_anew(world: World) -> None:
    (line,) = (await receipt_of(world)).lines
    assert (line.off, line.off_because) == (Money(0), "")
    assert line.items[-1].kind is ItemKind.ENDED_BY_US
    assert Money.of_major(sum((item.amount for item in line.items), Decimal(0))) == line.gross


async def _order(world: World, booking_id: str) -> Any:
    trip = await world.trip(booking_id)
    return order_of(trip, trip.legs[0], world.desk.pseudonym(BIKE, trip.rider_id))


async def test_without_a_ceiling_the_citys_longest_ride_ends_it(world: World) -> None:
    booking_id = await riding(world)
    assert await ends_after(world, booking_id) == 1440
    world.operators[BIKE].ride(minutes=1440, metres=3000)
    await later(world, hours=24, seconds=1).advance(booking_id)
    report = await noted(world, booking_id)
    assert report is not None
    assert report.kind is Kind.LONGEST_RIDE


async def test_a_reported_ride_that_cannot_be_ended_costs_no_more_than_until_the_report(
    world: World,
) -> None:
    booking_id = await riding(world, spend_ceiling=400)
    world.operators[BIKE].fault("finish", "refuse")
    report = await tell(later(world, minutes=9), booking_id)
    assert report.outcome is Outcome.CHARGED
    world.operators[BIKE].ride(minutes=2900, metres=0)
    order = await _order(world, booking_id)
    await world.desk.providers[BIKE].finish(order, datetime.now(UTC))
    await later(world, hours=30).advance(booking_id)
    ((claimed, final, lines),) = await claims(world, booking_id)
    plan = tariff.find_plan(tuple(world.operators[BIKE].stanza.pricing_plans()), "basis/2026-01")
    assert plan is not None
    assert claimed is not None
    assert final == tariff.price(plan, Usage(10, 0)).minor < 400 < claimed
    assert lines[-1] == CAPPED
    assert (await world.trip(booking_id)).owed == Money(0)
    await _is_computed_anew(world)


async def test_rides_that_we_ended_are_not_counted_as_reports_of_their_rider(world: World) -> None:
    booking_id = await riding(world, spend_ceiling=400)
    minutes = await ends_after(world, booking_id)
    world.operators[BIKE].ride(minutes=minutes, metres=3000)
    await later(world, minutes=minutes).advance(booking_id)
    assert await noted(world, booking_id)
    day_before = datetime.now(UTC) - timedelta(days=1)
    async with transaction(world.desk.engine) as tx:
        assert await count_reports(tx, "rdr_anna", day_before) == 0
    other = await world.book(offer_of(bike_leg()))
    await world.advance(other)
    await tell(world, other)
    async with transaction(world.desk.engine) as tx:
        assert await count_reports(tx, "rdr_anna", day_before) == 1
