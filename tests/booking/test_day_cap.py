"""A day's cap over several rides, to the cent: what the operator asks, and what is taken."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError
from sqlalchemy import text

from mobility.booking.advance import advance
from mobility.booking.book import BookingRequest, ProviderTerms, prepare_booking
from mobility.booking.day_cap import list_paid
from mobility.booking.give_back import ask_to_give_back
from mobility.booking.legs import record_look
from mobility.booking.ride import ask_to_finish, ask_to_start
from mobility.booking.riding import NO_SHOW_AFTER
from mobility.booking.trip import BookingState, LegState
from mobility.cities.city import load_city
from mobility.db import transaction
from mobility.planning.paid_today import STARTS_WITHIN, PaidToday
from payments.money import Money
from providers.stanza import ProviderStanza, SegmentStanza, read_stanzas
from providers.tariff import capped_day
from providers.values import (
    Mode,
    ProviderId,
    QuoteRequest,
    Reservation,
    ReservationRef,
    ReservationState,
    RideReport,
    Usage,
)
from tests.booking.test_hard_luck import BUS, TicketOffice, do, later, ticket_leg
from tests.booking.world import BIKE, World, bike_leg, offer_of, provider_of
from tests.providers.city import write_city
from tests.providers.sandboxes import Sandbox, run_sandbox

ANNA, BEN = "rdr_anna", "rdr_ben"
BIKES = ("hbf-01", "hbf-02")
NOON = f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"
"""A zone where it is about noon, so that no test comes to stand across a midnight."""


def capped(stanza: ProviderStanza, *, together: bool = True) -> ProviderStanza:
    """One euro a started half hour, at most nine a day, of all rides together or each."""
    by_time = (SegmentStanza(start=0, rate=Decimal("1.00"), interval=30),)
    plan = stanza.pricing_plan[0].model_copy(
        update={
            "price": Decimal(0),
            "per_min": by_time,
            "day_cap": Decimal("9.00"),
            "day_zone": NOON if together else None,
        }
    )
    return stanza.model_copy(update={"pricing_plan": (plan,)})


@pytest.fixture
def operators(tmp_path: Path) -> Iterator[dict[ProviderId, Sandbox]]:
    stanza = next(s for s in read_stanzas(write_city(tmp_path)) if s.id == BIKE)
    with run_sandbox(capped(stanza), tmp_path, tmp_path / "bike.sqlite") as bike:
        yield {BIKE: bike}


async def book(world: World, rider: str = ANNA, vehicle: str = BIKES[0]) -> str:
    offer = offer_of(bike_leg(vehicle, price=900, ceiling=900))
    booking_id = await world.book(offer, rider=rider)
    await world.advance(booking_id)
    return booking_id


async def wish(world: World, booking_id: str, minutes: int | None = None) -> None:
    """The rider asks to start, or after so many minutes to finish; nothing is carried out yet."""
    leg, *_ = (await world.trip(booking_id)).provided
    async with transaction(world.desk.engine) as tx:
        ask = ask_to_start if minutes is None else ask_to_finish
        await ask(tx, booking_id, leg.id, world.desk.clock())


async def ride(world: World, minutes: int, rider: str = ANNA) -> int:
    """The cents that were taken for a ride on a bike that is free."""
    booking_id = await book(world, rider, vehicle=await free_bike(world))
    await unlock_and_lock(world, booking_id, minutes)
    assert (await world.trip(booking_id)).state == BookingState.SETTLED
    held, taken = world.money(booking_id)
    assert held == 0
    return taken


async def unlock_and_lock(world: World, booking_id: str, minutes: int) -> None:
    world.operators[BIKE].ride(minutes, 3000)
    for length in (None, minutes):
        await wish(world, booking_id, length)
        await world.advance(booking_id)


async def free_bike(world: World) -> str:
    return next(bike for bike in BIKES if not world.holders(BIKE, bike))


async def charges(world: World) -> list[tuple[int, int]]:
    """What the operator asked and what was due, ride by ride."""
    async with transaction(world.desk.engine) as tx:
        query = "select claimed_minor, final_minor from leg where final_minor is not null"
        return [tuple(row) for row in await tx.execute(text(query + " order by ended_at, id"))]


async def test_a_days_rides_cost_no_more_than_the_cap_together(world: World) -> None:
    assert [await ride(world, minutes) for minutes in (200, 50)] == [700, 200]
    async with transaction(world.desk.engine) as tx:
        lines = await tx.scalar(text("select price_lines from leg where final_minor = 200"))
    assert lines == ["50 min: 2 x angefangene 30 min x 1,00 € = 2,00 €"]
    assert await ride(world, 10, BEN) == 100
    assert await ride(world, 90) == 0
    assert sorted(await charges(world)) == [(0, 0), (100, 100), (200, 200), (700, 700)]


async def test_the_ride_that_reaches_the_cap_says_what_was_paid_before(world: World) -> None:
    assert [await ride(world, minutes) for minutes in (230, 50)] == [800, 100]
    async with transaction(world.desk.engine) as tx:
        found = await tx.scalars(text("select price_lines from leg where final_minor = 100"))
    assert list(found) == [
        [
            "50 min: 2 x angefangene 30 min x 1,00 € = 2,00 €",
            "höchstens 9,00 € am Tag, davon schon 8,00 € gezahlt: -1,00 €",
        ]
    ]


async def test_the_next_day_begins_anew(world: World) -> None:
    assert await ride(world, 300) == 900
    world.operators[BIKE].advance(24 * 3600)
    assert await ride(world, 50) == 200


async def test_what_has_been_paid_is_known_to_the_next_offer(world: World) -> None:
    await ride(world, 200)
    plan = world.operators[BIKE].stanza.pricing_plans()[-1]
    now = world.desk.clock()
    async with transaction(world.desk.engine) as tx:
        ((of, paid),) = await list_paid(tx, ANNA, [(BIKE, plan)], now)
        tomorrow = await list_paid(tx, ANNA, [(BIKE, plan)], now + timedelta(days=1))
        bens = await list_paid(tx, BEN, [(BIKE, plan)], now)
    assert (of.plan, paid) == (plan, Money(700))
    assert (tomorrow, bens) == ([], [])


@pytest.mark.parametrize(("before", "price", "most"), [(0, 200, 300), (230, 100, 100), (300, 0, 0)])
async def test_what_was_offered_is_what_is_taken(
    world: World, before: int, price: int, most: int
) -> None:
    """Quoted after what was paid, frozen, ridden as planned: the same cents all the way."""
    if before:
        await ride(world, before)
    provider = world.desk.providers[BIKE]
    plan = world.operators[BIKE].stanza.pricing_plans()[-1]
    now = world.desk.clock()
    async with transaction(world.desk.engine) as tx:
        paid = [paid for _, paid in await list_paid(tx, ANNA, [(BIKE, plan)], now)]
    planned = QuoteRequest(Mode.BIKE, now, Usage(50, 3000), "rad", paid=paid[0] if paid else None)
    quote = provider.quote(planned)
    assert (quote.price, quote.ceiling) == (Money(price), Money(most))
    offer = offer_of(replace(bike_leg(await free_bike(world)), quote=quote))
    booking_id = await world.book(offer, rider=ANNA)
    await world.advance(booking_id)
    assert world.money(booking_id) == (most, 0)
    world.operators[BIKE].ride(50, 3000)
    for length in (None, 50):
        await wish(world, booking_id, length)
        await world.advance(booking_id)
    assert world.money(booking_id) == (0, price)
    assert (await world.trip(booking_id)).state == BookingState.SETTLED


async def test_a_ride_that_adds_nothing_may_have_a_ceiling_of_nothing(world: World) -> None:
    free = offer_of(bike_leg(price=0, ceiling=0))
    row = await world.row(await world.book(free, rider=ANNA, spend_ceiling=0))
    assert (row.ceiling_minor, row.spend_ceiling_minor) == (0, 0)


async def test_a_ride_that_nobody_was_charged_for_does_not_count(world: World) -> None:
    await ride(world, 200)
    plan = world.operators[BIKE].stanza.pricing_plans()[-1]
    async with transaction(world.desk.engine) as tx:
        await tx.execute(text("update booking set aim = 'fail', state = 'failed'"))
        assert await list_paid(tx, ANNA, [(BIKE, plan)], world.desk.clock()) == []


async def test_an_operator_that_caps_each_ride_alone_gets_no_more_than_the_tariff_says(
    world: World, tmp_path: Path
) -> None:
    """It asks 9 EUR twice; by the tariff that we published, the second ride is free."""
    stanza = world.operators[BIKE].stanza
    lone = capped(stanza, together=False)
    with run_sandbox(lone, tmp_path, tmp_path / "lone.sqlite") as sandbox:
        async with httpx.AsyncClient() as http:
            desk = replace(world.desk, providers={BIKE: provider_of(sandbox, stanza, http)})
            world = replace(world, desk=desk, operators={BIKE: sandbox})
            assert [await ride(world, 300), await ride(world, 300)] == [900, 0]
            assert sorted(await charges(world)) == [(900, 0), (900, 900)]


async def test_a_ride_waits_for_what_another_one_that_is_being_recorded_has_cost(
    world: World,
) -> None:
    """The operator asks 6 EUR twice; both reports come in before either is written."""
    plan = world.operators[BIKE].stanza.pricing_plans()[-1]
    now = world.desk.clock()
    report = RideReport(now, now, Usage(170, 3000), Money(600), expected=Money(600), plan=plan)
    ended = Reservation("", ReservationRef("b"), ReservationState.ENDED, report=report)
    first, second = [(await world.trip(await book(world, vehicle=bike))) for bike in BIKES]

    async def record_second() -> None:
        async with transaction(world.desk.engine) as tx:
            await record_look(tx, second.id, second.provided[0].id, ended, now)

    async with transaction(world.desk.engine) as tx:
        await record_look(tx, first.id, first.provided[0].id, ended, now)
        other = asyncio.ensure_future(record_second())
        while not other.done() and not await is_awaited(world):
            pass
    await other
    assert sorted(await charges(world)) == [(600, 300), (600, 600)]


async def is_awaited(world: World) -> bool:
    """Whether a transaction waits for a lock that another one holds."""
    query = """
        select exists (
            select from pg_locks join pg_database on pg_database.oid = pg_locks.database
            where locktype = 'advisory' and not granted and datname = current_database()
        )"""
    async with transaction(world.desk.engine) as tx:
        return bool(await tx.scalar(text(query)))


async def test_two_rides_that_end_at_once_stay_below_the_cap(world: World) -> None:
    """Two bikes, two workers, one rider, and whichever comes first at the operator."""
    mine = [await book(world, vehicle=bike) for bike in BIKES]
    for booking_id in mine:
        await wish(world, booking_id)
        await world.advance(booking_id)
    for _ in mine:
        world.operators[BIKE].ride(170, 3000)
    for booking_id in mine:
        await wish(world, booking_id, 170)
    await asyncio.gather(*(advance(world.desk, booking_id) for booking_id in mine))
    for booking_id in mine:
        await world.advance(booking_id)
    assert sorted(world.money(booking_id)[1] for booking_id in mine) == [300, 600]


async def test_a_second_bike_that_adds_nothing_is_not_ended_for_the_riders_own_ceiling(
    world: World,
) -> None:
    """7 of 9 EUR are paid: a bike of 2 EUR and one for nothing are within her 2 EUR."""
    await ride(world, 200)
    stanza = world.operators[BIKE].stanza
    (plan,) = stanza.pricing_plans()
    today = capped_day(plan, world.desk.clock())
    assert today is not None
    legs = [bike_leg(BIKES[0], price=200, ceiling=200), bike_leg(BIKES[1], price=0, ceiling=0)]
    request = BookingRequest(
        ANNA, offer_of(*legs), "pm_card_visa", Money(200), lambda _terms: (),
        paid=(PaidToday(BIKE, plan, today, Money(700)),),
    )  # fmt: skip
    terms = ProviderTerms(world.desk.providers[BIKE], Decimal(8), (plan,))
    async with transaction(world.desk.engine) as tx:
        hold = timedelta(minutes=10)
        booking_id = await prepare_booking(
            tx, request, lambda _id: terms, hold=hold, now=world.desk.clock()
        )
    await world.advance(booking_id)
    for leg in (await world.trip(booking_id)).legs:
        async with transaction(world.desk.engine) as tx:
            await ask_to_start(tx, booking_id, leg.id, world.desk.clock())
        await world.advance(booking_id)
        world.operators[BIKE].ride(50, 3000)
        await later(world, minutes=9).advance(booking_id)
        assert (await world.trip(booking_id)).legs[leg.position].state == LegState.ACTIVE
        async with transaction(world.desk.engine) as tx:
            await ask_to_finish(tx, booking_id, leg.id, world.desk.clock())
        await world.advance(booking_id)
    assert await world.story(booking_id) == "settled | bike ended, bike ended | captured"
    assert world.money(booking_id) == (0, 200)


async def test_a_ride_costs_no_more_than_offered_after_staff_gave_an_earlier_one_back(
    world: World, tmp_path: Path
) -> None:
    """7 of 9 EUR, then at most 2; an operator that caps each ride alone asks 9."""
    stanza = world.operators[BIKE].stanza
    with run_sandbox(capped(stanza, together=False), tmp_path, tmp_path / "lone.sqlite") as sandbox:
        async with httpx.AsyncClient() as http:
            providers = {BIKE: provider_of(sandbox, stanza, http), BUS: TicketOffice(BUS)}
            desk = replace(world.desk, providers=providers)
            world = replace(world, desk=desk, operators={BIKE: sandbox})
            bus = ticket_leg(BUS, 360, 60)
            first = await world.book(offer_of(bike_leg(price=900, ceiling=900), bus))
            second = await world.book(offer_of(bike_leg(BIKES[1], price=200, ceiling=200)))
            for booking_id in (first, second):
                await world.advance(booking_id)
            await unlock_and_lock(world, first, 200)
            by = {"actor": "rdr_otto", "reason": "stuck", "now": world.desk.clock()}
            await do(world, lambda tx: ask_to_give_back(tx, first, **by))
            await world.advance(first)
            await unlock_and_lock(world, second, 300)
            assert await charges(world) == [(700, 700), (900, 200)]
            assert [world.money(each) for each in (first, second)] == [(0, 0), (0, 200)]


def test_a_vehicle_is_kept_no_longer_than_prices_under_a_days_cap_allow_for() -> None:
    rules = load_city("luebeck").rules
    longest = (STARTS_WITHIN - NO_SHOW_AFTER) // timedelta(minutes=1)
    assert replace(rules, hold_extension_minutes=longest)
    with pytest.raises(ValidationError):
        replace(rules, hold_extension_minutes=longest + 1)
