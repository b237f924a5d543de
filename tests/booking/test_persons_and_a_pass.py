"""Three persons on one booking, of whom one rides on a pass: each cent is of the two who pay."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from mobility.booking.bill_split import split_by_amounts, split_equally
from mobility.booking.cancel import ask_to_cancel
from mobility.booking.errors import WrongStateError
from mobility.booking.goodwill import pay_goodwill
from mobility.booking.queries import get_any_booking
from mobility.booking.receipt import Receipt, get_receipt
from mobility.cities.city import load_city
from mobility.claims.file_claim import accept
from mobility.claims.pay_claim import pay_claim
from mobility.claims.store import add_noticed
from payments.money import Money
from providers.values import ProviderId
from tests.booking.test_goodwill import grant
from tests.booking.test_hard_luck import TicketOffice, changed, do, later, ticket_leg
from tests.booking.world import World, offer_of
from tests.claims.test_claims import FINANCE, claim_of, filed
from tests.claims.test_goodwill_and_guarantee import moved
from tests.claims.test_notice import CITY, MORNING, at, notice, now

BUS = ProviderId("stadtverkehr-luebeck")
LIST = "sh-tarif-2026-04-01"


@pytest.fixture
def town(world: World) -> World:
    offices: dict[ProviderId, Any] = {BUS: TicketOffice(BUS)}
    return changed(world, providers={**world.desk.providers, **offices})


async def booked(world: World) -> str:
    """Two rides of three persons, one of them on a pass: 2 x 3.60 and 2 x 2.00."""
    legs = []
    for product, price, departs_in in (
        ("single:2:adult:pass", 720, 1),
        ("short:adult:pass", 400, 30),
    ):
        leg = ticket_leg(BUS, price, departs_in)
        assert leg.quote is not None
        quote = replace(leg.quote, tariff_version=LIST)
        legs.append(replace(leg, product=product, quote=quote))
    booking_id = await world.book(replace(offer_of(*legs), passengers=3))
    await world.advance(booking_id)
    return booking_id


async def receipt_of(world: World, booking_id: str) -> Receipt:
    record = await do(world, lambda tx: get_any_booking(tx, booking_id))
    found: Receipt = await do(world, lambda tx: get_receipt(tx, record, load_city("luebeck")))
    return found


async def test_what_one_person_is_given_back_and_how_the_rest_is_shared(town: World) -> None:
    booking_id = await booked(town)
    await later(town, hours=2).advance(booking_id)
    receipt = await receipt_of(town, booking_id)
    assert [(x.gross.minor, x.passengers, x.off) for x in receipt.lines] == [
        (720, 3, Money(0)), (400, 3, Money(0)),
    ]  # fmt: skip
    first, second = (await town.trip(booking_id)).legs
    assert await grant(town, booking_id, first.id, 360) == Money(360)
    with pytest.raises(WrongStateError, match=r"3\.60 EUR of its price can"):
        await grant(town, booking_id, first.id, 361)
    await pay_goodwill(town.desk, booking_id)
    receipt = await receipt_of(town, booking_id)
    assert (receipt.total, receipt.paid) == (Money(1120), Money(760))
    assert [x.amount.minor for x in split_equally(receipt, ["A", "B", "C"])] == [254, 253, 253]
    wanted = [("A", Money(560)), ("B", Money(200)), ("C", Money(0))]
    by_amounts = split_by_amounts(receipt, wanted)
    assert [[r.gross.minor for r in x.rates] for x in by_amounts] == [[560], [200], []]
    assert await grant(town, booking_id, second.id) == Money(400)


async def test_what_is_cancelled_goes_back_for_the_two_who_paid(town: World) -> None:
    booking_id = await booked(town)
    soon = later(town, minutes=5)
    await do(town, lambda tx: ask_to_cancel(tx, booking_id, soon.desk.clock()))
    await soon.advance(booking_id)
    await later(town, hours=2).advance(booking_id)
    assert await town.story(booking_id) == "settled | bus ended, bus cancelled | captured"
    assert sorted(await moved(town, booking_id)) == [("charge", 1120), ("refund", 400)]
    assert (await receipt_of(town, booking_id)).paid == Money(720)


async def test_a_guarantee_of_three_tickets_is_the_price_of_two(town: World) -> None:
    """Whether a pass counts is not known: the carrier decides. Nothing more of it is granted."""
    booking_id = await booked(town)
    await later(town, hours=2).advance(booking_id)
    first, _second = (await town.trip(booking_id)).legs
    ride = replace(
        MORNING, booking_id=booking_id, leg_id=first.id, passengers=3, price=Money(720),
        product="single:2:adult:pass", tariff_version=LIST,
    )  # fmt: skip
    (seen,) = notice([ride], now("1-1 2026-11-25: C=+1500"), at("08:50"), CITY)
    await do(town, lambda tx: add_noticed(tx, seen, "EUR", datetime.now(UTC)))
    claim = await filed(town, booking_id)
    assert claim.amount == Money(1080)
    await do(town, lambda tx: accept(tx, claim.id, FINANCE, at("10:00")))
    await pay_claim(town.desk, claim.id)
    assert (await claim_of(town, claim.id)).refunded == Money(1080)
    with pytest.raises(WrongStateError, match="has gone back already"):
        await grant(town, booking_id, first.id)
