"""A day costs a rider no more than the city's ceiling, over all modes; the providers get theirs."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from mobility.audit import Deed
from mobility.booking.bill_split import split_equally
from mobility.booking.collect import collect
from mobility.booking.day_ceiling import STEP, cap_day, list_costs
from mobility.booking.goodwill import GRANTED, grant_goodwill, pay_goodwill
from mobility.booking.queries import get_any_booking
from mobility.booking.rebooked import bear_difference
from mobility.booking.receipt import get_receipt, list_movements
from mobility.cities.city import load_city
from mobility.cities.facts import Confidence, DayCeiling
from mobility.watch import read_all
from payments.money import Money
from payments.reconcile import reconcile
from providers.values import ProviderId
from tests.booking.test_arrears import payment_of, ride_too_long, standing
from tests.booking.test_hard_luck import BUS, TicketOffice, changed, do, later, ticket_leg
from tests.booking.test_rebooked import rebook
from tests.booking.test_rebooked_slowly import rode_too_long
from tests.booking.world import World, bike_leg, crashing_desk, offer_of, run_processor
from tests.simulation.mortal import CrashError

NOON = f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"
"""A zone where it is about noon, so that no test comes to stand across a midnight."""
CEILING = DayCeiling(
    id="deckel",
    title="Tagesdeckel",
    amount=Decimal("8.00"),
    day_zone=NOON,
    valid_from=date(2026, 1, 1),
    synthetic=True,
    source="made up",
    confidence=Confidence.LOW,
)


@pytest.fixture
def town(world: World) -> World:
    offices: dict[ProviderId, Any] = {BUS: TicketOffice(BUS)}
    providers = {**world.desk.providers, **offices}
    return changed(world, providers=providers, day_ceilings=(CEILING,))


async def rode(
    world: World, price: int, *, rider: str = "rdr_anna", persons: int = 1, days_ago: int = 0
) -> str:
    """A trip by bus that is paid and over; what its day costs beyond is still to be given back."""
    offer = replace(offer_of(ticket_leg(BUS, price, 1)), passengers=persons)
    booking_id = await world.book(offer, rider=rider)
    await world.advance(booking_id)
    over = changed(world, clock=lambda: datetime.now(UTC) + timedelta(hours=2))
    await over.advance(booking_id)
    assert await world.story(booking_id) == "settled | bus ended | captured"
    back = f"update leg set departs_at = departs_at - interval '{days_ago} days' "
    await do(world, lambda tx: tx.execute(text(back + f"where booking_id = '{booking_id}'")))
    return booking_id


async def given_back(world: World, booking_id: str) -> int:
    movements = await do(world, lambda tx: list_movements(tx, booking_id))
    return sum(each.amount.minor for each in movements if each.kind == "rebate")


class TestReconciled:
    """With a processor that has no lines of other tests."""

    @pytest.fixture
    def processor(self) -> Iterator[str]:
        with run_processor() as url:
            yield url

    async def test_what_a_day_costs_beyond_its_ceiling_goes_back_and_we_bear_it(
        self, town: World
    ) -> None:
        """Bike 5.00 and bus 3.60 with a ceiling of 8.00: sixty cents, and nobody else's money."""
        bike = await ride_too_long(town, ceiling=900)
        bus = await rode(town, 360)
        asked = "select key from step where kind = :kind order by key"
        keys = await do(town, lambda tx: tx.scalars(text(asked), {"kind": STEP}))
        assert sorted(keys) == sorted([bike, bus])
        before = await town.books()
        for booking_id in (bike, bus, bus, bike):
            await cap_day(town.desk, booking_id)
        assert [await given_back(town, each) for each in (bike, bus)] == [60, 0]
        after = await town.books()
        moved = {code: after[code] - before.get(code, 0) for code in after}
        assert {code: minor for code, minor in moved.items() if minor} == {
            "day_ceiling_rebates:EUR": 60,
            "processor:EUR": -60,
        }
        run = await reconcile(town.desk.engine, town.desk.gateway, now=datetime.now(UTC))
        assert (run.case_count, run.unexplained) == (0, Money(0))
        async with town.desk.engine.begin() as tx:
            readings = await read_all(tx, datetime.now(UTC))
        breaks = next(r for r in readings if r.question.metric == "mobility_invariant_breaks")
        assert {label: n for label, n in breaks.answers if n} == {}

    async def test_what_is_beyond_it_goes_back_on_the_later_charge_too(self, town: World) -> None:
        """5.00 by bike, of which 3.00 were charged later: a ceiling of 1.00 leaves one euro."""
        cheap = changed(town, day_ceilings=(replace(CEILING, amount=Decimal("1.00")),))
        booking_id = await ride_too_long(cheap)
        await collect(cheap.desk, await payment_of(cheap, booking_id))
        assert cheap.money(booking_id) == (0, 500)
        for _ in range(2):
            await cap_day(cheap.desk, booking_id)
        assert await given_back(cheap, booking_id) == 400
        (leg,) = (await cheap.trip(booking_id)).legs
        deed = Deed("rdr_otto", GRANTED, booking_id, "ticket 4711", datetime.now(UTC))
        granted = await do(cheap, lambda tx: grant_goodwill(tx, booking_id, leg.id, None, deed))
        await pay_goodwill(cheap.desk, booking_id)
        assert granted == Money(100)
        seen = await standing(cheap, booking_id)
        assert (seen.captured, seen.refunded, seen.outstanding) == (
            Money(500),
            Money(500),
            Money(0),
        )
        books = await cheap.books()
        assert (books["day_ceiling_rebates:EUR"], books["goodwill_refunds:EUR"]) == (400, 100)
        run = await reconcile(cheap.desk.engine, cheap.desk.gateway, now=datetime.now(UTC))
        assert (run.case_count, run.unexplained) == (0, Money(0))


