"""What went back at our expense in a gap, where it does not fit what is there now."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from mobility.booking.desk import Desk
from mobility.booking.goodwill import pay_goodwill
from mobility.restore import Report, find_gap, rebuild
from payments.errors import PaymentStuckError, RefusedError
from payments.money import Money
from tests.booking.test_hard_luck import Unlike
from tests.restore.backup import back_up, rebuild_world, restore
from tests.restore.rider import Rider
from tests.restore.test_cases import grant, rider
from tests.simulation.offers import two_buses
from tests.simulation.world import Process

__all__ = ["rider"]


async def test_what_is_refused_keeps_nothing_else_from_being_taken_over(rider: Rider) -> None:
    """Nor is it asked for again meanwhile: that is its own step's."""
    asked: list[int] = []

    def of(process: Process) -> Desk:
        async def refund_hold(hold_id: str, *, amount: Money, **more: Any) -> Any:
            asked.append(amount.minor)
            if amount == Money(30):
                raise RefusedError("this charge cannot be refunded", "charge_disputed")
            return await process.gateway.refund_hold(hold_id, amount=amount, **more)

        return replace(process.desk, gateway=Unlike(process.gateway, refund_hold=refund_hold))

    async def pay(booking_id: str) -> None:
        with pytest.raises(PaymentStuckError):
            await rider.alive(lambda process: pay_goodwill(of(process), booking_id))

    for name in ("off_1", "off_2"):
        await rider.books(replace(two_buses(rider.clock.now), id=name))
        await rider.do("waits 2880")
    first, second = await rider.trips()
    await grant(rider, 30, second, pay=False)
    await pay(second.id)
    backup = await back_up(rider)
    await grant(rider, 40, second, pay=False)
    await pay(second.id)
    await grant(rider, 100, first, pay=False)
    await rider.alive(lambda process: pay_goodwill(of(process), first.id))
    await restore(rider, backup)
    asked.clear()

    async def work(process: Process) -> Report:
        return await rebuild(of(process), await find_gap(process.desk, backup.taken_at))

    report = await rider.alive(work)
    assert sorted(line for line in report.done + report.left if "back" in line) == sorted([
        f"booking {second.id}: 0.40 EUR was given back (goodwill)",
        f"booking {first.id}: 1.00 EUR was given back (goodwill)",
    ])  # fmt: skip
    assert asked == []


async def test_what_staff_granted_for_a_leg_that_costs_less_now_is_taken_over(
    rider: Rider,
) -> None:
    """No leg's goodwill is more than it costs; what was sent stays what it was."""
    await rider.do("books two buses")
    await rider.rest()
    backup = await back_up(rider)
    await grant(rider, 100)
    await restore(rider, backup)
    async with rider.engine.begin() as tx:
        await tx.execute(text("update leg set final_minor = 70"))
    report = await rebuild_world(rider, backup)
    assert [line for line in report.done + report.left if "back" in line] == [
        f"booking {(await rider.trips())[-1].id}: 1.00 EUR was given back (goodwill)"
    ]
    async with rider.engine.begin() as tx:
        assert set(await tx.scalars(text("select goodwill_minor from leg"))) == {0, 70}
