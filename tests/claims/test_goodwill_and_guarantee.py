"""Staff and a carrier give back the same leg: its price goes back once, whoever comes first."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from mobility.booking.errors import WrongStateError
from mobility.booking.goodwill import pay_goodwill
from mobility.booking.receipt import list_movements
from mobility.claims.file_claim import accept, reject
from mobility.claims.pay_claim import pay_claim
from mobility.claims.states import ClaimState
from payments.errors import RefusedError
from payments.money import Money
from tests.booking.test_arrears import pay
from tests.booking.test_goodwill import grant, rode, town
from tests.booking.test_hard_luck import Unlike, changed, do
from tests.booking.test_lost_disputes import lose_whole
from tests.booking.world import World
from tests.claims.test_claims import FINANCE, claim_of, filed, noticed
from tests.claims.test_notice import at

__all__ = ["town"]
GONE = "all that leg .* cost has gone back already"


async def moved(world: World, booking_id: str) -> list[tuple[str, int]]:
    movements = await do(world, lambda tx: list_movements(tx, booking_id))
    return [(each.kind, each.amount.minor) for each in movements]


async def test_staff_grants_nothing_of_a_price_that_its_carrier_gave_back(town: World) -> None:
    """Of two rides the first one's price: not out of what was paid for the other."""
    booking_id, (late, other) = await rode(town, 360, 200)
    claim = await noticed(town, booking_id)
    await filed(town, booking_id)
    await do(town, lambda tx: accept(tx, claim.id, FINANCE, at("10:00")))
    with pytest.raises(WrongStateError, match=GONE):
        await grant(town, booking_id, late)
    await pay_claim(town.desk, claim.id)
    with pytest.raises(WrongStateError, match=GONE):
        await grant(town, booking_id, late, 100)
    assert await grant(town, booking_id, other) == Money(200)
    await pay_goodwill(town.desk, booking_id)
    assert await moved(town, booking_id) == [("charge", 560), ("guarantee", 360), ("goodwill", 200)]


async def test_a_carrier_gives_no_price_back_that_staff_has_granted(town: World) -> None:
    booking_id, (late, _other) = await rode(town, 360, 200)
    claim = await noticed(town, booking_id)
    await filed(town, booking_id)
    assert await grant(town, booking_id, late) == Money(360)
    with pytest.raises(WrongStateError, match="granted by staff"):
        await do(town, lambda tx: accept(tx, claim.id, FINANCE, at("10:00")))
    await do(town, lambda tx: reject(tx, claim.id, FINANCE, at("10:00")))
    assert (await claim_of(town, claim.id)).state is ClaimState.REJECTED
    await pay_goodwill(town.desk, booking_id)
    assert await moved(town, booking_id) == [("charge", 560), ("goodwill", 360)]


async def test_granted_before_it_is_not_filed(town: World) -> None:
    booking_id, (late, _other) = await rode(town, 360, 200)
    await noticed(town, booking_id)
    await grant(town, booking_id, late)
    with pytest.raises(WrongStateError, match="granted by staff"):
        await filed(town, booking_id)


async def test_a_part_that_staff_granted_keeps_nobody_from_a_guarantee(town: World) -> None:
    """And then nothing more of the leg is granted."""
    booking_id, (late, _other) = await rode(town, 360, 200)
    claim = await noticed(town, booking_id)
    await grant(town, booking_id, late, 100)
    await filed(town, booking_id)
    await do(town, lambda tx: accept(tx, claim.id, FINANCE, at("10:00")))
    with pytest.raises(WrongStateError, match=GONE):
        await grant(town, booking_id, late)


async def test_a_taxi_is_not_the_price_of_the_ride(town: World) -> None:
    """What she spent because of a missed connection says nothing about her fare."""
    booking_id, (late, _other) = await rode(town, 360, 200)
    claim = await noticed(town, booking_id, taxi=True)
    await filed(town, booking_id, "bus-connection", 100)
    await do(town, lambda tx: accept(tx, claim.id, FINANCE, at("10:00")))
    await pay_claim(town.desk, claim.id)
    assert await grant(town, booking_id, late) == Money(360)


async def test_a_guarantee_that_is_transferred_leaves_all_that_was_charged_to_be_granted(
    town: World,
) -> None:
    """The processor refused to refund it; finance transfers it whole, beside the payment."""

    async def refund_hold(*_hold: object, **_more: object) -> None:
        raise RefusedError("this charge cannot be refunded", "charge_disputed")

    booking_id, (late, _other) = await rode(town, 360, 200)
    claim = await noticed(town, booking_id, taxi=True)
    await filed(town, booking_id, "bus-connection", 2500)
    await do(town, lambda tx: accept(tx, claim.id, FINANCE, at("10:00")))
    strict = changed(town, gateway=Unlike(town.desk.gateway, refund_hold=refund_hold))
    await pay_claim(strict.desk, claim.id)
    assert (await claim_of(town, claim.id)).left == Money(2500)
    assert await grant(town, booking_id, late) == Money(360)


async def test_a_guarantee_is_beside_what_was_lost_to_a_bank_and_paid_again(town: World) -> None:
    """All that was charged went back for a taxi and was taken by a bank: what she paid since is of
    her rides.
    """
    booking_id, (late, _other) = await rode(town, 360, 200)
    claim = await noticed(town, booking_id, taxi=True)
    await filed(town, booking_id, "bus-connection", 2500)
    await do(town, lambda tx: accept(tx, claim.id, FINANCE, at("10:00")))
    await pay_claim(town.desk, claim.id)
    await lose_whole(town, 560)
    await pay(town, booking_id)
    assert await grant(town, booking_id, late) == Money(360)


async def test_both_at_once_give_it_back_once(town: World) -> None:
    for _ in range(3):
        booking_id, (late, _other) = await rode(town, 360, 200)
        claim = await noticed(town, booking_id)
        await filed(town, booking_id)
        done = await asyncio.gather(
            grant(town, booking_id, late),
            do(town, lambda tx, it=claim.id: accept(tx, it, FINANCE, datetime.now(UTC))),  # type: ignore[misc]
            return_exceptions=True,
        )
        assert sum(isinstance(each, WrongStateError) for each in done) == 1


@pytest.mark.parametrize("staff_first", [True, False])
async def test_a_late_ride_on_the_ticket_of_another_is_one_price_with_it(
    town: World, staff_first: bool
) -> None:
    booking_id, (ticket, other, covered) = await rode(town, 360, 200, 0)
    products = (
        (ticket, "single:2:adult"),
        (other, "single:1:adult"),
        (covered, "single:2:adult:covered-1"),
    )
    sold = text("update leg set product = :product where id = :id")
    rows = [{"id": leg_id, "product": product} for leg_id, product in products]
    await do(town, lambda tx: tx.execute(sold, rows))
    claim = await noticed(town, booking_id)
    late = text("update claim set leg_id = :id")
    await do(town, lambda tx: tx.execute(late, {"id": covered}))
    await filed(town, booking_id)
    if staff_first:
        await grant(town, booking_id, ticket)
        with pytest.raises(WrongStateError, match="granted by staff"):
            await do(town, lambda tx: accept(tx, claim.id, FINANCE, at("10:00")))
    else:
        await do(town, lambda tx: accept(tx, claim.id, FINANCE, at("10:00")))
        with pytest.raises(WrongStateError, match=GONE):
            await grant(town, booking_id, ticket)
    assert await grant(town, booking_id, other) == Money(200)
