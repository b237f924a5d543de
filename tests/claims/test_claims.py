"""A claim from what was seen to the last cent, with a real processor and the real books."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import text

from gtfs.service_time import instant, parse_clock
from gtfs.text import timetable_from_text
from mobility.audit import list_deeds
from mobility.booking.errors import ClaimRefusedError, NotFoundError, WrongStateError
from mobility.booking.forget import forget_rider
from mobility.booking.leg_reports import Kind, LegReport, Outcome, add_report
from mobility.booking.receipt import list_movements
from mobility.booking.trips import get_trip
from mobility.cities.city import load_city
from mobility.claims.file_claim import (
    Decision,
    accept,
    file_claim,
    record_carrier_paid,
    record_transfer,
    reject,
)
from mobility.claims.pay_claim import pay_claim
from mobility.claims.states import ClaimState
from mobility.claims.store import Claim, add_noticed, forget_evidence, get_claim, list_claims
from mobility.claims.watch import ClaimsWatch
from mobility.planning.offer import OfferLeg, TripCalls
from mobility.watch import read_all
from payments.claims import CarrierPays
from payments.errors import RefusedError
from payments.money import Money
from payments.reconcile import reconcile
from providers.bus.fares import FareRide
from providers.values import ProviderId
from tests.booking.test_debt_hard_luck import TAKES_BACK, lose, reconciled
from tests.booking.test_hard_luck import (
    TicketOffice,
    Unlike,
    booked,
    changed,
    do,
    later,
    ticket_leg,
)
from tests.booking.world import World, crashing_desk, offer_of, run_processor
from tests.claims.test_notice import CITY, EVENING, MORNING, at, notice, now
from tests.gtfs.realtime_text import live
from tests.simulation.mortal import CrashError

BUS = ProviderId("stadtverkehr-luebeck")
FINANCE = Decision("rdr_finance", "SV-4711", "Verspätung bestätigt")


@pytest.fixture
def town(world: World) -> World:
    """The world with tickets for the bus, an hour after the trip, so that it is settled."""
    offices: dict[ProviderId, Any] = {BUS: TicketOffice(BUS)}
    return changed(world, providers={**world.desk.providers, **offices})


async def rode(world: World, price: int = 360) -> str:
    """A trip by bus that is paid and over."""
    booking_id = await booked(world, ticket_leg(BUS, price, 1))
    over = changed(world, clock=lambda: datetime.now(UTC) + timedelta(hours=2))
    await over.advance(booking_id)
    assert await world.story(booking_id) == "settled | bus ended | captured"
    return booking_id


async def noticed(world: World, booking_id: str, *, taxi: bool = False) -> Claim:
    rides = EVENING if taxi else [MORNING]
    message = "3-3 2026-11-25: C=+420" if taxi else "1-1 2026-11-25: C=+1020"
    (one,) = notice(rides, now(message), at("22:06") if taxi else at("08:36"), CITY)
    leg = (await world.trip(booking_id)).provided[0].id
    one = replace(one, ride=replace(one.ride, booking_id=booking_id, leg_id=leg))
    assert await do(world, lambda tx: add_noticed(tx, one, "EUR", at("08:40"))) is True
    assert await do(world, lambda tx: add_noticed(tx, one, "EUR", at("08:41"))) is False
    (claim,) = await do(world, lambda tx: list_claims(tx, booking_id, at("08:41")))
    found: Claim = claim
    return found


async def filed(
    world: World, booking_id: str, guarantee: str = "bus-punctuality", receipt: int | None = None
) -> Claim:
    money = None if receipt is None else Money(receipt)
    claim: Claim = await do(
        world,
        lambda tx: file_claim(
            tx, booking_id, guarantee, leg_id=None, receipt=money, now=at("09:00")
        ),
    )
    return claim


async def claim_of(world: World, claim_id: str) -> Claim:
    found: Claim = await do(world, lambda tx: get_claim(tx, claim_id))
    return found


async def given_back(
    world: World,
    booking_id: str,
    kind: Kind = Kind.REBOOKED,
    outcome: Outcome = Outcome.GIVEN_BACK,
) -> None:
    """Her leg as one whose price goes back to her: by default, another booking took its place."""
    leg_id = (await world.trip(booking_id)).provided[0].id
    report = LegReport(
        booking_id=booking_id, leg_id=leg_id, kind=kind, outcome=outcome, believed=True,
        open=False, reported_at=at("08:30"),
    )  # fmt: skip
    await do(world, lambda tx: add_report(tx, report, "rdr_anna"))


CLAIM_ACCOUNTS = ("carrier_receivable:stadtverkehr-luebeck:EUR", "claim_payable:EUR", "bank:EUR")


async def claim_books(world: World) -> dict[str, int]:
    books = await world.books()
    return {code: minor for code in CLAIM_ACCOUNTS if (minor := books.get(code, 0))}


class TestReconciled:
    """With a processor that has no lines of other tests."""

    @pytest.fixture
    def processor(self) -> Iterator[str]:
        with run_processor() as url:
            yield url

    async def test_a_late_bus_is_filed_accepted_refunded_and_paid_by_the_carrier(
        self, town: World
    ) -> None:
        booking_id = await rode(town)
        before = await town.books()
        claim = await noticed(town, booking_id)
        assert (claim.state, claim.amount) == (ClaimState.NOTICED, Money(360))
        assert (await filed(town, booking_id)).state is ClaimState.FILED

        await do(town, lambda tx: accept(tx, claim.id, FINANCE, at("10:00")))
        assert await claim_books(town) == {CLAIM_ACCOUNTS[0]: 360, CLAIM_ACCOUNTS[1]: -360}
        assert await pay_claim(town.desk, claim.id) is None
        paid = await claim_of(town, claim.id)
        assert (paid.state, paid.refunded, paid.left) == (ClaimState.PAID, Money(360), None)
        with pytest.raises(WrongStateError, match="nothing of it is left to transfer"):
            await do(town, lambda tx: record_transfer(tx, claim.id, FINANCE, at("10:30")))
        assert await claim_books(town) == {CLAIM_ACCOUNTS[0]: 360}
        after = await town.books()
        assert after["processor:EUR"] == before["processor:EUR"] - 360
        assert {k: after[k] for k in ("commission:EUR", "output_vat:EUR")} == {
            k: before[k] for k in ("commission:EUR", "output_vat:EUR")
        }
        payable = "provider_payable:stadtverkehr-luebeck:EUR"
        assert after[payable] == before[payable]

        for _ in range(2):
            await do(
                town,
                lambda tx: record_carrier_paid(
                    tx, claim.id, CarrierPays.OFFSET, FINANCE, at("11:00")
                ),
            )
        assert await claim_books(town) == {}
        assert (await town.books())[payable] == before[payable] + 360
        assert sum((await town.books()).values()) == 0
        run = await reconcile(town.desk.engine, town.desk.gateway, now=datetime.now(UTC))
        assert (run.case_count, run.unexplained) == (0, Money(0))
        deeds = await do(town, lambda tx: list_deeds(tx, limit=10))
        assert [(deed.actor, deed.action, deed.reason) for _, deed in reversed(deeds)] == [
            ("rdr_finance", "claim.accept", "SV-4711: Verspätung bestätigt"),
            ("rdr_finance", "claim.carrier_paid_by_offset", "SV-4711: Verspätung bestätigt"),
        ]

    async def test_what_finance_transfers_since_her_bank_disputes_is_not_counted_twice(
        self, town: World
    ) -> None:
        """The dispute is lost and owed as a whole; the guarantee is paid by hand."""
        booking_id = await town.book(offer_of(ticket_leg(BUS, 360, 1)), method=TAKES_BACK)
        await town.advance(booking_id)
        await later(town, hours=2).advance(booking_id)
        claim = await noticed(town, booking_id)
        await filed(town, booking_id)
        await do(town, lambda tx: accept(tx, claim.id, FINANCE, at("10:00")))
        await pay_claim(town.desk, claim.id)
        lose(town)
        for _ in range(2):
            await reconciled(town)
        await do(town, lambda tx: record_transfer(tx, claim.id, FINANCE, at("11:00")))
        assert await claim_books(town) == {CLAIM_ACCOUNTS[0]: 360, CLAIM_ACCOUNTS[2]: -360}
        books = await town.books()
        assert (books["rider_receivable:EUR"], books["disputed:EUR"]) == (360, 0)


async def test_what_a_carrier_bears_is_no_money_that_the_trip_lacks(town: World) -> None:
    """The trip stays settled when it is looked at again, and every invariant holds."""
    booking_id = await rode(town)
    claim = await noticed(town, booking_id)
    await filed(town, booking_id)
    await do(town, lambda tx: accept(tx, claim.id, FINANCE, at("10:00")))
    await pay_claim(town.desk, claim.id)
    trip = await do(town, lambda tx: get_trip(tx, booking_id))
    assert trip.kept == Money(360)
    movements = await do(town, lambda tx: list_movements(tx, booking_id))
    assert [(each.kind, each.amount) for each in movements] == [
        ("charge", Money(360)),
        ("guarantee", Money(360)),
    ]
    async with town.desk.engine.begin() as tx:
        readings = await read_all(tx, datetime.now(UTC))
    breaks = next(r for r in readings if r.question.metric == "mobility_invariant_breaks")
    assert {label: n for label, n in breaks.answers if n} == {}


async def test_a_taxi_beyond_the_fare_is_transferred_by_finance(town: World) -> None:
    booking_id = await rode(town)
    claim = await noticed(town, booking_id, taxi=True)
    with pytest.raises(ClaimRefusedError, match=r"at most 25\.00 EUR"):
        await filed(town, booking_id, "bus-connection")
    assert (await filed(town, booking_id, "bus-connection", 3100)).amount == Money(2500)
    again = await filed(town, booking_id, "bus-connection", 100)
    assert again.amount == Money(2500)

    await do(town, lambda tx: accept(tx, claim.id, FINANCE, at("10:00")))
    with pytest.raises(WrongStateError, match="comes first"):
        await do(town, lambda tx: record_transfer(tx, claim.id, FINANCE, at("10:01")))
    await pay_claim(town.desk, claim.id)
    mine = await claim_of(town, claim.id)
    assert (mine.state, mine.refunded, mine.left) == (ClaimState.ACCEPTED, Money(360), Money(2140))
    for _ in range(2):
        await do(town, lambda tx: record_transfer(tx, claim.id, FINANCE, at("11:00")))
    assert (await claim_of(town, claim.id)).state is ClaimState.PAID
    assert await claim_books(town) == {CLAIM_ACCOUNTS[0]: 2500, CLAIM_ACCOUNTS[2]: -2140}
    await do(
        town, lambda tx: record_carrier_paid(tx, claim.id, CarrierPays.BANK, FINANCE, at("12:00"))
    )
    assert await claim_books(town) == {CLAIM_ACCOUNTS[2]: 360}


async def test_a_refund_that_the_processor_refuses_is_transferred_whole(town: World) -> None:
    async def refund_hold(*_hold: object, **_more: object) -> None:
        raise RefusedError("this charge cannot be refunded", "charge_disputed")

    booking_id = await rode(town)
    claim = await noticed(town, booking_id)
    await filed(town, booking_id)
    await do(town, lambda tx: accept(tx, claim.id, FINANCE, at("10:00")))
    strict = changed(town, gateway=Unlike(town.desk.gateway, refund_hold=refund_hold))
    await pay_claim(strict.desk, claim.id)
    mine = await claim_of(town, claim.id)
    assert (mine.state, mine.refunded, mine.left) == (ClaimState.ACCEPTED, Money(0), Money(360))


async def test_a_death_at_any_call_refunds_once(town: World) -> None:
    for edge in range(1, 10):
        booking_id = await rode(town)
        claim = await noticed(town, booking_id)
        await filed(town, booking_id)
        await do(town, lambda tx, claim=claim: accept(tx, claim.id, FINANCE, at("10:00")))  # type: ignore[misc]
        desk, met = crashing_desk(town.desk, edge)
        try:
            await pay_claim(desk, claim.id)
        except CrashError:
            await pay_claim(town.desk, claim.id)
        assert (await claim_of(town, claim.id)).state is ClaimState.PAID
        if met() < edge:
            break
    else:
        raise AssertionError("more edges than expected")
    refunds = "select count(*), sum(amount_minor) from money_operation where kind = 'refund'"
    rows = await do(town, lambda tx: tx.execute(text(refunds)))
    assert tuple(rows.one()) == (edge, 360 * edge)
    assert await claim_books(town) == {CLAIM_ACCOUNTS[0]: 360 * edge}


async def test_two_who_pay_at_once_refund_once(town: World) -> None:
    booking_id = await rode(town)
    claim = await noticed(town, booking_id)
    await filed(town, booking_id)
    await do(town, lambda tx: accept(tx, claim.id, FINANCE, at("10:00")))
    await asyncio.gather(*(pay_claim(town.desk, claim.id) for _ in range(4)))
    assert (await claim_of(town, claim.id)).state is ClaimState.PAID
    assert await claim_books(town) == {CLAIM_ACCOUNTS[0]: 360}


async def test_a_trip_that_goes_on_is_refunded_when_it_is_over(town: World) -> None:
    booking_id = await booked(town, ticket_leg(BUS, 360, 1))
    claim = await noticed(town, booking_id, taxi=True)
    await filed(town, booking_id, "bus-connection", 100)
    await do(town, lambda tx: accept(tx, claim.id, FINANCE, at("10:00")))
    assert await pay_claim(town.desk, claim.id) is not None
    assert (await claim_of(town, claim.id)).refunded is None


async def test_what_is_rejected_late_or_never_noticed_gives_nothing(town: World) -> None:
    booking_id = await rode(town)
    with pytest.raises(NotFoundError):
        await filed(town, booking_id)
    claim = await noticed(town, booking_id)
    late = at("00:00", "2026-12-05")
    with pytest.raises(WrongStateError, match="lapsed"):
        await do(
            town,
            lambda tx: file_claim(
                tx, booking_id, "bus-punctuality", leg_id=None, receipt=None, now=late
            ),
        )
    for decide in (accept, reject):
        with pytest.raises(WrongStateError, match="noticed"):
            await do(town, lambda tx, decide=decide: decide(tx, claim.id, FINANCE, late))  # type: ignore[misc]
    await filed(town, booking_id)
    for _ in range(2):
        await do(town, lambda tx: reject(tx, claim.id, FINANCE, at("10:00")))
    with pytest.raises(WrongStateError, match="rejected"):
        await do(town, lambda tx: accept(tx, claim.id, FINANCE, at("10:00")))
    with pytest.raises(WrongStateError, match="owes nothing"):
        await do(
            town,
            lambda tx: record_carrier_paid(tx, claim.id, CarrierPays.BANK, FINANCE, at("12:00")),
        )
    assert await claim_books(town) == {}
    mine = await claim_of(town, claim.id)
    assert (mine.state, mine.reason) == (ClaimState.REJECTED, "Verspätung bestätigt")


@pytest.mark.parametrize("calls", ["A 08:00 C 08:20", "A 23:50 C 24:10"])
async def test_the_watch_notices_a_booked_ride_once_and_names_its_places_no_longer_than_needed(
    town: World, calls: str
) -> None:
    """A real booking, the live timetable of its day, two processes that look."""
    day = date(2026, 11, 25)
    table = timetable_from_text(f"days {day}..{day} Europe/Berlin\n1: {calls}")
    departs = instant(day, parse_clock(f"{calls.split()[1]}:00"), CITY.timezone)
    seen_at = departs + timedelta(minutes=40)
    fare = FareRide(BUS, "1", 1, "HL", "HL", departs, departs + timedelta(minutes=20))
    leg = replace(
        ticket_leg(BUS, 360, 1), trip=TripCalls("1-1", 0, 1), fare_ride=fare,
        product="single:2:adult",
    )  # fmt: skip
    leg = replace(leg, quote=replace(cast("Any", leg.quote), tariff_version="sh-tarif-2026-04-01"))
    booking_id = await booked(town, cast("OfferLeg", leg))
    move = f"update leg set departs_at = '{departs}', arrives_at = '{departs}'"
    await do(town, lambda tx: tx.execute(text(move)))
    state = live(table, f"1-1 {day}: C=+1020", now=seen_at)
    told: list[str] = []

    async def publish(changed_id: str) -> None:
        told.append(changed_id)

    realtime = SimpleNamespace(current=state, trips_said_at=seen_at)
    changes = SimpleNamespace(publish=publish)
    watches = [
        ClaimsWatch(
            town.desk.engine, load_city("luebeck"), cast("Any", realtime), cast("Any", changes),
            lambda: seen_at,
        )
        for _ in range(2)
    ]  # fmt: skip
    for gone in ("leg set final_minor = 0", "booking set aim = 'give_back'"):
        back = "leg set final_minor = null" if "leg" in gone else "booking set aim = 'travel'"
        await do(town, lambda tx, gone=gone: tx.execute(text(f"update {gone}")))  # type: ignore[misc]
        assert await watches[0].look() == 0
        await do(town, lambda tx, back=back: tx.execute(text(f"update {back}")))  # type: ignore[misc]
    await do(town, lambda tx: tx.execute(text("update leg set quoted_minor = 0")))
    await given_back(town, booking_id)  # it rode on another one's ticket
    assert await watches[0].look() == 0
    await do(town, lambda tx: tx.execute(text("delete from leg_report")))
    assert sorted(await asyncio.gather(*(watch.look() for watch in watches))) == [0, 1]
    assert told == [booking_id]
    (claim,) = await do(town, lambda tx: list_claims(tx, booking_id, seen_at))
    assert (claim.guarantee.id, claim.evidence.delay_seconds) == ("bus-punctuality", 1020)

    await do(town, lambda tx: forget_evidence(tx, claim.noticed_at))
    assert (await claim_of(town, claim.id)).evidence is not None
    await do(town, lambda tx: forget_evidence(tx, claim.noticed_at + timedelta(seconds=1)))
    assert (await claim_of(town, claim.id)).evidence is None
    await do(town, lambda tx: tx.execute(text("update claim set evidence = '{}'::jsonb")))
    await do(town, lambda tx: forget_rider(tx, "rdr_anna"))
    assert (await claim_of(town, claim.id)).evidence is None
