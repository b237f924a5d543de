"""What goes back at our expense and is refused: asked again, seen by staff, never given twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from mobility.booking import day_ceiling, goodwill, rebates, rebooked
from mobility.booking.day_ceiling import cap_day
from mobility.booking.desk import Desk
from mobility.booking.errors import WrongStateError
from mobility.booking.goodwill import pay_goodwill
from mobility.booking.rebooked import bear_difference
from mobility.booking.receipt import list_movements
from mobility.steps import enqueue, run_if_free
from mobility.stuck_steps import BURY, MAKES_REFUNDS, Condition, give_up, list_stuck, retry
from payments.accounts import Role
from payments.errors import OutcomeUnknownError, PaymentStuckError, RefusedError
from payments.ledger import list_journals
from payments.money import Money
from payments.refund_failures import list_failed_refunds, transfer_by_hand
from providers.values import ProviderId
from tests.booking.test_day_ceiling import CEILING
from tests.booking.test_goodwill import grant, rode
from tests.booking.test_hard_luck import BUS, TicketOffice, Unlike, changed, do, later, ticket_leg
from tests.booking.test_rebooked import booked, rebook
from tests.booking.world import World


class Due(NamedTuple):
    """A trip of which something is to go back: how it comes to that, and the step that pays it."""

    trip: Callable[[World], Awaitable[str]]
    step: str
    work: Callable[[Desk, str], Awaitable[datetime | None]]
    cents: int


async def dearer_than_the_ceiling(world: World) -> str:
    booking_id, _ = await rode(world, 360)
    return booking_id


async def granted(world: World) -> str:
    booking_id, (leg_id,) = await rode(world, 360)
    await grant(world, booking_id, leg_id, 200)
    return booking_id


async def dearer_than_locked(world: World) -> str:
    old = await booked(world, ticket_leg(BUS, 360, 5))
    new = await rebook(world, old, 0, ticket_leg(BUS, 450, 10))
    for booking_id in (new, old):
        await world.advance(booking_id)
    await later(world, hours=2).advance(new)
    return new


DUE = [
    Due(dearer_than_the_ceiling, day_ceiling.STEP, cap_day, 260),
    Due(granted, goodwill.STEP, pay_goodwill, 200),
    Due(dearer_than_locked, rebooked.STEP, bear_difference, 90),
]
BY: dict[str, Any] = {"actor": "rdr_otto", "reason": "paid by hand"}


@pytest.fixture
def town(world: World) -> World:
    offices: dict[ProviderId, Any] = {BUS: TicketOffice(BUS)}
    return changed(world, providers={**world.desk.providers, **offices})


def ready(town: World, due: Due) -> World:
    """With a ceiling of 1.00 where it is the ceiling that gives back."""
    ceilings = (replace(CEILING, amount=Decimal("1.00")),) if due.work is cap_day else ()
    return changed(town, day_ceilings=ceilings)


def refusing(world: World) -> Desk:
    async def refund_hold(*_hold: object, **_more: object) -> None:
        raise RefusedError("this charge cannot be refunded", "charge_disputed")

    return changed(world, gateway=Unlike(world.desk.gateway, refund_hold=refund_hold)).desk


async def given_back(world: World, booking_id: str) -> list[int]:
    movements = await do(world, lambda tx: list_movements(tx, booking_id))
    ours = set(MAKES_REFUNDS.values())
    return [each.amount.minor for each in movements if each.kind in ours]


async def run_step(desk: Desk, due: Due, booking_id: str) -> None:
    await run_if_free(
        desk.engine, (due.step, booking_id), lambda key, _now: due.work(desk, key),
        worker="w", lease=desk.lease, now=desk.clock(), bury=BURY[due.step],
    )  # fmt: skip


async def ask(world: World, due: Due, booking_id: str) -> None:
    now = datetime.now(UTC)
    await do(world, lambda tx: enqueue(tx, kind=due.step, key=booking_id, run_at=now))


every = pytest.mark.parametrize("due", DUE, ids=[due.step for due in DUE])


@every
async def test_what_is_refused_is_asked_again_until_it_is_made(town: World, due: Due) -> None:
    here = ready(town, due)
    booking_id = await due.trip(here)
    refused = rf"{due.cents // 100}\.{due.cents % 100:02} EUR \(charge_disputed\)"
    for _ in range(2):
        with pytest.raises(PaymentStuckError, match=refused):
            await due.work(refusing(here), booking_id)
    assert await given_back(here, booking_id) == []
    for _ in range(2):
        assert await due.work(here.desk, booking_id) is None
    assert await given_back(here, booking_id) == [due.cents]


@every
async def test_what_staff_gave_up_and_paid_by_hand_is_never_paid_again(
    town: World, due: Due
) -> None:
    here = ready(town, due)
    booking_id = await due.trip(here)
    await ask(here, due, booking_id)
    await run_step(refusing(here), due, booking_id)
    now = datetime.now(UTC)
    stuck = [(one.kind, one.condition) for one in await do(here, list_stuck)]
    assert stuck == [(due.step, Condition.FAILING)]
    await do(here, lambda tx: give_up(tx, due.step, booking_id, now=now, **BY))
    await ask(here, due, booking_id)
    await run_step(here.desk, due, booking_id)
    assert await given_back(here, booking_id) == []
    assert await do(here, list_stuck) == []


@every
async def test_what_staff_gave_up_is_a_case_until_it_is_booked_as_transferred(
    town: World, due: Due
) -> None:
    here = ready(town, due)
    booking_id = await due.trip(here)
    await ask(here, due, booking_id)
    await run_step(refusing(here), due, booking_id)
    await do(here, lambda tx: give_up(tx, due.step, booking_id, now=datetime.now(UTC), **BY))
    (case,) = await do(here, list_failed_refunds)
    assert (case.booking_id, case.difference) == (booking_id, Money(due.cents))
    amount = await do(here, lambda tx: transfer_by_hand(tx, case.subject, datetime.now(UTC)))
    assert amount == (Money(due.cents), booking_id)
    assert await given_back(here, booking_id) == [due.cents]
    assert await do(here, list_failed_refunds) == []
    journals = await do(here, lambda tx: list_journals(tx, booking_id))
    by_bank = [
        posting.amount.minor
        for journal in journals
        for posting in journal.postings
        if posting.account.role is Role.BANK
    ]
    assert by_bank == [-due.cents]
    assert await due.work(here.desk, booking_id) is None
    assert await given_back(here, booking_id) == [due.cents]


@every
async def test_staff_has_it_tried_again(town: World, due: Due) -> None:
    here = ready(town, due)
    booking_id = await due.trip(here)
    await ask(here, due, booking_id)
    await run_step(refusing(here), due, booking_id)
    now = datetime.now(UTC)
    await do(here, lambda tx: retry(tx, due.step, booking_id, now=now, **BY))
    await run_step(here.desk, due, booking_id)
    assert await given_back(here, booking_id) == [due.cents]
    assert await do(here, list_stuck) == []


async def test_a_grant_that_was_refused_cannot_be_made_anew(town: World) -> None:
    booking_id = await granted(town)
    (leg,) = (await town.trip(booking_id)).legs
    with pytest.raises(PaymentStuckError):
        await pay_goodwill(refusing(town), booking_id)
    with pytest.raises(WrongStateError, match=r"1\.60 EUR of its price can"):
        await grant(town, booking_id, leg.id, 200)


async def test_what_was_given_up_is_not_paid_with_the_next_grant(town: World) -> None:
    due = DUE[1]
    booking_id, (first, second) = await rode(town, 360, 200)
    await grant(town, booking_id, first)
    await run_step(refusing(town), due, booking_id)
    now = datetime.now(UTC)
    await do(town, lambda tx: give_up(tx, due.step, booking_id, now=now, **BY))
    await grant(town, booking_id, second)
    await run_step(town.desk, due, booking_id)
    assert await given_back(town, booking_id) == [200]
    states = [
        op.state
        for op in await do(town, lambda tx: rebates.list_refunds(tx, booking_id, "goodwill"))
    ]
    assert states == ["declined", "done"]
    assert await do(town, list_stuck) == []


@pytest.mark.parametrize("ends", [RefusedError("no", "charge_disputed"), OutcomeUnknownError("?")])
@every
async def test_what_is_being_made_or_may_have_been_is_not_given_up(
    town: World, due: Due, ends: Exception
) -> None:
    here = ready(town, due)
    booking_id = await due.trip(here)
    await ask(here, due, booking_id)
    await run_step(refusing(here), due, booking_id)

    def give() -> Awaitable[None]:
        now = datetime.now(UTC)
        return do(here, lambda tx: give_up(tx, due.step, booking_id, now=now, **BY))

    met: list[str] = []

    async def refund_hold(*_hold: object, **_more: object) -> None:
        try:
            await give()
        except WrongStateError as error:
            met.append(str(error))
        raise ends

    meanwhile = changed(here, gateway=Unlike(here.desk.gateway, refund_hold=refund_hold))
    await do(here, lambda tx: tx.exec_driver_sql("update step set run_at = created_at"))
    await run_step(meanwhile.desk, due, booking_id)
    assert ["pay it twice" in each for each in met] == [True]
    if isinstance(ends, RefusedError):
        await give()
        assert [each.condition for each in await do(here, list_stuck)] == [Condition.GIVEN_UP]


async def test_what_is_refused_after_something_was_given_up_is_seen_and_tried_again(
    town: World,
) -> None:
    due = DUE[1]
    booking_id, legs = await rode(town, 360, 200, 100)
    await grant(town, booking_id, legs[0])
    await run_step(refusing(town), due, booking_id)
    now = datetime.now(UTC)
    await do(town, lambda tx: give_up(tx, due.step, booking_id, now=now, **BY))
    await grant(town, booking_id, legs[1])
    await run_step(refusing(town), due, booking_id)
    (stuck,) = await do(town, list_stuck)
    assert (stuck.condition, "2.00 EUR" in (stuck.last_error or "")) == (Condition.FAILING, True)
    await grant(town, booking_id, legs[2])
    await do(town, lambda tx: retry(tx, due.step, booking_id, now=now, **BY))
    await run_step(town.desk, due, booking_id)
    assert await given_back(town, booking_id) == [200, 100]


@pytest.mark.parametrize("given_up", [False, True])
async def test_what_was_refused_and_what_is_granted_are_no_more_than_was_paid(
    town: World, given_up: bool
) -> None:
    """Of 3.60 are 2.60 a rebate, which somebody pays: a grant gives the rest."""
    due = DUE[0]
    here = ready(town, due)
    booking_id, (leg_id,) = await rode(here, 360)
    await ask(here, due, booking_id)
    await run_step(refusing(here), due, booking_id)
    if given_up:
        now = datetime.now(UTC)
        await do(here, lambda tx: give_up(tx, due.step, booking_id, now=now, **BY))
    with pytest.raises(WrongStateError, match=r"only 1\.00 EUR has not gone back already"):
        await grant(here, booking_id, leg_id, 101)
    assert await grant(here, booking_id, leg_id) == Money(100)


async def test_a_rebate_that_was_refused_is_no_matter_of_the_days_next_trip(town: World) -> None:
    """It is given for ever: whoever pays it, the next trip gives back its own part alone."""
    here = ready(town, DUE[0])
    first, _ = await rode(here, 360)
    with pytest.raises(PaymentStuckError):
        await cap_day(refusing(here), first)
    second, _ = await rode(here, 200)
    await cap_day(here.desk, second)
    await cap_day(here.desk, first)
    assert [await given_back(here, each) for each in (first, second)] == [[260], [200]]
