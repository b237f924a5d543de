"""What money is still on a person's desk when all is over, as the processor has it and by cases."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import Row, func, select

from mobility.booking.trip import BookingState
from payments.accounts import Role
from payments.cases import list_cases
from payments.matching import CaseKind
from payments.payment import list_payments
from payments.refund import COMPENSATIONS, GUARANTEE, PAID_OTHERWISE, list_refused
from payments.tables import debt, entry, money_operation
from tests.simulation.guarantees import sum_by_hand
from tests.simulation.world import World


async def find_open_ends(world: World) -> set[str]:
    """The disputes that are not over or turned late, and the refunds that came back by now, or were
    given up: but what a later refund of the same legs gives back, and what was transferred.
    """
    turned = {each["id"] for each in await world.outside.disputes() if _turned(each)}
    failed = {each["id"] for each in await world.outside.refunds() if each["status"] == "failed"}
    async with world.engine.begin() as tx:
        rows = list(
            await tx.execute(select(money_operation).where(money_operation.c.kind == "refund"))
        )
    of_legs = [row for row in rows if row.reason not in COMPENSATIONS]
    ours = {
        row.id
        for row in rows
        if (row.error_code == PAID_OTHERWISE and row.reason != GUARANTEE)  # a claim sees to it
        or (row.psp_id in failed and not (row in of_legs and _anew(row, of_legs)))
    }
    return turned | (ours - set(world.transferred))


def _anew(row: Row[Any], of_legs: list[Row[Any]]) -> bool:
    later = [each for each in of_legs if each.payment_id == row.payment_id]
    return any(each.first_sent_at > row.decided_at for each in later)


def _turned(dispute: dict[str, object]) -> bool:
    return dispute["status"] in ("needs_response", "won")


async def list_unnamed(world: World) -> list[str]:
    """The open disputes and the refunds that came back and that no case names."""
    async with world.engine.begin() as tx:
        named = {each.case.subject for each in await list_cases(tx, limit=1000)}
    won = {each["id"] for each in await world.outside.disputes() if each["status"] == "won"}
    ends = await find_open_ends(world)
    return [f"no case names {subject}" for subject in ends - won - named]


async def sum_disputed(world: World) -> Counter[str]:
    """What banks have too much of (negative) or gave back too much, by booking: of open cases."""
    found = Counter[str]()
    async with world.engine.begin() as tx:
        for each in await list_cases(tx, limit=1000):
            if each.case.kind is CaseKind.DISPUTE:
                found[str(each.case.booking_id)] += each.case.difference.minor
    return found


async def sum_unpaid_refunds(world: World) -> Counter[str]:
    """What legs are to give back and could not, by booking: refused, or come back."""
    found = Counter[str]()
    for trip in await world.trips():
        async with world.engine.begin() as tx:
            for payment in await list_payments(tx, trip.id):
                refused = await list_refused(tx, payment.id)
                if trip.state is BookingState.NEEDS_ATTENTION:
                    found[trip.id] += sum(
                        row.amount_minor for row in refused if row.reason not in COMPENSATIONS
                    )
            for each in await list_cases(tx, limit=1000):
                if each.case.kind is CaseKind.REFUND_FAILED and each.case.booking_id == trip.id:
                    row = money_operation.c.id == each.case.subject
                    reason = await tx.scalar(select(money_operation.c.reason).where(row))
                    if reason not in COMPENSATIONS:
                        found[trip.id] += each.case.difference.minor
    return found


async def list_misbooked(world: World, due: int, disputed: int) -> list[str]:
    """Where the ledger says something else of debts, disputes, our account, or what was earned."""
    async with world.engine.begin() as tx:
        rows = await tx.execute(
            select(entry.c.account_code, func.sum(entry.c.amount_minor)).group_by("account_code")
        )
        owed = await tx.scalar(select(func.sum(debt.c.amount_minor - debt.c.paid_minor)))
    by_hand, set_off = await sum_by_hand(world)
    books = Counter[str]()
    for code, total in rows:
        books[code.split(":")[0]] += int(total)
    earned = (Role.PROVIDER_PAYABLE, Role.COMMISSION, Role.OUTPUT_VAT)
    held = (
        (Role.RIDER_RECEIVABLE, books[Role.RIDER_RECEIVABLE], int(owed or 0)),
        (Role.DISPUTED, books[Role.DISPUTED], -disputed),
        (
            Role.BANK,
            books[Role.BANK],
            -sum(cents for _, cents in world.transferred.values()) - by_hand,
        ),
        ("what was earned", sum(books[role] for role in earned), set_off - due),
    )
    return [
        f"the ledger has {has} ct as {what}, where it is {is_}"
        for what, has, is_ in held
        if has != is_
    ]
