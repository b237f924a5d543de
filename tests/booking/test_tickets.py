"""Tickets through a booking's life: issued, shown, given back; operators' codes untouched."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mobility.booking.cancel import ask_to_cancel
from mobility.booking.errors import WrongStateError
from mobility.booking.give_back import ask_to_give_back
from mobility.booking.leg_reports import Kind
from mobility.booking.problem import Problem, report_problem
from mobility.booking.queries import get_booking
from mobility.booking.receipt import get_receipt
from mobility.booking.ride import ask_to_start
from mobility.booking.tickets import Access, Holder, hold_ticket, list_revoked, lock_access
from mobility.booking.trip import PaymentView
from mobility.cities.city import load_city
from mobility.db import transaction
from mobility.planning.offer import OfferLeg
from payments.money import Money
from providers.bus.adapter import TicketOffice
from providers.bus.fare_table import read_fares
from providers.errors import UnreachableError
from providers.stanza import read_stanzas
from providers.values import AccessFormat, Mode, ProviderId
from tests.booking.test_hard_luck import Unlike, changed, later, ticket_leg
from tests.booking.test_problem import claims, tell
from tests.booking.world import BIKE, World, bike_leg, offer_of
from tests.providers.city import write_city
from tests.providers.conftest import LUEBECK_FARES

BUS = ProviderId("demo-bus")
PHONE, OTHER = Holder("a" * 43, None), Holder("b" * 43, None)


@pytest.fixture
def city(world: World, tmp_path: Any) -> World:
    """The world with an office that sells tickets by the tariff."""
    (stanza,) = (s for s in read_stanzas(write_city(tmp_path)) if s.provider_id == BUS)
    office = TicketOffice(stanza, read_fares(LUEBECK_FARES))
    providers: Mapping[ProviderId, Any] = {**world.desk.providers, BUS: office}
    return changed(world, providers=providers)


def bus_leg(departs_in: int = 30) -> OfferLeg:
    return replace(ticket_leg(BUS, 360, departs_in), mode=Mode.BUS, product="single:2:adult")


async def booked(world: World, leg: OfferLeg) -> tuple[str, str]:
    """A confirmed booking, and its leg."""
    booking_id = await world.book(offer_of(leg))
    await world.advance(booking_id)
    (found,) = (await world.trip(booking_id)).provided
    return booking_id, found.id


async def show(world: World, booking_id: str, leg_id: str, holder: Holder) -> tuple[Access, int]:
    async with transaction(world.desk.engine) as tx:
        access = await lock_access(tx, "rdr_anna", booking_id, leg_id)
        return access, (await hold_ticket(tx, booking_id, access, holder, move=True)).number


async def revoked(world: World) -> dict[str, int]:
    async with transaction(world.desk.engine) as tx:
        return await list_revoked(tx, world.desk.clock())


async def cancel(world: World, booking_id: str) -> None:
    async with transaction(world.desk.engine) as tx:
        await ask_to_cancel(tx, booking_id, world.desk.clock())
    await world.advance(booking_id)


async def test_a_ticket_says_what_was_booked(city: World) -> None:
    leg = bus_leg()
    access, binding = await show(city, *await booked(city, leg), PHONE)
    said = access.ticket
    assert said is not None
    assert (said.issuer, said.product, said.price) == (BUS, "single:2:adult", Money(360))
    start = leg.departs_at.replace(microsecond=0)
    assert (said.valid_from, said.valid_until) == (start, start + timedelta(hours=2))
    assert (binding, access.valid_until) == (1, said.valid_until)


async def test_the_money_goes_back_when_the_ticket_is_on_the_list(city: World) -> None:
    gateway = city.desk.gateway
    listed: list[dict[str, int]] = []

    async def refund_hold(*args: Any, **kwargs: Any) -> Any:
        listed.append(await revoked(city))
        return await gateway.refund_hold(*args, **kwargs)

    watched = changed(city, gateway=Unlike(gateway, refund_hold=refund_hold))
    booking_id, leg_id = await booked(city, bus_leg())
    access, _ = await show(city, booking_id, leg_id, PHONE)
    assert access.ticket is not None
    assert await revoked(city) == {}
    await cancel(watched, booking_id)
    assert await city.story(booking_id) == "cancelled | bus cancelled | refunded"
    assert listed == [{access.ticket.id: 1}]
    with pytest.raises(WrongStateError):
        await show(city, booking_id, leg_id, PHONE)


async def test_of_a_ticket_that_nobody_saw_nothing_is_revoked(city: World) -> None:
    booking_id, _ = await booked(city, bus_leg())
    await cancel(city, booking_id)
    assert await revoked(city) == {}


async def test_whoever_asks_while_it_is_cancelled_has_nothing_valid_afterwards(
    city: World,
) -> None:
    for _ in range(10):
        booking_id, leg_id = await booked(city, bus_leg())
        shown = await asyncio.gather(
            cancel(city, booking_id),
            *(show(city, booking_id, leg_id, holder) for holder in (PHONE, OTHER) * 3),
            return_exceptions=True,
        )
        assert await city.story(booking_id) == "cancelled | bus cancelled | refunded"
        last = await revoked(city)
        for answer in shown[1:]:
            if isinstance(answer, tuple):
                access, binding = answer
                assert access.ticket is not None
                assert binding <= last[access.ticket.id]
            else:
                assert isinstance(answer, WrongStateError)


async def test_of_a_trip_under_way_only_the_ticket_given_back_is_revoked(city: World) -> None:
    booking_id = await city.book(offer_of(bus_leg(departs_in=1), bus_leg(departs_in=30)))
    await city.advance(booking_id)
    used, unused = (leg.id for leg in (await city.trip(booking_id)).provided)
    await show(city, booking_id, used, PHONE)
    access, _ = await show(city, booking_id, unused, PHONE)
    assert access.ticket is not None
    riding = later(city, minutes=2)
    await cancel(riding, booking_id)
    assert await city.story(booking_id) == "confirmed | bus confirmed, bus cancelled | captured"
    assert await revoked(riding) == {access.ticket.id: 1}
    assert (await show(riding, booking_id, used, PHONE))[1] == 1


@pytest.mark.parametrize("seen", [True, False])
async def test_a_ticket_in_use_is_void_before_staff_gives_its_money_back(
    city: World, seen: bool
) -> None:
    booking_id, leg_id = await booked(city, bus_leg(departs_in=1))
    if seen:
        await show(city, booking_id, leg_id, PHONE)
    riding = later(city, minutes=10)
    async with transaction(city.desk.engine) as tx:
        now = riding.desk.clock()
        await ask_to_give_back(tx, booking_id, actor="rdr_staff", reason="no bus came", now=now)
    await riding.advance(booking_id)
    assert (await city.trip(booking_id)).payment is PaymentView.REFUNDED
    assert list((await revoked(riding)).values()) == [1] * seen
    with pytest.raises(WrongStateError):
        await show(riding, booking_id, leg_id, OTHER)


async def test_a_ticket_longer_than_a_day_is_not_sold(city: World) -> None:
    leg = bus_leg()
    booking_id = await city.book(offer_of(replace(leg, arrives_at=leg.departs_at + timedelta(1))))
    await city.advance(booking_id)
    assert (await city.story(booking_id)).startswith("failed | bus ")


@pytest.mark.parametrize("code", ["4711", "  x\n", "Grüße 🎫", "\x00\x01\x7f\x80\xff", "a\\0\\\\b"])
async def test_an_operators_code_is_kept_byte_by_byte(city: World, code: str) -> None:
    booking_id = await city.book(offer_of(bike_leg()))
    leg_id = (await city.trip(booking_id)).provided[0].id
    data = {"accessCode": code, "accessMethod": "AZTEC", "encoding": "base64"}
    token = {"tokenType": "tokenDefault", "tokenData": data}
    body = {"id": leg_id, "state": "CONFIRMED", "legs": [{"assetAccessData": token}]}
    city.operators[BIKE].fault("commit", "raw", body=json.dumps(body))
    await city.advance(booking_id)
    async with transaction(city.desk.engine) as tx:
        access = await lock_access(tx, "rdr_anna", booking_id, leg_id)
    assert (access.code, access.format, access.base64) == (code, AccessFormat.AZTEC, True)
    assert access.ticket is None


def through_ticket(departs_in: int = 30) -> tuple[OfferLeg, OfferLeg]:
    """Two buses on one ticket, which the first one pays."""
    second = bus_leg(departs_in + 15)
    quote = replace(second.quote, price=Money(0)) if second.quote else None
    return bus_leg(departs_in), replace(second, product="single:2:adult:covered-1", quote=quote)


async def test_a_ticket_that_is_reported_takes_the_rides_on_it_with_it(city: World) -> None:
    booking_id = await city.book(offer_of(*through_ticket()))
    await city.advance(booking_id)
    second = (await city.trip(booking_id)).provided[1].id
    access, _ = await show(city, booking_id, second, PHONE)
    assert access.ticket is not None
    assert (await tell(city, booking_id, kind="vehicle_missing")).outcome == "given_back"
    assert await city.story(booking_id) == "cancelled | bus cancelled, bus cancelled | refunded"
    assert await revoked(city) == {access.ticket.id: 1}
    with pytest.raises(WrongStateError):
        await show(city, booking_id, second, PHONE)


async def test_a_refused_wheelchair_is_refunded_with_the_rides_on_the_ticket(city: World) -> None:
    booking_id = await city.book(offer_of(*through_ticket(1)))
    await city.advance(booking_id)
    gone = later(city, minutes=2)
    assert (await tell(gone, booking_id, kind="wheelchair_refused")).outcome == "refunded"
    assert await city.story(booking_id) == "settled | bus ended, bus cancelled | refunded"


async def test_a_report_after_a_ride_on_the_ticket_is_for_staff(city: World) -> None:
    booking_id = await city.book(offer_of(*through_ticket()))
    await city.advance(booking_id)
    second = (await city.trip(booking_id)).provided[1].id
    async with transaction(city.desk.engine) as tx:
        await ask_to_start(tx, booking_id, second, city.desk.clock())
    report = await tell(city, booking_id, kind="vehicle_missing")
    assert (report.outcome, report.open) == ("noted", True)
    assert await city.story(booking_id) == "active | bus confirmed, bus active | captured"


async def test_a_ticket_refunded_for_a_refused_wheelchair_is_revoked(city: World) -> None:
    booking_id, leg_id = await booked(city, bus_leg(departs_in=1))
    access, _ = await show(city, booking_id, leg_id, PHONE)
    assert access.ticket is not None
    gone = later(city, minutes=2)
    await tell(gone, booking_id, kind="wheelchair_refused")
    assert await city.story(booking_id) == "settled | bus ended | refunded"
    assert await revoked(gone) == {access.ticket.id: 1}


async def test_a_ticket_whose_bus_leaves_while_it_is_given_back_costs_nothing(city: World) -> None:
    booking_id = await city.book(offer_of(*through_ticket()))
    await city.advance(booking_id)
    first, second = (await city.trip(booking_id)).provided
    access, _ = await show(city, booking_id, second.id, PHONE)
    assert access.ticket is not None
    before = first.departs_at - timedelta(seconds=1)
    async with transaction(city.desk.engine) as tx:
        problem = Problem(Kind.VEHICLE_MISSING)
        report = await report_problem(tx, booking_id, first.id, problem, before)
    assert report.outcome == "given_back"
    for minutes in (46, 52):
        await later(city, minutes=minutes).advance(booking_id)
    assert await city.story(booking_id) == "settled | bus ended, bus ended | refunded"
    assert await claims(city, booking_id) == [
        (360, 0, ["gemeldet und nicht berechnet"]),
        (0, 0, ["gemeldet und nicht berechnet"]),
    ]
    assert await revoked(city) == {access.ticket.id: 1}
    async with transaction(city.desk.engine) as tx:
        record = await get_booking(tx, "rdr_anna", booking_id)
        receipt = await get_receipt(tx, record, load_city("luebeck"))
    assert (receipt.total, receipt.captured, receipt.refunded) == (Money(0), Money(360), Money(360))


async def test_a_reported_ticket_costs_nothing_where_its_office_never_answers(city: World) -> None:
    async def cancel(*_order: Any) -> None:
        raise UnreachableError(BUS, "no answer")

    silent: Any = Unlike(city.desk.providers[BUS], cancel=cancel)
    deaf = changed(city, providers={**city.desk.providers, BUS: silent})
    booking_id, _ = await booked(deaf, bus_leg())
    assert (await tell(deaf, booking_id, kind="vehicle_missing")).outcome == "given_back"
    assert await city.story(booking_id) == "confirmed | bus confirmed | captured"
    await later(deaf, minutes=90).advance(booking_id)
    assert await city.story(booking_id) == "settled | bus ended | refunded"
