"""One booking takes the place of the rest of another: never both, never neither, at one price."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from mobility.booking.book import BookingRequest, prepare_booking
from mobility.booking.errors import OfferExpiredError
from mobility.booking.leg_reports import Kind, Outcome
from mobility.booking.payment_view import get_standing
from mobility.booking.problem import Problem, report_problem
from mobility.booking.queries import get_any_booking
from mobility.booking.rebooked import (
    STEP,
    Rebooks,
    bear_difference,
    borne,
    has_gone_on,
    list_given_up,
    lock_price,
)
from mobility.booking.receipt import list_movements, make_receipt
from mobility.booking.trip import LegState
from mobility.cities.city import load_city
from mobility.planning.offer import InPlaceOf, OfferLeg
from mobility.watch import read_all
from payments.money import Money
from payments.reconcile import reconcile
from providers.values import ProviderId
from tests.booking.test_hard_luck import BUS, TicketOffice, changed, do, later, ticket_leg
from tests.booking.trips import trip_of
from tests.booking.world import BIKE, World, bike_leg, crashing_desk, offer_of, run_processor
from tests.simulation.mortal import CrashError


@pytest.fixture
def town(world: World) -> World:
    offices: dict[ProviderId, Any] = {BUS: TicketOffice(BUS)}
    return changed(world, providers={**world.desk.providers, **offices})


async def booked(world: World, *legs: OfferLeg, rider: str = "rdr_anna") -> str:
    booking_id = await world.book(offer_of(*legs), rider=rider)
    await world.advance(booking_id)
    return booking_id


async def rebook(
    world: World,
    old: str,
    first: int,
    *legs: OfferLeg,
    method: str = "pm_card_visa",
    certain_by: datetime | None = None,
) -> str:
    """Record a booking in place of another from its n-th leg on; nothing is carried out yet."""

    async def work(tx: Any) -> str:
        record = await get_any_booking(tx, old)
        leg_id = record.legs[first].id
        mine = await world.trip(old)
        gone = list_given_up(mine, leg_id)
        unusable = [one for one, leg in zip(mine.legs, record.legs, strict=True) if leg.report]
        locked = lock_price(mine, gone, unusable)
        instead, persons = InPlaceOf(old, leg_id), record.passengers
        offer = replace(offer_of(*legs), in_place_of=instead, passengers=persons)
        request = BookingRequest(
            record.rider_id, offer, method, None, lambda _terms: (),
            rebooks=Rebooks(old, leg_id, locked, certain_by),
        )  # fmt: skip
        return await prepare_booking(
            tx, request, world._terms, hold=timedelta(minutes=10), now=world.desk.clock()
        )

    return await do(world, work)  # type: ignore[no-any-return]


async def both(world: World, old: str, new: str) -> tuple[str, str]:
    return await world.story(old), await world.story(new)


async def back(world: World, booking_id: str) -> int:
    movements = await do(world, lambda tx: list_movements(tx, booking_id))
    return sum(each.amount.minor for each in movements if each.kind == "rebooking")


async def over(world: World, *bookings: str) -> None:
    """Two hours later, with what is then given back."""
    then = later(world, hours=2)
    for booking_id in bookings:
        await then.advance(booking_id)
        await bear_difference(then.desk, booking_id)


class TestReconciled:
    """With a processor that has no lines of other tests."""

    @pytest.fixture
    def processor(self) -> Iterator[str]:
        with run_processor() as url:
            yield url

    async def test_a_dearer_bus_costs_no_more_than_the_missed_one_and_we_bear_the_rest(
        self, town: World
    ) -> None:
        """3.60 for the late bus, ridden; 2.00 for the missed one; 4.50 for the one instead."""
        old = await booked(town, ticket_leg(BUS, 360, 1), ticket_leg(BUS, 200, 20))
        town = later(town, minutes=3)
        await town.advance(old)
        new = await rebook(town, old, 1, ticket_leg(BUS, 450, 30))
        assert await both(town, old, new) == (
            "confirmed | bus confirmed, bus confirmed | captured",
            "held | bus planned | none",
        )
        await town.advance(new)
        await town.advance(old)
        assert await both(town, old, new) == (
            "confirmed | bus confirmed, bus cancelled | captured",
            "confirmed | bus confirmed | captured",
        )
        await over(town, old, new)
        assert await both(town, old, new) == (
            "settled | bus ended, bus cancelled | captured",
            "settled | bus ended | captured",
        )
        assert [await back(town, old), await back(town, new)] == [0, 250]
        books = await town.books()
        assert (books["rebooking_costs:EUR"], sum(books.values())) == (250, 0)
        assert books["processor:EUR"] == 360 + 200
        receipt = await do(town, lambda tx: receipt_of(tx, new))
        assert (receipt.total, receipt.paid) == (Money(450), Money(200))
        run = await reconcile(town.desk.engine, town.desk.gateway, now=datetime.now(UTC))
        assert (run.case_count, run.unexplained) == (0, Money(0))
        readings = await do(town, lambda tx: read_all(tx, datetime.now(UTC)))
        breaks = next(r for r in readings if r.question.metric == "mobility_invariant_breaks")
        assert {label: n for label, n in breaks.answers if n} == {}


async def receipt_of(tx: Any, booking_id: str) -> Any:
    record = await get_any_booking(tx, booking_id)
    standing = await get_standing(tx, record.payment_id, "EUR")
    return make_receipt(
        record, standing, await list_movements(tx, booking_id), load_city("luebeck")
    )


async def test_a_cheaper_way_gives_back_what_it_costs_less(town: World) -> None:
    old = await booked(town, ticket_leg(BUS, 360, 5))
    new = await rebook(town, old, 0, ticket_leg(BUS, 100, 10))
    await town.advance(new)
    await town.advance(old)
    assert await world_money(town, old, new) == [0, 100]
    assert await town.story(old) == "cancelled | bus cancelled | refunded"
    await over(town, new)
    assert await back(town, new) == 0


async def world_money(world: World, *bookings: str) -> list[int]:
    """What was taken from the card for each, less what went back."""
    return [(await world.trip(each)).kept.minor for each in bookings]


async def test_a_ticket_that_became_valid_unused_is_void_and_paid_back(town: World) -> None:
    """Its provider would not take it back any more; the receipt says why it costs nothing."""
    old = await booked(town, ticket_leg(BUS, 360, 1))
    then = later(town, minutes=3)
    new = await rebook(then, old, 0, ticket_leg(BUS, 360, 10))
    await then.advance(new)
    await then.advance(old)
    assert await both(town, old, new) == (
        "settled | bus ended | refunded",
        "confirmed | bus confirmed | captured",
    )
    record = await do(town, lambda tx: get_any_booking(tx, old))
    (leg,) = record.legs
    assert (leg.final, leg.access_code, record.rebooked_as) == (Money(0), None, new)
    assert leg.report is not None
    assert (leg.report.kind, leg.report.outcome, leg.report.open) == (
        Kind.REBOOKED, Outcome.GIVEN_BACK, False,
    )  # fmt: skip
    receipt = await do(town, lambda tx: receipt_of(tx, old))
    (line,) = receipt.lines
    assert (line.calculation, line.gross) == (("umgebucht und nicht berechnet",), Money(0))


async def test_the_bike_at_the_missed_connection_is_free_for_others_again(town: World) -> None:
    old = await booked(town, ticket_leg(BUS, 360, 1), bike_leg())
    town = later(town, minutes=3)
    assert town.holders(BIKE, "hbf-01") == 1
    new = await rebook(town, old, 1, bike_leg("hbf-02"))
    await town.advance(new)
    await town.advance(old)
    assert await both(town, old, new) == (
        "confirmed | bus confirmed, bike cancelled | authorised",
        "confirmed | bike confirmed | authorised",
    )
    assert [town.holders(BIKE, "hbf-01"), town.holders(BIKE, "hbf-02")] == [0, 1]


async def test_if_the_new_one_fails_the_old_one_stays_and_can_be_rebooked_again(
    town: World,
) -> None:
    old = await booked(town, ticket_leg(BUS, 360, 5))
    failed = await rebook(town, old, 0, ticket_leg(BUS, 450, 10), method="pm_card_chargeDeclined")
    await town.advance(failed)
    assert await both(town, old, failed) == (
        "confirmed | bus confirmed | captured",
        "failed | bus cancelled | declined",
    )
    new = await rebook(town, old, 0, ticket_leg(BUS, 450, 10))
    await town.advance(new)
    await town.advance(old)
    assert await both(town, old, new) == (
        "cancelled | bus cancelled | refunded",
        "confirmed | bus confirmed | captured",
    )


async def test_in_place_of_a_missing_bike_and_the_rest_she_pays_what_they_would_have_cost(
    town: World,
) -> None:
    """1.50 for the bike and 2.00 for the bus after it; the bus instead of both costs 6.00."""
    old = await booked(town, bike_leg(), ticket_leg(BUS, 200, 30))
    leg_id = (await town.trip(old)).legs[0].id
    missing = Problem(Kind.VEHICLE_MISSING)
    now = town.desk.clock()
    await do(town, lambda tx: report_problem(tx, old, leg_id, missing, now))
    await town.advance(old)
    assert await town.story(old) == "confirmed | bike cancelled, bus confirmed | authorised"
    since = now - timedelta(days=7)
    before = await do(town, lambda tx: has_gone_on(tx, "rdr_anna", since))
    new = await rebook(town, old, 0, ticket_leg(BUS, 600, 10))
    for booking_id in (new, old):
        await town.advance(booking_id)
    assert await both(town, old, new) == (
        "cancelled | bike cancelled, bus cancelled | released",
        "confirmed | bus confirmed | captured",
    )
    await over(town, new)
    assert await back(town, new) == 250
    gone_on = [
        await do(town, lambda tx, who=who, at=at: has_gone_on(tx, who, at))
        for who, at in (
            ("rdr_anna", since), ("rdr_ben", since), ("rdr_anna", now + timedelta(hours=1)),
        )
    ]  # fmt: skip
    assert [before, *gone_on] == [False, True, False, False]


async def test_the_database_itself_refuses_a_second_one(town: World) -> None:
    old = await booked(town, ticket_leg(BUS, 360, 5))
    await rebook(town, old, 0, ticket_leg(BUS, 360, 10))
    with pytest.raises(IntegrityError):
        await rebook(town, old, 0, ticket_leg(BUS, 360, 12))


async def test_such_an_offer_is_booked_in_no_other_way(town: World) -> None:
    old = await booked(town, ticket_leg(BUS, 360, 5))
    leg_id = (await town.trip(old)).legs[0].id
    offer = replace(offer_of(ticket_leg(BUS, 0, 10)), in_place_of=InPlaceOf(old, leg_id))
    with pytest.raises(OfferExpiredError):
        await town.book(offer)


async def test_a_death_at_any_call_ends_with_the_new_one_and_without_the_rest_of_the_old(
    town: World,
) -> None:
    for edge in range(1, 40):
        rider = f"rdr_{edge}"
        old = await booked(town, ticket_leg(BUS, 360, 1), bike_leg(), rider=rider)
        new = await rebook(town, old, 1, ticket_leg(BUS, 450, 20))
        desk, met = crashing_desk(town.desk, edge)
        dying = replace(town, desk=desk)
        for booking_id in (new, old):
            try:
                await dying.advance(booking_id)
            except CrashError:
                stories = await both(town, old, new)
                assert ("bike confirmed" in stories[0]) or ("bus confirmed" in stories[1])
                await town.advance(booking_id)
        assert await both(town, old, new) == (
            "confirmed | bus confirmed, bike cancelled | authorised",
            "confirmed | bus confirmed | captured",
        ), f"died at edge {edge}"
        assert town.holders(BIKE, "hbf-01") == 0
        if met() < edge:
            return
    pytest.fail("a rebooking has more edges than were tried")


async def count_asked(world: World, booking_id: str) -> int:
    asked = text("select count(*) from step where kind = :kind and key = :key")
    mine = {"kind": STEP, "key": booking_id}
    return await do(world, lambda tx: tx.scalar(asked, mine))  # type: ignore[no-any-return]


async def test_a_death_at_any_call_gives_the_difference_back_once(town: World) -> None:
    for edge in range(1, 10):
        old = await booked(town, ticket_leg(BUS, 360, 5), rider=f"rdr_{edge}")
        new = await rebook(town, old, 0, ticket_leg(BUS, 450, 10))
        await town.advance(new)
        then = later(town, hours=2)
        await then.advance(new)
        assert await count_asked(town, new) == 1
        desk, met = crashing_desk(then.desk, edge)
        try:
            await bear_difference(desk, new)
        except CrashError:
            await bear_difference(then.desk, new)
        assert await back(town, new) == 90
        if met() < edge:
            return
    pytest.fail("giving back has more edges than were tried")


async def test_a_ticket_that_another_trip_goes_on_with_is_not_refunded_by_itself(
    town: World,
) -> None:
    """Whom the bus left behind in her wheelchair is believed; what is then due staff decides."""
    old = await booked(town, ticket_leg(BUS, 360, 1), ticket_leg(BUS, 200, 20))
    town = later(town, minutes=3)
    await town.advance(await rebook(town, old, 1, ticket_leg(BUS, 0, 30)))
    first = (await town.trip(old)).legs[0]
    problem = Problem(Kind.WHEELCHAIR_REFUSED)
    report = await do(
        town, lambda tx: report_problem(tx, old, first.id, problem, town.desk.clock())
    )
    assert (report.outcome, report.open) == (Outcome.NOTED, True)


PRICES = st.integers(0, 2_000)


@given(
    kept=st.lists(PRICES, max_size=3), rest=st.lists(PRICES, min_size=1, max_size=3), data=st.data()
)
def test_however_often_she_is_rebooked_a_rider_pays_no_more_than_at_first(
    kept: list[int], rest: list[int], data: st.DataObject
) -> None:
    """Of each booking she keeps some legs and loses the others; the last one is made whole."""
    promised = sum(kept) + sum(rest)
    paid, locked = 0, None
    for _ in range(data.draw(st.integers(1, 4))):
        words = ", ".join(["bus confirmed"] * len(kept + rest))
        before = trip_of(f"{words} | captured", state="confirmed")
        legs = tuple(
            replace(leg, quoted=Money(price))
            for leg, price in zip(before.legs, kept + rest, strict=True)
        )
        before = replace(before, legs=legs, locked=locked)
        first, number = legs[len(kept)], len(kept) + data.draw(st.integers(0, len(rest)))
        unusable = [replace(leg, state=LegState.CANCELLED) for leg in legs[len(kept) : number]]
        legs = (*legs[: len(kept)], *unusable, *legs[number:])
        before = replace(before, legs=legs)
        gone = list_given_up(before, first.id)
        assert [leg.quoted.minor for leg in gone] == rest[len(unusable) :]
        mine = Money(sum(kept))
        most = Money(2**40) if locked is None else locked
        paid += (mine - borne(mine, Money(2**40), most)).minor
        locked = lock_price(before, gone, unusable)
        kept = data.draw(st.lists(PRICES, max_size=2))
        rest = data.draw(st.lists(PRICES, min_size=1, max_size=2))
    final = Money(sum(kept) + sum(rest))
    assert locked is not None
    assert paid + (final - borne(final, Money(2**40), locked)).minor <= promised


@pytest.mark.parametrize(
    ("final", "ceiling", "locked", "ours"),
    [
        (450, 450, 360, 90),
        (360, 450, 360, 0),
        (100, 450, 360, 0),
        (600, 450, 360, 90),  # ridden beyond what was held: hers
        (600, 300, 360, 0),
        (450, 450, 0, 450),
    ],
)
def test_what_we_bear(final: int, ceiling: int, locked: int, ours: int) -> None:
    assert borne(Money(final), Money(ceiling), Money(locked)) == Money(ours)


def test_what_is_used_or_gone_is_not_given_up() -> None:
    mine = trip_of("bus ended, bus confirmed, bus active, bus cancelled, bike active | captured")
    assert [leg.position for leg in list_given_up(mine, mine.legs[0].id)] == [1, 2]
    assert list_given_up(mine, "leg_none") == []
