"""What goes wrong at the worst moment, each once seen to end with a lost bike or lost money."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from gtfs.geo import LatLon
from mobility.booking.advance import advance
from mobility.booking.at_once import advance_while_waiting
from mobility.booking.cancel import ask_to_cancel
from mobility.booking.errors import WrongStateError
from mobility.booking.queries import list_open_bookings
from mobility.booking.ride import ask_to_finish, ask_to_start
from mobility.booking.trip import BookingState
from mobility.booking.trips import order_of
from mobility.db import transaction
from mobility.planning.offer import OfferLeg
from payments.errors import MisconfiguredError, OutcomeUnknownError, PaymentStuckError, RefusedError
from payments.money import Money
from providers.errors import OutcomeUnknownError as OperatorSilentError
from providers.errors import UnreachableError
from providers.port import Provider
from providers.values import (
    LegOrder,
    Mode,
    ProviderId,
    Quote,
    Reservation,
    ReservationRef,
    ReservationState,
)
from tests.booking.world import BIKE, World, bike_leg, car_leg, offer_of

BUS, FERRY = ProviderId("bus"), ProviderId("ferry")
Work = Callable[[AsyncConnection], Awaitable[Any]]


class TicketOffice:
    """Issues tickets of any product; nothing on its side can be lost."""

    scarce = False

    def __init__(self, provider_id: ProviderId) -> None:
        self.id = provider_id

    def _at(self, order: LegOrder, state: ReservationState) -> Reservation:
        return Reservation(order.key, ReservationRef(order.key), state, access_code="QR")

    async def confirm(self, order: LegOrder, _now: datetime) -> Reservation:
        return self._at(order, ReservationState.CONFIRMED)

    async def cancel(self, order: LegOrder, _now: datetime) -> Reservation:
        return self._at(order, ReservationState.CANCELLED)

    async def start(self, order: LegOrder, _now: datetime) -> Reservation:
        return self._at(order, ReservationState.IN_USE)

    async def finish(self, order: LegOrder, _now: datetime) -> Reservation:
        return self._at(order, ReservationState.ENDED)

    async def find_reservation(self, order: LegOrder, _now: datetime) -> Reservation | None:
        return self._at(order, ReservationState.HELD)


class Unlike:
    """Like another object, but for some of its calls."""

    def __init__(self, other: object, **calls: object) -> None:
        self.__dict__.update(calls, other=other)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.other, name)


@pytest.fixture
def city(world: World) -> World:
    """The world with tickets for bus and ferry."""
    offices: dict[ProviderId, Any] = {BUS: TicketOffice(BUS), FERRY: TicketOffice(FERRY)}
    return changed(world, providers={**world.desk.providers, **offices})


def changed(world: World, **desk: Any) -> World:
    return replace(world, desk=replace(world.desk, **desk))


def later(world: World, **ahead: float) -> World:
    return changed(world, clock=lambda: datetime.now(UTC) + timedelta(**ahead))


def ticket_leg(provider_id: ProviderId, price: int, departs_in: int) -> OfferLeg:
    departs_at = datetime.now(UTC) + timedelta(minutes=departs_in)
    return OfferLeg(
        mode=Mode.BUS,
        origin=LatLon(53.86, 10.67),
        destination=LatLon(53.87, 10.69),
        origin_name="Hauptbahnhof",
        destination_name="Koberg",
        departs_at=departs_at,
        arrives_at=departs_at + timedelta(minutes=10),
        distance_m=2000,
        co2_grams=180,
        provider_id=provider_id,
        quote=Quote(Money(price), None, "sh-tarif", ("einfach",), Decimal(7)),
        product="single",
    )


async def do(world: World, work: Work) -> Any:
    async with transaction(world.desk.engine) as tx:
        return await work(tx)


async def cancel(world: World, booking_id: str) -> None:
    await do(world, lambda tx: ask_to_cancel(tx, booking_id, world.desk.clock()))


async def ask(world: World, asking: Any, booking_id: str, position: int = 0) -> None:
    leg = (await world.trip(booking_id)).provided[position]
    await do(world, lambda tx: asking(tx, booking_id, leg.id, world.desk.clock()))


async def booked(world: World, *legs: OfferLeg) -> str:
    booking_id = await world.book(offer_of(*legs))
    await world.advance(booking_id)
    return booking_id


async def test_who_is_unlocking_cannot_cancel_at_the_same_time(world: World) -> None:
    booking_id = await booked(world, bike_leg())
    world.operators[BIKE].fault("set_in_use", "late", seconds=0.5)
    await ask(world, ask_to_start, booking_id)
    unlocking = asyncio.ensure_future(world.advance(booking_id))
    await asyncio.sleep(0.1)
    with pytest.raises(WrongStateError, match="being unlocked"):
        await cancel(world, booking_id)
    await unlocking
    assert await world.story(booking_id) == "active | bike active | authorised"


async def test_a_ride_that_began_under_a_cancellation_is_ended_and_paid(world: World) -> None:
    """The rider unlocked at the vehicle itself; the operator refuses our cancellation."""
    booking_id = await booked(world, bike_leg())
    leg = (await world.trip(booking_id)).provided[0]
    provider = world.desk.providers[BIKE]
    order = await order_at_bike(world, booking_id, leg.id)
    await provider.start(order, world.desk.clock())
    await cancel(world, booking_id)
    await world.advance(booking_id)
    assert await world.story(booking_id) == "active | bike active | authorised"
    world.operators[BIKE].ride(20, 3000)
    await ask(world, ask_to_finish, booking_id)
    await world.advance(booking_id)
    assert await world.story(booking_id) == "settled | bike ended | captured"
    assert world.money(booking_id) == (0, 200)


async def order_at_bike(world: World, booking_id: str, leg_id: str) -> LegOrder:
    trip = await world.trip(booking_id)
    leg = next(leg for leg in trip.legs if leg.id == leg_id)
    return order_of(trip, leg, world.desk.pseudonym(BIKE, "rdr_anna"))


def losing_captures(world: World) -> World:
    gateway = world.desk.gateway

    async def capture_hold(hold_id: str, *, key: str, amount: Money) -> None:
        await gateway.capture_hold(hold_id, key=key, amount=amount)
        raise OutcomeUnknownError("the answer was lost")

    return changed(world, gateway=Unlike(gateway, capture_hold=capture_hold))


async def test_a_cancellation_finds_the_money_that_an_unanswered_capture_took(city: World) -> None:
    booking_id = await city.book(offer_of(ticket_leg(BUS, 360, 30)))
    await advance(losing_captures(city).desk, booking_id)
    assert city.money(booking_id) == (0, 360)
    await cancel(city, booking_id)
    await city.advance(booking_id)
    assert await city.story(booking_id) == "cancelled | bus cancelled | refunded"


async def test_a_partial_cancellation_waits_for_an_unanswered_capture(city: World) -> None:
    booking_id = await city.book(offer_of(ticket_leg(BUS, 360, 1), ticket_leg(FERRY, 210, 30)))
    await advance(losing_captures(city).desk, booking_id)
    soon = later(city, seconds=65)
    await cancel(soon, booking_id)
    await soon.advance(booking_id)
    tonight = later(city, hours=3)
    await tonight.advance(booking_id)
    assert await city.story(booking_id) == "settled | bus ended, bus cancelled | captured"
    trip = await city.trip(booking_id)
    assert (trip.kept, trip.final) == (Money(360), Money(360))
    debits = "select account_code, sum(amount_minor) from entry group by 1 order by 1"
    rows = await do(city, lambda tx: tx.execute(text(debits)))
    owed = {code: int(minor) for code, minor in rows if code.startswith("provider_payable:ferry")}
    assert set(owed.values()) == {0}


async def test_a_short_outage_of_the_processor_only_delays_a_booking(world: World) -> None:
    outage = 3

    async def customer(rider_id: str) -> str:
        nonlocal outage
        outage -= 1
        if outage >= 0:
            raise MisconfiguredError("401 for a moment")
        return await world.desk.customer(rider_id)

    booking_id = await world.book(offer_of(bike_leg()))
    desk = changed(world, customer=customer).desk
    trip = await advance_while_waiting(
        desk, booking_id, until=lambda t: t.state is not BookingState.HELD, seconds=9
    )
    assert trip.state is BookingState.CONFIRMED


async def test_a_silent_operator_is_not_asked_many_times_a_second(world: World) -> None:
    booking_id = await booked(world, bike_leg())
    calls = 0

    async def silent(*_order: object) -> None:
        nonlocal calls
        calls += 1
        raise UnreachableError(BIKE, "no connection")

    away = Unlike(world.desk.providers[BIKE], cancel=silent, find_reservation=silent)
    offline = changed(world, providers={**world.desk.providers, BIKE: away})
    await cancel(offline, booking_id)
    await advance_while_waiting(
        offline.desk, booking_id, until=lambda t: t.state is BookingState.CANCELLED, seconds=2
    )
    assert calls <= 4
    assert (await world.trip(booking_id)).state is BookingState.CONFIRMED
    open_bookings = await do(world, lambda tx: list_open_bookings(tx, "rdr_anna"))
    assert open_bookings == [booking_id]
    await world.advance(booking_id)
    assert await world.story(booking_id) == "cancelled | bike cancelled | released"
    assert world.holders(BIKE, "hbf-01") == 0


async def test_a_bike_locked_without_us_ends_its_ride_when_it_is_looked_at(world: World) -> None:
    booking_id = await booked(world, bike_leg())
    await ask(world, ask_to_start, booking_id)
    await world.advance(booking_id)
    leg = (await world.trip(booking_id)).provided[0]
    order = await order_at_bike(world, booking_id, leg.id)
    world.operators[BIKE].ride(20, 3000)
    await world.desk.providers[BIKE].finish(order, world.desk.clock())
    await later(world, minutes=16).advance(booking_id)
    assert await world.story(booking_id) == "settled | bike ended | captured"
    assert world.money(booking_id) == (0, 200)


async def test_a_vehicle_that_cannot_be_unlocked_does_not_keep_another_running(
    world: World,
) -> None:
    booking_id = await booked(world, bike_leg(), car_leg())
    await ask(world, ask_to_start, booking_id, 0)
    await world.advance(booking_id)

    async def away(*_order: object) -> None:
        raise UnreachableError(ProviderId("demo-auto"), "no connection")

    car = ProviderId("demo-auto")
    silent = Unlike(world.desk.providers[car], start=away, find_reservation=away)
    offline = changed(world, providers={**world.desk.providers, car: silent})
    await ask(offline, ask_to_start, booking_id, 1)
    await advance(offline.desk, booking_id)
    world.operators[BIKE].ride(10, 2000)
    await ask(offline, ask_to_finish, booking_id, 0)
    await advance(offline.desk, booking_id)
    assert await world.story(booking_id) == ("active | bike ended, car confirmed | authorised")
    await later(world, minutes=2).advance(booking_id)
    assert await world.story(booking_id) == ("active | bike ended, car confirmed | authorised"), (
        "hours later nobody stands at the car: it must stay locked"
    )


async def test_a_hold_that_cannot_be_read_is_neither_repeated_nor_forgotten(world: World) -> None:
    real = world.desk.providers[BIKE]
    holds = 0

    async def hold(order: LegOrder, now: datetime) -> Reservation:
        nonlocal holds
        holds += 1
        await real.hold(order, now)
        raise OperatorSilentError(BIKE, "the answer was lost")

    async def unread(*_order: object) -> None:
        raise UnreachableError(BIKE, "no connection")

    odd: Provider = Unlike(real, hold=hold, find_reservation=unread)  # type: ignore[assignment]
    booking_id = await world.book(offer_of(bike_leg()))
    silent = changed(world, providers={BIKE: odd})
    await silent.advance(booking_id)
    assert await world.story(booking_id) == "held | bike planned | none"
    await changed(silent, clock=later(world, seconds=9).desk.clock).advance(booking_id)
    assert await world.story(booking_id) == "failed | bike cancelled | none"
    assert (holds, world.holders(BIKE, "hbf-01")) == (1, 0)


async def test_a_refund_that_the_processor_refuses_becomes_a_persons_case(city: World) -> None:
    booking_id = await booked(city, ticket_leg(BUS, 360, 30))

    async def refund_hold(*_hold: object, **_more: object) -> None:
        raise RefusedError("the charge is disputed", "charge_disputed")

    gateway = Unlike(city.desk.gateway, refund_hold=refund_hold)
    strict = changed(city, gateway=gateway)
    await cancel(strict, booking_id)
    with pytest.raises(PaymentStuckError, match="refused by the processor"):
        await advance(strict.desk, booking_id)
    assert (await city.trip(booking_id)).state is BookingState.NEEDS_ATTENTION