async def test_a_city_without_a_ceiling_asks_for_nothing(town: World) -> None:
    await rode(changed(town, day_ceilings=()), 3600)
    asked = text("select count(*) from step where kind = :kind")
    assert await do(town, lambda tx: tx.scalar(asked, {"kind": STEP})) == 0


@pytest.mark.parametrize(
    "ceiling",
    [
        replace(CEILING, valid_from=date(2099, 1, 1)),
        replace(CEILING, valid_until=date(2026, 1, 2)),
    ],
)
async def test_a_ceiling_holds_for_its_days(town: World, ceiling: DayCeiling) -> None:
    here = changed(town, day_ceilings=(ceiling,))
    booking_id = await rode(here, 3600)
    await cap_day(here.desk, booking_id)
    assert await given_back(town, booking_id) == 0


async def test_another_rider_another_day_and_several_persons_do_not_count(town: World) -> None:
    trips = [
        await rode(town, 700),
        await rode(town, 700, rider="rdr_ben"),
        await rode(town, 700, days_ago=1),
        await rode(town, 700, persons=2),
    ]
    for booking_id in trips:
        await cap_day(town.desk, booking_id)
    assert [await given_back(town, each) for each in trips] == [0, 0, 0, 0]


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_the_order_each_day_costs_the_ceiling_or_the_single_fares(
    town: World, seed: int
) -> None:
    """Random trips on random days, capped in random order and four at a time."""
    dice = random.Random(seed)
    costs: Counter[int] = Counter()
    back: Counter[int] = Counter()
    trips = []
    for _ in range(8):
        price, days_ago = dice.randint(50, 600), dice.randint(0, 2)
        costs[days_ago] += price
        trips.append((await rode(town, price, days_ago=days_ago), days_ago, price))
    order = [booking_id for booking_id, _, _ in trips]
    dice.shuffle(order)
    for first in range(0, len(order), 4):
        await asyncio.gather(*(cap_day(town.desk, each) for each in order[first : first + 4]))
    for booking_id, days_ago, price in trips:
        given = await given_back(town, booking_id)
        assert 0 <= given <= price
        back[days_ago] += given
    assert {day: cost - back[day] for day, cost in costs.items()} == {
        day: min(cost, 800) for day, cost in costs.items()
    }


