"""A receipt explains every cent, and computes it anew from what is stored."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from mobility.api.receipt_pdf import render_receipt
from mobility.booking.bill_split import Taxed, split_by_amounts, split_equally
from mobility.booking.collect import collect
from mobility.booking.errors import SplitRefusedError, WrongStateError
from mobility.booking.queries import LegRecord, get_any_booking
from mobility.booking.receipt import Movement, Receipt, ReceiptLine, get_receipt
from mobility.booking.replay import replay_leg
from mobility.booking.ride import ask_to_finish
from mobility.booking.trips import get_trip
from mobility.cities.city import City, load_city
from mobility.db import transaction
from payments.money import Money
from payments.reconcile import reconcile
from providers.price_item import ItemKind
from providers.values import Mode, ProviderId
from tests.api.test_receipts import text_of
from tests.booking.test_arrears import pay, ride_too_long
from tests.booking.test_day_cap import capped, ride
from tests.booking.test_problem import riding
from tests.booking.world import BIKE, CAR, World, car_leg, offer_of
from tests.providers.sandboxes import Sandbox, run_sandbox


def city_of(world: World) -> City:
    """A city whose operators are those of this world."""
    stanzas = tuple(sandbox.stanza for sandbox in world.operators.values())
    return replace(load_city("luebeck"), providers=stanzas)


async def receipt_of(world: World, where: str = "true") -> Receipt:
    """The receipt of the latest booking that has such a leg."""
    query = f"select booking_id from leg where {where} order by departs_at desc limit 1"
    async with transaction(world.desk.engine) as tx:
        booking_id = await tx.scalar(text(query))
        record = await get_any_booking(tx, booking_id)
        return await get_receipt(tx, record, city_of(world))


async def test_a_ride_beyond_its_hold_shows_both_charges_and_is_computed_anew(
    world: World,
) -> None:
    await ride_too_long(world)
    owing = await receipt_of(world)
    assert (owing.captured, owing.outstanding) == (Money(200), Money(300))
    async with transaction(world.desk.engine) as tx:
        debt_id = await tx.scalar(text("select id from debt"))
    await collect(world.desk, debt_id)
    receipt = await receipt_of(world)
    (line,) = receipt.lines
    assert [(item.kind, item.units, item.amount) for item in line.items] == [
        (ItemKind.BASE, 1, Decimal("1.00")),
        (ItemKind.TIME, 8, Decimal("4.00")),
    ]
    assert (line.gross, line.net, line.vat, line.off) == (
        Money(500), Money(420), Money(80), Money(0),
    )  # fmt: skip
    assert [(each.kind, each.amount) for each in receipt.movements] == [
        ("charge", Money(200)),
        ("later_charge", Money(300)),
    ]
    assert (receipt.captured, receipt.outstanding) == (Money(500), Money(0))


async def test_emissions_are_those_of_the_way_that_was_ridden(world: World) -> None:
    """460 g were planned for two kilometres; nine were driven."""
    booking_id = await world.book(offer_of(replace(car_leg(), co2_grams=460)))
    await world.advance(booking_id)
    await riding(world, booking_id)
    world.operators[CAR].ride(minutes=4, metres=9000)
    async with transaction(world.desk.engine) as tx:
        leg_id = (await get_trip(tx, booking_id)).legs[0].id
        await ask_to_finish(tx, booking_id, leg_id, world.desk.clock())
    await world.advance(booking_id)
    assert (await receipt_of(world)).co2_grams == 2070


async def test_of_a_booking_that_failed_no_receipt_is_to_come(world: World) -> None:
    booking_id = await world.book(offer_of(car_leg()), method="pm_card_chargeDeclined")
    await world.advance(booking_id)
    with pytest.raises(WrongStateError, match="failed: nothing was charged"):
        await receipt_of(world)


def _lose_disputes(world: World) -> None:
    headers = {"Authorization": "Bearer sk_test_x"}
    with httpx.Client(base_url=world.processor, headers=headers) as http:
        for each in http.get("/v1/disputes", params={"limit": 100}).json()["data"]:
            losing = {"evidence[uncategorized_text]": "losing_evidence"}
            http.post(f"/v1/disputes/{each['id']}", data=losing)


def _adds_up(receipt: Receipt) -> bool:
    signed = [
        each.amount.minor * (1 if each.kind in ("charge", "later_charge") else -1)
        for each in receipt.movements
    ]
    return sum(signed) == (receipt.captured - receipt.refunded).minor


async def test_what_a_bank_took_back_for_good_is_a_movement_and_all_add_up(world: World) -> None:
    booking_id = await ride_too_long(world, ceiling=600, method="pm_card_createDispute")
    _lose_disputes(world)
    await reconcile(world.desk.engine, world.desk.gateway, now=datetime.now(UTC))
    receipt = await receipt_of(world)
    assert {each.kind: each.amount for each in receipt.movements} == {
        "charge": Money(500),
        "taken_back": Money(500),
    }
    assert (receipt.captured, receipt.outstanding) == (Money(0), Money(500))
    assert _adds_up(receipt)
    shown = text_of(render_receipt(receipt, {}, "Lübeck", ZoneInfo("Europe/Berlin")))
    assert re.search(r"von der Bank zurückgeholt am .* Uhr: 5,00", shown)
    await pay(world, booking_id)
    paid = await receipt_of(world)
    assert paid.movements[-1].kind == "later_charge"
    assert (paid.captured, paid.outstanding) == (Money(500), Money(0))
    assert _adds_up(paid)


async def test_an_operator_that_asks_for_less_than_its_tariff_is_named(world: World) -> None:
    await ride_too_long(world)
    async with transaction(world.desk.engine) as tx:
        await tx.execute(text("update leg set claimed_minor = 450, final_minor = 450"))
    (line,) = (await receipt_of(world)).lines
    assert (line.gross, line.off) == (Money(450), Money(0))
    assert (line.items[-1].kind, line.items[-1].amount) == (ItemKind.ASKED_LESS, Decimal("-0.5"))


async def test_a_cent_that_the_stored_inputs_do_not_give_is_named(world: World) -> None:
    await ride_too_long(world)
    async with transaction(world.desk.engine) as tx:
        await tx.execute(text("update leg set final_minor = final_minor + 1"))
    assert (await receipt_of(world)).lines[0].off == Money(1)
    async with transaction(world.desk.engine) as tx:
        await tx.execute(text("update leg set tariff_version = 'basis/1999'"))
    line = (await receipt_of(world)).lines[0]
    assert (line.off, line.off_because) == (
        None,
        "den Tarif basis/1999 kennt diese Stadt nicht",
    )


def _ridden(**changes: object) -> LegRecord:
    """A leg that was ridden and whose price is final."""
    at = datetime(2026, 11, 26, 12, tzinfo=UTC)
    leg = LegRecord(
        "leg_0", "key", Mode.BUS, "ended", ProviderId("stadtverkehr"), False, at, at, Money(360),
        Money(360), Money(360), "7", "sh-tarif-1999", None, (), 0, None, None, None, False, at, at,
        4, 900, None, None, None,
    )  # fmt: skip
    return replace(leg, **changes)  # type: ignore[arg-type]


def test_why_a_price_cannot_be_computed_anew_is_said_in_german() -> None:
    city = load_city("luebeck")
    bus = next(each.id for each in city.providers if each.fares)
    bike = next(each.id for each in city.providers if each.pricing_plan)
    cases = {
        "Fahrpreise von fort kennt diese Stadt nicht": ("fort", "single:2:adult"),
        f"Fahrpreise von {bike} kennt diese Stadt nicht": (bike, "single:2:adult"),
        "eine Preisliste sh-tarif-1999 mit single:2:adult kennt diese Stadt nicht": (
            bus,
            "single:2:adult",
        ),
        "eine Preisliste sh-tarif-1999 mit junk kennt diese Stadt nicht": (bus, "junk"),
        "den Anbieter fort kennt diese Stadt nicht": ("fort", None),
        "den Tarif sh-tarif-1999 kennt diese Stadt nicht": (bike, None),
    }
    for because, (provider, product) in cases.items():
        found = replay_leg(_ridden(provider_id=ProviderId(provider), product=product), 1, city)
        assert (found.price, found.because) == (None, because)


class TestUnderADaysCap:
    @pytest.fixture
    def operators(
        self, operators: dict[ProviderId, Sandbox], tmp_path: Path
    ) -> Iterator[dict[ProviderId, Sandbox]]:
        stanza = capped(operators[BIKE].stanza)
        with run_sandbox(stanza, tmp_path, tmp_path / "capped.sqlite") as bike:
            yield {BIKE: bike}

    async def test_what_was_paid_before_is_stored_and_counts_again(self, world: World) -> None:
        assert [await ride(world, minutes) for minutes in (230, 50)] == [800, 100]
        (line,) = (await receipt_of(world, "final_minor = 100")).lines
        assert (line.gross, line.off) == (Money(100), Money(0))
        assert [(item.kind, item.amount) for item in line.items] == [
            (ItemKind.TIME, Decimal("2.00")),
            (ItemKind.DAY_CAP, Decimal("-1.00")),
        ]


def bill(
    *lines: tuple[int, int],
    outstanding: int = 0,
    too_little: int = 0,
    rebate: int = 0,
    goodwill: tuple[tuple[str, int], ...] = (),
) -> Receipt:
    """A bill of gross cents and their rate of tax, line by line, and what went back of it."""
    at = datetime(2026, 11, 26, tzinfo=UTC)
    made = tuple(
        ReceiptLine(
            f"leg_{index}", Mode.BUS, ProviderId("bus"), "ended", at, None, "t/1", (), 1, None, 1,
            Money(gross), Decimal(rate), Money(gross).included_tax(Decimal(rate)), (), None, "",
        )
        for index, (gross, rate) in enumerate(lines)
    )  # fmt: skip
    total = Money.total(line.gross for line in made)
    back = Money(rebate)
    moved = (Movement("rebate", at, back),) if rebate else ()
    moved += tuple(
        Movement("goodwill", at, Money(cents), leg_id=leg_id) for leg_id, cents in goodwill
    )
    return Receipt(
        "bkg_1", "settled", at, made, total, total, back, Money(outstanding), Money(too_little),
        moved, 0,
    )  # fmt: skip


def test_a_bill_shared_by_three_bears_its_odd_cents_once() -> None:
    shares = split_equally(bill((360, 7), (101, 19)), ["Anna", "Ben", "Cem"])
    assert [(share.label, share.amount.minor) for share in shares] == [
        ("Anna", 154),
        ("Ben", 154),
        ("Cem", 153),
    ]
    assert shares[0].rates == (
        Taxed(Decimal(7), Money(120), Money(8)),
        Taxed(Decimal(19), Money(34), Money(6)),
    )


def test_a_bill_with_a_rebate_is_shared_at_what_was_paid() -> None:
    receipt = bill((300, 7), (100, 19), rebate=200)
    (anna, ben) = split_equally(receipt, ["Anna", "Ben"])
    assert (anna.amount, ben.amount) == (Money(100), Money(100))
    rates = [Taxed(Decimal(7), Money(75), Money(5)), Taxed(Decimal(19), Money(25), Money(4))]
    assert list(anna.rates) == rates
    with pytest.raises(SplitRefusedError, match=r"the trip cost 2\.00 EUR"):
        split_by_amounts(receipt, [("a", Money(400))])
    with pytest.raises(WrongStateError, match="nothing"):
        split_equally(bill((100, 7), rebate=100), ["a"])
    (all_of_it,) = split_equally(bill((1, 7), (100, 19), rebate=99), ["a"])
    assert all_of_it.rates == (Taxed(Decimal(19), Money(2), Money(0)),)


def test_goodwill_lowers_the_tax_of_its_leg_alone() -> None:
    receipt = bill((360, 7), (100, 19), goodwill=(("leg_1", 40), ("leg_1", 10)))
    (anna,) = split_equally(receipt, ["Anna"])
    assert anna.rates == (
        Taxed(Decimal(7), Money(360), Money(24)),
        Taxed(Decimal(19), Money(50), Money(8)),
    )
    both = bill((360, 7), (100, 19), goodwill=(("leg_1", 100),), rebate=60)
    assert split_equally(both, ["Anna"])[0].rates == (Taxed(Decimal(7), Money(300), Money(20)),)


def test_what_is_too_little_to_be_charged_is_not_shared() -> None:
    """2.40 were ridden on a hold of 2.00: the processor takes no 0.40, and nobody will pay them."""
    receipt = bill((240, 19), outstanding=40, too_little=40)
    assert [share.amount for share in split_equally(receipt, ["a", "b"])] == [Money(100)] * 2
    with pytest.raises(WrongStateError, match=r"^0\.60 EUR of the trip are not paid yet$"):
        split_equally(bill((300, 19), outstanding=100, too_little=40), ["a"])


_BILLS = st.lists(
    st.tuples(st.integers(0, 5000), st.sampled_from([0, 7, 19])), min_size=1, max_size=5
).filter(lambda lines: sum(gross for gross, _ in lines) > 0)


_WEIGHTS = st.lists(st.integers(0, 100), min_size=1, max_size=6).filter(sum)


@given(_BILLS, _WEIGHTS, st.floats(0, 0.99))
def test_shares_add_up_to_what_was_paid_whatever_the_rebate(
    lines: list[tuple[int, int]], weights: list[int], part: float
) -> None:
    total = sum(gross for gross, _ in lines)
    receipt = bill(*lines, rebate=int(total * part))
    wanted = [("x", amount) for amount in receipt.paid.split(weights)]
    shares = split_by_amounts(receipt, wanted)
    assert sum(share.amount.minor for share in shares) == total - int(total * part)
    for share in shares:
        assert sum(rate.gross.minor for rate in share.rates) == share.amount.minor
        assert all(0 <= rate.vat.minor <= rate.gross.minor for rate in share.rates)
    for percent in {rate.vat_percent for share in shares for rate in share.rates}:
        mine = [r for share in shares for r in share.rates if r.vat_percent == percent]
        gross = sum(r.gross.minor for r in mine)
        full = sum(x.gross.minor for x in receipt.lines if x.vat_percent == percent)
        assert gross <= full
        if gross < full:
            assert sum(r.vat.minor for r in mine) == Money(gross).included_tax(percent).minor


@given(_BILLS, _WEIGHTS)
def test_shares_and_their_taxes_add_up_to_the_bill(
    lines: list[tuple[int, int]], weights: list[int]
) -> None:
    receipt = bill(*lines)
    amounts = receipt.total.split(weights)
    shares = split_by_amounts(receipt, [("x", amount) for amount in amounts])
    for share in shares:
        assert sum(rate.gross.minor for rate in share.rates) == share.amount.minor
        assert all(0 <= rate.vat.minor <= rate.gross.minor for rate in share.rates)
    for rate in {line.vat_percent for line in receipt.lines}:
        mine = [r for share in shares for r in share.rates if r.vat_percent == rate]
        of_bill = [line for line in receipt.lines if line.vat_percent == rate]
        assert sum(r.gross.minor for r in mine) == sum(x.gross.minor for x in of_bill)
        assert sum(r.vat.minor for r in mine) == sum(x.vat.minor for x in of_bill)


def test_shares_that_do_not_add_up_or_are_not_paid_are_refused() -> None:
    with pytest.raises(SplitRefusedError, match=r"add up to 3\.59 EUR, the trip cost 3\.60 EUR"):
        split_by_amounts(bill((360, 7)), [("a", Money(359))])
    with pytest.raises(SplitRefusedError):
        split_by_amounts(bill((360, 7)), [("a", Money(360, "CHF"))])
    with pytest.raises(WrongStateError, match="not paid"):
        split_equally(bill((360, 7), outstanding=1), ["a"])
    with pytest.raises(WrongStateError, match="nothing"):
        split_equally(bill((0, 7)), ["a"])
