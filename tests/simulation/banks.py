"""Banks take charges back and send refunds back; a processor refuses refunds; people clear that up.

What they did is read from the processor and from our own account, which the books must explain.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import func, select

from mobility.audit import Deed
from mobility.booking.errors import WrongStateError
from mobility.booking.moves import ADVANCE
from mobility.booking.trip import BookingState
from mobility.by_hand import TRANSFERRED, book_transferred
from mobility.db import transaction
from mobility.steps import DEAD_AFTER
from mobility.stuck_steps import (
    MAKES_REFUNDS,
    Condition,
    NotStuckError,
    Stuck,
    give_up,
    list_stuck,
    retry,
)
from mobility.tables import booking
from payments.errors import PaymentNotFoundError
from payments.gateway import DisputeState
from payments.matching import Case
from payments.operation import OperationKind, OperationState
from payments.refund import PAID_OTHERWISE
from payments.refund_failures import list_failed_refunds
from payments.sandbox import balance, disputes
from payments.tables import dispute, money_operation
from tests.simulation.debtors import is_debit
from tests.simulation.story import give_back
from tests.simulation.world import Outside, Process, World

Act = Callable[..., Awaitable[None]]
FAILED = (Condition.FAILING, Condition.DEAD)
TROUBLES = {
    "a bank takes back": 3,
    "a bank decides": 2,
    "a refund comes back": 4,
    "refunds are refused from now on": 1,
    "finance transfers": 2,
    "staff sees to a step": 2,
}
WON = 0.4
"""How often a dispute is decided for us."""
LATE = 0.2
"""How often a bank looks again at what was lost."""
MOST = 0.7
"""Of what is open at a day's end comes to its end soon after."""
SOON = timedelta(minutes=10)


async def make_trouble(world: World, chance: Random) -> str:
    """Something that a bank or the processor does with cards, or people do then; what it was."""
    for _ in TROUBLES:  # some need that there is something of their kind
        what = chance.choices(list(TROUBLES), list(TROUBLES.values()))[0]
        came = await _do(what, world, chance)
        if came is not None:
            return f"{what}: {came}"
    return "no bank has anything to say"


async def _do(what: str, world: World, chance: Random) -> str | None:
    match what:
        case "a bank takes back":
            return await take_back(world, chance)
        case "a bank decides":
            return await decide(world.outside, chance)
        case "a refund comes back":
            return await send_back(world, chance)
        case "finance transfers":
            return await transfer(world, chance)
        case "staff sees to a step":
            return await see_to_a_step(world, chance)
        case _:
            wire = world.outside.wire
            wire.refuses_refunds = not wire.refuses_refunds
            return "yes" if wire.refuses_refunds else "no more"


async def take_back(world: World, chance: Random) -> str | None:
    """A bank takes back what is left of a card's charge, or all of it; once for each charge."""
    outside = world.outside
    disputed = {each["payment_intent"] for each in await outside.disputes()}
    paid = [
        each["latest_charge"]
        for each in await outside.intents()
        if each["status"] == "succeeded" and not is_debit(each) and each["id"] not in disputed
    ]
    state = outside.processor
    charges = [state.get("charge", each) for each in paid]
    amounts = [each["amount_captured"] - each["amount_refunded"] for each in charges]
    open_ones = [(c, left) for c, left in zip(charges, amounts, strict=True) if left]
    if not open_ones:
        return None
    charge, left = chance.choice(open_ones)
    amount = chance.choice((left, left, charge["amount_captured"]))
    with state.writing():
        disputes.open_dispute(state, charge, amount=amount)
    return f"{amount} of {charge['amount_captured']} ct"


async def decide(outside: Outside, chance: Random) -> str | None:
    """A bank decides a dispute, for us or for its customer; or it gives back what was lost before.

    A debit's return is final (``open_dispute``).
    """
    found = [
        each
        for each in await outside.disputes()
        if each["evidence_details"]["due_by"] is not None
        and (
            each["status"] == "needs_response"
            or (each["status"] == "lost" and chance.random() < LATE)
        )
    ]
    if not found:
        return None
    one = chance.choice(found)
    was = one["status"]
    won = was == "lost" or chance.random() < WON
    with outside.processor.writing():
        disputes.decide(outside.processor, outside.processor.get("dispute", one["id"]), won=won)
    return f"{one['amount']} ct are {'won' if won else 'lost'}, which were {was}"


async def send_back(world: World, chance: Random) -> str | None:
    """A refund that was made comes back from a closed account."""
    processor = world.outside.processor
    made = [each for each in await world.outside.refunds() if each["status"] == "succeeded"]
    if not made:
        return None
    one = chance.choice(made)
    with processor.writing():
        balance.fail_refund(processor, one["id"])
    return f"{one['amount']} ct"