async def test_a_death_at_any_call_gives_back_once(town: World) -> None:
    for edge in range(1, 10):
        booking_id = await rode(town, 900, rider=f"rdr_{edge}")
        desk, met = crashing_desk(town.desk, edge)
        try:
            await cap_day(desk, booking_id)
        except CrashError:
            await cap_day(town.desk, booking_id)
        assert await given_back(town, booking_id) == 100
        if met() < edge:
            break
    else:
        raise AssertionError("more edges than expected")
    assert (await town.books())["day_ceiling_rebates:EUR"] == 100 * edge


@pytest.mark.parametrize("granted_first", [True, False])
async def test_what_staff_grants_comes_off_what_the_day_costs_in_whatever_order(
    town: World, granted_first: bool
) -> None:
    """7.00 and 4.00 under a ceiling of 8.00, of which 3.50 are granted: 4.50 are left to pay."""
    trips = [await rode(town, 700), await rode(town, 400)]
    (leg,) = (await town.trip(trips[0])).legs
    deed = Deed("rdr_otto", GRANTED, trips[0], "ticket 4711", datetime.now(UTC))

    async def grant() -> None:
        await do(town, lambda tx: grant_goodwill(tx, trips[0], leg.id, Money(350), deed))
        await pay_goodwill(town.desk, trips[0])

    if granted_first:
        await grant()
    for booking_id in trips:
        await cap_day(town.desk, booking_id)
    if not granted_first:
        await grant()
    back = [(await standing(town, each)).refunded.minor for each in trips]
    assert 700 + 400 - sum(back) == 800 - 350


async def test_a_bill_that_a_rebate_lowered_is_shared_at_what_was_paid(town: World) -> None:
    cheap = changed(town, day_ceilings=(replace(CEILING, amount=Decimal("1.00")),))
    booking_id = await rode(cheap, 360)
    await cap_day(cheap.desk, booking_id)
    record = await do(cheap, lambda tx: get_any_booking(tx, booking_id))
    receipt = await do(cheap, lambda tx: get_receipt(tx, record, load_city("luebeck")))
    assert (receipt.total, receipt.refunded, receipt.paid) == (Money(360), Money(260), Money(100))
    shares = split_equally(receipt, ["Anna", "Ben"])
    assert [share.amount.minor for share in shares] == [50, 50]


async def test_a_ticket_begun_the_evening_before_counts_to_the_day_of_its_ride(
    town: World,
) -> None:
    booking_id = await rode(town, 500)
    begun = "update leg set started_at = departs_at - interval '1 days' where booking_id = :of"
    await do(town, lambda tx: tx.execute(text(begun), {"of": booking_id}))
    today = CEILING.find_day(datetime.now(UTC))
    assert today is not None
    costs = await do(town, lambda tx: list_costs(tx, CEILING, "rdr_anna", today, "EUR"))
    assert costs == {today: Money(500)}
    last = await rode(town, 400)
    await do(town, lambda tx: tx.execute(text(begun), {"of": last}))
    await cap_day(town.desk, last)
    assert await given_back(town, last) == 100


