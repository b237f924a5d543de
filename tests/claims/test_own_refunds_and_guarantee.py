"""What we bear of a trip and what its carrier guarantees go back beside each other."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import text

from mobility.booking.day_ceiling import STEP as CAP
from mobility.booking.day_ceiling import cap_day
from mobility.booking.rebooked import STEP as BEAR
from mobility.booking.rebooked import bear_difference
from mobility.claims.file_claim import accept
from mobility.claims.pay_claim import pay_claim
from mobility.claims.states import ClaimState
from payments.money import Money
from tests.booking.test_day_ceiling import CEILING
from tests.booking.test_goodwill import rode, town
from tests.booking.test_hard_luck import BUS, booked, changed, do, later, ticket_leg
from tests.booking.test_rebooked import rebook
from tests.booking.world import World
from tests.claims.test_claims import FINANCE, claim_of, filed, noticed
from tests.claims.test_goodwill_and_guarantee import moved
from tests.claims.test_notice import at

__all__ = ["town"]


async def rebooked(world: World, price: int) -> tuple[str, str]:
    """A bus for 2.00 and what takes its place, over; what is borne has not gone back yet."""
    old = await booked(world, ticket_leg(BUS, 360, 5), ticket_leg(BUS, 200, 20))
    new = await rebook(world, old, 1, ticket_leg(BUS, price, 30))
    for then in (world, later(world, hours=2)):
        for booking_id in (new, old):
            await then.advance(booking_id)
    return old, new


async def run(world: World, kind: str, booking_id: str, work: Any) -> None:
    """A step that is due two hours later, as the trip was then settled."""
    due = text("update step set run_at = now() where kind = :kind and key = :key")
    await do(world, lambda tx: tx.execute(due, {"kind": kind, "key": booking_id}))
    await world.desk.run_now(kind, booking_id, work)


async def test_a_guarantee_takes_nothing_of_what_goes_back_beyond_a_locked_price(
    town: World,
) -> None:
    """4.50 at a locked 2.00, and 3.60 for coming late: what does not fit is transferred."""
    _old, new = await rebooked(town, 450)
    claim = await noticed(town, new)
    await filed(town, new)
    await do(town, lambda tx: accept(tx, claim.id, FINANCE, at("10:00")))
    assert await pay_claim(town.desk, claim.id) is not None
    await run(town, BEAR, new, bear_difference)
    assert await pay_claim(town.desk, claim.id) is None
    assert sorted(await moved(town, new)) == [
        ("charge", 450), ("guarantee", 200), ("rebooking", 250),
    ]  # fmt: skip
    assert (await claim_of(town, claim.id)).left == Money(160)


async def test_a_guarantee_takes_nothing_of_a_days_rebate(town: World) -> None:
    cheap = changed(town, day_ceilings=(replace(CEILING, amount=Decimal("1.00")),))
    booking_id, _legs = await rode(cheap, 360)
    claim = await noticed(cheap, booking_id)
    await filed(cheap, booking_id)
    await do(cheap, lambda tx: accept(tx, claim.id, FINANCE, at("10:00")))
    assert await pay_claim(cheap.desk, claim.id) is not None
    await run(cheap, CAP, booking_id, cap_day)
    assert await pay_claim(cheap.desk, claim.id) is None
    assert sorted(await moved(cheap, booking_id)) == [
        ("charge", 360), ("guarantee", 100), ("rebate", 260),
    ]  # fmt: skip
    assert (await claim_of(cheap, claim.id)).left == Money(260)


async def test_who_came_late_and_missed_the_rest_has_both_prices_back(town: World) -> None:
    """The late ride stays paid and is guaranteed; the one that was given up costs nothing."""
    old, new = await rebooked(town, 200)
    claim = await noticed(town, old)
    await filed(town, old)
    await do(town, lambda tx: accept(tx, claim.id, FINANCE, at("10:00")))
    await pay_claim(town.desk, claim.id)
    await bear_difference(town.desk, new)
    assert sorted(await moved(town, old)) == [
        ("charge", 560), ("guarantee", 360), ("refund", 200),
    ]  # fmt: skip
    assert await moved(town, new) == [("charge", 200)]
    assert (await claim_of(town, claim.id)).state is ClaimState.PAID


async def test_a_late_ride_on_the_ticket_of_the_trip_before_is_transferred(town: World) -> None:
    """Its booking was never charged."""
    _old, new = await rebooked(town, 0)
    sold = "update leg set product = 'single:2:adult:covered-0' where booking_id = :of"
    await do(town, lambda tx: tx.execute(text(sold), {"of": new}))
    claim = await noticed(town, new)
    await filed(town, new)
    await do(town, lambda tx: accept(tx, claim.id, FINANCE, at("10:00")))
    await run(town, BEAR, new, bear_difference)
    assert await pay_claim(town.desk, claim.id) is None
    assert (await claim_of(town, claim.id)).left == Money(360)