async def transfer(world: World, chance: Random) -> str | None:
    """Finance transfers a refund that came back, from our account; the cents."""
    waiting = await _list_came_back(world)
    if not waiting:
        return None
    case = chance.choice(waiting)

    async def book(process: Process) -> None:
        async with transaction(process.desk.engine) as tx:
            with suppress(PaymentNotFoundError):  # booked by who died of it
                await book_transferred(
                    tx, Deed("fin_x", TRANSFERRED, case.subject, "", world.clock.now)
                )

    await world.alive(book)
    world.transferred[case.subject] = (str(case.booking_id), case.difference.minor)
    return f"{case.difference.minor} ct"


async def _list_came_back(world: World) -> list[Case]:
    async with world.engine.begin() as tx:
        return await list_failed_refunds(tx)


async def see_to_a_step(world: World, chance: Random) -> str | None:
    """Staff has a step that does not get on tried again, or gives it up and pays otherwise."""
    stuck = await _list_stuck(world)
    if not stuck:
        return None
    one = chance.choice(stuck)
    act = chance.choice((retry, give_up) if one.kind in MAKES_REFUNDS else (retry,))
    await _see_to(world, one, act)
    return f"{one.kind} {act.__name__}"


async def _list_stuck(world: World) -> list[Stuck]:
    """The steps that failed and were not given up."""
    async with world.engine.begin() as tx:
        found = [each for each in await list_stuck(tx) if each.condition in FAILED]
    mine = [each for each in found if each.kind in (*MAKES_REFUNDS, ADVANCE)]
    return sorted(mine, key=lambda each: (each.kind, each.key))


async def _see_to(world: World, stuck: Stuck, act: Act) -> None:
    async def send(process: Process) -> None:
        with suppress(NotStuckError, WrongStateError):
            async with transaction(process.desk.engine) as tx:
                await act(
                    tx, stuck.kind, stuck.key, actor="rdr_staff", reason="a story",
                    now=world.clock.now,
                )  # fmt: skip

    await world.alive(send)


async def speak_late(world: World, chance: Random) -> None:
    """Banks take or send back some more, a week after the rides, decide most of it, and look again
    at what was lost.
    """
    for act in chance.choices((take_back, send_back), k=3):
        await act(world, chance)
    for _ in range(2):
        for _ in await world.outside.disputes():
            if chance.random() < MOST:
                await decide(world.outside, chance)
        await world.alive(lambda process: process.reconcile(world.clock.now))
        await world.work(SOON)


async def clear_up(world: World, chance: Random) -> None:
    """What is stuck is tried once more, then given back or given up; most that came back is paid
    by hand.
    """
    for one in await _list_stuck(world):
        await _see_to(world, one, retry)
    await world.work(SOON)
    for booking_id in await _list_refused(world):
        await world.alive(lambda process, of=booking_id: _give_back(process, of, world.clock.now))
    await world.work(SOON)
    for one in await _list_stuck(world):
        if one.kind in MAKES_REFUNDS:
            await _see_to(world, one, give_up)
    for _ in await _list_came_back(world):
        if chance.random() < MOST:
            await transfer(world, chance)
    await world.work(2 * DEAD_AFTER)


async def _list_refused(world: World) -> list[str]:
    """The bookings that need attention as a refund was refused, and not as a dispute is open."""
    refused = select(money_operation.c.payment_id).where(
        money_operation.c.kind == OperationKind.REFUND,
        money_operation.c.state == OperationState.DECLINED,
    )
    disputed = select(dispute.c.payment_id).where(dispute.c.state == DisputeState.OPEN)
    waits = (
        booking.c.state == BookingState.NEEDS_ATTENTION,
        booking.c.payment_id.in_(refused),
        booking.c.payment_id.not_in(disputed),
    )
    async with world.engine.begin() as tx:
        ids = await tx.scalars(select(booking.c.id).where(*waits).order_by(booking.c.id))
        return list(ids)


async def _give_back(process: Process, booking_id: str, now: datetime) -> None:
    async with transaction(process.desk.engine) as tx:
        await give_back(tx, booking_id, "", now)


async def count_troubles(world: World) -> dict[str, int]:
    """What banks and the processor did with cards, and what a person paid otherwise."""
    statuses = Counter(each["status"] for each in await world.outside.disputes())
    refused = select(func.count()).where(money_operation.c.error_code == PAID_OTHERWISE)
    async with world.engine.begin() as tx:
        otherwise = int(await tx.scalar(refused) or 0)
    failed = [each for each in await world.outside.refunds() if each["status"] == "failed"]
    return {
        "disputes": statuses.total(),
        "of them won": statuses["won"],
        "lost": statuses["lost"],
        "refunds come back": len(failed),
        "of them transferred": len(world.transferred),
        "refunds given up": otherwise,
    }