async def test_over_midnight_the_price_that_was_locked_counts_once(town: World) -> None:
    """Two buses of 5.00 for a locked price of 7.00, on two days: these cost 7.00, not 10.00."""
    booking_id = await town.book(offer_of(ticket_leg(BUS, 500, 1), ticket_leg(BUS, 500, 15)))
    await town.advance(booking_id)
    await changed(town, clock=lambda: datetime.now(UTC) + timedelta(hours=2)).advance(booking_id)
    assert (await town.trip(booking_id)).state == "settled"
    other = await rode(town, 100, persons=2)
    ids = {"booking": booking_id, "other": other}
    in_place = (
        "update booking set locked_minor = 700, rebooked_from = :other, rebooked_leg_id = 'x'"
    )
    earlier = "update leg set departs_at = departs_at - interval '1 days' where position = 0"
    async with town.desk.engine.begin() as tx:
        await tx.execute(text(f"{in_place} where id = :booking"), ids)
        await tx.execute(text(f"{earlier} and booking_id = :booking"), {"booking": booking_id})
    today = CEILING.find_day(datetime.now(UTC))
    assert today is not None
    yesterday = today - timedelta(days=1)
    for since, costs in ((yesterday, {yesterday: 500, today: 200}), (today, {today: 200})):
        async with town.desk.engine.begin() as tx:
            found = await list_costs(tx, CEILING, "rdr_anna", since, "EUR")
        assert {day: cost.minor for day, cost in found.items()} == costs


async def test_what_was_charged_beyond_a_locked_price_is_not_spent_on_the_days_rebate(
    town: World,
) -> None:
    """3.60, and 4.50 at a locked 2.00, both settled before either is capped: 1.00 stays paid."""
    cheap = changed(town, day_ceilings=(replace(CEILING, amount=Decimal("1.00")),))
    old = await cheap.book(offer_of(ticket_leg(BUS, 360, 5), ticket_leg(BUS, 200, 20)))
    await cheap.advance(old)
    new = await rebook(cheap, old, 1, ticket_leg(BUS, 450, 30))
    for world in (cheap, later(cheap, hours=2)):
        for booking_id in (new, old):
            await world.advance(booking_id)
    await cap_day(cheap.desk, new)
    await bear_difference(cheap.desk, new)
    await cap_day(cheap.desk, old)
    assert [await given_back(cheap, each) for each in (new, old)] == [200, 260]
    left = [(await standing(cheap, each)) for each in (new, old)]
    assert [each.captured.minor - each.refunded.minor for each in left] == [0, 100]


@pytest.mark.parametrize("collected", [True, False])
async def test_what_is_too_little_to_be_charged_is_no_part_of_what_a_day_cost(
    town: World, collected: bool
) -> None:
    """5.00 by bike, of which 0.40 are never charged, and a bus of 4.00: sixty cents go back."""
    bike = await ride_too_long(town, ceiling=460)
    if collected:
        await collect(town.desk, await payment_of(town, bike))
    bus = await rode(town, 400)
    await cap_day(town.desk, bus)
    await collect(town.desk, await payment_of(town, bike))
    await cap_day(town.desk, bike)
    assert [await given_back(town, each) for each in (bike, bus)] == [0, 60]
    assert [town.money(each) for each in (bike, bus)] == [(0, 460), (0, 400)]


async def test_what_is_too_little_to_be_charged_beyond_a_locked_price_is_no_part_of_its_day(
    town: World,
) -> None:
    """3.60, and 5.00 by bike at a locked 1.00 of which 0.40 are never charged: 1.00 stays paid."""
    cheap = changed(town, day_ceilings=(replace(CEILING, amount=Decimal("1.00")),))
    old = await cheap.book(offer_of(ticket_leg(BUS, 360, 5), ticket_leg(BUS, 100, 20)))
    await cheap.advance(old)
    new = await rebook(cheap, old, 1, bike_leg(ceiling=460, price=460))
    await cheap.advance(new)
    await collect(cheap.desk, await rode_too_long(cheap, new))
    await later(cheap, hours=2).advance(old)
    await cap_day(cheap.desk, new)
    await bear_difference(cheap.desk, new)
    await cap_day(cheap.desk, old)
    assert [await given_back(cheap, each) for each in (new, old)] == [100, 260]
    left = [(await standing(cheap, each)) for each in (new, old)]
    assert [each.captured.minor - each.refunded.minor for each in left] == [0, 100]
