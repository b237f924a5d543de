"""Staff gives back what a leg of a settled trip cost: once, at our expense, whatever dies."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from mobility.audit import Deed, list_deeds
from mobility.booking.errors import NotFoundError, WrongStateError
from mobility.booking.goodwill import (
    GRANTED,
    grant_goodwill,
    list_goodwill,
    pay_goodwill,
)
from mobility.booking.payment_view import get_standing
from mobility.booking.queries import get_any_booking
from mobility.booking.receipt import list_movements, make_receipt
from mobility.cities.city import load_city
from mobility.watch import read_all
from payments.money import Money
from payments.reconcile import reconcile
from payments.refund import GOODWILL
from providers.values import ProviderId
from tests.booking.test_hard_luck import BUS, TicketOffice, Unlike, changed, do, later, ticket_leg
from tests.booking.world import World, crashing_desk, offer_of, run_processor
from tests.simulation.mortal import CrashError


@pytest.fixture
def town(world: World) -> World:
    offices: dict[ProviderId, Any] = {BUS: TicketOffice(BUS)}
    return changed(world, providers={**world.desk.providers, **offices})


async def rode(world: World, *prices: int) -> tuple[str, list[str]]:
    """A trip by buses at these prices that is paid and over, and its legs."""
    legs = [ticket_leg(BUS, price, 1 + place) for place, price in enumerate(prices)]
    booking_id = await world.book(offer_of(*legs))
    await world.advance(booking_id)
    await later(world, hours=2).advance(booking_id)
    trip = await world.trip(booking_id)
    assert trip.state == "settled"
    return booking_id, [leg.id for leg in trip.legs]


async def grant(world: World, booking_id: str, leg_id: str, cents: int | None = None) -> Money:
    amount = None if cents is None else Money(cents)
    deed = Deed("rdr_otto", GRANTED, f"{booking_id} {leg_id}", "ticket 4711", datetime.now(UTC))
    granted: Money = await do(
        world, lambda tx: grant_goodwill(tx, booking_id, leg_id, amount, deed)
    )
    return granted


async def given_back(world: World, booking_id: str) -> list[int]:
    movements = await do(world, lambda tx: list_movements(tx, booking_id))
    return [each.amount.minor for each in movements if each.kind == GOODWILL]


async def states(world: World, booking_id: str) -> list[str]:
    return [each.state for _, each in await do(world, lambda tx: list_goodwill(tx, booking_id))]


class TestReconciled:
    """With a processor that has no lines of other tests."""

    @pytest.fixture
    def processor(self) -> Iterator[str]:
        with run_processor() as url:
            yield url

    async def test_a_leg_is_given_back_in_parts_until_nothing_of_it_is_left(
        self, town: World
    ) -> None:
        booking_id, (first, second) = await rode(town, 360, 200)
        before = await town.books()
        assert await grant(town, booking_id, first, 150) == Money(150)
        assert await grant(town, booking_id, first) == Money(210)
        assert await grant(town, booking_id, second, 1) == Money(1)
        over = f"all that leg {first} cost has gone back already"
        more = r"1\.99 EUR of its price can"
        for leg_id, cents, why in ((first, 1, over), (first, None, over), (second, 200, more)):
            with pytest.raises(WrongStateError, match=why):
                await grant(town, booking_id, leg_id, cents)
        assert await pay_goodwill(town.desk, booking_id) is None
        assert await given_back(town, booking_id) == [150, 210, 1]
        after = await town.books()
        moved = {code: after[code] - before.get(code, 0) for code in after}
        assert {code: minor for code, minor in moved.items() if minor} == {
            "goodwill_refunds:EUR": 361,
            "processor:EUR": -361,
        }
        receipt = await do(town, lambda tx: receipt_of(tx, booking_id))
        assert (receipt.total, receipt.paid, receipt.refunded) == (
            Money(560), Money(199), Money(361),
        )  # fmt: skip
        granted = [each.leg_id for each in receipt.movements if each.kind == GOODWILL]
        assert granted == [first, first, second]
        deeds = await do(town, lambda tx: list_deeds(tx, limit=3))
        assert [(deed.action, deed.subject, deed.reason) for _, deed in deeds] == [
            (GRANTED, f"{booking_id} {second}", "0.01 EUR: ticket 4711"),
            (GRANTED, f"{booking_id} {first}", "2.10 EUR: ticket 4711"),
            (GRANTED, f"{booking_id} {first}", "1.50 EUR: ticket 4711"),
        ]
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


async def test_what_is_not_over_or_not_there_is_refused(town: World) -> None:
    booking_id = await town.book(offer_of(ticket_leg(BUS, 360, 1)))
    await town.advance(booking_id)
    (leg,) = (await town.trip(booking_id)).legs
    with pytest.raises(WrongStateError, match="confirmed; one that is not over is given back as a"):
        await grant(town, booking_id, leg.id)
    for wrong in ((booking_id, "leg_1"), ("bkg_1", leg.id)):
        with pytest.raises(NotFoundError):
            await grant(town, *wrong)
    assert await states(town, booking_id) == []


async def test_a_leg_that_was_not_used_costs_nothing(town: World) -> None:
    booking_id, _ = await rode(town, 360)
    await do(town, lambda tx: tx.exec_driver_sql("update leg set state = 'cancelled'"))
    (leg,) = (await town.trip(booking_id)).legs
    with pytest.raises(WrongStateError, match="not used"):
        await grant(town, booking_id, leg.id)


@pytest.mark.parametrize("grants", [[None, None, None], [200, 200, 200], [90, 90, 90, 90]])
async def test_however_many_grant_at_once_no_more_goes_back_than_the_leg_cost(
    town: World, grants: list[int | None]
) -> None:
    booking_id, (leg_id,) = await rode(town, 360)
    found = await asyncio.gather(
        *(grant(town, booking_id, leg_id, cents) for cents in grants), return_exceptions=True
    )
    granted = sum(each.minor for each in found if isinstance(each, Money))
    assert granted in (360, 200)
    await asyncio.gather(*(pay_goodwill(town.desk, booking_id) for _ in range(3)))
    assert sum(await given_back(town, booking_id)) == granted
    assert (await town.books())["goodwill_refunds:EUR"] == granted


async def test_a_death_at_any_call_gives_back_once(town: World) -> None:
    for edge in range(1, 10):
        booking_id, (leg_id,) = await rode(town, 360)
        await grant(town, booking_id, leg_id)
        desk, met = crashing_desk(town.desk, edge)
        try:
            await pay_goodwill(desk, booking_id)
        except CrashError:
            await pay_goodwill(town.desk, booking_id)
        assert await given_back(town, booking_id) == [360]
        if met() < edge:
            break
    else:
        raise AssertionError("more edges than expected")
    assert (await town.books())["goodwill_refunds:EUR"] == 360 * edge


async def test_of_a_booking_that_was_given_back_as_a_whole_nothing_is_granted(town: World) -> None:
    """Also where that refund came back, which a person pays already."""
    booking_id, (leg_id,) = await rode(town, 360)
    await do(town, lambda tx: tx.exec_driver_sql("update booking set aim = 'give_back'"))
    with pytest.raises(WrongStateError, match="given back as a whole"):
        await grant(town, booking_id, leg_id)


async def test_what_a_restore_has_forgotten_is_found_when_it_is_granted_again(
    town: World,
) -> None:
    """The same part of the same leg is the same refund at the processor."""
    booking_id, (leg_id,) = await rode(town, 360)
    await grant(town, booking_id, leg_id, 150)
    await pay_goodwill(town.desk, booking_id)
    forget = (
        "update leg set goodwill_minor = 0",
        "delete from money_operation where reason = 'goodwill'",
        "update payment set refunded_minor = 0, compensated_minor = 0, state = 'captured'",
    )
    for statement in forget:
        await do(town, lambda tx, what=statement: tx.exec_driver_sql(what))
    await grant(town, booking_id, leg_id, 150)

    async def refund_hold(*_hold: object, **_more: object) -> None:
        raise AssertionError("nothing is sent: it was made before the restore")

    restored = changed(town, gateway=Unlike(town.desk.gateway, refund_hold=refund_hold))
    await pay_goodwill(restored.desk, booking_id)
    assert await states(town, booking_id) == ["done"]
    assert await given_back(town, booking_id) == [150]
